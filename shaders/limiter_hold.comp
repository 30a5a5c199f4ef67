#version 450
/* SPDX-License-Identifier: MIT
 * Gaps closed, spikes taken off, held, and the most around each node; column = group. */
#include "limiter_slide.glsl"

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  if (block_index() >= io.n_blocks || column_index() >= d.groups) return;
  const int close = d.pace[io.args[2]].close, grid = d.pace[io.args[2]].grid;
  const int spike = d.spike[io.args[2]], points = d.points, step_ = 1 << grid;
  const int reach = close + spike + d.hold + step_ - 1;
  const int t = int(gl_LocalInvocationID.x), at = block_index() * points;
  I32 demand = limiter_section(io, d, LIMITER_DEMAND, column_index());
  const int total = io.n_blocks * points;
  const int quads = (points + 2 * reach + 3) >> 2;
  for (int i = t; i < 4 * quads; i += 256) {
    const int k = at - reach + i;
    x[0][i >> 2][i & 3] = k >= 0 && k < total ? demand.v[k] : 0;
  }
  barrier();
  int now = slide_max(0, quads, close + 1, 0);
  now = slide_max(now, quads, close + spike + 1, -1); /* of flipped bits: a minimum */
  now = slide_max(now, quads, spike + 2 * d.hold + 1, -1);
  now = slide_max(now, quads, 2 * step_ - 1, 0);
  if (t >= points) return;
  const int i = t << grid;
  limiter_section(io, d, LIMITER_HELD, column_index()).v[at + t] =
      i < points ? x[now][i >> 2][i & 3] : 0;
}
