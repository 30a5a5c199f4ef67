/* SPDX-License-Identifier: MIT
 * The stereo stage: gains of mid, side, left and right against formulas of its own, noise
 * against direct convolution, and what must not change a bit. */
#include "stereo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "linear_fixture.h"

#define SEED UINT64_C(7204)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
static const double RESPONSE_DB = 0.01; /* promise of the design */
/* Of a measured gain: four times the convolution's error, -130 dB (test_convolve). */
static const double NOISE = 4 * 3.2e-7;

static struct stereo_params *defaults(void) { return oracle_params(&stage_stereo); }

/* ---- gains ---- */

/* A high pass of the side, by the Butterworth poles; everything else is a factor. */
static double wanted_side(const struct stereo_params *p, double width_here, double freq_hz) {
  double g = p->width * width_here * pow(10, p->side_gain_db / 20);
  if (isnan(p->mono_below_hz)) return g;
  const double complex s = I * freq_hz / p->mono_below_hz;
  const int order = p->slope_db_oct / 6;
  for (int k = 1; k <= order; k++)
    g *= cabs(s / (s - cexp(I * 3.14159265358979324 / 2 * (2.0 * k + order - 1) / order)));
  return g;
}

static void expect_gain(double complex got, double want) {
  if (want > 0.01) assert_true(fabs(oracle_db(cabs(got) / want)) <= RESPONSE_DB);
  else assert_true(cabs(got) <= want * 1.02 + NOISE);
}

/* Mid and side against their gains (no widths, no balance). */
static void check_gains(const struct stereo_params *p, int rate_hz) {
  struct linear_responses r;
  assert_int_equal(linear_measure(&r, &stage_stereo, p, rate_hz, 2), 0);
  for (int i = 0; i < LINEAR_FREQUENCIES; i++) {
    const double f = linear_frequency(i, rate_hz);
    double complex leak;
    expect_gain(linear_component(&r, LINEAR_MID, f, &leak), pow(10, p->mid_gain_db / 20));
    assert_true(cabs(leak) <= 4 * NOISE);
    expect_gain(linear_component(&r, LINEAR_SIDE, f, &leak), wanted_side(p, 1, f));
    assert_true(cabs(leak) <= 4 * NOISE);
  }
  linear_release(&r);
}

static void test_width(void **unused) {
  (void)unused;
  static const double widths[] = {0, 0.5, 1, 1.25, 2};
  static const int rates[] = {44100, 48000, 96000, 192000};
  for (int i = 0; i < COUNT(widths); i++) {
    struct stereo_params *p = defaults();
    p->width = widths[i];
    check_gains(p, rates[i % 4]);
    p->mid_gain_db = -3, p->side_gain_db = 4;
    check_gains(p, rates[(i + 1) % 4]);
    free(p);
  }
}

static void test_mono_below(void **unused) {
  (void)unused;
  static const int slopes[] = {6, 12, 24, 48, 96};
  for (int i = 0; i < 2 * COUNT(slopes); i++) {
    struct stereo_params *p = defaults();
    p->phase = i % 2;
    p->mono_below_hz = i < 6 ? 120 : 400;
    p->slope_db_oct = slopes[i / 2];
    p->width = 1.1;
    check_gains(p, i % 4 ? 44100 : 96000);
    free(p);
  }
}

