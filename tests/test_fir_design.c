/* SPDX-License-Identifier: MIT
 * The FIR design: its DFT against the definition, exact symmetry, and the 0.01 dB that
 * the automatic length promises. */
#include "fir_design.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "oracle.h"

#define SEED UINT64_C(7003)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
static const double TARGET_DB = 0.01; /* fir_design.h */

static void test_fft(void **unused) {
  (void)unused;
  for (int n = 2; n <= 4096; n *= n < 16 ? 2 : 4) {
    struct fft_plan *plan = fft_plan_create(n);
    assert_non_null(plan);
    double *re = oracle_alloc((size_t)n * sizeof *re), *im = oracle_alloc((size_t)n * sizeof *im);
    double *a = oracle_alloc((size_t)n * sizeof *a), *b = oracle_alloc((size_t)n * sizeof *b);
    uint64_t seed = SEED;
    for (int i = 0; i < n; i++) a[i] = re[i] = oracle_uniform(&seed);
    for (int i = 0; i < n; i++) b[i] = im[i] = oracle_uniform(&seed);
    fft_forward(plan, re, im);
    double worst = 0;
    for (int k = 0; k < n; k++) {
      const double cycles = (double)k / n;
      const double complex want =
          oracle_dft_double(a, n, cycles, 0) + I * oracle_dft_double(b, n, cycles, 0);
      worst = fmax(worst, cabs(re[k] + I * im[k] - want));
    }
    /* the oracle: a twiddle drifts by at most 64 steps of 2^-52, a sum of n terms of size
     * sqrt 2; the FFT's own error is far below it */
    assert_true(worst <= 2 * 64 * sqrt(2) * 0x1p-52 * n);
    if (n == 4096) print_message("fft of 4096 points: worst error %.3g\n", worst);
    fft_plan_destroy(&plan);
    assert_null(plan);
    fft_plan_destroy(&plan);
    free(re), free(im), free(a), free(b);
  }
}

/* ---- magnitudes of the oracle's own ---- */

struct shape {
  enum { BELL, HIGH_PASS, LOW_PASS, HALVES } kind;
  double freq_hz, amount; /* gain in dB, or order */
};

static double shape_gain(const void *context, double freq_hz) {
  const struct shape *s = context;
  const double complex w = I * freq_hz / s->freq_hz, w2 = w * w;
  const double a = oracle_gain(s->amount / 2);
  if (s->kind == BELL) return cabs((w2 + w * a + 1) / (w2 + w / a + 1));
  if (s->kind == HALVES) return 1 - 1 / (1 + pow(freq_hz / s->freq_hz, 2 * s->amount));
  const double power = pow(freq_hz / s->freq_hz, 2 * s->amount);
  return s->kind == HIGH_PASS ? sqrt(power / (1 + power)) : 1 / sqrt(1 + power);
}

/* Deviation between 20 Hz and 20 kHz at frequencies off the design's grid. */
static double deviation_db(const struct shape *s, const double *h, int taps, int rate_hz) {
  double worst = 0;
  for (int i = 0; i <= 150; i++) {
    const double f = 20 * pow(1000, i / 150.0), want = shape_gain(s, f);
    if (want <= 0.01) continue;
    const double complex got = oracle_dft_double(h, taps, f / rate_hz, taps / 2);
    /* symmetric about taps / 2: real, but for the rounding of sums below 4 */
    assert_true(fabs(cimag(got)) < 1e-11);
    worst = fmax(worst, fabs(oracle_db(creal(got) / want)));
  }
  return worst;
}

static const struct shape shapes[] = {
    {BELL, 1000, 6},      {BELL, 16000, 12},     {BELL, 60, -9},      {HIGH_PASS, 30, 4},
    {HIGH_PASS, 200, 16}, {LOW_PASS, 18000, 2},  {LOW_PASS, 500, 8},  {HALVES, 120, 2},
    {HALVES, 5000, 4},    {LOW_PASS, 20000, 16},
};

