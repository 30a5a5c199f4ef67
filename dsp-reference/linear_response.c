/* SPDX-License-Identifier: MIT
 * See linear_response.h. Minimum phase by the folded cepstrum: Oppenheim, Schafer,
 * "Discrete-Time Signal Processing", chapter on cepstrum analysis. */
#include "linear_response.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convolve.h"
#include "detmath.h"

static bool acts(const struct linear_gain *gain, int channels) {
  return channels > 1 || (gain->target != LINEAR_SIDE && gain->target != LINEAR_RIGHT);
}

static bool is_flat(const struct linear_part *part) {
  bool flat = true;
  for (int i = 0; i < part->n_gains; i++) flat &= part->gain[i].flat;
  return flat;
}

struct linear_section linear_section_of(const struct linear_part *part, int n,
                                        const struct stage_format *format) {
  struct linear_section s = {.part = part, .n_parts = n, .rate_hz = format->rate_hz,
                             .channels = format->channels, .real = true, .causal = true,
                             .flat = true};
  for (int p = 0; p < n; p++) {
    const bool flat = is_flat(&part[p]);
    s.flat &= flat;
    s.real &= flat || part[p].minimum_share == 0;
    s.causal &= flat || part[p].minimum_share == 1;
    for (int i = 0; i < part[p].n_gains && s.channels > 1; i++) {
      const int target = part[p].gain[i].target;
      s.cross |= target == LINEAR_MID || target == LINEAR_SIDE;
      s.sided |= target == LINEAR_LEFT || target == LINEAR_RIGHT;
    }
  }
  if (s.real) s.causal = s.flat; /* linear phase is centred */
  return s;
}

/* ---- the work space of one grid ---- */

struct spectrum {
  double *re, *im; /* bins 0 .. n / 2; im NULL: real */
};
struct work {
  const struct linear_section *section;
  struct fft_plan *plan;
  int n, taps;
  double *re, *im; /* n points */
  struct spectrum entry[4]; /* [2 o + i]; those that the section needs */
  bool filled;              /* entry holds a real matrix on a grid half as dense */
};

/* Filter (o, i) has taps of its own. */
static bool needed(const struct linear_section *s, int i) {
  if (i == 0) return true;
  if (i == 3) return s->sided;
  return s->cross && (i == 1 || s->sided);
}

/* Where filter i's taps are; -1: it is zero. */
static int source_of(const struct linear_section *s, int i) {
  if (i / 2 >= s->channels || i % 2 >= s->channels) return -1;
  if (i % 3 && !s->cross) return -1;
  return s->sided ? i : i % 3 ? 1 : 0;
}

static void work_close(struct work *w) {
  for (int i = 0; i < 4; i++) free(w->entry[i].re), free(w->entry[i].im);
  free(w->re);
  free(w->im);
  fft_plan_destroy(&w->plan);
}

static bool grow(double **x, size_t n) {
  double *larger = realloc(*x, n * sizeof *larger);
  if (larger) *x = larger;
  return larger != NULL;
}

/* Room for filters of `taps` taps; what was there stays. */
static bool work_resize(struct work *w, int taps) {
  const struct linear_section *s = w->section;
  w->taps = taps;
  w->n = FIR_GRID * taps;
  const size_t n = (size_t)w->n, bins = n / 2 + 1;
  bool sound = grow(&w->re, n) && grow(&w->im, n);
  for (int i = 0; i < 4 && sound; i++)
    if (needed(s, i))
      sound = grow(&w->entry[i].re, bins) && (s->real || grow(&w->entry[i].im, bins));
  if (!w->plan) w->plan = fft_plan_create(w->n);
  else sound = sound && !fft_plan_double(w->plan);
  return sound && w->plan;
}

static double frequency(const struct work *w, int bin) {
  return (double)bin * w->section->rate_hz / w->n;
}

/* ---- linear phase: real matrices ---- */

