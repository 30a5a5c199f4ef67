#version 450
/* SPDX-License-Identifier: MIT
 * Dither and rounding to interleaved, left-justified words. */
#include "io.glsl"
#include "twin.h"
#include "dither.h"
layout(local_size_x = 256) in;

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer DitherDesign {
  int shift, tpdf;
};
shared int over;

int quantised(StageIo io, DitherDesign d, float x, int frame, int channel) {
  uint r1 = uint(frame), r2 = uint(channel);
  PHILOX(r1, r2, uint(io.args[0]))
  return quantise(to_fixed(x), r1, r2, d.shift, d.tpdf);
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), t = int(gl_LocalInvocationID.x);
  if (block >= io.n_blocks) return;
  DitherDesign d = DitherDesign(io.design);
  const int end = min_int(io.n_frames, (block + 1) * BLOCK_FRAMES);
  if (t == 0) over = 0;
  barrier();
  for (int c = 0; c < io.channels; c++) {
    F32 src = src_channel(io, c);
    for (int frame = block * BLOCK_FRAMES + t; frame < end; frame += 256) {
      const float x = src.v[frame];
      if (abs_bits(x) > 1.0) atomicAdd(over, 1);
      /* one frame of all channels lies together */
      I32 to = I32(address_of(io.dst, uint(frame), uint(io.channels)));
      to.v[c] = quantised(io, d, x, frame, c);
    }
  }
  barrier();
  if (t == 0) I32(io.control).v[block] = over;
}
