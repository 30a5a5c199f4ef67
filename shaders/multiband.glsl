/* SPDX-License-Identifier: MIT
 * GLSL's view of struct multiband_design and of the stage's ring and control data. */
#include "io.glsl"
#include "twin.h"
#include "multiband.h"

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer MultibandDesign {
  int partitions, centre_blocks;
  int bands, step_, points;
  int window;
  int level_offset;
  int unused;
  int attack[8], release[8];
  int makeup[8];
  float weights[256];
  int curve[6 * (CURVE_STEPS + 4)];
  float twiddle[8192];
  float spectra[];
};
const uint MULTIBAND_TWIDDLE = 8u + 24u + 256u + 6u * (CURVE_STEPS + 4u);
const uint MULTIBAND_SPECTRA = MULTIBAND_TWIDDLE + 8192u;

int multiband_ring_words(StageIo io, MultibandDesign d) {
  return io.channels * (4096 + (d.bands - 1) * BLOCK_FRAMES);
}

/* The low pass `f` of a block and channel, in the ring. */
F32 low_pass_block(StageIo io, MultibandDesign d, int block, int f, int channel) {
  const uvec2 ring = address_of(io.ring, uint(block) % uint(io.ring_blocks),
                                uint(multiband_ring_words(io, d)));
  return F32(address_of(ring, uint(io.channels * 4096 + (f * io.channels + channel) * BLOCK_FRAMES),
                        1u));
}

/* Sample i of a band of a block: the difference of two low passes. */
float band_frame(StageIo io, MultibandDesign d, int block, int band, int channel, int i) {
  float x;
  if (band < d.bands - 1) x = low_pass_block(io, d, block, band, channel).v[i];
  else x = load_src(io, channel, block * BLOCK_FRAMES + i);
  if (band > 0) x = x - low_pass_block(io, d, block, band - 1, channel).v[i];
  return x;
}

/* Control words of a section and band, for the whole track. */
I32 band_section(StageIo io, MultibandDesign d, int section, int band) {
  return I32(address_of(io.control, uint(section * d.bands + band), uint(io.n_blocks * d.points)));
}
