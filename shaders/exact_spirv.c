/* SPDX-License-Identifier: MIT
 * Build-time tool. Makes a SPIR-V module exact: NoContraction on every float
 * operation, rounding modes declared, and an error for anything not exactly defined.
 *   exact_spirv -o OUT.spv IN.spv        checks and rewrites one module
 *   exact_spirv -c OUT.c MODULE.spv...   writes modules as C arrays (see shaders.h) */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  MAGIC = 0x07230203,
  HEADER_WORDS = 5,
  MAX_WORDS = 1 << 22,
  MAX_BOUND = 1 << 22,
  OP_EXT_INST_IMPORT = 11,
  OP_EXT_INST = 12,
  OP_ENTRY_POINT = 15,
  OP_EXECUTION_MODE = 16,
  OP_CAPABILITY = 17,
  OP_TYPE_INT = 21,
  OP_TYPE_FLOAT = 22,
  OP_DECORATE = 71,
  OP_MEMBER_DECORATE = 72,
  RELAXED_PRECISION = 0,
  NO_CONTRACTION = 42,
  CAPABILITY_SHADER = 1,
  CAPABILITY_BUFFER_ADDRESS = 5347,
  CAPABILITY_SZINP = 4466,
  CAPABILITY_RTE = 4467,
  MODE_SZINP = 4461,
  MODE_RTE = 4462,
};

struct module {
  const char *name; /* the file */
  uint32_t *words;
  size_t n, capacity;
};
struct instruction {
  const uint32_t *words;
  uint32_t op, length;
};

/* Instructions a shader may use: each is exactly defined by SPIR-V and Vulkan, given
 * NoContraction and rounding to nearest. Everything else is an error. */
static const struct op_range { uint16_t from, to; } allowed_ops[] = {
    {0, 8},     /* undef, source, names, strings, lines */
    {10, 12},   /* extension, extended set and instruction (checked apart) */
    {14, 17},   /* memory model, entry point, execution mode, capability */
    {19, 23},   {28, 30}, {32, 33}, {39, 39}, /* types but matrices and images */
    {41, 44},   {46, 46}, {48, 51}, /* constants, without computed ones */
    {54, 57},   /* functions */
    {59, 59},   {61, 63}, {65, 68}, {71, 72}, /* memory, decorations */
    {77, 83},   {400, 400}, /* vectors and composites */
    {109, 112}, {124, 124}, /* float and int conversions, bit cast */
    {126, 135}, {137, 137}, /* - of int, + - * of float and int, int division, umod */
    {142, 142}, /* vector times scalar */
    {149, 152}, /* carry, borrow, extended products */
    {154, 157}, {164, 191}, /* any, all, isnan, isinf, logic, select, compares */
    {194, 205}, /* shifts and bits */
    {224, 225}, /* barriers */
    {227, 228}, {232, 242}, /* integer atomics that commute */
    {245, 251}, {253, 255}, /* control flow */
    {317, 317}, {330, 330}, /* no line, module processed */
};
/* GLSL.std.450: roundEven trunc fabs sabs ssign floor ceil, int min max clamp, findLsb, findMsb */
static const uint8_t allowed_ext[] = {2, 3, 4, 5, 7, 8, 9, 38, 39, 41, 42, 44, 45, 73, 74, 75};

static const struct op_name { uint16_t op; const char *name; } banned_names[] = {
    {24, "OpTypeMatrix"}, {25, "OpTypeImage"}, {26, "OpTypeSampler"}, {52, "OpSpecConstantOp"},
    {84, "OpTranspose"}, {115, "OpFConvert"}, {116, "OpQuantizeToF16"}, {136, "OpFDiv"},
    {138, "OpSRem"}, {139, "OpSMod"}, {140, "OpFRem"}, {141, "OpFMod"},
    {143, "OpMatrixTimesScalar"}, {144, "OpVectorTimesMatrix"}, {145, "OpMatrixTimesVector"},
    {146, "OpMatrixTimesMatrix"}, {147, "OpOuterProduct"}, {148, "OpDot"}, {207, "OpDPdx"},
    {208, "OpDPdy"}, {209, "OpFwidth"}, {349, "OpGroupNonUniformIAdd"},
    {350, "OpGroupNonUniformFAdd"}, {352, "OpGroupNonUniformFMul"}, {6035, "OpAtomicFAddEXT"},
};

