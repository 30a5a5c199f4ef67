#version 450
/* SPDX-License-Identifier: MIT
 * Spectra of the input; column = channel. */
#include "convolve.glsl"
#include "saturate.glsl"

void main() {
  const StageIo io = lane_io();
  const int block = block_index();
  SaturateDesign d = SaturateDesign(io.design);
  if (block > io.n_blocks || d.bands == 1) return;
  conv_forward(io, F32(word_address(io.design, SATURATE_TWIDDLE)),
               crossover_ring_words(io, d.bands - 1), block, column_index(), true);
}
