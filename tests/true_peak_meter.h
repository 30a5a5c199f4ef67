/* SPDX-License-Identifier: MIT
 * An independent true-peak meter in double precision: 64 points per frame from a Kaiser
 * windowed sinc over 1024 frames; nothing of it is shared with the limiter. */
#ifndef LACQUER_TRUE_PEAK_METER_H
#define LACQUER_TRUE_PEAK_METER_H
#include <stdint.h>

/* Largest magnitude of the band-limited signal through n samples of x (every `stride`-th
 * word, times scale); zero outside. Also looks 64 frames before the first and after the
 * last sample. Flat up to 0.494 of the sampling rate. */
double true_peak(const float *x, int32_t n);
double true_peak_words(const int32_t *x, int32_t n, int stride);

/* Where it was found, in frames from the first sample, of the last call (one thread). */
double true_peak_position(void);

static inline double amplitude_scale_24(void) { return 1.0 / 2147483648.0; }
#endif
