/* SPDX-License-Identifier: MIT
 * GLSL's view of struct multiband_design and of the stage's ring and control data. */
#include "crossover.glsl"
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

/* What band `band` of a block ends with. */
LowPass band_end(StageIo io, int bands, int block, int band, int channel) {
  if (band < bands - 1) return low_pass(io, bands - 1, block, band, channel);
  return input_block(io, block, channel);
}

/* Control words of a section and band, for the whole track. */
I32 band_section(StageIo io, MultibandDesign d, int section, int band) {
  return I32(address_of(io.control, uint(section * d.bands + band), uint(io.n_blocks * d.points)));
}
