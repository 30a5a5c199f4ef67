#version 450
/* SPDX-License-Identifier: MIT
 * Sums of channels, then of objects; column = output channel. */
#include "io.glsl"
#include "fold.h"
layout(local_size_x = 256) in;

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer FoldDesign {
  int n[MAX_CHANNELS];
  int in_[12 * MAX_CHANNELS];
  float gain[12 * MAX_CHANNELS];
  int n_objects, first_object, n_outputs, n_blocks, n_segments;
  int at_frame, at_ramp, at_inverse, at_gain;
  int words[];
};

vec4 add_quad(vec4 sum, vec4 gain, vec4 x) {
  return vec4(fold_add(sum.x, gain.x, x.x), fold_add(sum.y, gain.y, x.y),
              fold_add(sum.z, gain.z, x.z), fold_add(sum.w, gain.w, x.w));
}

/* The last of segments first .. last that begins at or before the frame, or the first. */
int segment_at(FoldDesign d, int first, int last, int frame) {
  while (first < last) {
    const int middle = (first + last + 1) >> 1;
    if (d.words[d.at_frame + middle] <= frame) first = middle;
    else last = middle - 1;
  }
  return first;
}

float gain_of(FoldDesign d, int segment, int channel) {
  return intBitsToFloat(d.words[d.at_gain + segment * d.n_outputs + channel]);
}

float gain_at(FoldDesign d, int segment, int channel, int frame) {
  const int since = frame - d.words[d.at_frame + segment];
  const float to = gain_of(d, segment, channel);
  if (since >= d.words[d.at_ramp + segment]) return to;
  return fold_ramp(gain_of(d, segment - 1, channel), to, since,
                   intBitsToFloat(d.words[d.at_inverse + segment]));
}

/* Of four frames, whose segments are among first .. last. */
vec4 quad_gain(FoldDesign d, int first, int last, int channel, int frame) {
  if (first == last && frame - d.words[d.at_frame + first] >= d.words[d.at_ramp + first])
    return vec4(gain_of(d, first, channel));
  vec4 gain;
  for (int i = 0; i < 4; i++)
    gain[i] = gain_at(d, segment_at(d, first, last, frame + i), channel, frame + i);
  return gain;
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), channel = column_index();
  if (block >= io.n_blocks) return;
  FoldDesign d = FoldDesign(io.design);
  const int first = 12 * channel, end = first + d.n[channel];
  const int n_objects = channel < d.n_outputs ? d.n_objects : 0;
  F32x4 dst = F32x4(uvec2(dst_channel(io, channel)));
  for (int i = 4 * int(gl_LocalInvocationID.x); i < BLOCK_FRAMES; i += 4 * 256) {
    const int frame = block * BLOCK_FRAMES + i;
    vec4 sum = vec4(0.0);
    for (int k = first; k < end; k++) {
      const vec4 x = load_quad(F32x4(uvec2(src_channel(io, d.in_[k]))), io.n_frames, frame);
      sum = add_quad(sum, vec4(d.gain[k]), x);
    }
    for (int k = 0; k < n_objects; k++) {
      const int table = k * (d.n_blocks + 1);
      const int from = d.words[table + min_int(block, d.n_blocks)];
      const int to = d.words[table + min_int(block + 1, d.n_blocks)];
      const vec4 gain = quad_gain(d, from, to, channel, frame);
      if (gain == vec4(0.0)) continue;
      F32x4 src = F32x4(uvec2(src_channel(io, d.first_object + k)));
      sum = add_quad(sum, gain, load_quad(src, io.n_frames, frame));
    }
    store_quad(dst, io.n_frames, frame, vec4(flush_tiny(sum.x), flush_tiny(sum.y),
                                             flush_tiny(sum.z), flush_tiny(sum.w)));
  }
}
