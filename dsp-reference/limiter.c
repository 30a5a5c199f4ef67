/* SPDX-License-Identifier: MIT
 * See limiter.h. */
#include "limiter.h"

#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "detmath.h"

#define AT(field) offsetof(struct limiter_params, field)
static const struct param_row limiter_rows[] = {
    {.name = "true_peak", .type = PARAM_NUMBER, .offset = AT(true_peak_db), .min = -20, .max = 0,
     .initial = NAN, .unit = "dBTP", .help = "ceiling that the limiter holds"},
    {.name = "look_ahead", .type = PARAM_NUMBER, .offset = AT(look_ahead_ms), .min = 0.5,
     .max = 20, .initial = 10, .unit = "ms", .help = "length of the limiter's attack"},
    {.name = "smooth", .type = PARAM_NUMBER, .offset = AT(smooth_ms), .min = 0, .max = 5,
     .initial = 2, .unit = "ms", .help = "smoothing of the gain"},
    {.name = "close", .type = PARAM_NUMBER, .offset = AT(close_ms), .min = 0, .max = 100,
     .initial = 50, .unit = "ms", .help = "gaps between peaks up to this are bridged"},
    {.name = "release", .type = PARAM_NUMBER, .offset = AT(release_ms), .min = 1, .max = 1000,
     .initial = 60, .unit = "ms", .help = "time constant of the release"},
    {.name = "slow_release", .type = PARAM_NUMBER, .offset = AT(slow_release_ms), .min = 50,
     .max = 5000, .initial = 800, .unit = "ms", .help = "time constant of the slow stage"},
    {.name = "slow_amount", .type = PARAM_NUMBER, .offset = AT(slow_amount), .min = 0, .max = 1,
     .initial = 0.6, .help = "share of the reduction that the slow stage keeps"},
    {0},
};
#undef AT

/* ---- design ---- */

static double sinc(double t) { return t == 0 ? 1 : det_sinpi(t) / (DET_PI * t); }

static double kaiser(double t, double beta) { /* t in [-1, 1] */
  return det_i0(beta * sqrt(1 - t * t)) / det_i0(beta);
}

static void fill_half_taps(struct limiter_design *d) {
  double h[HALF_TAPS], sum = 0;
  for (int j = 0; j < HALF_TAPS; j++) {
    h[j] = sinc(j + 0.5) * kaiser((j + 0.5) / HALF_TAPS, 9);
    sum += 2 * h[j];
  }
  for (int j = 0; j < HALF_TAPS; j++) d->half_taps[j] = (float)(h[j] / sum);
}

/* Even and odd parts of the filter for one fraction, `taps` a side, outermost first;
 * `window` of the distance. Normalised to unity at DC when `unity`. */
static void even_odd(double fraction, int taps, double (*window)(double), int unity, float *even,
                     float *odd) {
  double h[2 * EBU_MAX_TAPS], sum = 0;
  for (int i = 0; i < 2 * taps; i++) {
    const double t = fraction - (i - taps + 1);
    h[i] = sinc(t) * window(t);
    sum += h[i];
  }
  for (int i = 0; i < taps; i++) {
    const double a = h[i] / (unity ? sum : 1), b = h[2 * taps - 1 - i] / (unity ? sum : 1);
    even[i] = (float)((a + b) / 2);
    odd[i] = (float)((a - b) / 2);
  }
}

static double kaiser8(double t) { return kaiser(t / 8, 8); }
/* libebur128's Hann window over 49 taps: 6 frames a side at 4x, 12 at 2x. */
static double hann6(double t) { return 0.5 * (1 + det_cospi(t / 6)); }
static double hann12(double t) { return 0.5 * (1 + det_cospi(t / 12)); }

static void fill_detector(struct limiter_design *d, int rate_hz) {
  fill_half_taps(d);
  for (int p = 0; p < 4; p++) even_odd((p + 1) / 8.0, 8, kaiser8, 1, d->even[p], d->odd[p]);
  d->ebu_phases = rate_hz < 96000 ? 3 : rate_hz < 192000 ? 1 : 0;
  d->ebu_taps = rate_hz < 96000 ? 6 : 12;
  even_odd(0.25, 6, hann6, 0, d->ebu_even[0], d->ebu_odd[0]);
  even_odd(0.5, d->ebu_taps, rate_hz < 96000 ? hann6 : hann12, 0, d->ebu_even[1], d->ebu_odd[1]);
}

