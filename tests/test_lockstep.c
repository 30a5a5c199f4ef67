/* SPDX-License-Identifier: MIT
 * Sessions side by side on a Vulkan device: their runs share dispatches wherever in their
 * tracks they are, and no bit of one depends on what the others do. Exit 77: no device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <stdatomic.h>

#include "audio_fixture.h"
#include "engine.h"
#include "gpu.h"
#include "gpu_fixture.h"
#include "twin.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

enum { RESULTS = 36, VECTORS = 256, OPS_WORDS = RESULTS * VECTORS }; /* of selftest_ops, a block */
enum { WALK = 1, OPS = 0, MAX_BLOCKS = 140 };

static struct engine device;

/* The self-test's shaders, as a stage of our own: vectors block by block, and a recurrence
 * over the blocks of a column. */
static const struct stage_pass passes[] = {
    {"ops", GRID_BLOCKS, NULL}, {"walk", GRID_SEQUENTIAL, NULL}, {0}};
static const struct stage dummy = {.name = "selftest", .passes = passes};
static float vectors[VECTORS * 8 * 8]; /* a, b, ... of 8 blocks */

struct track {
  int32_t n_frames, state; /* that its recurrence begins with */
  int columns;             /* that it has */
};

static struct session *open_track(const struct track *t) {
  const struct slot_plan slot = {&dummy, BUFFER_A, BUFFER_B, -1};
  const struct stage_design design = {.data = vectors, .size = sizeof vectors, .ring_words = 2,
                                      .ring_history = MAX_BLOCKS, .control_words = OPS_WORDS,
                                      .shape = {{.columns = 1}, {.columns = t->columns}}};
  const struct lane_plan lane = {.n_frames = t->n_frames, .design = {&design}};
  const struct session_plan plan = {.channels = 2, .n_slots = 1, .n_lanes = 1,
                                    .segment_blocks = 3, .slots = &slot, .lanes = &lane};
  struct session *s = NULL;
  assert_int_equal(device.open(device.self, &plan, &s), ENGINE_OK);
  device.set_args(s, 0, 0, (const int32_t[5]){t->state});
  return s;
}

static void walk(struct session *s, int32_t first, int32_t count) {
  assert_int_equal(device.run(s, 0, WALK, first, count, NULL), ENGINE_OK);
}

/* The first frame of BUFFER_B that is not as the recurrence over `blocks` blocks leaves it; -1:
 * none. */
static int32_t wrong_frame(struct session *s, const struct track *t, int32_t blocks) {
  int32_t wrong = -1;
  float *got = malloc((size_t)t->n_frames * sizeof *got);
  for (int c = 0; c < 2 && got && wrong < 0; c++) {
    uint32_t x = (uint32_t)(t->state + c);
    if (device.read(s, 0, BUFFER_B, c, 0, t->n_frames, got)) wrong = 0;
    for (int32_t f = 0; f < t->n_frames && wrong < 0; f += 8) { /* src is silent */
      x = x * 1664525u + 1013904223u;
      const bool ran = c < t->columns && f < blocks * BLOCK_FRAMES;
      const float want = ran ? (float)(int32_t)(x >> 8) : 0;
      x ^= floatBitsToUint((float)(int32_t)(x >> 8));
      if (memcmp(&got[f], &want, 4)) wrong = f;
    }
  }
  free(got);
  return wrong;
}

static struct gpu_stats since(const struct gpu_stats *before) {
  struct gpu_stats now;
  gpu_engine_stats(&device, &now);
  return (struct gpu_stats){now.batches - before->batches, now.steps - before->steps,
                            now.dispatches - before->dispatches, now.lanes - before->lanes,
                            now.shared - before->shared, now.spread - before->spread};
}

static void expect_stats(const struct gpu_stats *before, struct gpu_stats want) {
  const struct gpu_stats got = since(before);
  if (memcmp(&got, &want, sizeof got))
    fail_msg("%d batches, %d steps, %d dispatches, %d lanes, %d shared, %d spread",
             (int)got.batches, (int)got.steps, (int)got.dispatches, (int)got.lanes,
             (int)got.shared, (int)got.spread);
}

/* ---- what shares a dispatch ---- */

/* Tracks at different blocks, of different lengths and columns. */
static void test_blocks_differ(void **state) {
  static const struct track long_one = {130 * BLOCK_FRAMES, 5, 2}, short_one = {7000, 900, 1};
  struct gpu_stats before;
  (void)state;
  struct session *a = open_track(&long_one), *b = open_track(&short_one);
  walk(a, 0, 3);
  assert_int_equal(device.finish(a), ENGINE_OK);
  gpu_engine_stats(&device, &before);
  walk(a, 3, 127); /* in two steps: 64 blocks, 63 blocks */
  walk(b, 0, 2);
  walk(b, 2, 2);
  assert_int_equal(device.finish(b), ENGINE_OK); /* submits what there is of both */
  expect_stats(&before, (struct gpu_stats){1, 2, 2, 4, 2, 2});
  assert_int_equal(wrong_frame(a, &long_one, 130), -1);
  assert_int_equal(wrong_frame(b, &short_one, 4), -1);
  device.close(a);
  device.close(b);
}

