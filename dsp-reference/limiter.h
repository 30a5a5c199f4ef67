/* SPDX-License-Identifier: MIT
 * True-peak look-ahead limiter: 16x detection, integer control path, gain at the
 * base rate, re-measured. */
#ifndef LACQUER_LIMITER_H
#define LACQUER_LIMITER_H
#include "level.h"

/* Taps of the detector. First stage: the point half way between two frames, from
 * HALF_TAPS frames on either side. Second stage, at twice the rate: seven points
 * between two neighbours, from 8 on either side; mirrored phases share their sums:
 * phase p gives even + odd, phase 8 - p even - odd, so their larger magnitude is
 * |even| + |odd|. Beside them the interpolator of libebur128, EBU_TAPS a side. */
#define HALF_TAPS 96
#define EBU_MAX_TAPS 12
#define DETECT_HALO 104 /* frames read on either side of a block */

/* Control sections, each [point]. Levels and reductions are octaves in Q20. */
#define LIMITER_LEVEL 0     /* true peak of the input, channels linked, rounded up */
#define LIMITER_DEMAND 1    /* reduction that the level asks for */
#define LIMITER_SHAPED 2    /* closed, held, with its attack */
#define LIMITER_FOLLOW 3    /* after the fast release */
#define LIMITER_SLOW 4      /* slow stage */
#define LIMITER_REDUCTION 5 /* smoothed */
#define LIMITER_GAIN 6      /* resulting gain - 1, float bits, drive included */
#define LIMITER_AGAIN 7     /* true peak of the output */
#define LIMITER_SECTIONS 8

TWIN_FN int peak_level(float peak) {
  return ((level_log2(floatBitsToUint(peak)) + 15) >> 4) + 1;
}
/* Fast release: exponential in octaves. */
TWIN_FN int release_step(int r, int shaped, int release) {
  return max_int(shaped, r - max_int(1, mul_q24(r, release)));
}
/* Gain - 1 for a reduction under a drive; where it reduces, 2^-22 below, so that the
 * rounding of the spline cannot lift it. */
TWIN_FN float limiter_gain(int drive, int reduction) {
  float g = level_exp2((drive - reduction) * 16);
  return (reduction > 0 ? g * 0.999999761581420898f : g) - 1.0f;
}

#ifndef VULKAN
#include "stage.h"

struct limiter_params {
  double true_peak_db; /* ceiling in dBTP; NAN: no limiting */
  double look_ahead_ms, smooth_ms, close_ms, release_ms;
  double slow_release_ms, slow_amount; /* second, slower stage and its share */
};
extern const struct stage stage_limiter;

/* The design both twins read. args: [0] drive, [1] ceiling, octaves in Q20. */
struct limiter_design {
  int32_t step, points;     /* frames per control point, points per block */
  int32_t close, hold;      /* closing window and half hold, in points */
  int32_t attack;           /* points of the attack */
  int32_t box;              /* half width of each of three smoothing boxes */
  int32_t release;          /* Q24 */
  int32_t slow_attack, slow_release, slow_amount; /* Q24 */
  int32_t ebu_phases;       /* 3: quarters, 1: halves, 0: none (libebur128 by rate) */
  int32_t ebu_taps;         /* a side */
  float half_taps[HALF_TAPS]; /* distance j + 1/2 */
  float even[4][8], odd[4][8]; /* phases 1, 2, 3, 4 (odd[3] = 0); from far to near */
  float ebu_even[2][EBU_MAX_TAPS], ebu_odd[2][EBU_MAX_TAPS]; /* [0] quarter, [1] half */
  float weights[4 * 64];    /* spline_weights */
  int32_t attack_weight[512]; /* Q30, from 1 down */
};
enum {
  LIMITER_DETECT, LIMITER_SET_DEMAND, LIMITER_SHAPE, LIMITER_RELEASE, LIMITER_SMOOTH,
  LIMITER_APPLY, LIMITER_DETECT_AGAIN, LIMITER_CORRECT,
};
/* Ceiling in octaves (Q20) for args[1]: the manifest's less a guard of 0.045 dB for the
 * detector's error and the dither; without a ceiling, one that is never reached. */
int32_t limiter_ceiling(const struct limiter_params *params);
#define LIMITER_OCTAVE 1048576
#endif
#endif
