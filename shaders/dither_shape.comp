#version 450
/* SPDX-License-Identifier: MIT
 * DITHER_SHAPED: a workgroup per stretch of SHAPE_FRAMES and channel. All invocations draw
 * the noise and carry the words, tile by tile; one feeds back the error, frame after frame. */
#include "io.glsl"
#include "dither.glsl"
layout(local_size_x = 64) in;

#define TILE 2048
shared int word[TILE], noise[TILE];

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), c = column_index(), t = int(gl_LocalInvocationID.x);
  DitherDesign d = DitherDesign(io.design);
  const int begin = block * BLOCK_FRAMES, blank_frames = d.blank_frames;
  if (block >= io.n_blocks || d.mode != DITHER_SHAPED || (begin & (SHAPE_FRAMES - 1)) != 0)
    return;
  const int end = min_int(io.n_frames, begin + SHAPE_FRAMES);
  const int shift = d.shift, fraction = d.fraction;
  const uint seed = uint(io.args[0]);
  F32 from = src_channel(io, c);
  const ivec4 c0 = ivec4(d.tap[0], d.tap[1], d.tap[2], d.tap[3]);
  const ivec4 c1 = ivec4(d.tap[4], d.tap[5], d.tap[6], d.tap[7]);
  const int c8 = d.tap[8];
  ivec4 e0 = ivec4(0), e1 = ivec4(0); /* the errors of the frames before, the latest first */
  int e8 = 0, last = 0;
  if (blank_frames != NEVER) last = find_last_sounding(from, begin, blank_frames, t, 64);
  for (int tile = begin; tile < end; tile += TILE) {
    const int n = min_int(TILE, end - tile);
    for (int i = t; i < n; i += 64) {
      word[i] = to_fixed(from.v[tile + i]);
      noise[i] = noise_of(seed, DITHER_TPDF, fraction, tile + i, c);
    }
    barrier();
    for (int i = 0; t == 0 && i < n; i++) {
      const int fixed_point = word[i];
      /* the latest error last: the others do not wait for it */
      const ivec4 a = c1 * e1, b = c0 * e0;
      const int feedback = c8 * e8 + a.w + a.z + a.y + a.x + b.w + b.z + b.y + b.x;
      const int wanted = shape_wanted(fraction_of(fixed_point, shift, fraction), feedback);
      int took = shape_step(wanted, noise[i], fraction);
      int rest = took * (1 << fraction) - wanted;
      if (fixed_point != 0) last = tile + i;
      else if (blank_frames != NEVER && tile + i - last > blank_frames) took = rest = 0;
      e8 = e1.w;
      e1 = ivec4(e0.w, e1.xyz);
      e0 = ivec4(rest, e0.xyz);
      word[i] = justify((fixed_point >> shift) + took, shift);
    }
    barrier();
    for (int i = t; i < n; i += 64)
      I32(address_of(io.dst, uint(tile + i), uint(io.channels))).v[c] = word[i];
    barrier();
  }
}
