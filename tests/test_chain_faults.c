/* SPDX-License-Identifier: MIT
 * A device that makes one mistake: flipped bits and lost blocks in every stage and pass
 * are found, named and never delivered. */
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
#include "hostile_signals.h"
#include "loudness.h"
#include "multiband.h"
#include "render_fixture.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
enum { SEED = 666, RATE = 44100, CHANNELS = 2 };
/* Slots as batch_render lays them out behind the fixture's chain. */
enum { EQ, MULTIBAND, LIMITER, LOUDNESS, AGAIN, DITHER, BAND_LIMIT, CLIP };
enum { FORWARD, FILTER };                                                   /* eq */
/* multiband */
enum { MB_FORWARD, MB_SPLIT, MB_ENERGY, MB_ENERGY_MS, MB_WANTED, MB_HOLD, MB_FOLLOW, MB_APPLY };

/* One mistake, and what the report must say. */
struct mistake {
  const char *what;
  enum fault_kind kind;
  int slot, pass, section, bit; /* section of control words; audio: channel */
  const char *stage, *data;
};
static const struct mistake mistakes[] = {
    {"eq forward lost", FAULT_LOST_BLOCK, EQ, FORWARD, 0, 0, "eq", "audio"},
    {"eq filter lost", FAULT_LOST_BLOCK, EQ, FILTER, 0, 0, "eq", "audio"},
    {"eq filter left", FAULT_AUDIO, EQ, FILTER, 0, 0, "eq", "audio"},
    {"eq filter right", FAULT_AUDIO, EQ, FILTER, 1, 31, "eq", "audio"},
    {"multiband forward lost", FAULT_LOST_BLOCK, MULTIBAND, MB_FORWARD, 0, 0, "multiband",
     "control"},
    {"multiband split lost", FAULT_LOST_BLOCK, MULTIBAND, MB_SPLIT, 0, 0, "multiband", "control"},
    {"multiband energy", FAULT_CONTROL, MULTIBAND, MB_ENERGY, 2, 0, "multiband", "control"},
    {"multiband wanted", FAULT_CONTROL, MULTIBAND, MB_WANTED, 5, 0, "multiband", "control"},
    {"multiband follow", FAULT_CONTROL, MULTIBAND, MB_FOLLOW, 11, 0, "multiband", "control"},
    {"multiband follow lost", FAULT_LOST_BLOCK, MULTIBAND, MB_FOLLOW, 0, 0, "multiband",
     "control"},
    {"multiband apply", FAULT_AUDIO, MULTIBAND, MB_APPLY, 1, 3, "multiband", "audio"},
    {"loudness forward lost", FAULT_LOST_BLOCK, LOUDNESS, LOUDNESS_FORWARD, 0, 0, "loudness",
     "control"},
    {"loudness energy", FAULT_CONTROL, LOUDNESS, LOUDNESS_ENERGY, 1, 0, "loudness", "control"},
    {"loudness hops", FAULT_CONTROL, LOUDNESS, LOUDNESS_HOPS, 2, 0, "loudness", "control"},
    {"limiter detect", FAULT_CONTROL, LIMITER, LIMITER_DETECT, LIMITER_LEVEL, 0, "limiter",
     "control"},
    {"limiter set demand", FAULT_CONTROL, LIMITER, LIMITER_SET_DEMAND, LIMITER_DEMAND, 0,
     "limiter", "control"},
    {"limiter set demand, high bit", FAULT_CONTROL, LIMITER, LIMITER_SET_DEMAND, LIMITER_DEMAND,
     21, "limiter", "control"},
    {"limiter hold", FAULT_CONTROL, LIMITER, LIMITER_HOLD, LIMITER_HELD, 0, "limiter", "control"},
    {"limiter hold, high bit", FAULT_CONTROL, LIMITER, LIMITER_HOLD, LIMITER_HELD, 21, "limiter",
     "control"},
    {"limiter dilate", FAULT_CONTROL, LIMITER, LIMITER_DILATE, LIMITER_VERTEX, 0, "limiter",
     "control"},
    {"limiter erode", FAULT_CONTROL, LIMITER, LIMITER_ERODE, LIMITER_CLOSED, 0, "limiter",
     "control"},
    {"limiter slow stage", FAULT_CONTROL, LIMITER, LIMITER_FOLLOW, LIMITER_SLOW, 0, "limiter",
     "control"},
    {"limiter smooth", FAULT_CONTROL, LIMITER, LIMITER_SMOOTH, LIMITER_REDUCTION, 0, "limiter",
     "control"},
    {"limiter gain", FAULT_CONTROL, LIMITER, LIMITER_SMOOTH, LIMITER_GAIN, 0, "limiter",
     "control"},
    {"limiter gain, high bit", FAULT_CONTROL, LIMITER, LIMITER_SMOOTH, LIMITER_GAIN, 22,
     "limiter", "control"},
    {"limiter apply", FAULT_AUDIO, LIMITER, LIMITER_APPLY, 1, 0, "limiter", "audio"},
    {"limiter detect again", FAULT_CONTROL, LIMITER, LIMITER_DETECT_AGAIN, LIMITER_AGAIN, 0,
     "limiter", "control"},
    {"limiter correct", FAULT_CONTROL, LIMITER, LIMITER_CORRECT, LIMITER_DEMAND, 0, "limiter",
     "control"},
    {"result's forward lost", FAULT_LOST_BLOCK, AGAIN, LOUDNESS_FORWARD, 0, 0, "loudness",
     "control"},
    {"result's energy", FAULT_CONTROL, AGAIN, LOUDNESS_ENERGY, 0, 0, "loudness", "control"},
    {"result's hops", FAULT_CONTROL, AGAIN, LOUDNESS_HOPS, 2, 0, "loudness", "control"},
    {"band limit forward lost", FAULT_LOST_BLOCK, BAND_LIMIT, FORWARD, 0, 0, "band_limit",
     "audio"},
    {"band limit", FAULT_AUDIO, BAND_LIMIT, FILTER, 1, 2, "band_limit", "audio"},
    {"clip lost", FAULT_LOST_BLOCK, CLIP, 0, 0, 0, "clip", "audio"},
    {"clip", FAULT_AUDIO, CLIP, 0, 0, 4, "clip", "audio"},
    {"limiter half way lost", FAULT_LOST_BLOCK, LIMITER, LIMITER_HALF_WAY, 0, 0, "limiter",
     "control"},
    {"limiter next to Nyquist", FAULT_CONTROL, LIMITER, LIMITER_HALF_WAY, LIMITER_HIGH, 0,
     "limiter", "control"},
    {"limiter half way again lost", FAULT_LOST_BLOCK, LIMITER, LIMITER_HALF_WAY_AGAIN, 0, 0,
     "limiter", "control"},
    {"dither", FAULT_AUDIO, DITHER, 0, 1, 8, "dither", "pcm"},
    {"dither lost", FAULT_LOST_BLOCK, DITHER, 0, 0, 0, "dither", "pcm"},
    {"dither clip count", FAULT_CONTROL, DITHER, 0, 0, 0, "dither", "control"},
};

