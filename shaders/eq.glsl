/* SPDX-License-Identifier: MIT
 * GLSL's view of struct linear_design. */
#include "convolve.glsl"

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer EqDesign {
  int partitions, centre_blocks;
  int active_[4];
  int unused[2];
  float twiddle[8192];
  float spectra[];
};
const uint EQ_TWIDDLE = 8u, EQ_SPECTRA = EQ_TWIDDLE + 8192u; /* words into the design */
