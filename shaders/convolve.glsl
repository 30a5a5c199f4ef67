/* SPDX-License-Identifier: MIT
 * The convolution engine of dsp-reference/convolve.c for a workgroup of 128: one block
 * is transformed in shared memory, 16 points per invocation and pass. */
#ifndef LACQUER_CONVOLVE_GLSL
#define LACQUER_CONVOLVE_GLSL
#include "io.glsl"
#include "twin.h"
#include "fft.h"

#define CONV_BLOCK 2048
#define CONV_SPECTRUM 4096

layout(local_size_x = 128) in;
shared float shared_re[FFT_POINTS], shared_im[FFT_POINTS];

uvec2 word_address(uvec2 base, uint words) { return address_of(base, words, 1u); }

/* Forward transform of the shared points, in place. */
void fft2048(F32 tw) {
  const int g = int(gl_LocalInvocationID.x);
  float re[16], im[16];
  for (int level = 0; level < 2; level++) {
    const int s = level == 0 ? 1 : 16, p0 = level == 0 ? g : g >> 4;
    for (int k = 0; k < 16; k++) {
      re[k] = shared_re[g + 128 * k];
      im[k] = shared_im[g + 128 * k];
    }
    FFT_RADIX16(float, tw.v, p0, s, re, im)
    const int at = (g & (s - 1)) + 16 * s * p0;
    barrier();
    for (int j = 0; j < 4; j++)
      for (int m = 0; m < 4; m++) {
        shared_re[at + s * (j + 4 * m)] = re[4 * j + m];
        shared_im[at + s * (j + 4 * m)] = im[4 * j + m];
      }
    barrier();
  }
  for (int half_group = 0; half_group < 2; half_group++) {
    const int first = g + 128 * half_group;
    for (int k = 0; k < 8; k++) {
      re[k] = shared_re[first + 256 * k];
      im[k] = shared_im[first + 256 * k];
    }
    FFT_RADIX8(float, tw.v, re, im)
    for (int k = 0; k < 8; k++) {
      shared_re[first + 256 * k] = re[k];
      shared_im[first + 256 * k] = im[k];
    }
  }
  barrier();
}

/* The spectrum of one window of `channel` into the front of its ring block. */
void conv_forward(StageIo io, F32 tw, int ring_words, int block, int channel) {
  const int g = int(gl_LocalInvocationID.x);
  F32 x = src_channel(io, channel);
  const int begin = (block - 1) * CONV_BLOCK;
  for (int k = 0; k < 16; k++) {
    const int n = g + 128 * k;
    shared_re[n] = load_frame(x, io.n_frames, begin + 2 * n);
    shared_im[n] = load_frame(x, io.n_frames, begin + 2 * n + 1);
  }
  barrier();
  fft2048(tw);
  const uvec2 ring = address_of(io.ring, uint(block) % uint(io.ring_blocks), uint(ring_words));
  F32 to = F32(address_of(ring, uint(channel), CONV_SPECTRUM));
  for (int k = g; k <= FFT_POINTS / 2; k += 128) {
    const int m = (FFT_POINTS - k) & (FFT_POINTS - 1);
    float xr, xi, yr, yi;
    FFT_SPLIT(float, shared_re[k], shared_im[k], shared_re[m], shared_im[m], tw.v[k],
              tw.v[FFT_TABLE + k], xr, xi, yr, yi)
    if (m != k) {
      to.v[m] = yr;
      to.v[FFT_POINTS + m] = yi;
    }
    to.v[k] = xr;
    to.v[FFT_POINTS + k] = k == 0 ? yr : xi;
  }
}

/* Running products of a block, 16 bins per invocation. */
struct ConvSum {
  float re[16], im[16];
};

ConvSum conv_zero() {
  ConvSum sum;
  for (int j = 0; j < 16; j++) {
    sum.re[j] = 0.0;
    sum.im[j] = 0.0;
  }
  return sum;
}

/* Adds one input channel through the filter whose partitions begin at `spectra`. */
void conv_add(inout ConvSum sum, StageIo io, int ring_words, int block, int channel,
              uvec2 spectra, int partitions, int centre_blocks) {
  const int g = int(gl_LocalInvocationID.x);
  for (int p = partitions - 1; p >= 0; p--) {
    const int from = block + centre_blocks - p;
    if (from < 0 || from > io.n_blocks) continue;
    const uvec2 ring = address_of(io.ring, uint(from) % uint(io.ring_blocks), uint(ring_words));
    F32 x = F32(address_of(ring, uint(channel), CONV_SPECTRUM));
    F32 h = F32(address_of(spectra, uint(p), CONV_SPECTRUM));
    for (int j = 0; j < 16; j++) {
      const int k = g + 128 * j;
      const float xr = x.v[k], xi = x.v[FFT_POINTS + k];
      const float hr = h.v[k], hi = h.v[FFT_POINTS + k];
      if (k == 0) { /* two real bins */
        sum.re[j] = sum.re[j] + xr * hr;
        sum.im[j] = sum.im[j] + xi * hi;
      } else {
        sum.re[j] = sum.re[j] + (xr * hr - xi * hi);
        sum.im[j] = sum.im[j] + (xr * hi + xi * hr);
      }
    }
  }
}

/* Back to frames; then conv_frame reads the block's 2048. */
void conv_inverse(ConvSum sum, F32 tw) {
  const int g = int(gl_LocalInvocationID.x);
  for (int j = 0; j < 16; j++) {
    shared_re[g + 128 * j] = sum.re[j];
    shared_im[g + 128 * j] = sum.im[j];
  }
  barrier();
  for (int k = g; k <= FFT_POINTS / 2; k += 128) {
    const int m = (FFT_POINTS - k) & (FFT_POINTS - 1);
    const float ar = shared_re[k], ai = k == 0 ? 0.0 : shared_im[k];
    const float br = k == 0 ? shared_im[0] : shared_re[m], bi = k == 0 ? 0.0 : shared_im[m];
    float xr, xi, yr, yi;
    FFT_MERGE(float, ar, ai, br, bi, tw.v[k], tw.v[FFT_TABLE + k], xr, xi, yr, yi)
    if (m != k) { /* real and imaginary parts swapped, as in convolve.c */
      shared_re[m] = yi;
      shared_im[m] = yr;
    }
    shared_re[k] = xi;
    shared_im[k] = xr;
  }
  barrier();
  fft2048(tw);
}

float conv_frame(int i) {
  const int n = FFT_POINTS / 2 + (i >> 1);
  return (i & 1) == 0 ? shared_im[n] : shared_re[n];
}
#endif
