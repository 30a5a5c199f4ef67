/* SPDX-License-Identifier: MIT
 * The filters of a stage with crossovers; column = filter * channels + channel. */
#include "convolve.glsl"
#include "crossover.glsl"

struct CrossoverFilters {
  int filters, partitions, centre_blocks;
  uint twiddle, spectra; /* words from the design's begin */
};
void crossover_split(StageIo io, CrossoverFilters x) {
  const int block = block_index();
  if (block >= io.n_blocks) return;
  const uint column = uint(column_index());
  const int f = int(column / uint(io.channels)), c = int(column % uint(io.channels));
  const uint at = x.spectra + uint(f * x.partitions) * CONV_SPECTRUM;
  vec2 z[16];
  [[unroll]] for (int j = 0; j < 16; j++) z[j] = vec2(0.0);
  conv_add(z, io, crossover_ring_words(io, x.filters), block, c, word_address(io.design, at),
           x.partitions, x.centre_blocks);
  conv_inverse(F32(word_address(io.design, x.twiddle)), z, true);
  F32x2 to = F32x2(filter_block(io, x.filters, block, f, c));
  [[unroll]] for (int k = 0; k < 8; k++) to.v[int(gl_LocalInvocationID.x) + 128 * k] = z[8 + k];
}
