/* SPDX-License-Identifier: MIT
 * dsp-reference/oversample.c for a workgroup of 64 and a tile of 512 frames. Samples lie in
 * quads of shared memory; an invocation computes four quads at a time, with all their
 * neighbours in registers. A shader defines SHAPE(u), what its waveshaper makes of a
 * sample, fills the quads FRAMES + i with frames 4 i - 128 of the tile, i < FRAME_QUADS,
 * calls oversample_tile, and gets frames 16 g .. 16 g + 15, g < TILE_GROUPS, from
 * decimated_frames. */
#ifndef LACQUER_OVERSAMPLE_GLSL
#define LACQUER_OVERSAMPLE_GLSL
#extension GL_EXT_control_flow_attributes : require
#include "io.glsl"
#include "vectors.glsl"
#include "oversample.h"

#define TILE_FRAMES 512
#define TILES 4 /* in a block */
#define TILE_GROUPS 32
#define WORKERS 64
#define GROUP 4 /* quads */
#define FRAMES 640
#define FRAME_QUADS 192
layout(local_size_x = WORKERS) in;

/* Two regions, from 0 and from FRAMES on, hold the signal in turn. */
shared vec4 quads[FRAMES + 648], taps[OVERSAMPLE_TAPS / 4];
const int TAPS_4 = OVERSAMPLE_PAIRS_2 / 4, TAPS_8 = TAPS_4 + OVERSAMPLE_PAIRS_4 / 4;

void load_taps(uvec2 oversample_design) {
  const int t = int(gl_LocalInvocationID.x);
  if (t < OVERSAMPLE_TAPS / 4) taps[t] = F32x4(oversample_design).v[1 + t];
}

#define FOR_GROUPS(g, n) for (int g = int(gl_LocalInvocationID.x); g < (n); g += WORKERS)
#define SHAPE_QUAD(u) vec4(SHAPE((u).x), SHAPE((u).y), SHAPE((u).z), SHAPE((u).w))

/* The sums over 4 n pairs of taps, from the farthest to the nearest, of quads at, at + stride
 * ..: TERMS names a pair's samples in the quads a, b on the left and c, d on the right. */
#define SUM_OF_PAIRS(TERMS)                                                                 \
  vec4 left[GROUP + 1], right[GROUP + 1];                                                   \
  [[unroll]] for (int q = 0; q < GROUP; q++) {                                              \
    sum[q] = vec4(0.0);                                                                     \
    left[q + 1] = quads[at + (q - n) * stride];                                             \
    right[q] = quads[at + (q + n) * stride];                                                \
  }                                                                                         \
  for (int j = n - 1; j >= 0; j--) {                                                        \
    [[unroll]] for (int q = 0; q < GROUP; q++) left[q] = left[q + 1];                       \
    [[unroll]] for (int q = GROUP; q > 0; q--) right[q] = right[q - 1];                     \
    left[GROUP] = quads[at + (GROUP - 1 - j) * stride];                                     \
    right[0] = quads[at + j * stride];                                                      \
    const vec4 h = taps[first_tap + j];                                                     \
    [[unroll]] for (int q = 0; q < GROUP; q++) {                                            \
      const vec4 a = left[q], b = left[q + 1], c = right[q], d = right[q + 1];              \
      TERMS                                                                                 \
    }                                                                                       \
  }
#define TERM(h, l, r) sum[q] = sum[q] + h * (l + r);

/* Samples half way after those of the quads. */
void half_way(int at, int first_tap, int n, out vec4 sum[GROUP]) {
  const int stride = 1;
  SUM_OF_PAIRS(TERM(h.w, FROM_1(vec4, a, b), d)
               TERM(h.z, FROM_2(vec4, a, b), FROM_3(vec4, c, d))
               TERM(h.y, FROM_3(vec4, a, b), FROM_2(vec4, c, d))
               TERM(h.x, b, FROM_1(vec4, c, d)))
  [[unroll]] for (int q = 0; q < GROUP; q++) sum[q] = flush_tiny(sum[q]);
}
/* On the way down: the quads are the samples half way after the wanted ones. */
void around(int at, int stride, int first_tap, int n, out vec4 sum[GROUP]) {
  SUM_OF_PAIRS(TERM(h.w, a, FROM_3(vec4, c, d))
               TERM(h.z, FROM_1(vec4, a, b), FROM_2(vec4, c, d))
               TERM(h.y, FROM_2(vec4, a, b), FROM_1(vec4, c, d))
               TERM(h.x, FROM_3(vec4, a, b), c))
}

