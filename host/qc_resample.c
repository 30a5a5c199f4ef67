/* SPDX-License-Identifier: MIT
 * See qc_resample.h. */
#include "qc_resample.h"

#include <math.h>
#include <stdlib.h>

#include "detmath.h"
#include "memory.h"

enum { HALF_TAPS = 32 }; /* at the lower of the two rates */

struct qc_resample {
  struct qc_source *source;
  int64_t up, down; /* frame m of the result is frame m * down / up of the source */
  int half;         /* taps to either side of it */
  double *taps;     /* owned; of every phase; NULL: the rates are the same */
  float *block;     /* owned */
};

static int64_t common_divisor(int64_t a, int64_t b) {
  while (b) {
    const int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* A low pass at 0.95 of the lower Nyquist frequency under a Blackman window. */
static double tap(const struct qc_resample *r, double x, double cutoff) {
  const double w = x / (r->half + 1), u = cutoff * x;
  if (fabs(w) >= 1) return 0;
  const double window = 0.42 + 0.5 * det_cospi(w) + 0.08 * det_cospi(2 * w);
  return cutoff * window * (u == 0 ? 1 : det_sinpi(u) / (DET_PI * u));
}

static bool design(struct qc_resample *r) {
  const double ratio = (double)r->up / (double)r->down, lower = ratio < 1 ? ratio : 1;
  r->half = (int)ceil(HALF_TAPS / lower);
  const int64_t n = 2 * r->half;
  r->taps = malloc(sizeof *r->taps * (size_t)(r->up * n));
  for (int64_t p = 0; r->taps && p < r->up; p++)
    for (int64_t k = 0; k < n; k++)
      r->taps[p * n + k] = tap(r, (double)p / (double)r->up - (double)(k - r->half + 1),
                               0.95 * lower);
  return r->taps;
}

struct qc_resample *qc_resample_create(struct qc_source *source, int rate_hz) {
  const int64_t divisor = common_divisor(rate_hz, source->rate_hz);
  struct qc_resample *r = memory_new(1, sizeof *r);
  *r = (struct qc_resample){.source = source, .up = rate_hz / divisor,
                            .down = source->rate_hz / divisor};
  r->block = malloc(sizeof *r->block * QC_BLOCK * (size_t)source->channels);
  if (!r->block || (r->up != r->down && !design(r))) qc_resample_destroy(&r);
  return r;
}

void qc_resample_destroy(struct qc_resample **r) {
  if (!*r) return;
  free((*r)->taps);
  free((*r)->block);
  free(*r);
  *r = NULL;
}

/* At the source's own rate. */
static enum status read_source(struct qc_resample *r, int64_t at, int64_t n, double *const out[2],
                               struct failure *why) {
  enum status status = STATUS_OK;
  for (int64_t done = 0; done < n && !status; done += QC_BLOCK) {
    const int32_t count = n - done < QC_BLOCK ? (int32_t)(n - done) : QC_BLOCK;
    status = qc_source_read(r->source, at + done, count, r->block, why);
    for (int c = 0; c < 2 && !status; c++) {
      const float *x = r->block + (c < r->source->channels ? (size_t)c * QC_BLOCK : 0);
      for (int32_t i = 0; i < count; i++) out[c][done + i] = (double)x[i];
    }
  }
  return status;
}

static int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

enum status qc_resample_read(struct qc_resample *r, int64_t at, int32_t n, double *const out[2],
                             struct failure *why) {
  if (!r->taps) return read_source(r, at, n, out, why);
  const int64_t first = floor_divide(at * r->down, r->up) - r->half + 1;
  const int64_t last = floor_divide((at + n - 1) * r->down, r->up) + r->half;
  const int64_t count = last - first + 1, taps = 2 * (int64_t)r->half;
  double *x[2] = {malloc(sizeof(double) * (size_t)count), malloc(sizeof(double) * (size_t)count)};
  enum status status = x[0] && x[1] ? read_source(r, first, count, x, why)
                                    : fail(why, STATUS_AGAIN, "%s: out of memory", r->source->path);
  for (int32_t i = 0; i < n && !status; i++) {
    const int64_t whole = floor_divide((at + i) * r->down, r->up);
    const double *h = r->taps + ((at + i) * r->down - whole * r->up) * taps;
    for (int c = 0; c < 2; c++) {
      const double *from = x[c] + (whole - r->half + 1 - first);
      double sum = 0;
      for (int64_t k = 0; k < taps; k++) sum += h[k] * from[k];
      out[c][i] = sum;
    }
  }
  free(x[0]);
  free(x[1]);
  return status;
}
