/* SPDX-License-Identifier: MIT
 * The equaliser's minimum and mixed phase: magnitudes against the analog prototypes,
 * phases against a Hilbert integral, noise against direct convolution, and pre-ringing. */
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

#define SEED UINT64_C(7104)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
static const double PI = 3.14159265358979324;
static const double RESPONSE_DB = 0.01; /* promise of the design */
/* Of a truncated response that is right to 0.01 dB (0.00115 of its magnitude) the phase is
 * right to about as many radians: 0.07 degrees. Where the response is deep, the cut tail is
 * small against the whole but not against the rest; checked above -20 dB. */
static const double PHASE_DEGREES = 0.15;

static struct eq_params *bands_of(int phase, const struct eq_band *bands, int n) {
  struct eq_params *p = oracle_params(&stage_eq);
  p->phase = phase;
  p->n_bands = n;
  memcpy(p->bands, bands, (size_t)n * sizeof *bands);
  return p;
}

/* ---- an independent minimum phase ---- */

enum { HILBERT = 1 << 16 };

/* What the bands on one target (or on everything) make of it. */
static double magnitude_of(const struct eq_params *p, int target, double freq_hz) {
  double g = 1;
  for (int i = 0; i < p->n_bands; i++)
    if (p->bands[i].target == target || p->bands[i].target == EQ_STEREO)
      g *= eq_prototype(&p->bands[i], freq_hz);
  return g;
}

/* ln|H| at odd multiples of half a step around the circle, in HILBERT and twice as many
 * steps. */
struct logs {
  double coarse[HILBERT], fine[2 * HILBERT];
};

static void fill_logs(double *l, int n, const struct eq_params *p, int target, int rate_hz) {
  for (int j = 0; j < n / 2; j++)
    l[j] = l[n - 1 - j] = log(magnitude_of(p, target, (j + 0.5) * rate_hz / n));
}

static struct logs *log_magnitudes(const struct eq_params *p, int target, int rate_hz) {
  struct logs *l = oracle_alloc(sizeof *l);
  fill_logs(l->coarse, HILBERT, p, target, rate_hz);
  fill_logs(l->fine, 2 * HILBERT, p, target, rate_hz);
  return l;
}

static double midpoints(const double *l, int n, int k) {
  static double cotangent[2][2 * HILBERT]; /* of odd multiples of half a step */
  double *c = cotangent[n > HILBERT], sum = 0;
  for (int m = 0; m < n && c[0] == 0; m++) c[n - 1 - m] = 1 / tan(PI * (n - 1 - m + 0.5) / n);
  for (int j = 0; j < n; j++) sum += l[j] * c[(n + k - j - 1) % n];
  return -sum / n;
}

/* Phase in radians at bin k of HILBERT: -1/(2 pi) times the principal value of the integral
 * of ln|H(t)| cot((w - t) / 2). Midpoints lie about w in pairs; a zero of H at 0 leaves an
 * error proportional to the step, which two steps extrapolate to none. */
static double hilbert_phase(const struct logs *l, int k) {
  return 2 * midpoints(l->fine, 2 * HILBERT, 2 * k) - midpoints(l->coarse, HILBERT, k);
}

static void test_oracle(void **unused) {
  (void)unused;
  const double zero[] = {0.9, 1}; /* H = 1 - a / z: zeros inside the circle, and on it */
  struct logs *l = oracle_alloc(sizeof *l);
  for (int i = 0; i < 2; i++) {
    for (int j = 0; j < HILBERT; j++)
      l->coarse[j] = log(cabs(1 - zero[i] * cexp(-I * 2 * PI * (j + 0.5) / HILBERT)));
    for (int j = 0; j < 2 * HILBERT; j++)
      l->fine[j] = log(cabs(1 - zero[i] * cexp(-I * PI * (j + 0.5) / HILBERT)));
    for (int k = 30; k < HILBERT / 2; k += k / 5) {
      const double want = carg(1 - zero[i] * cexp(-I * 2 * PI * k / HILBERT));
      assert_true(fabs(hilbert_phase(l, k) - want) < 1e-5);
    }
  }
  free(l);
}

