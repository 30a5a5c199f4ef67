/* SPDX-License-Identifier: MIT
 * See ltas.h. Two ways over the file: loudness of every block, then spectra of those
 * that pass the gates. Every sum runs in one fixed order. */
#include "ltas.h"

#include <stdlib.h>

#include "detmath.h"
#include "fir_design.h"
#include "loudness.h"

static const double ABSOLUTE_GATE_LUFS = -70, RELATIVE_GATE_LU = -10;

static int frames_of_block(int rate_hz) {
  return rate_hz >= 176400 ? 131072 : rate_hz >= 88200 ? 65536 : 32768;
}

/* ---- gates ---- */

struct memory_of_filter {
  double z1, z2;
};

static double step(const struct biquad *f, struct memory_of_filter *m, double x) {
  const double y = f->b0 * x + m->z1;
  m->z1 = f->b1 * x - f->a1 * y + m->z2;
  m->z2 = f->b2 * x - f->a2 * y;
  return y;
}

/* A filter that rings out into silence stops, before its memory is subnormal. */
static void settle(struct memory_of_filter *m) {
  if (m->z1 * m->z1 + m->z2 * m->z2 < 1e-60) m->z1 = m->z2 = 0;
}

/* Adds one channel's K-weighted energy to that of every whole half block. */
static void add_energy(const struct audio *audio, int channel, int half, int n_halves,
                       double *energy) {
  const float *x = audio->pcm[channel];
  struct biquad shelf, high_pass;
  struct memory_of_filter m[2] = {{0, 0}, {0, 0}};
  k_weighting(audio->rate_hz, &shelf, &high_pass);
  for (int h = 0; h < n_halves; h++) {
    double sum = 0;
    for (int i = 0; i < half; i++) {
      const double y = step(&high_pass, &m[1], step(&shelf, &m[0], x[(size_t)h * half + i]));
      sum += y * y;
    }
    energy[h] += sum;
    settle(&m[0]);
    settle(&m[1]);
  }
}

/* Mean of the blocks above a threshold; block b is the halves b and b + 1. */
static double gated_mean(const double *energy, int n_blocks, double threshold, int *n) {
  double sum = 0;
  *n = 0;
  for (int b = 0; b < n_blocks; b++) {
    const double e = energy[b] + energy[b + 1];
    if (e <= threshold) continue;
    sum += e;
    ++*n;
  }
  return *n ? sum / *n : 0;
}

/* Energy of a block at a loudness. */
static double energy_at(double lufs, int block_frames) {
  return det_pow(10, (lufs + 0.691) / 10) * block_frames;
}

/* ---- spectra ---- */

struct transform {
  struct fft_plan *plan;
  double *window, *re, *im;
};

static void transform_free(struct transform *t) {
  fft_plan_destroy(&t->plan);
  free(t->window);
  free(t->re);
  free(t->im);
}

static int transform_open(struct transform *t, int n) {
  t->plan = fft_plan_create(n);
  t->window = malloc((size_t)n * sizeof(double));
  t->re = malloc((size_t)n * sizeof(double));
  t->im = malloc((size_t)n * sizeof(double));
  if (!t->plan || !t->window || !t->re || !t->im) return -1;
  for (int i = 0; i < n; i++) t->window[i] = 0.5 - 0.5 * det_cospi(2.0 * i / n);
  return 0;
}

/* Adds |M|^2 and |S|^2 of the block at `first`: one complex DFT of m + j s, taken apart. */
static void add_block(const struct audio *audio, size_t first, const struct transform *t,
                      struct ltas *out) {
  const int n = out->block_frames;
  const float *a = audio->pcm[0] + first;
  const float *b = audio->channels > 1 ? audio->pcm[1] + first : a;
  for (int i = 0; i < n; i++) {
    t->re[i] = 0.5 * ((double)a[i] + b[i]) * t->window[i];
    t->im[i] = 0.5 * ((double)a[i] - b[i]) * t->window[i];
  }
  fft_forward(t->plan, t->re, t->im);
  for (int k = 0; k <= n / 2; k++) {
    const int mirror = (n - k) % n;
    const double mr = 0.5 * (t->re[k] + t->re[mirror]), mi = 0.5 * (t->im[k] - t->im[mirror]);
    const double sr = 0.5 * (t->im[k] + t->im[mirror]), si = 0.5 * (t->re[mirror] - t->re[k]);
    out->mid[k] += mr * mr + mi * mi;
    out->side[k] += sr * sr + si * si;
  }
}

