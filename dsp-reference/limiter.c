/* SPDX-License-Identifier: MIT
 * See limiter.h. */
#include "limiter.h"

#include <stdlib.h>

#include "convolve.h"
#include "detmath.h"
#include "layout.h"
#include "limiter_passes.h"

static const char *const style_names[] = {"transparent", "balanced", "punchy", "loud", NULL};
static const char *const band_limit_names[] = {"auto", "on", "off", NULL};

#define AT(field) offsetof(struct limiter_params, field)
static const struct param_row limiter_rows[] = {
    {.name = "true_peak", .type = PARAM_NUMBER, .offset = AT(true_peak_db), .min = -20, .max = 0,
     .initial = NAN, .unit = "dBTP", .help = "ceiling that the limiter holds"},
    {.name = "style", .type = PARAM_CHOICE, .offset = AT(style), .choices = style_names,
     .later = 1, .help = "the limiter's settings where they are not given"},
    {.name = "look_ahead", .type = PARAM_NUMBER, .offset = AT(look_ahead_ms), .min = 0.1,
     .max = 500, .initial = NAN, .unit = "ms", .help = "time of the limiter's attack by 6 dB"},
    {.name = "smooth", .type = PARAM_NUMBER, .offset = AT(smooth_ms), .min = 0, .max = 10,
     .initial = NAN, .unit = "ms", .help = "smoothing of the gain"},
    {.name = "close", .type = PARAM_NUMBER, .offset = AT(close_ms), .min = 0, .max = 100,
     .initial = NAN, .unit = "ms", .help = "gaps between peaks up to this are bridged"},
    {.name = "release", .type = PARAM_NUMBER, .offset = AT(release_ms), .min = 1, .max = 1000,
     .initial = NAN, .unit = "ms", .help = "time of the release from 6 dB"},
    {.name = "slow_release", .type = PARAM_NUMBER, .offset = AT(slow_release_ms), .min = 50,
     .max = 5000, .initial = NAN, .unit = "ms", .help = "time constant of the slow stage"},
    {.name = "slow_amount", .type = PARAM_NUMBER, .offset = AT(slow_amount), .min = 0, .max = 1,
     .initial = NAN, .help = "share of the reduction that the slow stage keeps"},
    {.name = "clip", .type = PARAM_NUMBER, .offset = AT(clip_db), .min = 0.3, .max = CLIP_OFF,
     .later = 1, .initial = NAN, .unit = "dB",
     .help = "peaks this far above the ceiling are clipped before the limiter; 24: none"},
    {.name = "link", .type = PARAM_NUMBER, .offset = AT(link_percent), .min = 0, .max = 100,
     .later = 1, .initial = 100, .unit = "%",
     .help = "100: all channels get one gain, 0: each its own; the LFE always has its own"},
    {.name = "oversampling", .type = PARAM_INTEGER, .offset = AT(oversampling), .min = 4,
     .later = 1, .max = 32, .initial = 16,
     .help = "of the limiter's detector: 4, 8, 16 or 32"},
    {.name = "band_limit", .type = PARAM_CHOICE, .offset = AT(band_limit),
     .later = 1, .choices = band_limit_names,
     .help = "low pass before the limiter; auto: when peaks could hide next to Nyquist"},
    {0},
};
#undef AT

static const struct limiter_params styles[] = {
    [STYLE_TRANSPARENT] = {.look_ahead_ms = 50, .smooth_ms = 0, .close_ms = 50, .release_ms = 245,
                           .slow_release_ms = 300, .slow_amount = 0, .clip_db = CLIP_OFF},
    [STYLE_BALANCED] = {.look_ahead_ms = 20, .smooth_ms = 0.5, .close_ms = 20, .release_ms = 80,
                        .slow_release_ms = 300, .slow_amount = 0.2, .clip_db = 6},
    [STYLE_PUNCHY] = {.look_ahead_ms = 5, .smooth_ms = 0, .close_ms = 10, .release_ms = 35,
                      .slow_release_ms = 300, .slow_amount = 0, .clip_db = 4},
    [STYLE_LOUD] = {.look_ahead_ms = 3, .smooth_ms = 0, .close_ms = 3, .release_ms = 12,
                    .slow_release_ms = 300, .slow_amount = 0, .clip_db = 2},
};

