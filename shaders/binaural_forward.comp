#version 450
/* SPDX-License-Identifier: MIT
 * Spectra of the input; column = channel. */
#include "binaural.glsl"

void main() {
  const StageIo io = lane_io();
  const int block = block_index();
  if (block > io.n_blocks) return;
  conv_forward(io, F32(word_address(io.design, BINAURAL_TWIDDLE)),
               BinauralDesign(io.design).n_inputs * CONV_SPECTRUM, block, column_index(), true);
}