static void gain_matrix(int target, double g, double m[2][2]) {
  const double half = (1 + g) / 2, cross = (g - 1) / 2;
  m[0][0] = m[1][1] = g;
  m[0][1] = m[1][0] = 0;
  if (target == LINEAR_LEFT) m[1][1] = 1;
  if (target == LINEAR_RIGHT) m[0][0] = 1;
  if (target == LINEAR_MID || target == LINEAR_SIDE) {
    m[0][0] = m[1][1] = half;
    m[0][1] = m[1][0] = target == LINEAR_MID ? cross : -cross;
  }
}

static void part_matrix(const struct linear_section *s, const struct linear_part *part,
                        double freq_hz, double m[2][2]) {
  for (int i = 0; i < part->n_gains; i++) {
    const struct linear_gain *gain = &part->gain[i];
    if (!acts(gain, s->channels)) continue;
    const double g = gain->magnitude(gain->context, freq_hz);
    double b[2][2], r[2][2];
    gain_matrix(s->channels > 1 ? gain->target : LINEAR_STEREO, g, b);
    for (int o = 0; o < 2; o++)
      for (int k = 0; k < 2; k++) r[o][k] = b[o][0] * m[0][k] + b[o][1] * m[1][k];
    memcpy(m, r, sizeof r);
  }
}

/* Every bin; after the grid was doubled, the bins between the known ones. */
static void fill_real(struct work *w) {
  const struct linear_section *s = w->section;
  const int last = w->n / 2;
  for (int i = 0; i < 4 && w->filled; i++)
    for (int k = last / 2; needed(s, i) && k > 0; k--)
      w->entry[i].re[2 * k] = w->entry[i].re[k];
  for (int k = w->filled ? 1 : 0; k <= last; k += w->filled ? 2 : 1) {
    double m[2][2] = {{1, 0}, {0, 1}};
    for (int p = 0; p < s->n_parts; p++) part_matrix(s, &s->part[p], frequency(w, k), m);
    for (int i = 0; i < 4; i++)
      if (needed(s, i)) w->entry[i].re[k] = m[i / 2][i % 2];
  }
  w->filled = true;
}

/* ---- other phases: complex matrices ---- */

/* Gains of one part that commute: on both channels, then alternately on left and right
 * or on mid and side. Their magnitudes multiply. */
struct run {
  const struct linear_part *part;
  int first, end; /* gains */
  int targets[2]; /* whose magnitudes; the second may be -1: nobody's */
};

/* Whether gains of the run act on its target `which`; if not, its magnitude is 1. */
static bool run_acts(const struct run *run, int channels, int which) {
  bool acting = false;
  for (int i = run->first; i < run->end; i++) {
    const int target = channels > 1 ? run->part->gain[i].target : LINEAR_STEREO;
    acting |= target == run->targets[which] && acts(&run->part->gain[i], channels);
  }
  return acting;
}

static bool in_pair(int target, bool middle) {
  return middle ? target == LINEAR_MID || target == LINEAR_SIDE
                : target == LINEAR_LEFT || target == LINEAR_RIGHT;
}

/* The product of the magnitudes. */
static double run_magnitude(const struct work *w, const struct run *run, int which,
                            double freq_hz) {
  double g = 1;
  for (int i = run->first; i < run->end; i++) {
    const struct linear_gain *gain = &run->part->gain[i];
    const int target = w->section->channels > 1 ? gain->target : LINEAR_STEREO;
    if (target == run->targets[which] && acts(gain, w->section->channels))
      g *= gain->magnitude(gain->context, freq_hz);
  }
  return g;
}

/* ln of a magnitude for the cepstrum. A zero at frequency 0 counts as the value that makes
 * the cepstrum of a zero of that order right on the grid: with the order n from the next
 * bins, the product over the roots of unity w^k, k > 0, of |1 - w^k| is N = n points, so
 * that bin 0 lies n ln(2 pi) below bin 1. */
static double log_magnitude(const double *g, int bin) {
  const double least = 1e-60;
  if (bin || g[0] > least) return det_log(g[bin] > least ? g[bin] : least);
  const double first = log_magnitude(g, 1), second = log_magnitude(g, 2);
  return first - (second - first) / det_log(2) * det_log(2 * DET_PI);
}

