#version 450
/* SPDX-License-Identifier: MIT
 * Attack and release; column = lane. */
#define SEQUENTIAL
#include "multiband.glsl"
#include "walk.glsl"

/* One follower over points [begin, end) of `wanted`. */
void follow(I32x4 wanted, int rise, int fall, int begin, int end, I32 reduction) {
  I32x4 to = I32x4(uvec2(reduction));
  int r = begin > 0 ? reduction.v[begin - 1] : 0;
  Points next = load_points(wanted, begin, end);
  for (int k = begin; k < end; k += WALK) {
    Points x = next;
    next = load_points(wanted, k + WALK, end);
    [[unroll]] for (int i = 0; i < WALK; i++) {
      r = follow_step(r, x.v[i >> 2][i & 3] * 64, rise, fall);
      x.v[i >> 2][i & 3] = r;
    }
    store_points(to, k, x);
  }
}

void main() {
  if (!lane_active()) return;
  const StageIo io = lane_io();
  MultibandDesign d = MultibandDesign(io.design);
  const int begin = first_block() * d.points, end = end_block(io) * d.points;
  if (begin >= end) return;
  const int lane = column_index(), band = band_of_lane(d, lane);
  const int from = d.held > 0 ? d.held : MULTIBAND_WANTED;
  I32x4 wanted = I32x4(uvec2(lane_section(io, d, from, lane)));
  follow(wanted, d.rise[band], d.fall[band], begin, end,
         lane_section(io, d, MULTIBAND_REDUCTION, lane));
  if (d.slow > 0)
    follow(wanted, d.slow_rise[band], d.slow_fall[band], begin, end,
           lane_section(io, d, d.slow, lane));
}
