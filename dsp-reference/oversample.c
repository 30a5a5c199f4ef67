/* SPDX-License-Identifier: MIT
 * See oversample.h. */
#include "oversample.h"

#include <string.h>

#include "clones.h"
#include "detmath.h"
#include "twin.h"

/* ---- design ---- */

/* Half-band filter (every other tap of it is zero): sinc under a Kaiser window. */
static void fill_taps(int pairs, double beta, float *taps) {
  double h[OVERSAMPLE_PAIRS_2], sum = 0;
  for (int j = 0; j < pairs; j++) {
    const double t = (j + 0.5) / pairs;
    h[j] = det_sinpi(j + 0.5) / (DET_PI * (j + 0.5)) * det_i0(beta * sqrt(1 - t * t)) /
           det_i0(beta);
    sum += 2 * h[j];
  }
  for (int j = 0; j < pairs; j++) taps[j] = (float)(h[j] / sum);
}

void oversample_fill(struct oversample_design *d, int factor) {
  d->factor = factor;
  fill_taps(OVERSAMPLE_PAIRS_2, 13, d->taps);
  fill_taps(OVERSAMPLE_PAIRS_4, 14, d->taps + OVERSAMPLE_PAIRS_2);
  fill_taps(OVERSAMPLE_PAIRS_8, 14, d->taps + OVERSAMPLE_PAIRS_2 + OVERSAMPLE_PAIRS_4);
}

int oversample_auto(int rate_hz) { return rate_hz < 88200 ? 8 : 4; }

/* ---- filters ---- */

enum { WIDE = 16 };
typedef float wide __attribute__((vector_size(WIDE * sizeof(float))));
typedef float wide_u __attribute__((vector_size(WIDE * sizeof(float)), aligned(4)));
typedef int32_t wide_int __attribute__((vector_size(WIDE * sizeof(float))));
#define LOAD(p) (*(const wide_u *)(p))
#define FLUSH(x) \
  ((wide)((wide_int)(x) & ~(((wide_int)(x) & 0x7fffffff) < 0x26800000))) /* flush_tiny */

/* Samples with neighbours `left` (nearest first) and `right`, and `centre` for the way
 * down: out[n] = flush_tiny(sum), or of half the sum and centre[n]. n is a multiple of 16;
 * out may be centre. Summed from the farthest pair to the nearest. */
struct pairs {
  const float *taps, *centre;
  const float *left[OVERSAMPLE_PAIRS_2], *right[OVERSAMPLE_PAIRS_2];
  int n_pairs;
};
#define SUM_OF_PAIRS(VECTORS)                                                            \
  {                                                                                      \
    wide sum[VECTORS] = {0};                                                             \
    for (int j = p->n_pairs - 1; j >= 0; j--)                                            \
      for (int v = 0; v < VECTORS; v++)                                                  \
        sum[v] = sum[v] + p->taps[j] * (LOAD(p->left[j] + i + v * WIDE) +                \
                                        LOAD(p->right[j] + i + v * WIDE));               \
    for (int v = 0; v < VECTORS; v++) {                                                  \
      if (p->centre) sum[v] = 0.5f * (LOAD(p->centre + i + v * WIDE) + sum[v]);          \
      *(wide_u *)(out + i + v * WIDE) = FLUSH(sum[v]);                                   \
    }                                                                                    \
  }

LACQUER_CLONES
static void filter(const struct pairs *p, int n, float *out) {
  int i = 0;
  for (; i + 4 * WIDE <= n; i += 4 * WIDE) SUM_OF_PAIRS(4)
  for (; i < n; i += WIDE) SUM_OF_PAIRS(1)
}

/* A signal at `phases` samples per frame, every `step`-th row from `row` on. */
struct signal {
  struct oversampled *of;
  int row, step, phases;
};

/* Sample `s` counted from frame n. */
static float *sample(const struct signal *x, int s, int n) {
  const int frame = s >= 0 ? s / x->phases : -((x->phases - 1 - s) / x->phases);
  return x->of->phase[x->row + (s - frame * x->phases) * x->step] + OVERSAMPLE_BEFORE + n + frame;
}

