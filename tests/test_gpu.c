/* SPDX-License-Identifier: MIT
 * The Vulkan engine: devices, self-test, sessions, failures; validation layer on. Runs on
 * LACQUER_TEST_DEVICE or the first device. Exit 77: no Vulkan driver here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpu.h"
#include "gpu_pass.h"
#include "shaders.h"
#include "twin.h"
#include "vk_faults.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

static const char *device_spec = "index:0";
static char cache_home[64];

static struct engine open_engine(void) {
  struct engine engine;
  struct failure why = {.text = ""};
  const enum status status =
      gpu_engine_create(&(struct gpu_choice){device_spec}, &engine, &why);
  if (status) fail_msg("%s", why.text);
  return engine;
}

/* The self-test's shaders, as a stage of our own. */
static const struct stage_pass passes[] = {
    {"ops", GRID_BLOCKS, NULL}, {"walk", GRID_SEQUENTIAL, NULL}, {0}};
static const struct stage dummy = {.name = "selftest", .passes = passes};
static uint32_t design_words[64];
static struct stage_design dummy_design(int32_t control_words) {
  return (struct stage_design){.data = design_words,
                               .size = sizeof design_words,
                               .ring_words = 2,
                               .ring_history = 1,
                               .control_words = control_words,
                               .shape = {{.columns = 1}, {.columns = 2}}};
}

static struct session *open_session(const struct engine *engine, const struct stage_design *design,
                                    const int32_t *frames, int n_lanes) {
  const struct slot_plan slot = {&dummy, BUFFER_A, BUFFER_B, -1};
  struct lane_plan lanes[8];
  const struct session_plan plan = {.channels = 2, .n_slots = 1, .n_lanes = n_lanes,
                                    .segment_blocks = 3, .slots = &slot, .lanes = lanes};
  struct session *session = NULL;
  for (int i = 0; i < n_lanes; i++)
    lanes[i] = (struct lane_plan){.n_frames = frames[i], .design = {design}};
  assert_int_equal(engine->open(engine->self, &plan, &session), ENGINE_OK);
  return session;
}

static void fill_noise(uint32_t *x, size_t n, uint32_t seed) {
  for (size_t i = 0; i < n; i++) x[i] = seed = seed * 1664525u + 1013904223u;
}

static void test_list(void **state) {
  (void)state;
  struct gpu_device_info list[GPU_MAX_DEVICES];
  int n;
  assert_int_equal(gpu_list_devices(list, &n, NULL), STATUS_OK);
  assert_true(n >= 1);
  for (int i = 0; i < n; i++) {
    assert_int_equal(list[i].index, i);
    assert_true(list[i].name[0] && list[i].driver[0]);
    assert_true(list[i].usable == !list[i].reason[0]);
    if (list[i].usable) assert_int_equal(strlen(list[i].uuid), 32);
  }
}

static void check_spec(const char *spec, enum status expected, const char *part) {
  struct engine engine;
  struct failure why = {.text = ""};
  assert_int_equal(gpu_engine_create(&(struct gpu_choice){spec}, &engine, &why), expected);
  assert_int_equal(why.status, expected);
  if (!strstr(why.text, part)) fail_msg("%s: %s", spec, why.text);
  gpu_engine_destroy(&engine); /* a zeroed engine */
}

