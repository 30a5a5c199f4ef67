/* SPDX-License-Identifier: MIT
 * The limiter's parts: detector against an independent meter, demand, transparency, distortion.
 * The gain computer: check_limiter_gain.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile_signals.h"
#include "limiter_fixture.h"
#include "render_fixture.h"
#include "true_peak_meter.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static const double PI = 3.14159265358979323846;
enum { SEED = 4711 };

static int32_t largest(const int32_t *x, int32_t n) {
  int32_t most = x[0];
  for (int32_t i = 1; i < n; i++)
    if (x[i] > most) most = x[i];
  return most;
}

/* ---- detector ---- */

static void level_rounds_up(void **state) {
  (void)state;
  uint64_t seed = SEED;
  for (int i = 0; i < 1000000; i++) {
    const float peak = (float)ldexp(1 + (double)(fixture_random(&seed) >> 12) / 0x1p52,
                                    between(&seed, -30, 6));
    const double exact = log2((double)peak) * 1048576;
    const int32_t level = peak_level(peak);
    assert_true(level >= exact);
    /* up to one unit by rounding up, one added, 4.2e-8 octaves by the polynomial */
    assert_true(level <= exact + 2 + 4.2e-8 * 1048576);
  }
}

/* Detector less meter for a faded tone, the extremes over 12 phases, dB. */
static void tone_error(int rate_hz, double frequency, double *least, double *most) {
  enum { N = 8192 };
  const struct limiter_params params = settings();
  const struct stage_format format = {rate_hz, 1, NULL, NULL};
  struct limiter_bench b;
  *least = 100, *most = -100;
  limiter_bench_open(&b, &params, &format, N);
  for (int phase = 0; phase < 12; phase++) {
    for (int i = 0; i < N; i++)
      b.src[i] = (float)(sin(2 * PI * (frequency * i + phase / 960.0)) * sin(PI * (i + 0.5) / N));
    limiter_bench_run(&b, LIMITER_HALF_WAY, LIMITER_SET_DEMAND);
    const int32_t level =
        largest(limiter_bench_section(&b, LIMITER_LEVEL), limiter_bench_points(&b));
    const double error =
        octaves_to_db(level) - to_db(true_peak_of(b.src, N, 1, 1).peak);
    *least = fmin(*least, error), *most = fmax(*most, error);
  }
  limiter_bench_close(&b);
}

static void detector_accuracy(void **state) {
  (void)state;
  static const double tones[] = {0.001, 0.02, 0.1, 0.25, 1 / 3.0, 0.38, 0.4,
                                 4 / 9.0, 0.45, 8 / 17.0, 0.475, 0.485};
  for (int t = 0; t < COUNT(tones); t++)
    for (int rate_hz = 48000; rate_hz <= 192000; rate_hz *= 2) {
      double least, most;
      tone_error(rate_hz, tones[t], &least, &most);
      print_message("  %6d Hz, tone at %.4f fs: detector - meter %+.4f .. %+.4f dB\n", rate_hz,
                    tones[t], least, most);
      /* A peak half way between two of 16 points per frame reads cos(pi f / 16); Kaiser
       * filters of beta 8 and 9 ripple by at most 10^(-81 / 20) = 0.0008 dB each, and the
       * first one's transition, (90 - 8) / (2.285 192) rad, begins at 0.485 fs: 0.003 dB. */
      assert_true(least >= to_db(cos(PI * tones[t] / 16)) - 0.005);
      /* Over-reading: at 192 kHz ripple and rounding only; below, libebur128's short
       * interpolator reads the tone too high by as much as 0.06 dB near 0.33 fs. */
      assert_true(most <= (rate_hz == 192000 ? 0.002 : 0.06));
    }
}

/* Every step's level covers its own samples. */
static void level_covers_samples(void **state) {
  (void)state;
  enum { N = 20000 };
  const struct limiter_params params = settings();
  const struct stage_format format = {88200, 2, NULL, NULL};
  struct limiter_bench b;
  uint64_t seed = SEED + 1;
  limiter_bench_open(&b, &params, &format, N);
  for (int i = 0; i < 2 * N; i++)
    b.src[i] = (float)ldexp((double)(int64_t)fixture_random(&seed), between(&seed, -100, -62));
  limiter_bench_run(&b, LIMITER_HALF_WAY, LIMITER_SET_DEMAND);
  for (int i = 0; i < 2 * N; i++) {
    const int32_t level =
        limiter_bench_section(&b, LIMITER_LEVEL)[i % N / b.limiter->step];
    assert_true(b.src[i] == 0 || level >= log2(fabs((double)b.src[i])) * 1048576);
  }
  limiter_bench_close(&b);
}

/* ---- gain ---- */

/* The gain of every frame, in the arithmetic of the apply pass, is below what its
 * point's demand allows. */
