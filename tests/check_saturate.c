/* SPDX-License-Identifier: MIT
 * Saturation against formulas in double precision: harmonics, made-up level, aliases, DC,
 * targets, bands, and samples that must not change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harmonics.h"
#include "saturate.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static const double TWO_PI = 6.283185307179586477;
static const int32_t no_args[5];
static const char *const names[] = {"tape", "tube", "transformer", "soft_clip"};
static const double drives_db[] = {-12, 0, 6, 12, 24};
enum { CURVES = 4 };

static struct saturate_params one_band(int curve, double drive_db, double mix_percent) {
  return (struct saturate_params){
      .n_bands = 1, .slope_db_oct = 24, .bands = {{curve, drive_db, mix_percent}}};
}

static void run(const struct saturate_params *p, int rate_hz, int channels, int segment,
                const struct oracle_audio *a) {
  assert_int_equal(oracle_run_stage(&stage_saturate, p, rate_hz, channels, a->n,
                                    (const float *const *)a->in, a->out, segment), 0);
}

static void assert_same(const float *a, const float *b, int32_t n) {
  assert_memory_equal(a, b, (size_t)n * sizeof *a);
}

/* ---- curves ---- */

static double slope(int curve, double a) {
  switch (curve) {
  case SATURATE_TAPE: return pow(1 - a * a, 4);
  case SATURATE_TUBE: return pow(1 - a * a, 3) * (1 + a / 2);
  case SATURATE_TRANSFORMER: return pow(1 - a * a, 2) * (1 + a / 10);
  default: return pow(1 - pow(a, 4), 3);
  }
}

/* The integral of the slope from 0 to a: Gauss-Legendre of 8 points, exact to degree 15. */
static double integral(int curve, double a) {
  static const double x[] = {0.18343464249564981, 0.52553240991632899, 0.79666647741362674,
                             0.96028985649753623};
  static const double w[] = {0.36268378337836198, 0.31370664587788729, 0.22238103445337447,
                             0.10122853629037626};
  const double end = fmax(-1, fmin(1, a));
  double sum = 0;
  for (int i = 0; i < COUNT(x); i++)
    sum += w[i] * (slope(curve, end / 2 * (1 + x[i])) + slope(curve, end / 2 * (1 - x[i])));
  return end / 2 * sum;
}

struct oracle_curve {
  int curve;
  double drive, made_up;
};

static double made_up(const void *context, double u) {
  const struct oracle_curve *c = context;
  return c->made_up * integral(c->curve, c->drive * u);
}

static struct oracle_curve oracle_curve(int curve, double drive_db) {
  enum { POINTS = 20000 };
  struct oracle_curve c = {curve, oracle_gain(drive_db), 1};
  double sum = 0, squares = 0;
  for (int i = 0; i < POINTS; i++) {
    const double y = made_up(&c, 0.25 * sin(TWO_PI * (i + 0.3) / POINTS));
    sum += y, squares += y * y;
  }
  c.made_up = sqrt(0.25 * 0.25 / 2 / (squares / POINTS - pow(sum / POINTS, 2)));
  return c;
}

static void test_curves(void **unused) {
  (void)unused;
  for (int curve = 0; curve < CURVES; curve++)
    for (int i = 0; i < COUNT(drives_db); i++) {
      const struct oracle_curve c = oracle_curve(curve, drives_db[i]);
      const struct saturate_band band = {curve, drives_db[i], 100};
      for (double u = -3; u <= 3; u += 0.037) /* the rms by 1,024 points of a smooth curve */
        assert_float_equal(saturate_shaped(&band, u), made_up(&c, u), 1e-9 + 1e-7 * fabs(u));
    }
}

/* Harmonics and DC of a sine; the DC of even curves is cut. */
static void test_harmonics(void **unused) {
  (void)unused;
  for (int curve = 0; curve < CURVES; curve++)
    for (int i = 0; i < COUNT(drives_db); i++)
      for (int mix = 100; mix > 0; mix -= 60) {
        const int rate_hz = i % 2 ? 48000 : 88200;
        const struct saturate_params p = one_band(curve, drives_db[i], mix);
        const struct oracle_curve c = oracle_curve(curve, drives_db[i]);
        const double amplitude = i % 2 ? 0.25 : 0.9;
        const struct harmonics got = harmonics_of(&stage_saturate, &p, no_args, rate_hz,
                                                  harmonics_cycles(997, rate_hz), amplitude);
        if (mix == 100 && amplitude < 0.3)
          print_message("%s, drive %g dB, -12 dBFS: H2 %.1f, H3 %.1f, H5 %.1f dB, DC %.1f dBFS\n",
                        names[curve], drives_db[i], oracle_db(got.amplitude[2] / got.amplitude[1]),
                        oracle_db(got.amplitude[3] / got.amplitude[1]),
                        oracle_db(got.amplitude[5] / got.amplitude[1]),
                        oracle_db(got.amplitude[0]));
        for (int h = 0; h <= HARMONICS_MOST; h++) {
          double want = h == 0 ? 0 : harmonics_expected(made_up, &c, amplitude, h) * mix / 100;
          if (h == 1) want += amplitude * (1 - mix / 100.0);
          /* filters' ripple, 6e-7 of what is added, which is below the gain of the drive;
           * floats' roundings, which average out over 16,384 frames */
          assert_float_equal(got.amplitude[h], want, 1e-6 * (1 + c.drive * c.made_up));
        }
      }
}

