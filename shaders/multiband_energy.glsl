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

void put_squares(vec4 x, int i) {
  x = flush_tiny(x);
  points[i >> 1] = x.xy * x.xy;
  points[(i >> 1) + 1] = x.zw * x.zw;
}

/* Squares of what the detector hears in a block: of a channel, or of mid or side. */
void square_block(StageIo io, MultibandDesign d, int block, int band, int channel) {
  const Bands heard = Bands(d.detector_bands, d.filters, d.detector_first, block);
  barrier();
  [[unroll]] for (int k = 0; k < 4; k++) {
    const int i = 4 * (int(gl_LocalInvocationID.x) + 128 * k);
#ifdef MID_SIDE
    const vec4 left = band_quad(io, heard, band, 0, i), right = band_quad(io, heard, band, 1, i);
    const vec4 x = channel > 0 ? side_of(left, right) : mid_of(left, right);
#else
    const vec4 x = band_quad(io, heard, band, channel, i);
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
  const int band = band_of_lane(d, lane), group = lane - band * groups;
  const bool is_lfe = group == d.lfe_group, one = groups == io.channels || is_lfe;
  const int first = groups == io.channels ? group : is_lfe ? d.lfe : 0;
  const int end = one ? first + 1 : io.channels, left_out = one ? -1 : d.lfe;
  const uint step = uint(d.step_);
  float energy = 0.0; /* of point t */
  peak = d.peak[band] != 0;
  for (int c = first; c < end; c++) {
    square_block(io, d, block, band, c);
    halve_squares(step);
    if (t < n && c != left_out) energy = max_float(energy, energy_of_point(t));
  }
  if (t < n)
    lane_section(io, d, MULTIBAND_ENERGY, lane).v[block * n + t] = floatBitsToInt(energy);
}
