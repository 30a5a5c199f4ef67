#version 450
/* SPDX-License-Identifier: MIT
 * What is below all parabolas, at the nodes, and straight lines between them; column = group. */
#include "limiter_nodes.glsl"

shared int y[257];

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  if (block_index() >= io.n_blocks || column_index() >= d.groups) return;
  const LimiterPace p = d.pace[io.args[2]];
  const int t = int(gl_LocalInvocationID.x), at = block_index() * d.points, n = d.points >> p.grid;
  load_nodes(io, d, LIMITER_VERTEX, p.grid, (at >> p.grid) - p.rise_nodes,
             p.rise_nodes + n + 1 + p.fall_nodes, LIMITER_NO_VERTEX);
  for (int node = t; node <= n; node += 256) {
    const int i = p.rise_nodes + node;
    int least = x[i];
    for (int u = 1; u <= p.rise_nodes; u++) least = min_int(least, x[i - u] + p.rise * u * u);
    for (int u = 1; u <= p.fall_nodes; u++) least = min_int(least, x[i + u] + p.fall * u * u);
    y[node] = least;
  }
  barrier();
  if (t >= d.points) return;
  const int node = t >> p.grid;
  const bool ends = node + 1 == n && block_index() + 1 == io.n_blocks; /* the track, there */
  limiter_section(io, d, LIMITER_CLOSED, column_index()).v[at + t] =
      limiter_between(y[node], y[ends ? node : node + 1], t & ((1 << p.grid) - 1), p.grid);
}
