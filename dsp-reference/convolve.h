/* SPDX-License-Identifier: MIT
 * Uniformly partitioned overlap-save convolution, 2048-frame blocks (Wefers,
 * "Partitioned convolution algorithms for real-time auralization", 2015). Shared
 * by every stage that filters; the shader side is shaders/convolve.glsl. */
#ifndef LACQUER_CONVOLVE_H
#define LACQUER_CONVOLVE_H
#include "stage.h"

enum {
  CONV_BLOCK = 2048,
  CONV_SPECTRUM = 4096, /* floats per spectrum: 2048 real parts, 2048 imaginary; bin 0 =
                           (DC, Nyquist) */
  CONV_TWIDDLE = 8192,  /* floats of the twiddle table */
  CONV_MAX_INPUTS = 2,  /* channels that one output of a linear section is made of */
  CONV_MOST_INPUTS = 16, /* the same of any filter; times its partitions at most */
  CONV_MOST_TERMS = 256,
};

/* Twice the spectrum of a block of one channel: block b is the window of frames
 * [(b - 1) 2048, (b + 1) 2048), zero outside [0, n_frames). */
void conv_forward(const float *twiddle, const float *x, int32_t n_frames, int32_t block,
                  float *spectrum);

/* acc = sum over i < n, in order, of x[i] * h[i] (complex, bin by bin). */
void conv_multiply(const float *const x[], const float *const h[], int n, float *acc);

/* The 2048 valid frames of a product. */
void conv_inverse(const float *twiddle, const float *spectrum, float *out);

/* A filtering stage keeps the spectra of its input at the front of its ring blocks,
 * channel after channel. What its passes need to know: */
struct conv_filter {
  const float *twiddle;
  int32_t ring_words;                /* the stage's floats per ring block */
  int32_t partitions, centre_blocks; /* length and delay, in blocks */
  int32_t emphasis;                  /* 1: less noise, see convolve.md */
  int32_t n_inputs;                  /* the output is the sum of filtered channels */
  int32_t channel[CONV_MOST_INPUTS];
  const float *spectra[CONV_MOST_INPUTS]; /* [partition][CONV_SPECTRUM] of each input */
};

/* Pass: spectra of blocks [first, first + count), 0 <= block <= n_blocks, every channel. */
void conv_ring_forward(const struct stage_io *io, const struct conv_filter *filter,
                       int32_t first, int32_t count);

/* The filtered frames of a block. Terms are summed input after input, each from the oldest
 * partition to the newest. */
void conv_ring_filter(const struct stage_io *io, const struct conv_filter *filter, int32_t block,
                      float *out);

/* ---- design, double precision ---- */

void conv_twiddle(float *table); /* fills CONV_TWIDDLE floats */

/* Spectra of a filter's partitions, scaled so that conv_inverse returns unity gain:
 * taps / 2048 spectra. taps is a multiple of 2048. 0, or -1: no memory. */
int conv_partition(const double *h, int taps, float *spectra);
#endif