/* Powers of a sine, n odd: harmonic h of sin^n is 2 C(n, (n - h) / 2) / 2^n. */
static double power_of_sine(int n, int h) {
  double binomial = 1;
  for (int i = 0; i < (n - h) / 2; i++) binomial *= (double)(n - i) / (i + 1);
  return (h / 2 % 2 ? -1 : 1) * 2 * binomial / pow(2, n);
}

/* tape below its clamp: a - 4/3 a^3 + 6/5 a^5 - 4/7 a^7 + 1/9 a^9, term by term. */
static void test_chebyshev(void **unused) {
  (void)unused;
  static const double p[] = {1, -4.0 / 3, 6.0 / 5, -4.0 / 7, 1.0 / 9};
  const struct saturate_params params = one_band(SATURATE_TAPE, 6, 100);
  const struct oracle_curve c = oracle_curve(SATURATE_TAPE, 6);
  const double amplitude = 0.49;
  const struct harmonics got = harmonics_of(&stage_saturate, &params, no_args, 44100,
                                            harmonics_cycles(700, 44100), amplitude);
  for (int h = 1; h <= 11; h += 2) {
    double want = 0;
    for (int i = 0; i < COUNT(p); i++)
      if (2 * i + 1 >= h)
        want += p[i] * pow(c.drive * amplitude, 2 * i + 1) * power_of_sine(2 * i + 1, h);
    assert_float_equal(got.amplitude[h], fabs(c.made_up * want), 1e-6);
  }
}

static void test_level(void **unused) {
  (void)unused;
  for (int curve = 0; curve < CURVES; curve++)
    for (int i = 0; i < COUNT(drives_db); i++) {
      const struct saturate_params p = one_band(curve, drives_db[i], 100);
      const struct harmonics got = harmonics_of(&stage_saturate, &p, no_args, 48000,
                                                harmonics_cycles(200, 48000), 0.25);
      double power = 0;
      for (int h = 1; h <= HARMONICS_MOST; h++) power += pow(got.amplitude[h], 2);
      /* less what lies above harmonic 12: 0.02 dB of a square-like wave at +24 dB */
      assert_float_equal(10 * log10(power / (0.25 * 0.25)), 0, drives_db[i] > 12 ? 0.3 : 0.002);
    }
}

/* ---- aliases ---- */

static void test_aliases(void **unused) {
  (void)unused;
  static const double freqs[] = {1200, 5000, 9000, 15000};
  static const double bounds_db[] = {-135, -82, -61, -42}; /* 12 dB beyond the end */
  /* Curves that a sine of 0.98 does not clamp make at most 13 harmonics: only what the
   * filters leave of images and of harmonics folds back. */
  for (int curve = 0; curve < CURVES; curve++)
    for (int f = 0; f < COUNT(freqs); f++) {
      double db[2];
      for (int i = 0; i < 2; i++) {
        struct saturate_params p = one_band(curve, 12 * i, 100);
        db[i] = harmonics_of(&stage_saturate, &p, no_args, 44100,
                             harmonics_cycles(freqs[f], 44100), 0.98).alias_db;
      }
      print_message("%s, %g Hz: alias %.1f dB at drive 0, %.1f dB at 12 dB\n", names[curve],
                    freqs[f], db[0], db[1]);
      assert_true(db[0] <= -145);
      assert_true(db[1] <= bounds_db[f]);
    }
}

/* ---- samples ---- */

static struct oracle_audio music(int32_t n) {
  struct oracle_audio a = oracle_audio_create(n);
  oracle_stereo(a.in[0], a.in[1], n, 0.4, 11);
  return a;
}

