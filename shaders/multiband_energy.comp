#version 450
/* SPDX-License-Identifier: MIT
 * Energies or squared peaks at control rate; column = lane. */
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

/* Four frames of a channel of what the detector hears, from frame i of the block on. */
vec4 heard_channel(StageIo io, MultibandDesign d, int block, int band, int channel, int i) {
  LowPass upto =
      band_end(io, d.filters, d.detector_first, d.detector_bands, block, band, channel);
  const vec4 x = load_quad(upto.frames, upto.n_frames, i);
  if (band == 0) return x;
  LowPass below = low_pass(io, d.filters, block, d.detector_first + band - 1, channel);
  return x - load_quad(below.frames, below.n_frames, i);
}

vec4 heard(StageIo io, MultibandDesign d, int block, int band, int channel, int i) {
  if (d.mid_side == 0) return heard_channel(io, d, block, band, channel, i);
  const vec4 left = heard_channel(io, d, block, band, 0, i);
  const vec4 right = heard_channel(io, d, block, band, 1, i);
  return channel == 0 ? mid_of(left, right) : side_of(left, right);
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), lane = column_index(), t = int(gl_LocalInvocationID.x);
  MultibandDesign d = MultibandDesign(io.design);
  if (block >= io.n_blocks) return;
  const int n = d.points, groups = d.groups;
  const int band = groups > 1 ? lane >> 1 : lane, only = groups > 1 ? lane & 1 : 0;
  const uint step = uint(d.step_);
  const bool peak = d.peak[band] != 0;
  float energy = 0.0; /* of point t */
  for (int c = only; c < (groups > 1 ? only + 1 : io.channels); c++) {
    barrier();
    [[unroll]] for (int k = 0; k < 4; k++) {
      const int i = 4 * (t + 128 * k);
      const vec4 x = flush_tiny(heard(io, d, block, band, c, i));
      points[i >> 1] = x.xy * x.xy;
      points[(i >> 1) + 1] = x.zw * x.zw;
    }
    if (peak) barrier();
    else halve_squares(step);
    if (t < n) energy = max_float(energy, peak ? peak_of_point(t, step) : energy_of_point(t));
  }
  if (t < n)
    lane_section(io, d, MULTIBAND_ENERGY, lane).v[block * n + t] = floatBitsToInt(energy);
}
