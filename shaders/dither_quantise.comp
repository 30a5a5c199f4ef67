#version 450
/* SPDX-License-Identifier: MIT
 * Dither and rounding to interleaved, left-justified words, or words of floats; all modes
 * but DITHER_SHAPED. Counts samples beyond full scale in all but DITHER_FLOAT. */
#include "io.glsl"
#include "dither.glsl"
layout(local_size_x = 256) in;

shared int over;
shared int sounding[256]; /* the last frame that is not zero, up to here */

/* For every eight frames of the block the last one that is not zero, they and all before
 * them counted; `before` the block it is `last`. */
void find_sounding(F32 x, int begin, int end, int last, int t) {
  int mine = last;
  for (int frame = begin + 8 * t; frame < min_int(begin + 8 * t + 8, end); frame++)
    if (to_fixed(x.v[frame]) != 0) mine = frame;
  sounding[t] = mine;
  barrier();
  for (int step = 1; step < 256; step *= 2) {
    const int other = t < step ? last : sounding[t - step];
    barrier();
    sounding[t] = max_int(sounding[t], other);
    barrier();
  }
}

/* Whether the zero at `frame` follows blank_frames zeros. */
bool is_blank(F32 x, int begin, int frame, int last, int blank_frames) {
  const int group = (frame - begin) / 8;
  int sounds = group > 0 ? sounding[group - 1] : last;
  for (int k = begin + 8 * group; k < frame; k++)
    if (to_fixed(x.v[k]) != 0) sounds = k;
  return frame - sounds > blank_frames;
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), t = int(gl_LocalInvocationID.x);
  if (block >= io.n_blocks) return;
  DitherDesign d = DitherDesign(io.design);
  const int begin = block * BLOCK_FRAMES, end = min_int(io.n_frames, begin + BLOCK_FRAMES);
  const int shift = d.shift, mode = d.mode, blank_frames = d.blank_frames;
  const uint seed = uint(io.args[0]);
  if (t == 0) over = 0;
  barrier();
  int mine = 0;
  for (int c = 0; c < io.channels; c++) {
    F32 from = src_channel(io, c);
    int last = 0;
    if (blank_frames != NEVER && mode != DITHER_SHAPED && mode != DITHER_FLOAT) {
      last = find_last_sounding(from, begin, blank_frames, t, 256);
      find_sounding(from, begin, end, last, t);
    }
    for (int frame = begin + t; frame < end; frame += 256) {
      const float x = from.v[frame];
      if (abs_bits(x) > 1.0 && mode != DITHER_FLOAT) mine++;
      if (mode == DITHER_SHAPED) continue;
      const int fixed_point = to_fixed(x);
      int word = floatBitsToInt(x);
      if (mode != DITHER_FLOAT)
        word = quantise(fixed_point, noise_of(seed, mode, shift, frame, c), shift);
      if (mode != DITHER_FLOAT && fixed_point == 0 && blank_frames != NEVER &&
          is_blank(from, begin, frame, last, blank_frames))
        word = 0;
      I32(address_of(io.dst, uint(frame), uint(io.channels))).v[c] = word;
    }
    barrier();
  }
  if (mine > 0) atomicAdd(over, mine);
  barrier();
  if (t == 0) I32(io.control).v[block] = over;
}
