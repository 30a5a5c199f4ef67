/* SPDX-License-Identifier: MIT
 * GLSL's view of struct saturate_design. */
#include "crossover.glsl"
#include "vectors.glsl"
#include "saturate.h"

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer SaturateDesign {
  int factor, unused[3];
  float taps[76];
  int bands, partitions, centre_blocks;
  int reach;
  int mid_side[MAX_CHANNELS];
  int active_[MAX_CHANNELS];
  saturate_curve curve[6];
  float low_pass_taps[SATURATE_MAX_REACH + 1];
  vec4 weights[SATURATE_STEP];
  float twiddle[8192];
  float spectra[];
};
const uint SATURATE_TWIDDLE = 84u + 2u * MAX_CHANNELS + 6u * 16u + 304u + 256u;
const uint SATURATE_SPECTRA = SATURATE_TWIDDLE + 8192u;

/* Control words of a signal, for the whole track. */
I32 signal_section(StageIo io, int signal) {
  return I32(address_of(io.control, uint(signal), uint(io.n_blocks * SATURATE_POINTS)));
}