/* ---- responses ---- */

struct worst {
  double db, degrees;
};

/* Left, right, mid or side against `share` of its minimum phase. */
static void judge(const struct linear_responses *r, const struct eq_params *p, int target,
                  double share, struct worst *worst) {
  struct logs *l = log_magnitudes(p, target, r->rate_hz);
  for (int i = 0; i < LINEAR_FREQUENCIES; i += 3) {
    const int k = (int)lround(linear_frequency(i, r->rate_hz) * HILBERT / r->rate_hz);
    if (k >= HILBERT / 2) continue;
    const double f = (double)k * r->rate_hz / HILBERT, want = magnitude_of(p, target, f);
    double complex leak;
    const double complex got = linear_component(r, target, f, &leak);
    if (want > 0.0101) worst->db = fmax(worst->db, fabs(oracle_db(cabs(got) / want)));
    if (want < 0.1) continue;
    const double turn = carg(got * cexp(-I * share * hilbert_phase(l, k)));
    worst->degrees = fmax(worst->degrees, fabs(turn) * 180 / PI);
  }
  free(l);
}

static const struct eq_band singles[] = {
    EQ_BAND(EQ_BELL, EQ_STEREO, 100, 6, 1, 12),       EQ_BAND(EQ_BELL, EQ_STEREO, 40, 6, 4, 12),
    EQ_BAND(EQ_BELL, EQ_STEREO, 16000, -12, 0.7, 12),
    EQ_BAND(EQ_LOW_SHELF, EQ_STEREO, 200, 6, 0.7, 12),
    EQ_BAND(EQ_HIGH_SHELF, EQ_STEREO, 8000, 4, 0.7, 12),
    EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 30, 0, 1, 24),    EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 40, 0, 1, 96),
    EQ_BAND(EQ_LOWPASS, EQ_STEREO, 12000, 0, 1, 48),  EQ_BAND(EQ_TILT, EQ_STEREO, 800, 6, 1, 12),
    EQ_BAND(EQ_BANDPASS, EQ_STEREO, 700, 0, 0.7, 12), EQ_BAND(EQ_NOTCH, EQ_STEREO, 1000, 0, 4, 12),
    {.type = EQ_CURVE, .freq_hz = NAN, .q = 1, .slope_db_oct = 12, .n_points = 4,
     .points = {{60, 2}, {400, -5}, {3000, 3}, {15000, -2}}},
};

/* Nothing before the impulse: the inverse transform's noise (test_convolve), per frame. */
static void assert_causal(const struct linear_responses *r) {
  double peak = 0, before = 0;
  assert_true(r->causal);
  for (int i = 0; i < 4; i++)
    for (int32_t t = 0; t < r->n; t++) {
      const double x = fabs(r->data[i / 2][i % 2][t]);
      peak = fmax(peak, x);
      if (t < r->at) before = fmax(before, x);
    }
  assert_true(before <= 1e-6 * peak);
}

static void test_minimum(void **unused) {
  (void)unused;
  const int rates[] = {44100, 48000, 96000};
  struct worst all = {0};
  for (int i = 0; i < COUNT(singles); i++) {
    struct eq_params *p = bands_of(PHASE_MINIMUM, &singles[i], 1);
    struct linear_responses r;
    struct worst worst = {0};
    assert_int_equal(linear_measure(&r, &stage_eq, p, rates[i % 3], 2), 0);
    judge(&r, p, EQ_LEFT, 1, &worst);
    assert_causal(&r);
    print_message("minimum, band %d: %d taps, %.5f dB, %.4f degrees, pre-ring %.3f ms\n", i, r.taps,
                  worst.db, worst.degrees, r.pre_ring_ms);
    all.db = fmax(all.db, worst.db);
    all.degrees = fmax(all.degrees, worst.degrees);
    linear_release(&r);
    free(p);
  }
  assert_true(all.db <= RESPONSE_DB);
  assert_true(all.degrees <= PHASE_DEGREES);
}

