/* SPDX-License-Identifier: MIT
 * What the dither's passes share. */
#include "twin.h"
#include "dither.h"

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer DitherDesign {
  int shift, mode, fraction, blank_frames;
  int tap[12];
};
const int NEVER = 0x7fffffff; /* blank_frames: digital silence gets noise, too */

int noise_of(uint seed, int mode, int fraction, int frame, int channel) {
  uint r1 = uint(frame), r2 = uint(channel), before = uint(frame) - 1u, unused = uint(channel);
  if (mode == DITHER_NONE) return 0;
  PHILOX(r1, r2, seed)
  if (mode == DITHER_TPDF_HP) PHILOX(before, unused, seed)
  return dither_noise(mode, r1, r2, before, fraction);
}

/* The last frame before `begin` and within `most` frames of it that is not zero, found by
 * all invocations of a workgroup; without one: begin - most - 1. At the track's start all
 * frames before it are zero. */
shared int last_sounding;
int find_last_sounding(F32 x, int begin, int most, int t, int invocations) {
  if (t == 0) last_sounding = begin - most - 1;
  barrier();
  int mine = begin - most - 1;
  for (int frame = max_int(begin - most, 0) + t; frame < begin; frame += invocations)
    if (to_fixed(x.v[frame]) != 0) mine = frame;
  if (mine >= begin - most) atomicMax(last_sounding, mine);
  barrier();
  const int found = last_sounding;
  barrier();
  return found;
}
