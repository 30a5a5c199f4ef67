/* SPDX-License-Identifier: MIT
 * Momentary and short-term maxima and the loudness range: the EBU's minimum requirement
 * signals, libebur128, and sums over frames in double precision. */
#include "level.h"
#include "loudness_check.h" /* before cmocka, whose fail() is a macro */
#include "loudness_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED UINT64_C(7107)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};

/* Against libebur128. Energies agree to 1e-6. A border of a window lies up to half a control
 * step beside the frame (4 frames of 19200 at 48 kHz: 0.001 LU), where the programme may be
 * some times above its mean; in a track shorter than a window they weigh more. */
static double peer_bound(const struct loudness_track *t) {
  return 0.01 + 3 * 4.34 * control_step(8, t->rate_hz) / t->n;
}

static struct loudness_figures figures(const struct loudness_track *t) {
  struct oracle_stage s = loudness_measure(t, 16);
  const struct loudness_design *d = s.design.data;
  const int32_t n_hops = loudness_hops(t->n, t->rate_hz);
  const int32_t n = loudness_ticks(t->n, t->rate_hz);
  const int64_t points = (int64_t)s.n_blocks * d->points, half = points / 2;
  double *ticks = oracle_alloc(((size_t)n + 1) * sizeof *ticks);
  float *hops = loudness_read_hops(&s);
  for (int c = 0; c < t->channels; c++) { /* in two parts: the chain reads in chunks */
    float *energy = loudness_read(&s, c * points, points);
    loudness_add_ticks(d, 0, half, energy, ticks, n);
    loudness_add_ticks(d, half, points - half, energy + half, ticks, n);
    free(energy);
  }
  struct loudness_figures f = {
      .momentary_lufs = loudness_maximum(ticks, n, LOUDNESS_MOMENTARY, t->rate_hz),
      .short_term_lufs = loudness_maximum(ticks, n, LOUDNESS_SHORT_TERM, t->rate_hz)};
  f.integrated_lufs = loudness_integrated(hops, n_hops, t->rate_hz, ticks);
  f.range_lu = loudness_range(hops, n_hops, t->rate_hz, ticks);
  free(ticks), free(hops);
  oracle_close(&s);
  return f;
}

static struct loudness_figures peer(const struct loudness_track *t) {
  const struct pcm_shape shape = {t->rate_hz, t->channels, t->n, NULL};
  struct loudness_figures f;
  assert_int_equal(
      loudness_measure_planar(&shape, (const float *const *)t->x, &f, NULL, NULL), 0);
  struct loudness_figures fast;
  assert_int_equal(loudness_measure_fast(&shape, (const float *const *)t->x, &fast, NULL), 0);
  const double apart[] = {fast.integrated_lufs - f.integrated_lufs,
                          fast.momentary_lufs - f.momentary_lufs,
                          fast.short_term_lufs - f.short_term_lufs, fast.range_lu - f.range_lu};
  for (int i = 0; i < 4; i++) assert_true(!(fabs(apart[i]) > 1e-4)); /* NAN: both silent */
  return f;
}

static double differ(double a, double b) { return a == b ? 0 : fabs(a - b); }

/* The largest difference to libebur128; asserts that it is within peer_bound. */
static double compare(const struct loudness_track *t) {
  const struct loudness_figures a = figures(t), b = peer(t);
  const double m = differ(a.momentary_lufs, b.momentary_lufs);
  const double s = differ(a.short_term_lufs, b.short_term_lufs);
  const double range = differ(a.range_lu, b.range_lu);
  const double bound = peer_bound(t);
  if (!(m <= bound && s <= bound && range <= bound))
    fail_msg("%d Hz, %d frames: M %.4f and %.4f, S %.4f and %.4f, LRA %.4f and %.4f", t->rate_hz,
             (int)t->n, a.momentary_lufs, b.momentary_lufs, a.short_term_lufs, b.short_term_lufs,
             a.range_lu, b.range_lu);
  return fmax(fmax(m, s), range);
}

/* ---- EBU Tech 3341: maxima ---- */

enum { PAIRS = 25 };

