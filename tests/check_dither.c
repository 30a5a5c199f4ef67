/* SPDX-License-Identifier: MIT
 * Word length and dither: generator against published vectors, error statistics, what
 * becomes of a sine below the last bit, plain rounding, saturation, seeds and ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio_fixture.h"
#include "dither_fixture.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
static const double PI = 3.14159265358979323846;
enum { SEED = DITHER_BENCH_SEED };

static void open_bench(struct dither_bench *b, int bits, int mode, int channels,
                       int32_t n_frames) {
  const struct dither_params params = {.bits = bits, .mode = mode};
  dither_bench_open(b, &params, 48000, channels, n_frames);
}

static double uniform(uint64_t *state) { /* [-1, 1) */
  return (double)(fixture_random(state) >> 11) / 4503599627370496.0 - 1;
}

/* ---- generator ---- */

/* Random123, kat_vectors: philox2x32 10. */
static void known_answers(void **state) {
  (void)state;
  static const uint32_t vectors[][5] = {
      {0, 0, 0, 0xff1dae59, 0x6cd10df2},
      {0xffffffff, 0xffffffff, 0xffffffff, 0x2c3f628b, 0xab4fd7ad},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0xdd7ce038, 0xf62a4c12},
  };
  for (int i = 0; i < COUNT(vectors); i++) {
    uint32_t a = vectors[i][0], b = vectors[i][1];
    PHILOX(a, b, vectors[i][2])
    assert_int_equal(a, vectors[i][3]);
    assert_int_equal(b, vectors[i][4]);
  }
}

/* ---- statistics ---- */

enum { FRAMES = 1 << 20, LAGS = 8, BINS = 16 };

/* Errors in LSB of noise of +-2^-5, fine enough to have every fraction of an LSB. */
static void error_of_noise(struct dither_bench *b, double *error[2]) {
  uint64_t seed = SEED;
  for (int32_t i = 0; i < FRAMES; i++) b->src[i] = (float)(uniform(&seed) / 32);
  memcpy(b->src + FRAMES, b->src, FRAMES * sizeof *b->src); /* both channels alike */
  dither_bench_run(b, 0, b->io.n_blocks);
  for (int32_t i = 0; i < FRAMES; i++)
    for (int c = 0; c < 2; c++)
      error[c][i] = dither_bench_error(b, i, c);
}

