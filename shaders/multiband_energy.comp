#version 450
/* SPDX-License-Identifier: MIT
 * Energies at control rate, channels linked; column = band. */
#include "multiband.glsl"
#include "energy.glsl"
layout(local_size_x = 128) in;

float step_energy(StageIo io, MultibandDesign d, int block, int band, int channel, int k) {
  float s[64];
  for (int i = 0; i < d.step_; i++) {
    const float x = flush_tiny(band_frame(io, d, block, band, channel, k * d.step_ + i));
    s[i] = x * x;
  }
  return sum_by_halves(s, d.step_);
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), band = column_index(), k = int(gl_LocalInvocationID.x);
  MultibandDesign d = MultibandDesign(io.design);
  if (block >= io.n_blocks || k >= d.points) return;
  float e = step_energy(io, d, block, band, 0, k);
  for (int c = 1; c < io.channels; c++) e = max_float(e, step_energy(io, d, block, band, c, k));
  band_section(io, d, MULTIBAND_ENERGY, band).v[block * d.points + k] = floatBitsToInt(e);
}
