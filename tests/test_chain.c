/* SPDX-License-Identifier: MIT
 * batch_render on sound engines: transparency, loudness targets, variants, segments,
 * lanes of different lengths, and both verifying tiers. */
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
#include "dither.h"
#include "engine_cpu.h"
#include "faulty_engine.h"
#include "layout.h"
#include "render_fixture.h"
#include "resample.h"
#include "solve.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
enum { SEED = 90 };

static double to_db(double gain) { return 20 * log10(gain); }

static size_t pcm_bytes(const struct render_plan *plan, const struct render_track *t) {
  return (size_t)t->n_frames * plan->channels * sizeof(int32_t);
}

/* A delivered tail of a sound batch. */
static void assert_delivered(const struct render_track *t, int n_tails) {
  assert_false(t->job.mismatch.found);
  for (int i = 0; i < n_tails; i++) assert_int_equal(t->delivered[i], 1);
}

static void neutral_at(int channels, int32_t n) {
  const struct fixture_shape shape = {44100, channels, n, 24};
  struct render_plan plan = render_plan_of(44100, channels);
  struct render_track t = {.n_frames = n};
  int32_t *words = fixture_noise(&shape, SEED + (uint64_t)n);
  for (int c = 0; c < channels; c++) {
    t.pcm[c] = render_floats(n);
    for (int32_t i = 0; i < n; i++)
      t.pcm[c][i] = (float)(words[(size_t)i * channels + c] / 2147483648.0);
  }
  plan.tails[0].true_peak_db = NAN;
  assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
  assert_delivered(&t, 1);
  assert_memory_equal(t.out[0], words, pcm_bytes(&plan, &t));
  assert_true(t.result[0].reached);
  assert_int_equal(t.result[0].clipped, 0);
  render_free(&t, 1);
  for (int c = 0; c < channels; c++) free(t.pcm[c]);
  free(words);
}

static void neutral(void **state) {
  (void)state;
  static const int32_t lengths[] = {1,    2,    7,    8,    100,  2047,  2048,
                                    2049, 4095, 4096, 4097, 10000, 100003};
  for (int channels = 1; channels <= LAYOUT_MOST_SPEAKERS; channels++)
    for (int i = 0; i < COUNT(lengths); i++) neutral_at(channels, lengths[i]);
}

/* ---- loudness ---- */

static void loudness_targets(void **state) {
  (void)state;
  static const int rates[] = {44100, 96000};
  for (int r = 0; r < COUNT(rates); r++) {
    struct render_plan plan = render_plan_of(rates[r], 2);
    struct render_track t = {.n_frames = 3 * rates[r]};
    render_programme(rates[r], 2, t.n_frames, SEED, t.pcm);
    plan.chain = true;
    plan.n_tails = 4;
    plan.tails[0] = (struct render_tail){-14, -1, 24, DITHER_TPDF, 1};
    plan.tails[1] = (struct render_tail){-14, -1, 16, DITHER_TPDF, 2};
    plan.tails[2] = (struct render_tail){-9, -1, 24, DITHER_TPDF, 3};
    plan.tails[3] = (struct render_tail){-23, -2, 16, DITHER_NONE, 3};
    assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
    assert_delivered(&t, plan.n_tails);
    for (int i = 0; i < plan.n_tails; i++) {
      const struct render_reading m = render_measure(t.out[i], t.n_frames, 2, rates[r]);
      print_message("  %d Hz, target %g: ebur128 %.4f LUFS %.3f dBTP, own %.4f LUFS, drive "
                    "%.3f dB, reduction %.2f dB\n",
                    rates[r], plan.tails[i].loudness_lufs, m.lufs, to_db(m.true_peak),
                    t.result[i].loudness_lufs, t.result[i].drive_db,
                    t.result[i].max_reduction_db);
      assert_true(t.result[i].reached);
      /* The solver's tolerance; dither at -98 dBFS adds nothing at -23 LUFS. */
      assert_true(fabs(m.lufs - plan.tails[i].loudness_lufs) <= SOLVE_TOLERANCE);
      /* The own meter differs by fp32 only: 1e-4 LU; 16 bit without dither by a little. */
      assert_true(fabs(m.lufs - t.result[i].loudness_lufs) <= 0.001);
      assert_true(to_db(m.true_peak) <= plan.tails[i].true_peak_db);
    }
    render_free(&t, 1);
    free(t.pcm[0]);
  }
}

