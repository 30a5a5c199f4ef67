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
  int own[2], most = 0;
  for (int g = 0; g < d.groups; g++) {
    own[g] = max_int(0, limiter_section(io, d, LIMITER_LEVEL, g).v[at] + io.args[0] - io.args[1]);
    most = max_int(most, own[g]);
  }
  for (int g = 0; g < d.groups; g++)
    limiter_section(io, d, LIMITER_DEMAND, g).v[at] = linked_demand(own[g], most, d.link);
}
