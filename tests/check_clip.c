/* SPDX-License-Identifier: MIT
 * The soft clipper and its oversampling filters against formulas in double precision:
 * response, knee, harmonics, aliases, transparency below the knee. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clip.h"
#include "engine_cpu.h"
#include "harmonics.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static const double TWO_PI = 6.283185307179586477;
static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
static const struct clip_params params;

static void clip_run(const struct oracle_audio *a, int rate_hz, int channels,
                     double threshold_db) {
  struct oracle_stage s;
  int32_t args[5];
  assert_int_equal(oracle_design(&s, &stage_clip, &params, rate_hz, channels, NULL), 0);
  clip_args(threshold_db, args);
  oracle_open(&s, a->n, 7);
  engine_cpu.set_args(s.session, 0, 0, args);
  oracle_write(&s, (const float *const *)a->in);
  oracle_passes(&s, 0, 1);
  oracle_read(&s, a->out);
  oracle_close(&s);
}

/* ---- filters ---- */

/* Largest error of the samples between the frames for sines up to 0.907 of Nyquist. */
static double interpolation_error(int factor) {
  struct oversample_design d = {0};
  struct oversampled *o = oracle_alloc(sizeof *o);
  double worst = 0;
  oversample_fill(&d, factor);
  for (double f = 0.01; f <= 0.4535; f += 0.0211) {
    for (int i = 0; i < OVERSAMPLE_ROW; i++) o->phase[0][i] = (float)sin(TWO_PI * f * i);
    oversample_up(&d, o);
    for (int p = 0; p < factor; p++)
      for (int n = OVERSAMPLE_FIRST; n < OVERSAMPLE_FIRST + OVERSAMPLE_FRAMES; n++) {
        const int i = n + OVERSAMPLE_BEFORE;
        const double error = o->phase[p][i] - sin(TWO_PI * f * (i + (double)p / factor));
        worst = fmax(worst, fabs(error));
        if (p == 0) assert_true(o->phase[0][i] == (float)sin(TWO_PI * f * i));
      }
  }
  free(o);
  return worst;
}

/* A sine at `f` cycles per frame through the decimator: its largest output less the sine
 * times `gain`. */
static double decimation_error(int factor, double f, double gain) {
  struct oversample_design d = {0};
  struct oversampled *o = oracle_alloc(sizeof *o);
  float out[BLOCK_FRAMES];
  double worst = 0;
  oversample_fill(&d, factor);
  for (int p = 0; p < factor; p++)
    for (int i = 0; i < OVERSAMPLE_ROW; i++)
      o->phase[p][i] = (float)sin(TWO_PI * f * (i + (double)p / factor));
  oversample_down(&d, o, out);
  for (int n = 0; n < BLOCK_FRAMES; n++)
    worst = fmax(worst, fabs(out[n] - gain * sin(TWO_PI * f * (n + OVERSAMPLE_BEFORE))));
  free(o);
  return worst;
}

static void test_filters(void **unused) {
  (void)unused;
  for (int factor = 4; factor <= 8; factor += 4) {
    double pass = 0, stop = 0;
    for (double f = 0.003; f <= 0.4535; f += 0.0211)
      pass = fmax(pass, decimation_error(factor, f, 1));
    for (double f = 0.5466; f <= factor - 0.5466; f += 0.0173) /* also what folds near 1, 2 .. */
      stop = fmax(stop, decimation_error(factor, f, 0));
    const double up = interpolation_error(factor);
    print_message("%dx: interpolation %.1f dB, pass band %.1f dB, stop band %.1f dB\n", factor,
                  oracle_db(up), oracle_db(pass), oracle_db(stop));
    /* Kaiser filters of -128, -130 and -136 dB, which may add up, to 6 10^-7; roundings of
     * 2^-24 of the float sine, of the taps and of each of three sums. */
    assert_true(up <= 1.2e-6 && pass <= 1.2e-6 && stop <= 1.2e-6);
  }
}

/* ---- the knee ---- */

/* The slope 1 - S(t) of the knee, integrated by Simpson's rule; S is the regularised
 * incomplete beta function of 4 and 4. */
static double clipped(const void *context, double u) {
  enum { STEPS = 40 }; /* of a polynomial of degree 7 */
  const double threshold = *(const double *)context, v = fabs(u) / threshold;
  const double knee = 0.625, width = 2 * (1 - knee), t = fmin(1, (v - knee) / width);
  double sum = 0;
  if (t <= 0) return u;
  for (int i = 0; i <= STEPS; i++) {
    const double x = t * i / STEPS;
    const double s = x * x * x * x * (35 + x * (-84 + x * (70 - 20 * x)));
    sum += (1 - s) * (i == 0 || i == STEPS ? 1 : i % 2 ? 4 : 2);
  }
  return copysign(threshold * (knee + width * sum * t / STEPS / 3), u);
}

