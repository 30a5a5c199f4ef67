/* SPDX-License-Identifier: MIT
 * GLSL's view of struct multiband_design and of the stage's ring and control data. */
#include "io.glsl"
#include "vectors.glsl"
#include "multiband.h"

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer MultibandDesign {
  int partitions, centre_blocks;
  int bands, step_, points;
  int window;
  int level_offset;
  int unused;
  int attack[8], release[8];
  int makeup[8];
  vec4 weights[64];
  int curve[6 * (CURVE_STEPS + 4)];
  float twiddle[8192];
  float spectra[];
};
const uint MULTIBAND_TWIDDLE = 8u + 24u + 256u + 6u * (CURVE_STEPS + 4u);
const uint MULTIBAND_SPECTRA = MULTIBAND_TWIDDLE + 8192u;

int multiband_ring_words(StageIo io, int bands) {
  return io.channels * (4096 + (bands - 1) * BLOCK_FRAMES);
}

/* The low pass `f` of a block and channel, in the ring. */
uvec2 low_pass_block(StageIo io, int bands, int block, int f, int channel) {
  const uvec2 ring = address_of(io.ring, uint(block) % uint(io.ring_blocks),
                                uint(multiband_ring_words(io, bands)));
  const int at = io.channels * 4096 + (f * io.channels + channel) * BLOCK_FRAMES;
  return address_of(ring, uint(at), 1u);
}

/* What a band ends with: a low pass of a block, or the input above the last crossover. A
 * band is the difference of its own and the one below. */
struct LowPass {
  F32x4 frames;
  int n_frames; /* of the block; 0 after them */
};
LowPass low_pass(StageIo io, int bands, int block, int band, int channel) {
  if (band < bands - 1)
    return LowPass(F32x4(low_pass_block(io, bands, block, band, channel)), BLOCK_FRAMES);
  const uvec2 src = address_of(io.src, uint(channel), uint(io.stride));
  return LowPass(F32x4(address_of(src, uint(block), BLOCK_FRAMES)),
                 io.n_frames - block * BLOCK_FRAMES);
}

/* Control words of a section and band, for the whole track. */
I32 band_section(StageIo io, MultibandDesign d, int section, int band) {
  return I32(address_of(io.control, uint(section * d.bands + band), uint(io.n_blocks * d.points)));
}