static void test_mixed(void **unused) {
  (void)unused;
  static const double shares[] = {0, 0.25, 0.5, 0.75, 1};
  const struct eq_band bands[] = {EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 40, 0, 1, 12),
                                  EQ_BAND(EQ_BELL, EQ_STEREO, 300, 6, 1.5, 12)};
  double last_ms = 1e9;
  for (int i = 0; i < COUNT(shares); i++) {
    struct eq_params *p = bands_of(PHASE_MIXED, bands, 2);
    struct linear_responses r;
    struct worst worst = {0};
    p->minimum_share = shares[i];
    assert_int_equal(linear_measure(&r, &stage_eq, p, 48000, 2), 0);
    judge(&r, p, EQ_RIGHT, shares[i], &worst);
    print_message("mixed, %.2f of minimum phase: %d taps, %.5f dB, %.4f degrees, %.2f ms ahead\n",
                  shares[i], r.taps, worst.db, worst.degrees, r.pre_ring_ms);
    assert_true(worst.db <= RESPONSE_DB && worst.degrees <= PHASE_DEGREES);
    assert_true(r.pre_ring_ms <= last_ms); /* more minimum phase rings less before */
    assert_int_equal(r.causal, shares[i] == 1);
    last_ms = r.pre_ring_ms;
    linear_release(&r);
    free(p);
  }
  assert_true(last_ms <= 1000.0 / 48000);
}

/* Minimum phase is the target's, not that of the matrix's entries. */
static void test_targets(void **unused) {
  (void)unused;
  const struct eq_band bands[] = {
      EQ_BAND(EQ_BELL, EQ_STEREO, 3000, 4, 1, 12),  EQ_BAND(EQ_HIGHPASS, EQ_SIDE, 120, 0, 1, 24),
      EQ_BAND(EQ_BELL, EQ_MID, 500, -6, 1, 12),     EQ_BAND(EQ_BELL, EQ_SIDE, 800, 3, 1, 12),
      EQ_BAND(EQ_LOW_SHELF, EQ_MID, 90, 3, 0.7, 12)};
  struct eq_params *p = bands_of(PHASE_MINIMUM, bands, COUNT(bands));
  struct linear_responses r;
  struct worst worst = {0};
  assert_int_equal(linear_measure(&r, &stage_eq, p, 48000, 2), 0);
  judge(&r, p, EQ_MID, 1, &worst);
  judge(&r, p, EQ_SIDE, 1, &worst);
  assert_causal(&r);
  linear_release(&r);
  for (int i = 0; i < COUNT(bands); i++)
    if (p->bands[i].target) p->bands[i].target -= 2; /* right for side, left for mid */
  assert_int_equal(linear_measure(&r, &stage_eq, p, 48000, 2), 0);
  judge(&r, p, EQ_LEFT, 1, &worst);
  judge(&r, p, EQ_RIGHT, 1, &worst);
  linear_release(&r);
  assert_int_equal(linear_measure(&r, &stage_eq, p, 48000, 1), 0); /* left is the channel */
  for (int i = 0; i < LINEAR_FREQUENCIES; i++) {
    const double f = linear_frequency(i, 48000), want = magnitude_of(p, EQ_LEFT, f);
    assert_true(fabs(oracle_db(cabs(linear_gain_at(&r, 0, 0, f)) / want)) <= RESPONSE_DB);
  }
  linear_release(&r);
  print_message("minimum, targets: %.5f dB, %.4f degrees\n", worst.db, worst.degrees);
  assert_true(worst.db <= RESPONSE_DB && worst.degrees <= PHASE_DEGREES);
  free(p);
}

/* Bands of mid and of left do not commute: each run of them is realised, in order. The
 * matrices' product is judged at single frequencies with the runs' Hilbert phases. */
