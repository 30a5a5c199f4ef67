#version 450
/* SPDX-License-Identifier: MIT
 * Look-ahead and hold of the wanted reduction; column = lane. */
#include "multiband.glsl"
layout(local_size_x = 128) in;

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), lane = column_index(), t = int(gl_LocalInvocationID.x);
  MultibandDesign d = MultibandDesign(io.design);
  if (block >= io.n_blocks || t >= d.points || d.held == 0) return;
  const int band = band_of_lane(d, lane);
  const int at = block * d.points + t, from = at + d.ahead[band];
  const int last = io.n_blocks * d.points - 1, attack_sign = d.attack_sign[band];
  I32 wanted = lane_section(io, d, MULTIBAND_WANTED, lane);
  int held = wanted.v[min_int(from, last)];
  for (int j = max_int(from - last, 1); j <= min_int(d.hold[band], from); j++)
    held = attacked(held, wanted.v[from - j], attack_sign);
  lane_section(io, d, d.held, lane).v[at] = held;
}