static int points_of(int slot) {
  return slot == MULTIBAND ? BLOCK_FRAMES / 16 : slot == DITHER ? 1 : BLOCK_FRAMES / 8;
}

/* Plants the mistake in `block`; returns the frame (of its word) that must be reported. */
static int32_t plant(struct faulty_engine *device, const struct mistake *m, int32_t block,
                     int32_t n_frames) {
  const int points = points_of(m->slot), inside = m->slot == DITHER ? 0 : 37;
  const int32_t n_blocks = (n_frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
  struct fault *f = &device->fault;
  *f = (struct fault){.kind = m->kind, .slot = m->slot, .pass = m->pass, .block = block,
                      .bit = m->bit, .channel = m->section};
  const int32_t point = block * points + inside, frame = block * BLOCK_FRAMES + 77;
  const bool hops = (m->slot == LOUDNESS || m->slot == AGAIN) && m->pass == LOUDNESS_HOPS;
  if (hops) f->block = 1;
  if (m->kind == FAULT_AUDIO) {
    f->at = frame;
    if (m->slot == DITHER) f->at = frame * CHANNELS + m->section, f->channel = 0;
    return frame;
  }
  const int sections = m->slot == LIMITER ? m->section * CHANNELS : m->section;
  f->at = (int64_t)sections * n_blocks * points + (hops ? 1 : point);
  return hops ? RATE / 10 : point * (BLOCK_FRAMES / points);
}

/* Programme with binary noise on top. The caller frees pcm[0]. */
static void hard_programme(struct render_track *t, int32_t n, uint64_t seed) {
  *t = (struct render_track){.n_frames = n, .seed = seed};
  render_programme(RATE, CHANNELS, n, SEED, t->pcm);
  for (int32_t i = 0; i < CHANNELS * n; i++)
    t->pcm[0][i] = t->pcm[0][i] + (fixture_random(&seed) & 1 ? 0.5F : -0.5F);
}

static struct render_plan plan_on(struct faulty_engine *device, enum verify_tier tier) {
  struct render_plan plan = render_plan_of(RATE, CHANNELS);
  faulty_engine_init(device);
  plan.engine = &device->engine;
  plan.tier = tier;
  plan.chain = true;
  plan.segment_blocks = 4;
  plan.n_tails = 2;
  /* so fast that the gain itself makes peaks, which the limiter has to correct */
  plan.limiter.look_ahead_ms = 0.5, plan.limiter.release_ms = 1;
  plan.limiter.smooth_ms = plan.limiter.close_ms = 0;
  plan.limiter.clip_db = 3;
  plan.limiter.slow_amount = 0.6; /* no block is left as it is */
  plan.tails[0] = (struct render_tail){-8, -1, 24, DITHER_TPDF, 1};
  plan.tails[1] = (struct render_tail){NAN, -6, 16, DITHER_TPDF, 2};
  return plan;
}

/* True when the mistake was made, found, named and held back. */
static bool caught(const struct mistake *m, const struct faulty_engine *device,
                   const struct render_track *t, int32_t frame) {
  const struct mismatch *found = &t->job.mismatch;
  const int channel = !strcmp(m->data, "control") ? -1 : m->section;
  bool good = device->hits > 0 && found->found && !t->delivered[0] && !t->delivered[1] &&
              !strcmp(found->stage, m->stage) && !strcmp(found->data, m->data);
  if (m->kind != FAULT_LOST_BLOCK)
    good = good && found->channel == channel && found->frame == frame &&
           (found->device_word ^ found->reference_word) == 1u << m->bit;
  if (!good)
    print_message("  %s: %d hits, found %d: %s %s, channel %d, frame %d (should be %s %s %d %d), "
                  "%08x for %08x; delivered %d %d\n",
                  m->what, device->hits, found->found, found->stage, found->data, found->channel,
                  found->frame, m->stage, m->data, channel, frame, found->device_word,
                  found->reference_word, t->delivered[0], t->delivered[1]);
  return good;
}

static int missed_mistakes(enum verify_tier tier, int32_t n_frames, int32_t block) {
  int missed = 0;
  struct faulty_engine device;
  struct render_plan plan = plan_on(&device, tier);
  struct render_track t;
  hard_programme(&t, n_frames, SEED);
  assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK); /* no fault yet */
  assert_false(t.job.mismatch.found);
  assert_int_equal(t.delivered[0], 1);
  assert_true(t.result[0].limiter_rounds > 0 || t.result[1].limiter_rounds > 0);
  for (int i = 0; i < COUNT(mistakes); i++) {
    const struct mistake *m = &mistakes[i];
    if (m->pass == LIMITER_CORRECT && m->slot == LIMITER && tier == VERIFY_SAMPLE) continue;
    device.hits = 0;
    const int32_t frame = plant(&device, m, block, n_frames);
    assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
    missed += !caught(m, &device, &t, frame);
  }
  assert_int_equal(device.opens, 0);
  render_free(&t, 1);
  free(t.pcm[0]);
  return missed;
}