static void test_order(void **unused) {
  (void)unused;
  const struct eq_band bands[] = {EQ_BAND(EQ_BELL, EQ_MID, 1000, 6, 1, 12),
                                  EQ_BAND(EQ_BELL, EQ_LEFT, 1500, -6, 1, 12),
                                  EQ_BAND(EQ_HIGH_SHELF, EQ_SIDE, 2000, 5, 0.7, 12)};
  struct eq_params *p = bands_of(PHASE_MINIMUM, bands, 3), *one = bands_of(PHASE_MINIMUM, bands, 1);
  struct linear_responses r;
  struct logs *l[3];
  double worst = 0;
  for (int b = 0; b < 3; b++) {
    one->bands[0] = bands[b];
    l[b] = log_magnitudes(one, bands[b].target, 48000);
  }
  assert_int_equal(linear_measure(&r, &stage_eq, p, 48000, 2), 0);
  for (int k = 100; k < HILBERT * 5 / 12; k += k / 5) {
    const double f = (double)k * 48000 / HILBERT;
    double complex g[3], m[2][2];
    for (int b = 0; b < 3; b++)
      g[b] = eq_prototype(&bands[b], f) * cexp(I * hilbert_phase(l[b], k));
    m[0][0] = m[1][1] = (g[0] + 1) / 2, m[0][1] = m[1][0] = (g[0] - 1) / 2;
    m[0][0] *= g[1], m[0][1] *= g[1];
    for (int c = 0; c < 2; c++) {
      const double complex mid = (m[0][c] + m[1][c]) / 2, side = g[2] * (m[0][c] - m[1][c]) / 2;
      worst = fmax(worst, cabs(linear_gain_at(&r, c, 0, f) - (mid + side)));
      worst = fmax(worst, cabs(linear_gain_at(&r, c, 1, f) - (mid - side)));
    }
  }
  print_message("minimum, order: entries off by %.2g\n", worst);
  assert_true(worst <= 0.00115); /* 0.01 dB of 1 */
  for (int b = 0; b < 3; b++) free(l[b]);
  linear_release(&r);
  free(one);
  free(p);
}

/* ---- pre-ringing ---- */

static double measured_pre_ring_ms(const struct linear_responses *r) {
  const float *h = r->data[0][0];
  int32_t peak = 0, first = 0;
  for (int32_t t = 0; t < r->n; t++)
    if (fabsf(h[t]) > fabsf(h[peak])) peak = t;
  while (fabsf(h[first]) <= 1e-3f * fabsf(h[peak])) first++;
  return 1000.0 * (peak - first) / r->rate_hz;
}

static void test_pre_ring(void **unused) {
  (void)unused;
  for (int i = 0; i < COUNT(singles); i++)
    for (int phase = PHASE_LINEAR; phase <= PHASE_MINIMUM; phase++) {
      struct eq_params *p = bands_of(phase, &singles[i], 1);
      struct linear_responses r;
      assert_int_equal(linear_measure(&r, &stage_eq, p, 44100, 1), 0);
      /* a tap that lies at the bound by less than the convolution's noise */
      assert_true(fabs(r.pre_ring_ms - measured_pre_ring_ms(&r)) <= 2.1 * 1000 / 44100);
      if (phase == PHASE_MINIMUM && singles[i].type == EQ_BELL) assert_true(r.pre_ring_ms == 0);
      if (phase == PHASE_LINEAR && i == 0) {
        /* A bell of gain A^2: h - delta is a resonance of decay w0 / (2 A Q), here both ways:
         * amplitude a = (A^2 - 1) w0 / (2 A Q fs) at its start, nearly. */
        const double A = pow(10, 6 / 40.0), decay = 2 * PI * 100 / (2 * A * 1);
        const double start = (A * A - 1) * decay / 44100;
        const double ms = 1000 * log(start / 1e-3) / decay;
        print_message("bell 100 Hz: pre-ring %.2f ms, about %.1f expected\n", r.pre_ring_ms, ms);
        assert_true(fabs(r.pre_ring_ms / ms - 1) < 0.3);
      }
      linear_release(&r);
      free(p);
    }
}

/* ---- lengths and noise ---- */

