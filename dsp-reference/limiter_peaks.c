/* SPDX-License-Identifier: MIT
 * The limiter's true-peak detector; see limiter.h. */
#include <string.h>

#include "clones.h"
#include "convolve.h"
#include "limiter_passes.h"

enum { WIDE = 16, INTERVALS = BLOCK_FRAMES + 2 * EDGE, MIDS = BLOCK_FRAMES + 2 * MID_HALO };
typedef float wide __attribute__((vector_size(WIDE * sizeof(float))));
typedef float wide_u __attribute__((vector_size(WIDE * sizeof(float)), aligned(4)));
typedef int32_t wide_int __attribute__((vector_size(WIDE * sizeof(float))));
#define LOAD(p) (*(const wide_u *)(p))
#define ABS(x) ((wide)((wide_int)(x) & 0x7fffffff))

/* ---- half way ---- */

static float *mids(const struct stage_io *io, int32_t block, int channel) {
  return io->ring + ((size_t)(block % io->ring_blocks) * io->channels + channel) * BLOCK_FRAMES;
}

/* Energy of the Hann-windowed bins below Nyquist. */
static float high_energy(const float *spectrum) {
  const float *re = spectrum, *im = spectrum + CONV_BLOCK;
  float energy = 0;
  for (int k = 1; k <= HIGH_BINS; k++) {
    const int m = CONV_BLOCK - k;
    const float re_up = k > 1 ? re[m + 1] : im[0], im_up = k > 1 ? im[m + 1] : 0;
    const float a = flush_tiny(0.5f * re[m] - 0.25f * (re[m - 1] + re_up));
    const float b = flush_tiny(0.5f * im[m] - 0.25f * (im[m - 1] + im_up));
    energy = energy + (a * a + b * b);
  }
  return energy;
}

static void set_high(const struct stage_io *io, int32_t block, int channel, float energy) {
  const struct limiter_design *d = io->design;
  int32_t *high = limiter_section(io, LIMITER_HIGH, channel) + (size_t)block * d->points;
  for (int k = 0; k < d->points; k++) high[k] = high_level(energy);
}

static void half_way(const struct stage_io *io, const float *audio, int32_t first, int32_t count,
                     bool measure_high) {
  const struct limiter_design *d = io->design;
  const float *filter = d->half_way;
  for (int c = 0; c < io->channels; c++)
    for (int32_t b = first; b < first + count; b++) {
      float x[CONV_SPECTRUM], product[CONV_SPECTRUM];
      const float *spectrum = x;
      conv_forward(d->twiddle, audio + (size_t)c * io->stride, io->n_frames, b, x);
      if (measure_high && b < io->n_blocks) set_high(io, b, c, high_energy(x));
      conv_multiply(&spectrum, &filter, 1, product);
      conv_inverse(d->twiddle, product, mids(io, b, c));
    }
}

void limiter_half_way(const struct stage_io *io, int32_t first, int32_t count) {
  half_way(io, io->src, first, count, true);
}

void limiter_half_way_again(const struct stage_io *io, int32_t first, int32_t count) {
  half_way(io, io->dst, first, count, false);
}

/* ---- peaks ---- */

/* The largest magnitude of the points between each of n pairs of neighbours in the signal
 * of twice the rate: pair k's i-th left neighbour is left[i][k], right likewise, far to
 * near. */
LACQUER_CLONES
static void between(const float (*even)[8], const float (*odd)[8], int phases,
                    const float *const left[8], const float *const right[8], float *peak) {
  for (int k = 0; k < INTERVALS; k += WIDE) {
    wide sum[8], difference[8], most = LOAD(peak + k);
    for (int i = 0; i < 8; i++) {
      const wide l = LOAD(left[i] + k), r = LOAD(right[i] + k);
      sum[i] = l + r;
      difference[i] = l - r;
    }
    for (int p = 0; p < phases; p++) {
      wide e = {0}, o = {0};
      for (int i = 0; i < 8; i++) {
        e = e + even[p][i] * sum[i];
        o = o + odd[p][i] * difference[i];
      }
      const wide m = ABS(e) + ABS(o);
      most = (wide)(((wide_int)m & (most < m)) | ((wide_int)most & ~(most < m)));
    }
    *(wide_u *)(peak + k) = most;
  }
}

/* libebur128's points between x[n] and x[n + 1]. */
LACQUER_CLONES
static void between_ebu(const struct limiter_design *d, const float *x, float *peak) {
  enum { CHUNK = 32 };
  const int taps = d->ebu_taps;
  for (int k = 0; k < INTERVALS; k += CHUNK) {
    float q[CHUNK] = {0}, o[CHUNK] = {0}, h[CHUNK] = {0};
    for (int i = 0; i < taps; i++) {
      const float *left = x + k - taps + 1 + i, *right = x + k + taps - i;
      for (int c = 0; c < CHUNK; c++) {
        const float sum = left[c] + right[c], difference = left[c] - right[c];
        q[c] = q[c] + d->ebu_even[0][i] * sum;
        o[c] = o[c] + d->ebu_odd[0][i] * difference;
        h[c] = h[c] + d->ebu_even[1][i] * sum;
      }
    }
    for (int c = 0; c < CHUNK; c++) {
      const float quarter = d->ebu_phases == 3 ? abs_bits(q[c]) + abs_bits(o[c]) : 0;
      peak[k + c] = max_float(peak[k + c], max_float(quarter, abs_bits(h[c])));
    }
  }
}

