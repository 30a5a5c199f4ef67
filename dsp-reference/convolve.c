/* SPDX-License-Identifier: MIT
 * See convolve.h. The transforms themselves are in window.c. */
#include "convolve.h"

#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "detmath.h"
#include "fft.h"
#include "fir_design.h"
#include "twin.h"
#include "window.h"

/* The window of a block: 4096 frames, in x or in `room`. */
static const float *find_window(const float *x, int32_t n_frames, int32_t block,
                                float room[2 * CONV_BLOCK]) {
  const int64_t begin = ((int64_t)block - 1) * CONV_BLOCK, end = begin + 2 * CONV_BLOCK;
  if (begin >= 0 && end <= n_frames) return x + begin;
  memset(room, 0, 2 * CONV_BLOCK * sizeof *room);
  const int64_t a = begin > 0 ? begin : 0, b = end < n_frames ? end : n_frames;
  if (b > a) memcpy(room + (a - begin), x + a, (size_t)(b - a) * sizeof *x);
  return room;
}

void conv_forward(const float *twiddle, const float *x, int32_t n_frames, int32_t block,
                  float *spectrum) {
  float room[2 * CONV_BLOCK];
  window_width(0)->forward(twiddle, find_window(x, n_frames, block, room), spectrum);
}

LACQUER_CLONES
static void emphasise(const float *x, float *to) {
  for (int i = 1; i < 2 * CONV_BLOCK; i++) to[i] = conv_emphasis(x[i], x[i - 1]);
  to[0] = conv_emphasis(x[0], x[2 * CONV_BLOCK - 1]); /* the window is a circle */
}

void conv_multiply(const float *const x[], const float *const h[], int n, float *acc) {
  window_width(0)->multiply(x, h, n, acc);
  float dc = 0, nyquist = 0; /* bin 0 holds two real bins */
  for (int i = 0; i < n; i++) {
    dc = dc + x[i][0] * h[i][0];
    nyquist = nyquist + x[i][FFT_POINTS] * h[i][FFT_POINTS];
  }
  acc[0] = dc;
  acc[FFT_POINTS] = nyquist;
}

void conv_inverse(const float *twiddle, const float *spectrum, float *out) {
  window_width(0)->inverse(twiddle, spectrum, false, out);
}

static float *ring_spectrum(const struct stage_io *io, const struct conv_filter *filter,
                            int32_t block, int channel) {
  return io->ring + (size_t)(block % io->ring_blocks) * filter->ring_words +
         (size_t)channel * CONV_SPECTRUM;
}

void conv_ring_forward(const struct stage_io *io, const struct conv_filter *filter,
                       int32_t first, int32_t count) {
  float room[2 * CONV_BLOCK], emphasised[2 * CONV_BLOCK];
  for (int c = 0; c < io->channels; c++)
    for (int32_t b = first; b < first + count; b++) {
      const float *x = io->src + (size_t)c * io->stride;
      const float *window = find_window(x, io->n_frames, b, room);
      if (filter->emphasis) emphasise(window, emphasised);
      window_width(0)->forward(filter->twiddle, filter->emphasis ? emphasised : window,
                               ring_spectrum(io, filter, b, c));
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

void conv_ring_filter(const struct stage_io *io, const struct conv_filter *filter, int32_t block,
                      float *out) {
  float product[CONV_SPECTRUM];
  ring_product(io, filter, block, product);
  window_width(0)->inverse(filter->twiddle, product, filter->emphasis, out);
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
