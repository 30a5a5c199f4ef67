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

int quantised(uint seed, int shift, int tpdf, float x, int frame, int channel) {
  uint r1 = uint(frame), r2 = uint(channel);
  PHILOX(r1, r2, seed)
  return quantise(to_fixed(x), r1, r2, shift, tpdf);
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), t = int(gl_LocalInvocationID.x);
  if (block >= io.n_blocks) return;
  DitherDesign d = DitherDesign(io.design);
  const int end = min_int(io.n_frames, (block + 1) * BLOCK_FRAMES);
  const int shift = d.shift, tpdf = d.tpdf;
  const uint seed = uint(io.args[0]);
  if (t == 0) over = 0;
  barrier();
  int mine = 0;
  for (int frame = block * BLOCK_FRAMES + t; frame < end; frame += 256) {
    /* one frame of all channels lies together */
    I32 to = I32(address_of(io.dst, uint(frame), uint(io.channels)));
    for (int c = 0; c < io.channels; c++) {
      const float x = src_channel(io, c).v[frame];
      if (abs_bits(x) > 1.0) mine++;
      to.v[c] = quantised(seed, shift, tpdf, x, frame, c);
    }
  }
  if (mine > 0) atomicAdd(over, mine);
  barrier();
  if (t == 0) I32(io.control).v[block] = over;
}