static void test_neutral(void **unused) {
  (void)unused;
  struct saturate_params p = one_band(SATURATE_TUBE, 20, 0);
  assert_true(stage_saturate.neutral(&p));
  p.n_crossovers = 1, p.n_bands = 2, p.crossover_hz[0] = 900;
  assert_true(stage_saturate.neutral(&p));
  p.bands[1].mix_percent = 1;
  assert_false(stage_saturate.neutral(&p));
  p = one_band(SATURATE_TUBE, 20, 0);
  p.output_db = 0.1;
  assert_false(stage_saturate.neutral(&p));
  p.output_db = 0;
  for (p.target = SATURATE_STEREO; p.target <= SATURATE_MID_SIDE; p.target++) {
    struct oracle_audio a = music(5000);
    run(&p, 44100, 2, 3, &a);
    for (int c = 0; c < 2; c++) assert_same(a.out[c], a.in[c], a.n);
    oracle_audio_destroy(&a);
  }
}

static void test_silence(void **unused) {
  (void)unused;
  struct saturate_params p = one_band(SATURATE_TUBE, 24, 100);
  struct oracle_audio a = oracle_audio_create(30000);
  p.n_crossovers = 1, p.n_bands = 2, p.crossover_hz[0] = 900, p.bands[1] = p.bands[0];
  oracle_noise(a.in[0], a.n, 0.5, 3);
  run(&p, 48000, 2, 4, &a);
  for (int32_t i = 0; i < a.n; i++) assert_true(a.out[1][i] == 0);
  oracle_audio_destroy(&a);
}

static void test_targets(void **unused) {
  (void)unused;
  struct saturate_params p = one_band(SATURATE_TUBE, 9, 60);
  struct oracle_audio a = music(9000), b = oracle_audio_create(9000);
  p.output_db = 1;
  run(&p, 44100, 2, 3, &a);
  for (int c = 0; c < 2; c++) { /* left and right, one after the other */
    memcpy(b.in[c], a.in[c], (size_t)a.n * sizeof(float));
    p.target = SATURATE_LEFT + c;
    struct oracle_audio one = music(9000);
    run(&p, 44100, 2, 3, &one);
    assert_same(one.out[c], a.out[c], a.n);
    assert_same(one.out[1 - c], a.in[1 - c], a.n);
    oracle_audio_destroy(&one);
  }
  /* the same in both channels: the mid is either of them, the side nothing */
  memcpy(b.in[1], b.in[0], (size_t)b.n * sizeof(float));
  for (int target = SATURATE_MID; target <= SATURATE_MID_SIDE; target++) {
    p.target = target;
    run(&p, 44100, 2, 3, &b);
    for (int c = 0; c < 2; c++)
      assert_same(b.out[c], target == SATURATE_SIDE ? b.in[0] : a.out[0], b.n);
  }
  /* mid and side treated alone add up to both */
  struct oracle_audio mid = music(9000), side = music(9000), both = music(9000);
  p.target = SATURATE_MID, run(&p, 44100, 2, 3, &mid);
  p.target = SATURATE_SIDE, run(&p, 44100, 2, 3, &side);
  p.target = SATURATE_MID_SIDE, run(&p, 44100, 2, 3, &both);
  for (int c = 0; c < 2; c++)
    for (int32_t i = 0; i < both.n; i++) /* roundings of numbers below 1 */
      assert_float_equal(both.out[c][i], mid.out[c][i] + side.out[c][i] - both.in[c][i], 4e-7);
  /* on one channel the mid is that channel, and there is no side */
  p.target = SATURATE_MID, run(&p, 44100, 1, 3, &b);
  assert_same(b.out[0], a.out[0], b.n);
  p.target = SATURATE_SIDE, run(&p, 44100, 1, 3, &b);
  assert_same(b.out[0], b.in[0], b.n);
  oracle_audio_destroy(&a), oracle_audio_destroy(&b), oracle_audio_destroy(&mid);
  oracle_audio_destroy(&side), oracle_audio_destroy(&both);
}

/* Tape: every frame is the same expression of its surroundings. Tube: its control points
 * lie 64 frames apart. */
static void test_shift(void **unused) {
  (void)unused;
  enum { N = 12000 };
  for (int curve = SATURATE_TAPE; curve <= SATURATE_TUBE; curve++) {
    const int shift = curve == SATURATE_TUBE ? 64 * 45 : 777;
    const struct saturate_params p = one_band(curve, 6, 80);
    struct oracle_audio a = oracle_audio_create(N), b = oracle_audio_create(N + shift);
    oracle_noise(a.in[0], N, 0.9, 77);
    memcpy(b.in[0] + shift, a.in[0], N * sizeof(float));
    run(&p, 48000, 1, 5, &a);
    run(&p, 48000, 1, 5, &b);
    /* a low cut rings over the borders: control points outside the track do not count */
    const int first = curve == SATURATE_TUBE ? 64 * 80 : 0, last = N - first;
    assert_same(a.out[0] + first, b.out[0] + shift + first, last - first);
    oracle_audio_destroy(&a), oracle_audio_destroy(&b);
  }
}

