/* SPDX-License-Identifier: MIT
 * A curve through points: monotone piecewise cubic over log2 of the frequency, level
 * outside the points and level at the first and the last one. It never overshoots
 * (Fritsch, Butland, SIAM J. Sci. Stat. Comput. 5(2), 1984). */
#ifndef LACQUER_PCHIP_H
#define LACQUER_PCHIP_H

enum { PCHIP_MAX_POINTS = 64 };
struct pchip {
  int n;
  double freq_hz[PCHIP_MAX_POINTS], octave[PCHIP_MAX_POINTS]; /* log2 of the frequency */
  double value[PCHIP_MAX_POINTS], slope[PCHIP_MAX_POINTS];    /* per octave */
};
/* A point of a curve as settings hold it: its value in whatever unit. */
struct pchip_point {
  double freq_hz, value;
};

/* 1 <= n <= PCHIP_MAX_POINTS points of ascending frequency. */
void pchip_init(struct pchip *curve, const struct pchip_point *points, int n);
double pchip_at(const struct pchip *curve, double freq_hz); /* freq_hz >= 0 */
#endif
