#version 450
/* SPDX-License-Identifier: MIT
 * Spectra of the input; column = channel. */
#include "convolve.glsl"
#include "multiband.glsl"

void main() {
  const StageIo io = lane_io();
  const int block = block_index();
  MultibandDesign d = MultibandDesign(io.design);
  if (block > io.n_blocks || d.filters == 0) return;
  conv_forward(io, F32(word_address(io.design, MULTIBAND_TWIDDLE)),
               crossover_ring_words(io, d.filters), block, column_index(), true);
}
