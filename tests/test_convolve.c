/* SPDX-License-Identifier: MIT
 * The convolution engine against sums in double precision: transforms, partitions,
 * silence and the borders of a track. */
#include "convolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "window.h"

#define SEED UINT64_C(7001)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

/* A rounding to nearest has a relative rms of 2^-24 sqrt(0.54 / 3): uniform within half a
 * unit, mantissas spread logarithmically (mean of 1/m^2: 0.54). A level of a radix-2 FFT
 * rounds three times (product, its sum, butterfly); with the split of the real transform
 * there are 12 levels. One transform: 2^-24 sqrt(12 * 0.54) = 1.5e-7, -136.4 dB; both:
 * -133.4 dB. 3 dB are left for the spread between blocks. */
static const double FORWARD_DB = -133.4, ROUND_TRIP_DB = -130.4;
/* The same and the products over P <= 32 partitions, whose running sum has on average half
 * its final power: P / 2 * 0.54 / 3 more roundings squared, 2^-24 sqrt(13 + 0.7 + 2.9),
 * -132.3 dB. */
static const double CONVOLUTION_DB = -130;

static float *twiddle_table(void) {
  float *table = oracle_alloc(CONV_TWIDDLE * sizeof *table);
  conv_twiddle(table);
  return table;
}

static void test_twiddle(void **unused) {
  (void)unused;
  float *t = twiddle_table();
  for (int k = 0; k < 4096; k++) {
    /* the double is correct to 2^-52; its rounding to float to half a unit, 2^-25 */
    assert_float_equal(t[k], cos(k * acos(-1) / 2048), 0x1.01p-25);
    assert_float_equal(t[4096 + k], sin(k * acos(-1) / 2048), 0x1.01p-25);
  }
  assert_true(t[0] == 1 && t[1024] == 0 && t[2048] == -1 && t[3072] == 0);
  assert_true(t[4096] == 0 && t[4096 + 1024] == 1 && t[4096 + 2048] == 0);
  free(t);
}

/* Spectra of noise, two blocks within the track and the first one. */
static void test_forward(void **unused) {
  (void)unused;
  enum { FRAMES = 3 * CONV_BLOCK };
  float *t = twiddle_table(), *x = oracle_alloc((CONV_BLOCK + FRAMES) * sizeof *x);
  static float spectrum[3][CONV_SPECTRUM];
  oracle_noise(x + CONV_BLOCK, FRAMES, 0.9, SEED); /* zeros before the track */
  for (int b = 0; b < 3; b++) conv_forward(t, x + CONV_BLOCK, FRAMES, b, spectrum[b]);
  for (int b = 0; b < 3; b++) {
    double error = 0, energy = 0;
    for (int k = 0; k <= CONV_BLOCK; k++) {
      const double complex want =
          2 * oracle_dft(x + (size_t)b * CONV_BLOCK, 2 * CONV_BLOCK, k / (2.0 * CONV_BLOCK), 0);
      const double re = spectrum[b][k % CONV_BLOCK + (k == CONV_BLOCK ? CONV_BLOCK : 0)];
      const double im = k % CONV_BLOCK ? spectrum[b][CONV_BLOCK + k] : 0;
      error += pow(re - creal(want), 2) + pow(im - cimag(want), 2);
      energy += pow(creal(want), 2) + pow(cimag(want), 2);
    }
    print_message("forward, block %d: %.1f dB\n", b, 10 * log10(error / energy));
    assert_true(10 * log10(error / energy) <= FORWARD_DB);
  }
  free(x);
  free(t);
}

/* The filter that is one unit tap: its spectrum is a power of two, so the product is
 * exact and the two transforms remain. */
static void test_round_trip(void **unused) {
  (void)unused;
  enum { BLOCKS = 8, FRAMES = BLOCKS * CONV_BLOCK };
  static double unit[CONV_BLOCK] = {1};
  static float h[CONV_SPECTRUM], spectrum[CONV_SPECTRUM], product[CONV_SPECTRUM];
  static float y[BLOCKS][CONV_BLOCK], x[FRAMES];
  const float *one[] = {spectrum}, *by[] = {h};
  float *t = twiddle_table();
  assert_int_equal(conv_partition(unit, CONV_BLOCK, h), 0);
  for (int k = 0; k < CONV_BLOCK; k++)
    assert_true(h[k] == 1 / 8192.0f && h[CONV_BLOCK + k] == (k ? 0 : 1 / 8192.0f));
  for (int trial = 0; trial < 8; trial++) {
    oracle_noise(x, FRAMES, 1, SEED + (uint64_t)trial);
    for (int b = 0; b < BLOCKS; b++) {
      conv_forward(t, x, FRAMES, b, spectrum);
      conv_multiply(one, by, 1, product);
      conv_inverse(t, product, y[b]);
    }
    const double db = 10 * log10(oracle_energy_of_difference(x, &y[0][0], FRAMES) /
                                 oracle_energy(x, FRAMES));
    if (trial == 0) print_message("forward and inverse: %.1f dB\n", db);
    assert_true(db <= ROUND_TRIP_DB);
  }
  free(t);
}