static void test_specs(void **state) {
  (void)state;
  struct gpu_device_info list[GPU_MAX_DEVICES];
  struct failure why;
  char spec[80];
  int n, real = 0;
  gpu_list_devices(list, &n, NULL);
  check_spec("", STATUS_USAGE, "index:N");
  check_spec("cuda:0", STATUS_USAGE, "\"cuda:0\"");
  check_spec("index:-1", STATUS_USAGE, "index:N");
  check_spec("index:99", STATUS_NO_DEVICE, list[0].name);
  check_spec("index:0x", STATUS_NO_DEVICE, list[0].uuid);
  check_spec("uuid:", STATUS_NO_DEVICE, list[0].name);
  check_spec("uuid:00", STATUS_NO_DEVICE, list[0].name);
  check_spec("pci:ffff:ff:1f.7", STATUS_NO_DEVICE, list[0].name);
  for (int i = 0; i < n; i++) real += list[i].usable && !list[i].is_software;
  if (!real) check_spec("auto", STATUS_NO_DEVICE, list[0].name);
  if (!list[0].usable) return;
  snprintf(spec, sizeof spec, "uuid:GPU-%.8s-%.24s", list[0].uuid, list[0].uuid + 8);
  for (char *c = spec + 9; *c; c++)
    if (*c >= 'a' && *c <= 'f') *c = (char)(*c - 'a' + 'A');
  assert_int_equal(gpu_choose(spec, list, n, &why), 0);
  struct gpu_device_info two[2] = {list[0], list[0]}; /* the larger real one is best */
  two[0].is_software = two[1].is_software = false;
  two[0].type = two[1].type = "discrete";
  two[1].memory_bytes++;
  assert_int_equal(gpu_choose("auto", two, 2, &why), 1);
  two[1].type = "integrated";
  assert_int_equal(gpu_choose("auto", two, 2, &why), 0);
  two[0].usable = false;
  assert_int_equal(gpu_choose("auto", two, 2, &why), 1);
  assert_int_equal(gpu_choose("index:0", two, 2, &why), -1);
}

static void write_cache_file(const char *name, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s/lacquer/%s", cache_home, name);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static void test_selftest(void **state) {
  (void)state;
  char text[160], name[64];
  struct engine engine = open_engine();
  const struct gpu_device_info *info = gpu_engine_info(&engine);
  strcpy(text, info->selftest);
  print_message("%s, %s: %s\n", engine.name, engine.driver, text);
  assert_memory_equal(text, "passed", 6);
  assert_true(gpu_proof_known(&engine, "ops"));
  assert_false(gpu_proof_known(&engine, "chain"));
  gpu_proof_record(&engine, "chain");
  assert_true(gpu_proof_known(&engine, "chain"));
  snprintf(name, sizeof name, "%s-ops.proof", info->uuid);
  gpu_engine_destroy(&engine);

  engine = open_engine(); /* from the cache */
  assert_string_equal(text, gpu_engine_info(&engine)->selftest);
  gpu_engine_destroy(&engine);
  write_cache_file(name, "ops failed\n"); /* never believed */
  engine = open_engine();
  assert_string_equal(text, gpu_engine_info(&engine)->selftest);
  gpu_engine_destroy(&engine);
}

static void test_damaged_pipeline_cache(void **state) {
  (void)state;
  char command[160];
  snprintf(command, sizeof command, "for f in %s/lacquer/*.pipelines; do echo x >\"$f\"; done",
           cache_home);
  assert_int_equal(system(command), 0);
  struct engine engine = open_engine();
  gpu_engine_destroy(&engine);
}

static void check_round_trip(const struct engine *engine, int32_t frames) {
  const int32_t lanes[3] = {frames, frames + 1, 5};
  struct stage_design design = dummy_design(7);
  struct session *s = open_session(engine, &design, lanes, 3);
  uint32_t *x = malloc((size_t)frames * 4), *y = malloc((size_t)frames * 4);
  assert_true(x && y);
  for (int buffer = 0; buffer < BUFFER_C; buffer++)
    for (int c = 0; c < (buffer == BUFFER_PCM ? 1 : 2); c++) {
      engine->read(s, 0, buffer, c, 0, frames, y); /* fresh memory is zero */
      for (int32_t i = 0; i < frames; i++) assert_int_equal(y[i], 0);
      fill_noise(x, (size_t)frames, (uint32_t)(buffer * 2 + c + 1));
      assert_int_equal(engine->write(s, 0, buffer, c, 0, frames, x), ENGINE_OK);
    }
  const uint32_t marks[3] = {1, 2, 3};
  if (frames > 3) engine->write(s, 0, BUFFER_A, 1, frames - 3, 3, marks);
  for (int buffer = 0; buffer < BUFFER_C; buffer++)
    for (int c = 0; c < (buffer == BUFFER_PCM ? 1 : 2); c++) {
      fill_noise(x, (size_t)frames, (uint32_t)(buffer * 2 + c + 1));
      if (frames > 3 && buffer == BUFFER_A && c == 1) memcpy(x + frames - 3, marks, sizeof marks);
      assert_int_equal(engine->read(s, 0, buffer, c, 0, frames, y), ENGINE_OK);
      assert_memory_equal(x, y, (size_t)frames * 4);
      assert_int_equal(engine->read(s, 0, buffer, c, frames / 2, 1, y), ENGINE_OK);
      assert_int_equal(y[0], x[frames / 2]);
    }
  for (int lane = 1; lane < 3; lane++)
    for (int buffer = 0; buffer < BUFFER_C; buffer++) {
      engine->read(s, lane, buffer, 0, 0, 5 < frames ? 5 : frames, y);
      for (int i = 0; i < (5 < frames ? 5 : frames); i++) assert_int_equal(y[i], 0);
    }
  assert_int_equal(engine->finish(s), ENGINE_OK);
  engine->close(s);
  free(x);
  free(y);
}

