#version 450
/* SPDX-License-Identifier: MIT
 * Detector window and static curve; column = band. */
#include "multiband.glsl"
layout(local_size_x = 128) in;

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), band = column_index();
  MultibandDesign d = MultibandDesign(io.design);
  if (block >= io.n_blocks || int(gl_LocalInvocationID.x) >= d.points) return;
  const int at = block * d.points + int(gl_LocalInvocationID.x);
  I32 energy = band_section(io, d, MULTIBAND_ENERGY, band);
  const bool peak = d.peak[band] != 0;
  float power = 0.0;
  for (int j = min_int(d.window[band] - 1, at); j >= 0; j--) {
    const float x = intBitsToFloat(energy.v[at - j]);
    power = peak ? max_float(power, x) : power + x;
  }
  const int level = (level_log2(floatBitsToUint(power)) >> 9) - d.level_offset[band];
  const int at_curve = curve_position(level), i = band * (CURVE_STEPS + 4) + (at_curve >> 8);
  band_section(io, d, MULTIBAND_WANTED, band).v[at] =
      curve_between(d.curve[i], d.curve[i + 1], at_curve & 255);
}
