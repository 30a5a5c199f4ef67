/* SPDX-License-Identifier: MIT
 * A batch on a device that fails in one call, whichever it is: the batch ends with that
 * failure, or the lane with its mismatch; what was delivered has the right bits and figures.
 * LACQUER_TEST_SWEEP=full strikes in every call instead of a part of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio_fixture.h"
#include "faulty_engine.h"
#include "gpu_fixture.h"
#include "render_fixture.h"

enum { RATE = 44100, OTHER_RATE = 48000, CHANNELS = 2, FRAMES = 9000, LANES = 2, TAILS = 3 };

static struct faulty_engine device;
static struct render_plan plan;
static struct render_track good[LANES], lanes[LANES];
static uint64_t seed;

/* Two lengths; a loudness behind a clipper, a second tail that needs the low pass, and one
 * at another rate. */
static int set_up(void **state) {
  (void)state;
  seed = gpu_fixture_seed(20261126);
  plan = render_plan_of(RATE, CHANNELS);
  plan.chain = true;
  plan.segment_blocks = 4;
  plan.limiter.clip_db = 3;
  plan.n_tails = TAILS;
  plan.tails[0] = (struct render_tail){-8, -1, 24, DITHER_TPDF, 1};
  plan.tails[1] = (struct render_tail){NAN, -6, 16, DITHER_TPDF, 2};
  plan.tails[2] = (struct render_tail){-10, -1, 24, DITHER_TPDF, 3};
  plan.tail_rate_hz[2] = OTHER_RATE;
  for (int l = 0; l < LANES; l++) {
    good[l] = (struct render_track){.n_frames = FRAMES - 2500 * l, .seed = 7};
    render_programme(RATE, CHANNELS, good[l].n_frames, 40 + (uint64_t)l, good[l].pcm);
    for (int32_t i = 0; i < CHANNELS * good[l].n_frames; i++) /* binary noise: peaks hide */
      good[l].pcm[0][i] += fixture_random(&seed) & 1 ? 0.5F : -0.5F;
    lanes[l] = good[l];
  }
  for (int l = 0; l < LANES; l++) /* alone, on the CPU */
    if (render_tracks(&plan, &good[l], 1) != ENGINE_OK) return -1;
  faulty_engine_init(&device);
  plan.engine = &device.engine;
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  render_free(good, LANES);
  render_free(lanes, LANES);
  for (int l = 0; l < LANES; l++) free(good[l].pcm[0]);
  return 0;
}

static enum engine_status render_with(const struct fault *fault) {
  device.fault = *fault;
  device.calls = device.hits = 0;
  return render_tracks(&plan, lanes, LANES);
}

/* What was delivered is right, word for word. Returns how much was. */
static int check_delivered(int call) {
  int n = 0;
  for (int l = 0; l < LANES; l++)
    for (int t = 0; t < TAILS; t++) {
      const struct tail_result *a = &lanes[l].result[t], *b = &good[l].result[t];
      if (!lanes[l].delivered[t]) continue;
      if (memcmp(lanes[l].out[t], good[l].out[t], (size_t)b->n_frames * CHANNELS * 4))
        fail_msg("call %d: wrong samples of lane %d, tail %d were delivered", call, l, t);
      if (a->drive_db != b->drive_db || a->loudness_lufs != b->loudness_lufs ||
          a->true_peak_db != b->true_peak_db || a->clipped != b->clipped ||
          a->max_reduction_db != b->max_reduction_db || a->clipped_db != b->clipped_db ||
          memcmp(&a->figures, &b->figures, sizeof a->figures) ||
          memcmp(&a->input, &b->input, sizeof a->input))
        fail_msg("call %d: wrong figures of lane %d, tail %d were delivered", call, l, t);
      n += lanes[l].delivered[t];
    }
  assert_int_equal(device.opens, 0);
  return n;
}

/* How many calls a sound render takes. */
static int count_calls(void) {
  assert_int_equal(render_with(&(struct fault){.kind = FAULT_NONE}), ENGINE_OK);
  assert_int_equal(check_delivered(-1), LANES * TAILS);
  return device.calls;
}

/* The next call to strike in: all of them, or one in about 50. */
static int next_call(int call) {
  const char *sweep = getenv("LACQUER_TEST_SWEEP");
  if (sweep && !strcmp(sweep, "full")) return call + 1;
  return call + 1 + (int)(fixture_random(&seed) % 100);
}

static void sweep_status(enum verify_tier tier, enum engine_status status) {
  plan.tier = tier;
  const int calls = count_calls();
  int struck = 0, some = 0;
  for (int call = 0; call < calls; call = next_call(call), struck++) {
    const struct fault fault = {.kind = FAULT_STATUS, .call = call, .status = status};
    const enum engine_status got = render_with(&fault);
    if (got != status) fail_msg("call %d of %d: status %d", call, calls, got);
    const int n = check_delivered(call);
    assert_true(n < LANES * TAILS);
    some += n > 0;
  }
  print_message("  %d of %d calls failed\n", struck, calls);
  assert_true(struck > 4 && some > 0);
}

static void memory_runs_out(void **state) {
  (void)state;
  sweep_status(VERIFY_OFF, ENGINE_NO_MEMORY);
  sweep_status(VERIFY_FULL, ENGINE_NO_MEMORY);
}

static void device_is_lost(void **state) {
  (void)state;
  sweep_status(VERIFY_SAMPLE, ENGINE_DEVICE_LOST);
  sweep_status(VERIFY_FULL, ENGINE_DEVICE_LOST);
}

/* A bit flips on the way to the device or back. In the full tier that is found, or it is in
 * what nobody takes. */
static void copies_are_spoilt(void **state) {
  (void)state;
  plan.tier = VERIFY_FULL;
  const int calls = count_calls();
  int struck = 0, found = 0, harmless = 0;
  for (int call = 0; call < calls; call = next_call(call)) {
    const struct fault fault = {.kind = FAULT_COPY, .call = call,
                                .at = (int64_t)(fixture_random(&seed) % FRAMES),
                                .bit = (int)(fixture_random(&seed) % 32)};
    assert_int_equal(render_with(&fault), ENGINE_OK);
    const int n = check_delivered(call);
    const int mismatches = lanes[0].job.mismatch.found + lanes[1].job.mismatch.found;
    struck += device.hits;
    found += device.hits && mismatches;
    harmless += device.hits && !mismatches;
    assert_true(mismatches <= device.hits);
    assert_int_equal(n == LANES * TAILS, mismatches == 0);
  }
  print_message("  %d copies spoilt: %d found, %d harmless\n", struck, found, harmless);
  assert_true(struck > 4 && found > struck / 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(memory_runs_out),
      cmocka_unit_test(device_is_lost),
      cmocka_unit_test(copies_are_spoilt),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
