#version 450
/* SPDX-License-Identifier: MIT
 * out = in + filtered in; column = output channel. */
#include "eq.glsl"

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), o = column_index();
  if (block >= io.n_blocks) return;
  EqDesign d = EqDesign(io.design);
  F32 tw = F32(word_address(io.design, EQ_TWIDDLE));
  ConvSum sum = conv_zero();
  for (int i = 0; i < io.channels; i++) {
    if (d.active_[2 * o + i] == 0) continue;
    const uint at = EQ_SPECTRA + uint((2 * o + i) * d.partitions) * CONV_SPECTRUM;
    conv_add(sum, io, io.channels * CONV_SPECTRUM, block, i, word_address(io.design, at),
             d.partitions, d.centre_blocks);
  }
  conv_inverse(sum, tw);
  F32 src = src_channel(io, o), dst = dst_channel(io, o);
  for (int i = int(gl_LocalInvocationID.x); i < CONV_BLOCK; i += 128) {
    const int frame = block * CONV_BLOCK + i;
    if (frame < io.n_frames) dst.v[frame] = flush_tiny(src.v[frame] + conv_frame(i));
  }
}
