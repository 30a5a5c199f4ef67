/* SPDX-License-Identifier: MIT
 * See spirv_count.h. Opcodes and layouts: SPIR-V 1.5. */
#include "spirv_count.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum {
  HEADER_WORDS = 5, BOUND = 3,
  TYPE_INT = 21, TYPE_FLOAT = 22, TYPE_VECTOR = 23, TYPE_ARRAY = 28, TYPE_STRUCT = 30,
  TYPE_POINTER = 32, CONSTANT = 43, CONSTANT_COMPOSITE = 44, FUNCTION = 54,
  VARIABLE = 59, LOAD = 61, STORE = 62, BITCAST = 124, ATOMIC_ADD = 234, PHI = 245, LABEL = 248,
  LINE = 8, NO_LINE = 317,
  CLASS_WORKGROUP = 4, CLASS_BUFFER = 5349,
  COUNTING_WORDS = 4 + 7, /* of a block */
  SETUP_WORDS = 64,       /* types and common constants */
  ADDRESS_WORDS = 4 + 4 + 5, /* constants of a block's address */
};

/* What an instruction's result counts as, per component. */
enum kind { NOTHING, FLOAT_OP, OTHER_OP };
static const struct { uint16_t from, to; enum kind kind; } kinds[] = {
    {12, 12, OTHER_OP},   /* extended instructions: abs, min, floor ... */
    {109, 112, OTHER_OP}, /* conversions; bit casts are free */
    {126, 126, OTHER_OP}, {128, 128, OTHER_OP}, {129, 129, FLOAT_OP}, {130, 130, OTHER_OP},
    {131, 131, FLOAT_OP}, {132, 132, OTHER_OP}, {133, 133, FLOAT_OP}, {134, 135, OTHER_OP},
    {137, 137, OTHER_OP}, {142, 142, FLOAT_OP}, {149, 152, OTHER_OP}, {154, 157, OTHER_OP},
    {164, 191, OTHER_OP}, {194, 205, OTHER_OP}, {227, 242, OTHER_OP},
};

struct id {
  uint32_t op;      /* of the instruction that makes it, types only */
  uint32_t type;    /* of a value: its type's id; of a type: what it is made of */
  uint32_t storage; /* of a pointer type */
  uint32_t size;    /* components of a type, 4 bytes each */
  uint32_t value;   /* of a 32-bit constant */
};
struct rewriter {
  const uint32_t *code;
  size_t words, n; /* n: of out */
  struct spirv_counted *out;
  struct id *ids;
  uint32_t bound, uint_type, pair_type, pointer_type, one, none;
  uint64_t counters;
};

void work_add(struct work *sum, const struct work *part, double times) {
  sum->float_ops += times * part->float_ops;
  sum->other_ops += times * part->other_ops;
  sum->loaded_bytes += times * part->loaded_bytes;
  sum->stored_bytes += times * part->stored_bytes;
  sum->shared_bytes += times * part->shared_bytes;
}

static enum kind kind_of(uint32_t op) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (op >= kinds[i].from && op <= kinds[i].to) return kinds[i].kind;
  return NOTHING;
}

/* ---- types ---- */

static void note_type(struct rewriter *r, const uint32_t *in, uint32_t op, uint32_t length) {
  struct id *id = &r->ids[in[1]];
  id->op = op;
  id->size = 1;
  if (op == TYPE_INT && !in[3]) r->uint_type = in[1];
  if (op == TYPE_VECTOR) {
    id->type = in[2], id->size = in[3];
    if (in[2] == r->uint_type && in[3] == 2) r->pair_type = in[1];
  }
  if (op == TYPE_ARRAY) id->size = r->ids[in[2]].size * r->ids[in[3]].value;
  if (op == TYPE_POINTER) id->storage = in[2], id->type = in[3];
  for (uint32_t i = 2; op == TYPE_STRUCT && i < length; i++)
    id->size += r->ids[in[i]].size - (i == 2);
}

static void note(struct rewriter *r, const uint32_t *in, uint32_t op, uint32_t length) {
  if (op >= 19 && op <= 33) note_type(r, in, op, length);
  else if (length > 2 && in[1] < r->bound && r->ids[in[1]].op && in[2] < r->bound)
    r->ids[in[2]].type = in[1]; /* a result: its type comes first */
  if (op == CONSTANT) r->ids[in[2]].value = in[3];
}

/* ---- costs ---- */

static void count_access(const struct rewriter *r, uint32_t pointer, bool store,
                         struct work *block) {
  const struct id *type = &r->ids[r->ids[pointer].type];
  const struct id *what = &r->ids[type->type];
  const double bytes = 4.0 * what->size;
  if (type->op != TYPE_POINTER) return;
  if (type->storage == CLASS_WORKGROUP) block->shared_bytes += bytes;
  if (type->storage != CLASS_BUFFER || what->op == TYPE_STRUCT) return;
  if (store) block->stored_bytes += bytes;
  else block->loaded_bytes += bytes;
}