static void load_window(const struct stage_io *io, const float *audio, int32_t block,
                        float *window) {
  const int64_t begin = (int64_t)block * BLOCK_FRAMES - DETECT_HALO;
  const int64_t a = begin > 0 ? begin : 0;
  int64_t b = begin + BLOCK_FRAMES + 2 * DETECT_HALO;
  if (b > io->n_frames) b = io->n_frames;
  memset(window, 0, (BLOCK_FRAMES + 2 * DETECT_HALO) * sizeof *window);
  memcpy(window + (a - begin), audio + a, (size_t)(b - a) * sizeof *window);
}

/* Largest magnitude in each of the intervals [n, n + 1), from n = -EDGE of the block on;
 * `again`: of the output. */
static void detect_block(const struct stage_io *io, int32_t block, int channel, int again,
                         float *peak) {
  const struct limiter_design *d = io->design;
  float window[BLOCK_FRAMES + 2 * DETECT_HALO], mid[MIDS];
  const float *audio = (again ? io->dst : io->src) + (size_t)channel * io->stride;
  load_window(io, audio, block, window);
  const int before = BLOCK_FRAMES - MID_SHIFT + MID_HALO; /* points of the block's own ring */
  memcpy(mid, mids(io, block, channel) + BLOCK_FRAMES - before, (size_t)before * sizeof *mid);
  memcpy(mid + before, mids(io, block + 1, channel), (size_t)(MIDS - before) * sizeof *mid);
  const float *x = window + DETECT_HALO - EDGE, *m = mid + MID_HALO - EDGE;
  for (int n = 0; n < INTERVALS; n++) peak[n] = max_float(abs_bits(x[n]), abs_bits(m[n]));
  const float *left[8], *right[8];
  for (int i = 0; i < 8; i++) { /* after x[n]: ... mid[n - 1], x[n] | mid[n], x[n + 1] ... */
    left[i] = i % 2 ? x - (7 - i) / 2 : m - 1 - (6 - i) / 2;
    right[i] = i % 2 ? m + (7 - i) / 2 : x + 1 + (6 - i) / 2;
  }
  between(d->even[again], d->odd[again], d->phases[again], left, right, peak);
  for (int i = 0; i < 8; i++) { /* after mid[n]: ... x[n], mid[n] | x[n + 1], mid[n + 1] ... */
    left[i] = i % 2 ? m - (7 - i) / 2 : x - (6 - i) / 2;
    right[i] = i % 2 ? x + 1 + (7 - i) / 2 : m + 1 + (6 - i) / 2;
  }
  between(d->even[again], d->odd[again], d->phases[again], left, right, peak);
  if (d->ebu_phases) between_ebu(d, x, peak);
}

static float largest(const float *x, int n) {
  float most = 0;
  for (int i = 0; i < n; i++) most = max_float(most, x[i]);
  return most;
}

/* The largest of each step; those outside the track belong to its first and last point. */
static void fold(const struct stage_io *io, int32_t block, float *peak, float *points) {
  const struct limiter_design *d = io->design;
  float *x = peak + EDGE;
  if (block == 0) x[0] = max_float(x[0], largest(peak, EDGE));
  if (block == io->n_blocks - 1)
    x[BLOCK_FRAMES - 1] = max_float(x[BLOCK_FRAMES - 1], largest(x + BLOCK_FRAMES, EDGE));
  for (int half = d->step / 2; half > 0; half /= 2)
    for (int k = 0; k < d->points; k++)
      for (int i = 0; i < half; i++)
        x[k * half + i] = max_float(x[2 * k * half + i], x[(2 * k + 1) * half + i]);
  for (int k = 0; k < d->points; k++) points[k] = max_float(points[k], x[k]);
}

static void detect(const struct stage_io *io, int again, int section, int32_t first,
                   int32_t count) {
  const struct limiter_design *d = io->design;
  float peak[INTERVALS], points[MAX_CHANNELS][BLOCK_FRAMES / 8];
  for (int32_t b = first; b < first + count; b++) {
    memset(points, 0, (size_t)d->groups * sizeof *points);
    for (int c = 0; c < io->channels; c++) {
      detect_block(io, b, c, again, peak);
      fold(io, b, peak, points[d->group_of[c]]);
    }
    for (int g = 0; g < d->groups; g++) {
      int32_t *level = limiter_section(io, section, g) + (size_t)b * d->points;
      for (int k = 0; k < d->points; k++) level[k] = peak_level(points[g][k]);
    }
  }
}

void limiter_detect(const struct stage_io *io, int32_t first, int32_t count) {
  detect(io, 0, LIMITER_LEVEL, first, count);
}

void limiter_detect_again(const struct stage_io *io, int32_t first, int32_t count) {
  detect(io, 1, LIMITER_AGAIN, first, count);
}
