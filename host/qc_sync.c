/* SPDX-License-Identifier: MIT
 * See qc_sync.h. */
#include "qc_sync.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fir_design.h"
#include "qc_resample.h"

#define MOST_DRIFT 1100e-6
#define LEAST_CORRELATION 0.2
#define LEAST_POWER 1e-7 /* of a window: -70 dBFS */

struct vote {
  int64_t at;   /* first frame of the window, in the master */
  int offset;   /* frames */
  double score; /* normalised correlation, 0 .. 1 */
  double channel[2];
  bool swapped;
};
struct search {
  struct qc_source *master;
  const struct qc_measured *measured;
  struct qc_render *render;
  const struct layout *layout; /* of the render */
  struct qc_resample *companion;
  int range, window, points; /* frames; of the transform */
  struct fft_plan *plan;
  /* owned: spectra (real parts, then imaginary ones) and samples, `points` each */
  double *a[2], *b[2], *c[2], *swapped[2], *energy[2];
  float *planar, *out, *stereo;
};

static enum status open_search(struct search *s, const struct qc_scene *scene,
                               struct qc_source *companion, struct failure *why) {
  const int rate_hz = s->master->rate_hz;
  s->range = (int)((int64_t)rate_hz * QC_SYNC_RANGE_MS / 1000);
  s->window = (int)((int64_t)rate_hz * 65536 / 48000);
  if (s->window > s->master->n_frames) s->window = s->master->n_frames;
  for (s->points = 2; s->points < s->window + 2 * s->range;) s->points *= 2;
  s->layout = qc_sync_layout(scene);
  s->plan = fft_plan_create(s->points);
  s->companion = qc_resample_create(companion, rate_hz);
  bool ready = s->plan && s->companion;
  for (int c = 0; c < 2; c++) {
    double **const all[] = {&s->a[c], &s->b[c], &s->c[c], &s->swapped[c], &s->energy[c]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
      *all[i] = malloc(sizeof(double) * ((size_t)s->points + 1));
      ready = ready && *all[i];
    }
  }
  s->planar = malloc(sizeof *s->planar * QC_BLOCK * (size_t)s->master->channels);
  s->out = malloc(sizeof *s->out * QC_BLOCK * LAYOUT_MOST_SPEAKERS);
  s->stereo = malloc(sizeof *s->stereo * QC_BLOCK * 2);
  if (!ready || !s->planar || !s->out || !s->stereo)
    return fail(why, STATUS_AGAIN, "%s: out of memory", s->master->path);
  s->render = qc_render_create(scene, s->layout, rate_hz);
  return STATUS_OK;
}

static void close_search(struct search *s) {
  fft_plan_destroy(&s->plan);
  qc_render_destroy(&s->render);
  qc_resample_destroy(&s->companion);
  for (int c = 0; c < 2; c++) {
    free(s->a[c]);
    free(s->b[c]);
    free(s->c[c]);
    free(s->swapped[c]);
    free(s->energy[c]);
  }
  free(s->planar);
  free(s->out);
  free(s->stereo);
}

/* ---- one window ---- */

/* Music has most of its energy where a shift by a sample changes nothing. */
static void emphasise(double *x, int n) {
  for (int i = n - 1; i > 0; i--) x[i] -= 0.9 * x[i - 1];
  x[0] = 0;
}

/* The render's window at `at`; zeros up to `points`. */
static enum status read_window(struct search *s, int64_t at, struct failure *why) {
  enum status status = STATUS_OK;
  for (int done = 0; done < s->window && !status; done += QC_BLOCK) {
    const int n = s->window - done < QC_BLOCK ? s->window - done : QC_BLOCK;
    status = qc_source_read(s->master, at + done, n, s->planar, why);
    if (status) break;
    qc_render_block(s->render, at + done, n, s->planar, s->out);
    qc_lo_ro(s->layout, s->out, n, s->stereo);
    for (int c = 0; c < 2; c++)
      for (int i = 0; i < n; i++)
        s->a[c][done + i] = (double)s->stereo[(size_t)c * QC_BLOCK + (size_t)i];
  }
  for (int c = 0; c < 2; c++) {
    emphasise(s->a[c], s->window);
    memset(s->a[c] + s->window, 0, sizeof(double) * (size_t)(s->points - s->window));
  }
  return status;
}

