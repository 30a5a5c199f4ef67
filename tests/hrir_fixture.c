/* SPDX-License-Identifier: MIT
 * See hrir_fixture.h. */
#include "hrir_fixture.h"

#include <complex.h>
#include <math.h>

#include "detmath.h"
#include "oracle.h"

enum { TAPS = 96, RATE = 48000 };

static double towards(const struct hrir_set *set, int direction, int ear) {
  return ear ? -set->direction[direction][1] : set->direction[direction][1];
}

double hrir_fixture_arrival(const struct hrir_set *set, int direction, int ear) {
  return 20 - 12 * towards(set, direction, ear);
}

double hrir_fixture_gain(const struct hrir_set *set, int direction, int ear, double freq_hz) {
  const double c = towards(set, direction, ear);
  return (1 + c / 2) / cabs(1 - (0.5 - 0.3 * c) * cexp(-2 * DET_PI * I * freq_hz / RATE));
}

/* The whole frames of the arrival stand in the taps, the rest in the delay. */
static void fill(struct hrir_set *set, int d) {
  for (int ear = 0; ear < 2; ear++) {
    const double c = towards(set, d, ear), arrival = hrir_fixture_arrival(set, d, ear);
    const int whole = (int)arrival;
    float *h = set->taps + (2 * d + ear) * TAPS;
    double x = 1 + c / 2;
    set->delay[d][ear] = arrival - whole;
    for (int k = whole; k < TAPS; k++, x *= 0.5 - 0.3 * c) h[k] = (float)x;
  }
}

static void add(struct hrir_set *set, int azimuth_deg, int elevation_deg) {
  const double turn = azimuth_deg / 180.0, rise = elevation_deg / 180.0;
  double *v = set->direction[set->n_directions];
  v[0] = det_cospi(rise) * det_cospi(turn);
  v[1] = det_cospi(rise) * det_sinpi(turn);
  v[2] = det_sinpi(rise);
  fill(set, set->n_directions++);
}

const struct hrir_set *hrir_fixture(void) {
  enum { MOST = 64 };
  static struct hrir_set set;
  if (set.n_directions) return &set;
  set.rate_hz = RATE;
  set.n_taps = TAPS;
  set.direction = oracle_alloc(MOST * sizeof *set.direction);
  set.delay = oracle_alloc(MOST * sizeof *set.delay);
  set.taps = oracle_alloc(MOST * 2 * TAPS * sizeof *set.taps);
  for (int elevation = -30; elevation <= 60; elevation += 30)
    for (int azimuth = 0; azimuth < 360; azimuth += 30) add(&set, azimuth, elevation);
  add(&set, 0, 90);
  return &set;
}
