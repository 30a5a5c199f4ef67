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
  int filters;
  int detector_first, detector_bands;
  int groups, mid_side;
  int link;
  int lfe_group, lfe;
  int window[8];
  int level_offset[8];
  int peak[8];
  int ahead[8], hold[8];
  int attack_sign[8];
  int rise[8], fall[8];
  int slow_rise[8], slow_fall[8];
  int makeup[8];
  float keep[8];
  float mix_share[MAX_CHANNELS * 8]; /* [channel][band] */
  int group_of[MAX_CHANNELS];
  vec4 weights[64];
  int curve[6 * (CURVE_STEPS + 4)];
  float twiddle[8192];
  float spectra[];
};
const uint MULTIBAND_TWIDDLE =
    16u + 12u * 8u + 9u * MAX_CHANNELS + 256u + 6u * (CURVE_STEPS + 4u);
const uint MULTIBAND_SPECTRA = MULTIBAND_TWIDDLE + 8192u;

vec4 mid_of(vec4 l, vec4 r) {
  return vec4(mid_of(l.x, r.x), mid_of(l.y, r.y), mid_of(l.z, r.z), mid_of(l.w, r.w));
}
vec4 side_of(vec4 l, vec4 r) {
  return vec4(side_of(l.x, r.x), side_of(l.y, r.y), side_of(l.z, r.z), side_of(l.w, r.w));
}

int band_of_lane(MultibandDesign d, int lane) { return int(uint(lane) / uint(d.groups)); }

/* Control words of a section and lane (band * groups + group), for the whole track. */
I32 lane_section(StageIo io, MultibandDesign d, int section, int lane) {
  return I32(address_of(io.control, uint(section * d.bands * d.groups + lane),
                        uint(io.n_blocks * d.points)));
}
