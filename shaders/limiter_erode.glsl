/* SPDX-License-Identifier: MIT
 * What is below all parabolas, at the nodes, and straight lines between them. */
#include "limiter_nodes.glsl"

shared int y[257];

/* Of this invocation's point in the block. */
int eroded(StageIo io, LimiterDesign d, uint vertices, LimiterPace p) {
  const int t = int(gl_LocalInvocationID.x), at = block_index() * d.points, n = d.points >> p.grid;
  load_nodes(io, d, vertices, p.grid, (at >> p.grid) - p.rise_nodes,
             p.rise_nodes + n + 1 + p.fall_nodes, LIMITER_NO_VERTEX);
  for (int node = t; node <= n; node += 256) {
    const int i = p.rise_nodes + node;
    int least = x[i];
    for (int u = 1; u <= p.rise_nodes; u++) least = min_int(least, x[i - u] + p.rise * u * u);
    for (int u = 1; u <= p.fall_nodes; u++) least = min_int(least, x[i + u] + p.fall * u * u);
    y[node] = least;
  }
  barrier();
  if (t >= d.points) return 0;
  const int node = t >> p.grid;
  const bool ends = node + 1 == n && block_index() + 1 == io.n_blocks; /* the track, there */
  return limiter_between(y[node], y[ends ? node : node + 1], t & ((1 << p.grid) - 1), p.grid);
}
