/* SPDX-License-Identifier: MIT
 * A shader that counts: SPIR-V rewritten so that every basic block adds one to a counter in
 * memory, and what one run of each block costs. Together they say what a dispatch did. */
#ifndef LACQUER_SPIRV_COUNT_H
#define LACQUER_SPIRV_COUNT_H
#include <stddef.h>
#include <stdint.h>

/* By all invocations, as the module has it: before what a driver's compiler leaves out.
 * Operations count once per component; float: + - *. `other`: integers, compares, selects,
 * conversions, bits. Bytes: of buffers (not the lane table, which is loaded as structs), and of
 * the workgroup's shared memory. */
struct work {
  double float_ops, other_ops, loaded_bytes, stored_bytes, shared_bytes;
};
void work_add(struct work *sum, const struct work *part, double times);

struct spirv_counted {
  uint32_t *code; /* owned */
  size_t words;
  struct work *block; /* owned: of one run of each block by one invocation */
  int n_blocks;
};
/* Block i of the module counts in the 32-bit word at `counters` + 4 * i, wrapping. The module
 * must be one of lacquer's (shaders.h). Aborts without memory. */
void spirv_count(const uint32_t *code, size_t words, uint64_t counters,
                 struct spirv_counted *out);
void spirv_counted_free(struct spirv_counted *counted);
#endif