static void full_tier(void **state) {
  (void)state;
  assert_int_equal(missed_mistakes(VERIFY_FULL, 40000, 12), 0);
}

/* A track of eight blocks is all window. Corrected demands are taken as they are. */
static void sample_tier_inside_window(void **state) {
  (void)state;
  assert_int_equal(missed_mistakes(VERIFY_SAMPLE, 8 * BLOCK_FRAMES - 100, 3), 0);
}

/* The limiter's gain for spikes, which only paces have that a search takes for much loudness. */
static void spikes(void **state) {
  (void)state;
  static const struct mistake wrong[] = {
      {"limiter dilate spikes", FAULT_CONTROL, LIMITER, LIMITER_DILATE_SPIKES, LIMITER_SPIKES, 0,
       "limiter", "control"},
      {"limiter erode spikes", FAULT_CONTROL, LIMITER, LIMITER_ERODE_SPIKES, LIMITER_BOTH, 0,
       "limiter", "control"},
      {"limiter erode spikes lost", FAULT_LOST_BLOCK, LIMITER, LIMITER_ERODE_SPIKES, 0, 0,
       "limiter", "control"}};
  enum { N = 40000 };
  struct faulty_engine device;
  struct render_plan plan = plan_on(&device, VERIFY_FULL);
  struct render_track t;
  hard_programme(&t, N, SEED);
  params_init(stage_limiter.rows, &plan.limiter);
  plan.tails[0].loudness_lufs = plan.tails[1].loudness_lufs = -3;
  assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
  assert_false(t.job.mismatch.found);
  assert_in_range(t.result[0].release_ms, 1, 120);
  for (int i = 0; i < COUNT(wrong); i++) {
    device.hits = 0;
    const int32_t frame = plant(&device, &wrong[i], 12, N);
    assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
    assert_true(caught(&wrong[i], &device, &t, frame));
  }
  render_free(&t, 1);
  free(t.pcm[0]);
}

