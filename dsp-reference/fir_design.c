/* SPDX-License-Identifier: MIT
 * See fir_design.h: frequency sampling on a dense grid, then a Tukey window. */
#include "fir_design.h"

#include <math.h>
#include <stdlib.h>

#include "clones.h"
#include "detmath.h"

struct fft_plan {
  int points;
  double *cosine, *sine; /* [half + k]: of pi k / half, k < half, for every power of two half */
};

struct fft_plan *fft_plan_create(int points) {
  struct fft_plan *plan = calloc(1, sizeof *plan);
  if (!plan) return NULL;
  plan->points = points;
  plan->cosine = malloc((size_t)points * sizeof(double));
  plan->sine = malloc((size_t)points * sizeof(double));
  if (!plan->cosine || !plan->sine) {
    fft_plan_destroy(&plan);
    return NULL;
  }
  for (int k = 0; k < points / 2; k++) {
    plan->cosine[points / 2 + k] = det_cospi(2.0 * k / points);
    plan->sine[points / 2 + k] = det_sinpi(2.0 * k / points);
  }
  for (int i = points / 2 - 1; i > 0; i--) {
    plan->cosine[i] = plan->cosine[2 * i];
    plan->sine[i] = plan->sine[2 * i];
  }
  return plan;
}

void fft_plan_destroy(struct fft_plan **plan) {
  if (!*plan) return;
  free((*plan)->cosine);
  free((*plan)->sine);
  free(*plan);
  *plan = NULL;
}

static void bit_reverse(int points, double *re, double *im) {
  for (int i = 1, j = 0; i < points; i++) {
    int bit = points >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i >= j) continue;
    double t = re[i];
    re[i] = re[j], re[j] = t;
    t = im[i];
    im[i] = im[j], im[j] = t;
  }
}

/* Pairs that lie `half` apart, in n points. */
LACQUER_CLONES
static void butterflies(int n, int half, const double *cosine, const double *sine,
                        double *restrict re, double *restrict im) {
  for (int base = 0; base < n; base += 2 * half)
    for (int k = 0; k < half; k++) {
      const double c = cosine[half + k], s = sine[half + k];
      const int a = base + k, b = a + half;
      const double tr = re[b] * c + im[b] * s, ti = im[b] * c - re[b] * s;
      re[b] = re[a] - tr, im[b] = im[a] - ti;
      re[a] += tr, im[a] += ti;
    }
}

/* Halves first, so that what is worked on stays in the cache. */
static void transform(const struct fft_plan *plan, int n, double *re, double *im) {
  enum { SMALL = 2048 };
  if (n <= SMALL) {
    for (int half = 1; half < n; half *= 2)
      butterflies(n, half, plan->cosine, plan->sine, re, im);
    return;
  }
  transform(plan, n / 2, re, im);
  transform(plan, n / 2, re + n / 2, im + n / 2);
  butterflies(n, n / 2, plan->cosine, plan->sine, re, im);
}

void fft_forward(const struct fft_plan *plan, double *re, double *im) {
  bit_reverse(plan->points, re, im);
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

int fir_linear_phase(fir_magnitude *magnitude, const void *context, int rate_hz, int taps,
                     double *h, double *error_db) {
  const int n = FIR_GRID * taps, half = taps / 2;
  struct fft_plan *plan = fft_plan_create(n);
  double *re = calloc((size_t)n, sizeof *re), *im = calloc((size_t)n, sizeof *im);
  double *wanted = malloc(((size_t)n / 2 + 1) * sizeof *wanted);
  int result = -1;
  if (!plan || !re || !im || !wanted) goto done;
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
  fft_plan_destroy(&plan);
  return result;
}

int fir_auto_taps(fir_magnitude *magnitude, const void *const *context, int n, int rate_hz,
                  int *taps, double *error_db) {
  double *h = malloc((size_t)fir_max_taps(rate_hz) * sizeof *h);
  if (!h) return -1;
  int result = 0;
  for (*taps = FIR_MIN_TAPS;; *taps *= 2) {
    *error_db = 0;
    for (int i = 0; i < n && !result; i++) {
      double error;
      result = fir_linear_phase(magnitude, context[i], rate_hz, *taps, h, &error);
      if (!result && error > *error_db) *error_db = error;
    }
    if (result || *error_db <= 0.01 || *taps >= fir_max_taps(rate_hz)) break;
  }
  free(h);
  return result;
}