/* Minimum phase needs half the length or less. */
static void test_lengths(void **unused) {
  (void)unused;
  static const struct {
    struct eq_band band;
    int minimum, linear;
  } cases[] = {
      {EQ_BAND(EQ_BELL, EQ_STEREO, 100, 6, 1, 12), 4096, 4096},
      {EQ_BAND(EQ_BELL, EQ_STEREO, 40, 6, 4, 12), 16384, 32768},
      {EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 30, 0, 1, 24), 8192, 16384},
      {EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 30, 0, 1, 96), 32768, 65536},
  };
  for (int i = 0; i < 2 * COUNT(cases); i++) {
    const int phase = i % 2 ? PHASE_MINIMUM : PHASE_LINEAR;
    struct eq_params *p = bands_of(phase, &cases[i / 2].band, 1);
    struct oracle_stage s;
    assert_int_equal(oracle_design(&s, &stage_eq, p, 44100, 1, NULL), 0);
    const int taps = ((const struct linear_design *)s.design.data)->partitions * 2048;
    assert_int_equal(taps, i % 2 ? cases[i / 2].minimum : cases[i / 2].linear);
    oracle_close(&s);
    free(p);
  }
}

static void test_null(void **unused) {
  (void)unused;
  static const struct eq_band typical[] = {
      EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 30, 0, 1, 24),
      EQ_BAND(EQ_LOW_SHELF, EQ_STEREO, 120, 2, 0.7, 12),
      EQ_BAND(EQ_BELL, EQ_STEREO, 350, -2.5, 1.2, 12),
      EQ_BAND(EQ_BELL, EQ_STEREO, 3000, 1.5, 0.8, 12),
      EQ_BAND(EQ_HIGH_SHELF, EQ_STEREO, 10000, 2, 0.7, 12),
  };
  for (int phase = PHASE_MINIMUM; phase <= PHASE_MIXED; phase++) {
    struct eq_params *p = bands_of(phase, typical, COUNT(typical));
    const double db = linear_null_db(&(struct stage_use){&stage_eq, p}, 1, 48000);
    print_message("null, %s phase: %.1f dB\n", linear_phases[phase], db);
    /* |H - 1| has an rms of about 0.25 (as in check_eq_samples): -132.3 dB - 12 dB; the
     * project's bound for a typical EQ is -138 dB. */
    assert_true(db <= -138);
    free(p);
  }
}

/* Neutral bands return the input, and segments do not show. */
static void test_exact(void **unused) {
  (void)unused;
  struct eq_params *p = bands_of(PHASE_MINIMUM, singles, 1);
  struct oracle_audio a = oracle_audio_create(20001), b = oracle_audio_create(20001);
  oracle_stereo(a.in[0], a.in[1], a.n, 0.9, SEED);
  const size_t bytes = (size_t)a.n * sizeof(float);
  for (int gain = 0; gain <= 6; gain += 6) {
    struct oracle_stage s;
    p->bands[0].gain_db = gain;
    assert_int_equal(oracle_design(&s, &stage_eq, p, 44100, 2, NULL), 0);
    oracle_render(&s, a.n, (const float *const *)a.in, a.out, 1);
    oracle_render(&s, a.n, (const float *const *)a.in, b.out, 64);
    for (int c = 0; c < 2; c++) {
      assert_memory_equal(a.out[c], b.out[c], bytes);
      assert_int_equal(!memcmp(a.in[c], a.out[c], bytes), gain == 0);
    }
    oracle_close(&s);
  }
  oracle_audio_destroy(&a);
  oracle_audio_destroy(&b);
  free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_oracle),   cmocka_unit_test(test_minimum),
      cmocka_unit_test(test_mixed),    cmocka_unit_test(test_targets),
      cmocka_unit_test(test_order),    cmocka_unit_test(test_pre_ring),
      cmocka_unit_test(test_lengths),  cmocka_unit_test(test_null),
      cmocka_unit_test(test_exact),
  };
  return cmocka_run_group_tests_name("eq phase", tests, NULL, NULL);
}
