/* SPDX-License-Identifier: MIT
 * See loudness.h. */
#include "loudness.h"

#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "convolve.h"
#include "detmath.h"
#include "layout.h"
#include "level.h"
#include "limiter.h"

static const char *const mode_names[] = {"track", "album", NULL};
static const char *const infeasible_names[] = {"deliver", "fail", NULL};

#define AT(field) offsetof(struct loudness_params, field)
static const struct param_row loudness_rows[] = {
    {.name = "loudness", .type = PARAM_NUMBER, .offset = AT(loudness_lufs), .min = -40,
     .max = -5, .initial = NAN, .unit = "LUFS",
     .help = "integrated loudness to reach (BS.1770-4)"},
    {.name = "loudness_mode", .type = PARAM_CHOICE, .offset = AT(mode),
     .later = 1, .initial = LOUDNESS_TRACK, .choices = mode_names,
     .help = "whose loudness: every track's, or that of all tracks together by one gain"},
    {.name = "max_reduction", .type = PARAM_NUMBER, .offset = AT(max_reduction_db), .min = 0,
     .later = 1, .max = 40, .initial = NAN, .unit = "dB",
     .help = "most that the limiter may take, by default as much as it needs"},
    {.name = "infeasible", .type = PARAM_CHOICE, .offset = AT(infeasible),
     .later = 1, .initial = INFEASIBLE_DELIVER, .choices = infeasible_names,
     .help = "when the loudness cannot be met: deliver the best that keeps to true_peak and "
             "max_reduction, or fail"},
    {0},
};
#undef AT

static const char *loudness_check(const void *params, const char **row) {
  const struct loudness_params *p = params;
  if (!isnan(p->loudness_lufs)) return NULL;
  *row = "max_reduction";
  if (!isnan(p->max_reduction_db)) return "has no loudness to bound (accepted: beside loudness)";
  *row = "loudness_mode";
  if (p->mode) return "has no loudness to aim at (accepted: beside loudness)";
  *row = "infeasible";
  if (p->infeasible) return "has no loudness to miss (accepted: beside loudness)";
  return NULL;
}

/* ---- design ---- */

void k_weighting(int rate_hz, struct biquad *shelf, struct biquad *high_pass) {
  double t = 1681.974450955533 / rate_hz, k = det_sinpi(t) / det_cospi(t);
  double q = 0.7071752369554196, vh = det_db_to_gain(3.999843853973347);
  double vb = det_pow(vh, 0.4996667741545416), a0 = 1 + k / q + k * k;
  *shelf = (struct biquad){(vh + vb * k / q + k * k) / a0, 2 * (k * k - vh) / a0,
                           (vh - vb * k / q + k * k) / a0, 2 * (k * k - 1) / a0,
                           (1 - k / q + k * k) / a0};
  t = 38.13547087602444 / rate_hz, k = det_sinpi(t) / det_cospi(t), q = 0.5003270373238773;
  a0 = 1 + k / q + k * k;
  *high_pass = (struct biquad){1, -2, 1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0};
}

static void filter(const struct biquad *f, double *x, int n) {
  double z1 = 0, z2 = 0;
  for (int i = 0; i < n; i++) {
    const double y = f->b0 * x[i] + z1;
    z1 = f->b1 * x[i] - f->a1 * y + z2;
    z2 = f->b2 * x[i] - f->a2 * y;
    x[i] = y;
  }
}

static int loudness_design(const void *params, const struct stage_format *f,
                           struct stage_design *out, const char **why) {
  (void)params;
  const int taps = control_step(4096, f->rate_hz); /* the response is below -190 dB by then */
  const size_t size = sizeof(struct loudness_design) + 4 * (size_t)(taps / CONV_BLOCK) * CONV_SPECTRUM;
  struct loudness_design *d = calloc(1, size);
  double *h = calloc((size_t)taps, sizeof *h);
  *why = "out of memory";
  if (!d || !h) goto fail;
  struct biquad shelf, high_pass;
  k_weighting(f->rate_hz, &shelf, &high_pass);
  h[0] = 1;
  filter(&shelf, h, taps);
  filter(&high_pass, h, taps);
  d->partitions = taps / CONV_BLOCK;
  d->step = control_step(8, f->rate_hz);
  d->points = BLOCK_FRAMES / d->step;
  d->quarters = 4 * f->rate_hz / 10 / d->step;
  for (int c = 0; c < f->channels; c++) d->weight[c] = (float)layout_weight(f->layout, c);
  conv_twiddle(d->twiddle);
  if (conv_partition(h, taps, d->spectra)) goto fail;
  free(h);
  *out = (struct stage_design){
      .data = d,
      .size = (uint32_t)size,
      .ring_words = f->channels * CONV_SPECTRUM,
      .ring_history = d->partitions,
      .control_words = (f->channels + 1) * d->points,
      .control_sections = f->channels + 1,
      .shape = {{f->channels, 0, d->partitions - 1, 1}, {f->channels, 0, 0, 0}, {1, 0, 0, 0}},
  };
  return 0;
fail:
  free(h);
  free(d);
  return -1;
}

/* ---- passes ---- */

