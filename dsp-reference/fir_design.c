/* SPDX-License-Identifier: MIT
 * See fir_design.h: frequency sampling on a dense grid, then a Tukey window. */
#include "fir_design.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "detmath.h"

struct fft_plan {
  int points;
  double *cosine, *sine; /* [half + k]: of pi k / half, k < half, for every power of two half */
};

struct fft_plan *fft_plan_create(int points) {
  struct fft_plan *plan = calloc(1, sizeof *plan);
  if (!plan) return NULL;
  plan->points = 1;
  while (plan->points < points)
    if (fft_plan_double(plan)) {
      fft_plan_destroy(&plan);
      return NULL;
    }
  return plan;
}

int fft_plan_double(struct fft_plan *plan) {
  const int half = plan->points;
  double *cosine = realloc(plan->cosine, 2 * (size_t)half * sizeof *cosine);
  if (cosine) plan->cosine = cosine;
  double *sine = realloc(plan->sine, 2 * (size_t)half * sizeof *sine);
  if (sine) plan->sine = sine;
  if (!cosine || !sine) return -1;
  plan->points = 2 * half;
  for (int k = 0; k < half; k++) {
    const bool known = half > 1 && k % 2 == 0; /* of half / 2, at (half + k) / 2 */
    cosine[half + k] = known ? cosine[(half + k) / 2] : det_cospi((double)k / half);
    sine[half + k] = known ? sine[(half + k) / 2] : det_sinpi((double)k / half);
  }
  return 0;
}

void fft_plan_destroy(struct fft_plan **plan) {
  if (!*plan) return;
  free((*plan)->cosine);
  free((*plan)->sine);
  free(*plan);
  *plan = NULL;
}

static int reversed(int x, int bits) {
  int r = 0;
  for (; bits; bits--, x >>= 1) r = r << 1 | (x & 1);
  return r;
}

static void reverse_short(int bits, double *x) {
  for (int i = 0; i < 1 << bits; i++) {
    const int j = reversed(i, bits);
    if (i >= j) continue;
    const double t = x[i];
    x[i] = x[j], x[j] = t;
  }
}

enum { TILE_BITS = 5, TILE = 1 << TILE_BITS };

/* Rows of TILE neighbours, `apart` from each other. */
static void load_tile(const double *x, size_t apart, double tile[TILE][TILE]) {
  for (int row = 0; row < TILE; row++) memcpy(tile[row], x + row * apart, TILE * sizeof *x);
}

static void store_reversed(double tile[TILE][TILE], const int *order, double *x, size_t apart) {
  for (int row = 0; row < TILE; row++)
    for (int k = 0; k < TILE; k++) x[row * apart + k] = tile[order[k]][order[row]];
}

/* Bit reversal by tiles (Carter, Gatlin, "Towards an optimal bit-reversal permutation
 * program", 1998): index bits high | middle | low become low | middle | high, reversed. */
static void bit_reverse(int points, double *x) {
  int bits = 0, order[TILE];
  while (points >> (bits + 1)) bits++;
  if (bits < 2 * TILE_BITS) {
    reverse_short(bits, x);
    return;
  }
  const int middle_bits = bits - 2 * TILE_BITS;
  const size_t apart = (size_t)1 << (bits - TILE_BITS);
  for (int k = 0; k < TILE; k++) order[k] = reversed(k, TILE_BITS);
  for (int m = 0; m < 1 << middle_bits; m++) {
    double here[TILE][TILE], there[TILE][TILE];
    const int r = reversed(m, middle_bits);
    if (m > r) continue;
    load_tile(x + (size_t)m * TILE, apart, here);
    load_tile(x + (size_t)r * TILE, apart, there);
    store_reversed(here, order, x + (size_t)r * TILE, apart);
    store_reversed(there, order, x + (size_t)m * TILE, apart);
  }
}

/* b turned by c - j s; sum and difference of a and it. */
#define BUTTERFLY(ar, ai, br, bi, c, s)                      \
  {                                                          \
    const double tr = br * c + bi * s, ti = bi * c - br * s; \
    br = ar - tr, bi = ai - ti;                              \
    ar += tr, ai += ti;                                      \
  }

/* Pairs that lie 1 and then 2 apart, in n points: too short for butterflies(). */
LACQUER_CLONES
static void quads(int n, const double *cosine, const double *sine, double *restrict re,
                  double *restrict im) {
  for (int at = 0; at < n; at += 4) {
    double *r = re + at, *i = im + at;
    BUTTERFLY(r[0], i[0], r[1], i[1], cosine[1], sine[1])
    BUTTERFLY(r[2], i[2], r[3], i[3], cosine[1], sine[1])
    BUTTERFLY(r[0], i[0], r[2], i[2], cosine[2], sine[2])
    BUTTERFLY(r[1], i[1], r[3], i[3], cosine[3], sine[3])
  }
}