/* Different passes in one step; a lane does the blocks of its own run, though the grid has more. */
static void test_counts_differ(void **state) {
  static const struct track t = {5 * BLOCK_FRAMES, 3, 2};
  static const struct { int32_t first, count; } runs[3] = {{0, 5}, {1, 1}, {3, 2}};
  struct session *s[4];
  struct gpu_stats before;
  int32_t word;
  (void)state;
  for (int i = 0; i < 4; i++) s[i] = open_track(&t);
  gpu_engine_stats(&device, &before);
  for (int i = 0; i < 3; i++)
    assert_int_equal(device.run(s[i], 0, OPS, runs[i].first, runs[i].count, NULL), ENGINE_OK);
  walk(s[3], 0, 5);
  assert_int_equal(device.finish(s[3]), ENGINE_OK);
  expect_stats(&before, (struct gpu_stats){1, 1, 2, 4, 1, 1});
  for (int i = 0; i < 3; i++)
    for (int32_t b = 0; b < 5; b++) { /* the first result is a sum of two vectors, 1 + b */
      const float want = (float)(1 + b);
      const bool ran = b >= runs[i].first && b < runs[i].first + runs[i].count;
      device.read_control(s[i], 0, 0, (int64_t)b * OPS_WORDS, 1, &word);
      assert_int_equal(word, ran ? (int32_t)floatBitsToUint(want) : 0);
    }
  assert_int_equal(wrong_frame(s[3], &t, 5), -1);
  for (int i = 0; i < 4; i++) device.close(s[i]);
}

/* More runs than a batch has steps: order, and what a copy between them sees. */
static void test_many_runs(void **state) {
  static const struct track t = {MAX_BLOCKS * BLOCK_FRAMES, 17, 2};
  (void)state;
  struct session *a = open_track(&t), *b = open_track(&t);
  for (int32_t i = 0; i < MAX_BLOCKS; i++) {
    walk(a, i, 1);
    walk(b, i, 1);
    if (i == 70) assert_int_equal(wrong_frame(a, &t, 71), -1);
  }
  for (int again = 0; again < 4; again++) /* more than wait */
    for (int32_t i = 0; i < MAX_BLOCKS; i++) walk(b, i, 1);
  assert_int_equal(wrong_frame(a, &t, MAX_BLOCKS), -1);
  assert_int_equal(wrong_frame(b, &t, MAX_BLOCKS), -1);
  device.close(a);
  walk(b, 0, 1); /* never flushed */
  device.close(b);
}

/* ---- many threads ---- */

enum { THREADS = 6, TRACKS = 40 };
static struct {
  atomic_int next, wrong;
  struct track tracks[TRACKS];
  int32_t piece[TRACKS];
} set;

/* A lane: the next track as soon as one is over. */
static void *lane(void *context) {
  for (int i; (i = atomic_fetch_add(&set.next, 1)) < TRACKS;) {
    const struct track *t = &set.tracks[i];
    const int32_t blocks = (t->n_frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
    struct session *s = open_track(t);
    for (int32_t b = 0; b < blocks; b += set.piece[i]) {
      walk(s, b, set.piece[i]);
      if (i % 3 == 0 && wrong_frame(s, t, b + set.piece[i]) >= 0) set.wrong++;
    }
    if (wrong_frame(s, t, blocks) >= 0) set.wrong++;
    device.close(s);
  }
  return context;
}

static void test_threads(void **state) {
  uint64_t seed = gpu_fixture_seed(1212);
  pthread_t threads[THREADS];
  struct gpu_stats before;
  (void)state;
  for (int i = 0; i < TRACKS; i++) {
    set.tracks[i] = (struct track){.n_frames = 1 + (int32_t)(fixture_random(&seed) % 60000),
                                   .state = (int32_t)(fixture_random(&seed) % 100000),
                                   .columns = 1 + (int)(fixture_random(&seed) % 2)};
    set.piece[i] = 1 + (int32_t)(fixture_random(&seed) % 9);
  }
  set.tracks[0].n_frames = MAX_BLOCKS * BLOCK_FRAMES; /* while the others come and go */
  gpu_engine_stats(&device, &before);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, lane, NULL), 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  const struct gpu_stats s = since(&before);
  print_message("  %d dispatches of %.2f lanes; %d shared, %d spread\n", (int)s.dispatches,
                (double)s.lanes / (double)s.dispatches, (int)s.shared, (int)s.spread);
  assert_int_equal(set.wrong, 0);
}

static void test_validation_silent(void **state) {
  (void)state;
  assert_int_equal(gpu_validation_messages(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_blocks_differ), cmocka_unit_test(test_counts_differ),
      cmocka_unit_test(test_many_runs),     cmocka_unit_test(test_threads),
      cmocka_unit_test(test_validation_silent),
  };
  if (!gpu_fixture_open(&device)) return GPU_FIXTURE_SKIP;
  for (int i = 0; i < 8 * VECTORS; i++) { /* block by block a = 1, b = number of the block */
    vectors[8 * i] = 1;
    vectors[8 * i + 1] = (float)(i / VECTORS);
  }
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  gpu_engine_destroy(&device);
  return failed;
}
