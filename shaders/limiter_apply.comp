#version 450
/* SPDX-License-Identifier: MIT
 * Gain to audio rate and onto the signal; column = channel. */
#include "limiter.glsl"
layout(local_size_x = 256) in;

shared float gain[256 + 4];

float limited(LimiterDesign d, float x, int i) {
  const int k = int(uint(i) / uint(d.step_)), f = i - k * d.step_;
  const int c = k + (2 * f >= d.step_ ? 1 : 0), w = 4 * f;
  const float g = spline(d.weights[w], d.weights[w + 1], d.weights[w + 2], d.weights[w + 3],
                         gain[c], gain[c + 1], gain[c + 2], gain[c + 3]);
  return flush_tiny(x + g * x);
}

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  const int t = int(gl_LocalInvocationID.x), block = block_index(), channel = column_index();
  if (block >= io.n_blocks) return;
  I32 control = limiter_section(io, d, LIMITER_GAIN);
  const int last = io.n_blocks * d.points - 1;
  for (int k = t; k < d.points + 4; k += 256)
    gain[k] = intBitsToFloat(control.v[min_int(max_int(block * d.points + k - 2, 0), last)]);
  barrier();
  F32 src = src_channel(io, channel), dst = dst_channel(io, channel);
  for (int i = t; i < BLOCK_FRAMES; i += 256) {
    const int frame = block * BLOCK_FRAMES + i;
    if (frame < io.n_frames) dst.v[frame] = limited(d, src.v[frame], i);
  }
}
