#version 450
/* SPDX-License-Identifier: MIT
 * Reduction that the level asks for, under the drive. */
#include "limiter.glsl"
layout(local_size_x = 256) in;

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  const int t = int(gl_LocalInvocationID.x), at = block_index() * d.points + t;
  if (block_index() >= io.n_blocks || t >= d.points) return;
  limiter_section(io, d, LIMITER_DEMAND).v[at] =
      max_int(0, limiter_section(io, d, LIMITER_LEVEL).v[at] + io.args[0] - io.args[1]);
}
