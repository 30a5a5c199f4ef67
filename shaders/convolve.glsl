/* SPDX-License-Identifier: MIT
 * The convolution engine of dsp-reference/convolve.c for a workgroup of 128: one block
 * at a time, 16 points per invocation in registers, exchanged through shared memory. */
#ifndef LACQUER_CONVOLVE_GLSL
#define LACQUER_CONVOLVE_GLSL
#extension GL_EXT_control_flow_attributes : require
#include "io.glsl"
#include "vectors.glsl"
#include "fft.h"

#define CONV_BLOCK 2048
#define CONV_SPECTRUM 4096

layout(local_size_x = 128) in;

/* Points or bins; one in 17 is left out, so that strides of 16 use all memory banks. */
shared vec2 points[FFT_POINTS + FFT_POINTS / 16 + 1];
#define POINT(i) points[(i) + ((i) >> 4)]
shared vec2 coarse[96]; /* every 32nd twiddle */

uvec2 word_address(uvec2 base, uint words) { return address_of(base, words, 1u); }

/* cos and sin of 2 pi k / 4096 */
vec2 twiddle(F32 tw, int k) { return vec2(tw.v[k], tw.v[FFT_TABLE + k]); }

#define BFLY4(a, b, c, d) FFT_BFLY4(float, a.x, a.y, b.x, b.y, c.x, c.y, d.x, d.y)
#define TURN(a, w) { const vec2 t = w; FFT_TURN(float, a.x, a.y, t.x, t.y) }
#define BFLY4_TURN(W, e, a, b, c, d) \
  { BFLY4(a, b, c, d) TURN(b, W(e)) TURN(c, W(2 * (e))) TURN(d, W(3 * (e))) }
#define FINE(k) twiddle(tw, k)
#define COARSE(k) coarse[(k) >> 5]

/* FFT_RADIX16 on the points z[k] = x[g + 128 k]. */
#define RADIX16(W, p, z)                                                                       \
  [[unroll]] for (int k = 0; k < 4; k++)                                                       \
    BFLY4_TURN(W, 2 * (p) + 256 * k, z[k], z[k + 4], z[k + 8], z[k + 12])                      \
  [[unroll]] for (int k = 0; k < 16; k += 4)                                                   \
    BFLY4_TURN(W, 8 * (p), z[k], z[k + 1], z[k + 2], z[k + 3])

/* Forward transform of z[k] = x[g + 128 k], in place; waits until `points` is free. */
void fft2048(F32 tw, inout vec2 z[16]) {
  const int g = int(gl_LocalInvocationID.x), low = g & 15, high = g >> 4;
  RADIX16(FINE, g, z)
  barrier();
  if (g < 96) coarse[g] = twiddle(tw, 32 * g);
  [[unroll]] for (int k = 0; k < 16; k++) POINT(16 * g + (k >> 2) + 4 * (k & 3)) = z[k];
  barrier();
  [[unroll]] for (int k = 0; k < 16; k++) z[k] = POINT(g + 128 * k);
  RADIX16(COARSE, 16 * high, z)
  barrier();
  [[unroll]] for (int k = 0; k < 16; k++)
    POINT(low + 256 * high + 16 * ((k >> 2) + 4 * (k & 3))) = z[k];
  barrier();
  [[unroll]] for (int k = 0; k < 16; k++) z[k] = POINT(g + 128 * k);
  [[unroll]] for (int i = 0; i < 2; i++) { /* FFT_RADIX8 of even and of odd k */
    BFLY4(z[i], z[i + 4], z[i + 8], z[i + 12])
    BFLY4_TURN(COARSE, 512, z[i + 2], z[i + 6], z[i + 10], z[i + 14])
    const vec2 sum[4] = vec2[](z[i] + z[i + 2], z[i + 4] + z[i + 6], z[i + 8] + z[i + 10],
                               z[i + 12] + z[i + 14]);
    const vec2 difference[4] = vec2[](z[i] - z[i + 2], z[i + 4] - z[i + 6], z[i + 8] - z[i + 10],
                                      z[i + 12] - z[i + 14]);
    [[unroll]] for (int k = 0; k < 4; k++) {
      z[i + 2 * k] = sum[k];
      z[i + 2 * k + 8] = difference[k];
    }
  }
}

/* Bins 1024 .. 2047 to where the invocations that hold 2048 - k read them. */
void share_upper(vec2 z[16]) {
  [[unroll]] for (int j = 8; j < 16; j++) POINT(int(gl_LocalInvocationID.x) + 128 * j) = z[j];
  barrier();
}

/* Pre-emphasis of a window whose frames 2 (g + 128 k) and the one after it are z[k]. */
void emphasise(inout vec2 z[16]) {
  const int g = int(gl_LocalInvocationID.x);
  [[unroll]] for (int k = 0; k < 16; k++) POINT(g + 128 * k) = z[k];
  barrier();
  [[unroll]] for (int k = 0; k < 16; k++) {
    const float before = POINT((g + 128 * k + FFT_POINTS - 1) & (FFT_POINTS - 1)).y;
    z[k] = vec2(conv_emphasis(z[k].x, before), conv_emphasis(z[k].y, z[k].x));
  }
}

