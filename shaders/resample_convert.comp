#version 450
/* SPDX-License-Identifier: MIT
 * Sample-rate conversion, 256 output frames at a time; column = channel. */
#extension GL_EXT_control_flow_attributes : require
#include "io.glsl"
#include "vectors.glsl"
#include "resample.h"
layout(local_size_x = 256) in;

#define QUADS (RESAMPLE_LANES / 4)
#define PIECE 256
#define WINDOW (PIECE * 5 + 2048) /* 192 to 44.1 kHz: 4.4 and 1,248 */

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer ResampleDesign {
  int up, down, taps, unused;
  vec4 tap[];
};
shared float x[WINDOW];

/* Four frames of the window. */
vec4 frames(int at) { return vec4(x[at], x[at + 1], x[at + 2], x[at + 3]); }

/* The sum over a row of taps and the window from `at` on. */
float convert(ResampleDesign d, int row, int at, int taps) {
  const int inner = taps / 2 - RESAMPLE_LANES;
  vec4 sum[QUADS], lost[QUADS];
  [[unroll]] for (int q = 0; q < QUADS; q++) sum[q] = lost[q] = vec4(0.0);
  for (int t = 0; t < inner; t += RESAMPLE_LANES) {
    const int mirrored = taps - RESAMPLE_LANES - t;
    [[unroll]] for (int q = 0; q < QUADS; q++) {
      const int i = t + 4 * q, j = mirrored + 4 * q;
      sum[q] = sum[q] + d.tap[(row + i) >> 2] * frames(at + i);
      sum[q] = sum[q] + d.tap[(row + j) >> 2] * frames(at + j);
    }
  }
  [[unroll]] for (int side = 0; side < RESAMPLE_CENTRE; side += RESAMPLE_LANES) {
    [[unroll]] for (int q = 0; q < QUADS; q++) {
      const int i = side + 4 * q;
      const vec4 f = frames(at + inner + i), product = d.tap[(row + inner + i) >> 2] * f;
      ADD_KEEPING_ERROR(vec4, sum[q], lost[q], product)
      lost[q] = lost[q] + d.tap[(row + taps + i) >> 2] * f;
    }
  }
  [[unroll]] for (int half_ = QUADS / 2; half_ > 0; half_ /= 2) {
    [[unroll]] for (int q = 0; q < half_; q++) {
      lost[q] = lost[q] + lost[q + half_];
      ADD_KEEPING_ERROR(vec4, sum[q], lost[q], sum[q + half_])
    }
  }
  vec2 s = sum[0].xy, e = lost[0].xy + lost[0].zw;
  ADD_KEEPING_ERROR(vec2, s, e, sum[0].zw)
  float y = s.x, f = e.x + e.y;
  ADD_KEEPING_ERROR(float, y, f, s.y)
  return flush_tiny(y + f);
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), t = int(gl_LocalInvocationID.x), channel = column_index();
  if (block >= io.n_blocks) return;
  ResampleDesign d = ResampleDesign(io.design);
  const uint up = uint(d.up), down = uint(d.down);
  const int taps = d.taps, row = taps + RESAMPLE_CENTRE, n_input = io.args[0];
  F32 src = src_channel(io, channel), dst = dst_channel(io, channel);
  const int end = min_int(io.n_frames, (block + 1) * BLOCK_FRAMES);
  for (int first = block * BLOCK_FRAMES; first < end; first += PIECE) {
    /* m down / up = m / up * down + m % up * down / up, which fits 32 bits */
    const uint whole = uint(first) / up, part = uint(first) % up;
    const int from = int(whole * down + part * down / up) - taps / 2 + 1;
    const int reach = int((uint(PIECE) * down + up) / up) + taps;
    for (int i = t; i < reach; i += PIECE) x[i] = load_frame(src, n_input, from + i);
    barrier();
    const uint m = part + uint(t);
    const int at = int(m * down / up) - int(part * down / up);
    if (first + t < end) dst.v[first + t] = convert(d, int(m % up) * row, at, taps);
    barrier();
  }
}