/* Phases of the two minimum-phase responses: magnitudes in g, phases to p (bins 0 .. n/2).
 * Both transforms carry one response as the real, one as the imaginary part. */
static void minimum_phases(struct work *w, const bool acting[2], double *const g[2],
                           double *const p[2]) {
  const int n = w->n, half = n / 2;
  for (int k = 0; k <= half; k++) {
    const int m = (n - k) % n;
    w->re[k] = w->re[m] = acting[0] ? log_magnitude(g[0], k) : 0;
    w->im[k] = w->im[m] = acting[1] ? log_magnitude(g[1], k) : 0;
  }
  fft_forward(w->plan, w->re, w->im); /* real and even: cepstra times n */
  for (int k = 0; k < n; k++) {
    const double fold = k == 0 || k == half ? 1.0 / n : k < half ? 2.0 / n : 0;
    w->re[k] *= fold;
    w->im[k] *= fold;
  }
  fft_forward(w->plan, w->re, w->im);
  for (int k = 0; k <= half; k++) {
    const int m = (n - k) % n;
    p[0][k] = (w->im[k] - w->im[m]) / 2;
    p[1][k] = (w->re[m] - w->re[k]) / 2;
  }
}

struct number {
  double re, im;
};

static struct number times(struct number a, struct number b) {
  return (struct number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

/* a x + b y */
static struct number blend(struct number a, struct number x, struct number b, struct number y) {
  const struct number u = times(a, x), v = times(b, y);
  return (struct number){u.re + v.re, u.im + v.im};
}

/* The matrix of every bin becomes the run's matrix times it. */
static void apply_run(struct work *w, const struct run *run, const bool acting[2],
                      double *const g[2], double *const p[2]) {
  const struct linear_section *s = w->section;
  const double share = run->part->minimum_share;
  const bool middle = in_pair(run->targets[0], true), both = run->targets[0] == LINEAR_STEREO;
  for (int k = 0; k <= w->n / 2; k++) {
    struct number x[2], m[4];
    for (int j = 0; j < 2; j++) {
      const double turn = share * p[j][k];
      x[j] = (struct number){1, 0};
      if (acting[j]) x[j] = (struct number){g[j][k] * det_cos(turn), g[j][k] * det_sin(turn)};
    }
    if (both) x[1] = x[0];
    const struct number mean = {(x[0].re + x[1].re) / 2, (x[0].im + x[1].im) / 2};
    const struct number cross = {(x[0].re - x[1].re) / 2, (x[0].im - x[1].im) / 2};
    for (int i = 0; i < 4; i++) {
      const int from = source_of(s, i);
      m[i] = from < 0 ? (struct number){0, 0}
                      : (struct number){w->entry[from].re[k], w->entry[from].im[k]};
    }
    for (int i = 0; i < 4; i++) {
      if (!needed(s, i)) continue;
      const int o = i / 2, c = i % 2;
      const struct number y = middle ? blend(mean, m[i], cross, m[2 * (1 - o) + c])
                                     : times(x[o], m[i]);
      w->entry[i].re[k] = y.re;
      w->entry[i].im[k] = y.im;
    }
  }
}

static void do_run(struct work *w, const struct run *run, double *const g[2],
                   double *const p[2]) {
  bool acting[2];
  for (int j = 0; j < 2; j++) {
    acting[j] = run_acts(run, w->section->channels, j);
    for (int k = 0; k <= w->n / 2 && acting[j]; k++)
      g[j][k] = run_magnitude(w, run, j, frequency(w, k));
  }
  if (run->part->minimum_share == 0) {
    for (int k = 0; k <= w->n / 2; k++) p[0][k] = p[1][k] = 0;
  } else {
    minimum_phases(w, acting, g, p);
  }
  apply_run(w, run, acting, g, p);
}

static void do_part(struct work *w, const struct linear_part *part, double *const g[2],
                    double *const p[2]) {
  const int channels = w->section->channels;
  bool stereo = false;
  for (int i = 0; i < part->n_gains; i++)
    stereo |= channels == 1 ? acts(&part->gain[i], 1) : part->gain[i].target == LINEAR_STEREO;
  const struct run all = {part, 0, part->n_gains, {LINEAR_STEREO, -1}};
  if (stereo) do_run(w, &all, g, p);
  for (int i = 0; i < part->n_gains && channels > 1;) {
    const int first = i, target = part->gain[i++].target;
    if (target == LINEAR_STEREO) continue;
    const bool middle = in_pair(target, true);
    while (i < part->n_gains &&
           (part->gain[i].target == LINEAR_STEREO || in_pair(part->gain[i].target, middle)))
      i++;
    const struct run pair = {part, first, i,
                             {middle ? LINEAR_MID : LINEAR_LEFT,
                              middle ? LINEAR_SIDE : LINEAR_RIGHT}};
    do_run(w, &pair, g, p);
  }
}

static int fill_complex(struct work *w) {
  const struct linear_section *s = w->section;
  const size_t bins = (size_t)w->n / 2 + 1;
  double *memory = malloc(4 * bins * sizeof *memory);
  if (!memory) return -1;
  double *const g[2] = {memory, memory + bins};
  double *const p[2] = {memory + 2 * bins, memory + 3 * bins};
  for (int i = 0; i < 4; i++)
    for (int k = 0; needed(s, i) && k <= w->n / 2; k++) {
      w->entry[i].re[k] = i % 3 == 0;
      w->entry[i].im[k] = 0;
    }
  for (int i = 0; i < s->n_parts; i++) do_part(w, &s->part[i], g, p);
  free(memory);
  return 0;
}

/* ---- taps and what they reach ---- */

/* Fade of a causal filter: raised cosine over the last quarter. */
static double fade(int tap, int taps) {
  return tap < taps / 2 ? 1 : fir_window(tap - taps / 2, taps);
}

static void taps_of(struct work *w, const struct spectrum *x, double *h) {
  const int n = w->n, half = w->taps / 2;
  for (int k = 0; k <= n / 2; k++) {
    const int m = (n - k) % n;
    w->re[k] = w->re[m] = x->re[k];
    w->im[m] = x->im ? x->im[k] : 0;
    w->im[k] = x->im ? -x->im[k] : 0; /* conjugated: forward is then backward */
  }
  fft_forward(w->plan, w->re, w->im);
  if (w->section->causal) {
    for (int t = 0; t < w->taps; t++) h[t] = w->re[t] / n * fade(t, w->taps);
    return;
  }
  for (int d = -half; d < half; d++) {
    const int at = d < 0 ? -d : d;
    const double tap = w->section->real || d >= 0 ? w->re[at] : w->re[n - at];
    h[half + d] = tap / n * fir_window(at, w->taps);
  }
}

/* Spectra of two filters: the first as the real, the second as the imaginary part. */
static void transform(struct work *w, const double *a, const double *b, int centre) {
  memset(w->re, 0, (size_t)w->n * sizeof *w->re);
  memset(w->im, 0, (size_t)w->n * sizeof *w->im);
  for (int t = 0; t < w->taps; t++) {
    const int at = (t - centre + w->n) % w->n;
    w->re[at] = a[t];
    if (b) w->im[at] = b[t];
  }
  fft_forward(w->plan, w->re, w->im);
}

struct extremes {
  double least, most; /* of realised to wanted power */
};

static void see(struct extremes *e, struct number got, struct number wanted) {
  const double power = wanted.re * wanted.re + wanted.im * wanted.im;
  if (power <= 1e-4) return;
  const double ratio = (got.re * got.re + got.im * got.im) / power;
  if (ratio < e->least) e->least = ratio;
  if (ratio > e->most) e->most = ratio;
}

static struct number wanted_at(const struct spectrum *x, int k) {
  return (struct number){x->re[k], x->im ? x->im[k] : 0};
}

/* What a left or right signal sees of its own filter, and a mid or side signal of both. */
static void row_extremes(struct work *w, const struct linear_taps *t, int row,
                         struct extremes *e) {
  const struct linear_section *s = w->section;
  const int own = source_of(s, 3 * row), other = source_of(s, row + 1);
  const double top = s->rate_hz / 2.0 < 20000 ? s->rate_hz / 2.0 : 20000;
  transform(w, t->taps[3 * row], other < 0 ? NULL : t->taps[row + 1], t->centre);
  for (int k = 0; k <= w->n / 2; k++) {
    const double f = frequency(w, k);
    if (f < 20 || f > top) continue;
    const int m = (w->n - k) % w->n;
    const struct number a = {(w->re[k] + w->re[m]) / 2, (w->im[k] - w->im[m]) / 2};
    const struct number b = {(w->im[k] + w->im[m]) / 2, (w->re[m] - w->re[k]) / 2};
    const struct number x = wanted_at(&w->entry[own], k);
    see(e, a, x);
    if (other < 0) continue;
    const struct number y = wanted_at(&w->entry[other], k);
    for (int sign = -1; sign <= 1; sign += 2)
      see(e, (struct number){a.re + sign * b.re, a.im + sign * b.im},
          (struct number){x.re + sign * y.re, x.im + sign * y.im});
  }
}

static double worst_error_db(struct work *w, const struct linear_taps *t) {
  struct extremes e = {1, 1};
  for (int row = 0; row < (w->section->sided ? 2 : 1); row++) row_extremes(w, t, row, &e);
  if (e.least <= 0) return 1000;
  return fmax(det_gain_to_db(e.most), -det_gain_to_db(e.least)) / 2;
}

static double pre_ring_ms(const struct linear_section *s, const struct linear_taps *t) {
  int longest = 0;
  for (int row = 0; row < s->channels; row++) {
    const double *own = t->taps[3 * row], *other = t->taps[row + 1];
    int peak = 0, first = 0;
    for (int i = 1; i < t->n; i++)
      if (fabs(own[i]) > fabs(own[peak])) peak = i;
    const double floor = 1e-3 * fabs(own[peak]);
    while (first < peak && fabs(own[first]) <= floor && (!other || fabs(other[first]) <= floor))
      first++;
    if (peak - first > longest) longest = peak - first;
  }
  return 1000.0 * longest / s->rate_hz;
}

/* The filters of w->taps taps. */
static int make(struct work *w, struct linear_taps *t) {
  const struct linear_section *s = w->section;
  *t = (struct linear_taps){.n = w->taps, .centre = s->causal ? 0 : w->taps / 2};
  if (s->real) fill_real(w);
  else if (fill_complex(w)) return -1;
  for (int i = 0; i < 4; i++) {
    if (!needed(s, i)) continue;
    t->own[i] = malloc((size_t)w->taps * sizeof(double));
    if (!t->own[i]) return -1;
    taps_of(w, &w->entry[i], t->own[i]);
  }
  for (int i = 0; i < 4; i++) t->taps[i] = source_of(s, i) < 0 ? NULL : t->own[source_of(s, i)];
  t->error_db = worst_error_db(w, t);
  t->pre_ring_ms = pre_ring_ms(s, t);
  return 0;
}

int linear_taps_make(const struct linear_section *section, int least, struct linear_taps *out) {
  const int most = fir_max_taps(section->rate_hz);
  struct work w = {.section = section};
  int result = 0;
  *out = (struct linear_taps){0};
  const int shortest = section->flat ? CONV_BLOCK : FIR_MIN_TAPS;
  for (int taps = least > shortest ? least : shortest; !result; taps *= 2) {
    linear_taps_free(out);
    result = work_resize(&w, taps) ? make(&w, out) : -1;
    if (out->error_db <= 0.01 || taps >= most) break;
  }
  work_close(&w);
  if (result) linear_taps_free(out);
  return result;
}

void linear_taps_free(struct linear_taps *taps) {
  for (int i = 0; i < 4; i++) free(taps->own[i]);
  *taps = (struct linear_taps){0};
}
