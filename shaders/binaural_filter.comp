#version 450
/* SPDX-License-Identifier: MIT
 * Sums of filtered channels; column = output channel, of which 0 and 1 are the ears. */
#include "binaural.glsl"

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), ear = column_index();
  if (block >= io.n_blocks) return;
  BinauralDesign d = BinauralDesign(io.design);
  F32x2 dst = F32x2(uvec2(dst_channel(io, ear)));
  vec2 z[16];
  [[unroll]] for (int j = 0; j < 16; j++) z[j] = vec2(0.0);
  if (ear < 2) {
    for (int i = 0; i < d.n_inputs; i++) {
      const uint at =
          BINAURAL_SPECTRA + uint((ear * d.n_inputs + i) * d.partitions) * CONV_SPECTRUM;
      conv_add(z, io, d.n_inputs * CONV_SPECTRUM, block, i, word_address(io.design, at),
               d.partitions, 0);
    }
    conv_inverse(F32(word_address(io.design, BINAURAL_TWIDDLE)), z, true);
  }
  [[unroll]] for (int k = 0; k < 8; k++) {
    const int frame = block * CONV_BLOCK + 2 * (int(gl_LocalInvocationID.x) + 128 * k);
    store_pair(dst, io.n_frames, frame, z[8 + k]);
  }
}
