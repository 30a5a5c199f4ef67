/* SPDX-License-Identifier: MIT
 * GLSL's view of struct limiter_design, its tables in fours. */
#include "io.glsl"
#include "vectors.glsl"
#include "limiter.h"

struct LimiterPace {
  int close, grid;
  int rise, rise_nodes, fall, fall_nodes;
  int look_ahead_us, release_us;
};
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer LimiterDesign {
  int step_, points;
  int groups, link;
  int n_paces;
  int hold;
  int box;
  int slow_attack, slow_release, slow_amount;
  int ebu_phases;
  int ebu_taps;
  int points_log2;
  LimiterPace pace[32];
  int spike[32];
  LimiterPace spike_pace[32];
  int phases[2];
  int lfe_group;
  int group_of[MAX_CHANNELS];
  vec4 even[2 * 8 * 2], odd[2 * 8 * 2];
  vec4 ebu_even[2 * EBU_MAX_TAPS / 4], ebu_odd[2 * EBU_MAX_TAPS / 4];
  vec4 weights[64];
  float twiddle[8192];
  float half_way[4096];
};
/* words in */
const uint LIMITER_TWIDDLE = 560u + MAX_CHANNELS + 2u * 128u + 4u * EBU_MAX_TAPS + 256u;
const uint LIMITER_HALF_WAY = LIMITER_TWIDDLE + 8192u;

/* A section of a channel or group, for the whole track. */
I32 limiter_section(StageIo io, LimiterDesign d, uint section, int group) {
  return I32(address_of(io.control, section * uint(io.channels) + uint(group),
                        uint(io.n_blocks * d.points)));
}

/* The reduction that the slow stage follows. */
I32 limiter_reduced(StageIo io, LimiterDesign d, int group) {
  return limiter_section(io, d, d.spike[io.args[2]] > 0 ? LIMITER_BOTH : LIMITER_CLOSED, group);
}

/* The points after a block's frames - MID_SHIFT and on, in the ring. */
uvec2 limiter_mids(StageIo io, int block, int channel) {
  const uint at = uint(block) % uint(io.ring_blocks) * uint(io.channels) + uint(channel);
  return address_of(io.ring, at, BLOCK_FRAMES);
}