static void test_knee(void **unused) {
  (void)unused;
  static const double thresholds[] = {0.001, 0.5, 1, 40};
  for (int i = 0; i < COUNT(thresholds); i++) {
    const float threshold = (float)thresholds[i], inverse = (float)(1 / thresholds[i]);
    float last = 0;
    for (double v = 0; v < 2; v += 0.0001) {
      const float u = (float)(v * thresholds[i]), y = u + clip_excess(u, threshold, inverse);
      assert_true(clip_excess(-u, threshold, inverse) == -clip_excess(u, threshold, inverse));
      assert_float_equal(y, clipped(&thresholds[i], u), 2e-6 * thresholds[i]);
      /* the polynomial's terms of up to 14, rounded to 2^-24 of them, cancel in its sum */
      assert_true(y >= last - 2e-6 * thresholds[i]);
      if (v < 0.6249) assert_true(y == u);
      if (v > 1.376) assert_float_equal(y, threshold, 3e-7 * thresholds[i]);
      last = y;
    }
  }
}

/* ---- spectrum ---- */

static void test_harmonics(void **unused) {
  (void)unused;
  static const double thresholds_db[] = {-1, -3, -6, -12};
  for (int r = 0; r < 3; r++)
    for (int i = 0; i < COUNT(thresholds_db); i++) {
      const double threshold = oracle_gain(thresholds_db[i]);
      int32_t args[5];
      clip_args(thresholds_db[i], args);
      const struct harmonics got = harmonics_of(&stage_clip, &params, args, rates[r],
                                                harmonics_cycles(1000, rates[r]), 0.98);
      for (int h = 0; h <= HARMONICS_MOST; h++) {
        const double want = harmonics_expected(clipped, &threshold, 0.98, h);
        /* filters' ripple (6e-7 re the excess) and roundings */
        assert_float_equal(got.amplitude[h], want, 1e-6);
      }
    }
}

static void test_aliases(void **unused) {
  (void)unused;
  /* What folds back from 352.8 kHz of a sine of 0.98: calculated with ideal filters -215,
   * -140, -115, -103 and -101 dB at 3 dB over the threshold, -196, -121, -91 at 6 dB. */
  static const struct {
    double freq_hz, threshold_db, bound_db;
  } tones[] = {
      {1200, -3, -160}, {1200, -6, -160}, {5000, -3, -138}, {5000, -6, -120}, {9000, -1, -122},
      {9000, -3, -109}, {9000, -6, -88},  {12000, -3, -98}, {15000, -3, -100}, {18000, -1, -89},
  };
  for (int i = 0; i < COUNT(tones); i++) {
    int32_t args[5];
    clip_args(tones[i].threshold_db, args);
    const double db = harmonics_of(&stage_clip, &params, args, 44100,
                                   harmonics_cycles(tones[i].freq_hz, 44100), 0.98).alias_db;
    print_message("%5.0f Hz, threshold %g dBFS: alias %.1f dB\n", tones[i].freq_hz,
                  tones[i].threshold_db, db);
    assert_true(db <= tones[i].bound_db);
  }
}

/* ---- samples ---- */

static void test_transparent(void **unused) {
  (void)unused;
  for (int r = 0; r < COUNT(rates); r++) {
    struct oracle_audio a = oracle_audio_create(9001);
    oracle_sine(a.in[0], a.n, rates[r], 0.2 * rates[r], 0.55, 0.3);
    oracle_noise(a.in[1], a.n, 0.1, 5);
    clip_run(&a, rates[r], 2, 0);
    for (int c = 0; c < 2; c++)
      assert_memory_equal(a.out[c], a.in[c], (size_t)a.n * sizeof(float));
    memset(a.in[1], 0, (size_t)a.n * sizeof(float));
    clip_run(&a, rates[r], 2, -20);
    assert_memory_equal(a.out[1], a.in[1], (size_t)a.n * sizeof(float));
    assert_memory_not_equal(a.out[0], a.in[0], (size_t)a.n * sizeof(float));
    oracle_audio_destroy(&a);
  }
}

/* Every frame is the same expression of its surroundings, wherever it lies in its block. */
static void test_shift(void **unused) {
  (void)unused;
  enum { N = 7000, SHIFT = 777 };
  for (int r = 0; r < 3; r += 2) {
    struct oracle_audio a = oracle_audio_create(N), b = oracle_audio_create(N + SHIFT);
    oracle_noise(a.in[0], N, 1.5, 77);
    memcpy(b.in[0] + SHIFT, a.in[0], N * sizeof(float));
    clip_run(&a, rates[r], 1, -2);
    clip_run(&b, rates[r], 1, -2);
    assert_memory_equal(a.out[0], b.out[0] + SHIFT, N * sizeof(float));
    oracle_audio_destroy(&a);
    oracle_audio_destroy(&b);
  }
}

static void test_peaks(void **unused) {
  (void)unused;
  struct oracle_audio a = oracle_audio_create(20000);
  oracle_sine(a.in[0], a.n, 48000, 60, 3, 0);
  clip_run(&a, 48000, 1, -3);
  /* the knee is smooth against half a period of the filters */
  for (int i = 500; i < a.n - 500; i++)
    assert_true(fabsf(a.out[0][i]) <= 1.0001 * oracle_gain(-3));
  oracle_audio_destroy(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_filters),   cmocka_unit_test(test_knee),
      cmocka_unit_test(test_harmonics), cmocka_unit_test(test_aliases),
      cmocka_unit_test(test_transparent), cmocka_unit_test(test_shift),
      cmocka_unit_test(test_peaks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
