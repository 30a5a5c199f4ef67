#version 450
/* SPDX-License-Identifier: MIT
 * Three centred boxes, then the gain. */
#include "limiter.glsl"
layout(local_size_x = 256) in;

shared int x[256 + 6 * 16];

void box(int n, int half_width) { /* x[i] = rounded-up mean of x[i .. i + 2 half_width] */
  const int t = int(gl_LocalInvocationID.x), width = 2 * half_width + 1;
  int v[2];
  for (int e = 0; e < 2; e++) {
    int sum = 0;
    for (int j = 0; j < width && t + 256 * e < n - 2 * half_width; j++) sum += x[t + 256 * e + j];
    v[e] = int(uint(sum + width - 1) / uint(width));
  }
  barrier();
  for (int e = 0; e < 2; e++)
    if (t + 256 * e < n - 2 * half_width) x[t + 256 * e] = v[e];
  barrier();
}

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  const int t = int(gl_LocalInvocationID.x), at = block_index() * d.points;
  if (block_index() >= io.n_blocks) return;
  I32 follow = limiter_section(io, d, LIMITER_FOLLOW);
  I32 slow = limiter_section(io, d, LIMITER_SLOW);
  const int last = io.n_blocks * d.points - 1, n = d.points + 6 * d.box;
  for (int i = t; i < n; i += 256) {
    const int k = min_int(max_int(at - 3 * d.box + i, 0), last);
    x[i] = max_int(follow.v[k], mul_q24(slow.v[k], d.slow_amount));
  }
  barrier();
  for (int pass = 0; pass < 3; pass++) box(n - 2 * pass * d.box, d.box);
  if (t >= d.points) return;
  limiter_section(io, d, LIMITER_REDUCTION).v[at + t] = x[t];
  limiter_section(io, d, LIMITER_GAIN).v[at + t] = floatBitsToInt(limiter_gain(io.args[0], x[t]));
}