static void unreachable_target(void **state) {
  (void)state;
  enum { RATE = 48000, N = 3 * RATE };
  struct render_plan plan = render_plan_of(RATE, 2);
  struct render_track t = {.n_frames = N};
  render_programme(RATE, 2, N, SEED, t.pcm);
  plan.tails[0] = (struct render_tail){-5, -12, 24, DITHER_TPDF, 1};
  assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
  assert_delivered(&t, 1);
  const struct render_reading m = render_measure(t.out[0], N, 2, RATE);
  print_message("  target -5 under -12 dBTP: %.2f LUFS, %.3f dBTP, drive %.1f dB\n", m.lufs,
                to_db(m.true_peak), t.result[0].drive_db);
  assert_false(t.result[0].reached);
  assert_true(to_db(m.true_peak) <= -12);
  assert_true(fabs(m.lufs - t.result[0].loudness_lufs) <= 0.001);
  render_free(&t, 1);
  free(t.pcm[0]);
}

/* The limiter takes what it may and no more; a target within that is met as without. */
static void bounded_reduction(void **state) {
  (void)state;
  enum { RATE = 44100, N = 3 * RATE };
  struct render_plan plan = render_plan_of(RATE, 2);
  struct render_track t = {.n_frames = N};
  render_programme(RATE, 2, N, SEED, t.pcm);
  plan.n_tails = 5;
  for (int i = 0; i < 5; i++) {
    plan.tails[i] = (struct render_tail){i < 3 ? -5 : -16, -1, 24, DITHER_TPDF, 1};
    plan.max_reduction_db[i] = (const double[]){0.02, 2, 4, 30, 0}[i];
  }
  assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
  assert_delivered(&t, plan.n_tails);
  for (int i = 0; i < 3; i++) {
    const struct tail_result *r = &t.result[i];
    const double most = plan.max_reduction_db[i];
    print_message("  at most %g dB: %.4f dB, %.3f LUFS\n", most, r->max_reduction_db,
                  r->loudness_lufs);
    assert_true(r->max_reduction_db <= most);
    assert_true(r->max_reduction_db >= most - 0.05); /* kept back: 0.01, twice if corrected */
    assert_false(r->reached);
    assert_int_equal(r->limit, SOLVE_REDUCTION);
    const struct render_reading m = render_measure(t.out[i], N, 2, RATE);
    assert_true(to_db(m.true_peak) <= -1);
    assert_true(i == 0 || r->loudness_lufs > t.result[i - 1].loudness_lufs);
  }
  assert_true(t.result[3].reached && t.result[3].limit == SOLVE_MET);
  assert_true(t.result[3].drive_db == t.result[4].drive_db);
  assert_memory_equal(t.out[3], t.out[4], N * 2 * sizeof *t.out[3]);
  render_free(&t, 1);
  free(t.pcm[0]);
}

static void silence(void **state) {
  (void)state;
  static const int32_t lengths[] = {1, 5000, 100000};
  for (int i = 0; i < COUNT(lengths); i++) {
    struct render_plan plan = render_plan_of(48000, 2);
    struct render_track t = {.n_frames = lengths[i]};
    float *zeros = render_floats(lengths[i]);
    t.pcm[0] = t.pcm[1] = zeros;
    plan.chain = true;
    plan.tails[0].loudness_lufs = -14;
    assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
    assert_delivered(&t, 1);
    for (int32_t k = 0; k < 2 * lengths[i]; k++) assert_int_equal(t.out[0][k], 0);
    assert_true(t.result[0].input.integrated_lufs == -HUGE_VAL);
    assert_true(t.result[0].loudness_lufs == -HUGE_VAL);
    assert_true(t.result[0].true_peak_db == -HUGE_VAL);
    assert_false(t.result[0].reached);
    assert_true(t.result[0].drive_db == 0);
    render_free(&t, 1);
    free(zeros);
  }
}

/* ---- variants ---- */

/* Tails rendered together are what each would be alone; formats of one target share
 * their limited signal. */
