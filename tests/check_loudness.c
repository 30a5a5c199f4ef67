/* SPDX-License-Identifier: MIT
 * Integrated loudness against libebur128, the EBU's minimum requirement signals, the
 * filter coefficients printed in BS.1770 and sums in double precision. */
#include "loudness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ebur128.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limiter.h"
#include "loudness_fixture.h"

#define SEED UINT64_C(7006)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
static const double PI = 3.14159265358979324;

/* The project's bound against libebur128. Energies agree to 1e-6, 4e-6 LU; the rest is a
 * block that falls on the other side of a gate. */
static const double PEER_LU = 0.01;

static double integrated(const struct loudness_track *t) {
  struct oracle_stage s = loudness_measure(t, 16);
  const int32_t n = loudness_hops(t->n, t->rate_hz);
  float *hops = loudness_read_hops(&s);
  double *scratch = oracle_alloc((size_t)n * sizeof *scratch);
  const double lufs = loudness_integrated(hops, n, t->rate_hz, scratch);
  free(scratch), free(hops);
  oracle_close(&s);
  return lufs;
}

static double peer(const struct loudness_track *t) {
  ebur128_state *st =
      ebur128_init((unsigned)t->channels, (unsigned long)t->rate_hz, EBUR128_MODE_I);
  assert_non_null(st);
  float *frames = oracle_alloc((size_t)t->n * 2 * sizeof *frames);
  for (int32_t i = 0; i < t->n; i++)
    for (int c = 0; c < t->channels; c++) frames[i * t->channels + c] = t->x[c][i];
  assert_int_equal(ebur128_add_frames_float(st, frames, (size_t)t->n), 0);
  double lufs;
  assert_int_equal(ebur128_loudness_global(st, &lufs), 0);
  ebur128_destroy(&st);
  free(frames);
  return lufs;
}

/* Difference to libebur128 in LU; asserts that it is within PEER_LU. */
static double compare(const struct loudness_track *t) {
  const double ours = integrated(t), theirs = peer(t);
  if (isinf(theirs)) {
    assert_true(ours == theirs);
    return 0;
  }
  assert_true(fabs(ours - theirs) <= PEER_LU);
  return fabs(ours - theirs);
}

/* ---- libebur128 ---- */

static void test_noise(void **unused) {
  (void)unused;
  double worst = 0;
  for (int i = 0; i < 2 * COUNT(rates); i++) {
    struct loudness_track t =
        loudness_track_create(rates[i % COUNT(rates)], 1 + i / COUNT(rates), 4.33);
    uint64_t seed = SEED + (uint64_t)i;
    for (int c = 0; c < t.channels; c++) oracle_noise(t.x[c], t.n, 0.4 / (c + 1), seed + 9);
    for (int32_t k = 0; k < t.n; k++) /* 0 to -80 dB: some of it under either gate */
      for (int c = 0; c < t.channels; c++)
        t.x[c][k] *= (float)oracle_gain(-40 + 40 * sin(2 * PI * 0.4 * k / t.rate_hz));
    worst = fmax(worst, compare(&t));
    loudness_track_destroy(&t);
  }
  print_message("noise with gates: within %.7f LU of libebur128\n", worst);
}

static void test_sines(void **unused) {
  (void)unused;
  static const double parts[][2] = {{31, 0.3}, {63, 0.1}, {440, 0.2}, {3150, 0.1}, {11000, 0.2}};
  double worst = 0;
  for (int r = 0; r < COUNT(rates); r++) {
    struct loudness_track t = loudness_track_create(rates[r], 2, 3);
    struct loudness_track one = loudness_track_create(rates[r], 1, 3);
    for (int i = 0; i < COUNT(parts); i++) {
      oracle_sine(one.x[0], one.n, rates[r], parts[i][0], parts[i][1], i);
      worst = fmax(worst, compare(&one)); /* each alone, in mono */
      for (int32_t k = 0; k < t.n; k++) t.x[i % 2][k] += one.x[0][k];
    }
    worst = fmax(worst, compare(&t));
    loudness_track_destroy(&t), loudness_track_destroy(&one);
  }
  print_message("sines: within %.7f LU of libebur128\n", worst);
}

static void test_music(void **unused) {
  (void)unused;
  static const char *const names[] = {"loop_amen_full", "loop_compus", "loop_safari", "ambi_choir",
                                      "loop_mika",      "ambi_drone",  "loop_tabla",  "bass_dnb_f"};
  double worst = 0;
  int found = 0;
  for (int i = 0; i < COUNT(names); i++) {
    struct loudness_track t;
    if (!loudness_music(names[i], &t)) continue;
    worst = fmax(worst, compare(&t));
    found++;
    loudness_track_destroy(&t);
  }
  print_message("music, %d files: within %.7f LU of libebur128\n", found, worst);
  if (!found) skip();
}

