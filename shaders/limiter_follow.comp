#version 450
/* SPDX-License-Identifier: MIT
 * Slow stage; column = group. */
#define SEQUENTIAL
#include "limiter.glsl"
#include "walk.glsl"

void main() {
  if (!lane_active()) return;
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  const int begin = first_block() * d.points, end = end_block(io) * d.points;
  const int group = column_index();
  I32 slow = limiter_section(io, d, LIMITER_SLOW, group);
  I32x4 from = I32x4(uvec2(limiter_reduced(io, d, group)));
  I32x4 to_slow = I32x4(uvec2(slow));
  if (begin >= end || group >= d.groups) return;
  const int slow_attack = d.slow_attack, slow_release = d.slow_release, amount = d.slow_amount;
  int f = begin > 0 ? slow.v[begin - 1] : 0;
  if (amount == 0) {
    Points zero;
    [[unroll]] for (int i = 0; i < WALK / 4; i++) zero.v[i] = ivec4(0);
    for (int k = begin; k < end; k += WALK) store_points(to_slow, k, zero);
    return;
  }
  Points next = load_points(from, begin, end);
  for (int k = begin; k < end; k += WALK) {
    Points x = next;
    next = load_points(from, k + WALK, end);
    [[unroll]] for (int i = 0; i < WALK; i++) {
      f = follow_step(f, x.v[i >> 2][i & 3], slow_attack, slow_release);
      x.v[i >> 2][i & 3] = f;
    }
    store_points(to_slow, k, x);
  }
}