/* The group's quads at twice the rate: in time order. */
void store_interleaved(int to, int from, vec4 between[GROUP]) {
  [[unroll]] for (int q = 0; q < GROUP; q++) {
    const vec4 x = quads[from + q], m = between[q];
    quads[to + 2 * q] = vec4(x.x, m.x, x.y, m.y);
    quads[to + 2 * q + 1] = vec4(x.z, m.z, x.w, m.w);
  }
}
/* Sorted into a quad of every second sample, a quad of those between, and so on. */
void store_sorted(int to, vec4 x[GROUP]) {
  [[unroll]] for (int q = 0; q < GROUP; q += 2) {
    quads[to + q] = vec4(x[q].xz, x[q + 1].xz);
    quads[to + q + 1] = vec4(x[q].yw, x[q + 1].yw);
  }
}

/* Each step covers what the next one reads; the first sample of group 0 is named. */
void oversample_tile(int factor) {
  vec4 x[GROUP];
  barrier();
  FOR_GROUPS(g, 41) { /* 2x: frame -72 */
    half_way(FRAMES + 14 + 4 * g, 0, OVERSAMPLE_PAIRS_2 / 4, x);
    store_interleaved(8 * g, FRAMES + 14 + 4 * g, x);
  }
  barrier();
  FOR_GROUPS(g, 81) { /* 4x: -132 at 2x */
    half_way(3 + 4 * g, TAPS_4, OVERSAMPLE_PAIRS_4 / 4, x);
    store_interleaved(FRAMES + 8 * g, 3 + 4 * g, x);
  }
  barrier();
  if (factor == 8) FOR_GROUPS(g, 160) { /* 8x, those between: -256 at 4x */
    half_way(FRAMES + 2 + 4 * g, TAPS_8, OVERSAMPLE_PAIRS_8 / 4, x);
    [[unroll]] for (int q = 0; q < GROUP; q++) quads[4 * g + q] = SHAPE_QUAD(x[q]);
  }
  barrier();
  FOR_GROUPS(g, 159) { /* back to 4x: -248 */
    const int at = FRAMES + 4 + 4 * g;
    vec4 sum[GROUP];
    [[unroll]] for (int q = 0; q < GROUP; q++) x[q] = SHAPE_QUAD(quads[at + q]);
    if (factor == 8) {
      around(2 + 4 * g, 1, TAPS_8, OVERSAMPLE_PAIRS_8 / 4, sum);
      [[unroll]] for (int q = 0; q < GROUP; q++) x[q] = flush_tiny(0.5 * (x[q] + sum[q]));
    }
    store_sorted(at, x);
  }
  barrier();
  FOR_GROUPS(g, 78) { /* 2x: -112 */
    const int at = FRAMES + 10 + 8 * g;
    around(at + 1, 2, TAPS_4, OVERSAMPLE_PAIRS_4 / 4, x);
    [[unroll]] for (int q = 0; q < GROUP; q++)
      x[q] = flush_tiny(0.5 * (quads[at + 2 * q] + x[q]));
    store_sorted(4 * g, x);
  }
  barrier();
}

void decimated_frames(int g, out vec4 y[GROUP]) {
  const int at = 28 + 8 * g;
  around(at + 1, 2, 0, OVERSAMPLE_PAIRS_2 / 4, y);
  [[unroll]] for (int q = 0; q < GROUP; q++)
    y[q] = flush_tiny(0.5 * (quads[at + 2 * q] + y[q]));
}
#endif