static int complain(const char *file, const char *what, unsigned value) {
  fprintf(stderr, "%s: %s (%u): not exactly defined, see README.md, \"Exact arithmetic\"\n", file,
          what, value);
  return 1;
}

static bool read_module(struct module *m, const char *path) {
  FILE *f = fopen(path, "rb");
  m->name = path;
  m->words = malloc(MAX_WORDS * sizeof *m->words);
  m->n = f && m->words ? fread(m->words, sizeof *m->words, MAX_WORDS, f) : 0;
  if (f) fclose(f);
  bool sound = m->n > HEADER_WORDS && m->n < MAX_WORDS && m->words[0] == MAGIC &&
               m->words[3] < MAX_BOUND;
  for (size_t i = HEADER_WORDS; sound && i < m->n; i += m->words[i] >> 16)
    sound = m->words[i] >> 16 != 0 && m->words[i] >> 16 <= m->n - i;
  if (!sound) fprintf(stderr, "%s: not a SPIR-V module\n", path);
  return sound;
}

/* The instruction at *at, which moves on; false at the end. */
static bool next_instruction(const struct module *m, size_t *at, struct instruction *in) {
  if (*at >= m->n) return false;
  in->words = m->words + *at;
  in->op = in->words[0] & 0xffff;
  in->length = in->words[0] >> 16;
  *at += in->length;
  return true;
}
static uint32_t operand(const struct instruction *in, uint32_t i) {
  return i < in->length ? in->words[i] : UINT32_MAX;
}

/* FNegate FAdd FSub FMul VectorTimesScalar: all float operations that are allowed. */
static bool is_float_operation(uint32_t op) {
  return op == 127 || op == 129 || op == 131 || op == 133 || op == 142;
}
static bool op_allowed(uint32_t op) {
  for (size_t i = 0; i < sizeof allowed_ops / sizeof *allowed_ops; i++)
    if (op >= allowed_ops[i].from && op <= allowed_ops[i].to) return true;
  return false;
}
static const char *op_name(uint32_t op) {
  for (size_t i = 0; i < sizeof banned_names / sizeof *banned_names; i++)
    if (banned_names[i].op == op) return banned_names[i].name;
  return "SPIR-V instruction";
}

static int lint_instruction(const char *file, const struct instruction *in) {
  uint32_t op = in->op, first = operand(in, 1), second = operand(in, 2);
  if (!op_allowed(op)) return complain(file, op_name(op), op);
  if (op == OP_EXT_INST && (operand(in, 4) > 255 ||
      !memchr(allowed_ext, (int)operand(in, 4), sizeof allowed_ext)))
    return complain(file, operand(in, 4) == 50 ? "GLSL.std.450 Fma" : "GLSL.std.450 instruction",
                    operand(in, 4));
  if (op == OP_EXT_INST_IMPORT && (in->length < 6 || memcmp(in->words + 2, "GLSL.std.450", 13)))
    return complain(file, "extended instruction set", first);
  if (op == OP_CAPABILITY && first != CAPABILITY_SHADER && first != CAPABILITY_BUFFER_ADDRESS)
    return complain(file, "capability", first);
  if ((op == OP_TYPE_INT || op == OP_TYPE_FLOAT) && second != 32)
    return complain(file, "number of a width other than 32 bits", second);
  if ((op == OP_DECORATE && second == RELAXED_PRECISION) ||
      (op == OP_MEMBER_DECORATE && operand(in, 3) == RELAXED_PRECISION))
    return complain(file, "RelaxedPrecision (mediump)", first);
  return 0;
}

static void put(struct module *out, const uint32_t *words, size_t n) {
  if (out->n + n <= out->capacity) memcpy(out->words + out->n, words, n * sizeof *words);
  out->n += n;
}

/* Decorates every float operation that `in` has not decorated itself. */
static void put_decorations(struct module *out, const struct module *in, uint8_t *decorated) {
  struct instruction i;
  for (size_t at = HEADER_WORDS; next_instruction(in, &at, &i);)
    if (i.op == OP_DECORATE && operand(&i, 2) == NO_CONTRACTION && i.words[1] < in->words[3])
      decorated[i.words[1]] = 1;
  for (size_t at = HEADER_WORDS; next_instruction(in, &at, &i);) {
    uint32_t id = operand(&i, 2);
    if (!is_float_operation(i.op) || id >= in->words[3] || decorated[id]) continue;
    decorated[id] = 1;
    put(out, (uint32_t[]){3u << 16 | OP_DECORATE, id, NO_CONTRACTION}, 3);
  }
}

