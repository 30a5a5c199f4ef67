#version 450
/* SPDX-License-Identifier: MIT
 * The crossovers' and the detector's filters. */
#include "crossover_split.glsl"
#include "multiband.glsl"

void main() {
  const StageIo io = lane_io();
  MultibandDesign d = MultibandDesign(io.design);
  crossover_split(io, CrossoverFilters(d.filters, d.partitions, d.centre_blocks,
                                       MULTIBAND_TWIDDLE, MULTIBAND_SPECTRA));
}