/* The width curve goes through its points, on top of the overall width. */
static void test_widths(void **unused) {
  (void)unused;
  static const struct pchip_point points[] = {{80, 0}, {250, 0.7}, {1000, 1}, {6000, 1.6},
                                              {14000, 1.2}};
  struct stereo_params *p = defaults();
  struct linear_responses r;
  double complex leak;
  p->n_widths = COUNT(points);
  memcpy(p->widths, points, sizeof points);
  p->width = 1.2;
  assert_int_equal(linear_measure(&r, &stage_stereo, p, 48000, 2), 0);
  for (int k = 0; k < COUNT(points); k++)
    expect_gain(linear_component(&r, LINEAR_SIDE, points[k].freq_hz, &leak),
                1.2 * points[k].value);
  for (int i = 0; i < LINEAR_FREQUENCIES; i++) {
    const double f = linear_frequency(i, 48000);
    expect_gain(linear_component(&r, LINEAR_SIDE, f, &leak), stereo_side_gain(p, f));
    expect_gain(linear_component(&r, LINEAR_MID, f, &leak), 1);
    if (f < 80) assert_true(cabs(linear_component(&r, LINEAR_SIDE, f, &leak)) <= 1.3e-3);
    if (f > 14000) expect_gain(linear_component(&r, LINEAR_SIDE, f, &leak), 1.2 * 1.2);
  }
  linear_release(&r);
  free(p);
}

static void test_balance(void **unused) {
  (void)unused;
  for (int db = -24; db <= 24; db += 6) {
    struct stereo_params *p = defaults();
    struct linear_responses r;
    p->balance_db = db;
    assert_int_equal(linear_measure(&r, &stage_stereo, p, 44100, 2), 0);
    for (int i = 0; i < LINEAR_FREQUENCIES; i += 7) {
      const double f = linear_frequency(i, 44100);
      double complex leak;
      expect_gain(linear_component(&r, LINEAR_LEFT, f, &leak), db > 0 ? pow(10, -db / 20.0) : 1);
      assert_true(leak == 0); /* nothing crosses over */
      expect_gain(linear_component(&r, LINEAR_RIGHT, f, &leak), db < 0 ? pow(10, db / 20.0) : 1);
      assert_true(leak == 0);
    }
    assert_true(r.pre_ring_ms == 0);
    linear_release(&r);
    free(p);
  }
}

/* The order is mid and side, then left and right. */
static void test_order(void **unused) {
  (void)unused;
  struct stereo_params *p = defaults();
  struct linear_responses r;
  p->width = 0.5;
  p->balance_db = 6;
  const double left = pow(10, -6 / 20.0), want[2][2] = {{0.75 * left, 0.25 * left}, {0.25, 0.75}};
  assert_int_equal(linear_measure(&r, &stage_stereo, p, 44100, 2), 0);
  for (int i = 0; i < 4; i++)
    assert_true(cabs(linear_gain_at(&r, i % 2, i / 2, 1000) - want[i / 2][i % 2]) <= NOISE);
  assert_int_equal(r.taps, 2048); /* the same at all frequencies: one partition */
  linear_release(&r);
  free(p);
}

/* ---- samples ---- */

static void test_null(void **unused) {
  (void)unused;
  for (int phase = PHASE_LINEAR; phase <= PHASE_MIXED; phase++) {
    struct stereo_params *p = defaults();
    p->phase = phase;
    p->width = 1.2;
    p->mono_below_hz = 120;
    p->mid_gain_db = -0.5;
    p->balance_db = -0.3;
    const double db = linear_null_db(&(struct stage_use){&stage_stereo, p}, 1, 48000);
    print_message("null, %s phase: %.1f dB\n", linear_phases[phase], db);
    /* |H - 1| is about 0.2 on the side, 0.06 on the mid: below a typical equaliser's -138. */
    assert_true(db <= -138);
    free(p);
  }
}

static void render(const struct stereo_params *p, int channels, struct oracle_audio *a) {
  assert_int_equal(oracle_run_stage(&stage_stereo, p, 44100, channels, a->n,
                                    (const float *const *)a->in, a->out, 3), 0);
}

static struct oracle_audio music(void) {
  struct oracle_audio a = oracle_audio_create(20001);
  oracle_stereo(a.in[0], a.in[1], a.n, 0.9, SEED);
  return a;
}

