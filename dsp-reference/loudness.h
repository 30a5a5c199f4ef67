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
  double max_reduction_db; /* the limiter may take this much; NAN: as much as it needs */
  int infeasible;          /* enum loudness_infeasible */
  int mode;                /* enum loudness_mode */
};
/* Whose loudness it is: every track's own, or that of all tracks of the variant together,
 * by one gain for all. */
enum loudness_mode { LOUDNESS_TRACK, LOUDNESS_ALBUM };
/* What becomes of a track whose target cannot be met: the loudest master that keeps to
 * ceiling and max_reduction, or none. */
enum loudness_infeasible { INFEASIBLE_DELIVER, INFEASIBLE_FAIL };
extern const struct stage stage_loudness;

/* y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2] */
struct biquad {
  double b0, b1, b2, a1, a2;
};
/* The K-weighting at any rate: analog prototypes of BS.1770-4 annex 1 as derived by
 * libebur128, bilinear transform. */
void k_weighting(int rate_hz, struct biquad *shelf, struct biquad *high_pass);

/* The design both twins read. Control sections: K-weighted energy of every control
 * point, per channel and times the channel's weight (float bits); then the hops' energies, from
 * the section's start. args[0] > 0: hops weigh the energies by the square of the gains in aux
 * (the control words of a limiter with so many groups: as many as channels, or all in the first
 * but the LFE, which does not count). */
struct loudness_design {
  int32_t partitions, step, points; /* frames per point, points per block */
  int32_t quarters;                 /* points in four hops of 100 ms */
  float weight[MAX_CHANNELS];       /* layout_weight */
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
/* The same of several programmes together: the blocks of all go through one pair of gates,
 * none spans two of them. `scratch` holds the sum of n doubles. */
struct loudness_part {
  const float *hops;
  int32_t n;
  int rate_hz;
};
double loudness_of_parts(const struct loudness_part *parts, int n_parts, double *scratch);
/* Loudness range in LU, EBU Tech 3342: 3 s blocks every second, -70 LUFS and -20 LU gates,
 * 10th to 95th percentile; 0 when no block is above the gates. `scratch` holds n doubles. */
double loudness_range(const float *hops, int32_t n, int rate_hz, double *scratch);

/* Maxima are looked for in steps of 10 ms (EBU Tech 3341, cases 10 and 13). */
enum { LOUDNESS_TICK_MS = 10, LOUDNESS_MOMENTARY = 40, LOUDNESS_SHORT_TERM = 300 };
/* Number of whole 10 ms ticks in a track. */
int32_t loudness_ticks(int32_t n_frames, int rate_hz);
/* Adds one channel's energies of control points [first, first + n) to their ticks. */
void loudness_add_ticks(const struct loudness_design *design, int64_t first, int64_t n,
                        const float *energy, double *ticks, int32_t n_ticks);
/* The loudest `window` consecutive ticks in LUFS, before the track silence; -HUGE_VAL: all
 * silent. A tick is a sum of squares over its frames, channels added. */
double loudness_maximum(const double *ticks, int32_t n, int window, int rate_hz);

struct loudness_figures {
  double integrated_lufs;                  /* -HUGE_VAL: nothing above the gates */
  double momentary_lufs, short_term_lufs;  /* maxima over 400 ms and 3 s; -HUGE_VAL: silence */
  double range_lu;
};
#endif
#endif
