/* SPDX-License-Identifier: MIT
 * See pchip.h. */
#include "pchip.h"

#include "detmath.h"

/* Weighted harmonic mean of the slopes on both sides; level where they disagree. */
static double inner_slope(const struct pchip *c, int k) {
  const double left = c->octave[k] - c->octave[k - 1], right = c->octave[k + 1] - c->octave[k];
  const double before = (c->value[k] - c->value[k - 1]) / left;
  const double after = (c->value[k + 1] - c->value[k]) / right;
  if (before * after <= 0) return 0;
  const double w1 = 2 * right + left, w2 = right + 2 * left;
  return (w1 + w2) / (w1 / before + w2 / after);
}

void pchip_init(struct pchip *curve, const struct pchip_point *points, int n) {
  curve->n = n;
  for (int k = 0; k < n; k++) {
    curve->freq_hz[k] = points[k].freq_hz;
    curve->octave[k] = det_log2(points[k].freq_hz);
    curve->value[k] = points[k].value;
  }
  for (int k = 0; k < n; k++)
    curve->slope[k] = k == 0 || k == n - 1 ? 0 : inner_slope(curve, k);
}

double pchip_at(const struct pchip *curve, double freq_hz) {
  const int last = curve->n - 1;
  if (freq_hz <= curve->freq_hz[0]) return curve->value[0];
  if (freq_hz >= curve->freq_hz[last]) return curve->value[last];
  int k = 0;
  for (int step = PCHIP_MAX_POINTS / 2; step; step /= 2)
    if (k + step < last && freq_hz >= curve->freq_hz[k + step]) k += step;
  const double width = curve->octave[k + 1] - curve->octave[k];
  const double t = (det_log2(freq_hz) - curve->octave[k]) / width, u = 1 - t;
  return u * u * ((1 + 2 * t) * curve->value[k] + t * width * curve->slope[k]) +
         t * t * ((1 + 2 * u) * curve->value[k + 1] - u * width * curve->slope[k + 1]);
}
