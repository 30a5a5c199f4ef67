/* SPDX-License-Identifier: MIT
 * The dithers beside plain TPDF, at every rate: their error's moments, spectrum and peak,
 * the noise-shaping filter against a design made here in another way and against
 * Wannamaker's, what becomes of a sine below the last bit, blanking, stretches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio_fixture.h"
#include "dither_fixture.h"
#include "oracle.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
static const double PI = 3.14159265358979323846;
static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
enum { FRAMES = 1 << 18, RATES = COUNT(rates), TAPS = SHAPE_ORDER + 1 };

/* Wannamaker, "Psychoacoustically optimal noise shaping", J. AES 40, 1992: nine taps. */
static const double wannamaker[TAPS] = {1,     -2.412, 3.370, -3.937, 4.174,
                                        -3.353, 2.205,  -1.281, 0.569, -0.0847};

/* ---- the threshold of hearing and the filter, by libm and elimination ---- */

static double threshold_db(double freq_hz) { /* Terhardt 1979 */
  const double k = fmax(freq_hz, 20) / 1000;
  return 3.64 * pow(k, -0.8) - 6.5 * exp(-0.6 * pow(k - 3.3, 2)) + 1e-3 * pow(k, 4);
}

static double response(const double a[TAPS], double cycles) { /* a power */
  double re = 0, im = 0;
  for (int k = 0; k < TAPS; k++) {
    re += a[k] * cos(2 * PI * cycles * k);
    im -= a[k] * sin(2 * PI * cycles * k);
  }
  return re * re + im * im;
}

/* Integral over 20 Hz .. 20 kHz of the noise's power over the threshold's, dB against white. */
static double weighted_db(const double a[TAPS], int rate_hz) {
  double shaped = 0, white = 0;
  for (double f = 20; f <= 20000 && f < rate_hz / 2.0; f += 10) {
    const double weight = pow(10, -threshold_db(f) / 10);
    shaped += weight * response(a, f / rate_hz);
    white += weight;
  }
  return 10 * log10(shaped / white);
}

/* Minimises the noise weighted with the inverse threshold, which counts up to 35 dB above
 * its lowest: normal equations by Gaussian elimination. */
static void design_here(int rate_hz, double a[TAPS]) {
  enum { POINTS = 5000, N = SHAPE_ORDER };
  double r[TAPS] = {0}, m[N][N + 1], lowest = 1000;
  for (int i = 0; i < POINTS; i++)
    lowest = fmin(lowest, threshold_db((i + 0.5) * rate_hz / 2 / POINTS));
  for (int i = 0; i < POINTS; i++) {
    const double t = fmin(threshold_db((i + 0.5) * rate_hz / 2 / POINTS), lowest + 35);
    for (int k = 0; k < TAPS; k++) r[k] += pow(10, -t / 10) * cos(PI * (i + 0.5) / POINTS * k);
  }
  for (int i = 0; i < N; i++) {
    for (int k = 0; k < N; k++) m[i][k] = r[abs(i - k)];
    m[i][N] = -r[i + 1];
  }
  for (int p = 0; p < N; p++) /* positive definite: no pivots needed */
    for (int i = 0; i < N; i++) {
      const double factor = m[i][p] / m[p][p];
      for (int k = p; k <= N && i != p; k++) m[i][k] -= factor * m[p][k];
    }
  a[0] = 1;
  for (int i = 0; i < N; i++) a[i + 1] = m[i][N] / m[i][i];
}

static void taps_of(int rate_hz, double a[TAPS]) {
  const struct dither_params params = {.bits = 16, .mode = DITHER_SHAPED};
  const struct stage_format format = {rate_hz, 1, NULL, NULL};
  struct stage_design design;
  const char *why;
  assert_int_equal(stage_dither.design(&params, &format, &design, &why), 0);
  const struct dither_design *d = design.data;
  a[0] = 1;
  for (int k = 0; k < SHAPE_ORDER; k++) a[k + 1] = -d->tap[k] / 4096.0;
  for (int k = SHAPE_ORDER; k < 12; k++) assert_int_equal(d->tap[k], 0);
  stage_design_free(&design);
}

