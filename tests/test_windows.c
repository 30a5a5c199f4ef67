/* SPDX-License-Identifier: MIT
 * The windows of the sample tier: which blocks of a stage are checked is decided by the
 * track's identity alone, not by lanes, segments or neighbours; and the coverage that is
 * stated is that of the words that were compared. A flipped bit is found where, and only
 * where, a window is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "faulty_engine.h"
#include "render_fixture.h"

enum { RATE = 44100, BLOCKS = 24, FRAMES = BLOCKS * BLOCK_FRAMES, TRACKS = 3 };
enum { EQ, MULTIBAND, SLOTS }; /* slots as batch_render lays them out, and who writes them */
static const int last_pass[SLOTS] = {1, 7};

static float *pcm[MAX_CHANNELS];

static int set_up(void **state) {
  (void)state;
  render_programme(RATE, 2, FRAMES, 3, pcm);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  free(pcm[0]);
  return 0;
}

struct way { /* of rendering the same track */
  int n_tracks, place; /* side by side; which of them it is */
  int segment_blocks;
};

/* Renders the track with a bit flipped in a block of a stage (-1: sound); *job is its end. */
static void render(const struct way *way, uint64_t seed, int slot, int block,
                   struct lane_job *job) {
  struct faulty_engine device;
  struct render_plan plan = render_plan_of(RATE, 2);
  struct render_track tracks[TRACKS] = {0};
  faulty_engine_init(&device);
  plan.engine = &device.engine;
  plan.chain = true;
  plan.tier = VERIFY_SAMPLE;
  plan.segment_blocks = way->segment_blocks;
  if (block >= 0)
    device.fault = (struct fault){.kind = FAULT_AUDIO, .lane = way->place, .slot = slot,
                                  .pass = last_pass[slot], .block = block,
                                  .at = (int64_t)block * BLOCK_FRAMES + 77};
  for (int i = 0; i < way->n_tracks; i++)
    tracks[i] = (struct render_track){.pcm = {pcm[0], pcm[1]}, .n_frames = FRAMES - 999 * i,
                                      .seed = seed + 1000 + (uint64_t)i};
  tracks[way->place].n_frames = FRAMES;
  tracks[way->place].seed = seed;
  assert_int_equal(render_tracks(&plan, tracks, way->n_tracks), ENGINE_OK);
  assert_int_equal(device.hits > 0, block >= 0);
  *job = tracks[way->place].job;
  render_free(tracks, way->n_tracks);
}

/* The blocks that are checked, as bits. */
static uint64_t window(const struct way *way, uint64_t seed, int slot) {
  uint64_t found = 0;
  for (int block = 0; block < BLOCKS; block++) {
    struct lane_job job;
    render(way, seed, slot, block, &job);
    if (job.mismatch.found) found |= (uint64_t)1 << block;
  }
  return found;
}

static void test_windows(void **state) {
  static const struct way ways[] = {{1, 0, 64}, {3, 2, 64}, {2, 0, 5}};
  static const uint64_t seeds[] = {1, 0x123456789abcdefu};
  uint64_t first[2][SLOTS];
  (void)state;
  for (int s = 0; s < 2; s++)
    for (int slot = EQ; slot < SLOTS; slot++) {
      first[s][slot] = window(&ways[0], seeds[s], slot);
      const uint64_t run = first[s][slot] / (first[s][slot] & -first[s][slot]);
      assert_int_equal(run, 0xff); /* eight blocks side by side */
    }
  for (size_t w = 1; w < sizeof ways / sizeof *ways; w++)
    for (int slot = EQ; slot < SLOTS; slot++)
      assert_int_equal(window(&ways[w], seeds[0], slot), first[0][slot]);
  assert_int_not_equal(first[0][EQ], first[1][EQ]); /* another track, another window */
  assert_int_not_equal(first[0][EQ], first[0][MULTIBAND]); /* and another stage */
}

static void test_coverage(void **state) {
  static const struct way ways[] = {{1, 0, 64}, {3, 1, 64}, {2, 1, 3}, {1, 0, 1}};
  struct lane_job first, job;
  (void)state;
  render(&ways[0], 7, EQ, -1, &first);
  /* eight blocks of 24, and of the hops (few words) those inside */
  const double share = (double)first.verified_words / (double)first.total_words;
  assert_true(share > 0.32 && share < 0.34);
  for (size_t i = 1; i < sizeof ways / sizeof *ways; i++) {
    render(&ways[i], 7, EQ, -1, &job);
    assert_int_equal(job.verified_words, first.verified_words);
    assert_int_equal(job.total_words, first.total_words);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_windows),
                                     cmocka_unit_test(test_coverage)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
