/* SPDX-License-Identifier: MIT
 * out = in + sum of mix * (gain - 1) * band; column = channel. MID_SIDE is defined or not. */
#extension GL_EXT_control_flow_attributes : require
#include "multiband.glsl"
#include "spline.glsl"
layout(local_size_x = 256) in;

#ifdef MID_SIDE
shared float factor[2][6][128 + 4];
#else
shared float factor[1][6][128 + 4];
#endif
shared vec4 weights[64];

/* Where four frames from i on find their control points, and their weights. */
struct Place {
  int i, point;
  vec4 w0, w1, w2, w3;
};
Place place_of(int i, int step) {
  const int f = i & (step - 1);
  return Place(i, first_point(i, step), weights[f], weights[f + 1], weights[f + 2],
               weights[f + 3]);
}
vec4 factors(Place at, int c, int b) {
  const int p = at.point;
  return spline_quad(at.w0, at.w1, at.w2, at.w3,
                     vec4(factor[c][b][p], factor[c][b][p + 1], factor[c][b][p + 2],
                          factor[c][b][p + 3]));
}

/* Four frames of a channel. */
#ifdef MID_SIDE
vec4 processed(StageIo io, Bands bands, int channel, Place at, bool soloed) {
  vec4 sum = vec4(0.0), rest[2], band[2];
  [[unroll]] for (int c = 0; c < 2; c++) rest[c] = input_quad(io, bands, c, at.i);
  const vec4 x = rest[channel];
  for (int b = 0; b < bands.n; b++) {
    [[unroll]] for (int c = 0; c < 2; c++) {
      band[c] = b < bands.n - 1 ? filter_quad(io, bands, b, c, at.i) : rest[c];
      rest[c] = rest[c] - band[c];
    }
    const vec4 mid = factors(at, 0, b) * mid_of(band[0], band[1]);
    const vec4 side = factors(at, 1, b) * side_of(band[0], band[1]);
    sum = sum + (channel == 0 ? mid + side : mid - side);
  }
  return flush_tiny(soloed ? sum : x + sum);
}
#else
vec4 processed(StageIo io, Bands bands, int channel, Place at, bool soloed) {
  const vec4 x = input_quad(io, bands, channel, at.i);
  vec4 sum = vec4(0.0), rest = x;
  for (int b = 0; b < bands.n; b++) {
    const vec4 band = b < bands.n - 1 ? filter_quad(io, bands, b, channel, at.i) : rest;
    rest = rest - band;
    sum = sum + factors(at, 0, b) * band;
  }
  return flush_tiny(soloed ? sum : x + sum);
}
#endif

/* Fills factor[at] with those of channel c. */
void fill_factors(StageIo io, MultibandDesign d, int block, int c, int at) {
  const int last = int(uint(io.n_frames - 1) / uint(d.step_));
  const int bands = d.bands, points = d.points;
  for (int b = 0; b < bands; b++) {
    const int lane = b * d.groups + d.group_of[c];
    I32 reduction = lane_section(io, d, MULTIBAND_REDUCTION, lane);
    I32 slow = lane_section(io, d, d.slow > 0 ? d.slow : MULTIBAND_REDUCTION, lane);
    const int makeup = d.makeup[b] * 256, attack_sign = d.attack_sign[b];
    const float mix_share = d.mix_share[8 * c + b], keep = d.keep[b];
    for (int k = int(gl_LocalInvocationID.x); k < points + 4; k += 256) {
      const int p = min_int(max_int(block * points + k - 2, 0), last);
      const int r = attacked(reduction.v[p], slow.v[p], attack_sign);
      factor[at][b][k] = band_factor(makeup - r * 4, mix_share, keep);
    }
  }
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), channel = column_index(), t = int(gl_LocalInvocationID.x);
  MultibandDesign d = MultibandDesign(io.design);
  if (block >= io.n_blocks) return;
  const bool soloed = d.soloed != 0;
  const Bands bands = Bands(d.bands, d.filters, 0, block);
  const int step = d.step_;
#ifdef MID_SIDE
  for (int c = 0; c < 2; c++) fill_factors(io, d, block, c, c);
#else
  fill_factors(io, d, block, channel, 0);
#endif
  if (t < 64) weights[t] = d.weights[t];
  barrier();
  F32x4 dst = F32x4(uvec2(dst_channel(io, channel)));
  for (int i = 4 * t; i < BLOCK_FRAMES; i += 4 * 256) {
    const Place at = place_of(i, step);
    store_quad(dst, io.n_frames, block * BLOCK_FRAMES + i,
               processed(io, bands, channel, at, soloed));
  }
}