/* Of 40 blocks the window is 8, somewhere: a mistake is found when it lies inside. */
static void sample_tier_windows(void **state) {
  (void)state;
  enum { TRIES = 48, N = 40 * BLOCK_FRAMES };
  static const struct mistake m = {"eq", FAULT_AUDIO, EQ, FILTER, 0, 0, "eq", "audio"};
  struct faulty_engine device;
  struct render_plan plan = plan_on(&device, VERIFY_SAMPLE);
  struct render_track t;
  int found = 0;
  hard_programme(&t, N, SEED);
  plan.tails[0].loudness_lufs = NAN;
  plan.n_tails = 1;
  const int32_t frame = plant(&device, &m, 20, N);
  for (int i = 0; i < TRIES; i++) {
    t.seed = fixture_random(&t.seed);
    assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
    assert_int_equal(t.delivered[0], !t.job.mismatch.found);
    if (!t.job.mismatch.found) continue;
    assert_int_equal(t.job.mismatch.frame, frame);
    found++;
  }
  print_message("  %d of %d windows held the mistake\n", found, TRIES);
  /* 8 of 33 positions hold it: 11.6 expected, four standard deviations of 3. */
  assert_in_range(found, 1, 24);
  render_free(&t, 1);
  free(t.pcm[0]);
}

/* One lane's mistake is not another's. */
static void other_lanes_go_on(void **state) {
  (void)state;
  struct faulty_engine device;
  struct render_plan plan = plan_on(&device, VERIFY_FULL);
  struct render_track t[3], sound = {0};
  for (int i = 0; i < 3; i++) hard_programme(&t[i], 30000, SEED + (uint64_t)i);
  for (int i = 0; i < COUNT(mistakes); i += 5) {
    plant(&device, &mistakes[i], 5, 30000);
    device.fault.lane = 1;
    assert_int_equal(render_tracks(&plan, t, 3), ENGINE_OK);
    assert_true(t[1].job.mismatch.found);
    assert_int_equal(t[1].delivered[0] + t[1].delivered[1], 0);
    device.fault.kind = FAULT_NONE;
    for (int lane = 0; lane < 3; lane += 2) {
      assert_false(t[lane].job.mismatch.found);
      memcpy(sound.pcm, t[lane].pcm, sizeof sound.pcm);
      sound.n_frames = 30000;
      assert_int_equal(render_tracks(&plan, &sound, 1), ENGINE_OK);
      for (int tail = 0; tail < 2; tail++) {
        assert_int_equal(t[lane].delivered[tail], 1);
        assert_memory_equal(t[lane].out[tail], sound.out[tail],
                            30000 * CHANNELS * sizeof(int32_t));
      }
    }
  }
  render_free(t, 3);
  render_free(&sound, 1);
  for (int i = 0; i < 3; i++) free(t[i].pcm[0]);
}

/* A mistake in the second variant's tail does not take back the first one's. */
static void second_tail(void **state) {
  (void)state;
  enum { N = 30000 };
  struct faulty_engine device;
  struct render_plan plan = plan_on(&device, VERIFY_FULL);
  struct render_track t;
  hard_programme(&t, N, SEED);
  device.fault = (struct fault){.kind = FAULT_AUDIO, .slot = DITHER, .block = 6, .after = 1,
                                .at = CHANNELS * 14000 + 1, .bit = 20};
  assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
  assert_int_equal(device.hits, 1);
  assert_int_equal(t.delivered[0], 1);
  assert_int_equal(t.delivered[1], 0);
  assert_string_equal(t.job.mismatch.stage, "dither");
  assert_int_equal(t.job.mismatch.frame, 14000);
  assert_int_equal(t.job.mismatch.channel, 1);
  render_free(&t, 1);
  free(t.pcm[0]);
}

