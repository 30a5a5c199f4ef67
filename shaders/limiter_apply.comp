#version 450
/* SPDX-License-Identifier: MIT
 * Gain to audio rate and onto the signal; column = channel. */
#include "limiter.glsl"
#include "spline.glsl"
layout(local_size_x = 256) in;

shared float gain[256 + 4];
shared vec4 weights[64];

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  const int t = int(gl_LocalInvocationID.x), block = block_index(), channel = column_index();
  if (block >= io.n_blocks) return;
  I32 control = limiter_section(io, d, LIMITER_GAIN, d.group_of[channel]);
  const int step = d.step_, points = d.points, last = io.n_blocks * points - 1;
  for (int k = t; k < points + 4; k += 256)
    gain[k] = intBitsToFloat(control.v[min_int(max_int(block * points + k - 2, 0), last)]);
  if (t < 64) weights[t] = d.weights[t];
  barrier();
  F32x4 src = F32x4(uvec2(src_channel(io, channel))), dst = F32x4(uvec2(dst_channel(io, channel)));
  for (int i = 4 * t; i < BLOCK_FRAMES; i += 4 * 256) {
    const int frame = block * BLOCK_FRAMES + i, f = i & (step - 1);
    const int p = first_point(i, step);
    const vec4 g = spline_quad(weights[f], weights[f + 1], weights[f + 2], weights[f + 3],
                               vec4(gain[p], gain[p + 1], gain[p + 2], gain[p + 3]));
    const vec4 x = load_quad(src, io.n_frames, frame);
    store_quad(dst, io.n_frames, frame, flush_tiny(x + g * x));
  }
}
