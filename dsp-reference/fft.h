/* SPDX-License-Identifier: MIT
 * The 4096-point real FFT of the convolution engine: its butterflies, once for C
 * (R = a vector of blocks) and GLSL (R = float). The dataflow defines the bits:
 * 2048-point Stockham, radix 4 five times, then radix 2 (Van Loan, "Computational
 * Frameworks for the FFT", 1992), then the split of the packed real transform. */
#ifndef LACQUER_FFT_H
#define LACQUER_FFT_H
#include "twin.h"

/* Twiddles: cos and sin of 2 pi k / 4096, k = 0..4095, sines after cosines. */
#define FFT_TABLE 4096
#define FFT_POINTS 2048

/* (x, y) *= cos - i sin */
#define FFT_TURN(R, x, y, c, s) \
  { R fx = x * c + y * s, fy = y * c - x * s; x = fx; y = fy; }

/* Radix-4 butterfly, forward, without twiddles; results in place of a, b, c, d. */
#define FFT_BFLY4(R, ar, ai, br, bi, cr, ci, dr, di)                \
  {                                                                 \
    R s0r = ar + cr, s0i = ai + ci, d0r = ar - cr, d0i = ai - ci;   \
    R s1r = br + dr, s1i = bi + di, d1r = br - dr, d1i = bi - di;   \
    ar = s0r + s1r; ai = s0i + s1i;                                 \
    br = d0r + d1i; bi = d0i - d1r;                                 \
    cr = s0r - s1r; ci = s0i - s1i;                                 \
    dr = d0r - d1i; di = d0i + d1r;                                 \
  }

/* The same, outputs turned by 1, w, w^2, w^3 with w = exp(-2 pi i e / 4096);
 * T is the twiddle table. */
#define FFT_BFLY4_TURN(R, T, e, ar, ai, br, bi, cr, ci, dr, di)          \
  {                                                                      \
    FFT_BFLY4(R, ar, ai, br, bi, cr, ci, dr, di)                         \
    FFT_TURN(R, br, bi, T[e], T[FFT_TABLE + (e)])                        \
    FFT_TURN(R, cr, ci, T[2 * (e)], T[FFT_TABLE + 2 * (e)])              \
    FFT_TURN(R, dr, di, T[3 * (e)], T[FFT_TABLE + 3 * (e)])              \
  }

/* Two radix-4 levels, strides s and 4 s, on the 16 points x[g + 128 k] of group g;
 * p0 = g / s. Result j + 4 m (in re[4 j + m]) belongs at g % s + s (16 p0 + j + 4 m). */
#define FFT_RADIX16(R, T, p0, s, re, im)                                           \
  {                                                                                \
    for (int k = 0; k < 4; k++)                                                    \
      FFT_BFLY4_TURN(R, T, 2 * ((p0) * (s) + 128 * k), re[k], im[k], re[k + 4],    \
                     im[k + 4], re[k + 8], im[k + 8], re[k + 12], im[k + 12])      \
    for (int j = 0; j < 4; j++)                                                    \
      FFT_BFLY4_TURN(R, T, 8 * (p0) * (s), re[4 * j], im[4 * j], re[4 * j + 1],    \
                     im[4 * j + 1], re[4 * j + 2], im[4 * j + 2], re[4 * j + 3],   \
                     im[4 * j + 3])                                                \
  }

/* The last two levels, on the 8 points x[g + 256 k] of group g; result k belongs at
 * g + 256 k. */
#define FFT_RADIX8(R, T, re, im)                                                      \
  {                                                                                   \
    FFT_BFLY4(R, re[0], im[0], re[2], im[2], re[4], im[4], re[6], im[6])              \
    FFT_BFLY4_TURN(R, T, 512, re[1], im[1], re[3], im[3], re[5], im[5], re[7], im[7]) \
    R hr[8], hi[8];                                                                   \
    for (int k = 0; k < 4; k++) {                                                     \
      hr[k] = re[2 * k] + re[2 * k + 1]; hi[k] = im[2 * k] + im[2 * k + 1];           \
      hr[k + 4] = re[2 * k] - re[2 * k + 1]; hi[k + 4] = im[2 * k] - im[2 * k + 1];   \
    }                                                                                 \
    for (int k = 0; k < 8; k++) { re[k] = hr[k]; im[k] = hi[k]; }                     \
  }

/* Packed transform Z -> twice the real spectrum X: from a = Z[k], b = Z[2048 - k]
 * and the twiddle (c, s) of k come x = 2 X[k] and y = 2 X[2048 - k]. */
#define FFT_SPLIT(R, ar, ai, br, bi, c, s, xr, xi, yr, yi)                \
  {                                                                       \
    R er = ar + br, ei = ai - bi, fr = ai + bi, fi = br - ar;             \
    R tr = c * fr + s * fi, ti = c * fi - s * fr;                         \
    xr = er + tr; xi = ei + ti; yr = er - tr; yi = ti - ei;               \
  }

/* Real spectrum Y -> packed transform (times 2): from a = Y[k], b = Y[2048 - k] come
 * x = Z[k] and y = Z[2048 - k]. */
#define FFT_MERGE(R, ar, ai, br, bi, c, s, xr, xi, yr, yi)                \
  {                                                                       \
    R er = ar + br, ei = ai - bi, fr = ar - br, fi = ai + bi;             \
    R tr = fr * s + fi * c, ti = fr * c - fi * s;                         \
    xr = er - tr; xi = ei + ti; yr = er + tr; yi = ti - ei;               \
  }

/* Pre-emphasis of a window before its transform, x[n] - x[n - 1] / 2, and its inverse after the
 * way back, y[n] + y'[n - 1] / 2: begun CONV_SETTLE frames ahead of a group of CONV_GROUP, as
 * 2^-32 of what was before is nothing. */
#define CONV_GROUP 16
#define CONV_SETTLE 32
TWIN_FN float conv_emphasis(float x, float before) { return flush_tiny(x - 0.5f * before); }
TWIN_FN float conv_de_emphasis(float y, float before) { return flush_tiny(y + 0.5f * before); }
#endif
