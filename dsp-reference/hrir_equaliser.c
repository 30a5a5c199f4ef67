/* SPDX-License-Identifier: MIT
 * See hrir.h: diffuse-field equalisation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "detmath.h"
#include "fir_design.h"
#include "hrir.h"

/* What is equalised: below and above the gain stays as it is there. */
static const double least_hz = 100, most_hz = 16000;

/* How many of the points of a Fibonacci lattice (evenly spread over the sphere) every direction
 * is the nearest to; no one's those that were not measured about. */
static void count_points(const struct hrir_set *set, int *count) {
  enum { POINTS = 512 };
  const double golden = 0.61803398874989485;
  for (int i = 0; i < POINTS; i++) {
    const double z = 1 - (2 * i + 1.0) / POINTS, r = sqrt(1 - z * z), turn = 2 * golden * i;
    const double x = r * det_cospi(turn), y = r * det_sinpi(turn);
    double least = HRIR_FARTHEST;
    int nearest = -1;
    for (int d = 0; d < set->n_directions; d++) {
      const double *v = set->direction[d];
      const double a = v[0] - x, b = v[1] - y, c = v[2] - z, distance = a * a + b * b + c * c;
      if (distance >= least) continue;
      least = distance;
      nearest = d;
    }
    if (nearest >= 0) count[nearest]++;
  }
}

/* Adds the power of both ears: with the left one as the real and the right one as the imaginary
 * part it is that of bin k and of its mirror image. */
static void add_power(const struct hrir_set *set, int direction, double weight,
                      const struct fft_plan *plan, int points, double *room, double *power) {
  double *re = room, *im = room + points;
  const float *h = set->taps + (size_t)direction * 2 * (size_t)set->n_taps;
  memset(room, 0, 2 * (size_t)points * sizeof *room);
  for (int i = 0; i < set->n_taps; i++) re[i] = h[i], im[i] = h[set->n_taps + i];
  fft_forward(plan, re, im);
  for (int k = 0; k <= points / 2; k++) {
    const int m = (points - k) % points;
    power[k] += weight * (re[k] * re[k] + im[k] * im[k] + re[m] * re[m] + im[m] * im[m]) / 4;
  }
}

/* Mean power between two places among the bins; bin k is what lies within k +- 1/2. */
static double mean_power(const struct hrir_equaliser *e, double from, double to) {
  double sum[2];
  const double at[2] = {from + 0.5, to + 0.5};
  for (int i = 0; i < 2; i++) {
    const double most = e->points / 2 + 1, x = at[i] < 0 ? 0 : at[i] > most ? most : at[i];
    const int k = x >= most ? (int)most - 1 : (int)x;
    sum[i] = e->sum[k] + (x - k) * (e->sum[k + 1] - e->sum[k]);
  }
  return (sum[1] - sum[0]) / (at[1] - at[0]);
}

/* Of a third of an octave. */
static double power_at(const struct hrir_equaliser *e, double freq_hz) {
  const double sixth = 1.122462048309373; /* 2^(1/6) */
  const double bin = freq_hz * e->points / e->rate_hz;
  return mean_power(e, bin / sixth, bin * sixth);
}

/* 30 dB below the mean, in dB, from 200 Hz to 8 kHz. */
static double floor_of(const struct hrir_equaliser *e) {
  enum { STEPS = 64 };
  double sum = 0;
  for (int i = 0; i < STEPS; i++) {
    const double p = power_at(e, 200 * det_pow(40, (i + 0.5) / STEPS));
    sum += det_log(p > 1e-30 ? p : 1e-30);
  }
  return 1e-3 * det_exp(sum / STEPS);
}

static void sum_powers(const struct hrir_set *set, const int *count, const struct fft_plan *plan,
                       double *room, struct hrir_equaliser *e) {
  double *power = room + 2 * (size_t)e->points, counted = 0;
  for (int d = 0; d < set->n_directions; d++) counted += count[d];
  for (int d = 0; d < set->n_directions; d++)
    if (count[d]) add_power(set, d, count[d] / counted, plan, e->points, room, power);
  for (int k = 0; k <= e->points / 2; k++) e->sum[k + 1] = e->sum[k] + power[k];
  e->floor = floor_of(e);
}

int hrir_equaliser_make(const struct hrir_set *set, struct hrir_equaliser *out) {
  int points = 4096;
  while (points < set->n_taps) points *= 2;
  const size_t bins = (size_t)points / 2 + 1;
  *out = (struct hrir_equaliser){.points = points, .rate_hz = set->rate_hz,
                                 .sum = calloc(bins + 1, sizeof *out->sum)};
  struct fft_plan *plan = fft_plan_create(points);
  double *room = calloc(2 * (size_t)points + bins, sizeof *room);
  int *count = calloc((size_t)set->n_directions, sizeof *count);
  const int result = plan && room && count && out->sum ? 0 : -1;
  if (!result) {
    count_points(set, count);
    sum_powers(set, count, plan, room, out);
  }
  fft_plan_destroy(&plan);
  free(room);
  free(count);
  if (result) hrir_equaliser_free(out);
  return result;
}

void hrir_equaliser_free(struct hrir_equaliser *equaliser) {
  free(equaliser->sum);
  equaliser->sum = NULL;
}

double hrir_equaliser_gain(const struct hrir_equaliser *e, double freq_hz) {
  const double top = 0.4 * e->rate_hz < most_hz ? 0.4 * e->rate_hz : most_hz;
  const double f = freq_hz < least_hz ? least_hz : freq_hz > top ? top : freq_hz;
  const double power = power_at(e, f);
  return 1 / sqrt(power > e->floor ? power : e->floor);
}
