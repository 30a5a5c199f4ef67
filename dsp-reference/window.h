/* SPDX-License-Identifier: MIT
 * One window of the convolution engine, 4096 frames and their spectrum, in vectors of
 * 4, 8 or 16 points as the processor has them: the same operations, so the same bits. */
#ifndef LACQUER_WINDOW_H
#define LACQUER_WINDOW_H
#include <stdbool.h>

struct window_width {
  int floats; /* of a vector */
  /* Twice the spectrum (convolve.h) of 4096 frames; T: the twiddles of conv_twiddle. */
  void (*forward)(const float *T, const float *frames, float *spectrum);
  /* The 2048 valid frames of a spectrum, out of emphasis (fft.h) when that is asked for. */
  void (*inverse)(const float *T, const float *spectrum, bool emphasis, float *frames);
  /* acc = sum over i < n, in order, of x[i] * h[i], bin by bin, without regard to bin 0. */
  void (*multiply)(const float *const x[], const float *const h[], int n, float *acc);
};

/* The i-th of those that this processor runs, the widest first; NULL: there are no more.
 * Thread-safe. */
const struct window_width *window_width(int i);
#endif
