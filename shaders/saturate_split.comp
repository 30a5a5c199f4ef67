#version 450
/* SPDX-License-Identifier: MIT
 * The crossovers' low passes; column = low pass * channels + channel. */
#include "convolve.glsl"
#include "saturate.glsl"

void main() {
  const StageIo io = lane_io();
  const int block = block_index();
  if (block >= io.n_blocks) return;
  SaturateDesign d = SaturateDesign(io.design);
  const uint column = uint(column_index());
  const int f = int(column / uint(io.channels)), c = int(column % uint(io.channels));
  const uint at = SATURATE_SPECTRA + uint(f * d.partitions) * CONV_SPECTRUM;
  vec2 z[16];
  [[unroll]] for (int j = 0; j < 16; j++) z[j] = vec2(0.0);
  conv_add(z, io, crossover_ring_words(io, d.bands - 1), block, c, word_address(io.design, at),
           d.partitions, d.centre_blocks);
  conv_inverse(F32(word_address(io.design, SATURATE_TWIDDLE)), z);
  F32x2 to = F32x2(filter_block(io, d.bands - 1, block, f, c));
  [[unroll]] for (int k = 0; k < 8; k++) to.v[int(gl_LocalInvocationID.x) + 128 * k] = z[8 + k];
}
