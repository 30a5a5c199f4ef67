/* SPDX-License-Identifier: MIT
 * A recurrence over all blocks of a lane that reads src, carries its state through the
 * ring and writes dst: proves addresses, order and lanes. C side: host/gpu/gpu_selftest.c. */
#version 450
#define SEQUENTIAL
#include "io.glsl"

const int STEP = 8; /* frames per step: 256 steps a block */

void main() {
  if (!lane_active()) return;
  StageIo io = lane_io();
  int column = column_index(), end = end_block(io);
  F32 dst = dst_channel(io, column), src = src_channel(io, column);
  for (int block = first_block(); block < end; block++) {
    uint state = uint(io.args[0] + column);
    if (block > 0) state = uint(ring_block_int(io, block - 1, io.channels).v[column]);
    for (int i = 0; i < BLOCK_FRAMES; i += STEP) {
      int frame = block * BLOCK_FRAMES + i;
      state = state * 1664525u + 1013904223u;
      float x = load_frame(src, io.n_frames, frame) + float(int(state >> 8));
      state ^= floatBitsToUint(x);
      if (frame < io.n_frames) dst.v[frame] = x;
    }
    ring_block_int(io, block, io.channels).v[column] = int(state);
  }
}
