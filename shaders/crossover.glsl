/* SPDX-License-Identifier: MIT
 * GLSL's view of a ring with crossovers (dsp-reference/crossover.h). */
#ifndef LACQUER_CROSSOVER_GLSL
#define LACQUER_CROSSOVER_GLSL
#include "io.glsl"

int crossover_ring_words(StageIo io, int filters) {
  return io.channels * (4096 + filters * BLOCK_FRAMES);
}

/* The frames of filter `f` of a block and channel, in the ring. */
uvec2 filter_block(StageIo io, int filters, int block, int f, int channel) {
  const uvec2 ring = address_of(io.ring, uint(block) % uint(io.ring_blocks),
                                uint(crossover_ring_words(io, filters)));
  const int at = io.channels * 4096 + (f * io.channels + channel) * BLOCK_FRAMES;
  return address_of(ring, uint(at), 1u);
}

/* What a band ends with: a low pass of a block, or the input above the last crossover. A
 * band is the difference of its own and the one below. */
struct LowPass {
  F32x4 frames;
  int n_frames; /* of the block; 0 after them */
};
LowPass input_block(StageIo io, int block, int channel) {
  const uvec2 src = address_of(io.src, uint(channel), uint(io.stride));
  return LowPass(F32x4(address_of(src, uint(block), BLOCK_FRAMES)),
                 io.n_frames - block * BLOCK_FRAMES);
}
LowPass low_pass(StageIo io, int filters, int block, int f, int channel) {
  return LowPass(F32x4(filter_block(io, filters, block, f, channel)), BLOCK_FRAMES);
}
#endif