static void test_round_trip(void **state) {
  (void)state;
  /* Around a block; then more than all staging memory of a session (12 MiB). */
  const int32_t sizes[] = {1, 63, 64, 2047, 2048, 2049, 6144, 7000001};
  struct engine engine = open_engine();
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check_round_trip(&engine, sizes[i]);
  gpu_engine_destroy(&engine);
}

static void test_control(void **state) {
  (void)state;
  enum { WORDS = 7, BLOCKS = 5 };
  const int32_t frames[2] = {BLOCKS * BLOCK_FRAMES, 1};
  struct engine engine = open_engine();
  struct stage_design design = dummy_design(WORDS);
  struct session *s = open_session(&engine, &design, frames, 2);
  int32_t x[WORDS * BLOCKS], y[WORDS * BLOCKS];
  for (int i = 0; i < WORDS * BLOCKS; i++) x[i] = i * i - 100;
  assert_int_equal(engine.write_control(s, 0, 0, 0, WORDS * BLOCKS, x), ENGINE_OK);
  assert_int_equal(engine.write_control(s, 0, 0, 11, 3, x), ENGINE_OK);
  memcpy(x + 11, (const int32_t[]){x[0], x[1], x[2]}, 12);
  assert_int_equal(engine.read_control(s, 0, 0, 0, WORDS * BLOCKS, y), ENGINE_OK);
  assert_memory_equal(x, y, sizeof x);
  assert_int_equal(engine.read_control(s, 0, 0, 10, 4, y), ENGINE_OK);
  assert_memory_equal(x + 10, y, 16);
  assert_int_equal(engine.read_control(s, 1, 0, 0, WORDS, y), ENGINE_OK);
  for (int i = 0; i < WORDS; i++) assert_int_equal(y[i], 0);
  engine.close(s);
  engine.close(NULL);
  gpu_engine_destroy(&engine);
}

/* Runs the recurrence over blocks in pieces of `piece` blocks. */
static void walk(const struct engine *engine, struct session *s, int lanes, int32_t piece,
                 const uint64_t *mask) {
  for (int l = 0; l < lanes; l++) engine->set_args(s, l, 0, (const int32_t[5]){l * 77});
  for (int32_t b = 0; b < 130; b += piece)
    assert_int_equal(engine->run(s, 0, 1, b, piece, mask), ENGINE_OK);
}

static void check_walk(const struct engine *engine, struct session *s, int lane, int32_t frames,
                       bool ran) {
  float *got = malloc((size_t)frames * sizeof *got);
  assert_non_null(got);
  for (int c = 0; c < 2; c++) {
    uint32_t x = (uint32_t)(lane * 77 + c);
    assert_int_equal(engine->read(s, lane, BUFFER_B, c, 0, frames, got), ENGINE_OK);
    for (int32_t f = 0; f < frames; f += 8) { /* src is silent */
      x = x * 1664525u + 1013904223u;
      const float want = ran ? (float)(int32_t)(x >> 8) : 0;
      x ^= floatBitsToUint(want);
      if (memcmp(&got[f], &want, 4)) fail_msg("lane %d channel %d frame %d", lane, c, (int)f);
    }
  }
  free(got);
}

