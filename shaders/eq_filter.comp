#version 450
/* SPDX-License-Identifier: MIT
 * out = in + filtered in; column = output channel. */
#include "eq.glsl"

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), o = column_index();
  if (block >= io.n_blocks) return;
  EqDesign d = EqDesign(io.design);
  const int n_inputs = d.n_inputs[o];
  F32x2 src = F32x2(uvec2(src_channel(io, o))), dst = F32x2(uvec2(dst_channel(io, o)));
  F32 tw = F32(word_address(io.design, EQ_TWIDDLE));
  vec2 z[16];
  [[unroll]] for (int j = 0; j < 16; j++) z[j] = vec2(0.0);
  for (int k = 2 * o; k < 2 * o + n_inputs; k++) {
    const uint at = EQ_SPECTRA + uint(d.filter_[k] * d.partitions) * CONV_SPECTRUM;
    conv_add(z, io, io.channels * CONV_SPECTRUM, block, d.input_[k],
             word_address(io.design, at), d.partitions, d.centre_blocks);
  }
  conv_inverse(tw, z, true);
  [[unroll]] for (int k = 0; k < 8; k++) {
    const int frame = block * CONV_BLOCK + 2 * (int(gl_LocalInvocationID.x) + 128 * k);
    const vec2 y = load_pair(src, io.n_frames, frame) + z[8 + k];
    store_pair(dst, io.n_frames, frame, flush_tiny(y));
  }
}