/* The spectrum of one window of `channel` into the front of its ring block. */
void conv_forward(StageIo io, F32 tw, int ring_words, int block, int channel, bool emphasis) {
  const int g = int(gl_LocalInvocationID.x), begin = (block - 1) * CONV_BLOCK;
  F32x2 from = F32x2(address_of(io.src, uint(channel), uint(io.stride)));
  vec2 z[16];
  [[unroll]] for (int k = 0; k < 16; k++)
    z[k] = load_pair(from, io.n_frames, begin + 2 * (g + 128 * k));
  if (emphasis) emphasise(z);
  fft2048(tw, z);
  share_upper(z);
  const uvec2 ring = address_of(io.ring, uint(block) % uint(io.ring_blocks), uint(ring_words));
  F32 to = F32(address_of(ring, uint(channel), CONV_SPECTRUM));
  [[unroll]] for (int j = 0; j < 8; j++) {
    const int k = g + 128 * j, m = FFT_POINTS - k;
    const vec2 a = z[j], b = k == 0 ? a : POINT(m), w = FINE(k);
    vec2 x, y;
    FFT_SPLIT(float, a.x, a.y, b.x, b.y, w.x, w.y, x.x, x.y, y.x, y.y)
    to.v[k] = x.x;
    to.v[m] = y.x; /* of k = 0: the real bin 2048, which stands for the imaginary part */
    if (k == 0) continue;
    to.v[FFT_POINTS + k] = x.y;
    to.v[FFT_POINTS + m] = y.y;
  }
  if (g == 0) {
    const vec2 a = z[8], w = FINE(FFT_POINTS / 2);
    vec2 x, y;
    FFT_SPLIT(float, a.x, a.y, a.x, a.y, w.x, w.y, x.x, x.y, y.x, y.y)
    to.v[FFT_POINTS / 2] = x.x;
    to.v[FFT_POINTS + FFT_POINTS / 2] = x.y;
  }
}

/* Adds one input channel through the filter whose partitions begin at `spectra` to the
 * block's bins sum[j] = Y[g + 128 j]. */
void conv_add(inout vec2 sum[16], StageIo io, int ring_words, int block, int channel,
              uvec2 spectra, int partitions, int centre_blocks) {
  const int g = int(gl_LocalInvocationID.x);
  for (int p = partitions - 1; p >= 0; p--) {
    const int from = block + centre_blocks - p;
    if (from < 0 || from > io.n_blocks) continue;
    const uvec2 ring = address_of(io.ring, uint(from) % uint(io.ring_blocks), uint(ring_words));
    F32 x = F32(address_of(ring, uint(channel), CONV_SPECTRUM));
    F32 h = F32(address_of(spectra, uint(p), CONV_SPECTRUM));
    [[unroll]] for (int j = 0; j < 16; j++) {
      const int k = g + 128 * j;
      const vec2 a = vec2(x.v[k], x.v[FFT_POINTS + k]), b = vec2(h.v[k], h.v[FFT_POINTS + k]);
      vec2 product = vec2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
      if (k == 0) product = a * b; /* two real bins */
      sum[j] = sum[j] + product;
    }
  }
}

/* a = Y[k] and b = Y[2048 - k] to points, real and imaginary parts swapped as in
 * convolve.c. */
void conv_merge(inout vec2 a, inout vec2 b, vec2 w) {
  vec2 x, y;
  FFT_MERGE(float, a.x, a.y, b.x, b.y, w.x, w.y, x.x, x.y, y.x, y.y)
  a = x.yx;
  b = y.yx;
}

/* Takes the emphasis off the points 1008 .. 2047 of the way back; a group of 16 frames per
 * invocation. */
void de_emphasise(inout vec2 z[16]) {
  const int g = int(gl_LocalInvocationID.x);
  const int begin = FFT_POINTS / 2 - CONV_SETTLE / 2, ahead = CONV_SETTLE / 2;
  vec2 group[CONV_GROUP / 2];
  float last = 0.0;
  barrier();
  if (g + 128 * 7 >= begin) POINT(g + 128 * 7) = z[7];
  [[unroll]] for (int k = 8; k < 16; k++) POINT(g + 128 * k) = z[k];
  barrier();
  [[unroll]] for (int p = 0; p < ahead + CONV_GROUP / 2; p++) {
    const vec2 y = POINT(begin + CONV_GROUP / 2 * g + p);
    const float first = conv_de_emphasis(y.x, last);
    last = conv_de_emphasis(y.y, first);
    if (p >= ahead) group[p - ahead] = vec2(first, last);
  }
  barrier();
  [[unroll]] for (int p = 0; p < CONV_GROUP / 2; p++)
    POINT(FFT_POINTS / 2 + CONV_GROUP / 2 * g + p) = group[p];
  barrier();
  [[unroll]] for (int k = 8; k < 16; k++) z[k] = POINT(g + 128 * k);
}

/* Bins z[j] = Y[g + 128 j] back to frames: z[8 + k] becomes the block's frames
 * 2 (g + 128 k) and the one after it. */
void conv_inverse(F32 tw, inout vec2 z[16], bool emphasis) {
  const int g = int(gl_LocalInvocationID.x);
  share_upper(z);
  [[unroll]] for (int j = 0; j < 8; j++) {
    const int k = g + 128 * j, m = FFT_POINTS - k;
    vec2 b = POINT(m); /* of k = 0: nobody's */
    if (k == 0) {
      b = vec2(z[0].y, 0.0);
      z[0].y = 0.0;
    }
    conv_merge(z[j], b, FINE(k));
    POINT(m) = b;
  }
  if (g == 0) {
    vec2 b = z[8];
    conv_merge(z[8], b, FINE(FFT_POINTS / 2));
    POINT(FFT_POINTS / 2) = z[8];
  }
  barrier();
  [[unroll]] for (int j = 8; j < 16; j++) z[j] = POINT(g + 128 * j);
  fft2048(tw, z);
  [[unroll]] for (int k = 7; k < 16; k++) z[k] = z[k].yx;
  if (emphasis) de_emphasise(z);
}
#endif