static struct conv_filter filter_of(const struct stage_io *io, int channel) {
  const struct loudness_design *d = io->design;
  return (struct conv_filter){
      d->twiddle, io->channels * CONV_SPECTRUM, d->partitions, 0, 0, 1, {channel}, {d->spectra}};
}

static void loudness_forward(const struct stage_io *io, int32_t first, int32_t count) {
  const struct conv_filter f = filter_of(io, 0);
  conv_ring_forward(io, &f, first, count);
}

/* Frames after the end of the track do not count. */
static void store_energy(const struct stage_io *io, int32_t block, int channel, float *y) {
  const struct loudness_design *d = io->design;
  const int32_t n = io->n_frames - block * BLOCK_FRAMES;
  for (int i = n; i < BLOCK_FRAMES; i++) y[i] = 0;
  const size_t at = ((size_t)channel * io->n_blocks + block) * d->points;
  float energy[BLOCK_FRAMES / 8];
  block_energies(y, d->step, energy);
  for (int k = 0; k < d->points; k++) energy[k] = energy[k] * d->weight[channel];
  memcpy(io->control + at, energy, (size_t)d->points * sizeof *energy);
}

static void loudness_energy(const struct stage_io *io, int32_t first, int32_t count) {
  float y[CONV_BLOCK];
  for (int c = 0; c < io->channels; c++) {
    const struct conv_filter f = filter_of(io, c);
    for (int32_t b = first; b < first + count; b++) {
      conv_ring_filter(io, &f, b, y);
      store_energy(io, b, c, y);
    }
  }
}

/* Energies of two channels and their gains, from a hop's first point on; NULL: none. */
struct hop_words {
  const int32_t *energy[2], *gain[2];
};

static inline float gain_of(const int32_t *gain, int at) {
  return gain ? 1.0f + uintBitsToFloat(to_uint(gain[at])) : 1.0f;
}

/* One gain: of the sum; else a sum of sums. */
static inline float weighted(const struct hop_words *w, int at) {
  const float a = uintBitsToFloat(to_uint(w->energy[0][at]));
  if (!w->energy[1]) return weigh(gain_of(w->gain[0], at), a);
  const float b = uintBitsToFloat(to_uint(w->energy[1][at]));
  if (!w->gain[1]) return weigh(gain_of(w->gain[0], at), a + b);
  return weigh(gain_of(w->gain[0], at), a) + weigh(gain_of(w->gain[1], at), b);
}

static inline float tree_sum(float sum[256]) {
  for (int half = 128; half > 0; half /= 2)
    for (int t = 0; t < half; t++) sum[t] = sum[t] + sum[t + half];
  return sum[0];
}

/* 256 sums, each over every 256th point in order, then a tree. */
LACQUER_CLONES
static float hop_sum(const struct hop_words *words, int n) {
  const struct hop_words w = *words;
  float sum[256] = {0};
  for (int row = 0; row < n; row += 256)
    for (int t = 0; t < min_int(256, n - row); t++) sum[t] = sum[t] + weighted(&w, row + t);
  return tree_sum(sum);
}

static int32_t *section(const struct stage_io *io, int channel) {
  const struct loudness_design *d = io->design;
  return io->control + (size_t)channel * io->n_blocks * d->points;
}

/* The gains of a channel from point `at` on; NULL: 1. */
static const int32_t *gains(const struct stage_io *io, int group, int at) {
  const struct loudness_design *d = io->design;
  const size_t of_group = (size_t)LIMITER_GAIN * io->channels + group;
  if (io->args[0] <= group) return NULL;
  return io->aux + of_group * io->n_blocks * d->points + at;
}

/* The same of more than two channels: every point is a sum over the channels, in order. */
static float bed_sum(const struct stage_io *io, int begin, int n) {
  const bool apart = io->args[0] == io->channels;
  float sum[256] = {0};
  for (int row = 0; row < n; row += 256) {
    const int points = min_int(256, n - row);
    float point[256] = {0};
    for (int c = 0; c < io->channels; c++) {
      const int32_t *energy = section(io, c) + begin + row;
      const int32_t *gain = apart ? gains(io, c, begin + row) : NULL;
      for (int t = 0; t < points; t++) {
        const float e = uintBitsToFloat(to_uint(energy[t]));
        point[t] = point[t] + (apart ? weigh(gain_of(gain, t), e) : e);
      }
    }
    const int32_t *gain = apart ? NULL : gains(io, 0, begin + row);
    for (int t = 0; t < points; t++)
      sum[t] = sum[t] + (apart ? point[t] : weigh(gain_of(gain, t), point[t]));
  }
  return tree_sum(sum);
}

static float pair_sum(const struct stage_io *io, int begin, int n) {
  struct hop_words w = {{section(io, 0) + begin, NULL}, {gains(io, 0, begin), gains(io, 1, begin)}};
  if (io->channels > 1) w.energy[1] = section(io, 1) + begin;
  return hop_sum(&w, n);
}

