/* SPDX-License-Identifier: MIT
 * Levels as integers: log2 and exp2 in 32-bit integer arithmetic (1 = a factor of 2 =
 * 6.02 dB), exact on every device, and the spline that turns gains at control rate
 * into gains at audio rate. Minimax polynomials in Q30. */
#ifndef LACQUER_LEVEL_H
#define LACQUER_LEVEL_H

#ifdef VULKAN
/* floor(a b / 2^30); the product must fit 62 bits */
int mul_q30(int a, int b) {
  int high, low;
  imulExtended(a, b, high, low);
  return (high << 2) | to_int(to_uint(low) >> 30);
}
/* floor(a b / 2^24) */
int mul_q24(int a, int b) {
  int high, low;
  imulExtended(a, b, high, low);
  return (high << 8) | to_int(to_uint(low) >> 24);
}
#else
#include "twin.h"
static inline int mul_q30(int a, int b) { return (int)(((int64_t)a * b) >> 30); }
static inline int mul_q24(int a, int b) { return (int)(((int64_t)a * b) >> 24); }
#endif

/* log2 in Q24 of the positive float with these bits; at most 4.2e-8 off. Anything below
 * the smallest normal float counts as 2^-126. */
TWIN_FN int level_log2(uint bits) {
  int u = max_int(to_int(bits), 0x00800000);
  int t = (u & 0x7fffff) << 7;
  int p = -5025261;
  p = mul_q30(p, t) + 30751543;
  p = mul_q30(p, t) - 88234989;
  p = mul_q30(p, t) + 164259309;
  p = mul_q30(p, t) - 237096180;
  p = mul_q30(p, t) + 304796434;
  p = mul_q30(p, t) - 386559994;
  p = mul_q30(p, t) + 516308450;
  p = mul_q30(p, t) - 774539491;
  p = mul_q30(p, t) + 1549081997;
  p = mul_q30(p, t);
  return ((u >> 23) - 127) * 16777216 + ((p + 32) >> 6);
}

/* 2^(q / 2^24), -126 <= q / 2^24 < 127, within 6e-8 of it. */
TWIN_FN float level_exp2(int q) {
  int f = (q & 0xffffff) << 6;
  int p = 23084;
  p = mul_q30(p, f) + 154107;
  p = mul_q30(p, f) + 1441244;
  p = mul_q30(p, f) + 10322972;
  p = mul_q30(p, f) + 59598176;
  p = mul_q30(p, f) + 257941116;
  p = mul_q30(p, f) + 744261124;
  p = mul_q30(p, f);
  uint mantissa = (to_uint(p) + 64u) >> 7; /* may carry into the exponent */
  return uintBitsToFloat((to_uint((q >> 24) + 127) << 23) + mantissa);
}

/* One step of the follower: reduction r towards the wanted one;
 * attack and release in Q24. */
TWIN_FN int follow_step(int r, int wanted, int attack, int release) {
  int e = wanted - r;
  int s = mul_q24(e, e > 0 ? attack : release);
  return r + (e > 0 ? max_int(s, 1) : s);
}

/* Cubic B-spline through four control points, its weights from a table made by
 * spline_weights; the weights are positive and sum to 1. */
TWIN_FN float spline(float w0, float w1, float w2, float w3, float c0, float c1, float c2,
                     float c3) {
  return (w0 * c0 + w3 * c3) + (w1 * c1 + w2 * c2);
}

#ifndef VULKAN
/* Design: weights[4 i + j] for frame i of a control step of `step` frames; control
 * points stand in the middle of their steps. Frames of the first half of step k use
 * points k - 2 .. k + 1, the others k - 1 .. k + 2. */
static inline void spline_weights(int step, float *weights) {
  for (int i = 0; i < step; i++) {
    const double at = (i + 0.5) / step + 0.5, u = at - (at >= 1 ? 1 : 0), v = 1 - u;
    float *w = weights + 4 * i;
    w[0] = (float)(v * v * v / 6);
    w[1] = (float)(((3 * u - 6) * u * u + 4) / 6);
    w[2] = (float)(((3 * v - 6) * v * v + 4) / 6);
    w[3] = (float)(u * u * u / 6);
  }
}
/* Design: nearest integer, halves away from zero. */
static inline int32_t nearest(double x) { return (int32_t)(x < 0 ? x - 0.5 : x + 0.5); }
/* Design: 1 - exp(-step / tau) in Q24, the share of a follower's step. */
int32_t smoothing_q24(double tau_ms, double step_ms);

/* Energies of the steps of one block (BLOCK_FRAMES frames in x, overwritten): squares of
 * flush_tiny(x), summed by halves, x[i] + x[i + step / 2] first. */
void block_energies(float *x, int step, float *energy);
/* The gain of every frame of a block: gain[0] is the control point two before its first. */
void spline_block(const float *weights, int step, const float *gain, float *to);
/* Control step in frames: `base` at 44.1/48 kHz, in proportion above. */
static inline int control_step(int base, int rate_hz) {
  return rate_hz >= 176400 ? 4 * base : rate_hz >= 88200 ? 2 * base : base;
}
#endif
#endif