/* A mistake in the conversion, or in a tail behind it, is named in frames of its rate. */
static void other_rate(void **state) {
  (void)state;
  enum { N = 30000, CONVERSION = 0, CONVERTED_LIMITER, CONVERTED_DITHER = 4 };
  static const struct mistake converted[] = {
      {"resample left", FAULT_AUDIO, CONVERSION, 0, 0, 0, "resample", "audio"},
      {"resample right", FAULT_AUDIO, CONVERSION, 0, 1, 31, "resample", "audio"},
      {"resample lost", FAULT_LOST_BLOCK, CONVERSION, 0, 0, 0, "resample", "audio"},
      {"limiter apply", FAULT_AUDIO, CONVERTED_LIMITER, LIMITER_APPLY, 1, 0, "limiter", "audio"},
      {"dither lost", FAULT_LOST_BLOCK, CONVERTED_DITHER, 0, 0, 0, "dither", "pcm"}};
  static const struct {
    enum verify_tier tier;
    int32_t n_frames; /* so few that all is window in the sample tier */
    int32_t block;
  } runs[] = {{VERIFY_FULL, N, 13}, {VERIFY_SAMPLE, 7 * BLOCK_FRAMES, 7}};
  for (int r = 0; r < COUNT(runs); r++) {
    struct faulty_engine device;
    struct render_plan plan = plan_on(&device, runs[r].tier);
    struct render_track t;
    hard_programme(&t, runs[r].n_frames, SEED);
    plan.tail_rate_hz[1] = 48000;
    assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
    assert_false(t.job.mismatch.found);
    assert_int_equal(t.delivered[1], 1);
    for (int i = 0; i < COUNT(converted); i++) {
      const struct mistake *m = &converted[i];
      const int32_t frame = runs[r].block * BLOCK_FRAMES + 77;
      device.hits = 0;
      device.fault = (struct fault){.kind = m->kind, .session = 1, .slot = m->slot,
                                    .pass = m->pass, .block = runs[r].block,
                                    .channel = m->section, .at = frame, .bit = m->bit};
      assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
      assert_true(caught(m, &device, &t, frame));
    }
    assert_int_equal(device.opens, 0);
    render_free(&t, 1);
    free(t.pcm[0]);
  }
}

/* ---- the hook for end-to-end tests ---- */

static void flip_variable(void **state) {
  (void)state;
  static const struct {
    const char *spec, *stage;
    int channel;
    int32_t frame;
    uint32_t bit;
  } flips[] = {{"eq:1:5000:3", "eq", 1, 5000, 1u << 3},
               {"multiband:0:1:31", "multiband", 0, 1, 1u << 31},
               {"limiter:0:29999:0", "limiter", 0, 29999, 1},
               {"dither:1:12345:16", "dither", 1, 12345, 1u << 16}};
  struct faulty_engine device;
  struct render_plan plan = plan_on(&device, VERIFY_FULL);
  struct render_track t;
  hard_programme(&t, 30000, SEED);
  for (int i = 0; i < COUNT(flips); i++) {
    assert_int_equal(setenv(TEST_FLIP_VARIABLE, flips[i].spec, 1), 0);
    assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
    const struct mismatch *m = &t.job.mismatch;
    assert_true(m->found);
    assert_string_equal(m->stage, flips[i].stage);
    assert_string_equal(m->data, i == 3 ? "pcm" : "audio");
    assert_int_equal(m->channel, flips[i].channel);
    assert_int_equal(m->frame, flips[i].frame);
    assert_int_equal(m->device_word ^ m->reference_word, flips[i].bit);
    assert_int_equal(t.delivered[0] + t.delivered[1], 0);
  }
  struct render_plan cpu = plan; /* ignored there, and unchecked nothing is found */
  cpu.engine = render_plan_of(RATE, CHANNELS).engine;
  assert_int_equal(render_tracks(&cpu, &t, 1), ENGINE_OK);
  assert_false(t.job.mismatch.found);
  plan.tier = VERIFY_OFF;
  assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
  assert_false(t.job.mismatch.found);
  assert_int_equal(t.delivered[0], 1);
  assert_int_equal(unsetenv(TEST_FLIP_VARIABLE), 0);
  render_free(&t, 1);
  free(t.pcm[0]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(full_tier),           cmocka_unit_test(sample_tier_inside_window),
      cmocka_unit_test(sample_tier_windows), cmocka_unit_test(other_lanes_go_on),
      cmocka_unit_test(second_tail),         cmocka_unit_test(other_rate),
      cmocka_unit_test(spikes),
      cmocka_unit_test(flip_variable),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
