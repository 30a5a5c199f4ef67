#version 450
/* SPDX-License-Identifier: MIT
 * Sums of channels; column = output channel. */
#include "io.glsl"
#include "fold.h"
layout(local_size_x = 256) in;

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer FoldDesign {
  int n[MAX_CHANNELS];
  int in_[12 * MAX_CHANNELS];
  float gain[12 * MAX_CHANNELS];
};

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), channel = column_index();
  if (block >= io.n_blocks) return;
  FoldDesign d = FoldDesign(io.design);
  const int first = 12 * channel, end = first + d.n[channel];
  F32x4 dst = F32x4(uvec2(dst_channel(io, channel)));
  for (int i = 4 * int(gl_LocalInvocationID.x); i < BLOCK_FRAMES; i += 4 * 256) {
    const int frame = block * BLOCK_FRAMES + i;
    vec4 sum = vec4(0.0);
    for (int k = first; k < end; k++) {
      const vec4 x = load_quad(F32x4(uvec2(src_channel(io, d.in_[k]))), io.n_frames, frame);
      const float gain = d.gain[k];
      sum = vec4(fold_add(sum.x, gain, x.x), fold_add(sum.y, gain, x.y),
                 fold_add(sum.z, gain, x.z), fold_add(sum.w, gain, x.w));
    }
    store_quad(dst, io.n_frames, frame, vec4(flush_tiny(sum.x), flush_tiny(sum.y),
                                             flush_tiny(sum.z), flush_tiny(sum.w)));
  }
}