/* All widths of vectors that this processor has give the same bits, of frames at any place. */
static void test_widths(void **unused) {
  (void)unused;
  enum { FRAMES = 2 * CONV_BLOCK };
  static float x[FRAMES + 4], spectrum[2][CONV_SPECTRUM], product[2][CONV_SPECTRUM];
  static float back[2][2][CONV_BLOCK], wanted[CONV_SPECTRUM];
  const struct window_width *w, *widest = window_width(0);
  float *t = twiddle_table();
  for (int i = 0; i < 4; i++) {
    const float *a[] = {spectrum[0], product[0]}, *b[] = {product[0], spectrum[0]};
    oracle_noise(x, FRAMES + 4, 0.7, SEED + (uint64_t)i);
    oracle_noise(product[0], CONV_SPECTRUM, 0.01, SEED);
    widest->forward(t, x + i, spectrum[0]);
    widest->inverse(t, spectrum[0], false, back[0][0]);
    widest->inverse(t, spectrum[0], true, back[0][1]);
    for (int k = 1; (w = window_width(k)); k++) {
      memset(back[1], 0x55, sizeof back[1]);
      w->forward(t, x + i, spectrum[1]);
      assert_memory_equal(spectrum[1], spectrum[0], sizeof spectrum[0]);
      w->inverse(t, spectrum[1], false, back[1][0]);
      w->inverse(t, spectrum[1], true, back[1][1]);
      assert_memory_equal(back[1], back[0], sizeof back[0]);
      memset(product[1], 0x55, sizeof product[1]);
      w->multiply(a, b, 2, product[1]);
      widest->multiply(a, b, 2, wanted);
      assert_memory_equal(product[1], wanted, sizeof wanted);
    }
  }
  int n = 0;
  while (window_width(n)) n++;
  print_message("%d widths, up to %d floats\n", n, widest->floats);
  free(t);
}

/* ---- partitioned convolution, through the ring ---- */

struct convolution {
  int taps, centre_blocks, emphasis;
  int32_t n_frames;
  const float *x;
  const double *h;
};

/* All blocks of x * h, delay centre_blocks blocks taken out; caller frees. */
static float *ring_convolve(const struct convolution *c) {
  const int partitions = c->taps / CONV_BLOCK;
  const int32_t blocks = (c->n_frames + CONV_BLOCK - 1) / CONV_BLOCK;
  float *t = twiddle_table(), *h = oracle_alloc((size_t)partitions * CONV_SPECTRUM * sizeof *h);
  assert_int_equal(conv_partition(c->h, c->taps, h), 0);
  struct stage_io io = {.n_frames = c->n_frames, .n_blocks = blocks, .channels = 1,
                        .ring_blocks = blocks + 1, .stride = c->n_frames, .src = c->x};
  io.ring = oracle_alloc((size_t)(blocks + 1) * CONV_SPECTRUM * sizeof *io.ring);
  const struct conv_filter filter = {t, CONV_SPECTRUM, partitions, c->centre_blocks,
                                     c->emphasis, 1, {0}, {h}};
  conv_ring_forward(&io, &filter, 0, blocks + 1);
  float *y = oracle_alloc((size_t)blocks * CONV_BLOCK * sizeof *y);
  for (int32_t b = 0; b < blocks; b++)
    conv_ring_filter(&io, &filter, b, y + (size_t)b * CONV_BLOCK);
  free(io.ring);
  free(h);
  free(t);
  return y;
}

static double *random_filter(int taps) {
  uint64_t seed = SEED + (uint64_t)taps;
  double *h = oracle_alloc((size_t)taps * sizeof *h);
  for (int i = 0; i < taps; i++) h[i] = oracle_uniform(&seed) / sqrt(taps / 3.0);
  return h;
}

/* Error in dB re the output, over `frames` frames spread over the track. */
static double convolution_error_db(const struct convolution *c, const float *y, int frames) {
  double error = 0, energy = 0;
  for (int i = 0; i < frames; i++) {
    const int32_t at = (int32_t)((int64_t)i * c->n_frames / frames);
    const double want = oracle_convolve(c->h, c->taps, c->centre_blocks * CONV_BLOCK, c->x,
                                        c->n_frames, at);
    error += (y[at] - want) * (y[at] - want);
    energy += want * want;
  }
  return 10 * log10(error / energy);
}

static void test_convolution(void **unused) {
  (void)unused;
  enum { FRAMES = 120000 };
  float *x = oracle_alloc(FRAMES * sizeof *x);
  oracle_noise(x, FRAMES, 1, SEED);
  for (int taps = 2048; taps <= 65536; taps *= 2)
    for (int i = 0; i < 4; i++) {
      double *h = random_filter(taps);
      const struct convolution c = {taps, i / 2 * taps / 2 / CONV_BLOCK, i % 2, FRAMES, x, h};
      float *y = ring_convolve(&c);
      const double db = convolution_error_db(&c, y, 901);
      print_message("convolution, %d taps, delay %d blocks%s: %.1f dB\n", taps, c.centre_blocks,
                    c.emphasis ? ", emphasis" : "", db);
      assert_true(db <= CONVOLUTION_DB);
      free(y);
      free(h);
    }
  free(x);
}

