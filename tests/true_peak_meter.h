/* SPDX-License-Identifier: MIT
 * An independent true-peak meter in double precision: 64 points per frame from a Kaiser
 * windowed sinc over 1024 frames; nothing of it is shared with the limiter. */
#ifndef LACQUER_TRUE_PEAK_METER_H
#define LACQUER_TRUE_PEAK_METER_H
#include <stdint.h>

struct true_peak {
  double peak; /* largest magnitude, linear */
  double at;   /* frames from the first sample; negative: before it */
};

/* The band-limited signal through n samples x[0], x[stride], ... times scale, zero
 * outside; also looks 64 frames before the first and after the last sample. Flat up to
 * 0.496 of the sampling rate. Aborts without memory. Not for several threads. */
struct true_peak true_peak_of(const float *x, int32_t n, int stride, double scale);
struct true_peak true_peak_of_words(const int32_t *x, int32_t n, int stride, double scale);

#define FULL_SCALE_WORD 2147483648.0 /* of left-justified samples */
#endif