/* Cases 9 and 12: two levels in turn whose mean is -23 LUFS in every window. */
static void test_ebu_3341_turns(void **unused) {
  (void)unused;
  struct loudness_tone tones[2 * PAIRS];
  for (int r = 0; r < COUNT(rates); r++) {
    for (int i = 0; i < 5; i++) {
      tones[2 * i] = (struct loudness_tone){1.34, -20};
      tones[2 * i + 1] = (struct loudness_tone){1.66, -30};
    }
    struct loudness_track t = loudness_tones(rates[r], tones, 10);
    const double s = figures(&t).short_term_lufs;
    loudness_track_destroy(&t);
    for (int i = 0; i < PAIRS; i++) {
      tones[2 * i] = (struct loudness_tone){0.18, -20};
      tones[2 * i + 1] = (struct loudness_tone){0.22, -30};
    }
    t = loudness_tones(rates[r], tones, 2 * PAIRS);
    const double m = figures(&t).momentary_lufs;
    loudness_track_destroy(&t);
    if (!r) print_message("EBU 3341 cases 9 and 12: S %.3f, M %.3f LUFS\n", s, m);
    assert_true(fabs(s + 23) <= 0.1 && fabs(m + 23) <= 0.1); /* the tolerance of Tech 3341 */
  }
}

/* Cases 10 and 13: one window of tone at -23 LUFS, 20 times, each a little later. */
static void test_ebu_3341_shifts(void **unused) {
  (void)unused;
  double worst = 0;
  for (int i = 0; i < 20; i++) {
    const struct loudness_tone s[] = {{i * 0.15, -HUGE_VAL}, {3, -23}, {1, -HUGE_VAL}};
    const struct loudness_tone m[] = {{i * 0.02, -HUGE_VAL}, {0.4, -23}, {1, -HUGE_VAL}};
    struct loudness_track t = loudness_tones(rates[i % 2], s, 3);
    worst = fmax(worst, fabs(figures(&t).short_term_lufs + 23));
    loudness_track_destroy(&t);
    t = loudness_tones(rates[i % 2], m, 3);
    worst = fmax(worst, fabs(figures(&t).momentary_lufs + 23));
    loudness_track_destroy(&t);
  }
  print_message("EBU 3341 cases 10 and 13: within %.3f LU\n", worst);
  assert_true(worst <= 0.1); /* the tolerance of Tech 3341 */
}

/* ---- EBU Tech 3342: range ---- */

static void test_ebu_3342(void **unused) {
  (void)unused;
  static const struct {
    int n;
    struct loudness_tone tones[5];
    double range_lu;
  } cases[] = {
      {2, {{20, -20}, {20, -30}}, 10},
      {2, {{20, -20}, {20, -15}}, 5},
      {2, {{20, -40}, {20, -20}}, 20},
      {5, {{20, -50}, {20, -35}, {20, -20}, {20, -35}, {20, -50}}, 15},
  };
  for (int i = 0; i < COUNT(cases); i++)
    for (int r = 0; r < 2; r++) {
      struct loudness_track t = loudness_tones(rates[r], cases[i].tones, cases[i].n);
      const double range = figures(&t).range_lu;
      loudness_track_destroy(&t);
      if (!r) print_message("EBU 3342 case %d: %.3f LU\n", i + 1, range);
      assert_true(fabs(range - cases[i].range_lu) <= 1); /* the tolerance of Tech 3342 */
    }
}

/* ---- libebur128 ---- */

