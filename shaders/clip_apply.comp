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
  const int block = block_index();
  const uint column = uint(column_index());
  if (block >= io.n_blocks) return;
  const int channel = int(column / uint(TILES));
  const int begin = block * BLOCK_FRAMES + TILE_FRAMES * int(column % uint(TILES));
  threshold = intBitsToFloat(io.args[0]);
  per_threshold = intBitsToFloat(io.args[1]);
  load_taps(io.design);
  F32 src = src_channel(io, channel), dst = dst_channel(io, channel);
  FOR_SAMPLES(n, -128, TILE_FRAMES + 127) B(n) = load_frame(src, io.n_frames, begin + n);
  oversample_tile(ClipDesign(io.design).factor);
  FOR_SAMPLES(n, 0, min_int(TILE_FRAMES, io.n_frames - begin) - 1)
    dst.v[begin + n] = flush_tiny(src.v[begin + n] + decimated_frame(n));
}
