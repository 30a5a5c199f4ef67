#version 450
/* SPDX-License-Identifier: MIT
 * Fast release and slow stage. */
#define SEQUENTIAL
#include "limiter.glsl"

void main() {
  if (!lane_active()) return;
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  const int begin = push.first * d.points;
  const int end = min_int(push.first + push.count, io.n_blocks) * d.points;
  I32 shaped = limiter_section(io, d, LIMITER_SHAPED);
  I32 follow = limiter_section(io, d, LIMITER_FOLLOW);
  I32 slow = limiter_section(io, d, LIMITER_SLOW);
  if (begin >= end) return;
  int r = begin > 0 ? follow.v[begin - 1] : 0, f = begin > 0 ? slow.v[begin - 1] : 0;
  for (int k = begin; k < end; k++) {
    r = release_step(r, shaped.v[k], d.release);
    f = follow_step(f, r, d.slow_attack, d.slow_release);
    follow.v[k] = r;
    slow.v[k] = f;
  }
}
