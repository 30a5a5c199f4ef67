/* SPDX-License-Identifier: MIT
 * GLSL's view of struct loudness_design. */
#include "io.glsl"
#include "twin.h"
#include "loudness.h"

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer LoudnessDesign {
  int partitions, step_, points;
  int quarters;
  float weight[MAX_CHANNELS];
  float twiddle[8192];
  float spectra[];
};
const uint LOUDNESS_TWIDDLE = 4u + MAX_CHANNELS, LOUDNESS_SPECTRA = LOUDNESS_TWIDDLE + 8192u;

I32 loudness_section(StageIo io, LoudnessDesign d, int section) {
  return I32(address_of(io.control, uint(section), uint(io.n_blocks * d.points)));
}
