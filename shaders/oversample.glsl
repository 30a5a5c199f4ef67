/* SPDX-License-Identifier: MIT
 * dsp-reference/oversample.c for a workgroup of 256 and a tile of 512 frames. Samples lie
 * in time order in two arrays of shared memory, sample 0 at ORIGIN. A shader defines
 * SHAPE(u), what its waveshaper makes of a sample, and calls oversample_tile. */
#ifndef LACQUER_OVERSAMPLE_GLSL
#define LACQUER_OVERSAMPLE_GLSL
#include "io.glsl"
#include "vectors.glsl"
#include "oversample.h"

#define TILE_FRAMES 512
#define TILES 4 /* in a block */
#define WORKERS 256
#define ORIGIN 264
#define SAMPLES (4 * TILE_FRAMES + 2 * ORIGIN)
layout(local_size_x = WORKERS) in;

shared float samples[2 * SAMPLES], taps[OVERSAMPLE_TAPS];
#define A(s) samples[ORIGIN + (s)]
#define B(s) samples[SAMPLES + ORIGIN + (s)]

/* Sum over `pairs` of taps and samples at left - j stride and right + j stride, from the
 * farthest to the nearest. */
float sum_of_pairs(int first_tap, int pairs, int left, int right, int stride) {
  float sum = 0.0;
  for (int j = pairs - 1; j >= 0; j--)
    sum = sum + taps[first_tap + j] * (samples[left - j * stride] + samples[right + j * stride]);
  return sum;
}
float half_way(int first_tap, int pairs, int at) {
  return flush_tiny(sum_of_pairs(first_tap, pairs, at, at + 1, 1));
}
/* Of every second sample and those half way between. */
float low_passed(int first_tap, int pairs, int at) {
  return flush_tiny(0.5 * (samples[at] + sum_of_pairs(first_tap, pairs, at - 1, at + 1, 2)));
}
#define FOR_SAMPLES(s, first, last) \
  for (int s = (first) + int(gl_LocalInvocationID.x); s <= (last); s += WORKERS)
const int TAPS_4 = OVERSAMPLE_PAIRS_2, TAPS_8 = OVERSAMPLE_PAIRS_2 + OVERSAMPLE_PAIRS_4;

void load_taps(uvec2 oversample_design) {
  const int t = int(gl_LocalInvocationID.x);
  if (t < OVERSAMPLE_TAPS) taps[t] = F32(oversample_design).v[4 + t];
}

/* From the frames in B(-128 .. TILE_FRAMES + 127), to what the shaper makes of them, at 2x
 * in A, decimated but for the last filter: decimated_frame(n) is frame n of the tile. */
void oversample_tile(int factor) {
  barrier();
  FOR_SAMPLES(n, -71, TILE_FRAMES + 71) {
    A(2 * n) = B(n);
    A(2 * n + 1) = half_way(0, OVERSAMPLE_PAIRS_2, SAMPLES + ORIGIN + n);
  }
  barrier();
  FOR_SAMPLES(s, -130, 2 * TILE_FRAMES + 130) {
    B(2 * s) = A(s);
    B(2 * s + 1) = half_way(TAPS_4, OVERSAMPLE_PAIRS_4, ORIGIN + s);
  }
  barrier();
  if (factor == 8) {
    FOR_SAMPLES(s, -253, 4 * TILE_FRAMES + 252)
      A(s) = SHAPE(half_way(TAPS_8, OVERSAMPLE_PAIRS_8, SAMPLES + ORIGIN + s));
    barrier();
    FOR_SAMPLES(s, -245, 4 * TILE_FRAMES + 245)
      B(s) = flush_tiny(0.5 * (SHAPE(B(s)) + sum_of_pairs(TAPS_8, OVERSAMPLE_PAIRS_8,
                                                          ORIGIN + s - 1, ORIGIN + s, 1)));
  } else {
    FOR_SAMPLES(s, -245, 4 * TILE_FRAMES + 245) B(s) = SHAPE(B(s));
  }
  barrier();
  FOR_SAMPLES(s, -111, 2 * TILE_FRAMES + 111)
    A(s) = low_passed(TAPS_4, OVERSAMPLE_PAIRS_4, SAMPLES + ORIGIN + 2 * s);
  barrier();
}
float decimated_frame(int n) { return low_passed(0, OVERSAMPLE_PAIRS_2, ORIGIN + 2 * n); }
#endif
