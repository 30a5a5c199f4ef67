/* SPDX-License-Identifier: MIT
 * Shaders that count (bench/spirv_count.h): still valid SPIR-V, and what a block costs is what
 * it does. GLSLC, SPIRV_VAL: the two tools. */
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
#include "spirv_count.h"

enum { MOST_WORDS = 1 << 14 };
static const uint64_t COUNTERS = 0x123456789abcdef0u;
static char folder[64];

static const char *in_folder(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void expect_valid(const char *name, const uint32_t *code, size_t words) {
  char command[512];
  FILE *f = fopen(in_folder("counting.spv"), "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(code, 4, words, f), words);
  assert_int_equal(fclose(f), 0);
  snprintf(command, sizeof command, "%s --target-env vulkan1.2 %s", SPIRV_VAL,
           in_folder("counting.spv"));
  if (system(command)) fail_msg("%s: not valid any more", name);
}

static int count_ops(const uint32_t *code, size_t words, uint32_t op) {
  int n = 0;
  for (size_t at = 5; at < words; at += code[at] >> 16) n += (code[at] & 0xffff) == op;
  return n;
}

static void test_every_shader(void **state) {
  (void)state;
  for (int i = 0; i < shader_count; i++) {
    const struct shader_binary *s = &shader_table[i];
    struct spirv_counted counted = {0};
    spirv_count(s->code, s->size / 4, COUNTERS, &counted);
    expect_valid(s->name, counted.code, counted.words);
    enum { ATOMIC_ADD = 234, LABEL = 248 };
    const int labels = count_ops(s->code, s->size / 4, LABEL);
    assert_int_equal(counted.n_blocks, labels);
    assert_int_equal(count_ops(counted.code, counted.words, ATOMIC_ADD),
                     labels + count_ops(s->code, s->size / 4, ATOMIC_ADD));
    spirv_counted_free(&counted);
  }
}

/* What all blocks of a small shader cost together. */
static struct work cost_of(const char *body) {
  static uint32_t code[MOST_WORDS];
  char command[512];
  FILE *f = fopen(in_folder("small.comp"), "w");
  assert_non_null(f);
  fprintf(f, "#version 450\n#extension GL_EXT_buffer_reference : require\n"
             "layout(local_size_x = 8) in;\n"
             "layout(buffer_reference, std430) buffer F32 { float v[]; };\n"
             "layout(buffer_reference, std430) buffer F32x4 { vec4 v[]; };\n"
             "layout(push_constant) uniform Push { F32 a; F32x4 b; } push;\n"
             "shared float tile[8];\nvoid main() {\n%s\n}\n", body);
  assert_int_equal(fclose(f), 0);
  snprintf(command, sizeof command, "%s -O0 --target-env=vulkan1.2 -o %s/small.spv %s/small.comp",
           GLSLC, folder, folder);
  assert_int_equal(system(command), 0);
  f = fopen(in_folder("small.spv"), "rb");
  assert_non_null(f);
  const size_t words = fread(code, 4, MOST_WORDS, f);
  fclose(f);
  struct spirv_counted counted = {0};
  struct work sum = {0};
  spirv_count(code, words, COUNTERS, &counted);
  expect_valid(body, counted.code, counted.words);
  for (int i = 0; i < counted.n_blocks; i++) work_add(&sum, &counted.block[i], 1);
  spirv_counted_free(&counted);
  return sum;
}

static void expect_cost(const char *body, struct work want) {
  const struct work got = cost_of(body);
  if (memcmp(&got, &want, sizeof got))
    fail_msg("%s: %g + - *, %g others, %g loaded, %g stored, %g shared", body, got.float_ops,
             got.other_ops, got.loaded_bytes, got.stored_bytes, got.shared_bytes);
}

static void test_costs(void **state) {
  (void)state;
  expect_cost("", (struct work){0});
  /* x * y + x: a load of 4 bytes each, a store; the indices are constants. */
  expect_cost("push.a.v[0] = push.a.v[1] * push.a.v[2] + push.a.v[3];",
              (struct work){.float_ops = 2, .loaded_bytes = 12, .stored_bytes = 4});
  /* Four components: an operation each. */
  expect_cost("push.b.v[0] = push.b.v[1] - push.b.v[2];",
              (struct work){.float_ops = 4, .loaded_bytes = 32, .stored_bytes = 16});
  expect_cost("tile[0] = 1.0; barrier(); push.a.v[0] = tile[1];",
              (struct work){.stored_bytes = 4, .shared_bytes = 8});
  /* A compare, a select of the branch's way, an addition of integers. */
  expect_cost("int i = 3; if (push.a.v[0] > 0.5) i = i + 1; push.a.v[1] = float(i);",
              (struct work){.other_ops = 3, .loaded_bytes = 4, .stored_bytes = 4});
}

static int make_folder(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/lacquer-spirv-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
  (void)state;
  static const char *const names[] = {"counting.spv", "small.comp", "small.spv"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(in_folder(names[i]));
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_shader),
                                     cmocka_unit_test(test_costs)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
