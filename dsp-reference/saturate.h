/* SPDX-License-Identifier: MIT
 * Saturation: polynomial waveshapers per band, oversampled. out = in + what they add. The
 * equations are in saturate.md. */
#ifndef LACQUER_SATURATE_H
#define LACQUER_SATURATE_H
#include "twin.h"

/* The low cut behind even curves: control points of the added signal's sums, the frames
 * of one, the points of a block, and the most taps on one side of the middle one. */
#define SATURATE_STEP 64
#define SATURATE_POINTS 32
#define SATURATE_MAX_REACH 303

/* q + q z (odd[0] + odd[1] z + ..) + z (even[0] + even[1] z + ..), z = q^2, of
 * q = drive * u between -1 and 1; `scale` times its difference to drive * u is added. */
struct saturate_curve {
  float drive, scale;
  float linear;   /* times the band itself is added */
  int has_even;
  float odd[6];
  float even[4];
  int unused[2];
};
#ifndef VULKAN
typedef struct saturate_curve saturate_curve;
#endif

TWIN_FN float saturate_odd(saturate_curve c, float a, float q, float z) {
  float p = c.odd[5];
  p = p * z + c.odd[4];
  p = p * z + c.odd[3];
  p = p * z + c.odd[2];
  p = p * z + c.odd[1];
  p = p * z + c.odd[0];
  return (q - a) + q * z * p;
}
TWIN_FN float saturate_even(saturate_curve c, float z) {
  float p = c.even[3];
  p = p * z + c.even[2];
  p = p * z + c.even[1];
  p = p * z + c.even[0];
  return z * p;
}
/* What a curve's nonlinear part adds to a sample. Below -144 dBFS nothing: its powers
 * would be subnormal. */
TWIN_FN float saturate_added(saturate_curve c, float u) {
  float a = c.drive * u;
  a = abs_bits(a) < 5.96046448e-8f ? 0.0f : a;
  float q = a > 1.0f ? 1.0f : a < -1.0f ? -1.0f : a;
  float z = q * q;
  float added = saturate_odd(c, a, q, z);
  if (c.has_even != 0) added = added + saturate_even(c, z);
  return flush_tiny(added * c.scale);
}

#ifndef VULKAN
#include "crossover.h"
#include "oversample.h"

enum saturate_shape { SATURATE_TAPE, SATURATE_TUBE, SATURATE_TRANSFORMER, SATURATE_SOFT_CLIP };
/* All channels; or the left, the right ones, mid, side or both of every pair. */
enum saturate_target {
  SATURATE_STEREO, SATURATE_LEFT, SATURATE_RIGHT, SATURATE_MID, SATURATE_SIDE, SATURATE_MID_SIDE
};
enum saturate_oversampling { SATURATE_AUTO, SATURATE_4X, SATURATE_8X };

struct saturate_band {
  int curve; /* enum saturate_shape */
  double drive_db, mix_percent;
};
struct saturate_params {
  int target, oversampling; /* enum saturate_target, enum saturate_oversampling */
  double output_db;
  int n_crossovers;
  double crossover_hz[CROSSOVER_MAX_BANDS - 1];
  int slope_db_oct; /* of the crossovers: 12, 24, .. 96 */
  int n_bands;      /* n_crossovers + 1 */
  struct saturate_band bands[CROSSOVER_MAX_BANDS];
};
extern const struct stage stage_saturate;

/* The design both twins read. A signal is a channel, or mid or side of a pair of channels,
 * in their places. */
struct saturate_design {
  struct oversample_design oversample;
  int32_t bands, partitions, centre_blocks;
  int32_t reach; /* taps of the low cut on one side of the middle one; 0: no low cut */
  int32_t mid_side[MAX_CHANNELS]; /* 1: the signal is mid or side */
  int32_t active[MAX_CHANNELS];   /* signals that are treated */
  struct saturate_curve curve[CROSSOVER_MAX_BANDS];
  float low_pass[SATURATE_MAX_REACH + 1]; /* from the middle one outwards */
  float weights[4 * SATURATE_STEP];       /* spline_weights */
  float twiddle[CONV_TWIDDLE];
  float spectra[]; /* [filter][partition][4096] */
};
/* A band's output for one sample, at full mix and without output gain, in double precision:
 * c P(g u). */
double saturate_shaped(const struct saturate_band *band, double u);
#endif
#endif