/* The rows half way between those of x. */
static struct signal between(const struct signal *x) {
  return (struct signal){x->of, x->row + x->step / 2, x->step, x->phases};
}

/* Fills the rows between those of x, frames [first, first + n). */
static void interpolate(const struct signal *x, const float *taps, int n_pairs, int first, int n) {
  const struct signal odd = between(x);
  struct pairs p = {.taps = taps, .n_pairs = n_pairs};
  for (int k = 0; k < x->phases; k++) {
    for (int j = 0; j < n_pairs; j++) {
      p.left[j] = sample(x, k - j, first);
      p.right[j] = sample(x, k + 1 + j, first);
    }
    filter(&p, n, sample(&odd, k, first));
  }
}

/* Back: of x and the rows between, low-passed, into x, or into `out`. */
static void decimate(const struct signal *x, const float *taps, int n_pairs, int first, int n,
                     float *out) {
  const struct signal odd = between(x);
  struct pairs p = {.taps = taps, .n_pairs = n_pairs};
  for (int k = 0; k < x->phases; k++) {
    for (int j = 0; j < n_pairs; j++) {
      p.left[j] = sample(&odd, k - 1 - j, first);
      p.right[j] = sample(&odd, k + j, first);
    }
    p.centre = sample(x, k, first);
    filter(&p, n, out ? out : sample(x, k, first));
  }
}

void oversample_load(struct oversampled *o, const float *channel, int32_t n_frames,
                     int32_t block) {
  const int64_t begin = (int64_t)block * BLOCK_FRAMES - OVERSAMPLE_BEFORE;
  const int64_t a = begin > 0 ? begin : 0;
  const int64_t end = begin + OVERSAMPLE_ROW < n_frames ? begin + OVERSAMPLE_ROW : n_frames;
  memset(o->phase[0], 0, sizeof o->phase[0]);
  memcpy(o->phase[0] + (a - begin), channel + a, (size_t)(end - a) * sizeof *channel);
}

/* Every filter covers what the ones after it read: 8, 12 and 56 pairs are 2, 6 and 56
 * frames on either side; lengths are multiples of 16. */
void oversample_up(const struct oversample_design *d, struct oversampled *o) {
  const int f = d->factor;
  const float *taps_4 = d->taps + OVERSAMPLE_PAIRS_2, *taps_8 = taps_4 + OVERSAMPLE_PAIRS_4;
  interpolate(&(struct signal){o, 0, f, 1}, d->taps, OVERSAMPLE_PAIRS_2, -72, BLOCK_FRAMES + 176);
  interpolate(&(struct signal){o, 0, f / 2, 2}, taps_4, OVERSAMPLE_PAIRS_4, -66,
              BLOCK_FRAMES + 160);
  if (f == 8)
    interpolate(&(struct signal){o, 0, 2, 4}, taps_8, OVERSAMPLE_PAIRS_8, OVERSAMPLE_FIRST,
                OVERSAMPLE_FRAMES);
}

void oversample_down(const struct oversample_design *d, struct oversampled *o, float *out) {
  const int f = d->factor;
  const float *taps_4 = d->taps + OVERSAMPLE_PAIRS_2, *taps_8 = taps_4 + OVERSAMPLE_PAIRS_4;
  if (f == 8)
    decimate(&(struct signal){o, 0, 2, 4}, taps_8, OVERSAMPLE_PAIRS_8, -62, BLOCK_FRAMES + 128,
             NULL);
  decimate(&(struct signal){o, 0, f / 2, 2}, taps_4, OVERSAMPLE_PAIRS_4, -56, BLOCK_FRAMES + 112,
           NULL);
  decimate(&(struct signal){o, 0, f, 1}, d->taps, OVERSAMPLE_PAIRS_2, 0, BLOCK_FRAMES, out);
}
