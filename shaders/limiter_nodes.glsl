/* SPDX-License-Identifier: MIT
 * Nodes of the limiter's gain curve, in the memory of a workgroup. */
#include "limiter.glsl"
layout(local_size_x = 256) in;

shared int x[257 + 2 * 512]; /* 256 points a block, LIMITER_MAX_NODES on either side */

/* x[i] = node `from + i` of a section, `outside` beyond the track; i < n. */
void load_nodes(StageIo io, LimiterDesign d, uint section, int grid, int from, int n, int outside) {
  I32 nodes = limiter_section(io, d, section, column_index());
  const int total = io.n_blocks * d.points >> grid;
  for (int i = int(gl_LocalInvocationID.x); i < n; i += 256) {
    const int node = from + i;
    x[i] = node < 0 || node >= total ? outside
                                     : nodes.v[limiter_node(node, d.points_log2, grid)];
  }
  barrier();
}
