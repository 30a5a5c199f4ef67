#version 450
/* SPDX-License-Identifier: MIT
 * Energies or squared peaks at control rate, channels linked; column = band. */
#extension GL_EXT_control_flow_attributes : require
#include "multiband.glsl"
layout(local_size_x = 128) in;
shared vec2 points[BLOCK_FRAMES / 2];
#include "energy.glsl"

/* The largest square of point k, which has `step` frames. */
float peak_of_point(int k, uint step) {
  vec2 most = vec2(0.0);
  for (uint i = 0u; i < step / 2u; i++) {
    const vec2 x = points[uint(k) * (step / 2u) + i];
    most = vec2(max_float(x.x, most.x), max_float(x.y, most.y));
  }
  return max_float(most.y, most.x);
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), band = column_index(), t = int(gl_LocalInvocationID.x);
  MultibandDesign d = MultibandDesign(io.design);
  if (block >= io.n_blocks) return;
  const int bands = d.bands, n = d.points;
  const uint step = uint(d.step_);
  const bool peak = d.peak[band] != 0;
  float energy = 0.0; /* of point t */
  for (int c = 0; c < io.channels; c++) {
    LowPass upto = band_end(io, bands, block, band, c);
    LowPass below = band_end(io, bands, block, band > 0 ? band - 1 : 0, c);
    barrier();
    [[unroll]] for (int k = 0; k < 4; k++) {
      const int i = 4 * (t + 128 * k);
      vec4 x = load_quad(upto.frames, upto.n_frames, i);
      if (band > 0) x = x - load_quad(below.frames, below.n_frames, i);
      x = flush_tiny(x);
      points[i >> 1] = x.xy * x.xy;
      points[(i >> 1) + 1] = x.zw * x.zw;
    }
    if (peak) barrier();
    else halve_squares(step);
    if (t < n) energy = max_float(energy, peak ? peak_of_point(t, step) : energy_of_point(t));
  }
  if (t < n)
    band_section(io, d, MULTIBAND_ENERGY, band).v[block * n + t] = floatBitsToInt(energy);
}