static int limiter_design(const void *params, const struct stage_format *f,
                          struct stage_design *out, const char **why) {
  const struct limiter_params *p = params;
  struct limiter_design *d = calloc(1, sizeof *d);
  *why = "out of memory";
  if (!d) return -1;
  d->step = control_step(8, f->rate_hz);
  d->points = BLOCK_FRAMES / d->step;
  const double step_ms = 1000.0 * d->step / f->rate_hz;
  d->close = nearest(p->close_ms / step_ms);
  d->box = nearest(p->smooth_ms / step_ms / 2);
  d->hold = 3 * d->box + 2;
  d->attack = max_int(1, nearest(p->look_ahead_ms / step_ms));
  d->release = smoothing_q24(p->release_ms, step_ms);
  d->slow_attack = smoothing_q24(50, step_ms);
  d->slow_release = smoothing_q24(p->slow_release_ms, step_ms);
  d->slow_amount = nearest(p->slow_amount * 16777216);
  for (int j = 0; j < d->attack; j++)
    d->attack_weight[j] = nearest(1073741824.0 * (d->attack - j) / d->attack);
  fill_detector(d, f->rate_hz);
  spline_weights(d->step, d->weights);
  *out = (struct stage_design){
      .data = d,
      .size = sizeof *d,
      .control_words = LIMITER_SECTIONS * d->points,
      .control_sections = LIMITER_SECTIONS,
      .shape = {{1, 0, 0, 0}, {1, 0, 0, 0}, {1, 0, 0, 0}, {1, 0, 0, 0},
                {1, 0, 0, 0}, {f->channels, 0, 0, 0}, {1, 0, 0, 0}, {1, 0, 0, 0}},
  };
  return 0;
}

/* Between two of 16 points a tone at half the rate rises 0.042 dB; dither adds 0.002. */
static const double CEILING_GUARD_DB = 0.045;

int32_t limiter_ceiling(const struct limiter_params *p) {
  if (isnan(p->true_peak_db)) return 100 * LIMITER_OCTAVE;
  const double octaves = (p->true_peak_db - CEILING_GUARD_DB) / det_gain_to_db(2);
  return (int32_t)(octaves * LIMITER_OCTAVE) - 1;
}

/* ---- passes ---- */

static int32_t *section(const struct stage_io *io, int s) {
  const struct limiter_design *d = io->design;
  return io->control + (size_t)s * io->n_blocks * d->points;
}

enum { MID = BLOCK_FRAMES + 16, WIDE = 16 }; /* half-way points: 8 more on either side */
typedef float wide __attribute__((vector_size(WIDE * sizeof(float))));
typedef float wide_u __attribute__((vector_size(WIDE * sizeof(float)), aligned(4)));
typedef int32_t wide_int __attribute__((vector_size(WIDE * sizeof(float))));
#define LOAD(p) (*(const wide_u *)(p))
#define ABS(x) ((wide)((wide_int)(x) & 0x7fffffff))

LACQUER_CLONES
static void half_way(const struct limiter_design *d, const float *x, float *mid) {
  enum { VECTORS = 3 }; /* MID = 43 * VECTORS * WIDE */
  for (int n = 0; n < MID; n += VECTORS * WIDE) {
    wide sum[VECTORS] = {0};
    for (int j = HALF_TAPS - 1; j >= 0; j--) {
      const float h = d->half_taps[j], *left = x + n - 8 - j, *right = x + n - 8 + 1 + j;
      for (int v = 0; v < VECTORS; v++)
        sum[v] = sum[v] + h * (LOAD(left + v * WIDE) + LOAD(right + v * WIDE));
    }
    for (int v = 0; v < VECTORS; v++) *(wide_u *)(mid + n + v * WIDE) = sum[v];
  }
}

