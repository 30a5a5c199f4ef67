#version 450
/* SPDX-License-Identifier: MIT
 * True peak of the input. */
#include "limiter_peaks.glsl"

void main() {
  const StageIo io = lane_io();
  LimiterDesign d = LimiterDesign(io.design);
  detect(io, d, io.src, limiter_section(io, d, LIMITER_LEVEL));
}
