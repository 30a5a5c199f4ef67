#version 450
/* SPDX-License-Identifier: MIT
 * The lowest parabola around each node that is nowhere below the demand; column = group. */
#include "limiter_nodes.glsl"

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  if (block_index() >= io.n_blocks || column_index() >= d.groups) return;
  const LimiterPace p = d.pace[io.args[2]];
  const int t = int(gl_LocalInvocationID.x), at = block_index() * d.points, n = d.points >> p.grid;
  load_nodes(io, d, LIMITER_HELD, p.grid, (at >> p.grid) - p.fall_nodes,
             p.fall_nodes + n + p.rise_nodes, 0);
  if (t >= d.points) return;
  int most = 0;
  if (t < n) {
    const int i = p.fall_nodes + t;
    most = x[i];
    for (int u = 1; u <= p.fall_nodes; u++) most = max_int(most, x[i - u] - p.fall * u * u);
    for (int u = 1; u <= p.rise_nodes; u++) most = max_int(most, x[i + u] - p.rise * u * u);
  }
  limiter_section(io, d, LIMITER_VERTEX, column_index()).v[at + t] = most;
}