static void add_spectra(const struct audio *audio, const double *energy, double threshold,
                        const struct transform *t, struct ltas *out) {
  const int n = out->block_frames;
  for (int b = 0; b < out->n_blocks; b++)
    if (energy[b] + energy[b + 1] > threshold) add_block(audio, (size_t)b * (n / 2), t, out);
  /* One side of the spectrum for both; a Hann window's mean square is 3/8. */
  const double scale = 2 / (0.375 * n * n * (double)out->n_used);
  for (int k = 0; k <= n / 2; k++) {
    const double s = k % (n / 2) ? scale : scale / 2;
    out->mid[k] *= s;
    out->side[k] *= s;
  }
}

/* ---- the file ---- */

static enum status gate(const struct audio *audio, double *energy, double *threshold,
                        struct ltas *out, struct failure *why) {
  const int n = out->block_frames;
  for (int c = 0; c < audio->channels; c++)
    add_energy(audio, c, n / 2, out->n_blocks + 1, energy);
  *threshold = energy_at(ABSOLUTE_GATE_LUFS, n);
  const double relative = gated_mean(energy, out->n_blocks, *threshold, &out->n_used) *
                          det_pow(10, RELATIVE_GATE_LU / 10);
  if (!out->n_used)
    return fail(why, STATUS_BAD_DATA, "silent: nothing in it is louder than %g LUFS",
                ABSOLUTE_GATE_LUFS);
  if (relative > *threshold) *threshold = relative;
  gated_mean(energy, out->n_blocks, *threshold, &out->n_used);
  return STATUS_OK;
}

enum status ltas_measure(const struct audio *audio, struct ltas *out, struct failure *why) {
  const int n = frames_of_block(audio->rate_hz);
  *out = (struct ltas){.rate_hz = audio->rate_hz, .block_frames = n};
  if (audio->channels > 2)
    return fail(why, STATUS_BAD_DATA, "a match stage takes mono and stereo, not %s",
                audio->layout->name);
  if (audio->n_frames < n)
    return fail(why, STATUS_BAD_DATA, "too short to measure a spectrum: %d frames (accepted: %d "
                "or more, %.2f s)", audio->n_frames, n, (double)n / audio->rate_hz);
  out->n_blocks = audio->n_frames / (n / 2) - 1;
  struct transform t = {0};
  double *energy = calloc((size_t)out->n_blocks + 1, sizeof *energy), threshold;
  out->mid = calloc((size_t)n / 2 + 1, sizeof *out->mid);
  out->side = calloc((size_t)n / 2 + 1, sizeof *out->side);
  enum status status = STATUS_OK;
  if (!energy || !out->mid || !out->side || transform_open(&t, n))
    status = fail(why, STATUS_AGAIN, "out of memory");
  if (!status) status = gate(audio, energy, &threshold, out, why);
  if (!status) add_spectra(audio, energy, threshold, &t, out);
  transform_free(&t);
  free(energy);
  if (status) ltas_free(out);
  return status;
}

void ltas_free(struct ltas *ltas) {
  free(ltas->mid);
  free(ltas->side);
  *ltas = (struct ltas){0};
}

double ltas_band(const struct ltas *ltas, const double *power, double low_hz, double high_hz) {
  const double bin_hz = (double)ltas->rate_hz / ltas->block_frames, last = ltas->block_frames / 2;
  double low = low_hz / bin_hz + 0.5, high = high_hz / bin_hz + 0.5; /* bin k: [k, k + 1) */
  if (low < 0) low = 0;
  if (high > last + 1) high = last + 1;
  double sum = 0;
  for (int k = (int)low; k < high; k++) {
    const double from = low > k ? low : k, to = high < k + 1 ? high : k + 1;
    sum += power[k] * (to - from);
  }
  return sum;
}
