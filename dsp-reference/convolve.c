/* SPDX-License-Identifier: MIT
 * See convolve.h. Eight blocks are transformed side by side, one per vector lane:
 * the butterflies need no shuffles and every lane rounds as a single block would. */
#include "convolve.h"

#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "detmath.h"
#include "fft.h"
#include "fir_design.h"
#include "twin.h"

typedef float lanes __attribute__((vector_size(CONV_LANES * sizeof(float))));
typedef float lanes_u __attribute__((vector_size(CONV_LANES * sizeof(float)), aligned(4)));
typedef int32_t lane_bits __attribute__((vector_size(CONV_LANES * sizeof(float))));
struct planes {
  lanes re[FFT_POINTS], im[FFT_POINTS];
};

static inline __attribute__((always_inline)) void transpose8(lanes r[8]) {
  lanes a[8], b[8];
#define SHUFFLE __builtin_shufflevector
  for (int i = 0; i < 4; i++) {
    a[2 * i] = SHUFFLE(r[2 * i], r[2 * i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    a[2 * i + 1] = SHUFFLE(r[2 * i], r[2 * i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; j++) {
      b[i + j] = SHUFFLE(a[i + j], a[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      b[i + j + 2] = SHUFFLE(a[i + j], a[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int i = 0; i < 4; i++) {
    r[i] = SHUFFLE(b[i], b[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    r[i + 4] = SHUFFLE(b[i], b[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
#undef SHUFFLE
}

/* Forward transform x -> y; x is overwritten. */
static inline __attribute__((always_inline)) void fft2048(const float *T, struct planes *x,
                                                          struct planes *y) {
  for (int level = 0; level < 2; level++) {
    struct planes *from = level ? y : x, *to = level ? x : y;
    const int s = level ? 16 : 1;
    for (int g = 0; g < 128; g++) {
      lanes re[16], im[16];
      for (int k = 0; k < 16; k++) re[k] = from->re[g + 128 * k], im[k] = from->im[g + 128 * k];
      const int p0 = g / s;
      FFT_RADIX16(lanes, T, p0, s, re, im)
      const int at = g % s + 16 * s * p0;
      for (int j = 0; j < 4; j++)
        for (int m = 0; m < 4; m++) {
          to->re[at + s * (j + 4 * m)] = re[4 * j + m];
          to->im[at + s * (j + 4 * m)] = im[4 * j + m];
        }
    }
  }
  for (int g = 0; g < 256; g++) {
    lanes re[8], im[8];
    for (int k = 0; k < 8; k++) re[k] = x->re[g + 256 * k], im[k] = x->im[g + 256 * k];
    FFT_RADIX8(lanes, T, re, im)
    for (int k = 0; k < 8; k++) y->re[g + 256 * k] = re[k], y->im[g + 256 * k] = im[k];
  }
}

/* Eight rows of 2048 floats (row stride in floats) <-> columns of planes. */
static inline __attribute__((always_inline)) void rows_to_lanes(const float *const rows[],
                                                                int first, lanes *to) {
  for (int k = 0; k < FFT_POINTS; k += 8) {
    lanes r[8];
    for (int l = 0; l < 8; l++) r[l] = *(const lanes_u *)(rows[l] + first + k);
    transpose8(r);
    for (int l = 0; l < 8; l++) to[k + l] = r[l];
  }
}

static inline __attribute__((always_inline)) void lanes_to_rows(const lanes *from, int n,
                                                                int first, float *const rows[]) {
  for (int k = 0; k < FFT_POINTS; k += 8) {
    lanes r[8];
    for (int l = 0; l < 8; l++) r[l] = from[k + l];
    transpose8(r);
    for (int l = 0; l < n; l++) *(lanes_u *)(rows[l] + first + k) = r[l];
  }
}

/* Frames of the windows, as complex points (x[2n], x[2n + 1]) per lane. */
static inline __attribute__((always_inline)) void load_frames(const float *const rows[],
                                                              struct planes *to) {
  for (int k = 0; k < FFT_POINTS; k += 4) {
    lanes r[8];
    for (int l = 0; l < 8; l++) r[l] = *(const lanes_u *)(rows[l] + 2 * k);
    transpose8(r);
    for (int i = 0; i < 4; i++) to->re[k + i] = r[2 * i], to->im[k + i] = r[2 * i + 1];
  }
}

LACQUER_CLONES
static void forward_lanes(const float *T, const float *const rows[], int n,
                          float *const spectra[]) {
  static _Thread_local struct planes x, y;
  load_frames(rows, &x);
  fft2048(T, &x, &y);
  for (int k = 0; k <= FFT_POINTS / 2; k++) {
    const int m = (FFT_POINTS - k) % FFT_POINTS;
    lanes xr, xi, yr, yi;
    FFT_SPLIT(lanes, y.re[k], y.im[k], y.re[m], y.im[m], T[k], T[FFT_TABLE + k], xr, xi, yr, yi)
    x.re[m] = yr, x.im[m] = yi;
    x.re[k] = xr, x.im[k] = k ? xi : yr;
  }
  lanes_to_rows(x.re, n, 0, spectra);
  lanes_to_rows(x.im, n, FFT_POINTS, spectra);
}

/* The windows of blocks [first, first + n): rows of 4096 frames, in x or in `edge`. */
static void find_windows(const float *x, int32_t n_frames, int32_t first, int n,
                         const float *rows[CONV_LANES]) {
  static _Thread_local float edge[CONV_LANES][2 * CONV_BLOCK];
  for (int l = 0; l < CONV_LANES; l++) {
    const int64_t begin = ((int64_t)first + (l < n ? l : 0) - 1) * CONV_BLOCK;
    const int64_t end = begin + 2 * CONV_BLOCK;
    if (begin >= 0 && end <= n_frames) {
      rows[l] = x + begin;
      continue;
    }
    memset(edge[l], 0, sizeof edge[l]);
    const int64_t a = begin > 0 ? begin : 0, b = end < n_frames ? end : n_frames;
    if (b > a) memcpy(edge[l] + (a - begin), x + a, (size_t)(b - a) * sizeof *x);
    rows[l] = edge[l];
  }
}

void conv_forward(const float *twiddle, const float *x, int32_t n_frames, int32_t first, int n,
                  float *const spectra[]) {
  const float *rows[CONV_LANES];
  find_windows(x, n_frames, first, n, rows);
  forward_lanes(twiddle, rows, n, spectra);
}

LACQUER_CLONES
static void emphasise(const float *x, float *to) {
  for (int i = 1; i < 2 * CONV_BLOCK; i++) to[i] = conv_emphasis(x[i], x[i - 1]);
  to[0] = conv_emphasis(x[0], x[2 * CONV_BLOCK - 1]); /* the window is a circle */
}

static void forward_emphasised(const float *twiddle, const float *const windows[], int n,
                               float *const spectra[]) {
  static _Thread_local float room[CONV_LANES][2 * CONV_BLOCK];
  const float *rows[CONV_LANES];
  for (int l = 0; l < CONV_LANES; l++) rows[l] = room[l < n ? l : 0];
  for (int l = 0; l < n; l++) emphasise(windows[l], room[l]);
  forward_lanes(twiddle, rows, n, spectra);
}

LACQUER_CLONES
static void multiply(const float *const x[], const float *const h[], int n, float *acc) {
  enum { VECTORS = 4, STEP = VECTORS * CONV_LANES };
  for (int k = 0; k < FFT_POINTS; k += STEP) {
    lanes re[VECTORS] = {0}, im[VECTORS] = {0};
    for (int i = 0; i < n; i++) {
      const float *xp = x[i] + k, *hp = h[i] + k;
      for (int v = 0; v < VECTORS; v++, xp += CONV_LANES, hp += CONV_LANES) {
        const lanes xr = *(const lanes_u *)xp, xi = *(const lanes_u *)(xp + FFT_POINTS);
        const lanes hr = *(const lanes_u *)hp, hi = *(const lanes_u *)(hp + FFT_POINTS);
        re[v] = re[v] + (xr * hr - xi * hi);
        im[v] = im[v] + (xr * hi + xi * hr);
      }
    }
    for (int v = 0; v < VECTORS; v++) {
      *(lanes_u *)(acc + k + v * CONV_LANES) = re[v];
      *(lanes_u *)(acc + FFT_POINTS + k + v * CONV_LANES) = im[v];
    }
  }
}

void conv_multiply(const float *const x[], const float *const h[], int n, float *acc) {
  multiply(x, h, n, acc);
  float dc = 0, nyquist = 0; /* bin 0 holds two real bins */
  for (int i = 0; i < n; i++) {
    dc = dc + x[i][0] * h[i][0];
    nyquist = nyquist + x[i][FFT_POINTS] * h[i][FFT_POINTS];
  }
  acc[0] = dc;
  acc[FFT_POINTS] = nyquist;
}

static inline __attribute__((always_inline)) lanes de_emphasis(lanes x, lanes before) {
  const lanes y = x + 0.5f * before;
  const lane_bits bits = (lane_bits)y;
  return (lanes)(bits & ((bits & 0x7fffffff) >= FLUSH_BELOW));
}

/* Frames of the valid half of a window, swapped as above, out of emphasis. Groups of 16
 * frames begin anew, CONV_SETTLE frames ahead. */
static inline __attribute__((always_inline)) void de_emphasise(const struct planes *x,
                                                               struct planes *y) {
  enum { POINTS = CONV_GROUP / 2, AHEAD = CONV_SETTLE / 2, GROUPS = 8 };
  for (int k = FFT_POINTS / 2; k < FFT_POINTS; k += GROUPS * POINTS) {
    lanes last[GROUPS] = {0};
    for (int p = k - AHEAD; p < k + POINTS; p++)
      for (int g = 0; g < GROUPS; g++) {
        const int at = p + g * POINTS;
        const lanes first = de_emphasis(x->im[at], last[g]);
        last[g] = de_emphasis(x->re[at], first);
        if (p >= k) y->im[at] = first, y->re[at] = last[g];
      }
  }
}

LACQUER_CLONES
static void inverse_lanes(const float *T, const float *const spectra[], int n, bool emphasis,
                          float *const out[]) {
  static _Thread_local struct planes x, y;
  rows_to_lanes(spectra, 0, y.re);
  rows_to_lanes(spectra, FFT_POINTS, y.im);
  const lanes zero = {0};
  for (int k = 0; k <= FFT_POINTS / 2; k++) {
    const int m = (FFT_POINTS - k) % FFT_POINTS;
    const lanes ai = k ? y.im[k] : zero, br = k ? y.re[m] : y.im[0], bi = k ? y.im[m] : zero;
    lanes xr, xi, yr, yi;
    FFT_MERGE(lanes, y.re[k], ai, br, bi, T[k], T[FFT_TABLE + k], xr, xi, yr, yi)
    /* real and imaginary parts swapped: the forward transform of a swapped sequence
     * is the swapped inverse */
    if (k) x.re[m] = yi, x.im[m] = yr;
    x.re[k] = xi, x.im[k] = xr;
  }
  fft2048(T, &x, &y);
  if (emphasis) de_emphasise(&y, &x);
  const struct planes *from = emphasis ? &x : &y;
  for (int k = 0; k < FFT_POINTS / 2; k += 4) {
    lanes r[8];
    for (int i = 0; i < 4; i++) {
      r[2 * i] = from->im[FFT_POINTS / 2 + k + i];
      r[2 * i + 1] = from->re[FFT_POINTS / 2 + k + i];
    }
    transpose8(r);
    for (int l = 0; l < n; l++) *(lanes_u *)(out[l] + 2 * k) = r[l];
  }
}

static void inverse(const float *twiddle, const float *const spectra[], int n, bool emphasis,
                    float *const out[]) {
  const float *rows[CONV_LANES];
  for (int l = 0; l < CONV_LANES; l++) rows[l] = spectra[l < n ? l : 0];
  inverse_lanes(twiddle, rows, n, emphasis, out);
}

void conv_inverse(const float *twiddle, const float *const spectra[], int n,
                  float *const out[]) {
  inverse(twiddle, spectra, n, false, out);
}

static float *ring_spectrum(const struct stage_io *io, const struct conv_filter *filter,
                            int32_t block, int channel) {
  return io->ring + (size_t)(block % io->ring_blocks) * filter->ring_words +
         (size_t)channel * CONV_SPECTRUM;
}

void conv_ring_forward(const struct stage_io *io, const struct conv_filter *filter,
                       int32_t first, int32_t count) {
  for (int c = 0; c < io->channels; c++)
    for (int32_t b = first; b < first + count; b += CONV_LANES) {
      const int n = min_int(CONV_LANES, first + count - b);
      const float *windows[CONV_LANES];
      float *spectra[CONV_LANES];
      for (int l = 0; l < n; l++) spectra[l] = ring_spectrum(io, filter, b + l, c);
      find_windows(io->src + (size_t)c * io->stride, io->n_frames, b, n, windows);
      (filter->emphasis ? forward_emphasised : forward_lanes)(filter->twiddle, windows, n, spectra);
    }
}

static void ring_product(const struct stage_io *io, const struct conv_filter *filter,
                         int32_t block, float *product) {
  const float *x[CONV_MOST_TERMS] = {0}, *h[CONV_MOST_TERMS] = {0};
  int n = 0;
  for (int i = 0; i < filter->n_inputs; i++)
    for (int p = filter->partitions - 1; p >= 0; p--) {
      const int32_t from = block + filter->centre_blocks - p;
      if (from < 0 || from > io->n_blocks) continue;
      x[n] = ring_spectrum(io, filter, from, filter->channel[i]);
      h[n++] = filter->spectra[i] + (size_t)p * CONV_SPECTRUM;
    }
  conv_multiply(x, h, n, product);
}

void conv_ring_filter(const struct stage_io *io, const struct conv_filter *filter,
                      int32_t first, int n, float *const out[]) {
  static _Thread_local float products[CONV_LANES][CONV_SPECTRUM];
  const float *spectra[CONV_LANES] = {0};
  for (int l = 0; l < n; l++) {
    ring_product(io, filter, first + l, products[l]);
    spectra[l] = products[l];
  }
  inverse(filter->twiddle, spectra, n, filter->emphasis, out);
}

void conv_twiddle(float *table) {
  for (int k = 0; k < FFT_TABLE; k++) {
    table[k] = (float)det_cospi(k / (FFT_TABLE / 2.0));
    table[FFT_TABLE + k] = (float)det_sinpi(k / (FFT_TABLE / 2.0));
  }
}

static float to_coefficient(double c) { return flush_tiny((float)c); }

int conv_partition(const double *h, int taps, float *spectra) {
  struct fft_plan *plan = fft_plan_create(2 * CONV_BLOCK);
  if (!plan) return -1;
  /* 1/4 for the two packed steps, 1/2048 for the inverse transform */
  const double scale = 1.0 / (4 * FFT_POINTS);
  for (int p = 0; p < taps / CONV_BLOCK; p++, spectra += CONV_SPECTRUM) {
    double re[2 * CONV_BLOCK] = {0}, im[2 * CONV_BLOCK] = {0};
    memcpy(re, h + (size_t)p * CONV_BLOCK, CONV_BLOCK * sizeof *h);
    fft_forward(plan, re, im);
    for (int k = 0; k < FFT_POINTS; k++) {
      spectra[k] = to_coefficient(re[k] * scale);
      spectra[FFT_POINTS + k] = to_coefficient((k ? im[k] : re[FFT_POINTS]) * scale);
    }
  }
  fft_plan_destroy(&plan);
  return 0;
}
