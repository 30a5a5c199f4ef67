#version 450
/* SPDX-License-Identifier: MIT
 * True peak of the output. */
#include "limiter_peaks.glsl"

void main() {
  const StageIo io = lane_io();
  detect(io, LimiterDesign(io.design), io.dst, 1, LIMITER_AGAIN);
}