static void shaping_filter(void **state) {
  (void)state;
  for (int i = 0; i < RATES; i++) {
    double a[TAPS], here[TAPS], power = 0, sum = 0, level = 0;
    taps_of(rates[i], a);
    design_here(rates[i], here);
    for (int k = 0; k < TAPS; k++) {
      assert_true(fabs(a[k] - here[k]) < 0.004);
      power += a[k] * a[k];
      sum += fabs(a[k]);
    }
    for (int k = 0; k < 10000; k++) level += log10(response(a, (k + 0.5) / 20000)) / 1000;
    const double weighted = weighted_db(a, rates[i]);
    print_message("  %6d Hz: %.2f dB weighted (Wannamaker's filter %.2f), power %+.1f dB, peak "
                  "error %.1f LSB\n", rates[i], weighted, weighted_db(wannamaker, rates[i]),
                  10 * log10(power), 1.5 * sum);
    assert_true(fabs(level) < 0.02); /* Gerzon and Craven: the mean in dB is 0 */
    if (rates[i] <= 48000) assert_true(weighted < weighted_db(wannamaker, rates[i]) - 2);
    assert_true(weighted < -13.5);
    assert_true(1.5 * sum < 13);
  }
}

/* ---- the error as it is ---- */

static void run_noise(struct dither_bench *b, uint64_t seed) {
  for (int c = 0; c < b->io.channels; c++)
    oracle_noise(b->src + c * b->io.stride, b->io.n_frames, 0.03125, seed);
  dither_bench_run(b, 0, b->io.n_blocks);
}

/* Autocorrelation of a channel's error, LSB^2; [0] is the variance about 0. */
static void correlate(const struct dither_bench *b, int channel, double *r, int lags) {
  const int32_t n = b->io.n_frames;
  double *e = oracle_alloc((size_t)n * sizeof *e);
  for (int32_t i = 0; i < n; i++) e[i] = dither_bench_error(b, i, channel);
  for (int k = 0; k < lags; k++) {
    r[k] = 0;
    for (int32_t i = k; i < n; i++) r[k] += e[i] * e[i - k] / n;
  }
  free(e);
}

static double expected_correlation(int mode, int lag, int rate_hz) {
  double a[TAPS], sum = 0;
  switch (mode) { /* rounding alone: 1/12; RPDF: 1/12 more; TPDF: 2/12 more */
  case DITHER_RPDF: return lag ? 0 : 1.0 / 6;
  case DITHER_TPDF_HP: return lag > 1 ? 0 : lag ? -1.0 / 12 : 0.25;
  case DITHER_SHAPED: break;
  default: return lag ? 0 : 0.25;
  }
  taps_of(rate_hz, a);
  for (int k = lag; k < TAPS; k++) sum += a[k] * a[k - lag];
  return 0.25 * sum;
}

/* The error has the spectrum that was meant, in all modes, at all rates and word lengths. */
static void spectra(void **state) {
  (void)state;
  enum { LAGS = 24 };
  static const int modes[] = {DITHER_TPDF, DITHER_RPDF, DITHER_TPDF_HP, DITHER_SHAPED};
  for (int i = 0; i < RATES * COUNT(modes); i++) {
    const int rate = rates[i % RATES], mode = modes[i / RATES];
    const struct dither_params params = {.bits = 16 + i % 3 * 4, .mode = mode};
    struct dither_bench b;
    double r[LAGS], mean = 0;
    if (mode != DITHER_SHAPED && i % RATES > 1) continue;
    dither_bench_open(&b, &params, rate, 1, FRAMES);
    run_noise(&b, (uint64_t)i);
    correlate(&b, 0, r, LAGS);
    const double power = expected_correlation(mode, 0, rate);
    for (int k = 0; k < LAGS; k++) /* a stretch begins without history: 0.5 % */
      assert_true(fabs(r[k] - expected_correlation(mode, k, rate)) < 0.012 * power);
    for (int32_t n = 0; n < FRAMES; n++) mean += dither_bench_error(&b, n, 0) / FRAMES;
    assert_true(fabs(mean) < 0.01);
    dither_bench_close(&b);
  }
}

/* Weighted level of the error that was measured, from its correlation. */
static void weighted_noise(void **state) {
  (void)state;
  enum { LAGS = 64 };
  for (int i = 0; i < RATES; i++) {
    const struct dither_params params = {.bits = 16, .mode = DITHER_SHAPED};
    struct dither_bench b;
    double r[LAGS], a[TAPS], shaped = 0, white = 0;
    dither_bench_open(&b, &params, rates[i], 1, FRAMES);
    run_noise(&b, 99);
    correlate(&b, 0, r, LAGS);
    for (double f = 20; f <= 20000 && f < rates[i] / 2.0; f += 20) {
      const double weight = pow(10, -threshold_db(f) / 10);
      double density = r[0];
      for (int k = 1; k < LAGS; k++) /* Hann window: no negative densities */
        density += r[k] * (1 + cos(PI * k / LAGS)) * cos(2 * PI * f / rates[i] * k);
      shaped += weight * density;
      white += weight * 0.25;
    }
    taps_of(rates[i], a);
    const double level = 10 * log10(shaped / white), designed = weighted_db(a, rates[i]);
    print_message("  %6d Hz: %.2f dB, designed %.2f\n", rates[i], level, designed);
    /* short windows smear the notch at the ear's best frequencies: more so at high rates */
    assert_true(fabs(level - designed) < (rates[i] > 48000 ? 1.5 : 0.4));
    assert_true(level < -12.5);
    dither_bench_close(&b);
  }
}