static void variants(void **state) {
  (void)state;
  enum { RATE = 44100, N = 2 * RATE };
  static const struct render_tail tails[] = {
      {-16, -1, 24, DITHER_NONE, 1}, {-16, -1, 24, DITHER_TPDF, 2}, {-16, -1, 16, DITHER_TPDF, 3},
      {-10, -1, 24, DITHER_NONE, 1}, {-16, -1, 24, DITHER_NONE, 1}, {NAN, -3, 24, DITHER_NONE, 1}};
  struct render_plan plan = render_plan_of(RATE, 2), alone = plan;
  struct render_track t = {.n_frames = N}, single = t;
  render_programme(RATE, 2, N, SEED + 1, t.pcm);
  memcpy(single.pcm, t.pcm, sizeof t.pcm);
  plan.n_tails = COUNT(tails);
  memcpy(plan.tails, tails, sizeof tails);
  assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
  assert_delivered(&t, plan.n_tails);
  for (int i = 0; i < COUNT(tails); i++) {
    alone.tails[0] = tails[i];
    assert_int_equal(render_tracks(&alone, &single, 1), ENGINE_OK);
    assert_memory_equal(single.out[0], t.out[i], pcm_bytes(&plan, &t));
    assert_true(single.result[0].drive_db == t.result[i].drive_db);
    assert_true(single.result[0].loudness_lufs == t.result[i].loudness_lufs);
    assert_true(single.result[0].true_peak_db == t.result[i].true_peak_db);
  }
  assert_true(t.result[1].drive_db == t.result[0].drive_db);
  assert_true(t.result[2].loudness_lufs == t.result[0].loudness_lufs);
  assert_true(t.result[3].drive_db > t.result[0].drive_db);
  for (int32_t k = 0; k < 2 * N; k++) { /* noise of 1 LSB and rounding: 1.5, so at most 1 */
    const int64_t d24 = ((int64_t)t.out[1][k] - t.out[0][k]) / 256;
    const int64_t d16 = (int64_t)t.out[2][k] - t.out[0][k];
    assert_true(d24 >= -1 && d24 <= 1);
    assert_true(d16 >= -98304 && d16 <= 98304);
  }
  render_free(&t, 1);
  render_free(&single, 1);
  free(t.pcm[0]);
}

static void segments(void **state) {
  (void)state;
  static const int sizes[] = {1, 2, 5, 33, 1000};
  enum { RATE = 48000, N = 111111 };
  struct render_plan plan = render_plan_of(RATE, 2);
  struct render_track first = {.n_frames = N}, t = first;
  render_programme(RATE, 2, N, SEED + 2, t.pcm);
  memcpy(first.pcm, t.pcm, sizeof t.pcm);
  plan.chain = true;
  plan.tails[0] = (struct render_tail){-12, -1, 24, DITHER_TPDF, 5};
  assert_int_equal(render_tracks(&plan, &first, 1), ENGINE_OK);
  assert_delivered(&first, 1);
  for (int i = 0; i < COUNT(sizes); i++) {
    plan.segment_blocks = sizes[i];
    assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
    assert_delivered(&t, 1);
    assert_memory_equal(t.out[0], first.out[0], pcm_bytes(&plan, &t));
  }
  render_free(&first, 1);
  render_free(&t, 1);
  free(t.pcm[0]);
}

/* ---- other rates ---- */

static size_t tail_bytes(const struct render_plan *plan, const struct render_track *t, int tail) {
  return (size_t)t->result[tail].n_frames * (size_t)plan->channels * sizeof(int32_t);
}

/* Without anything else a tail at another rate is the conversion, rounded. */
static void plain_conversion(void **state) {
  (void)state;
  enum { RATE = 48000, TO = 44100, N = 20001 };
  struct render_plan plan = render_plan_of(RATE, 2);
  struct render_track t = {.n_frames = N};
  const struct resample_params params = {TO};
  const struct stage_format format = {RATE, 2, NULL, NULL};
  struct stage_design design;
  const char *why;
  const int32_t n = (int32_t)resample_frames(N, RATE, TO);
  render_programme(RATE, 2, N, SEED + 9, t.pcm);
  plan.tails[0].true_peak_db = NAN;
  plan.tail_rate_hz[0] = TO;
  assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
  assert_delivered(&t, 1);
  assert_int_equal(t.result[0].n_frames, n);
  assert_int_equal(t.result[0].rate_hz, TO);
  assert_int_equal(stage_resample.design(&params, &format, &design, &why), 0);
  float *converted = render_floats(2 * N);
  const struct stage_io io = {.n_frames = n, .n_blocks = (n + BLOCK_FRAMES - 1) / BLOCK_FRAMES,
                              .channels = 2, .stride = N, .args = {N}, .design = design.data,
                              .src = t.pcm[0], .dst = converted};
  stage_resample.passes[0].reference(&io, 0, io.n_blocks);
  for (int c = 0; c < 2; c++)
    for (int32_t i = 0; i < n; i++) {
      const int32_t want = quantise(to_fixed(converted[c * N + i]), 0, 8);
      assert_int_equal(t.out[0][2 * i + c], want);
    }
  free(converted);
  stage_design_free(&design);
  render_free(&t, 1);
  free(t.pcm[0]);
}