/* Pairs that lie `half` apart, in n points. */
LACQUER_CLONES
static void butterflies(int n, int half, const double *cosine, const double *sine,
                        double *restrict re, double *restrict im) {
  for (int base = 0; base < n; base += 2 * half)
    for (int k = 0; k < half; k++) {
      const int a = base + k, b = a + half;
      BUTTERFLY(re[a], im[a], re[b], im[b], cosine[half + k], sine[half + k])
    }
}

/* Halves first, so that what is worked on stays in the cache. */
static void transform(const struct fft_plan *plan, int n, double *re, double *im) {
  enum { SMALL = 2048 };
  if (n <= SMALL) {
    if (n >= 4) quads(n, plan->cosine, plan->sine, re, im);
    for (int half = n >= 4 ? 4 : 1; half < n; half *= 2)
      butterflies(n, half, plan->cosine, plan->sine, re, im);
    return;
  }
  transform(plan, n / 2, re, im);
  transform(plan, n / 2, re + n / 2, im + n / 2);
  butterflies(n, n / 2, plan->cosine, plan->sine, re, im);
}

void fft_forward(const struct fft_plan *plan, double *re, double *im) {
  bit_reverse(plan->points, re);
  bit_reverse(plan->points, im);
  transform(plan, plan->points, re, im);
}

int fir_max_taps(int rate_hz) {
  return rate_hz >= 176400 ? 262144 : rate_hz >= 88200 ? 131072 : 65536;
}

double fir_window(int distance, int taps) {
  const int flat = taps / 4;
  if (distance <= flat) return 1;
  return 0.5 * (1 + det_cospi((double)(distance - flat) / flat));
}

static double deviation_db(double got, double wanted) {
  if (fabs(wanted) <= 0.01) return 0;
  const double ratio = got / wanted;
  return ratio > 0 ? fabs(det_gain_to_db(ratio)) : 1000;
}

/* fir_linear_phase with a plan of FIR_GRID * taps points. */
static int linear_phase(const struct fft_plan *plan, fir_magnitude *magnitude,
                        const void *context, int rate_hz, int taps, double *h,
                        double *error_db) {
  const int n = FIR_GRID * taps, half = taps / 2;
  double *re = calloc((size_t)n, sizeof *re), *im = calloc((size_t)n, sizeof *im);
  double *wanted = malloc(((size_t)n / 2 + 1) * sizeof *wanted);
  int result = -1;
  if (!re || !im || !wanted) goto done;
  for (int k = 0; k <= n / 2; k++) {
    wanted[k] = magnitude(context, (double)k * rate_hz / n);
    re[k] = re[(n - k) % n] = wanted[k];
  }
  fft_forward(plan, re, im); /* real and even in, real and even out: its own inverse */
  for (int d = -half; d < half; d++) {
    const int at = d < 0 ? -d : d;
    h[half + d] = re[at] / n * fir_window(at, taps);
  }
  for (int k = 0; k < n; k++) re[k] = im[k] = 0;
  for (int d = -half; d < half; d++) re[(d + n) % n] = h[half + d];
  fft_forward(plan, re, im);
  *error_db = 0;
  const double top = rate_hz / 2.0 < 20000 ? rate_hz / 2.0 : 20000;
  for (int k = 0; k <= n / 2; k++) {
    const double f = (double)k * rate_hz / n, e = deviation_db(re[k], wanted[k]);
    if (f >= 20 && f <= top && e > *error_db) *error_db = e;
  }
  result = 0;
done:
  free(wanted);
  free(im);
  free(re);
  return result;
}

int fir_linear_phase(fir_magnitude *magnitude, const void *context, int rate_hz, int taps,
                     double *h, double *error_db) {
  struct fft_plan *plan = fft_plan_create(FIR_GRID * taps);
  if (!plan) return -1;
  const int result = linear_phase(plan, magnitude, context, rate_hz, taps, h, error_db);
  fft_plan_destroy(&plan);
  return result;
}

int fir_auto_taps(fir_magnitude *magnitude, const void *const *context, int n, int rate_hz,
                  int *taps, double *error_db) {
  const int most = fir_max_taps(rate_hz);
  double *h = malloc((size_t)most * sizeof *h);
  struct fft_plan *plan = fft_plan_create(FIR_GRID * FIR_MIN_TAPS);
  int result = h && plan ? 0 : -1;
  for (*taps = FIR_MIN_TAPS; !result; *taps *= 2) {
    *error_db = 0;
    for (int i = 0; i < n && !result; i++) {
      double error;
      result = linear_phase(plan, magnitude, context[i], rate_hz, *taps, h, &error);
      if (!result && error > *error_db) *error_db = error;
      if (*error_db > 0.01 && *taps < most) break; /* too short, whatever the others say */
    }
    if (result || *error_db <= 0.01 || *taps >= most) break;
    result = fft_plan_double(plan);
  }
  fft_plan_destroy(&plan);
  free(h);
  return result;
}