/* ---- published signals ---- */

static double loudness_of_tones(int rate_hz, const struct loudness_tone *tones, int n) {
  struct loudness_track t = loudness_tones(rate_hz, tones, n);
  const double lufs = integrated(&t);
  loudness_track_destroy(&t);
  return lufs;
}

/* EBU Tech 3341, table 1: the integrated loudness of cases 1 to 5 (6 has five channels). */
static void test_ebu_3341(void **unused) {
  (void)unused;
  static const struct {
    int n;
    struct loudness_tone tones[5];
    double lufs;
  } cases[] = {
      {1, {{20, -23}}, -23},
      {1, {{20, -33}}, -33},
      {3, {{10, -36}, {60, -23}, {10, -36}}, -23},
      {5, {{10, -72}, {10, -36}, {60, -23}, {10, -36}, {10, -72}}, -23},
      {3, {{20, -26}, {20.1, -20}, {20, -26}}, -23},
  };
  for (int i = 0; i < COUNT(cases); i++)
    for (int r = 0; r < (i < 2 ? COUNT(rates) : 2); r++) {
      const double lufs = loudness_of_tones(rates[r], cases[i].tones, cases[i].n);
      if (r == 0) print_message("EBU 3341 case %d: %.3f LUFS\n", i + 1, lufs);
      assert_true(fabs(lufs - cases[i].lufs) <= 0.1); /* the tolerance of Tech 3341 */
    }
}

/* BS.1770-4, annex 1: a 997 Hz sine of 0 dBFS in one front channel reads -3.01 LKFS. The
 * standard prints its filters for 48 kHz; the analog prototype behind them, to which the
 * bilinear transform tends as the rate grows, reads 0.03 LU less there: so does libebur128. */
static void test_bs1770_level(void **unused) {
  (void)unused;
  double worst = 0, worst_high = 0;
  for (int i = 0; i < 2 * COUNT(rates); i++) {
    struct loudness_track t = loudness_track_create(rates[i / 2], 2, 2);
    oracle_sine(t.x[i % 2], t.n, t.rate_hz, 997, 1, 0);
    const double off = fabs(integrated(&t) + 10 * log10(2));
    if (t.rate_hz > 48000) worst_high = fmax(worst_high, off);
    else worst = fmax(worst, off);
    loudness_track_destroy(&t);
  }
  print_message("BS.1770, 997 Hz: within %.4f LU of -3.01 LKFS, %.4f above 48 kHz\n", worst,
                worst_high);
  /* -0.691 is printed to three digits, and 44.1 kHz adds 0.003 LU */
  assert_true(worst <= 0.005);
  assert_true(worst_high <= 0.03);
}

static void biquad(const double c[5], double *x, int32_t n) {
  double x1 = 0, x2 = 0, y1 = 0, y2 = 0;
  for (int32_t i = 0; i < n; i++) {
    const double y = c[0] * x[i] + c[1] * x1 + c[2] * x2 - c[3] * y1 - c[4] * y2;
    x2 = x1, x1 = x[i], y2 = y1, y1 = y;
    x[i] = y;
  }
}

/* The energies of hops at 48 kHz against the two filters of BS.1770-4, tables 1 and 2. */
static void test_bs1770_filters(void **unused) {
  (void)unused;
  static const double shelf[5] = {1.53512485958697, -2.69169618940638, 1.19839281085285,
                                  -1.69065929318241, 0.73248077421585};
  static const double high_pass[5] = {1, -2, 1, -1.99004745483398, 0.99007225036621};
  struct loudness_track t = loudness_track_create(48000, 1, 6);
  oracle_noise(t.x[0], t.n, 0.5, SEED);
  for (int32_t i = t.n / 2; i < t.n; i++) t.x[0][i] += (float)(0.3 * sin(2 * PI * 40 * i / 48000));
  struct oracle_stage s = loudness_measure(&t, 8);
  float *hops = loudness_read_hops(&s);
  double *y = oracle_alloc((size_t)t.n * sizeof *y), worst = 0;
  for (int32_t i = 0; i < t.n; i++) y[i] = t.x[0][i];
  biquad(shelf, y, t.n);
  biquad(high_pass, y, t.n);
  for (int h = 0; h < loudness_hops(t.n, 48000); h++) {
    double want = 0;
    for (int i = 0; i < 4800; i++) want += y[h * 4800 + i] * y[h * 4800 + i];
    worst = fmax(worst, fabs(hops[h] / want - 1));
  }
  print_message("hop energies: within %.2g of the printed filters\n", worst);
  /* fp32 convolution noise of -130 dB beside a hop: twice 3.2e-7 of its amplitude; the float
   * sums 14 units of 2^-24. Printed coefficients: 14 decimals, beside a double zero at 1. */
  assert_true(worst <= 2 * 3.2e-7 + 14 * 0x1p-24);
  free(y), free(hops);
  oracle_close(&s);
  loudness_track_destroy(&t);
}

