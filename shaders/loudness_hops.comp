#version 450
/* SPDX-License-Identifier: MIT
 * Energy of a 100 ms hop under the limiter's gains: 256 sums, then a tree. */
#include "loudness.glsl"
#include "limiter.h"
layout(local_size_x = 256) in;

shared float partial[256];

/* Of the limiter, for one of its args[0] groups of channels: as many as channels, or the first. */
float gain_of(StageIo io, LoudnessDesign d, int group, int at) {
  if (io.args[0] == 0) return 1.0;
  const uint section = LIMITER_GAIN * uint(io.channels) + uint(group);
  return 1.0 + intBitsToFloat(I32(address_of(io.aux, section, uint(io.n_blocks * d.points))).v[at]);
}

float weighted(StageIo io, LoudnessDesign d, int at) {
  const float a = intBitsToFloat(loudness_section(io, d, 0).v[at]);
  if (io.channels == 1) return weigh(gain_of(io, d, 0, at), a);
  const float b = intBitsToFloat(loudness_section(io, d, 1).v[at]);
  if (io.args[0] < 2) return weigh(gain_of(io, d, 0, at), a + b);
  return weigh(gain_of(io, d, 0, at), a) + weigh(gain_of(io, d, 1, at), b);
}

/* The same of more than two channels. */
float weighted_bed(StageIo io, LoudnessDesign d, int at) {
  const bool apart = io.args[0] == io.channels;
  float sum = 0.0;
  for (int c = 0; c < io.channels; c++) {
    const float e = intBitsToFloat(loudness_section(io, d, c).v[at]);
    sum = sum + (apart ? weigh(gain_of(io, d, c, at), e) : e);
  }
  return apart ? sum : weigh(gain_of(io, d, 0, at), sum);
}

void main() {
  const StageIo io = lane_io();
  LoudnessDesign d = LoudnessDesign(io.design);
  const int hop = block_index(), t = int(gl_LocalInvocationID.x);
  if (hop >= hop_count(io.n_frames, d.quarters, d.step_)) return;
  const int end = hop_begin(hop + 1, d.quarters);
  float sum = 0.0;
  for (int at = hop_begin(hop, d.quarters) + t; at < end; at += 256)
    sum = sum + (io.channels > 2 ? weighted_bed(io, d, at) : weighted(io, d, at));
  partial[t] = sum;
  barrier();
  for (int half_n = 128; half_n > 0; half_n /= 2) {
    if (t < half_n) partial[t] = partial[t] + partial[t + half_n];
    barrier();
  }
  if (t == 0) loudness_section(io, d, io.channels).v[hop] = floatBitsToInt(partial[0]);
}