static void test_noise(void **unused) {
  (void)unused;
  double worst = 0;
  for (int i = 0; i < 2 * COUNT(rates); i++) {
    struct loudness_track t =
        loudness_track_create(rates[i % COUNT(rates)], 1 + i / COUNT(rates), 14.337);
    for (int c = 0; c < t.channels; c++)
      oracle_noise(t.x[c], t.n, 0.4 / (c + 1), SEED + (uint64_t)(2 * i + c));
    for (int32_t k = 0; k < t.n; k++) /* 0 to -90 dB: some of it under either gate */
      for (int c = 0; c < t.channels; c++)
        t.x[c][k] *= (float)oracle_gain(-45 + 45 * sin(0.9 * k / t.rate_hz));
    worst = fmax(worst, compare(&t));
    loudness_track_destroy(&t);
  }
  print_message("noise: within %.7f LU of libebur128\n", worst);
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

/* ---- edges ---- */

/* Shorter than a window: the rest of it is silence before the track. */
static void test_short(void **unused) {
  (void)unused;
  for (int r = 0; r < COUNT(rates); r++) {
    const int32_t lengths[] = {1, rates[r] / 100 - 1, rates[r] / 100, rates[r] / 4, 2 * rates[r],
                               3 * rates[r], 3 * rates[r] + 1};
    for (int i = 0; i < COUNT(lengths); i++) {
      struct loudness_track t = loudness_track_create(rates[r], 1, (lengths[i] + 0.5) / rates[r]);
      oracle_noise(t.x[0], t.n, 0.5, SEED);
      assert_int_equal(loudness_ticks(t.n, t.rate_hz), t.n / (rates[r] / 100));
      compare(&t);
      const struct loudness_figures f = figures(&t);
      assert_int_equal(isfinite(f.momentary_lufs), lengths[i] >= rates[r] / 100);
      assert_int_equal(f.range_lu > 0, 0);
      loudness_track_destroy(&t);
    }
  }
}

static void test_silence(void **unused) {
  (void)unused;
  struct loudness_track t = loudness_track_create(44100, 2, 5);
  const struct loudness_figures f = figures(&t);
  assert_true(f.momentary_lufs == -HUGE_VAL && f.short_term_lufs == -HUGE_VAL);
  assert_true(f.integrated_lufs == -HUGE_VAL && f.range_lu == 0);
  loudness_track_destroy(&t);
  double scratch[1];
  assert_true(loudness_maximum(scratch, 0, 40, 48000) == -HUGE_VAL);
  assert_true(loudness_range(NULL, 0, 48000, scratch) == 0);
}

/* Every point falls into the tick that holds it, whatever part of them comes at once; and a
 * maximum is that of all windows. */
static void test_ticks(void **unused) {
  (void)unused;
  enum { POINTS = 20000 };
  float *energy = oracle_alloc(POINTS * sizeof *energy);
  for (int q = 0; q < 3; q++) {
    const struct loudness_design d = {.quarters = (const int[]){2205, 2400, 41}[q]};
    const int32_t n = (POINTS - 20) * 40 / d.quarters;
    double *want = oracle_alloc(((size_t)n + 1) * sizeof *want);
    double *ticks = oracle_alloc(((size_t)n + 1) * sizeof *ticks);
    uint64_t seed = SEED;
    for (int i = 0; i < POINTS; i++) energy[i] = (float)(1 + oracle_uniform(&seed));
    for (int t = 0; t < n; t++)
      for (int i = 0; i < POINTS; i++)
        if (i >= floor(t * d.quarters / 40.0 + 0.5) && i < floor((t + 1) * d.quarters / 40.0 + 0.5))
          want[t] += energy[i];
    for (int at = 0, part = 1; at < POINTS; at += part, part = part * 3 % 1009) {
      const int count = part < POINTS - at ? part : POINTS - at;
      loudness_add_ticks(&d, at, count, energy + at, ticks, n);
    }
    assert_memory_equal(ticks, want, ((size_t)n + 1) * sizeof *ticks);
    double most = 0;
    for (int t = 0; t + 7 <= n; t++) {
      double sum = 0;
      for (int i = 0; i < 7; i++) sum += want[t + i];
      most = fmax(most, sum);
    }
    const double lufs = -0.691 + 10 * log10(most / (7 * 480));
    assert_true(fabs(loudness_maximum(ticks, n, 7, 48000) - lufs) < 1e-9);
    free(want), free(ticks);
  }
  free(energy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ebu_3341_turns), cmocka_unit_test(test_ebu_3341_shifts),
      cmocka_unit_test(test_ebu_3342),       cmocka_unit_test(test_noise),
      cmocka_unit_test(test_music),          cmocka_unit_test(test_short),
      cmocka_unit_test(test_silence),        cmocka_unit_test(test_ticks),
  };
  return cmocka_run_group_tests_name("loudness figures", tests, NULL, NULL);
}
