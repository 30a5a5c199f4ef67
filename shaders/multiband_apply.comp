#version 450
/* SPDX-License-Identifier: MIT
 * out = in + sum of mix * (gain - 1) * band; column = channel. */
#include "multiband.glsl"
#include "spline.glsl"
layout(local_size_x = 256) in;

shared float factor[6][128 + 4];
shared vec4 weights[64];

/* Four frames from i on. */
vec4 processed(StageIo io, int bands, int step, int block, int channel, int i, bool soloed) {
  const int f = i & (step - 1), p = first_point(i, step);
  const vec4 w0 = weights[f], w1 = weights[f + 1], w2 = weights[f + 2], w3 = weights[f + 3];
  vec4 sum = vec4(0.0), below = vec4(0.0), upto = vec4(0.0);
  for (int b = 0; b < bands; b++) { /* a band is the difference of two low passes */
    LowPass pass = band_end(io, bands, block, b, channel);
    upto = load_quad(pass.frames, pass.n_frames, i);
    const vec4 points = vec4(factor[b][p], factor[b][p + 1], factor[b][p + 2], factor[b][p + 3]);
    const vec4 g = spline_quad(w0, w1, w2, w3, points);
    sum = sum + g * (b > 0 ? upto - below : upto);
    below = upto;
  }
  return flush_tiny(soloed ? sum : upto + sum); /* the last low pass is the input */
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), channel = column_index(), t = int(gl_LocalInvocationID.x);
  MultibandDesign d = MultibandDesign(io.design);
  if (block >= io.n_blocks) return;
  const int bands = d.bands, step = d.step_, points = d.points;
  const int last = int(uint(io.n_frames - 1) / uint(step));
  for (int b = 0; b < bands; b++) {
    I32 reduction = band_section(io, d, MULTIBAND_REDUCTION, b);
    I32 slow = band_section(io, d, d.slow > 0 ? d.slow : MULTIBAND_REDUCTION, b);
    const int makeup = d.makeup[b] * 256, attack_sign = d.attack_sign[b];
    const float mix_share = d.mix_share[b], keep = d.keep[b];
    for (int k = t; k < points + 4; k += 256) {
      const int at = min_int(max_int(block * points + k - 2, 0), last);
      const int r = attacked(reduction.v[at], slow.v[at], attack_sign);
      factor[b][k] = band_factor(makeup - r * 4, mix_share, keep);
    }
  }
  if (t < 64) weights[t] = d.weights[t];
  barrier();
  const bool soloed = d.soloed != 0;
  F32x4 dst = F32x4(uvec2(dst_channel(io, channel)));
  for (int i = 4 * t; i < BLOCK_FRAMES; i += 4 * 256)
    store_quad(dst, io.n_frames, block * BLOCK_FRAMES + i,
               processed(io, bands, step, block, channel, i, soloed));
}
