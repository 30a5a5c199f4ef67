#version 450
/* SPDX-License-Identifier: MIT
 * More demand where the output is above the ceiling; column = group. */
#include "limiter.glsl"
layout(local_size_x = 256) in;

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  const int t = int(gl_LocalInvocationID.x), at = block_index() * d.points + t;
  const int group = column_index();
  if (block_index() >= io.n_blocks || group >= d.groups || t >= d.points) return;
  const int excess = limiter_section(io, d, LIMITER_AGAIN, group).v[at] - io.args[1];
  if (excess > 0)
    limiter_section(io, d, LIMITER_DEMAND, group).v[at] =
        limiter_section(io, d, LIMITER_REDUCTION, group).v[at] + excess + 64;
}
