/* SPDX-License-Identifier: MIT
 * Head-related impulse responses, and the filters from loudspeakers to ears that are made of
 * them: double precision with detmath, so that they depend on nothing but the measurements. */
#ifndef LACQUER_HRIR_H
#define LACQUER_HRIR_H
#include "layout.h"

enum { HRIR_MAX_TAPS = 8192, HRIR_MAX_DIRECTIONS = 65536, HRIR_MAX_DELAY = 8192 };

/* Measurements of one listener. Directions are unit vectors: x ahead, y to the left, z up. */
struct hrir_set {
  int rate_hz, n_taps;
  int n_directions;
  double (*direction)[3];
  double (*delay)[2]; /* by direction and ear (0: left), frames before the first tap, >= 0 */
  float *taps;        /* [direction][ear][n_taps] */
};
void hrir_free(struct hrir_set *set); /* what it points to; takes an empty one */

/* The direction that stands for a loudspeaker: the nearest; of several as near the lowest one,
 * then the one farthest ahead. */
int hrir_nearest(const struct hrir_set *set, const struct speaker *speaker);
/* Square of the distance of the two on the unit sphere. */
double hrir_distance(const struct hrir_set *set, int direction, const struct speaker *speaker);
#define HRIR_FARTHEST 0.12061475842818323 /* (2 sin 10 degrees)^2: 20 degrees apart */

/* Equalisation of a set: gains that make its mean over all directions flat. */
struct hrir_equaliser {
  int points;   /* of the transform, at the set's rate */
  double *sum;  /* [k]: powers of the bins before k; points / 2 + 2 */
  double floor; /* least power that is equalised */
  int rate_hz;
};
/* 0, or -1: no memory. */
int hrir_equaliser_make(const struct hrir_set *set, struct hrir_equaliser *out);
void hrir_equaliser_free(struct hrir_equaliser *equaliser);
double hrir_equaliser_gain(const struct hrir_equaliser *equaliser, double freq_hz);

/* Frames that the filters have ahead of the first sound. */
int hrir_lead(int rate_hz);
/* Filters of n_taps (a power of two) from every channel of the layout to both ears, at
 * rate_hz: taps[(ear * channels + channel) * n_taps]. The LFE is not filtered. 0, or -1:
 * *why says what stands in the way. */
int hrir_filters(const struct hrir_set *set, const struct layout *layout, int rate_hz, int n_taps,
                 double *taps, const char **why);
#define HRIR_LFE_DB 10
#endif
