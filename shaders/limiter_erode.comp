#version 450
/* SPDX-License-Identifier: MIT
 * The reduction that closes the demand; column = group. */
#include "limiter_erode.glsl"

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  if (block_index() >= io.n_blocks || column_index() >= d.groups) return;
  const int t = int(gl_LocalInvocationID.x);
  const int least = eroded(io, d, LIMITER_VERTEX, d.pace[io.args[2]]);
  I32 closed = limiter_section(io, d, LIMITER_CLOSED, column_index());
  if (t < d.points) closed.v[block_index() * d.points + t] = least;
}