static void never_above_demand(void **state) {
  (void)state;
  enum { N = 16384 };
  struct limiter_params params = settings();
  float *ones = render_floats(N);
  for (const struct hostile_signal *s = hostile_signals; s->name; s++) {
    const struct stage_format format = {s->parameter > 1 ? 192000 : 44100, 1, NULL, NULL};
    struct limiter_bench b;
    params.smooth_ms = s->parameter < 0.4 ? 2 : 0;
    limiter_bench_open(&b, &params, &format, N);
    s->fill(b.src, N, s->parameter);
    b.io.args[0] = 2 * LIMITER_OCTAVE; /* 12 dB */
    b.io.args[2] = s->parameter < 0.4 ? LIMITER_PACES - 6 : 0; /* with spikes */
    limiter_bench_run(&b, LIMITER_HALF_WAY, LIMITER_APPLY);
    for (int i = 0; i < N; i++) ones[i] = 1;
    b.io.src = ones;
    limiter_bench_run(&b, LIMITER_APPLY, LIMITER_APPLY + 1);
    const int32_t *demand = limiter_bench_section(&b, LIMITER_DEMAND);
    for (int i = 0; i < N; i++) {
      const double allowed = exp2(2 - demand[i / b.limiter->step] / 1048576.0);
      /* Gains are made 2^-22 smaller; exp2 (6e-8), its product, the spline's weights and
       * sums and 1 + g each round by 2^-24 of values up to 4 x: another 2^-20 at most. */
      if (b.dst[i] > allowed * (1 + 0x1p-20))
        fail_msg("%s: frame %d: gain %.9g, allowed %.9g", s->name, i, b.dst[i], allowed);
    }
    limiter_bench_close(&b);
  }
  free(ones);
}

static void neutral(void **state) {
  (void)state;
  static const int rates[] = {44100, 96000, 192000};
  for (int r = 0; r < COUNT(rates); r++)
    for (int channels = 1; channels <= 2; channels++) {
      enum { N = 30001 };
      struct render_plan plan = render_plan_of(rates[r], channels);
      struct render_track t = {.n_frames = N};
      plan.limiter.band_limit = BAND_LIMIT_OFF; /* the programme has noise up to Nyquist */
      render_programme(rates[r], channels, N, SEED, t.pcm);
      assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
      for (int32_t i = 0; i < N * channels; i++)
        assert_int_equal(t.out[0][i], (int32_t)((double)t.pcm[i % channels][i / channels] *
                                                FULL_SCALE_WORD));
      assert_true(t.result[0].max_reduction_db == 0);
      render_free(&t, 1);
      free(t.pcm[0]);
    }
}

/* ---- distortion ---- */

/* Energy of x[0 .. n) left after the best-fitting sinusoids are taken out, relative to all
 * of it, dB. Whole periods of each tone lie in n, so the fits are projections. */
static double residual(const float *x, int32_t n, const double *frequency, int tones) {
  double energy = 0, rest = 0, *left = calloc((size_t)n, sizeof *left);
  if (!left) abort();
  for (int32_t i = 0; i < n; i++) left[i] = x[i], energy += left[i] * left[i];
  for (int t = 0; t < tones; t++) {
    double in_phase = 0, quadrature = 0;
    for (int32_t i = 0; i < n; i++) {
      const double phase = 2 * PI * fmod(frequency[t] * i, 1);
      in_phase += 2 * left[i] * sin(phase) / n;
      quadrature += 2 * left[i] * cos(phase) / n;
    }
    for (int32_t i = 0; i < n; i++) {
      const double phase = 2 * PI * fmod(frequency[t] * i, 1);
      left[i] -= in_phase * sin(phase) + quadrature * cos(phase);
    }
  }
  for (int32_t i = 0; i < n; i++) rest += left[i] * left[i];
  free(left);
  return 10 * log10(rest / energy);
}

static void distortion(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int tones;
    double hz[2], level[2];
  } cases[] = {{"40 Hz", 1, {40}, {1}},
               {"60 Hz + 7 kHz", 2, {60, 7000}, {0.8, 0.2}},
               {"19 + 20 kHz", 2, {19000, 20000}, {0.5, 0.5}}};
  enum { N = 96000, BEGIN = 48000, LENGTH = 24000 };
  const struct limiter_params params = settings();
  const struct stage_format format = {48000, 1, NULL, NULL};
  for (int c = 0; c < COUNT(cases); c++) {
    struct limiter_bench b;
    double frequency[2];
    limiter_bench_open(&b, &params, &format, N);
    for (int t = 0; t < cases[c].tones; t++) {
      frequency[t] = cases[c].hz[t] / format.rate_hz;
      for (int i = 0; i < N; i++)
        b.src[i] += (float)(cases[c].level[t] * sin(2 * PI * fmod(frequency[t] * i, 1)) *
                            fmin(1, i / 4800.0));
    }
    b.io.args[0] = 1044480; /* 5.98 dB into the -1 dBTP ceiling */
    limiter_bench_run(&b, 0, LIMITER_CORRECT);
    const double thd_n = residual(b.dst + BEGIN, LENGTH, frequency, cases[c].tones);
    print_message("  %-14s THD+N %.1f dB, reduction %.2f dB\n", cases[c].name, thd_n,
                  octaves_to_db(limiter_bench_section(&b, LIMITER_REDUCTION)[BEGIN / 8]));
    /* What fp32 leaves: x, g x and their sum round by 2^-24 each, 2^-25 / sqrt(3) RMS of
     * the crest: -150 dB. 30 dB more are allowed to gain ripple, one part in 10^6. */
    assert_true(thd_n <= -120);
    limiter_bench_close(&b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(level_rounds_up),
      cmocka_unit_test(detector_accuracy),
      cmocka_unit_test(level_covers_samples),
      cmocka_unit_test(never_above_demand),
      cmocka_unit_test(neutral),
      cmocka_unit_test(distortion),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
