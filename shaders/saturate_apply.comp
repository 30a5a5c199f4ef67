#version 450
/* SPDX-License-Identifier: MIT
 * Low cut of what is added to the signals (in dst), and the input: the output; column = two
 * channels. */
#include "saturate.glsl"
#include "level.h"
#include "spline.glsl"
layout(local_size_x = 256) in;

#define MEANS (SATURATE_POINTS + 4)
shared float mean[2 * MEANS];
shared vec4 weights[SATURATE_STEP];

float control_point(I32 control, int total, int at) {
  return uint(at) < uint(total) ? intBitsToFloat(control.v[at]) : 0.0;
}

/* Mean `k` of the block: from two control points before its first on. */
float low_passed(StageIo io, SaturateDesign d, int reach, int signal, int block, int k) {
  I32 control = signal_section(io, signal);
  const int total = io.n_blocks * SATURATE_POINTS, at = block * SATURATE_POINTS + k - 2;
  float sum = 0.0;
  for (int j = reach; j > 0; j--)
    sum = sum + d.low_pass_taps[j] * (control_point(control, total, at - j) +
                                      control_point(control, total, at + j));
  return flush_tiny(sum + d.low_pass_taps[0] * control_point(control, total, at));
}

vec4 means_of(int side, int i) {
  const int f = i & (SATURATE_STEP - 1), p = side * MEANS + first_point(i, SATURATE_STEP);
  return spline_quad(weights[f], weights[f + 1], weights[f + 2], weights[f + 3],
                     vec4(mean[p], mean[p + 1], mean[p + 2], mean[p + 3]));
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), t = int(gl_LocalInvocationID.x);
  if (block >= io.n_blocks) return;
  SaturateDesign d = SaturateDesign(io.design);
  const int reach = d.reach;
  const int first = 2 * column_index(), n = min_int(io.channels - first, 2);
  const bool mid_side = d.mid_side[first] != 0;
  if (t < MEANS * n) {
    const int side = t / MEANS;
    mean[t] = reach > 0 ? low_passed(io, d, reach, first + side, block, t - side * MEANS) : 0.0;
  }
  if (t < SATURATE_STEP) weights[t] = d.weights[t];
  barrier();
  for (int i = 4 * t; i < BLOCK_FRAMES; i += 4 * 256) {
    const int frame = block * BLOCK_FRAMES + i;
    vec4 x[2], added[2];
    for (int s = 0; s < n; s++) {
      x[s] = load_quad(F32x4(uvec2(src_channel(io, first + s))), io.n_frames, frame);
      added[s] = load_quad(F32x4(uvec2(dst_channel(io, first + s))), io.n_frames, frame);
      if (reach > 0) added[s] = added[s] - means_of(s, i);
    }
    for (int s = 0; s < n; s++) {
      vec4 a = added[s];
      if (mid_side) a = s == 0 ? added[0] + added[1] : added[0] - added[1];
      store_quad(F32x4(uvec2(dst_channel(io, first + s))), io.n_frames, frame,
                 flush_tiny(x[s] + a));
    }
  }
}