/* Targets and ceilings hold at the rate that is delivered; every tail is what it would be
 * alone; segments do not show. */
static void rates(void **state) {
  (void)state;
  enum { RATE = 44100, N = 3 * RATE, TAILS = 5 };
  static const struct render_tail tails[TAILS] = {{-14, -1, 24, DITHER_TPDF, 1},
                                                  {-14, -1, 24, DITHER_TPDF, 2},
                                                  {-9, -1, 16, DITHER_TPDF, 3},
                                                  {-14, -1, 16, DITHER_TPDF, 4},
                                                  {-11, -0.5, 24, DITHER_NONE, 5}};
  static const int rate_hz[TAILS] = {48000, 0, 96000, 48000, 88200};
  struct render_plan plan = render_plan_of(RATE, 2);
  struct render_track t = {.n_frames = N}, single = t;
  render_programme(RATE, 2, N, SEED + 8, t.pcm);
  memcpy(single.pcm, t.pcm, sizeof t.pcm);
  plan.chain = true;
  plan.n_tails = TAILS;
  memcpy(plan.tails, tails, sizeof tails);
  memcpy(plan.tail_rate_hz, rate_hz, sizeof rate_hz);
  struct render_plan alone = plan;
  alone.n_tails = 1;
  alone.segment_blocks = 3;
  assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
  assert_delivered(&t, TAILS);
  for (int i = 0; i < TAILS; i++) {
    const int rate = rate_hz[i] ? rate_hz[i] : RATE;
    assert_int_equal(t.result[i].rate_hz, rate);
    assert_int_equal(t.result[i].n_frames, 3 * rate);
    const struct render_reading m = render_measure(t.out[i], 3 * rate, 2, rate);
    print_message("  %d Hz, target %g: %.4f LUFS, %.3f dBTP\n", rate, tails[i].loudness_lufs,
                  m.lufs, to_db(m.true_peak));
    assert_true(fabs(m.lufs - tails[i].loudness_lufs) <= SOLVE_TOLERANCE);
    assert_true(fabs(m.lufs - t.result[i].loudness_lufs) <= 0.001);
    assert_true(to_db(m.true_peak) <= tails[i].true_peak_db);
    alone.tails[0] = tails[i];
    alone.tail_rate_hz[0] = rate_hz[i];
    assert_int_equal(render_tracks(&alone, &single, 1), ENGINE_OK);
    assert_memory_equal(single.out[0], t.out[i], tail_bytes(&plan, &t, i));
    assert_true(single.result[0].drive_db == t.result[i].drive_db);
    assert_true(single.result[0].true_peak_db == t.result[i].true_peak_db);
  }
  render_free(&t, 1);
  render_free(&single, 1);
  free(t.pcm[0]);
}

/* ---- lanes and tiers ---- */