static void loudness_hops_pass(const struct stage_io *io, int32_t first, int32_t count) {
  const struct loudness_design *d = io->design;
  int32_t *hops = section(io, io->channels);
  const int32_t end = min_int(first + count, hop_count(io->n_frames, d->quarters, d->step));
  for (int32_t h = first; h < end; h++) {
    const int begin = hop_begin(h, d->quarters), n = hop_begin(h + 1, d->quarters) - begin;
    const float sum = io->channels > 2 ? bed_sum(io, begin, n) : pair_sum(io, begin, n);
    hops[h] = to_int(floatBitsToUint(sum));
  }
}

/* ---- host: gating ---- */

int32_t loudness_hops(int32_t n_frames, int rate_hz) { return n_frames / (rate_hz / 10); }

int64_t loudness_hops_offset(const struct stage_design *design, int32_t n_blocks, int channels) {
  const struct loudness_design *d = design->data;
  return (int64_t)channels * n_blocks * d->points;
}

static double gated_mean(const double *power, int32_t n, double gate) {
  double sum = 0;
  int32_t count = 0;
  for (int32_t i = 0; i < n; i++)
    if (power[i] > gate) sum += power[i], count++;
  return count ? sum / count : 0;
}

double loudness_of_parts(const struct loudness_part *parts, int n_parts, double *scratch) {
  int32_t n = 0;
  for (int p = 0; p < n_parts; p++) {
    const double frames = 0.4 * parts[p].rate_hz;
    const float *h = parts[p].hops;
    for (int32_t i = 0; i + 3 < parts[p].n; i++)
      scratch[n++] = ((double)h[i] + h[i + 1] + h[i + 2] + h[i + 3]) / frames;
  }
  const double absolute = det_pow(10, (-70 + 0.691) / 10);
  const double mean = gated_mean(scratch, n, absolute);
  if (mean <= 0) return -HUGE_VAL;
  const double relative = mean / 10;
  const double gated = gated_mean(scratch, n, relative > absolute ? relative : absolute);
  return -0.691 + 10 * det_log10(gated);
}

double loudness_integrated(const float *hops, int32_t n, int rate_hz, double *scratch) {
  return loudness_of_parts(&(struct loudness_part){hops, n, rate_hz}, 1, scratch);
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double loudness_range(const float *hops, int32_t n, int rate_hz, double *scratch) {
  enum { BLOCK = 30, STEP = 10 };
  const double absolute = det_pow(10, (-70 + 0.691) / 10);
  int32_t blocks = 0;
  for (int32_t i = 0; i + BLOCK <= n; i += STEP) {
    double power = 0;
    for (int32_t h = i; h < i + BLOCK; h++) power += hops[h];
    power /= 3.0 * rate_hz;
    if (power >= absolute) scratch[blocks++] = power;
  }
  qsort(scratch, (size_t)blocks, sizeof *scratch, by_value);
  const double relative = gated_mean(scratch, blocks, 0) / 100;
  const double *block = scratch;
  while (blocks && *block < relative) block++, blocks--;
  if (!blocks) return 0;
  const int32_t low = (int32_t)((blocks - 1) * 0.1 + 0.5);
  const int32_t high = (int32_t)((blocks - 1) * 0.95 + 0.5);
  return 10 * (det_log10(block[high]) - det_log10(block[low]));
}

/* ---- host: maxima ---- */

int32_t loudness_ticks(int32_t n_frames, int rate_hz) {
  return n_frames / (rate_hz * LOUDNESS_TICK_MS / 1000);
}

/* First control point of a tick; forty ticks span `quarters` points. */
static int64_t tick_begin(int64_t tick, int quarters) { return (tick * quarters + 20) / 40; }

void loudness_add_ticks(const struct loudness_design *d, int64_t first, int64_t n,
                        const float *energy, double *ticks, int32_t n_ticks) {
  int64_t tick = first * 40 / d->quarters;
  while (tick > 0 && tick_begin(tick, d->quarters) > first) tick--;
  int64_t end = tick_begin(tick + 1, d->quarters);
  for (int64_t i = 0; i < n; i++) {
    while (first + i >= end) end = tick_begin(++tick + 1, d->quarters);
    if (tick >= n_ticks) return;
    ticks[tick] += energy[i];
  }
}

double loudness_maximum(const double *ticks, int32_t n, int window, int rate_hz) {
  double sum = 0, most = 0;
  for (int32_t i = 0; i < n; i++) {
    sum += ticks[i];
    if (i >= window) sum -= ticks[i - window];
    if (sum > most) most = sum;
  }
  if (most <= 0) return -HUGE_VAL;
  const double frames = (double)window * (rate_hz * LOUDNESS_TICK_MS / 1000);
  return -0.691 + 10 * det_log10(most / frames);
}

static const struct stage_pass loudness_passes[] = {
    {"forward", GRID_BLOCKS, loudness_forward},
    {"energy", GRID_BLOCKS, loudness_energy},
    {"hops", GRID_HOPS, loudness_hops_pass},
    {0},
};

const struct stage stage_loudness = {
    .name = "loudness",
    .help = "integrated loudness target",
    .role = STAGE_TAIL,
    .rows = loudness_rows,
    .params_size = sizeof(struct loudness_params),
    .passes = loudness_passes,
    .check = loudness_check,
    .design = loudness_design,
};
