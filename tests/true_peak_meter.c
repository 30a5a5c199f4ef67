/* SPDX-License-Identifier: MIT
 * See true_peak_meter.h. */
#include "true_peak_meter.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* SIDE taps on either side of a point. With beta 12 the side lobes are below -118 dB and
 * the transition is (118 - 8) / (2.285 * 2 * SIDE) = 0.047 rad wide (Kaiser), half of it
 * below Nyquist: flat to 0.5 - 0.047 / (4 pi) = 0.496. */
enum { SIDE = 512, TAPS = 2 * SIDE, PHASES = 64, MARGIN = 64, PAD = SIDE + MARGIN };
static const double BETA = 12, PI = 3.14159265358979323846;

static double table[PHASES][TAPS]; /* phase p: taps of the point p / PHASES after x[n] */
static bool table_filled;

static double bessel_i0(double x) {
  double sum = 1, term = 1;
  for (int k = 1; term > 1e-18 * sum; k++) term *= x * x / 4 / k / k, sum += term;
  return sum;
}

static void fill_table(void) {
  if (table_filled) return;
  for (int p = 1; p < PHASES; p++) {
    double sum = 0;
    for (int i = 0; i < TAPS; i++) {
      const double t = (double)p / PHASES - (i - SIDE + 1), u = t / SIDE;
      table[p][i] = sin(PI * t) / (PI * t) * bessel_i0(BETA * sqrt(1 - u * u));
      sum += table[p][i];
    }
    for (int i = 0; i < TAPS; i++) table[p][i] /= sum;
  }
  table_filled = true;
}

/* An interval between two points of the grid, of which at least one is high. */
struct interval {
  int32_t begin; /* in 1 / PHASES frame, from the first sample */
  double left, right;
};
struct search {
  const double *x; /* sample 0; PAD zeros on either side */
  struct interval *list;
  int32_t n;
  struct true_peak best;
};

static void *need(void *memory) {
  if (memory) return memory;
  fputs("true_peak_meter: no memory\n", stderr);
  abort();
}

static void offer(struct search *s, int32_t at, double value) {
  if (fabs(value) <= s->best.peak) return;
  s->best.peak = fabs(value);
  s->best.at = (double)at / PHASES;
}

static double value_at(const struct search *s, int32_t at) {
  const int32_t frame = (int32_t)floor((double)at / PHASES);
  const double *x = s->x + frame - SIDE + 1, *h = table[at - frame * PHASES];
  double sum[4] = {0};
  for (int i = 0; i < TAPS; i += 4)
    for (int j = 0; j < 4; j++) sum[j] += h[i + j] * x[i + j];
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/* Where |f| reaches its maximum G over all time, f(t) >= G cos(pi (t - t0)) (Duffin and
 * Schaeffer, 1938): an interval of width w whose ends stay below best * cos(pi w / 2)
 * cannot hold it. */
static void keep_high(struct search *s, int width) {
  const double least = s->best.peak * cos(PI * width / PHASES / 2) * (1 - 1e-9);
  int32_t n = 0;
  for (int32_t i = 0; i < s->n; i++) {
    const struct interval *v = &s->list[i];
    if (fmax(fabs(v->left), fabs(v->right)) >= least) s->list[n++] = *v;
  }
  s->n = n;
}

static void halve(struct search *s, int width) {
  s->list = need(realloc(s->list, ((size_t)s->n * 2 + 1) * sizeof *s->list));
  for (int32_t i = 0; i < s->n; i++) {
    struct interval *v = &s->list[i];
    const int32_t middle_at = v->begin + width / 2;
    const double middle = value_at(s, middle_at);
    offer(s, middle_at, middle);
    s->list[s->n + i] = (struct interval){middle_at, middle, v->right};
    v->right = middle;
  }
  s->n *= 2;
}

/* The points half way between all frames, tap by tap. */
static void half_points(const double *x, int32_t from, int32_t n, double *half) {
  const double *h = table[PHASES / 2];
  for (int32_t k = 0; k < n; k++) half[k] = 0;
  for (int i = 0; i < SIDE; i++) {
    const double *left = x + from - SIDE + 1 + i, *right = x + from + SIDE - i;
    for (int32_t k = 0; k < n; k++) half[k] += h[i] * (left[k] + right[k]);
  }
}

static struct true_peak meter(const double *x, int32_t n) {
  const int32_t frames = n + 2 * MARGIN - 1;
  struct search s = {.x = x};
  double *half = need(malloc((size_t)frames * sizeof *half));
  s.list = need(malloc((size_t)frames * 2 * sizeof *s.list));
  half_points(x, -MARGIN, frames, half);
  for (int32_t k = 0; k < frames; k++) {
    const int32_t frame = k - MARGIN, at = frame * PHASES;
    offer(&s, at, x[frame]);
    offer(&s, at + PHASES / 2, half[k]);
    s.list[s.n++] = (struct interval){at, x[frame], half[k]};
    s.list[s.n++] = (struct interval){at + PHASES / 2, half[k], x[frame + 1]};
  }
  keep_high(&s, PHASES / 2);
  for (int width = PHASES / 2; width > 1; width /= 2) {
    halve(&s, width);
    keep_high(&s, width / 2);
  }
  free(s.list);
  free(half);
  return s.best;
}

static double *padded(int32_t n) { return need(calloc((size_t)n + 2 * PAD, sizeof(double))); }

struct true_peak true_peak_of(const float *x, int32_t n, int stride, double scale) {
  double *copy = padded(n);
  fill_table();
  for (int32_t i = 0; i < n; i++) copy[PAD + i] = x[(int64_t)i * stride] * scale;
  const struct true_peak result = meter(copy + PAD, n);
  free(copy);
  return result;
}

struct true_peak true_peak_of_words(const int32_t *x, int32_t n, int stride, double scale) {
  double *copy = padded(n);
  fill_table();
  for (int32_t i = 0; i < n; i++) copy[PAD + i] = x[(int64_t)i * stride] * scale;
  const struct true_peak result = meter(copy + PAD, n);
  free(copy);
  return result;
}
