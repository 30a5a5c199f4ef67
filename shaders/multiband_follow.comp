#version 450
/* SPDX-License-Identifier: MIT
 * Attack and release; column = band. */
#define SEQUENTIAL
#include "multiband.glsl"
#include "walk.glsl"

void main() {
  if (!lane_active()) return;
  const StageIo io = lane_io();
  const int band = column_index();
  MultibandDesign d = MultibandDesign(io.design);
  const int begin = push.first * d.points;
  const int end = min_int(push.first + push.count, io.n_blocks) * d.points;
  I32 reduction = band_section(io, d, MULTIBAND_REDUCTION, band);
  I32x4 from = I32x4(uvec2(band_section(io, d, MULTIBAND_WANTED, band)));
  I32x4 to = I32x4(uvec2(reduction));
  if (begin >= end) return;
  const int attack = d.attack[band], release = d.release[band];
  int r = begin > 0 ? reduction.v[begin - 1] : 0;
  Points next = load_points(from, begin, end);
  for (int k = begin; k < end; k += WALK) {
    Points x = next;
    next = load_points(from, k + WALK, end);
    [[unroll]] for (int i = 0; i < WALK; i++) {
      r = follow_step(r, x.v[i >> 2][i & 3] * 64, attack, release);
      x.v[i >> 2][i & 3] = r;
    }
    store_points(to, k, x);
  }
}