/* Lanes, masks and pieces (a dispatch holds 64 blocks) do not change a bit. */
static void test_run(void **state) {
  (void)state;
  const int32_t frames[8] = {129 * BLOCK_FRAMES, 1, 2048, 2049, 65 * BLOCK_FRAMES - 1, 7, 4096, 1};
  const int32_t pieces[] = {1, 3, 64, 65, 130};
  const uint64_t mask[4] = {0xb5}, none[4] = {0};
  struct engine engine = open_engine();
  struct stage_design design = dummy_design(0);
  design.ring_history = 130;
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    const bool masked = i % 2;
    struct session *s = open_session(&engine, &design, frames, 8);
    walk(&engine, s, 8, pieces[i], none);
    walk(&engine, s, 8, pieces[i], masked ? mask : NULL);
    for (int l = 0; l < 8; l++)
      check_walk(&engine, s, l, frames[l], !masked || (mask[0] >> l & 1));
    engine.close(s);
  }
  gpu_engine_destroy(&engine);
}

static void test_set_design(void **state) {
  (void)state;
  enum { WORDS = 256 * 36 }; /* results of selftest_ops per block */
  const int32_t frames[2] = {BLOCK_FRAMES, BLOCK_FRAMES};
  float one[256 * 8] = {0}, two[256 * 8] = {0}, same[256 * 8] = {0};
  struct stage_design a = dummy_design(WORDS), b = a, c = a;
  a.size = b.size = c.size = sizeof one;
  a.data = one, b.data = two, c.data = same;
  one[0] = same[0] = 1;
  two[0] = 2;
  struct engine engine = open_engine();
  struct session *s = open_session(&engine, &a, frames, 2);
  const struct stage_design *designs[] = {&a, &b, &c, &b, &a};
  for (size_t i = 0; i < sizeof designs / sizeof *designs; i++) {
    int32_t sums[2]; /* first result, a + b */
    assert_int_equal(engine.set_design(s, 1, 0, designs[i]), ENGINE_OK);
    assert_int_equal(engine.run(s, 0, 0, 0, 1, NULL), ENGINE_OK);
    for (int l = 0; l < 2; l++) engine.read_control(s, l, 0, 0, 1, &sums[l]);
    assert_int_equal(sums[0], 0x3f800000);
    assert_int_equal(sums[1], designs[i] == &b ? 0x40000000 : 0x3f800000);
  }
  engine.close(s);
  gpu_engine_destroy(&engine);
}

/* No memory for a design: the session goes on, and the next one has memory of its own. */
static void test_set_design_no_memory(void **state) {
  (void)state;
  enum { WORDS = 256 * 36, LARGE = 5 << 20 };
  const int32_t frames = BLOCK_FRAMES;
  float one[256 * 8] = {1}, two[256 * 8] = {2}, three[256 * 8] = {3};
  float *large = calloc(1, LARGE);
  assert_non_null(large);
  struct stage_design a = dummy_design(WORDS), b = a, c = a, d = a;
  a.size = b.size = c.size = sizeof one;
  a.data = one, b.data = two, c.data = three, d.data = large, d.size = LARGE;
  struct engine engine = open_engine();
  struct session *s = open_session(&engine, &a, &frames, 1);
  assert_int_equal(engine.set_design(s, 0, 0, &b), ENGINE_OK); /* leaves memory to spare */
  setenv("LACQUER_VK_FAULT", "vkAllocateMemory:-1:device_memory", 1);
  assert_int_equal(engine.set_design(s, 0, 0, &d), ENGINE_NO_MEMORY);
  unsetenv("LACQUER_VK_FAULT");
  for (int i = 0; i < 2; i++) {
    int32_t sum = 0;
    assert_int_equal(engine.set_design(s, 0, 0, i ? &a : &c), ENGINE_OK);
    assert_int_equal(engine.run(s, 0, 0, 0, 1, NULL), ENGINE_OK);
    assert_int_equal(engine.read_control(s, 0, 0, 0, 1, &sum), ENGINE_OK);
    assert_int_equal(sum, i ? 0x3f800000 : 0x40400000);
  }
  engine.close(s);
  gpu_engine_destroy(&engine);
  free(large);
}

