#version 450
/* SPDX-License-Identifier: MIT
 * Reduction that the level asks for, under the drive. */
#include "limiter.glsl"
layout(local_size_x = 256) in;

int own_demand(StageIo io, LimiterDesign d, int group, int at) {
  const int level = limiter_section(io, d, LIMITER_LEVEL, group).v[at];
  return max_int(0, level + io.args[0] - io.args[1]);
}

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  const int t = int(gl_LocalInvocationID.x), at = block_index() * d.points + t;
  if (block_index() >= io.n_blocks || t >= d.points) return;
  int most = 0;
  for (int g = 0; g < d.groups; g++)
    if (g != d.lfe_group) most = max_int(most, own_demand(io, d, g, at));
  for (int g = 0; g < d.groups; g++) {
    const int own = own_demand(io, d, g, at);
    limiter_section(io, d, LIMITER_DEMAND, g).v[at] =
        g == d.lfe_group ? own : linked_demand(own, most, d.link);
  }
}
