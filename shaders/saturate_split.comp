#version 450
/* SPDX-License-Identifier: MIT
 * The crossovers' low passes. */
#include "crossover_split.glsl"
#include "saturate.glsl"

void main() {
  const StageIo io = lane_io();
  SaturateDesign d = SaturateDesign(io.design);
  crossover_split(io, CrossoverFilters(d.bands - 1, d.partitions, d.centre_blocks,
                                       SATURATE_TWIDDLE, SATURATE_SPECTRA));
}