/* ---- bands ---- */

static struct saturate_params three_bands(int curve, double drive_db, double mix_percent) {
  struct saturate_params p = one_band(curve, drive_db, mix_percent);
  p.n_crossovers = 2, p.n_bands = 3;
  p.crossover_hz[0] = 400, p.crossover_hz[1] = 4000;
  p.bands[1] = p.bands[2] = p.bands[0];
  return p;
}

static void test_bands_sum(void **unused) {
  (void)unused;
  struct saturate_params p = three_bands(SATURATE_TAPE, 0, 0);
  struct oracle_audio a = music(30000);
  p.output_db = 6;
  run(&p, 44100, 2, 4, &a);
  const double g = oracle_gain(6);
  for (int c = 0; c < 2; c++)
    for (int32_t i = 0; i < a.n; i++) /* three products and sums of numbers below 1 */
      assert_float_equal(a.out[c][i], g * a.in[c][i], 5e-7);
  oracle_audio_destroy(&a);
}

static void test_bands_are_apart(void **unused) {
  (void)unused;
  struct saturate_params p = three_bands(SATURATE_TUBE, 12, 0);
  p.slope_db_oct = 48;
  p.bands[1].mix_percent = 100;
  const struct oracle_curve c = oracle_curve(SATURATE_TUBE, 12);
  const int cycles = harmonics_cycles(1265, 48000);
  const struct harmonics in = harmonics_of(&stage_saturate, &p, no_args, 48000, cycles, 0.2);
  for (int h = 1; h <= HARMONICS_MOST; h++) /* the band's edges are 10^-4 of it down there */
    assert_float_equal(in.amplitude[h], harmonics_expected(made_up, &c, 0.2, h), 5e-4);
  const struct harmonics low =
      harmonics_of(&stage_saturate, &p, no_args, 48000, harmonics_cycles(40, 48000), 0.2);
  const struct harmonics high =
      harmonics_of(&stage_saturate, &p, no_args, 48000, harmonics_cycles(19000, 48000), 0.2);
  assert_float_equal(low.amplitude[1], 0.2, 1e-5);
  assert_float_equal(high.amplitude[1], 0.2, 3e-3);
  for (int h = 2; h <= 5; h++) assert_true(low.amplitude[h] < 1e-6);
}

static void test_segments(void **unused) {
  (void)unused;
  struct saturate_params p = three_bands(SATURATE_TUBE, 9, 50);
  p.target = SATURATE_MID_SIDE;
  struct oracle_audio a = music(50000), b = music(50000);
  run(&p, 48000, 2, 64, &a);
  for (int segment = 1; segment < 12; segment += 3) {
    run(&p, 48000, 2, segment, &b);
    for (int c = 0; c < 2; c++) assert_same(a.out[c], b.out[c], a.n);
  }
  oracle_audio_destroy(&a), oracle_audio_destroy(&b);
}

static void test_errors(void **unused) {
  (void)unused;
  const char *row, *why = NULL;
  struct oracle_stage s;
  struct saturate_params p = three_bands(SATURATE_TAPE, 0, 100);
  assert_null(stage_saturate.check(&p, &row));
  p.n_bands = 2;
  assert_non_null(stage_saturate.check(&p, &row));
  assert_string_equal(row, "bands");
  p.n_bands = 3, p.crossover_hz[1] = 400;
  assert_non_null(stage_saturate.check(&p, &row));
  assert_string_equal(row, "crossovers");
  p.crossover_hz[1] = 19900, p.slope_db_oct = 30;
  assert_non_null(stage_saturate.check(&p, &row));
  assert_string_equal(row, "slope");
  p.slope_db_oct = 24;
  assert_int_equal(oracle_design(&s, &stage_saturate, &p, 44100, 1, &why), -1);
  assert_non_null(strstr(why, "Nyquist"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_curves),    cmocka_unit_test(test_harmonics),
      cmocka_unit_test(test_chebyshev), cmocka_unit_test(test_level),
      cmocka_unit_test(test_aliases),   cmocka_unit_test(test_neutral),
      cmocka_unit_test(test_silence),   cmocka_unit_test(test_targets),
      cmocka_unit_test(test_shift),     cmocka_unit_test(test_bands_sum),
      cmocka_unit_test(test_bands_are_apart), cmocka_unit_test(test_segments),
      cmocka_unit_test(test_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
