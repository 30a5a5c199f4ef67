#version 450
/* SPDX-License-Identifier: MIT
 * Points half way between the frames of the output; column = channel. */
#include "limiter_half_way.glsl"

void main() {
  const StageIo io = lane_io();
  half_way_block(io, LimiterDesign(io.design), io.dst, false);
}