/* A lane's slot writes where it was told last; the other lane's is not moved. */
static void test_set_buffers(void **state) {
  (void)state;
  const int32_t frames = 4096;
  const struct slot_plan slots[2] = {{&dummy, BUFFER_A, BUFFER_B, -1},
                                     {&dummy, BUFFER_A, BUFFER_C, -1}};
  struct stage_design design = dummy_design(0);
  struct lane_plan lanes[2];
  for (int i = 0; i < 2; i++)
    lanes[i] = (struct lane_plan){.n_frames = frames, .design = {&design, &design}};
  const struct session_plan plan = {.channels = 2, .n_slots = 2, .n_lanes = 2,
                                    .segment_blocks = 3, .slots = slots, .lanes = lanes};
  struct engine engine = open_engine();
  struct session *s = NULL;
  assert_int_equal(engine.open(engine.self, &plan, &s), ENGINE_OK);
  engine.set_buffers(s, 1, 0, BUFFER_B, BUFFER_C);
  for (int l = 0; l < 2; l++) engine.set_args(s, l, 0, (const int32_t[5]){l * 77});
  assert_int_equal(engine.run(s, 0, 1, 0, 2, NULL), ENGINE_OK);
  check_walk(&engine, s, 0, frames, true); /* in B */
  float b = 1, c = 0;
  assert_int_equal(engine.read(s, 1, BUFFER_B, 0, 8, 1, &b), ENGINE_OK);
  assert_int_equal(engine.read(s, 1, BUFFER_C, 0, 8, 1, &c), ENGINE_OK);
  assert_true(b == 0 && c != 0);
  engine.close(s);
  gpu_engine_destroy(&engine);
}

/* How many waits it takes to close a session that the device works for; that of number `slow`
 * ends too late. */
static int waits_of_close(const struct engine *engine, int slow) {
  const int32_t frames = 64 * BLOCK_FRAMES;
  const float x = 1;
  struct stage_design design = dummy_design(1);
  struct session *s = open_session(engine, &design, &frames, 1);
  char fault[64];
  assert_int_equal(engine->run(s, 0, 1, 0, 64, NULL), ENGINE_OK);
  assert_int_equal(engine->write(s, 0, BUFFER_A, 0, 0, 1, &x), ENGINE_OK); /* submits the run */
  const int before = vk_faults_calls("vkWaitSemaphores");
  snprintf(fault, sizeof fault, "vkWaitSemaphores:%d:slow", before + slow);
  if (slow >= 0) setenv("LACQUER_VK_FAULT", fault, 1);
  engine->close(s);
  unsetenv("LACQUER_VK_FAULT");
  return vk_faults_calls("vkWaitSemaphores") - before;
}

/* A device that is slow when a session is closed gets a second wait, for its runs and for its
 * copies, and goes on. */
static void test_slow_close(void **state) {
  (void)state;
  char fault[160];
  struct engine engine = open_engine();
  assert_int_equal(waits_of_close(&engine, -1), 2);
  for (int slow = 0; slow < 2; slow++) assert_int_equal(waits_of_close(&engine, slow), 3);
  gpu_engine_fault(&engine, fault, sizeof fault);
  assert_string_equal(fault, "");
  check_round_trip(&engine, 2049);
  gpu_engine_destroy(&engine);
}

static void test_no_memory(void **state) {
  (void)state;
  const struct slot_plan slot = {&dummy, BUFFER_A, BUFFER_B, -1};
  struct lane_plan lanes[MAX_LANES];
  struct session_plan plan = {.channels = 2, .n_slots = 1, .n_lanes = MAX_LANES,
                              .segment_blocks = 1, .slots = &slot, .lanes = lanes};
  struct stage_design design = dummy_design(1);
  struct engine engine = open_engine();
  struct session *s = NULL;
  char fault[160];
  for (int i = 0; i < MAX_LANES; i++)
    lanes[i] = (struct lane_plan){.n_frames = INT32_MAX, .design = {&design}};
  assert_int_equal(engine.open(engine.self, &plan, &s), ENGINE_NO_MEMORY);
  assert_null(s);
  for (int i = 0; i < MAX_LANES; i++) lanes[i].n_frames = 100000000;
  assert_int_equal(engine.open(engine.self, &plan, &s), ENGINE_NO_MEMORY);
  assert_null(s);
  gpu_engine_fault(&engine, fault, sizeof fault);
  assert_true(fault[0]);
  check_round_trip(&engine, 2049); /* the device is still good */
  gpu_engine_destroy(&engine);
}