/* What of the companion can fall on that window. energy[c][i]: of its samples before i. */
static enum status read_companion(struct search *s, int64_t at, struct failure *why) {
  const int n = s->window + 2 * s->range;
  const enum status status = qc_resample_read(s->companion, at - s->range, n, s->b, why);
  if (status) return status;
  for (int c = 0; c < 2; c++) {
    emphasise(s->b[c], n);
    memset(s->b[c] + n, 0, sizeof(double) * (size_t)(s->points - n));
    s->energy[c][0] = 0;
    for (int i = 0; i < n; i++) s->energy[c][i + 1] = s->energy[c][i] + s->b[c][i] * s->b[c][i];
  }
  return STATUS_OK;
}

/* Spectra of the left and the right from those of left + i right. */
struct pair_of_bins {
  double l[2], r[2]; /* real, imaginary */
};
static struct pair_of_bins split(double *const x[2], int points, int k) {
  const int m = (points - k) & (points - 1);
  return (struct pair_of_bins){
      {0.5 * (x[0][k] + x[0][m]), 0.5 * (x[1][k] - x[1][m])},
      {0.5 * (x[1][k] + x[1][m]), 0.5 * (x[0][m] - x[0][k])}};
}
/* conj(a) b */
static void product(const double a[2], const double b[2], double out[2]) {
  out[0] = a[0] * b[0] + a[1] * b[1];
  out[1] = a[0] * b[1] - a[1] * b[0];
}

/* The inverse transform, to `points` times its values: forward, with re and im exchanged. */
static void correlate(struct search *s) {
  fft_forward(s->plan, s->a[0], s->a[1]);
  fft_forward(s->plan, s->b[0], s->b[1]);
  for (int k = 0; k < s->points; k++) {
    const struct pair_of_bins a = split(s->a, s->points, k), b = split(s->b, s->points, k);
    double left[2], right[2], across[2], back[2];
    product(a.l, b.l, left);
    product(a.r, b.r, right);
    product(a.l, b.r, across);
    product(a.r, b.l, back);
    s->c[0][k] = left[0] - right[1];
    s->c[1][k] = left[1] + right[0];
    s->swapped[0][k] = across[0] - back[1];
    s->swapped[1][k] = across[1] + back[0];
  }
  fft_forward(s->plan, s->c[1], s->c[0]);
  fft_forward(s->plan, s->swapped[1], s->swapped[0]);
}

/* Both channels at lag i, by magnitude, so that an inverted one does not hide the other. */
static double score(const struct search *s, double *const c[2], const double energy[2],
                    const double least[2], bool swap, int i, double channel[2]) {
  double sum = 0, norm = 0;
  for (int k = 0; k < 2; k++) {
    const int of = swap ? 1 - k : k;
    const double e = s->energy[of][i + s->window] - s->energy[of][i];
    const double n = sqrt(energy[k] * fmax(e, least[of])), x = c[k][i] / s->points;
    channel[k] = n > 0 ? x / n : 0;
    sum += fabs(x);
    norm += n;
  }
  return norm > 0 ? sum / norm : 0;
}

static enum status vote_at(struct search *s, int64_t at, struct vote *v, struct failure *why) {
  double energy[2] = {0, 0}, least[2] = {0, 0}, channel[2];
  enum status status = read_window(s, at, why);
  if (!status) status = read_companion(s, at, why);
  if (status) return status;
  for (int c = 0; c < 2; c++) {
    for (int i = 0; i < s->window; i++) energy[c] += s->a[c][i] * s->a[c][i];
    for (int i = 0; i <= 2 * s->range; i++)
      least[c] = fmax(least[c], 0.01 * (s->energy[c][i + s->window] - s->energy[c][i]));
  }
  correlate(s);
  *v = (struct vote){.at = at};
  for (int i = 0; i <= 2 * s->range; i++)
    for (int swap = 0; swap < 2; swap++) {
      /* of mono, crossed channels fit as well as straight ones */
      const double x = (swap ? 0.999 : 1) *
                       score(s, swap ? s->swapped : s->c, energy, least, swap, i, channel);
      if (x <= v->score) continue;
      *v = (struct vote){at, i - s->range, x, {channel[0], channel[1]}, swap};
    }
  return STATUS_OK;
}

