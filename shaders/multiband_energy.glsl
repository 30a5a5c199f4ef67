/* SPDX-License-Identifier: MIT
 * Energies or squared peaks at control rate; column = lane. MID_SIDE is defined or not. */
#extension GL_EXT_control_flow_attributes : require
#include "multiband.glsl"
layout(local_size_x = 128) in;
shared vec2 points[BLOCK_FRAMES / 2];

bool peak; /* the largest square, not their sum */
float joined(float a, float b) { return peak ? max_float(a, b) : a + b; }
vec2 joined(vec2 a, vec2 b) { return vec2(joined(a.x, b.x), joined(a.y, b.y)); }
#define JOIN(a, b) joined(a, b)
#include "energy.glsl"

/* What a band of a channel ends with, and below it. */
LowPass end_of(StageIo io, MultibandDesign d, int block, int band, int channel) {
  return band_end(io, d.filters, d.detector_first, d.detector_bands, block, band, channel);
}
vec4 between(LowPass upto, LowPass below, int band, int i) {
  const vec4 x = load_quad(upto.frames, upto.n_frames, i);
  return band > 0 ? x - load_quad(below.frames, below.n_frames, i) : x;
}

void put_squares(vec4 x, int i) {
  x = flush_tiny(x);
  points[i >> 1] = x.xy * x.xy;
  points[(i >> 1) + 1] = x.zw * x.zw;
}

/* Squares of what the detector hears in a block: of a channel, or of mid or side. */
void square_block(StageIo io, MultibandDesign d, int block, int band, int channel) {
#ifdef MID_SIDE
  LowPass upto = end_of(io, d, block, band, 0), other_upto = end_of(io, d, block, band, 1);
  const int low = band > 0 ? band - 1 : 0;
  LowPass below = end_of(io, d, block, low, 0), other_below = end_of(io, d, block, low, 1);
#else
  LowPass upto = end_of(io, d, block, band, channel);
  LowPass below = end_of(io, d, block, band > 0 ? band - 1 : 0, channel);
#endif
  barrier();
  [[unroll]] for (int k = 0; k < 4; k++) {
    const int i = 4 * (int(gl_LocalInvocationID.x) + 128 * k);
    vec4 x = between(upto, below, band, i);
#ifdef MID_SIDE
    const vec4 right = between(other_upto, other_below, band, i);
    x = channel > 0 ? side_of(x, right) : mid_of(x, right);
#endif
    put_squares(x, i);
  }
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), lane = column_index(), t = int(gl_LocalInvocationID.x);
  MultibandDesign d = MultibandDesign(io.design);
  if (block >= io.n_blocks) return;
  const int n = d.points, groups = d.groups;
  const int band = groups > 1 ? lane >> 1 : lane, first = groups > 1 ? lane & 1 : 0;
  const int end = groups > 1 ? first + 1 : io.channels;
  const uint step = uint(d.step_);
  float energy = 0.0; /* of point t */
  peak = d.peak[band] != 0;
  for (int c = first; c < end; c++) {
    square_block(io, d, block, band, c);
    halve_squares(step);
    if (t < n) energy = max_float(energy, energy_of_point(t));
  }
  if (t < n)
    lane_section(io, d, MULTIBAND_ENERGY, lane).v[block * n + t] = floatBitsToInt(energy);
}
