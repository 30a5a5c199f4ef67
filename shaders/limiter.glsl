/* SPDX-License-Identifier: MIT
 * GLSL's view of struct limiter_design, its tables in fours. */
#include "io.glsl"
#include "vectors.glsl"
#include "limiter.h"

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer LimiterDesign {
  int step_, points;
  int close, hold;
  int attack;
  int box;
  int release;
  int slow_attack, slow_release, slow_amount;
  int ebu_phases;
  int ebu_taps;
  vec4 half_taps[HALF_TAPS / 4];
  vec4 even[4 * 2], odd[4 * 2];
  vec4 ebu_even[2 * EBU_MAX_TAPS / 4], ebu_odd[2 * EBU_MAX_TAPS / 4];
  vec4 weights[64];
  ivec4 attack_weight[128];
};

I32 limiter_section(StageIo io, LimiterDesign d, uint section) {
  return I32(address_of(io.control, section, uint(io.n_blocks * d.points)));
}