/* ---- all windows ---- */

/* The loudest place for a window within slots [first, last); -1: all of it is silent. */
static int64_t loudest(const struct search *s, int first, int last) {
  const int slot = s->measured->slot_frames, span = s->window / slot > 1 ? s->window / slot : 1;
  double most = LEAST_POWER * 2 * slot * span;
  int64_t best = -1;
  for (int i = first; i < last; i++) {
    double sum = 0;
    for (int k = i; k < i + span && k < s->measured->n_slots; k++)
      sum += (double)s->measured->slots[k];
    if (sum > most) most = sum, best = (int64_t)i * slot;
  }
  const int64_t end = s->master->n_frames - s->window;
  return best > end ? end : best;
}

/* Votes that lie on the line through two of them. */
static int followers(const struct vote *votes, int n, int i, int k, bool follows[]) {
  const double span = (double)(votes[k].at - votes[i].at);
  const double slope = span > 0 ? (votes[k].offset - votes[i].offset) / span : 0;
  int count = 0;
  if (fabs(slope) > MOST_DRIFT) return 0;
  for (int j = 0; j < n; j++) {
    const double on = votes[i].offset + slope * (double)(votes[j].at - votes[i].at);
    follows[j] = fabs(votes[j].offset - on) <= (i == k ? 1 : 2);
    count += follows[j];
  }
  return count;
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void describe(const struct vote *votes, const bool follows[], int n, int rate_hz,
                     struct qc_sync *out) {
  double scores[QC_SYNC_WINDOWS];
  int first = -1, last = -1, count = 0, swaps = 0;
  for (int i = 0; i < n; i++) {
    if (!follows[i]) continue;
    if (first < 0) first = i;
    last = i;
    scores[count++] = votes[i].score;
    swaps += votes[i].swapped;
    for (int c = 0; c < 2; c++) out->channel[c] += votes[i].channel[c];
  }
  qsort(scores, (size_t)count, sizeof *scores, by_size);
  const double seconds = (double)(votes[last].at - votes[first].at) / rate_hz;
  out->n_votes = count;
  out->correlation = scores[count / 2];
  out->swapped = 2 * swaps > count;
  for (int c = 0; c < 2; c++) out->channel[c] /= count;
  out->offset_frames = votes[first].offset;
  out->drift_frames = votes[last].offset - votes[first].offset;
  if (seconds > 0) out->drift_ppm = 1e6 * out->drift_frames / rate_hz / seconds;
  out->found = 2 * count > n && out->correlation >= LEAST_CORRELATION;
}

/* A standing offset is preferred to a drift that as many votes follow. */
static void count_votes(const struct vote *votes, int n, int rate_hz, struct qc_sync *out) {
  bool best[QC_SYNC_WINDOWS] = {false}, follows[QC_SYNC_WINDOWS];
  int most = 0;
  for (int span = 0; span < n; span++)
    for (int i = 0; i + span < n; i++) {
      const int count = followers(votes, n, i, i + span, follows);
      if (count <= most || (span && count < 3)) continue;
      most = count;
      memcpy(best, follows, sizeof best);
    }
  out->n_windows = n;
  if (most) describe(votes, best, n, rate_hz, out);
}

enum status qc_sync_measure(struct qc_source *master, const struct qc_scene *scene,
                            const struct qc_measured *measured, struct qc_source *companion,
                            struct qc_sync *out, struct failure *why) {
  struct search s = {.master = master, .measured = measured};
  struct vote votes[QC_SYNC_WINDOWS];
  int n = 0;
  *out = (struct qc_sync){0};
  if (scene->refusal) return STATUS_OK;
  enum status status = open_search(&s, scene, companion, why);
  int parts = status ? 0 : master->n_frames / s.window;
  if (parts > QC_SYNC_WINDOWS) parts = QC_SYNC_WINDOWS;
  for (int i = 0; i < parts && !status; i++) {
    const int64_t n_slots = measured->n_slots;
    const int64_t at = loudest(&s, (int)(n_slots * i / parts), (int)(n_slots * (i + 1) / parts));
    if (at >= 0) status = vote_at(&s, at, &votes[n++], why);
  }
  close_search(&s);
  if (!status && n) count_votes(votes, n, master->rate_hz, out);
  return status;
}
