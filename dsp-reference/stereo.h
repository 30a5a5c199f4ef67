/* SPDX-License-Identifier: MIT
 * The stereo image: width, overall and along the frequency, mono bass, levels of mid and
 * side, balance. Run by the linear section (linear.h), with its neighbours as one filter. */
#ifndef LACQUER_STEREO_H
#define LACQUER_STEREO_H
#include "linear.h"
#include "pchip.h"

struct stereo_params {
  int phase;             /* enum linear_phase */
  double minimum_share;  /* of mixed phase */
  double width;          /* gain of the side signal, 0 = mono .. 2 */
  int n_widths;
  struct pchip_point widths[PCHIP_MAX_POINTS]; /* further gains of the side signal */
  double mono_below_hz;  /* NAN: off */
  int slope_db_oct;      /* of the mono bass: 6, 12, .. 96 */
  double mid_gain_db, side_gain_db;
  double balance_db;     /* right over left: the other channel is attenuated */
};
extern const struct stage stage_stereo;

/* Gain of the side signal at a frequency. */
double stereo_side_gain(const struct stereo_params *params, double freq_hz);
#endif
