/* SPDX-License-Identifier: MIT
 * The embedded shaders are exact, checked by a parser of their own; and the build's
 * exact_spirv rejects what is not. GLSLC, EXACT_SPIRV: the two tools. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "shaders.h"
#include "stage.h"

static char folder[64];

/* Calls visit for every instruction; the words of a module are well formed. */
static void walk(const struct shader_binary *shader, void *to,
                 void (*visit)(const struct shader_binary *, const uint32_t *, uint32_t, void *)) {
  const size_t words = shader->size / 4;
  assert_true(words > 5 && shader->code[0] == 0x07230203);
  for (size_t i = 5; i < words; i += shader->code[i] >> 16) {
    const uint32_t length = shader->code[i] >> 16;
    if (length == 0 || length > words - i) fail_msg("%s: word %zu", shader->name, i);
    visit(shader, shader->code + i, length, to);
  }
}

struct findings {
  uint8_t *decorated; /* by id */
  int operations, undecorated, rte, szinp;
  uint32_t local_size[3];
};

static void take_decoration(const struct shader_binary *s, const uint32_t *w, uint32_t length,
                            void *to) {
  struct findings *f = to;
  (void)s;
  if ((w[0] & 0xffff) == 71 && length == 3 && w[2] == 42) f->decorated[w[1]] = 1;
  if ((w[0] & 0xffff) != 16) return;
  if (w[2] == 17) memcpy(f->local_size, w + 3, sizeof f->local_size);
  f->rte += w[2] == 4462 && w[3] == 32;
  f->szinp += w[2] == 4461 && w[3] == 32;
}

/* Float operations by number (SPIR-V 1.5, 3.37.13): 127 FNegate, 129 FAdd, 131 FSub, 133
 * FMul, 136 FDiv, 140 FRem, 141 FMod, 142 .. 148 vectors and matrices with scalars. */
static void check_instruction(const struct shader_binary *s, const uint32_t *w, uint32_t length,
                              void *to) {
  static const uint16_t banned[] = {24, 25, 26, 27, 52, 115, 116, 136, 138, 139, 140, 141,
                                    143, 144, 145, 146, 147, 148, 6035, 5614, 5615};
  struct findings *f = to;
  const uint32_t op = w[0] & 0xffff;
  (void)length;
  for (size_t i = 0; i < sizeof banned / sizeof *banned; i++)
    if (op == banned[i]) fail_msg("%s: instruction %u", s->name, (unsigned)op);
  if ((op >= 207 && op <= 215) || (op >= 333 && op <= 366) || (op >= 86 && op <= 107))
    fail_msg("%s: derivative, subgroup or image instruction %u", s->name, (unsigned)op);
  if ((op == 21 || op == 22) && w[2] != 32) fail_msg("%s: %u-bit type", s->name, (unsigned)w[2]);
  if (op == 12 && (w[4] == 1 || (w[4] >= 10 && w[4] <= 37) || w[4] == 40 || w[4] == 43 ||
                   (w[4] >= 46 && w[4] <= 72) || w[4] > 75))
    fail_msg("%s: GLSL.std.450 instruction %u", s->name, (unsigned)w[4]);
  if (op == 127 || op == 129 || op == 131 || op == 133 || op == 142) {
    f->operations++;
    f->undecorated += !f->decorated[w[2]];
  }
}

static struct findings examine(const struct shader_binary *shader) {
  struct findings f = {.decorated = calloc(shader->code[3], 1)};
  assert_non_null(f.decorated);
  walk(shader, &f, take_decoration);
  walk(shader, &f, check_instruction);
  free(f.decorated);
  return f;
}

