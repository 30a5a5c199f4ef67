/* SPDX-License-Identifier: MIT
 * The equaliser's responses against analog prototypes in complex arithmetic, and its
 * settings. */
#include "eq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linear_fixture.h"
#include "oracle.h"

#define SEED UINT64_C(7004)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
enum { TYPES = EQ_CURVE + 1, TARGETS = LINEAR_SIDE + 1 }; /* of stereo */

/* Promise of the design (fir_design.h). */
static const double RESPONSE_DB = 0.01;
/* Noise of a measured response: the convolution's error is below -130 dB of the energy of
 * h - delta (test_convolve), which is below its largest |H - 1|^2; a bin of white noise
 * stays within four times its rms. */
static const double RESPONSE_NOISE = 4 * 3.2e-7;

/* What the bands, one after the other, make of a pair (left, right). */
static void apply_bands(const struct eq_params *p, double freq_hz, double pair[2]) {
  for (int i = 0; i < p->n_bands; i++) {
    const double g = eq_prototype(&p->bands[i], freq_hz);
    double mid = (pair[0] + pair[1]) / 2, side = (pair[0] - pair[1]) / 2;
    switch ((enum eq_target)p->bands[i].target) {
    case EQ_STEREO: pair[0] *= g, pair[1] *= g; break;
    case EQ_LEFT: pair[0] *= g; break;
    case EQ_RIGHT: pair[1] *= g; break;
    case EQ_MID: mid *= g, pair[0] = mid + side, pair[1] = mid - side; break;
    case EQ_SIDE: side *= g, pair[0] = mid + side, pair[1] = mid - side; break;
    }
  }
}

/* ---- one band ---- */

/* Largest |H - 1| of the band between 20 Hz and 20 kHz, at least that of its skirt. */
static double largest_change(const struct eq_band *band) {
  return fmax(1, pow(10, band->gain_db / 20) - 1);
}

static const int partner[TARGETS] = {EQ_STEREO, EQ_RIGHT, EQ_LEFT, EQ_SIDE, EQ_MID};

/* The component that the band acts on follows the prototype, its partner stays. */
static double response_error_db(const struct linear_responses *r, const struct eq_band *band) {
  const double noise = RESPONSE_NOISE * largest_change(band);
  const int own = band->target == EQ_STEREO ? EQ_LEFT : band->target;
  double worst = 0;
  for (int i = 0; i < LINEAR_FREQUENCIES; i++) {
    const double f = linear_frequency(i, r->rate_hz), want = eq_prototype(band, f);
    double complex leak, got = linear_component(r, own, f, &leak);
    assert_true(cabs(leak) <= noise);
    assert_true(fabs(cimag(got)) <= noise); /* linear phase */
    if (want > 0.01) {
      const double error = fabs(oracle_db(creal(got) / want));
      worst = fmax(worst, error - oracle_db(1 + noise / want));
    }
    got = linear_component(r, partner[own], f, &leak);
    assert_true(cabs(got - (band->target == EQ_STEREO ? creal(got) : 1)) <= noise);
    assert_true(cabs(leak) <= noise);
  }
  return worst;
}

/* Symmetric about the impulse, within the convolution's noise (RESPONSE_NOISE above; here
 * per sample, and a sample's share of the energy is far smaller). */
static void assert_symmetric(const struct linear_responses *r, double change) {
  for (int i = 0; i < 4; i++) {
    const float *h = r->data[i / 2][i % 2];
    const int32_t reach = r->n - 1 - r->at < r->at ? r->n - 1 - r->at : r->at;
    for (int32_t d = 1; d <= reach; d++)
      assert_float_equal(h[r->at - d], h[r->at + d], RESPONSE_NOISE * change);
  }
}

static struct eq_params *one_band(int type, int target, double freq_hz, int slope) {
  struct eq_params *p = oracle_params(&stage_eq);
  p->n_bands = 1;
  p->bands[0] = (struct eq_band){.type = type, .target = target, .freq_hz = freq_hz,
                                 .gain_db = 6, .q = type == EQ_BELL ? 2 : 0.70710678118654752,
                                 .slope_db_oct = slope};
  if (type == EQ_CURVE) {
    static const struct pchip_point points[] = {
        {40, -2}, {120, 1.5}, {300, 1.5}, {900, -6}, {2500, -4}, {4000, 6}, {9000, 0}, {16000, 3}};
    memcpy(p->bands[0].points, points, sizeof points);
    p->bands[0].n_points = COUNT(points);
  }
  return p;
}

