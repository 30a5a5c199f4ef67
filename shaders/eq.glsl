/* SPDX-License-Identifier: MIT
 * GLSL's view of struct linear_design. */
#include "convolve.glsl"

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer EqDesign {
  int partitions, centre_blocks;
  int unused[2];
  int n_inputs[MAX_CHANNELS];
  int input_[2 * MAX_CHANNELS], filter_[2 * MAX_CHANNELS]; /* [channel][2] */
  float twiddle[8192];
  float spectra[];
};
const uint EQ_TWIDDLE = 4u + 5u * MAX_CHANNELS; /* words into the design */
const uint EQ_SPECTRA = EQ_TWIDDLE + 8192u;