struct limiter_params limiter_resolved(const struct limiter_params *params) {
  const struct limiter_params *style = &styles[params->style];
  struct limiter_params p = *params;
  if (isnan(p.look_ahead_ms)) p.look_ahead_ms = style->look_ahead_ms;
  if (isnan(p.smooth_ms)) p.smooth_ms = style->smooth_ms;
  if (isnan(p.close_ms)) p.close_ms = style->close_ms;
  if (isnan(p.release_ms)) p.release_ms = style->release_ms;
  if (isnan(p.slow_release_ms)) p.slow_release_ms = style->slow_release_ms;
  if (isnan(p.slow_amount)) p.slow_amount = style->slow_amount;
  if (isnan(p.clip_db)) p.clip_db = style->clip_db;
  return p;
}

static const char *limiter_check(const void *params, const char **row) {
  const int oversampling = ((const struct limiter_params *)params)->oversampling;
  *row = "oversampling";
  return oversampling & (oversampling - 1) ? "oversampling is 4, 8, 16 or 32" : NULL;
}

/* ---- design ---- */

static double sinc(double t) { return t == 0 ? 1 : det_sinpi(t) / (DET_PI * t); }

static double kaiser(double t, double beta) { /* t in [-1, 1] */
  return det_i0(beta * sqrt(1 - t * t)) / det_i0(beta);
}

/* The Kaiser window's stop band, -100 dB, begins (100 - 8) / (2.285 * 2047) rad from half
 * the rate: below 0.4984 of the rate the points are exact. */