static void count_instruction(const struct rewriter *r, const uint32_t *in, uint32_t op,
                              struct work *block) {
  if (op == LOAD) count_access(r, in[3], false, block);
  if (op == STORE) count_access(r, in[1], true, block);
  const enum kind kind = kind_of(op);
  if (kind == NOTHING) return;
  const double n = r->ids[in[1]].size ? r->ids[in[1]].size : 1;
  if (kind == FLOAT_OP) block->float_ops += n;
  else block->other_ops += n;
}

/* ---- rewriting ---- */

static void put(struct rewriter *r, uint32_t op, uint32_t n_operands, const uint32_t *operands) {
  uint32_t *to = r->out->code + r->n;
  to[0] = (n_operands + 1) << 16 | op;
  memcpy(to + 1, operands, n_operands * sizeof *to);
  r->n += n_operands + 1;
}
#define PUT(r, op, ...) \
  put(r, op, sizeof(uint32_t[]){__VA_ARGS__} / sizeof(uint32_t), (const uint32_t[]){__VA_ARGS__})

static uint32_t constant(struct rewriter *r, uint32_t value) {
  PUT(r, CONSTANT, r->uint_type, r->bound, value);
  return r->bound++;
}

/* Types and constants that all blocks share, before the first function. */
static void put_setup(struct rewriter *r) {
  if (!r->uint_type) {
    r->uint_type = r->bound++;
    PUT(r, TYPE_INT, r->uint_type, 32, 0);
  }
  if (!r->pair_type) {
    r->pair_type = r->bound++;
    PUT(r, TYPE_VECTOR, r->pair_type, r->uint_type, 2);
  }
  r->pointer_type = r->bound++;
  PUT(r, TYPE_POINTER, r->pointer_type, CLASS_BUFFER, r->uint_type);
  r->one = constant(r, 1);
  r->none = constant(r, 0);
}

static uint32_t put_address(struct rewriter *r, int block) {
  const uint64_t at = r->counters + 4 * (uint64_t)block;
  const uint32_t low = constant(r, (uint32_t)at), high = constant(r, (uint32_t)(at >> 32));
  PUT(r, CONSTANT_COMPOSITE, r->pair_type, r->bound, low, high);
  return r->bound++;
}

/* The block's counter goes up by one; scope Device, no ordering. */
static void put_counting(struct rewriter *r, uint32_t address) {
  const uint32_t pointer = r->bound++, before = r->bound++;
  PUT(r, BITCAST, r->pointer_type, pointer, address);
  PUT(r, ATOMIC_ADD, r->uint_type, before, pointer, r->one, r->none, r->one);
}

static int count_blocks(const uint32_t *code, size_t words) {
  int n = 0;
  for (size_t at = HEADER_WORDS; at < words; at += code[at] >> 16)
    n += (code[at] & 0xffff) == LABEL;
  return n;
}

static void rewrite(struct rewriter *r) {
  const int n_blocks = r->out->n_blocks;
  uint32_t *address = memory_new((size_t)n_blocks + 1, sizeof *address);
  bool in_functions = false, pending = false; /* pending: the block's counting is still to come */
  int block = -1;
  for (size_t at = HEADER_WORDS; at < r->words; at += r->code[at] >> 16) {
    const uint32_t *in = r->code + at, op = in[0] & 0xffff, length = in[0] >> 16;
    if (op == FUNCTION && !in_functions) {
      put_setup(r);
      for (int i = 0; i < n_blocks; i++) address[i] = put_address(r, i);
      in_functions = true;
    }
    note(r, in, op, length);
    if (pending && op != PHI && op != VARIABLE && op != LINE && op != NO_LINE) {
      put_counting(r, address[block]);
      pending = false;
    }
    put(r, op, length - 1, in + 1);
    if (op == LABEL) block++, pending = true;
    else if (block >= 0) count_instruction(r, in, op, &r->out->block[block]);
  }
  free(address);
}

void spirv_count(const uint32_t *code, size_t words, uint64_t counters,
                 struct spirv_counted *out) {
  struct rewriter r = {.code = code, .words = words, .out = out, .bound = code[BOUND],
                       .counters = counters};
  out->n_blocks = count_blocks(code, words);
  out->block = memory_new((size_t)out->n_blocks + 1, sizeof *out->block);
  out->code = memory_new(
      words + SETUP_WORDS + (size_t)out->n_blocks * (COUNTING_WORDS + ADDRESS_WORDS),
      sizeof *out->code);
  r.ids = memory_new(r.bound, sizeof *r.ids);
  memcpy(out->code, code, HEADER_WORDS * sizeof *code);
  r.n = HEADER_WORDS;
  rewrite(&r);
  out->code[BOUND] = r.bound;
  out->words = r.n;
  free(r.ids);
}

void spirv_counted_free(struct spirv_counted *counted) {
  free(counted->code);
  free(counted->block);
  *counted = (struct spirv_counted){0};
}
