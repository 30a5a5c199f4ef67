#version 450
/* SPDX-License-Identifier: MIT
 * Closing, hold and attack; column = group. Sliding maxima by doubling, four points per invocation:
 * after the first step every shift is a multiple of four. */
#extension GL_EXT_control_flow_attributes : require
#include "limiter.glsl"
layout(local_size_x = 256) in;

#define QUADS 656 /* 4 x 656 >= 256 points + 2 (close + hold + attack - 1) */
shared ivec4 x[2][QUADS];

ivec4 quad(int now, int q) { return x[now][min_int(q, QUADS - 1)]; }

/* x[i] = max of x[i .. i + window), of the first `quads` quads; all bits flipped before
 * if `flip` is -1. Points that reach past the end are wrong, and not needed. */
int slide_max(int now, int quads, int window, int flip) {
  int span = window < 4 ? window : 4 + (window & 3);
  for (int q = int(gl_LocalInvocationID.x); q < quads; q += 256) {
    const ivec4 a = quad(now, q) ^ flip, b = quad(now, q + 1) ^ flip, c = quad(now, q + 2) ^ flip;
    ivec4 most = a;
    if (span > 1) most = max(most, FROM_1(ivec4, a, b));
    if (span > 2) most = max(most, FROM_2(ivec4, a, b));
    if (span > 3) most = max(most, FROM_3(ivec4, a, b));
    if (span > 4) most = max(most, b);
    if (span > 5) most = max(most, FROM_1(ivec4, b, c));
    if (span > 6) most = max(most, FROM_2(ivec4, b, c));
    x[1 - now][q] = most;
  }
  now = 1 - now;
  barrier();
  while (span < window) {
    const int by = min_int(span >> 2, (window - span) >> 2);
    for (int q = int(gl_LocalInvocationID.x); q < quads; q += 256)
      x[1 - now][q] = max(quad(now, q), quad(now, q + by));
    now = 1 - now;
    span += 4 * by;
    barrier();
  }
  return now;
}

int term(int now, int i) { return attack_term(x[now][i >> 2][i & 3]); }

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  if (block_index() >= io.n_blocks || column_index() >= d.groups) return;
  const int points = d.points, close = d.close, hold = d.hold, attack = d.attack;
  const int t = int(gl_LocalInvocationID.x), at = block_index() * points;
  I32 demand = limiter_section(io, d, LIMITER_DEMAND, column_index());
  const int total = io.n_blocks * points, begin = at - close - hold - (attack - 1);
  const int quads = (points + 2 * (close + hold + attack - 1) + 3) >> 2;
  for (int i = t; i < 4 * quads; i += 256) {
    const int k = begin + i;
    x[0][i >> 2][i & 3] = k >= 0 && k < total ? demand.v[k] : 0;
  }
  barrier();
  int now = slide_max(0, quads, close + 1, 0);
  now = slide_max(now, quads, close + 1, -1); /* of flipped bits: a minimum */
  now = slide_max(now, quads, 2 * hold + 1, -1);
  now = slide_max(now, quads, attack, 0);
  if (4 * t >= points) return;
  int sum[4];
  sum[0] = 0;
  for (int i = 4 * t; i < 4 * t + attack; i++) sum[0] += term(now, i);
  [[unroll]] for (int e = 1; e < 4; e++)
    sum[e] = sum[e - 1] + term(now, 4 * t + e - 1 + attack) - term(now, 4 * t + e - 1);
  ivec4 shaped;
  [[unroll]] for (int e = 0; e < 4; e++) {
    const int i = 4 * t + e + attack - 1;
    shaped[e] = min_int(attack_mean(sum[e], attack), x[now][i >> 2][i & 3]);
  }
  I32x4(uvec2(limiter_section(io, d, LIMITER_SHAPED, column_index()))).v[(at >> 2) + t] = shaped;
}