static double correlation(const double *a, const double *b, int32_t n) {
  double sum = 0;
  for (int32_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum / n / 0.25;
}

/* Mean 0 and variance 1/4 LSB^2, whatever fraction of an LSB the input has. */
static void check_moments(const struct dither_bench *b, int bits, const double *error) {
  double sum[BINS] = {0}, square[BINS] = {0}, mean = 0, variance = 0;
  int count[BINS] = {0};
  for (int32_t i = 0; i < FRAMES; i++) {
    const double lsb = (double)b->src[i] * ldexp(1, bits - 1);
    const int bin = (int)((lsb - floor(lsb)) * BINS);
    sum[bin] += error[i], square[bin] += error[i] * error[i], count[bin]++;
    mean += error[i] / FRAMES, variance += error[i] * error[i] / FRAMES;
  }
  print_message("  %d bit: mean %+.5f LSB, variance %.5f LSB^2\n", bits, mean, variance);
  /* Five standard errors, 0.5 / sqrt(2^20) each; halves round up: 2^-9 LSB at 24 bit,
   * where 8 bits of noise and of input are all there is below the LSB. */
  assert_true(fabs(mean) <= 5 * 0.5 / 1024 + 1.0 / 512);
  /* TPDF of 2 LSB and rounding: 2/12 + 1/12. The standard error is 0.12 %. */
  assert_true(fabs(variance / 0.25 - 1) <= 0.02);
  for (int k = 0; k < BINS; k++) { /* 2^16 each: 4 times the standard errors */
    assert_true(fabs(sum[k] / count[k]) <= 5 * 0.5 / 256 + 1.0 / 512);
    assert_true(fabs(square[k] / count[k] / 0.25 - 1) <= 0.04);
  }
}

static void error_statistics(void **state) {
  (void)state;
  double *error[2] = {calloc(FRAMES, sizeof(double)), calloc(FRAMES, sizeof(double))};
  if (!error[0] || !error[1]) abort();
  for (int bits = 16; bits <= 24; bits += 4) {
    struct dither_bench b;
    /* five standard errors of a correlation of independent values */
    const double bound = 5 / sqrt(FRAMES);
    open_bench(&b, bits, DITHER_TPDF, 2, FRAMES);
    error_of_noise(&b, error);
    for (int c = 0; c < 2; c++) check_moments(&b, bits, error[c]);
    for (int lag = 0; lag <= LAGS; lag++) {
      if (lag) assert_true(fabs(correlation(error[0], error[0] + lag, FRAMES - lag)) <= bound);
      assert_true(fabs(correlation(error[0], error[1] + lag, FRAMES - lag)) <= bound);
      assert_true(fabs(correlation(error[1], error[0] + lag, FRAMES - lag)) <= bound);
    }
    dither_bench_close(&b);
  }
  free(error[0]);
  free(error[1]);
}

/* The mean of `periods` periods of 48 frames, LSB. */
static void mean_period(const struct dither_bench *b, int periods, double mean[48]) {
  for (int k = 0; k < 48; k++) mean[k] = 0;
  for (int32_t i = 0; i < periods * 48; i++) mean[i % 48] += b->out[i] / 65536.0 / periods;
}

/* 1 kHz at -100 dBFS is 0.33 LSB of 16 bit: rounded it is silence, dithered it is there,
 * undistorted. */
static void sine_below_the_last_bit(void **state) {
  (void)state;
  enum { PERIODS = 100000 };
  struct dither_bench b;
  double mean[48], fundamental = 0;
  open_bench(&b, 16, DITHER_NONE, 1, 48 * PERIODS);
  for (int32_t i = 0; i < 48 * PERIODS; i++) b.src[i] = (float)(1e-5 * sin(2 * PI * (i % 48) / 48));
  dither_bench_run(&b, 0, b.io.n_blocks);
  for (int32_t i = 0; i < 48 * PERIODS; i++) assert_int_equal(b.out[i], 0);
  ((struct dither_design *)b.design.data)->mode = DITHER_TPDF;
  dither_bench_run(&b, 0, b.io.n_blocks);
  mean_period(&b, PERIODS, mean);
  /* Amplitude of noise of variance 1/4 in one bin: Rayleigh, exceeded once in 2.7e5. */
  const double floor_lsb = 5 * sqrt(2 * 0.25 / (48.0 * PERIODS));
  for (int h = 0; h < 24; h++) {
    double re = 0, im = 0;
    for (int k = 0; k < 48; k++) {
      re += mean[k] * cos(2 * PI * h * k / 48) / 24;
      im += mean[k] * sin(2 * PI * h * k / 48) / 24;
    }
    if (h == 1) fundamental = im;
    else assert_true(hypot(re, im) <= floor_lsb);
  }
  print_message("  fundamental %.5f LSB (is 0.32768), no harmonic above %.5f LSB\n", fundamental,
                floor_lsb);
  assert_true(fabs(fundamental - 0.32768) <= floor_lsb);
  dither_bench_close(&b);
}

/* ---- without noise ---- */

static void plain_rounding(void **state) {
  (void)state;
  enum { N = 200000 };
  for (int bits = 16; bits <= 24; bits += 4) {
    struct dither_bench b;
    uint64_t seed = SEED + 1;
    open_bench(&b, bits, DITHER_NONE, 1, N);
    for (int32_t i = 0; i < N; i++) /* multiples of 2^-31 and of half an LSB among them */
      b.src[i] = (float)ldexp(uniform(&seed), -(int)(fixture_random(&seed) % 12));
    for (int32_t i = 0; i < N; i += 3)
      b.src[i] = (float)ldexp(floor(ldexp((double)b.src[i], bits)), -bits);
    dither_bench_run(&b, 0, b.io.n_blocks);
    for (int32_t i = 0; i < N; i++) {
      const double fixed = trunc(ldexp((double)b.src[i], 31)); /* the step before */
      const double top = ldexp(1, bits - 1) - 1;
      const double rounded = fmin(floor(ldexp(fixed, bits - 32) + 0.5), top);
      assert_int_equal(b.out[i], (int32_t)(uint32_t)(int64_t)ldexp(rounded, 32 - bits));
    }
    dither_bench_close(&b);
  }
}

static void input_of_24_bit_is_exact(void **state) {
  (void)state;
  enum { N = 300000 };
  struct dither_bench b;
  const struct fixture_shape shape = {48000, 1, N, 24};
  int32_t *words = fixture_noise(&shape, SEED);
  open_bench(&b, 24, DITHER_NONE, 1, N);
  for (int32_t i = 0; i < N; i++) b.src[i] = (float)(words[i] / 2147483648.0);
  dither_bench_run(&b, 0, b.io.n_blocks);
  assert_memory_equal(b.out, words, N * sizeof *words);
  free(words);
  dither_bench_close(&b);
}

static void saturation(void **state) {
  (void)state;
  static const float values[] = {1, -1, 1.5F, -1.5F, 0.99999994F, 64, -64, 1.0000001F};
  for (int bits = 16; bits <= 24; bits += 8)
    for (int mode = DITHER_TPDF; mode <= DITHER_NONE; mode++) {
      enum { N = 3 * BLOCK_FRAMES };
      struct dither_bench b;
      const int32_t top = (int32_t)(0x7fffffffu & (UINT32_MAX << (32 - bits)));
      const int32_t room = mode == DITHER_TPDF ? 2 << (32 - bits) : 0; /* 1.5 LSB, rounded */
      open_bench(&b, bits, mode, 1, N);
      for (int i = 0; i < N; i++) b.src[i] = values[i % COUNT(values)];
      dither_bench_run(&b, 0, b.io.n_blocks);
      for (int i = 0; i < N; i++) {
        if (b.src[i] > 0) assert_true(b.out[i] <= top && b.out[i] >= top - room);
        else assert_true(b.out[i] <= INT32_MIN + room);
        assert_int_equal((uint32_t)b.out[i] & ~(UINT32_MAX << (32 - bits)), 0);
      }
      for (int k = 0; k < 3; k++) assert_int_equal(b.io.control[k], BLOCK_FRAMES * 5 / 8);
      dither_bench_close(&b);
    }
}

/* ---- keys ---- */

static void fill(struct dither_bench *b) {
  uint64_t seed = SEED + 2;
  for (int32_t i = 0; i < b->io.n_frames * b->io.channels; i++)
    b->src[i] = (float)(uniform(&seed) / 4);
}

static void seeds_and_ranges(void **state) {
  (void)state;
  enum { N = 20 * BLOCK_FRAMES + 5, WORDS = 2 * N };
  struct dither_bench a, b;
  int differ = 0;
  open_bench(&a, 16, DITHER_TPDF, 2, N);
  open_bench(&b, 16, DITHER_TPDF, 2, N);
  fill(&a);
  fill(&b);
  dither_bench_run(&a, 0, a.io.n_blocks);
  for (int32_t first = a.io.n_blocks - 1; first >= 0; first--) dither_bench_run(&b, first, 1);
  assert_memory_equal(a.out, b.out, WORDS * sizeof *a.out);
  b.io.args[0] = SEED + 1;
  dither_bench_run(&b, 0, 7);
  dither_bench_run(&b, 7, b.io.n_blocks - 7);
  for (int i = 0; i < WORDS; i++) differ += a.out[i] != b.out[i];
  /* Two results around one value are equal most often when it lies on a step: then each
   * is it with 3/4 and beside it with 1/8 each, 0.594 of the time equal. */
  assert_true(differ > (int)(WORDS * 0.39));
  b.io.args[0] = SEED;
  dither_bench_run(&b, 3, b.io.n_blocks - 3);
  dither_bench_run(&b, 0, 3);
  assert_memory_equal(a.out, b.out, WORDS * sizeof *a.out);
  dither_bench_close(&a);
  dither_bench_close(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_answers),
      cmocka_unit_test(error_statistics),
      cmocka_unit_test(sine_below_the_last_bit),
      cmocka_unit_test(plain_rounding),
      cmocka_unit_test(input_of_24_bit_is_exact),
      cmocka_unit_test(saturation),
      cmocka_unit_test(seeds_and_ranges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