static void test_modules(void **state) {
  (void)state;
  int operations = 0;
  assert_true(shader_count > 0 && !shader_table[shader_count].name);
  for (int i = 0; i < shader_count; i++) {
    const struct findings f = examine(&shader_table[i]);
    const uint32_t *local = f.local_size;
    if (f.undecorated || f.rte != 1 || f.szinp != 1)
      fail_msg("%s: %d float operations may be contracted, modes %d %d", shader_table[i].name,
               f.undecorated, f.rte, f.szinp);
    assert_true(local[0] * local[1] * local[2] >= 1 && local[0] * local[1] * local[2] <= 1024);
    if (i) assert_true(strcmp(shader_table[i - 1].name, shader_table[i].name) < 0);
    operations += f.operations;
  }
  print_message("%d modules, %d float operations\n", shader_count, operations);
  assert_true(operations > 0);
}

static const struct shader_binary *find_shader(const char *name) {
  for (int i = 0; i < shader_count; i++)
    if (!strcmp(shader_table[i].name, name)) return &shader_table[i];
  return NULL;
}

/* Every pass has its shader; sequential ones have 8 lanes per workgroup (io.glsl). */
static void test_passes(void **state) {
  (void)state;
  for (const struct stage *const *s = stage_registry; *s; s++)
    for (const struct stage_pass *p = (*s)->passes; p && p->name; p++) {
      char name[80];
      snprintf(name, sizeof name, "%s_%s", (*s)->shaders ? (*s)->shaders : (*s)->name, p->name);
      const struct shader_binary *shader = find_shader(name);
      if (!shader) fail_msg("no shaders/%s.comp", name);
      const struct findings f = examine(shader);
      if (p->grid == GRID_SEQUENTIAL && f.local_size[0] * f.local_size[1] * f.local_size[2] != 8)
        fail_msg("%s: SEQUENTIAL is not defined before io.glsl", name);
    }
}

static void test_hashes(void **state) {
  (void)state;
  assert_int_equal(strspn(lacquer_engine_hash, "0123456789abcdef"), 64);
  assert_int_equal(strspn(lacquer_spirv_hash, "0123456789abcdef"), 64);
  assert_string_not_equal(lacquer_engine_hash, lacquer_spirv_hash);
}

static void write_file(const char *name, const void *data, size_t size) {
  char path[160];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, size, f), size);
  fclose(f);
}

/* The tool's exit status on in.spv; what it said is in said[]. */
static int run_tool(char said[2048]) {
  char command[1024];
  snprintf(command, sizeof command, "'%s' -o '%s/out.spv' '%s/in.spv' 2>&1", EXACT_SPIRV,
           folder, folder);
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  said[fread(said, 1, 2047, pipe)] = 0;
  return pclose(pipe);
}

static void compile(const char *extensions, const char *statement) {
  char text[1024], command[1024];
  const int n = snprintf(text, sizeof text,
                         "#version 450\n%s\nlayout(local_size_x = 8) in;\n"
                         "layout(std430, binding = 0) buffer B { float f[]; } b;\n"
                         "layout(std430, binding = 1) buffer I { int i[]; } n;\n"
                         "void main() { float x = b.f[0], y = b.f[1]; int i = n.i[0], j = n.i[1];\n"
                         "  %s }\n", extensions, statement);
  write_file("in.comp", text, (size_t)n);
  snprintf(command, sizeof command,
           "'%s' -O0 --target-env=vulkan1.2 -fshader-stage=comp -o '%s/in.spv' '%s/in.comp'",
           GLSLC, folder, folder);
  if (system(command)) fail_msg("glslc: %s", text);
}