/* Writes the exact form of `in` to `out`; counts what is not allowed. SPIR-V orders a
 * module: capabilities, ..., entry point, modes, names, decorations, types, ... */
static int make_exact(const struct module *in, struct module *out, uint8_t *decorated) {
  int bad = 0;
  bool types = false;
  struct instruction i;
  put(out, in->words, HEADER_WORDS);
  put(out, (uint32_t[]){2u << 16 | OP_CAPABILITY, CAPABILITY_SZINP}, 2);
  put(out, (uint32_t[]){2u << 16 | OP_CAPABILITY, CAPABILITY_RTE}, 2);
  for (size_t at = HEADER_WORDS; next_instruction(in, &at, &i);) {
    bad += lint_instruction(in->name, &i);
    if (!types && i.op >= 19 && i.op <= 39) {
      types = true;
      put_decorations(out, in, decorated);
    }
    put(out, i.words, i.length);
    if (i.op == OP_ENTRY_POINT) {
      uint32_t entry = operand(&i, 2), mode = 4u << 16 | OP_EXECUTION_MODE;
      put(out, (uint32_t[]){mode, entry, MODE_SZINP, 32, mode, entry, MODE_RTE, 32}, 8);
    }
  }
  return bad;
}

static int exact_file(const char *to, const char *from) {
  struct module in, out = {to, NULL, 0, 0};
  if (!read_module(&in, from)) return free(in.words), 1;
  out.capacity = 2 * in.n + 64; /* a decoration has 3 words, the operation 4 or more */
  out.words = malloc(out.capacity * sizeof *out.words);
  uint8_t *decorated = calloc(in.words[3], 1);
  int bad = out.words && decorated ? make_exact(&in, &out, decorated) : 1;
  FILE *f = bad || out.n > out.capacity ? NULL : fopen(to, "wb");
  if (f) bad = fwrite(out.words, sizeof *out.words, out.n, f) != out.n;
  else if (!bad) bad = 1, perror(to);
  if (f && fclose(f)) bad = 1;
  free(in.words);
  free(out.words);
  free(decorated);
  return bad != 0;
}

/* The file's name without folder and ending. */
static int base_name(const char *path, const char **base) {
  const char *slash = strrchr(path, '/');
  *base = slash ? slash + 1 : path;
  return (int)strcspn(*base, ".");
}

static bool print_module(FILE *f, int index, const char *path) {
  struct module m;
  bool sound = read_module(&m, path);
  if (sound) fprintf(f, "static const uint32_t module_%d[] = {", index);
  for (size_t i = 0; sound && i < m.n; i++)
    fprintf(f, "%s0x%08x,", i % 8 ? " " : "\n", (unsigned)m.words[i]);
  if (sound) fprintf(f, "\n};\n");
  free(m.words);
  return sound;
}

static int embed_files(const char *to, int n, char **files) {
  FILE *f = fopen(to, "w");
  if (!f) return perror(to), 1;
  bool sound = fputs("#include \"shaders.h\"\n", f) >= 0;
  for (int i = 0; i < n && sound; i++) sound = print_module(f, i, files[i]);
  fputs("const struct shader_binary shader_table[] = {\n", f);
  for (int i = 0; i < n; i++) {
    const char *base;
    int length = base_name(files[i], &base);
    fprintf(f, "  {\"%.*s\", module_%d, sizeof module_%d},\n", length, base, i, i);
  }
  fprintf(f, "  {0}};\nconst int shader_count = %d;\n", n);
  return fclose(f) || !sound;
}

int main(int argc, char **argv) {
  if (argc == 4 && !strcmp(argv[1], "-o")) return exact_file(argv[2], argv[3]);
  if (argc > 3 && !strcmp(argv[1], "-c")) return embed_files(argv[2], argc - 3, argv + 3);
  fprintf(stderr, "usage: exact_spirv -o OUT.spv IN.spv | exact_spirv -c OUT.c MODULE.spv...\n");
  return 64;
}
