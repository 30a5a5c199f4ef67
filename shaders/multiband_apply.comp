#version 450
/* SPDX-License-Identifier: MIT
 * out = in + sum of (gain - 1) * band; column = channel. */
#include "multiband.glsl"
layout(local_size_x = 256) in;

shared float gain[6][128 + 4];

float band_sum(StageIo io, MultibandDesign d, int block, int channel, int i) {
  const int k = int(uint(i) / uint(d.step_)), f = i - k * d.step_;
  const int c = k + (2 * f >= d.step_ ? 1 : 0), w = 4 * f;
  float sum = 0.0;
  for (int b = 0; b < d.bands; b++) {
    const float g = spline(d.weights[w], d.weights[w + 1], d.weights[w + 2], d.weights[w + 3],
                           gain[b][c], gain[b][c + 1], gain[b][c + 2], gain[b][c + 3]);
    sum = sum + g * band_frame(io, d, block, b, channel, i);
  }
  return sum;
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), channel = column_index();
  MultibandDesign d = MultibandDesign(io.design);
  if (block >= io.n_blocks) return;
  const int last = int(uint(io.n_frames - 1) / uint(d.step_));
  for (int b = 0; b < d.bands; b++)
    for (int k = int(gl_LocalInvocationID.x); k < d.points + 4; k += 256) {
      const int at = min_int(max_int(block * d.points + k - 2, 0), last);
      const int r = band_section(io, d, MULTIBAND_REDUCTION, b).v[at];
      gain[b][k] = level_exp2(d.makeup[b] * 256 - r * 4) - 1.0;
    }
  barrier();
  F32 src = src_channel(io, channel), dst = dst_channel(io, channel);
  for (int i = int(gl_LocalInvocationID.x); i < BLOCK_FRAMES; i += 256) {
    const int frame = block * BLOCK_FRAMES + i;
    if (frame < io.n_frames)
      dst.v[frame] = flush_tiny(src.v[frame] + band_sum(io, d, block, channel, i));
  }
}