static double check_band(const struct eq_params *p, int rate_hz) {
  struct linear_responses r;
  assert_int_equal(linear_measure(&r, &stage_eq, p, rate_hz, 2), 0);
  const double error = response_error_db(&r, &p->bands[0]);
  assert_symmetric(&r, largest_change(&p->bands[0]));
  linear_release(&r);
  return error;
}

static const double usual_hz[TYPES] = {200, 8000, 200, 6000, 1000, 6000, 700, 900, NAN};

static void test_types(void **unused) {
  (void)unused;
  const int rates[] = {44100, 48000, 96000, 192000};
  static const double gains[] = {6, -14};
  double worst = 0;
  for (int i = 0; i < COUNT(rates) * TYPES * COUNT(gains); i++) {
    const int rate_hz = rates[i % COUNT(rates)], type = i / COUNT(rates) % TYPES;
    if (i >= COUNT(rates) * TYPES && (rate_hz != 44100 || type <= EQ_LOWPASS)) continue;
    struct eq_params *p = one_band(type, EQ_STEREO, usual_hz[type], 24);
    p->bands[0].gain_db = gains[i / (COUNT(rates) * TYPES)];
    const double error = check_band(p, rate_hz);
    if (error > RESPONSE_DB)
      print_message("type %d, %d Hz: off by %.4f dB\n", type, rate_hz, error);
    worst = fmax(worst, error);
    free(p);
  }
  print_message("types, all rates: worst response error %.5f dB\n", worst);
  assert_true(worst <= RESPONSE_DB);
}

static void test_slopes(void **unused) {
  (void)unused;
  double worst = 0;
  for (int slope = 6; slope <= 96; slope += 6)
    for (int type = EQ_HIGHPASS; type <= EQ_LOWPASS; type++) {
      struct eq_params *p = one_band(type, EQ_STEREO, usual_hz[type], slope);
      const double error = check_band(p, slope % 12 ? 44100 : 48000);
      worst = fmax(worst, error);
      free(p);
    }
  print_message("slopes: worst response error %.5f dB\n", worst);
  assert_true(worst <= RESPONSE_DB);
}

/* A curve goes through its points, never beyond them, and is level outside. */
static void test_curve_points(void **unused) {
  (void)unused;
  struct eq_params *p = one_band(EQ_CURVE, EQ_STEREO, NAN, 12);
  const struct eq_band *band = &p->bands[0];
  struct linear_responses r;
  assert_int_equal(linear_measure(&r, &stage_eq, p, 44100, 2), 0);
  for (int k = 0; k < band->n_points; k++) {
    const double got = oracle_db(cabs(linear_gain_at(&r, 0, 0, band->points[k].freq_hz)));
    assert_true(fabs(got - band->points[k].value) <= RESPONSE_DB);
  }
  assert_true(fabs(oracle_db(cabs(linear_gain_at(&r, 1, 1, 25))) + 2) <= RESPONSE_DB);
  assert_true(fabs(oracle_db(cabs(linear_gain_at(&r, 1, 1, 19000))) - 3) <= RESPONSE_DB);
  for (int k = 0; k + 1 < band->n_points; k++)
    for (int i = 1; i < 20; i++) {
      const struct pchip_point *a = &band->points[k], *b = a + 1;
      const double f = a->freq_hz * pow(b->freq_hz / a->freq_hz, i / 20.0);
      const double db = oracle_db(eq_band_magnitude(band, f));
      assert_true(db >= fmin(a->value, b->value) - 1e-12);
      assert_true(db <= fmax(a->value, b->value) + 1e-12);
    }
  linear_release(&r);
  free(p);
}

/* Low and narrow bands, and bells at the top that a bilinear transform would cramp. */
static void test_hard_bands(void **unused) {
  (void)unused;
  static const struct eq_band bands[] = {
      EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 30, 0, 1, 24), EQ_BAND(EQ_BELL, EQ_STEREO, 40, 6, 4, 12),
      EQ_BAND(EQ_BELL, EQ_STEREO, 16000, 6, 0.7, 12),
      EQ_BAND(EQ_BELL, EQ_STEREO, 19500, -12, 8, 12),
      EQ_BAND(EQ_HIGH_SHELF, EQ_STEREO, 20000, 9, 0.5, 12),
      EQ_BAND(EQ_LOWPASS, EQ_STEREO, 21000, 0, 1, 12),
      EQ_BAND(EQ_NOTCH, EQ_STEREO, 300, 0, 4, 12), EQ_BAND(EQ_BELL, EQ_STEREO, 3000, 30, 0.025, 12),
  };
  for (int i = 0; i < COUNT(bands); i++) {
    struct eq_params *p = one_band(EQ_BELL, EQ_STEREO, 1000, 12);
    p->bands[0] = bands[i];
    const double error = check_band(p, 44100);
    print_message("hard band %d: %.5f dB\n", i, error);
    assert_true(error <= RESPONSE_DB);
    free(p);
  }
}