static int fill_half_way(struct limiter_design *d) {
  double h[CONV_BLOCK], sum = 0;
  for (int k = 0; k < CONV_BLOCK; k++) {
    const double t = k - (CONV_BLOCK - 1) / 2.0;
    h[k] = sinc(t) * kaiser(t / MID_SHIFT, 10);
    sum += h[k];
  }
  for (int k = 0; k < CONV_BLOCK; k++) h[k] /= sum;
  conv_twiddle(d->twiddle);
  return conv_partition(h, CONV_BLOCK, d->half_way);
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

/* The output is measured at 16x at least, whatever the input is. */
static int output_oversampling(int oversampling) { return max_int(oversampling, 16); }

static void fill_between(struct limiter_design *d, int again, int oversampling) {
  d->phases[again] = oversampling / 4;
  for (int p = 0; p < d->phases[again]; p++)
    even_odd(2.0 * (p + 1) / oversampling, 8, kaiser8, 1, d->even[again][p], d->odd[again][p]);
}

static int fill_detector(struct limiter_design *d, int oversampling, int rate_hz) {
  fill_between(d, 0, oversampling);
  fill_between(d, 1, output_oversampling(oversampling));
  d->ebu_phases = rate_hz < 96000 ? 3 : rate_hz < 192000 ? 1 : 0;
  d->ebu_taps = rate_hz < 96000 ? 6 : 12;
  even_odd(0.25, 6, hann6, 0, d->ebu_even[0], d->ebu_odd[0]);
  even_odd(0.5, d->ebu_taps, rate_hz < 96000 ? hann6 : hann12, 0, d->ebu_even[1], d->ebu_odd[1]);
  return fill_half_way(d);
}

/* Parabola that is one octave, 6 dB, high after `ms`; up to four octaves. */
static void fill_side(double ms, double node_ms, int32_t *cost, int32_t *nodes) {
  *cost = nearest(LIMITER_OCTAVE * fmin(64, (node_ms / ms) * (node_ms / ms)));
  *nodes = (int32_t)ceil(2 * ms / node_ms);
}

static const double SPIKE_MS = 3, SPIKE_RELEASE_MS = 13, SPIKE_SHARE = 0.6, SPIKE_SLOWEST_MS = 120;

/* With a pace that is released in SPIKE_SLOWEST_MS or less, demands of at most SPIKE_MS attack and
 * release by themselves. */
static void add_spikes(double release_ms, double step_ms, int i, struct limiter_design *d) {
  const double ms = fmin(SPIKE_RELEASE_MS, SPIKE_SHARE * release_ms);
  struct limiter_pace *pace = &d->spike_pace[i];
  double node_ms = step_ms;
  if (release_ms > SPIKE_SLOWEST_MS) return;
  while (ms >= 32 * node_ms) node_ms *= 2, pace->grid++;
  fill_side(ms, node_ms, &pace->rise, &pace->rise_nodes);
  pace->rise_nodes = (int32_t)ceil(1.42 * ms / node_ms); /* two octaves */
  pace->fall = pace->rise, pace->fall_nodes = pace->rise_nodes;
  d->spike[i] = nearest(SPIKE_MS / step_ms);
}

/* A side has 64 nodes to 6 dB at most; 256 where the other one needs them closer. */
static struct limiter_pace pace_of(const struct limiter_params *p, double step_ms) {
  struct limiter_pace pace = {.close = nearest(p->close_ms / step_ms),
                              .look_ahead_us = nearest(1000 * p->look_ahead_ms),
                              .release_us = nearest(1000 * p->release_ms)};
  const double most_ms = fmax(p->look_ahead_ms, p->release_ms);
  const double least_ms = fmin(p->look_ahead_ms, p->release_ms);
  double node_ms = step_ms;
  while (pace.grid < LIMITER_MAX_GRID && most_ms > 64 * node_ms &&
         (least_ms >= 8 * node_ms || most_ms > 256 * node_ms))
    node_ms *= 2, pace.grid++;
  fill_side(p->look_ahead_ms, node_ms, &pace.rise, &pace.rise_nodes);
  fill_side(p->release_ms, node_ms, &pace.fall, &pace.fall_nodes);
  return pace;
}

/* Pace i of LIMITER_PACES, from slow to fast: released from 6 dB in 1200 to 10 ms. The attack
 * takes a fifth of that; of what is shorter than 150 ms more, down to 36 ms and as long. */
static void take_pace(int i, struct limiter_params *p) {
  double release_ms = 1200;
  for (int k = 0; k < i; k++) release_ms *= 0.8525;
  if (isnan(p->release_ms)) p->release_ms = release_ms;
  p->look_ahead_ms = p->release_ms * (0.2 + 0.8 * fmin(1, fmax(0, (i - 13) / 9.0)));
  if (isnan(p->close_ms)) p->close_ms = fmin(50, p->release_ms / 4);
}

/* The slowest that each style has the choice of. */
static const int slowest_pace[] = {[STYLE_TRANSPARENT] = 0, [STYLE_BALANCED] = 7,
                                   [STYLE_PUNCHY] = 14, [STYLE_LOUD] = 22};

/* Without a look-ahead the pace is free. Returns how many control points on either side the
 * passes read. */
static int fill_paces(const struct limiter_params *params, double step_ms,
                      struct limiter_design *d) {
  const int first = slowest_pace[params->style];
  int reach = 0;
  d->n_paces = isnan(params->look_ahead_ms) ? LIMITER_PACES - first : 0;
  for (int i = 0; i <= d->n_paces; i++) {
    struct limiter_params p = *params;
    if (i) take_pace(first + i - 1, &p);
    p = limiter_resolved(&p);
    const struct limiter_pace pace = d->pace[i] = pace_of(&p, step_ms);
    if (i && params->style == STYLE_TRANSPARENT) add_spikes(p.release_ms, step_ms, i, d);
    reach = max_int(reach, pace.close + d->spike[i] + d->hold + (1 << pace.grid));
    reach = max_int(reach, (max_int(pace.rise_nodes, pace.fall_nodes) + 1) << pace.grid);
    reach = max_int(reach, d->hold + ((d->spike_pace[i].fall_nodes + 1) << d->spike_pace[i].grid));
  }
  return reach;
}

static int log2_of(int power) {
  int n = 0;
  while (power >> n > 1) n++;
  return n;
}

static int limiter_design(const void *params, const struct stage_format *f,
                          struct stage_design *out, const char **why) {
  const struct limiter_params p = limiter_resolved(params);
  struct limiter_design *d = calloc(1, sizeof *d);
  *why = "out of memory";
  if (!d || fill_detector(d, p.oversampling, f->rate_hz)) {
    free(d);
    return -1;
  }
  d->step = control_step(8, f->rate_hz);
  d->points = BLOCK_FRAMES / d->step;
  d->groups = layout_gains(f->layout, f->channels, p.link_percent >= 100, d->group_of);
  d->lfe_group = layout_lfe(f->layout) < 0 ? -1 : d->group_of[layout_lfe(f->layout)];
  d->link = nearest(p.link_percent / 100 * 16777216);
  const double step_ms = 1000.0 * d->step / f->rate_hz;
  d->points_log2 = log2_of(d->points);
  d->box = nearest(p.smooth_ms / step_ms / 2);
  d->hold = 3 * d->box + 2;
  const int reach = fill_paces(params, step_ms, d);
  d->slow_attack = smoothing_q24(50, step_ms);
  d->slow_release = smoothing_q24(p.slow_release_ms, step_ms);
  d->slow_amount = nearest(p.slow_amount * 16777216);
  spline_weights(d->step, d->weights);
  const int sections = LIMITER_SECTIONS * f->channels;
  *out = (struct stage_design){
      .data = d,
      .size = sizeof *d,
      .ring_words = f->channels * BLOCK_FRAMES,
      .control_words = sections * d->points,
      .control_sections = sections,
      .control_halo = reach / d->points + 1,
      .shape = {[LIMITER_HALF_WAY] = {f->channels, 1, 1, 1}, [LIMITER_DETECT] = {1, 0, 0, 0},
                [LIMITER_SET_DEMAND] = {1, 0, 0, 0}, [LIMITER_HOLD] = {f->channels, 0, 0, 0},
                [LIMITER_DILATE] = {f->channels, 0, 0, 0},
                [LIMITER_ERODE] = {f->channels, 0, 0, 0},
                [LIMITER_DILATE_SPIKES] = {f->channels, 0, 0, 0},
                [LIMITER_ERODE_SPIKES] = {f->channels, 0, 0, 0},
                [LIMITER_FOLLOW] = {f->channels, 0, 0, 0},
                [LIMITER_SMOOTH] = {f->channels, 0, 0, 0},
                [LIMITER_APPLY] = {f->channels, 1, 1, 0},
                [LIMITER_HALF_WAY_AGAIN] = {f->channels, 1, 1, 1},
                [LIMITER_DETECT_AGAIN] = {1, 0, 0, 0}, [LIMITER_CORRECT] = {f->channels, 0, 0, 0}},
  };
  return 0;
}

/* What else the ceiling leaves room for: the filters' ripple and fp32; and what a clipper adds
 * next to half the rate, where the points half way are not exact. */
static const double MARGIN_DB = 0.002, CLIP_MARGIN_DB = 0.03;

int32_t limiter_ceiling(const struct limiter_params *p, double dither_db) {
  if (isnan(p->true_peak_db)) return 100 * LIMITER_OCTAVE;
  /* A tone at half the rate, half way between two points. */
  const double between_db =
      -det_gain_to_db(det_cospi(0.5 / output_oversampling(p->oversampling)));
  const double clip_db = limiter_resolved(p).clip_db < CLIP_OFF ? CLIP_MARGIN_DB : 0;
  const double db = p->true_peak_db - between_db - MARGIN_DB - clip_db - dither_db;
  return (int32_t)(db / det_gain_to_db(2) * LIMITER_OCTAVE) - 1;
}

bool limiter_is_high(int32_t high, int32_t block_peak, int32_t track_peak) {
  return high > block_peak - 9 * LIMITER_OCTAVE && block_peak > track_peak - 4 * LIMITER_OCTAVE;
}

static const struct stage_pass limiter_passes[] = {
    {"half_way", GRID_BLOCKS, limiter_half_way},
    {"detect", GRID_BLOCKS, limiter_detect},
    {"set_demand", GRID_BLOCKS, limiter_set_demand},
    {"hold", GRID_BLOCKS, limiter_hold},
    {"dilate", GRID_BLOCKS, limiter_dilate},
    {"erode", GRID_BLOCKS, limiter_erode},
    {"dilate_spikes", GRID_BLOCKS, limiter_dilate_spikes},
    {"erode_spikes", GRID_BLOCKS, limiter_erode_spikes},
    {"follow", GRID_SEQUENTIAL, limiter_follow},
    {"smooth", GRID_BLOCKS, limiter_smooth},
    {"apply", GRID_BLOCKS, limiter_apply},
    {"half_way_again", GRID_BLOCKS, limiter_half_way_again},
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
    .check = limiter_check,
    .design = limiter_design,
};