/* A stage that this build has no shader for stands for every fault of a device. */
static void test_lost_device(void **state) {
  (void)state;
  static const struct stage_pass no_passes[] = {{"nothing", GRID_BLOCKS, NULL}, {0}};
  static const struct stage missing = {.name = "missing", .passes = no_passes};
  const int32_t frames = 4096;
  struct stage_design design = dummy_design(1);
  struct engine engine = open_engine();
  struct session *before = open_session(&engine, &design, &frames, 1), *s = NULL;
  assert_int_equal(engine.run(before, 0, 1, 0, 2, NULL), ENGINE_OK);
  const struct slot_plan slot = {&missing, BUFFER_A, BUFFER_B, -1};
  const struct lane_plan lane = {.n_frames = frames, .design = {&design}};
  const struct session_plan plan = {.channels = 2, .n_slots = 1, .n_lanes = 1,
                                    .segment_blocks = 1, .slots = &slot, .lanes = &lane};
  char fault[160];
  float x;
  assert_int_equal(engine.open(engine.self, &plan, &s), ENGINE_DEVICE_LOST);
  assert_null(s);
  gpu_engine_fault(&engine, fault, sizeof fault);
  assert_non_null(strstr(fault, "no shader missing_nothing"));
  assert_int_equal(engine.run(before, 0, 1, 0, 2, NULL), ENGINE_DEVICE_LOST);
  assert_int_equal(engine.read(before, 0, BUFFER_A, 0, 0, 1, &x), ENGINE_DEVICE_LOST);
  assert_int_equal(engine.write(before, 0, BUFFER_A, 0, 0, 1, &x), ENGINE_DEVICE_LOST);
  assert_int_equal(engine.finish(before), ENGINE_DEVICE_LOST);
  engine.close(before);
  gpu_engine_destroy(&engine);
}

static void test_strip_modes(void **state) {
  (void)state;
  const uint32_t *code = shader_table[0].code;
  const size_t words = shader_table[0].size / 4;
  uint32_t *out = malloc(shader_table[0].size);
  assert_non_null(out);
  assert_int_equal(gpu_strip_modes(code, words, true, true, out), words);
  assert_memory_equal(out, code, words * 4);
  assert_int_equal(gpu_strip_modes(code, words, false, true, out), words - 6);
  assert_int_equal(gpu_strip_modes(code, words, false, false, out), words - 12);
  free(out);
}

static void test_validation_silent(void **state) {
  (void)state;
  assert_int_equal(gpu_validation_messages(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_list),         cmocka_unit_test(test_specs),
      cmocka_unit_test(test_selftest),     cmocka_unit_test(test_damaged_pipeline_cache),
      cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_control),
      cmocka_unit_test(test_run),          cmocka_unit_test(test_set_design),
      cmocka_unit_test(test_set_design_no_memory),
      cmocka_unit_test(test_set_buffers),  cmocka_unit_test(test_slow_close),
      cmocka_unit_test(test_no_memory),    cmocka_unit_test(test_lost_device),
      cmocka_unit_test(test_strip_modes),  cmocka_unit_test(test_validation_silent),
  };
  struct gpu_device_info list[GPU_MAX_DEVICES];
  struct failure why = {.text = "no device"};
  char command[80];
  int n;
  if (getenv("LACQUER_TEST_DEVICE")) device_spec = getenv("LACQUER_TEST_DEVICE");
  if (gpu_list_devices(list, &n, &why) || n == 0) {
    printf("SKIP: %s\n", why.text);
    return 77;
  }
  setenv("LACQUER_VALIDATION", "1", 1);
  if (gpu_list_devices(list, &n, &why)) {
    printf("without the validation layer: %s\n", why.text);
    unsetenv("LACQUER_VALIDATION");
  }
  strcpy(cache_home, "/tmp/lacquer-test-XXXXXX");
  if (!mkdtemp(cache_home)) return 1;
  setenv("XDG_CACHE_HOME", cache_home, 1);
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  snprintf(command, sizeof command, "rm -r %s", cache_home);
  return system(command) || failed;
}
