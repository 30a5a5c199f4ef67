#version 450
/* SPDX-License-Identifier: MIT
 * out = in + sum of mix * (gain - 1) * band; column = channel. */
#include "multiband.glsl"
#include "spline.glsl"
layout(local_size_x = 256) in;

shared float factor[2][6][128 + 4]; /* of left and right or mid and side; or [0] of the channel */
shared vec4 weights[64];

struct Bands {
  int n, filters, block, step;
};

/* Factors of channel c's band b for four frames from i on. */
vec4 factors(Bands bands, int c, int b, int i) {
  const int f = i & (bands.step - 1), p = first_point(i, bands.step);
  return spline_quad(weights[f], weights[f + 1], weights[f + 2], weights[f + 3],
                     vec4(factor[c][b][p], factor[c][b][p + 1], factor[c][b][p + 2],
                          factor[c][b][p + 3]));
}

vec4 end_quad(StageIo io, Bands bands, int b, int channel, int i) {
  LowPass pass = band_end(io, bands.filters, 0, bands.n, bands.block, b, channel);
  return load_quad(pass.frames, pass.n_frames, i);
}

/* Four frames from i on. */
vec4 processed(StageIo io, Bands bands, int channel, int i, bool soloed) {
  vec4 sum = vec4(0.0), below = vec4(0.0), upto = vec4(0.0);
  for (int b = 0; b < bands.n; b++) { /* a band is the difference of two low passes */
    upto = end_quad(io, bands, b, channel, i);
    sum = sum + factors(bands, 0, b, i) * (b > 0 ? upto - below : upto);
    below = upto;
  }
  return flush_tiny(soloed ? sum : upto + sum); /* the last low pass is the input */
}

/* The same by way of mid and side. */
vec4 processed_mid_side(StageIo io, Bands bands, int channel, int i, bool soloed) {
  vec4 sum = vec4(0.0), below[2], upto[2];
  for (int b = 0; b < bands.n; b++) {
    for (int c = 0; c < 2; c++) upto[c] = end_quad(io, bands, b, c, i);
    const vec4 left = b > 0 ? upto[0] - below[0] : upto[0];
    const vec4 right = b > 0 ? upto[1] - below[1] : upto[1];
    const vec4 mid = factors(bands, 0, b, i) * mid_of(left, right);
    const vec4 side = factors(bands, 1, b, i) * side_of(left, right);
    sum = sum + (channel == 0 ? mid + side : mid - side);
    for (int c = 0; c < 2; c++) below[c] = upto[c];
  }
  return flush_tiny(soloed ? sum : upto[channel] + sum);
}

/* Fills factor[at] with those of channel c. */
void fill_factors(StageIo io, MultibandDesign d, int block, int c, int at) {
  const int last = int(uint(io.n_frames - 1) / uint(d.step_));
  const int bands = d.bands, points = d.points;
  for (int b = 0; b < bands; b++) {
    const int lane = d.groups > 1 ? 2 * b + c : b;
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
  const bool soloed = d.soloed != 0, mid_side = d.mid_side != 0;
  const Bands bands = Bands(d.bands, d.filters, block, d.step_);
  fill_factors(io, d, block, mid_side ? 0 : channel, 0);
  if (mid_side) fill_factors(io, d, block, 1, 1);
  if (t < 64) weights[t] = d.weights[t];
  barrier();
  F32x4 dst = F32x4(uvec2(dst_channel(io, channel)));
  for (int i = 4 * t; i < BLOCK_FRAMES; i += 4 * 256)
    store_quad(dst, io.n_frames, block * BLOCK_FRAMES + i,
               mid_side ? processed_mid_side(io, bands, channel, i, soloed)
                        : processed(io, bands, channel, i, soloed));
}
