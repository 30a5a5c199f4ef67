#version 450
/* SPDX-License-Identifier: MIT
 * The lowest parabola around each node that is nowhere below what the held demand has above the
 * reduction that is there; column = group. */
#include "limiter_slide.glsl"

/* Points [from, ..) of that, in x[now]. */
int load_spikes(StageIo io, LimiterDesign d, int from, int quads) {
  I32 demand = limiter_section(io, d, LIMITER_DEMAND, column_index());
  I32 closed = limiter_section(io, d, LIMITER_CLOSED, column_index());
  const int total = io.n_blocks * d.points, t = int(gl_LocalInvocationID.x), hold = d.hold;
  for (int i = t; i < 4 * quads; i += 256) {
    const int k = from - hold + i;
    x[0][i >> 2][i & 3] = k >= 0 && k < total ? demand.v[k] : 0;
  }
  barrier();
  const int now = slide_max(0, quads, 2 * hold + 1, 0);
  for (int i = t; i < 4 * quads; i += 256) {
    const int k = from + i;
    const bool inside = k >= 0 && k < total;
    x[now][i >> 2][i & 3] = inside ? max_int(0, x[now][i >> 2][i & 3] - closed.v[k]) : 0;
  }
  barrier();
  return now;
}

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  if (block_index() >= io.n_blocks || column_index() >= d.groups) return;
  if (d.spike[io.args[2]] == 0) return;
  const LimiterPace p = d.spike_pace[io.args[2]];
  const int around = (1 << p.grid) - 1, points = d.points, n = points >> p.grid;
  const int t = int(gl_LocalInvocationID.x), at = block_index() * points;
  const int first = (at >> p.grid) - p.fall_nodes, total = io.n_blocks * points >> p.grid;
  const int nodes = p.fall_nodes + n + p.rise_nodes;
  const int quads = ((nodes << p.grid) + around + 2 * d.hold + 3) >> 2;
  int now = load_spikes(io, d, (first << p.grid) - around, quads);
  now = slide_max(now, quads, 2 * around + 1, 0);
  if (t >= points) return;
  int most = 0;
  for (int u = -p.fall_nodes; t < n && u <= p.rise_nodes; u++) {
    const int j = p.fall_nodes + t + u, i = j << p.grid;
    if (first + j < 0 || first + j >= total) continue;
    most = max_int(most, x[now][i >> 2][i & 3] - (u < 0 ? p.fall : p.rise) * u * u);
  }
  limiter_section(io, d, LIMITER_SPIKES, column_index()).v[at + t] = most;
}