/* What emphasis is for: of a low tone, whose energy it lowers by 6 dB, it leaves less noise.
 * Half of that comes back with the de-emphasis (1 / (1 - 1/4) in power, and its roundings). */
static void test_emphasis(void **unused) {
  (void)unused;
  enum { TAPS = 8192, FRAMES = 60000 };
  double *h = random_filter(TAPS), db[2];
  float *x = oracle_alloc(FRAMES * sizeof *x);
  for (int32_t i = 0; i < FRAMES; i++) x[i] = (float)(0.7 * sin(0.01 * i));
  for (int emphasis = 0; emphasis < 2; emphasis++) {
    const struct convolution c = {TAPS, 2, emphasis, FRAMES, x, h};
    float *y = ring_convolve(&c);
    db[emphasis] = convolution_error_db(&c, y, 901);
    free(y);
  }
  print_message("a low tone: %.1f dB, with emphasis %.1f dB\n", db[0], db[1]);
  assert_true(db[1] <= db[0] - 2);
  free(x);
  free(h);
}

static void test_silence(void **unused) {
  (void)unused;
  enum { TAPS = 8192, FRAMES = 30000 };
  double *h = random_filter(TAPS);
  float *x = oracle_alloc(FRAMES * sizeof *x);
  const struct convolution c = {TAPS, 2, 1, FRAMES, x, h};
  float *y = ring_convolve(&c);
  for (int32_t i = 0; i < FRAMES; i++) assert_true(y[i] == 0);
  free(y);
  /* silence further from the signal than the filter reaches (whole blocks) */
  x[FRAMES / 2] = 1;
  y = ring_convolve(&c);
  for (int32_t i = 0; i < FRAMES; i++)
    if (abs(i / CONV_BLOCK - FRAMES / 2 / CONV_BLOCK) > 2) assert_true(y[i] == 0);
  free(y);
  free(x);
  free(h);
}

/* Lengths around the block border. The frames after the track are NaN: none may be read. */
static void test_lengths(void **unused) {
  (void)unused;
  enum { TAPS = 4096, GUARD = 2 * CONV_BLOCK };
  static const int32_t lengths[] = {1,    2,    3,    2047, 2048, 2049, 4095,
                                    4096, 4097, 6143, 6144, 6145, 16383, 16385, 18433};
  double *h = random_filter(TAPS);
  for (int i = 0; i < COUNT(lengths); i++)
    for (int centre = 0; centre < 2; centre++) {
      const int32_t n = lengths[i];
      float *x = oracle_alloc((size_t)(n + GUARD) * sizeof *x);
      oracle_noise(x, n, 1, SEED + (uint64_t)i);
      for (int32_t k = n; k < n + GUARD; k++) x[k] = NAN;
      const struct convolution c = {TAPS, centre, centre, n, x, h};
      float *y = ring_convolve(&c);
      const double db = convolution_error_db(&c, y, n < 4099 ? n : 4099);
      /* one sample alone may be small beside the block's error: the impulse meets h[2048]
       * only, a value of the size of the others */
      assert_true(db <= (n < 16 ? CONVOLUTION_DB + 20 : CONVOLUTION_DB));
      free(y);
      free(x);
    }
  free(h);
}

/* An impulse at every offset of a block gives the same response, shifted. */
static void test_offsets(void **unused) {
  (void)unused;
  enum { TAPS = 4096, FRAMES = 4 * CONV_BLOCK };
  double *h = random_filter(TAPS);
  float *x = oracle_alloc(FRAMES * sizeof *x);
  for (int32_t at = 0; at < CONV_BLOCK; at += at < 4 ? 1 : 127) {
    oracle_impulse(x, FRAMES, at, 1);
    const struct convolution c = {TAPS, 0, 1, FRAMES, x, h};
    float *y = ring_convolve(&c);
    double error = 0, energy = 0;
    for (int32_t i = 0; i < FRAMES; i++) {
      const double want = i >= at && i < at + TAPS ? h[i - at] : 0;
      error += (y[i] - want) * (y[i] - want), energy += want * want;
    }
    assert_true(10 * log10(error / energy) <= CONVOLUTION_DB);
    free(y);
  }
  free(x);
  free(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_twiddle),     cmocka_unit_test(test_forward),
      cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_widths),
      cmocka_unit_test(test_convolution), cmocka_unit_test(test_emphasis),
      cmocka_unit_test(test_silence),
      cmocka_unit_test(test_lengths),     cmocka_unit_test(test_offsets),
  };
  return cmocka_run_group_tests_name("convolve", tests, NULL, NULL);
}
