#version 450
/* SPDX-License-Identifier: MIT
 * The crossovers' low passes; column = low pass * channels + channel. */
#include "convolve.glsl"
#include "multiband.glsl"

void main() {
  const StageIo io = lane_io();
  const int block = block_index();
  if (block >= io.n_blocks) return;
  MultibandDesign d = MultibandDesign(io.design);
  const uint column = uint(column_index());
  const int f = int(column / uint(io.channels)), c = int(column % uint(io.channels));
  const uint at = MULTIBAND_SPECTRA + uint(f * d.partitions) * CONV_SPECTRUM;
  ConvSum sum = conv_zero();
  conv_add(sum, io, multiband_ring_words(io, d), block, c, word_address(io.design, at),
           d.partitions, d.centre_blocks);
  conv_inverse(sum, F32(word_address(io.design, MULTIBAND_TWIDDLE)));
  F32 to = low_pass_block(io, d, block, f, c);
  for (int i = int(gl_LocalInvocationID.x); i < CONV_BLOCK; i += 128) to.v[i] = conv_frame(i);
}