/* A band acts on its target only, and there it follows the prototype. */
static void test_targets(void **unused) {
  (void)unused;
  double worst[TARGETS] = {0};
  for (int target = EQ_LEFT; target < TARGETS; target++) {
    for (int type = 0; type < TYPES; type++)
      for (int cut = 0; cut < 2; cut++) {
        if (cut && (type <= EQ_LOWPASS || type == EQ_NOTCH || type >= EQ_BANDPASS)) continue;
        struct eq_params *p = one_band(type, target, usual_hz[type], 24);
        if (cut) p->bands[0].gain_db = -24;
        const double error = check_band(p, 48000);
        if (error > RESPONSE_DB)
          print_message("target %d, type %d, %s: off by %.4f dB\n", target, type,
                        cut ? "-24 dB" : "+6 dB or cut", error);
        worst[target] = fmax(worst[target], error);
        free(p);
      }
    print_message("target %d: worst response error %.5f dB\n", target, worst[target]);
  }
  for (int target = EQ_LEFT; target < TARGETS; target++)
    assert_true(worst[target] <= RESPONSE_DB);
}

/* Mid and side bands that need a longer filter than the diagonal of the matrix, (1 + g) / 2,
 * lets on: deep where the diagonal is still a half. */
static void test_deep_side(void **unused) {
  (void)unused;
  static const struct eq_band bands[] = {
      EQ_BAND(EQ_HIGHPASS, EQ_SIDE, 80, 0, 1, 48),
      EQ_BAND(EQ_HIGHPASS, EQ_SIDE, 300, 0, 1, 96),
      EQ_BAND(EQ_BELL, EQ_MID, 150, -24, 4, 12),
  };
  double worst = 0;
  for (int i = 0; i < COUNT(bands); i++) {
    struct eq_params *p = one_band(EQ_BELL, EQ_STEREO, 1000, 12);
    p->bands[0] = bands[i];
    const double error = check_band(p, 48000);
    print_message("deep band %d: %.4f dB\n", i, error);
    worst = fmax(worst, error);
    free(p);
  }
  assert_true(worst <= RESPONSE_DB);
}

/* On one channel mid and left are the channel; side and right are nothing. */
static void test_mono(void **unused) {
  (void)unused;
  for (int target = 0; target < TARGETS; target++) {
    struct eq_params *p = one_band(EQ_BELL, target, 1000, 12);
    struct linear_responses r;
    assert_int_equal(linear_measure(&r, &stage_eq, p, 48000, 1), 0);
    if (target == EQ_RIGHT || target == EQ_SIDE) {
      for (int32_t i = 0; i < r.n; i++) assert_true(r.data[0][0][i] == (i == r.at));
    } else {
      for (int i = 0; i < LINEAR_FREQUENCIES; i++) {
        const double f = linear_frequency(i, 48000), want = eq_prototype(&p->bands[0], f);
        assert_true(fabs(oracle_db(cabs(linear_gain_at(&r, 0, 0, f)) / want)) <= RESPONSE_DB);
      }
    }
    linear_release(&r);
    free(p);
  }
}

static struct eq_params *many_bands(void) {
  struct eq_params *p = oracle_params(&stage_eq);
  uint64_t seed = SEED;
  p->n_bands = EQ_MAX_BANDS;
  for (int i = 0; i < EQ_MAX_BANDS; i++)
    p->bands[i] = (struct eq_band){.type = i < 2 ? EQ_HIGHPASS : i < 4 ? EQ_LOWPASS : 2 + i % 3,
                                   .target = i < 4 ? EQ_STEREO : i % TARGETS,
                                   .freq_hz = i < 2   ? 25
                                              : i < 4 ? 19000
                                                      : 60 * pow(1.35, i - 4),
                                   .gain_db = 4 * oracle_uniform(&seed),
                                   .q = 1 + 0.5 * oracle_uniform(&seed),
                                   .slope_db_oct = 12};
  return p;
}

