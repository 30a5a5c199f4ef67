#version 450
/* SPDX-License-Identifier: MIT
 * True peak of the input. */
#include "limiter_peaks.glsl"

void main() {
  const StageIo io = lane_io();
  detect(io, LimiterDesign(io.design), io.src, 0, LIMITER_LEVEL);
}
