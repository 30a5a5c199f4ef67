#version 450
/* SPDX-License-Identifier: MIT
 * Fast release and slow stage; column = group. */
#define SEQUENTIAL
#include "limiter.glsl"
#include "walk.glsl"

void main() {
  if (!lane_active()) return;
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  const int begin = first_block() * d.points, end = end_block(io) * d.points;
  const int group = column_index();
  I32 follow = limiter_section(io, d, LIMITER_FOLLOW, group);
  I32 slow = limiter_section(io, d, LIMITER_SLOW, group);
  I32x4 from = I32x4(uvec2(limiter_section(io, d, LIMITER_SHAPED, group)));
  I32x4 to_follow = I32x4(uvec2(follow)), to_slow = I32x4(uvec2(slow));
  if (begin >= end || group >= d.groups) return;
  const int release = d.release, slow_attack = d.slow_attack, slow_release = d.slow_release;
  int r = begin > 0 ? follow.v[begin - 1] : 0, f = begin > 0 ? slow.v[begin - 1] : 0;
  Points next = load_points(from, begin, end);
  for (int k = begin; k < end; k += WALK) {
    Points x = next, y;
    next = load_points(from, k + WALK, end);
    [[unroll]] for (int i = 0; i < WALK; i++) {
      r = release_step(r, x.v[i >> 2][i & 3], release);
      f = follow_step(f, r, slow_attack, slow_release);
      x.v[i >> 2][i & 3] = r;
      y.v[i >> 2][i & 3] = f;
    }
    store_points(to_follow, k, x);
    store_points(to_slow, k, y);
  }
}