/* ---- silence, short tracks ---- */

static void test_silence(void **unused) {
  (void)unused;
  for (int r = 0; r < COUNT(rates); r++) {
    struct loudness_track t = loudness_track_create(rates[r], 2, 3);
    assert_true(integrated(&t) == -HUGE_VAL);
    oracle_sine(t.x[0], t.n, rates[r], 1000, oracle_gain(-68), 0); /* below -70 LUFS */
    assert_true(integrated(&t) == -HUGE_VAL && peer(&t) == -HUGE_VAL);
    oracle_sine(t.x[0], t.n, rates[r], 1000, oracle_gain(-66), 0); /* -69.01 LUFS */
    assert_true(compare(&t) <= PEER_LU && integrated(&t) > -69.1);
    loudness_track_destroy(&t);
  }
}

static void test_short(void **unused) {
  (void)unused;
  for (int r = 0; r < COUNT(rates); r++) {
    const int32_t block = 4 * rates[r] / 10;
    const int32_t lengths[] = {1, 100, 2048, rates[r] / 10, block - 1, block, block + 1};
    for (int i = 0; i < COUNT(lengths); i++) {
      struct loudness_track t = loudness_track_create(rates[r], 1, (lengths[i] + 0.5) / rates[r]);
      assert_int_equal(t.n, lengths[i]);
      oracle_noise(t.x[0], t.n, 0.5, SEED);
      assert_int_equal(loudness_hops(t.n, rates[r]), t.n / (rates[r] / 10));
      if (t.n < block) assert_true(integrated(&t) == -HUGE_VAL);
      else assert_true(compare(&t) <= PEER_LU && isfinite(integrated(&t)));
      loudness_track_destroy(&t);
    }
  }
  double scratch[4];
  const float hops[4] = {1, 1, 1, 1};
  assert_true(loudness_integrated(hops, 0, 48000, scratch) == -HUGE_VAL);
  assert_true(loudness_integrated(hops, 3, 48000, scratch) == -HUGE_VAL);
  assert_true(isfinite(loudness_integrated(hops, 4, 48000, scratch)));
}

/* ---- hops ---- */

/* Every control point lies in exactly one hop, and hops keep to their 100 ms within half a
 * control step, for ten hours. */
static void test_hop_borders(void **unused) {
  (void)unused;
  for (int r = 0; r < COUNT(rates); r++) {
    struct oracle_stage s;
    void *params = oracle_params(&stage_loudness);
    assert_int_equal(oracle_design(&s, &stage_loudness, params, rates[r], 1, NULL), 0);
    const struct loudness_design *d = s.design.data;
    assert_int_equal((int64_t)d->quarters * d->step * 10, 4 * (int64_t)rates[r]);
    assert_int_equal(hop_begin(0, d->quarters), 0);
    const int64_t last = INT32_MAX / (rates[r] / 10); /* hops of the longest track */
    for (int64_t h = 0; h < 360000 && h < last; h++) {
      const int begin = hop_begin((int)h, d->quarters);
      assert_true(hop_begin((int)h + 1, d->quarters) > begin);
      assert_true(llabs(4 * (int64_t)begin - h * d->quarters) <= 2);
    }
    free(params);
    oracle_close(&s);
  }
}

/* Each hop is the sum of its control points, over both channels. */
static void test_hop_sums(void **unused) {
  (void)unused;
  for (int r = 0; r < COUNT(rates); r++) {
    struct loudness_track t = loudness_track_create(rates[r], 2, 1.234);
    oracle_stereo(t.x[0], t.x[1], t.n, 0.5, SEED);
    struct oracle_stage s = loudness_measure(&t, 4);
    const struct loudness_design *d = s.design.data;
    const int64_t section = (int64_t)s.n_blocks * d->points;
    float *energy = loudness_read(&s, 0, 2 * section), *hops = loudness_read_hops(&s);
    for (int h = 0; h < loudness_hops(t.n, rates[r]); h++) {
      double want = 0;
      for (int k = hop_begin(h, d->quarters); k < hop_begin(h + 1, d->quarters); k++)
        want += (double)energy[k] + energy[section + k];
      /* positive terms: channels 1, rows 3, tree 8 roundings of 2^-24 */
      assert_true(fabs(hops[h] - want) <= 12 * 0x1p-24 * want);
    }
    free(energy), free(hops);
    oracle_close(&s);
    loudness_track_destroy(&t);
  }
}