static void test_tool_rejects(void **state) {
  (void)state;
#define SUBGROUP "#extension GL_KHR_shader_subgroup_arithmetic : require"
  static const struct { const char *extensions, *statement, *said; } cases[] = {
      {"", "b.f[2] = x / y;", "OpFDiv"},
      {"", "b.f[2] = fma(x, y, x);", "Fma"},
      {"", "b.f[2] = sqrt(x);", "GLSL.std.450 instruction (31)"},
      {"", "b.f[2] = exp2(x);", "GLSL.std.450 instruction (29)"},
      {"", "b.f[2] = min(x, y);", "GLSL.std.450 instruction (37)"},
      {"", "b.f[2] = mix(x, y, 0.25);", "GLSL.std.450 instruction (46)"},
      {"", "b.f[2] = round(x);", "GLSL.std.450 instruction (1)"},
      {"", "b.f[2] = mod(x, y);", "OpFMod"},
      {"", "b.f[2] = dot(vec2(x, y), vec2(y, x));", "OpDot"},
      {"", "b.f[2] = (mat2(x) * vec2(y, x)).x;", "OpTypeMatrix"},
      {"", "n.i[2] = i % j;", "OpSMod"},
      {"", "b.f[2] = float(double(x) * 3.0lf);", "capability (10)"},
      {"", "mediump float h = x * y; b.f[2] = h;", "RelaxedPrecision"},
      {SUBGROUP, "b.f[2] = subgroupAdd(x);", "OpGroupNonUniformFAdd"},
      {"#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require",
       "n.i[2] = int((int64_t(i) * j) >> 32);", "capability (11)"},
      {"#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require",
       "b.f[2] = float(float16_t(x));", "capability (9)"},
  };
  char said[2048];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    compile(cases[i].extensions, cases[i].statement);
    if (!run_tool(said)) fail_msg("accepted: %s", cases[i].statement);
    if (!strstr(said, cases[i].said) || !strstr(said, "in.spv"))
      fail_msg("%s: said %s", cases[i].statement, said);
  }
}

static uint32_t *read_output(const char *name, size_t *words) {
  char path[160];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "rb");
  uint32_t *code = malloc(1 << 20);
  assert_true(f && code);
  *words = fread(code, 4, 1 << 18, f);
  fclose(f);
  return code;
}

static void test_tool_decorates(void **state) {
  (void)state;
  char said[2048];
  size_t words;
  compile("", "precise float z = x * y; vec2 v = vec2(x, y) * z; b.f[2] = z + x - v.y * -v.x;"
              "n.i[2] = int(floor(abs(x))) * (i / j) + max(i, j);");
  if (run_tool(said)) fail_msg("rejected: %s", said);
  assert_string_equal(said, "");
  uint32_t *code = read_output("out.spv", &words);
  const struct shader_binary shader = {"out", code, words * 4};
  const struct findings f = examine(&shader);
  assert_int_equal(f.operations, 6); /* x*y, vec*z, z+x, -v.x, *, - */
  assert_int_equal(f.undecorated, 0);
  free(code);
}

/* Damaged modules are refused or rewritten, never read out of bounds. */
static void test_tool_on_damage(void **state) {
  (void)state;
  char said[2048];
  size_t words;
  compile("", "b.f[2] = x * y;");
  uint32_t *code = read_output("in.spv", &words);
  for (size_t n = 0; n < words; n += 1 + words / 40) {
    write_file("in.spv", code, n * 4);
    const int status = run_tool(said);
    if (status != 0 && status != 1 << 8) fail_msg("%zu words: status %d: %s", n, status, said);
    if (n < 5) assert_int_equal(status, 1 << 8);
  }
  uint32_t seed = 1;
  for (int i = 0; i < 60; i++) {
    seed = seed * 1664525u + 1013904223u;
    const size_t at = seed % words;
    const uint32_t kept = code[at];
    code[at] ^= seed >> (seed >> 27);
    write_file("in.spv", code, words * 4);
    code[at] = kept;
    const int status = run_tool(said);
    if (status != 0 && status != 1 << 8) fail_msg("word %zu: status %d: %s", at, status, said);
  }
  free(code);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_modules),        cmocka_unit_test(test_passes),
      cmocka_unit_test(test_hashes),         cmocka_unit_test(test_tool_rejects),
      cmocka_unit_test(test_tool_decorates), cmocka_unit_test(test_tool_on_damage),
  };
  char command[80];
  strcpy(folder, "/tmp/lacquer-spirv-XXXXXX");
  if (!mkdtemp(folder)) return 1;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command) || failed;
}