static void peak_errors(void **state) {
  (void)state;
  for (int mode = DITHER_TPDF; mode <= DITHER_SHAPED; mode++)
    for (int i = 0; i < 3 * RATES; i++) {
      const struct dither_params params = {.bits = 16 + i / RATES * 4, .mode = mode};
      const double bound = dither_peak_lsb(&params, rates[i % RATES]);
      struct dither_bench b;
      double most = 0;
      dither_bench_open(&b, &params, rates[i % RATES], 1, FRAMES / 4);
      run_noise(&b, 5 + (uint64_t)i);
      for (int32_t n = 0; n < FRAMES / 4; n++)
        most = fmax(most, fabs(dither_bench_error(&b, n, 0)));
      if (i % RATES == 0 || mode == DITHER_SHAPED)
        print_message("  mode %d, %d bit, %d Hz: %.3f LSB of at most %.3f\n", mode, params.bits,
                      rates[i % RATES], most, bound);
      assert_true(most <= bound);
      assert_true(most > (mode == DITHER_SHAPED ? 0.4 : 0.93) * bound);
      dither_bench_close(&b);
    }
}

/* 1 kHz at -100 dBFS in the mean of very many periods: there, undistorted. */
static void sine_below_the_last_bit(void **state) {
  (void)state;
  enum { PERIODS = 20000, PERIOD = 48 };
  static const int modes[] = {DITHER_TPDF_HP, DITHER_SHAPED};
  for (int m = 0; m < COUNT(modes); m++) {
    const struct dither_params params = {.bits = 16, .mode = modes[m]};
    struct dither_bench b;
    double mean[PERIOD] = {0}, a[TAPS] = {1};
    dither_bench_open(&b, &params, 48000, 1, PERIOD * PERIODS);
    for (int32_t i = 0; i < PERIOD * PERIODS; i++)
      b.src[i] = (float)(1e-5 * sin(2 * PI * (i % PERIOD) / PERIOD));
    dither_bench_run(&b, 0, b.io.n_blocks);
    for (int32_t i = 0; i < PERIOD * PERIODS; i++)
      mean[i % PERIOD] += b.out[i] / 65536.0 / PERIODS;
    if (modes[m] == DITHER_SHAPED) taps_of(48000, a);
    for (int h = 0; h < PERIOD / 2; h++) {
      const double complex amplitude = oracle_dft_double(mean, PERIOD, h / 48.0, 0) / 24;
      const double density = response(a, h / 48.0);
      const double noise = 5.5 * sqrt(2 * 0.25 * density / ((double)PERIOD * PERIODS)) + 1e-4;
      const double is = h == 1 ? 0.32768 : 0;
      assert_true(fabs(cabs(amplitude) - is) < noise);
    }
    dither_bench_close(&b);
  }
}

/* The mean is the input, for any constant. */
static void constants(void **state) {
  (void)state;
  static const double lsb[] = {0, 0.1, 0.25, 0.5, 0.9, -0.3, 1000.37};
  for (int mode = DITHER_TPDF; mode <= DITHER_SHAPED; mode++)
    for (int k = 0; k < COUNT(lsb) && mode != DITHER_NONE; k++) {
      const struct dither_params params = {.bits = 16, .mode = mode};
      struct dither_bench b;
      double mean = 0;
      dither_bench_open(&b, &params, 44100, 1, FRAMES);
      for (int32_t i = 0; i < FRAMES; i++) b.src[i] = (float)(lsb[k] / 32768);
      dither_bench_run(&b, 0, b.io.n_blocks);
      for (int32_t i = 0; i < FRAMES; i++) mean += dither_bench_error(&b, i, 0) / FRAMES;
      assert_true(fabs(mean) < 0.005);
      dither_bench_close(&b);
    }
}

/* ---- blanking ---- */

/* Whether a frame must be zero: one that ends a run of more than 20 ms of zeros, those
 * before the track counted. */