/* The largest magnitude of the seven points after each of n neighbours-pairs of the 2x
 * signal: pair k's i-th left neighbour is left[i][k], right likewise, far to near. */
LACQUER_CLONES
static void between(const struct limiter_design *d, const float *const left[8],
                    const float *const right[8], float *peak) {
  for (int k = 0; k < BLOCK_FRAMES; k += WIDE) {
    wide sum[8], difference[8];
    for (int i = 0; i < 8; i++) {
      const wide l = LOAD(left[i] + k), r = LOAD(right[i] + k);
      sum[i] = l + r;
      difference[i] = l - r;
    }
    for (int p = 0; p < 4; p++) {
      wide e = {0}, o = {0};
      for (int i = 0; i < 8; i++) {
        e = e + d->even[p][i] * sum[i];
        o = o + d->odd[p][i] * difference[i];
      }
      const wide m = ABS(e) + ABS(o), old = LOAD(peak + k);
      *(wide_u *)(peak + k) = (wide)(((wide_int)m & (old < m)) | ((wide_int)old & ~(old < m)));
    }
  }
}

/* libebur128's points between x[n] and x[n + 1]. */
LACQUER_CLONES
static void between_ebu(const struct limiter_design *d, const float *x, float *peak) {
  enum { CHUNK = 32 };
  const int taps = d->ebu_taps;
  for (int k = 0; k < BLOCK_FRAMES; k += CHUNK) {
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

/* Largest magnitude in each of the block's 2048 intervals [n, n + 1). */
static void detect_block(const struct stage_io *io, const float *audio, int32_t block, int channel,
                         float *peak) {
  const struct limiter_design *d = io->design;
  float window[BLOCK_FRAMES + 2 * DETECT_HALO], mid[MID];
  const float *channel_audio = audio + (size_t)channel * io->stride;
  const int64_t begin = (int64_t)block * BLOCK_FRAMES - DETECT_HALO;
  const int64_t a = begin > 0 ? begin : 0;
  int64_t b = begin + BLOCK_FRAMES + 2 * DETECT_HALO;
  if (b > io->n_frames) b = io->n_frames;
  memset(window, 0, sizeof window);
  memcpy(window + (a - begin), channel_audio + a, (size_t)(b - a) * sizeof *window);
  const float *x = window + DETECT_HALO, *m = mid + 8;
  half_way(d, x, mid);
  for (int n = 0; n < BLOCK_FRAMES; n++) peak[n] = max_float(abs_bits(x[n]), abs_bits(m[n]));
  const float *left[8], *right[8];
  for (int i = 0; i < 8; i++) { /* after x[n]: ... mid[n - 1], x[n] | mid[n], x[n + 1] ... */
    left[i] = i % 2 ? x - (7 - i) / 2 : m - 1 - (6 - i) / 2;
    right[i] = i % 2 ? m + (7 - i) / 2 : x + 1 + (6 - i) / 2;
  }
  between(d, left, right, peak);
  for (int i = 0; i < 8; i++) { /* after mid[n]: ... x[n], mid[n] | x[n + 1], mid[n + 1] ... */
    left[i] = i % 2 ? m - (7 - i) / 2 : x - (6 - i) / 2;
    right[i] = i % 2 ? x + 1 + (7 - i) / 2 : m + 1 + (6 - i) / 2;
  }
  between(d, left, right, peak);
  if (d->ebu_phases) between_ebu(d, x, peak);
}

static void detect(const struct stage_io *io, const float *audio, int32_t *level, int32_t first,
                   int32_t count) {
  const struct limiter_design *d = io->design;
  float peak[BLOCK_FRAMES], linked[BLOCK_FRAMES / 8];
  for (int32_t b = first; b < first + count; b++) {
    memset(linked, 0, sizeof linked);
    for (int c = 0; c < io->channels; c++) {
      detect_block(io, audio, b, c, peak);
      for (int half = d->step / 2; half > 0; half /= 2) /* the largest of each step */
        for (int k = 0; k < d->points; k++)
          for (int i = 0; i < half; i++)
            peak[k * half + i] = max_float(peak[2 * k * half + i], peak[(2 * k + 1) * half + i]);
      for (int k = 0; k < d->points; k++) linked[k] = max_float(linked[k], peak[k]);
    }
    for (int k = 0; k < d->points; k++) level[(size_t)b * d->points + k] = peak_level(linked[k]);
  }
}

static void limiter_detect(const struct stage_io *io, int32_t first, int32_t count) {
  detect(io, io->src, section(io, LIMITER_LEVEL), first, count);
}

static void limiter_detect_again(const struct stage_io *io, int32_t first, int32_t count) {
  detect(io, io->dst, section(io, LIMITER_AGAIN), first, count);
}

static void limiter_set_demand(const struct stage_io *io, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const int32_t *level = section(io, LIMITER_LEVEL);
  int32_t *demand = section(io, LIMITER_DEMAND);
  const size_t end = (size_t)(first + count) * d->points;
  for (size_t k = (size_t)first * d->points; k < end; k++)
    demand[k] = max_int(0, level[k] + io->args[0] - io->args[1]);
}

/* to[i] = max over from[i .. i + window), i < n - window + 1; by doubling, in place. */
LACQUER_CLONES
static void slide_max(int32_t *x, int n, int window) {
  int span = 1;
  for (; 2 * span <= window; span *= 2)
    for (int i = 0; i < n - span; i++) x[i] = max_int(x[i], x[i + span]);
  if (span < window)
    for (int i = 0; i < n - (window - span); i++) x[i] = max_int(x[i], x[i + window - span]);
}

LACQUER_CLONES
static void slide_min(int32_t *x, int n, int window) {
  int span = 1;
  for (; 2 * span <= window; span *= 2)
    for (int i = 0; i < n - span; i++) x[i] = min_int(x[i], x[i + span]);
  if (span < window)
    for (int i = 0; i < n - (window - span); i++) x[i] = min_int(x[i], x[i + window - span]);
}

LACQUER_CLONES
static void attack(const int32_t *held, const int32_t *weight, int length, int n, int32_t *to) {
  for (int k = 0; k < n; k++) to[k] = held[k]; /* weight[0] = 1 */
  for (int j = 1; j < length; j++)
    for (int k = 0; k < n; k++) to[k] = max_int(to[k], mul_q30(held[k + j], weight[j]));
}

static void limiter_shape(const struct stage_io *io, int32_t first, int32_t count) {
  enum { TILE = 8, HALO = 2 * (1200 + 128) + 512 };
  const struct limiter_design *d = io->design;
  int32_t x[TILE * BLOCK_FRAMES / 8 + HALO];
  const int32_t *demand = section(io, LIMITER_DEMAND);
  const int64_t total = (int64_t)io->n_blocks * d->points;
  for (int32_t b = first; b < first + count; b += TILE) {
    const int n = min_int(TILE, first + count - b) * d->points;
    const int64_t at = (int64_t)b * d->points, begin = at - d->close - d->hold;
    const int length = n + 2 * (d->close + d->hold) + d->attack - 1;
    for (int i = 0; i < length; i++) {
      const int64_t k = begin + i;
      x[i] = k >= 0 && k < total ? demand[k] : 0;
    }
    slide_max(x, length, d->close + 1); /* x[i]: point at - hold + i */
    slide_min(x, length - d->close, d->close + 1);
    slide_max(x, length - 2 * d->close, 2 * d->hold + 1); /* x[i]: point at + i */
    attack(x, d->attack_weight, d->attack, n, section(io, LIMITER_SHAPED) + at);
  }
}

static void limiter_release(const struct stage_io *io, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const int32_t *shaped = section(io, LIMITER_SHAPED);
  int32_t *follow = section(io, LIMITER_FOLLOW), *slow = section(io, LIMITER_SLOW);
  const size_t begin = (size_t)first * d->points, end = begin + (size_t)count * d->points;
  int r = begin ? follow[begin - 1] : 0, f = begin ? slow[begin - 1] : 0;
  for (size_t k = begin; k < end; k++) {
    follow[k] = r = release_step(r, shaped[k], d->release);
    slow[k] = f = follow_step(f, r, d->slow_attack, d->slow_release);
  }
}

LACQUER_CLONES
static void box(int32_t *x, int n, int half) { /* centred; shortens by half at both ends */
  const int width = 2 * half + 1;
  for (int i = 0; i < n - 2 * half; i++) {
    int sum = 0;
    for (int j = 0; j < width; j++) sum += x[i + j];
    x[i] = (sum + width - 1) / width;
  }
}

static void limiter_smooth(const struct stage_io *io, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const int32_t *follow = section(io, LIMITER_FOLLOW), *slow = section(io, LIMITER_SLOW);
  int32_t *reduction = section(io, LIMITER_REDUCTION), *gain = section(io, LIMITER_GAIN);
  const int64_t last = (int64_t)io->n_blocks * d->points - 1;
  for (int32_t b = first; b < first + count; b++) {
    int32_t x[BLOCK_FRAMES / 8 + 6 * 16];
    const int64_t at = (int64_t)b * d->points;
    const int n = d->points + 6 * d->box;
    for (int i = 0; i < n; i++) {
      int64_t k = at - 3 * d->box + i;
      k = k < 0 ? 0 : k > last ? last : k;
      x[i] = max_int(follow[k], mul_q24(slow[k], d->slow_amount));
    }
    for (int pass = 0; pass < 3; pass++) box(x, n - 2 * pass * d->box, d->box);
    for (int k = 0; k < d->points; k++) {
      reduction[at + k] = x[k];
      gain[at + k] = to_int(floatBitsToUint(limiter_gain(io->args[0], x[k])));
    }
  }
}

LACQUER_CLONES
static void apply_gain(const float *x, const float *gain, const float *weights, int step, int n,
                       float *y) {
  float g[BLOCK_FRAMES];
  spline_block(weights, step, gain, g);
  for (int i = 0; i < n; i++) y[i] = flush_tiny(x[i] + g[i] * x[i]);
}

static void limiter_apply(const struct stage_io *io, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const int32_t *control = section(io, LIMITER_GAIN);
  const int64_t last = (int64_t)io->n_blocks * d->points - 1;
  for (int32_t b = first; b < first + count; b++) {
    float gain[BLOCK_FRAMES / 8 + 4];
    for (int k = 0; k < d->points + 4; k++) {
      int64_t at = (int64_t)b * d->points + k - 2;
      at = at < 0 ? 0 : at > last ? last : at;
      gain[k] = uintBitsToFloat(to_uint(control[at]));
    }
    const int32_t begin = b * BLOCK_FRAMES, n = min_int(BLOCK_FRAMES, io->n_frames - begin);
    for (int c = 0; c < io->channels; c++) {
      const size_t at = (size_t)c * io->stride + begin;
      apply_gain(io->src + at, gain, d->weights, d->step, n, io->dst + at);
    }
  }
}

static void limiter_correct(const struct stage_io *io, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const int32_t *again = section(io, LIMITER_AGAIN), *s = section(io, LIMITER_REDUCTION);
  int32_t *demand = section(io, LIMITER_DEMAND);
  const size_t end = (size_t)(first + count) * d->points;
  for (size_t k = (size_t)first * d->points; k < end; k++) {
    const int excess = again[k] - io->args[1];
    if (excess > 0) demand[k] = s[k] + excess + 64;
  }
}

static const struct stage_pass limiter_passes[] = {
    {"detect", GRID_BLOCKS, limiter_detect},
    {"set_demand", GRID_BLOCKS, limiter_set_demand},
    {"shape", GRID_BLOCKS, limiter_shape},
    {"release", GRID_SEQUENTIAL, limiter_release},
    {"smooth", GRID_BLOCKS, limiter_smooth},
    {"apply", GRID_BLOCKS, limiter_apply},
    {"detect_again", GRID_BLOCKS, limiter_detect_again},
    {"correct", GRID_BLOCKS, limiter_correct},
    {0},
};

const struct stage stage_limiter = {
    .name = "limiter",
    .help = "true-peak limiter",
    .role = STAGE_TAIL,
    .rows = limiter_rows,
    .params_size = sizeof(struct limiter_params),
    .passes = limiter_passes,
    .design = limiter_design,
};
