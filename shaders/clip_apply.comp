#version 450
/* SPDX-License-Identifier: MIT
 * Soft clipper; column = channel * tiles + tile. */
#include "twin.h"
#include "clip.h"
float threshold, per_threshold;
#define SHAPE(u) clip_excess(u, threshold, per_threshold)
#include "oversample.glsl"

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer ClipDesign {
  int factor;
};

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), t = int(gl_LocalInvocationID.x);
  const uint column = uint(column_index());
  if (block >= io.n_blocks) return;
  const int channel = int(column / uint(TILES));
  const int begin = block * BLOCK_FRAMES + TILE_FRAMES * int(column % uint(TILES));
  threshold = intBitsToFloat(io.args[0]);
  per_threshold = intBitsToFloat(io.args[1]);
  load_taps(io.design);
  F32x4 src = F32x4(uvec2(src_channel(io, channel))), dst = F32x4(uvec2(dst_channel(io, channel)));
  for (int i = t; i < FRAME_QUADS; i += WORKERS)
    quads[FRAMES + i] = load_quad(src, io.n_frames, begin - 128 + 4 * i);
  oversample_tile(ClipDesign(io.design).factor);
  if (t >= TILE_GROUPS) return;
  vec4 excess[GROUP];
  decimated_frames(t, excess);
  [[unroll]] for (int q = 0; q < GROUP; q++) {
    const int frame = begin + 16 * t + 4 * q;
    store_quad(dst, io.n_frames, frame,
               flush_tiny(load_quad(src, io.n_frames, frame) + excess[q]));
  }
}
