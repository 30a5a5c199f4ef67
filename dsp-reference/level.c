/* SPDX-License-Identifier: MIT
 * See level.h. */
#include "level.h"

#include "clones.h"
#include "detmath.h"
#include "stage.h"

int32_t smoothing_q24(double tau_ms, double step_ms) {
  return nearest(16777216 * (1 - det_exp(-step_ms / tau_ms)));
}

LACQUER_CLONES
static void energies(float *x, int step, float *energy) {
  for (int i = 0; i < BLOCK_FRAMES; i++) x[i] = flush_tiny(x[i]) * flush_tiny(x[i]);
  for (int half = step / 2, n = BLOCK_FRAMES / step; half > 0; half /= 2)
    for (int k = 0; k < n; k++)
      for (int i = 0; i < half; i++)
        x[k * half + i] = x[2 * k * half + i] + x[(2 * k + 1) * half + i];
  memcpy(energy, x, (size_t)(BLOCK_FRAMES / step) * sizeof *x);
}

void block_energies(float *x, int step, float *energy) { energies(x, step, energy); }

/* `half` frames that share their four control points. */
static inline __attribute__((always_inline)) void half_step(const float (*w)[64], int first,
                                                            int half, const float *c, float *to) {
  for (int i = 0; i < half; i++)
    to[i] = spline(w[0][first + i], w[1][first + i], w[2][first + i], w[3][first + i], c[0], c[1],
                   c[2], c[3]);
}

static inline __attribute__((always_inline)) void spline_steps(const float *weights, int step,
                                                               const float *gain, float *to) {
  float w[4][64]; /* tap after tap: the frames of a half step are contiguous */
  for (int i = 0; i < step; i++)
    for (int tap = 0; tap < 4; tap++) w[tap][i] = weights[4 * i + tap];
  for (int k = 0; k < BLOCK_FRAMES / step; k++, to += step) {
    half_step(w, 0, step / 2, gain + k, to);
    half_step(w, step / 2, step / 2, gain + k + 1, to + step / 2);
  }
}

LACQUER_CLONES
static void spline_any(const float *weights, int step, const float *gain, float *to) {
  switch (step) { /* constant lengths vectorise */
  case 8: spline_steps(weights, 8, gain, to); break;
  case 16: spline_steps(weights, 16, gain, to); break;
  case 32: spline_steps(weights, 32, gain, to); break;
  default: spline_steps(weights, 64, gain, to); break;
  }
}

void spline_block(const float *weights, int step, const float *gain, float *to) {
  spline_any(weights, step, gain, to);
}
