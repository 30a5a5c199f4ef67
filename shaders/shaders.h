/* SPDX-License-Identifier: MIT
 * The compiled shaders: SPIR-V with NoContraction on every float operation and the
 * RTE and SignedZeroInfNanPreserve modes declared, and the hashes of the engine. */
#ifndef LACQUER_SHADERS_H
#define LACQUER_SHADERS_H
#include <stddef.h>
#include <stdint.h>

struct shader_binary {
  const char *name; /* the file's name without ".comp" */
  const uint32_t *code;
  size_t size; /* bytes */
};
/* Sorted by name as strcmp orders, closed by name NULL. */
extern const struct shader_binary shader_table[];
extern const int shader_count;

/* SHA-256 in hex. Engine: the text of every source that decides a sample (the
 * reference, the shaders, the host's chain). SPIR-V: the embedded modules. */
extern const char lacquer_engine_hash[65];
extern const char lacquer_spirv_hash[65];
#endif
