#version 450
/* SPDX-License-Identifier: MIT
 * Detector window, link and static curve; column = lane. */
#include "multiband.glsl"
layout(local_size_x = 128) in;

/* Level of a lane's point `at`, octaves in Q16. */
int lane_level(StageIo io, MultibandDesign d, int lane, int band, int at) {
  I32 energy = lane_section(io, d, MULTIBAND_ENERGY, lane);
  const bool peak = d.peak[band] != 0;
  float power = 0.0;
  for (int j = min_int(d.window[band] - 1, at); j >= 0; j--) {
    const float x = intBitsToFloat(energy.v[at - j]);
    power = peak ? max_float(power, x) : power + x;
  }
  return (level_log2(floatBitsToUint(power)) >> 9) - d.level_offset[band];
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), lane = column_index();
  MultibandDesign d = MultibandDesign(io.design);
  if (block >= io.n_blocks || int(gl_LocalInvocationID.x) >= d.points) return;
  const int at = block * d.points + int(gl_LocalInvocationID.x);
  const int band = band_of_lane(d, lane), first = band * d.groups, group = lane - first;
  const int own = lane_level(io, d, lane, band, at);
  int highest = own;
  const bool joins = d.groups > 1 && d.link > 0 && group != d.lfe_group;
  for (int g = 0; joins && g < d.groups; g++)
    if (g != group && g != d.lfe_group)
      highest = max_int(highest, lane_level(io, d, first + g, band, at));
  const int at_curve = curve_position(linked(own, highest, d.link));
  const int i = band * (CURVE_STEPS + 4) + (at_curve >> 8);
  lane_section(io, d, MULTIBAND_WANTED, lane).v[at] =
      curve_between(d.curve[i], d.curve[i + 1], at_curve & 255);
}