static bool blanked(const float *x, int32_t frame, int rate_hz) {
  for (int32_t k = 0; k <= rate_hz / 50 && k <= frame; k++)
    if (fabs((double)x[frame - k]) >= ldexp(1, -31)) return false;
  return true;
}

static void silences(float *x, int32_t n, int rate_hz, uint64_t seed) {
  uint64_t state = seed;
  for (int32_t at = 0; at < n;) {
    const bool sounds = oracle_next(&state) % 2;
    const int32_t length = 1 + (int32_t)(oracle_next(&state) % (uint64_t)(rate_hz / 10));
    for (int32_t i = 0; i < length && at < n; i++, at++)
      x[at] = sounds ? (float)(oracle_uniform(&state) / 1000) : i % 7 ? 0 : 1e-11F;
  }
}

static void blanking(void **state) {
  (void)state;
  static const int modes[] = {DITHER_TPDF, DITHER_RPDF, DITHER_TPDF_HP, DITHER_SHAPED};
  for (int i = 0; i < COUNT(modes) * RATES; i++) {
    const int rate = rates[i % RATES];
    const int32_t n = 4 * rate / 3;
    const struct dither_params params = {.bits = 16, .mode = modes[i / RATES], .blank = 1};
    struct dither_bench b;
    int not_blank = 0, blank = 0;
    dither_bench_open(&b, &params, rate, 2, n);
    for (int c = 0; c < 2; c++) silences(b.src + c * n, n, rate, (uint64_t)(7 * i + c));
    memset(b.src, 0, 30 * sizeof *b.src); /* silent from its start */
    dither_bench_run(&b, 0, b.io.n_blocks);
    for (int32_t k = 0; k < 2 * n; k++) {
      const float *x = b.src + k % 2 * n;
      if (blanked(x, k / 2, rate)) blank++, assert_int_equal(b.out[k], 0);
      else if (x[k / 2] == 0) not_blank += b.out[k] != 0;
    }
    assert_true(blank > n / 8);
    if (params.mode != DITHER_RPDF) assert_true(not_blank > n / 100); /* the first 20 ms */
    dither_bench_close(&b);
  }
}

static void silence_without_blanking_has_noise(void **state) {
  (void)state;
  for (int mode = DITHER_TPDF; mode <= DITHER_SHAPED; mode++) {
    const struct dither_params params = {.bits = 16, .mode = mode};
    struct dither_bench b;
    int noisy = 0;
    dither_bench_open(&b, &params, 48000, 1, 48000);
    dither_bench_run(&b, 0, b.io.n_blocks);
    for (int i = 24000; i < 48000; i++) noisy += b.out[i] != 0;
    if (mode == DITHER_NONE || mode == DITHER_RPDF) assert_int_equal(noisy, 0);
    else assert_true(noisy > 5000);
    dither_bench_close(&b);
  }
}

/* ---- floats ---- */

static void floats_as_they_come(void **state) {
  (void)state;
  enum { N = 3 * BLOCK_FRAMES + 5 };
  const struct dither_params params = {.bits = 32, .blank = 1};
  struct dither_bench b;
  dither_bench_open(&b, &params, 48000, 2, N);
  for (int c = 0; c < 2; c++) oracle_noise(b.src + c * N, N, 3, 9 + (uint64_t)c);
  dither_bench_run(&b, 0, b.io.n_blocks);
  for (int i = 0; i < 2 * N; i++)
    assert_memory_equal(&b.out[i], &b.src[i % 2 * N + i / 2], sizeof(float));
  for (int k = 0; k < b.io.n_blocks; k++) assert_int_equal(b.io.control[k], 0);
  assert_true(dither_peak_lsb(&params, 48000) == 0);
  dither_bench_close(&b);
}

static void refused_settings(void **state) {
  (void)state;
  static const struct {
    struct dither_params params;
    const char *row;
  } cases[] = {{{17, DITHER_TPDF, 0}, "bits"},   {{31, DITHER_NONE, 0}, "bits"},
               {{32, DITHER_SHAPED, 0}, "dither"}, {{32, DITHER_RPDF, 0}, "dither"},
               {{32, DITHER_NONE, 0}, NULL},     {{20, DITHER_SHAPED, 1}, NULL}};
  for (int i = 0; i < COUNT(cases); i++) {
    const char *row = NULL, *why = stage_dither.check(&cases[i].params, &row);
    assert_int_equal(why != NULL, cases[i].row != NULL);
    if (why) assert_string_equal(row, cases[i].row);
  }
}

