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

/* `n` bands of a block, of which the lowest is filter `first`; the highest is what the others
 * leave of the input. */
struct Bands {
  int n, filters, first, block;
};
/* Four frames of the block from i on. */
vec4 input_quad(StageIo io, Bands b, int channel, int i) {
  const uvec2 src = address_of(io.src, uint(channel), uint(io.stride));
  return load_quad(F32x4(address_of(src, uint(b.block), BLOCK_FRAMES)),
                   io.n_frames - b.block * BLOCK_FRAMES, i);
}
vec4 filter_quad(StageIo io, Bands b, int band, int channel, int i) {
  return F32x4(filter_block(io, b.filters, b.block, b.first + band, channel)).v[i >> 2];
}
vec4 band_quad(StageIo io, Bands b, int band, int channel, int i) {
  if (band < b.n - 1) return filter_quad(io, b, band, channel, i);
  vec4 rest = input_quad(io, b, channel, i);
  for (int k = 0; k < b.n - 1; k++) rest = rest - filter_quad(io, b, k, channel, i);
  return rest;
}
#endif
