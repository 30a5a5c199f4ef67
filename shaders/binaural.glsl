/* SPDX-License-Identifier: MIT
 * GLSL's view of struct binaural_design. */
#include "convolve.glsl"

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer BinauralDesign {
  int partitions, n_inputs;
  int unused[2];
  float twiddle[8192];
  float spectra[];
};
const uint BINAURAL_TWIDDLE = 4u, BINAURAL_SPECTRA = BINAURAL_TWIDDLE + 8192u; /* words */
