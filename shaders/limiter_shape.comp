#version 450
/* SPDX-License-Identifier: MIT
 * Closing, hold and attack: sliding maxima by doubling in shared memory. */
#include "limiter.glsl"
layout(local_size_x = 256) in;

#define TILE 2048 /* >= 256 points + 2 (close + hold) + attack - 1 */
shared int x[TILE];

/* x[i] = max (or min) of x[i] and x[i + by], for i < n - by. */
void combine(int n, int by, bool maximum) {
  const int t = int(gl_LocalInvocationID.x);
  int v[TILE / 256];
  for (int e = 0; e < TILE / 256; e++) {
    const int i = t + 256 * e, j = i < n - by ? i + by : i;
    v[e] = maximum ? max_int(x[i], x[j]) : min_int(x[i], x[j]);
  }
  barrier();
  for (int e = 0; e < TILE / 256; e++) x[t + 256 * e] = v[e];
  barrier();
}

void slide(int n, int window, bool maximum) {
  int span = 1;
  for (; 2 * span <= window; span *= 2) combine(n, span, maximum);
  if (span < window) combine(n, window - span, maximum);
}

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  const int t = int(gl_LocalInvocationID.x), at = block_index() * d.points;
  if (block_index() >= io.n_blocks) return;
  I32 demand = limiter_section(io, d, LIMITER_DEMAND);
  const int total = io.n_blocks * d.points, begin = at - d.close - d.hold;
  const int n = d.points + 2 * (d.close + d.hold) + d.attack - 1;
  for (int i = t; i < TILE; i += 256) {
    const int k = begin + i;
    x[i] = i < n && k >= 0 && k < total ? demand.v[k] : 0;
  }
  barrier();
  slide(n, d.close + 1, true);
  slide(n - d.close, d.close + 1, false);
  slide(n - 2 * d.close, 2 * d.hold + 1, true);
  if (t >= d.points) return;
  int shaped = x[t];
  for (int j = 1; j < d.attack; j++)
    shaped = max_int(shaped, mul_q30(x[t + j], d.attack_weight[j]));
  limiter_section(io, d, LIMITER_SHAPED).v[at + t] = shaped;
}