/* ---- the bits ---- */

/* FNV-1a of the output for a signal made of integers: the same for every compiler and
 * processor. A change is a change of everybody's masters. */
static uint64_t hash_of(int mode, int bits, int rate_hz) {
  enum { N = SHAPE_FRAMES + 5000 };
  const struct dither_params params = {.bits = bits, .mode = mode, .blank = 1};
  struct dither_bench b;
  uint64_t hash = 0xcbf29ce484222325u;
  uint32_t s = 99;
  dither_bench_open(&b, &params, rate_hz, 2, N);
  for (int i = 0; i < 2 * N; i++) {
    s = s * 1664525u + 1013904223u;
    b.src[i] = i / 2000 % 4 ? (float)((int32_t)s >> 8) * 0x1p-26f : 0;
  }
  dither_bench_run(&b, 0, b.io.n_blocks);
  for (int i = 0; i < 2 * N; i++)
    for (int byte = 0; byte < 32; byte += 8)
      hash = (hash ^ ((uint32_t)b.out[i] >> byte & 0xff)) * 0x100000001b3u;
  dither_bench_close(&b);
  return hash;
}

static void frozen_bits(void **state) {
  (void)state;
  static const struct {
    int mode, bits, rate_hz;
    uint64_t hash;
  } frozen[] = {
      {DITHER_RPDF, 16, 44100, 0x6b71caefe438f5f4u},
      {DITHER_TPDF_HP, 16, 48000, 0x3bb73dfaa3497344u},
      {DITHER_TPDF_HP, 24, 96000, 0x9ddfd61fa983ac7eu},
      {DITHER_SHAPED, 16, 44100, 0x3371cce2c3bb34f7u},
      {DITHER_SHAPED, 16, 48000, 0x5355c5e33083c933u},
      {DITHER_SHAPED, 20, 88200, 0xa171c59a839c789cu},
      {DITHER_SHAPED, 24, 96000, 0x4cac0c94f88820ccu},
      {DITHER_SHAPED, 16, 176400, 0x43786a3d719798e6u},
      {DITHER_SHAPED, 16, 192000, 0x7ad9c6f23a6eb40bu},
  };
  int changed = 0;
  for (int i = 0; i < COUNT(frozen); i++) {
    const uint64_t hash = hash_of(frozen[i].mode, frozen[i].bits, frozen[i].rate_hz);
    if (hash == frozen[i].hash) continue;
    print_message("now: {%d, %d, %d, 0x%016llxu}\n", frozen[i].mode, frozen[i].bits,
                  frozen[i].rate_hz, (unsigned long long)hash);
    changed++;
  }
  assert_int_equal(changed, 0);
}

/* ---- stretches ---- */

static void ranges_and_stretches(void **state) {
  (void)state;
  enum { N = 5 * SHAPE_FRAMES + 777 };
  for (int mode = DITHER_RPDF; mode <= DITHER_SHAPED; mode++) {
    const struct dither_params params = {.bits = 16, .mode = mode, .blank = 1};
    struct dither_bench a, b;
    dither_bench_open(&a, &params, 48000, 2, N);
    dither_bench_open(&b, &params, 48000, 2, N);
    run_noise(&a, 3);
    memcpy(b.src, a.src, 2 * N * sizeof *b.src);
    for (int32_t first = b.io.n_blocks - 1; first >= 0; first--) dither_bench_run(&b, first, 1);
    assert_memory_equal(a.out, b.out, 2 * N * sizeof *a.out);
    b.src[5] = 0.5F; /* reaches to the end of its stretch at most */
    dither_bench_run(&b, 0, b.io.n_blocks);
    assert_int_not_equal(b.out[10], a.out[10]);
    assert_memory_equal(a.out + 2 * SHAPE_FRAMES, b.out + 2 * SHAPE_FRAMES,
                        2 * (N - SHAPE_FRAMES) * sizeof *a.out);
    dither_bench_close(&a);
    dither_bench_close(&b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shaping_filter),
      cmocka_unit_test(spectra),
      cmocka_unit_test(weighted_noise),
      cmocka_unit_test(peak_errors),
      cmocka_unit_test(sine_below_the_last_bit),
      cmocka_unit_test(constants),
      cmocka_unit_test(blanking),
      cmocka_unit_test(silence_without_blanking_has_noise),
      cmocka_unit_test(floats_as_they_come),
      cmocka_unit_test(refused_settings),
      cmocka_unit_test(frozen_bits),
      cmocka_unit_test(ranges_and_stretches),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
