#version 450
/* SPDX-License-Identifier: MIT
 * K-weighting and energies at control rate; column = channel. */
#include "convolve.glsl"
#include "loudness.glsl"
#include "energy.glsl"

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), channel = column_index(), g = int(gl_LocalInvocationID.x);
  if (block >= io.n_blocks) return;
  LoudnessDesign d = LoudnessDesign(io.design);
  ConvSum sum = conv_zero();
  conv_add(sum, io, io.channels * CONV_SPECTRUM, block, channel,
           word_address(io.design, LOUDNESS_SPECTRA), d.partitions, 0);
  conv_inverse(sum, F32(word_address(io.design, LOUDNESS_TWIDDLE)));
  I32 energy = loudness_section(io, d, channel);
  const int frames = io.n_frames - block * CONV_BLOCK;
  for (int k = g; k < d.points; k += 128) {
    float s[64];
    for (int i = 0; i < d.step_; i++) {
      const int n = k * d.step_ + i;
      const float y = n < frames ? flush_tiny(conv_frame(n)) : 0.0;
      s[i] = y * y;
    }
    energy.v[block * d.points + k] = floatBitsToInt(sum_by_halves(s, d.step_));
  }
}
