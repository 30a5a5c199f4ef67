/* SPDX-License-Identifier: MIT
 * BS.1770-4 loudness: K-weighted energies at control rate by the FFT engine, and
 * the energy of every 100 ms hop under any gain curve. */
#ifndef LACQUER_LOUDNESS_H
#define LACQUER_LOUDNESS_H
#include "twin.h"
/* First control point of hop h; four hops span `quarters` points. */
TWIN_FN int hop_begin(int h, int quarters) { return (h * quarters + 2) >> 2; }
/* Energy of a control point under a gain. Below 2^-50 it is nothing to a gate at -70 LUFS;
 * and a gain is 0 or at least 2^-24, so that no product is denormal. */
TWIN_FN float weigh(float gain, float energy) { return gain * gain * flush_tiny(energy); }
/* Whole hops in a track. */
TWIN_FN int hop_count(int n_frames, int quarters, int frames_per_point) {
  return to_int(to_uint(n_frames) / (to_uint(quarters * frames_per_point) / 4u));
}

#ifndef VULKAN
#include "stage.h"

struct loudness_params {
  double loudness_lufs; /* integrated target; NAN: leave the level alone */
};
extern const struct stage stage_loudness;

/* The design both twins read. Control sections: K-weighted energy of every control
 * point, per channel (float bits); then the hops' energies, from the section's start.
 * args[0] = 1: hops weigh the energies by the square of the gains in aux (the
 * limiter's control words). */
struct loudness_design {
  int32_t partitions, step, points; /* frames per point, points per block */
  int32_t quarters;                 /* points in four hops of 100 ms */
  float twiddle[8192];
  float spectra[]; /* [partition][4096] */
};
enum { LOUDNESS_FORWARD, LOUDNESS_ENERGY, LOUDNESS_HOPS };

/* Number of whole 100 ms hops in a track. */
int32_t loudness_hops(int32_t n_frames, int rate_hz);
/* Control word where the hops' energies begin. */
int64_t loudness_hops_offset(const struct stage_design *design, int32_t n_blocks, int channels);
/* Gated integrated loudness of hop energies (sums of squares over hop_frames frames,
 * channels added), BS.1770-4: 400 ms blocks every 100 ms, -70 LUFS and -10 LU gates.
 * -HUGE_VAL for silence or under 400 ms. `scratch` holds n doubles. */
double loudness_integrated(const float *hops, int32_t n, int rate_hz, double *scratch);
#endif
#endif
