/* SPDX-License-Identifier: MIT
 * GLSL's view of struct limiter_design. */
#include "io.glsl"
#include "twin.h"
#include "limiter.h"

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer LimiterDesign {
  int step_, points;
  int close, hold;
  int attack;
  int box;
  int release;
  int slow_attack, slow_release, slow_amount;
  int ebu_phases;
  int ebu_taps;
  float half_taps[HALF_TAPS];
  float even[4 * 8], odd[4 * 8];
  float ebu_even[2 * EBU_MAX_TAPS], ebu_odd[2 * EBU_MAX_TAPS];
  float weights[256];
  int attack_weight[512];
};

I32 limiter_section(StageIo io, LimiterDesign d, uint section) {
  return I32(address_of(io.control, section, uint(io.n_blocks * d.points)));
}
