#version 450
/* SPDX-License-Identifier: MIT
 * Three centred boxes, then the gain; column = group. */
#include "limiter.glsl"
layout(local_size_x = 128) in;

#define RUN 3 /* points per invocation, side by side: an odd stride uses all memory banks */
shared int x[RUN * 128 + 4 * 16]; /* >= 256 points + 6 box */

/* x[i] = rounded-up mean of x[i .. i + width), for the first n. */
void box(int n, int width) {
  const int first = RUN * int(gl_LocalInvocationID.x);
  int sum[RUN];
  sum[0] = width - 1;
  if (first < n) {
    for (int j = 0; j < width; j++) sum[0] += x[first + j];
    for (int e = 1; e < RUN; e++) sum[e] = sum[e - 1] + x[first + e - 1 + width] - x[first + e - 1];
  }
  barrier();
  if (first < n)
    for (int e = 0; e < RUN; e++) x[first + e] = int(uint(sum[e]) / uint(width));
  barrier();
}

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  if (block_index() >= io.n_blocks || column_index() >= d.groups) return;
  const int points = d.points, half_width = d.box, slow_amount = d.slow_amount;
  const int t = int(gl_LocalInvocationID.x), at = block_index() * points;
  const int group = column_index();
  I32 closed = limiter_reduced(io, d, group);
  I32 slow = limiter_section(io, d, LIMITER_SLOW, group);
  const int last = io.n_blocks * points - 1, n = points + 6 * half_width;
  for (int i = t; i < n; i += 128) {
    const int k = min_int(max_int(at - 3 * half_width + i, 0), last);
    x[i] = max_int(closed.v[k], mul_q24(slow.v[k], slow_amount));
  }
  barrier();
  for (int pass = 1; pass <= 3; pass++) box(n - 2 * pass * half_width, 2 * half_width + 1);
  I32 reduction = limiter_section(io, d, LIMITER_REDUCTION, group);
  I32 gain = limiter_section(io, d, LIMITER_GAIN, group);
  for (int k = t; k < points; k += 128) {
    reduction.v[at + k] = x[k];
    gain.v[at + k] = floatBitsToInt(limiter_gain(io.args[0], x[k]));
  }
}
