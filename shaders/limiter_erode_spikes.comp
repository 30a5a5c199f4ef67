#version 450
/* SPDX-License-Identifier: MIT
 * The reduction that closes the spikes, on top of the one that is there; column = group. */
#include "limiter_erode.glsl"

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  if (block_index() >= io.n_blocks || column_index() >= d.groups) return;
  if (d.spike[io.args[2]] == 0) return;
  const int t = int(gl_LocalInvocationID.x), k = block_index() * d.points + t;
  const int least = eroded(io, d, LIMITER_SPIKES, d.spike_pace[io.args[2]]);
  I32 closed = limiter_section(io, d, LIMITER_CLOSED, column_index());
  I32 both = limiter_section(io, d, LIMITER_BOTH, column_index());
  if (t < d.points) both.v[k] = closed.v[k] + least;
}