/* All 24 bands: entries of the matrix, as errors re the norm of their row. */
static void test_many_bands(void **unused) {
  (void)unused;
  struct eq_params *p = many_bands();
  struct linear_responses r;
  double worst = 0;
  assert_int_equal(linear_measure(&r, &stage_eq, p, 48000, 2), 0);
  for (int i = 0; i < LINEAR_FREQUENCIES; i++) {
    const double f = linear_frequency(i, 48000);
    double left[2] = {1, 0}, right[2] = {0, 1};
    apply_bands(p, f, left);
    apply_bands(p, f, right);
    for (int o = 0; o < 2; o++) {
      const double norm = hypot(left[o], right[o]);
      if (norm < 0.01) continue;
      const double error = hypot(cabs(linear_gain_at(&r, 0, o, f) - left[o]),
                                 cabs(linear_gain_at(&r, 1, o, f) - right[o]));
      /* |H - 1| < 8 with 24 bands of 4 dB at most, rarely more than six at one frequency */
      worst = fmax(worst, oracle_db(1 + error / norm) - oracle_db(1 + 8 * RESPONSE_NOISE / norm));
    }
  }
  print_message("24 bands: worst response error %.5f dB\n", worst);
  assert_true(worst <= RESPONSE_DB);
  linear_release(&r);
  free(p);
}

/* ---- settings ---- */

static void test_errors(void **unused) {
  (void)unused;
  const char *row = NULL, *why = NULL;
  struct eq_params *p = one_band(EQ_HIGHPASS, EQ_STEREO, 100, 12);
  struct oracle_stage s;
  for (int slope = 6; slope <= 96; slope++) {
    p->bands[0].slope_db_oct = slope;
    assert_int_equal(stage_eq.check(p, &row) == NULL, slope % 6 == 0);
    if (slope == 7) assert_string_equal(row, "slope");
  }
  p->bands[0].slope_db_oct = 12;
  p->bands[0].n_points = 1;
  assert_non_null(stage_eq.check(p, &row));
  assert_string_equal(row, "points");
  p->bands[0].type = EQ_CURVE;
  p->bands[0].freq_hz = NAN;
  p->bands[0].points[0] = (struct pchip_point){96000, 3}; /* above Nyquist is no matter */
  assert_null(stage_eq.check(p, &row));
  assert_int_equal(oracle_design(&s, &stage_eq, p, 44100, 2, &why), 0);
  oracle_close(&s);
  p->bands[0].n_points = 2;
  p->bands[0].points[1] = p->bands[0].points[0];
  assert_non_null(stage_eq.check(p, &row));
  assert_string_equal(row, "points");
  p->bands[0].n_points = 0;
  assert_non_null(stage_eq.check(p, &row));
  p->bands[0].type = EQ_HIGHPASS;
  assert_non_null(stage_eq.check(p, &row));
  assert_string_equal(row, "freq");
  p->bands[0].freq_hz = 23000;
  assert_int_equal(oracle_design(&s, &stage_eq, p, 44100, 2, &why), -1);
  assert_non_null(strstr(why, "Nyquist"));
  assert_null(s.design.data);
  assert_int_equal(oracle_design(&s, &stage_eq, p, 48000, 2, &why), 0);
  oracle_close(&s);
  free(p);
}

/* eq_band_magnitude is the prototype, to the rounding of a dozen double operations of
 * powers up to 32. */
static void test_magnitude(void **unused) {
  (void)unused;
  for (int type = 0; type < TYPES; type++)
    for (int slope = 6; slope <= 96; slope += 6) {
      struct eq_params *p = one_band(type, EQ_STEREO, usual_hz[type], slope);
      for (int i = 0; i < LINEAR_FREQUENCIES; i++) {
        const double f = linear_frequency(i, 48000), want = eq_prototype(&p->bands[0], f);
        assert_true(fabs(eq_band_magnitude(&p->bands[0], f) - want) <= want * 1e-12);
      }
      free(p);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_magnitude),  cmocka_unit_test(test_types),
      cmocka_unit_test(test_slopes),     cmocka_unit_test(test_hard_bands),
      cmocka_unit_test(test_targets),    cmocka_unit_test(test_deep_side),
      cmocka_unit_test(test_mono),       cmocka_unit_test(test_many_bands),
      cmocka_unit_test(test_errors),     cmocka_unit_test(test_curve_points),
  };
  return cmocka_run_group_tests_name("eq", tests, NULL, NULL);
}
