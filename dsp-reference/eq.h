/* SPDX-License-Identifier: MIT
 * Linear-phase FFT equaliser: all bands become one 2x2 matrix of FIR filters that
 * follow the analog prototypes up to Nyquist. out = in + conv(in, h - delta). */
#ifndef LACQUER_EQ_H
#define LACQUER_EQ_H
#ifndef VULKAN
#include "pchip.h"
#include "stage.h"

enum { EQ_MAX_BANDS = 24 };
enum eq_type {
  EQ_HIGHPASS, EQ_LOWPASS, EQ_LOW_SHELF, EQ_HIGH_SHELF, EQ_BELL, EQ_NOTCH,
  EQ_TILT,     /* -gain / 2 far below freq, +gain / 2 far above */
  EQ_BANDPASS, /* 0 dB at freq, 6 dB/oct on both sides */
  EQ_CURVE,    /* gain through points */
};
enum eq_target { EQ_STEREO, EQ_LEFT, EQ_RIGHT, EQ_MID, EQ_SIDE };

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
  int phase; /* 0 = linear */
  int n_bands;
  struct eq_band bands[EQ_MAX_BANDS];
};
extern const struct stage stage_eq;

/* The design both twins read. Output channel o = sum over i of filter (o, i) on input
 * channel i; the unit tap is taken out of the diagonal (delta form). */
struct eq_design {
  int32_t partitions;    /* of 2048 taps */
  int32_t centre_blocks; /* the filters' delay */
  int32_t active[4];     /* filter 2 o + i is not zero */
  int32_t unused[2];
  float twiddle[8192];
  float spectra[]; /* [2 o + i][partition][4096] */
};

/* Magnitude of the analog prototype of one sound band at freq_hz (1 = 0 dB). */
double eq_band_magnitude(const struct eq_band *band, double freq_hz);
#endif
#endif
