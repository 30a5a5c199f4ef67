/* SPDX-License-Identifier: MIT
 * GLSL's view of struct linear_design. */
#include "convolve.glsl"

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer EqDesign {
  int partitions, centre_blocks;
  int unused[2];
  int n_inputs[12];
  int input_[24], filter_[24]; /* [channel][2] */
  float twiddle[8192];
  float spectra[];
};
const uint EQ_TWIDDLE = 64u, EQ_SPECTRA = EQ_TWIDDLE + 8192u; /* words into the design */
