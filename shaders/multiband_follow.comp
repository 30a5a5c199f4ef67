#version 450
/* SPDX-License-Identifier: MIT
 * Attack and release; column = band. */
#define SEQUENTIAL
#include "multiband.glsl"

void main() {
  if (!lane_active()) return;
  const StageIo io = lane_io();
  const int band = column_index();
  MultibandDesign d = MultibandDesign(io.design);
  const int begin = push.first * d.points;
  const int end = min_int(push.first + push.count, io.n_blocks) * d.points;
  I32 wanted = band_section(io, d, MULTIBAND_WANTED, band);
  I32 reduction = band_section(io, d, MULTIBAND_REDUCTION, band);
  if (begin >= end) return;
  int r = begin > 0 ? reduction.v[begin - 1] : 0;
  for (int k = begin; k < end; k++) {
    r = follow_step(r, wanted.v[k] * 64, d.attack[band], d.release[band]);
    reduction.v[k] = r;
  }
}