/* Lanes of different lengths on a sound device in every tier: each is what it is alone. */
static void lanes_and_tiers(void **state) {
  (void)state;
  static const int32_t lengths[] = {150000, 5000, 48000, 100, 2048};
  enum { LANES = COUNT(lengths), RATE = 48000 };
  struct render_track t[LANES] = {0}, alone[LANES] = {0};
  struct faulty_engine device;
  struct render_plan plan = render_plan_of(RATE, 2), cpu;
  plan.chain = true;
  plan.n_tails = 3;
  plan.tails[0] = (struct render_tail){-12, -1, 24, DITHER_TPDF, 5};
  plan.tails[1] = (struct render_tail){-12, -1, 16, DITHER_TPDF, 6};
  plan.tails[2] = (struct render_tail){-12, -1, 24, DITHER_TPDF, 7};
  plan.tail_rate_hz[2] = 44100;
  cpu = plan;
  for (int i = 0; i < LANES; i++) {
    t[i].n_frames = lengths[i], t[i].seed = SEED * 1000u + (uint64_t)i;
    render_programme(RATE, 2, lengths[i], SEED + 3 + (uint64_t)i, t[i].pcm);
    alone[i] = t[i];
    assert_int_equal(render_tracks(&cpu, &alone[i], 1), ENGINE_OK);
  }
  faulty_engine_init(&device);
  plan.engine = &device.engine;
  for (int tier = VERIFY_FULL; tier <= VERIFY_OFF; tier++) {
    plan.tier = (enum verify_tier)tier;
    assert_int_equal(render_tracks(&plan, t, LANES), ENGINE_OK);
    for (int i = 0; i < LANES; i++) {
      assert_delivered(&t[i], plan.n_tails);
      for (int k = 0; k < plan.n_tails; k++)
        assert_memory_equal(t[i].out[k], alone[i].out[k], tail_bytes(&plan, &t[i], k));
      if (tier <= VERIFY_SAMPLE) assert_true(t[i].job.verified_words > 0);
      else assert_int_equal(t[i].job.verified_words, 0);
      print_message("  tier %d, %d frames: %lld of %lld words checked\n", tier, lengths[i],
                    (long long)t[i].job.verified_words, (long long)t[i].job.total_words);
    }
  }
  assert_int_equal(device.opens, 0);
  for (int i = 0; i < LANES; i++) free(t[i].pcm[0]);
  render_free(t, LANES);
  render_free(alone, LANES);
}

/* A master of 128 channels and 6 minutes has more words than 31 bits count. Its buffers are
 * mapped, not filled: only the last block is touched. */
static void more_words_than_31_bits(void **state) {
  (void)state;
  enum { CHANNELS = 128, N = 17000000, LAST = N / BLOCK_FRAMES, AT = LAST * BLOCK_FRAMES };
  static const struct slot_plan slot = {&stage_dither, BUFFER_A, BUFFER_PCM, -1};
  const struct dither_params params = {24, DITHER_NONE, 0};
  const struct stage_format format = {48000, CHANNELS, NULL, NULL};
  const char *why;
  struct stage_design design;
  struct session *s;
  assert_true((int64_t)N * CHANNELS > INT32_MAX);
  assert_int_equal(stage_dither.design(&params, &format, &design, &why), 0);
  const struct lane_plan lane = {.n_frames = N, .design = {&design}};
  const struct session_plan plan = {.rate_hz = 48000, .channels = CHANNELS, .n_slots = 1,
                                    .n_lanes = 1, .segment_blocks = 1, .slots = &slot,
                                    .lanes = &lane};
  assert_int_equal(engine_cpu.open(NULL, &plan, &s), ENGINE_OK);
  int32_t words[N - AT];
  float x[N - AT];
  for (int c = 0; c < CHANNELS; c++) {
    for (int i = 0; i < N - AT; i++) x[i] = (float)(c * 2048 + i) * 0x1p-23f;
    assert_int_equal(engine_cpu.write(s, 0, BUFFER_A, c, AT, N - AT, x), ENGINE_OK);
  }
  assert_int_equal(engine_cpu.run(s, 0, 0, LAST, 1, NULL), ENGINE_OK);
  for (int i = 0; i < N - AT; i++) { /* interleaved */
    const int64_t at = ((int64_t)AT + i) * CHANNELS;
    assert_int_equal(engine_cpu.read(s, 0, BUFFER_PCM, 0, at, CHANNELS, words), ENGINE_OK);
    for (int c = 0; c < CHANNELS; c++) assert_int_equal(words[c], (c * 2048 + i) * 256);
  }
  engine_cpu.close(s);
  stage_design_free(&design);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(neutral),   cmocka_unit_test(loudness_targets),
      cmocka_unit_test(silence),   cmocka_unit_test(unreachable_target),
      cmocka_unit_test(variants),  cmocka_unit_test(segments),
      cmocka_unit_test(lanes_and_tiers), cmocka_unit_test(bounded_reduction),
      cmocka_unit_test(rates),     cmocka_unit_test(plain_conversion),
      cmocka_unit_test(more_words_than_31_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
