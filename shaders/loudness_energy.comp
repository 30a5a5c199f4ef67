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
  vec2 z[16];
  [[unroll]] for (int j = 0; j < 16; j++) z[j] = vec2(0.0);
  conv_add(z, io, io.channels * CONV_SPECTRUM, block, channel,
           word_address(io.design, LOUDNESS_SPECTRA), d.partitions, 0);
  conv_inverse(F32(word_address(io.design, LOUDNESS_TWIDDLE)), z, false);
  const int frames = io.n_frames - block * CONV_BLOCK;
  barrier();
  [[unroll]] for (int k = 0; k < 8; k++) {
    const int pair = g + 128 * k;
    vec2 y = flush_tiny(z[8 + k]);
    y = vec2(2 * pair < frames ? y.x : 0.0, 2 * pair + 1 < frames ? y.y : 0.0);
    points[pair] = y * y;
  }
  halve_squares(uint(d.step_));
  I32 energy = loudness_section(io, d, channel);
  for (int k = g; k < d.points; k += 128)
    energy.v[block * d.points + k] = floatBitsToInt(energy_of_point(k) * d.weight[channel]);
}
