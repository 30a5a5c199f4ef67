/* SPDX-License-Identifier: MIT
 * Equaliser: bands that follow the analog prototypes up to Nyquist, with linear, minimum
 * or mixed phase, run by the linear section (linear.h). */
#ifndef LACQUER_EQ_H
#define LACQUER_EQ_H
#ifndef VULKAN
#include "linear.h"
#include "pchip.h"

enum { EQ_MAX_BANDS = 24 };
enum eq_type {
  EQ_HIGHPASS, EQ_LOWPASS, EQ_LOW_SHELF, EQ_HIGH_SHELF, EQ_BELL, EQ_NOTCH,
  EQ_TILT,     /* -gain / 2 far below freq, +gain / 2 far above */
  EQ_BANDPASS, /* 0 dB at freq, 6 dB/oct on both sides */
  EQ_CURVE,    /* gain through points */
};
enum eq_target {
  EQ_STEREO = LINEAR_STEREO, EQ_LEFT = LINEAR_LEFT, EQ_RIGHT = LINEAR_RIGHT,
  EQ_MID = LINEAR_MID, EQ_SIDE = LINEAR_SIDE,
};

struct eq_band {
  int type, target; /* enum eq_type, enum eq_target */
  double freq_hz, gain_db, q; /* freq_hz: NAN in a curve */
  int slope_db_oct;           /* high/low pass: 6, 12, .. 96 */
  int n_points;               /* of a curve; 0 in other types */
  struct pchip_point points[PCHIP_MAX_POINTS]; /* gain in dB; frequencies ascend */
};
/* Initialiser of a band that is no curve. */
#define EQ_BAND(type_, target_, freq_hz_, gain_db_, q_, slope_db_oct_)         \
  {.type = type_, .target = target_, .freq_hz = freq_hz_, .gain_db = gain_db_, \
   .q = q_, .slope_db_oct = slope_db_oct_}
struct eq_params {
  int phase;            /* enum linear_phase */
  double minimum_share; /* of mixed phase, 0 = linear .. 1 = minimum */
  int n_bands;
  struct eq_band bands[EQ_MAX_BANDS];
};
extern const struct stage stage_eq;

/* Magnitude of the analog prototype of one sound band at freq_hz (1 = 0 dB). */
double eq_band_magnitude(const struct eq_band *band, double freq_hz);
#endif
#endif