static void test_neutral(void **unused) {
  (void)unused;
  struct stereo_params *p = defaults();
  struct oracle_audio a = music();
  assert_true(stage_stereo.neutral(p));
  p->n_widths = 2;
  p->widths[0] = (struct pchip_point){100, 1}, p->widths[1] = (struct pchip_point){200, 1};
  assert_true(stage_stereo.neutral(p));
  render(p, 2, &a);
  for (int c = 0; c < 2; c++)
    assert_memory_equal(a.in[c], a.out[c], (size_t)a.n * sizeof(float));
  p->widths[1].value = 1.1;
  assert_false(stage_stereo.neutral(p));
  p->n_widths = 0;
  double *const settings[] = {&p->width, &p->mono_below_hz, &p->mid_gain_db, &p->side_gain_db,
                              &p->balance_db};
  for (int i = 0; i < COUNT(settings); i++) {
    const double before = *settings[i];
    *settings[i] = 1.5;
    assert_false(stage_stereo.neutral(p));
    *settings[i] = before;
  }
  assert_true(stage_stereo.neutral(p));
  oracle_audio_destroy(&a);
  free(p);
}

/* What is mono stays as it is, bit for bit: the filters of left and right to one output
 * are each other's negative. On one channel there is no side and no balance. */
static void test_mono_source(void **unused) {
  (void)unused;
  struct stereo_params *p = defaults();
  struct oracle_audio a = music();
  p->width = 1.7;
  p->mono_below_hz = 200;
  p->phase = PHASE_MINIMUM;
  memcpy(a.in[1], a.in[0], (size_t)a.n * sizeof(float));
  render(p, 2, &a);
  for (int c = 0; c < 2; c++)
    assert_memory_equal(a.in[0], a.out[c], (size_t)a.n * sizeof(float));
  p->balance_db = 6;
  render(p, 1, &a);
  assert_memory_equal(a.in[0], a.out[0], (size_t)a.n * sizeof(float));
  p->mid_gain_db = -6;
  render(p, 1, &a);
  const double power = oracle_energy(a.out[0], a.n) / oracle_energy(a.in[0], a.n);
  assert_true(fabs(10 * log10(power) + 6) <= RESPONSE_DB);
  oracle_audio_destroy(&a);
  free(p);
}

/* Width 0: both channels are the mid, but for the convolution's noise. */
static void test_width_zero(void **unused) {
  (void)unused;
  struct stereo_params *p = defaults();
  struct oracle_audio a = music();
  p->width = 0;
  render(p, 2, &a);
  double error = 0;
  for (int c = 0; c < 2; c++)
    for (int32_t i = 0; i < a.n; i++)
      error += pow(a.out[c][i] - ((double)a.in[0][i] + a.in[1][i]) / 2, 2);
  const double db = 10 * log10(error / 2 / oracle_energy(a.in[0], a.n));
  print_message("width 0: %.1f dB off the mid\n", db);
  /* |H - 1| = 1/2 on each of two inputs: -132.3 dB (test_convolve) - 3 dB */
  assert_true(db <= -135);
  oracle_audio_destroy(&a);
  free(p);
}

static void test_errors(void **unused) {
  (void)unused;
  struct stereo_params *p = defaults();
  const char *row = NULL;
  assert_null(stage_stereo.check(p, &row));
  p->slope_db_oct = 20;
  assert_non_null(stage_stereo.check(p, &row));
  assert_string_equal(row, "slope");
  p->slope_db_oct = 18;
  p->n_widths = 2;
  p->widths[0] = (struct pchip_point){200, 1}, p->widths[1] = (struct pchip_point){100, 1};
  assert_non_null(stage_stereo.check(p, &row));
  assert_string_equal(row, "widths");
  free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_width),       cmocka_unit_test(test_mono_below),
      cmocka_unit_test(test_widths),      cmocka_unit_test(test_balance),
      cmocka_unit_test(test_order),       cmocka_unit_test(test_null),
      cmocka_unit_test(test_neutral),     cmocka_unit_test(test_mono_source),
      cmocka_unit_test(test_width_zero),  cmocka_unit_test(test_errors),
  };
  return cmocka_run_group_tests_name("stereo", tests, NULL, NULL);
}
