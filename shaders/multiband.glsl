/* SPDX-License-Identifier: MIT
 * GLSL's view of struct multiband_design and of the stage's ring and control data. */
#include "crossover.glsl"
#include "vectors.glsl"
#include "multiband.h"

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer MultibandDesign {
  int partitions, centre_blocks;
  int bands, step_, points;
  int held, slow;
  int soloed;
  int window[8];
  int level_offset[8];
  int peak[8];
  int ahead[8], hold[8];
  int attack_sign[8];
  int rise[8], fall[8];
  int slow_rise[8], slow_fall[8];
  int makeup[8];
  float mix_share[8], keep[8];
  vec4 weights[64];
  int curve[6 * (CURVE_STEPS + 4)];
  float twiddle[8192];
  float spectra[];
};
const uint MULTIBAND_TWIDDLE = 8u + 13u * 8u + 256u + 6u * (CURVE_STEPS + 4u);
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
