#version 450
/* SPDX-License-Identifier: MIT
 * True peak of the output. */
#include "limiter_peaks.glsl"

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  detect(io, d, io.dst, limiter_section(io, d, LIMITER_AGAIN));
}
