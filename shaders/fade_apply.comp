#version 450
/* SPDX-License-Identifier: MIT
 * The gains of the fades on one block and channel; the other frames as they are. */
#include "io.glsl"
#include "twin.h"
#include "fade.h"
layout(local_size_x = 256) in;

struct FadeEnd {
  int frames;
  uint step_high, step_low;
  int unused;
  float gain[FADE_POINTS + 4];
};
layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer FadeDesign {
  FadeEnd end[2];
};

float faded(FadeDesign d, int which, int at, float x) {
  if (at >= d.end[which].frames) return x;
  const uint position =
      fade_position(uint(at), d.end[which].step_high, d.end[which].step_low);
  const uint i = fade_index(position);
  return fade_apply(x, fade_gain(d.end[which].gain[i], d.end[which].gain[i + 1u], position));
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), channel = column_index();
  if (block >= io.n_blocks) return;
  FadeDesign d = FadeDesign(io.design);
  F32 from = src_channel(io, channel), to = dst_channel(io, channel);
  const int end = min_int(io.n_frames, (block + 1) * BLOCK_FRAMES);
  for (int frame = block * BLOCK_FRAMES + int(gl_LocalInvocationID.x); frame < end; frame += 256)
    to.v[frame] = faded(d, 1, io.n_frames - 1 - frame, faded(d, 0, frame, from.v[frame]));
}