static void test_auto_taps(void **unused) {
  (void)unused;
  const int rates[] = {44100, 96000};
  for (int i = 0; i < COUNT(shapes); i++)
    for (int r = 0; r < COUNT(rates); r++) {
      const void *context[] = {&shapes[i]};
      int taps;
      double error, half_error = 1, *h;
      assert_int_equal(fir_auto_taps(shape_gain, context, 1, rates[r], &taps, &error), 0);
      assert_true(taps >= FIR_MIN_TAPS && taps <= fir_max_taps(rates[r]));
      assert_int_equal(taps & (taps - 1), 0);
      h = oracle_alloc((size_t)taps * sizeof *h);
      assert_int_equal(fir_linear_phase(shape_gain, context[0], rates[r], taps / 2, h, &half_error),
                       0);
      assert_true(taps == FIR_MIN_TAPS || half_error > TARGET_DB); /* the smallest */
      assert_int_equal(fir_linear_phase(shape_gain, context[0], rates[r], taps, h, &error), 0);
      const double measured = deviation_db(&shapes[i], h, taps, rates[r]);
      print_message("shape %d at %d Hz: %d taps, %.5f dB, off the grid %.5f dB\n", i, rates[r],
                    taps, error, measured);
      assert_true(error <= TARGET_DB);
      /* the grid has 16 points per bin of the filter's resolution: between them the response
       * moves by a quadratic (1/32)^2 / 2 * pi^2 of an error that changes over one bin, 0.5 % */
      assert_true(measured <= TARGET_DB * 1.01);
      free(h);
    }
}

static void test_worst_of_several(void **unused) {
  (void)unused;
  const void *both[] = {&shapes[0], &shapes[3]}, *wide[] = {&shapes[0]}, *steep[] = {&shapes[3]};
  int taps[3];
  double error[3];
  assert_int_equal(fir_auto_taps(shape_gain, wide, 1, 48000, &taps[0], &error[0]), 0);
  assert_int_equal(fir_auto_taps(shape_gain, steep, 1, 48000, &taps[1], &error[1]), 0);
  assert_int_equal(fir_auto_taps(shape_gain, both, 2, 48000, &taps[2], &error[2]), 0);
  assert_true(taps[0] < taps[1]);
  assert_int_equal(taps[2], taps[1]);
  assert_true(error[2] <= TARGET_DB);
}

/* h[taps / 2 + d] = h[taps / 2 - d] in every bit, and h[0] = 0. */
static void test_symmetry(void **unused) {
  (void)unused;
  for (int i = 0; i < COUNT(shapes); i++)
    for (int taps = 2048; taps <= 16384; taps *= 2) {
      double *h = oracle_alloc((size_t)taps * sizeof *h), error;
      assert_int_equal(fir_linear_phase(shape_gain, &shapes[i], 48000, taps, h, &error), 0);
      assert_true(h[0] == 0);
      for (int d = 1; d < taps / 2; d++) assert_true(h[taps / 2 + d] == h[taps / 2 - d]);
      free(h);
    }
}

static double unity(const void *context, double freq_hz) {
  (void)context, (void)freq_hz;
  return 1;
}

static void test_unity(void **unused) {
  (void)unused;
  const void *context[] = {NULL};
  int taps;
  double error, h[FIR_MIN_TAPS];
  assert_int_equal(fir_auto_taps(unity, context, 1, 48000, &taps, &error), 0);
  assert_int_equal(taps, FIR_MIN_TAPS);
  assert_int_equal(fir_linear_phase(unity, NULL, 48000, taps, h, &error), 0);
  for (int i = 0; i < taps; i++) assert_true(h[i] == (i == taps / 2));
  assert_true(error == 0);
}

static void test_max_taps(void **unused) {
  (void)unused;
  assert_int_equal(fir_max_taps(44100), 65536);
  assert_int_equal(fir_max_taps(48000), 65536);
  assert_int_equal(fir_max_taps(88200), 131072);
  assert_int_equal(fir_max_taps(96000), 131072);
  assert_int_equal(fir_max_taps(176400), 262144);
  assert_int_equal(fir_max_taps(192000), 262144);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fft),      cmocka_unit_test(test_auto_taps),
      cmocka_unit_test(test_symmetry), cmocka_unit_test(test_worst_of_several),
      cmocka_unit_test(test_unity),    cmocka_unit_test(test_max_taps),
  };
  return cmocka_run_group_tests_name("fir_design", tests, NULL, NULL);
}
