#version 450
/* SPDX-License-Identifier: MIT
 * Points half way between the frames of the input, and its level next to Nyquist;
 * column = channel. */
#include "limiter_half_way.glsl"

void main() {
  const StageIo io = lane_io();
  half_way_block(io, LimiterDesign(io.design), io.src, true);
}
