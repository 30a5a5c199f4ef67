/* SPDX-License-Identifier: MIT
 * Sliding maxima by doubling, four points per invocation: after the first step every shift is a
 * multiple of four. */
#extension GL_EXT_control_flow_attributes : require
#include "limiter.glsl"
layout(local_size_x = 256) in;

#define QUADS (64 + LIMITER_MAX_REACH / 2 + 1) /* for 256 points and the reach on either side */
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