/* A gain of one half everywhere quarters every hop, exactly. */
static void test_hops_under_gain(void **unused) {
  (void)unused;
  struct loudness_track t = loudness_track_create(44100, 2, 1);
  oracle_stereo(t.x[0], t.x[1], t.n, 0.5, SEED);
  struct oracle_stage s = loudness_measure(&t, 4);
  const struct loudness_design *d = s.design.data;
  const int64_t section = (int64_t)s.n_blocks * d->points;
  const int64_t first = LIMITER_GAIN * 2 * section; /* sections are [channel][point] */
  float *gain = oracle_alloc((size_t)(first + section) * sizeof *gain);
  float *control = loudness_read(&s, 0, 3 * section), *hops = loudness_read_hops(&s);
  for (int64_t i = 0; i < section; i++) gain[first + i] = -0.5f; /* gain - 1 */
  const struct stage_io io = {.n_frames = t.n, .n_blocks = s.n_blocks, .channels = 2,
                              .args = {1}, .design = d, .control = (int32_t *)(void *)control,
                              .aux = (const int32_t *)(const void *)gain};
  const int32_t n = loudness_hops(t.n, t.rate_hz);
  stage_loudness.passes[LOUDNESS_HOPS].reference(&io, 0, n);
  for (int h = 0; h < n; h++) assert_true(control[2 * section + h] == hops[h] / 4);
  free(gain), free(control), free(hops);
  oracle_close(&s);
  loudness_track_destroy(&t);
}

static void test_segments(void **unused) {
  (void)unused;
  const int segments[] = {1, 3, 7, 64};
  const int32_t lengths[] = {1, 2047, 2048, 2049, 4097, 60001};
  for (int i = 0; i < COUNT(lengths); i++) {
    struct loudness_track t = loudness_track_create(96000, 2, (lengths[i] + 0.5) / 96000);
    oracle_stereo(t.x[0], t.x[1], t.n, 0.5, SEED);
    struct oracle_stage s = loudness_measure(&t, 100);
    const int64_t words = (int64_t)s.n_blocks * s.design.control_words;
    float *all = loudness_read(&s, 0, words);
    oracle_close(&s);
    for (int k = 0; k < COUNT(segments); k++) {
      s = loudness_measure(&t, segments[k]);
      float *again = loudness_read(&s, 0, words);
      assert_memory_equal(all, again, (size_t)words * sizeof *all);
      free(again);
      oracle_close(&s);
    }
    free(all);
    loudness_track_destroy(&t);
  }
}

/* Subnormals count for nothing, whatever becomes of them: the same energies and hops in a
 * fade through the level where ingest makes it zero (-301 dBFS). */
static void test_subnormals(void **unused) {
  (void)unused;
  if (!oracle_flush_subnormals(false)) skip();
  struct loudness_track t = loudness_track_create(48000, 2, 1.7);
  for (int32_t i = 0; i < t.n; i++)
    for (int c = 0; c < 2; c++)
      t.x[c][i] =
          flush_tiny((float)(oracle_gain(-20 - 400.0 * i / t.n) * sin(0.012 * i * (c + 1))));
  struct oracle_stage s = loudness_measure(&t, 8);
  const int64_t words = (int64_t)s.n_blocks * s.design.control_words;
  float *all = loudness_read(&s, 0, words);
  oracle_close(&s);
  oracle_flush_subnormals(true);
  s = loudness_measure(&t, 8);
  oracle_flush_subnormals(false);
  float *flushed = loudness_read(&s, 0, words);
  int64_t differ = 0;
  for (int64_t i = 0; i < words; i++)
    differ += floatBitsToUint(all[i]) != floatBitsToUint(flushed[i]);
  if (differ) print_message("%d of %d control words differ\n", (int)differ, (int)words);
  assert_int_equal(differ, 0);
  free(all), free(flushed);
  oracle_close(&s);
  loudness_track_destroy(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_noise),        cmocka_unit_test(test_sines),
      cmocka_unit_test(test_music),        cmocka_unit_test(test_ebu_3341),
      cmocka_unit_test(test_bs1770_level), cmocka_unit_test(test_bs1770_filters),
      cmocka_unit_test(test_silence),      cmocka_unit_test(test_short),
      cmocka_unit_test(test_hop_borders),  cmocka_unit_test(test_hop_sums),
      cmocka_unit_test(test_hops_under_gain), cmocka_unit_test(test_segments),
      cmocka_unit_test(test_subnormals),
  };
  return cmocka_run_group_tests_name("loudness", tests, NULL, NULL);
}
