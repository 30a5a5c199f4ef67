/* SPDX-License-Identifier: MIT
 * The limiter's gain computer, and the gain onto the signal; see limiter.h. */
#include <string.h>

#include "clones.h"
#include "limiter_passes.h"

LACQUER_CLONES
static void demand_of(const int32_t *level, int offset, size_t n, int32_t *demand) {
  for (size_t k = 0; k < n; k++) demand[k] = max_int(0, level[k] + offset);
}

/* The demand of each group, and of all but the LFE's together as far as they are linked. */
void limiter_set_demand(const struct stage_io *io, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const size_t begin = (size_t)first * d->points, end = begin + (size_t)count * d->points;
  for (int g = 0; g < d->groups; g++)
    demand_of(limiter_section(io, LIMITER_LEVEL, g) + begin, io->args[0] - io->args[1],
              end - begin, limiter_section(io, LIMITER_DEMAND, g) + begin);
  for (size_t k = begin; d->groups > 1 && k < end; k++) {
    int most = 0;
    for (int g = 0; g < d->groups; g++)
      if (g != d->lfe_group) most = max_int(most, limiter_section(io, LIMITER_DEMAND, g)[k]);
    for (int g = 0; g < d->groups; g++) {
      int32_t *demand = limiter_section(io, LIMITER_DEMAND, g) + k;
      if (g != d->lfe_group) *demand = linked_demand(*demand, most, d->link);
    }
  }
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

static const struct limiter_pace *pace_of(const struct stage_io *io) {
  const struct limiter_design *d = io->design;
  return &d->pace[io->args[2]];
}

static const struct limiter_pace *spike_pace_of(const struct stage_io *io) {
  const struct limiter_design *d = io->design;
  return &d->spike_pace[io->args[2]];
}

static int spike_of(const struct stage_io *io) {
  const struct limiter_design *d = io->design;
  return d->spike[io->args[2]];
}

enum { TILE = 8, MAX_POINTS = TILE * BLOCK_FRAMES / 8 }; /* blocks at once, and their points */

/* Points [from, from + n) of `total`, 0 beyond. */
static void load_points(const int32_t *points, int64_t total, int64_t from, int n, int32_t *x) {
  const int before = from < 0 ? (int)-from : 0;
  const int64_t left = total - from, end = left < n ? left : n;
  memset(x, 0, (size_t)n * sizeof *x);
  if (end > before) memcpy(x + before, points + from + before, (size_t)(end - before) * sizeof *x);
}

/* Gaps closed, spikes taken off, held. */
static void hold(const struct stage_io *io, int group, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const struct limiter_pace *p = pace_of(io);
  const int32_t *demand = limiter_section(io, LIMITER_DEMAND, group);
  int32_t x[MAX_POINTS + 2 * LIMITER_MAX_REACH], *to = limiter_section(io, LIMITER_HELD, group);
  const int64_t total = (int64_t)io->n_blocks * d->points;
  const int step = 1 << p->grid, spike = spike_of(io);
  const int reach = p->close + spike + d->hold + step - 1;
  for (int32_t b = first; b < first + count; b += TILE) {
    const int n = min_int(TILE, first + count - b) * d->points, length = n + 2 * reach;
    const int64_t at = (int64_t)b * d->points;
    load_points(demand, total, at - reach, length, x);
    slide_max(x, length, p->close + 1);
    slide_min(x, length - p->close, p->close + spike + 1);
    slide_max(x, length - 2 * p->close - spike, spike + 2 * d->hold + 1);
    slide_max(x, n + 2 * (step - 1), 2 * step - 1);
    memset(to + at, 0, (size_t)n * sizeof *to);
    for (int i = 0; i < n >> p->grid; i++)
      to[at + limiter_node(i, d->points_log2, p->grid)] = x[i << p->grid];
  }
}

/* Nodes [from, from + n) of a section, `outside` beyond the track. */
static void load_nodes(const struct stage_io *io, const int32_t *section, int grid, int64_t from,
                       int n, int32_t outside, int32_t *x) {
  const struct limiter_design *d = io->design;
  const int64_t total = (int64_t)io->n_blocks * d->points >> grid;
  const int per_block = d->points >> grid;
  for (int i = 0, run; i < n; i += run) {
    const int64_t node = from + i;
    const bool inside = node >= 0 && node < total;
    run = min_int(n - i, inside ? per_block - (int)(node % per_block) : 1);
    if (inside)
      memcpy(x + i, section + limiter_node((int)node, d->points_log2, grid),
             (size_t)run * sizeof *x);
    else
      x[i] = outside;
  }
}

enum { NODES = MAX_POINTS + 1 + 2 * LIMITER_MAX_NODES,
       MAX_SPIKE_POINTS = MAX_POINTS + 2 * LIMITER_MAX_REACH };

/* y[i] = max of y[i] and x[i + step u] - cost u^2, u = 1 .. most. */
LACQUER_CLONES
static void dilate_side(const int32_t *x, int step, int cost, int most, int n, int32_t *y) {
  for (int u = 1; u <= most; u++)
    for (int i = 0; i < n; i++) y[i] = max_int(y[i], x[i + step * u] - cost * u * u);
}

/* y[i] = min of y[i] and x[i + step u] + cost u^2. */
LACQUER_CLONES
static void erode_side(const int32_t *x, int step, int cost, int most, int n, int32_t *y) {
  for (int u = 1; u <= most; u++)
    for (int i = 0; i < n; i++) y[i] = min_int(y[i], x[i + step * u] + cost * u * u);
}

/* The lowest parabola around each of n nodes, from block b on, that is nowhere below the demand:
 * it falls behind a peak, and rises to the next. x: the nodes from fall_nodes before. */
static void store_vertices(const struct stage_io *io, const struct limiter_pace *p,
                           const int32_t *x, int32_t b, int n, int32_t *to) {
  const struct limiter_design *d = io->design;
  int32_t y[MAX_POINTS];
  memcpy(y, x + p->fall_nodes, (size_t)n * sizeof *y);
  dilate_side(x + p->fall_nodes, -1, p->fall, p->fall_nodes, n, y);
  dilate_side(x + p->fall_nodes, 1, p->rise, p->rise_nodes, n, y);
  const int per_block = d->points >> p->grid;
  for (int i = 0; i < n; i += per_block, b++) {
    int32_t *block = to + (size_t)b * d->points;
    memcpy(block, y + i, (size_t)per_block * sizeof *y);
    memset(block + per_block, 0, (size_t)(d->points - per_block) * sizeof *y);
  }
}

static void dilate(const struct stage_io *io, int group, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const struct limiter_pace *p = pace_of(io);
  int32_t x[NODES], *to = limiter_section(io, LIMITER_VERTEX, group);
  for (int32_t b = first; b < first + count; b += TILE) {
    const int n = min_int(TILE, first + count - b) * d->points >> p->grid;
    const int64_t at = (int64_t)b * d->points;
    load_nodes(io, limiter_section(io, LIMITER_HELD, group), p->grid,
               (at >> p->grid) - p->fall_nodes, p->fall_nodes + n + p->rise_nodes, 0, x);
    store_vertices(io, p, x, b, n, to);
  }
}

/* x less y, where that is more than nothing. */
LACQUER_CLONES
static void take_off(const int32_t *y, int n, int32_t *x) {
  for (int i = 0; i < n; i++) x[i] = max_int(0, x[i] - y[i]);
}

/* Nodes [from, from + n) of what the held demand has above the reduction that is there. */
static void load_spikes(const struct stage_io *io, int group, int grid, int64_t from, int n,
                        int32_t *x) {
  const struct limiter_design *d = io->design;
  const int64_t total = (int64_t)io->n_blocks * d->points;
  const int around = (1 << grid) - 1, length = (n << grid) + around;
  const int64_t at = from * (1 << grid) - around;
  int32_t closed[MAX_SPIKE_POINTS];
  load_points(limiter_section(io, LIMITER_DEMAND, group), total, at - d->hold,
              length + 2 * d->hold, x);
  load_points(limiter_section(io, LIMITER_CLOSED, group), total, at, length, closed);
  slide_max(x, length + 2 * d->hold, 2 * d->hold + 1);
  take_off(closed, length, x);
  for (int i = 0; i < length && at + i < 0; i++) x[i] = 0;
  for (int i = length; i > 0 && at + i > total; i--) x[i - 1] = 0;
  slide_max(x, length, 2 * around + 1);
  for (int i = 0; i < n; i++)
    x[i] = from + i < 0 || from + i >= total >> grid ? 0 : x[i << grid];
}

static void dilate_spikes(const struct stage_io *io, int group, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const struct limiter_pace *p = spike_pace_of(io);
  int32_t x[MAX_SPIKE_POINTS], *to = limiter_section(io, LIMITER_SPIKES, group);
  for (int32_t b = first; b < first + count; b += TILE) {
    const int n = min_int(TILE, first + count - b) * d->points >> p->grid;
    const int64_t at = (int64_t)b * d->points;
    load_spikes(io, group, p->grid, (at >> p->grid) - p->fall_nodes,
                p->fall_nodes + n + p->rise_nodes, x);
    store_vertices(io, p, x, b, n, to);
  }
}

LACQUER_CLONES
static void interpolate(const int32_t *nodes, int n, int grid, int32_t *to) {
  if (!grid) memcpy(to, nodes, (size_t)n * sizeof *to);
  for (int j = 0; grid && j < n; j++)
    for (int i = 0; i < 1 << grid; i++)
      to[(j << grid) + i] = limiter_between(nodes[j], nodes[j + 1], i, grid);
}

/* What is below all these parabolas, at n nodes from block b on and the one behind them. */
static void erode_nodes(const struct stage_io *io, const struct limiter_pace *p,
                        const int32_t *vertices, int32_t b, int n, int32_t *y) {
  const struct limiter_design *d = io->design;
  int32_t x[NODES];
  const int64_t at = (int64_t)b * d->points >> p->grid;
  load_nodes(io, vertices, p->grid, at - p->rise_nodes, p->rise_nodes + n + 1 + p->fall_nodes,
             LIMITER_NO_VERTEX, x);
  memcpy(y, x + p->rise_nodes, (size_t)(n + 1) * sizeof *y);
  erode_side(x + p->rise_nodes, -1, p->rise, p->rise_nodes, n + 1, y);
  erode_side(x + p->rise_nodes, 1, p->fall, p->fall_nodes, n + 1, y);
  if (at + n == (int64_t)io->n_blocks * d->points >> p->grid) y[n] = y[n - 1]; /* it ends there */
}

/* Between the nodes a straight line. */
static void erode(const struct stage_io *io, int group, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const struct limiter_pace *p = pace_of(io);
  int32_t y[MAX_POINTS + 1], *to = limiter_section(io, LIMITER_CLOSED, group);
  for (int32_t b = first; b < first + count; b += TILE) {
    const int n = min_int(TILE, first + count - b) * d->points >> p->grid;
    erode_nodes(io, p, limiter_section(io, LIMITER_VERTEX, group), b, n, y);
    interpolate(y, n, p->grid, to + (size_t)b * d->points);
  }
}

static void erode_spikes(const struct stage_io *io, int group, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const struct limiter_pace *p = spike_pace_of(io);
  int32_t y[MAX_POINTS + 1], *to = limiter_section(io, LIMITER_BOTH, group);
  const int32_t *closed = limiter_section(io, LIMITER_CLOSED, group);
  for (int32_t b = first; b < first + count; b += TILE) {
    const int points = min_int(TILE, first + count - b) * d->points;
    const size_t at = (size_t)b * d->points;
    erode_nodes(io, p, limiter_section(io, LIMITER_SPIKES, group), b, points >> p->grid, y);
    interpolate(y, points >> p->grid, p->grid, to + at);
    for (int i = 0; i < points; i++) to[at + i] += closed[at + i];
  }
}

static void each_group(const struct stage_io *io, int32_t first, int32_t count,
                       void (*pass)(const struct stage_io *, int, int32_t, int32_t)) {
  const struct limiter_design *d = io->design;
  for (int g = 0; g < d->groups; g++) pass(io, g, first, count);
}

void limiter_hold(const struct stage_io *io, int32_t first, int32_t count) {
  each_group(io, first, count, hold);
}
void limiter_dilate(const struct stage_io *io, int32_t first, int32_t count) {
  each_group(io, first, count, dilate);
}
void limiter_erode(const struct stage_io *io, int32_t first, int32_t count) {
  each_group(io, first, count, erode);
}
void limiter_dilate_spikes(const struct stage_io *io, int32_t first, int32_t count) {
  if (spike_of(io)) each_group(io, first, count, dilate_spikes);
}
void limiter_erode_spikes(const struct stage_io *io, int32_t first, int32_t count) {
  if (spike_of(io)) each_group(io, first, count, erode_spikes);
}

/* The reduction that the slow stage follows. */
static const int32_t *reduced(const struct stage_io *io, int group) {
  return limiter_section(io, spike_of(io) ? LIMITER_BOTH : LIMITER_CLOSED, group);
}

static void follow(const struct stage_io *io, int group, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const int32_t *closed = reduced(io, group);
  int32_t *slow = limiter_section(io, LIMITER_SLOW, group);
  const size_t begin = (size_t)first * d->points, end = begin + (size_t)count * d->points;
  int f = begin ? slow[begin - 1] : 0;
  if (!d->slow_amount) memset(slow + begin, 0, (end - begin) * sizeof *slow);
  for (size_t k = begin; d->slow_amount && k < end; k++)
    slow[k] = f = follow_step(f, closed[k], d->slow_attack, d->slow_release);
}

void limiter_follow(const struct stage_io *io, int32_t first, int32_t count) {
  each_group(io, first, count, follow);
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

LACQUER_CLONES
static void to_gains(const int32_t *reduction, int drive, int n, int32_t *gain) {
  for (int k = 0; k < n; k++)
    gain[k] = to_int(floatBitsToUint(limiter_gain(drive, reduction[k])));
}

static void smooth(const struct stage_io *io, int group, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const int32_t *closed = reduced(io, group);
  const int32_t *slow = limiter_section(io, LIMITER_SLOW, group);
  int32_t *reduction = limiter_section(io, LIMITER_REDUCTION, group);
  int32_t *gain = limiter_section(io, LIMITER_GAIN, group);
  const int64_t last = (int64_t)io->n_blocks * d->points - 1;
  for (int32_t b = first; b < first + count; b++) {
    int32_t x[BLOCK_FRAMES / 8 + 6 * 32];
    const int64_t at = (int64_t)b * d->points;
    const int n = d->points + 6 * d->box;
    for (int i = 0; i < n; i++) {
      int64_t k = at - 3 * d->box + i;
      k = k < 0 ? 0 : k > last ? last : k;
      x[i] = max_int(closed[k], mul_q24(slow[k], d->slow_amount));
    }
    for (int pass = 0; pass < (d->box ? 3 : 0); pass++) box(x, n - 2 * pass * d->box, d->box);
    memcpy(reduction + at, x, (size_t)d->points * sizeof *x);
    to_gains(x, io->args[0], d->points, gain + at);
  }
}

void limiter_smooth(const struct stage_io *io, int32_t first, int32_t count) {
  each_group(io, first, count, smooth);
}

LACQUER_CLONES
static void apply_gain(const float *x, const float *gain, const float *weights, int step, int n,
                       float *y) {
  float g[BLOCK_FRAMES];
  spline_block(weights, step, gain, g);
  for (int i = 0; i < n; i++) y[i] = flush_tiny(x[i] + g[i] * x[i]);
}

/* gain[0] becomes that of the control point two before the block's first. */
static void load_gains(const struct stage_io *io, int group, int32_t block, float *gain) {
  const struct limiter_design *d = io->design;
  const int32_t *control = limiter_section(io, LIMITER_GAIN, group);
  const int64_t last = (int64_t)io->n_blocks * d->points - 1;
  for (int k = 0; k < d->points + 4; k++) {
    int64_t at = (int64_t)block * d->points + k - 2;
    at = at < 0 ? 0 : at > last ? last : at;
    gain[k] = uintBitsToFloat(to_uint(control[at]));
  }
}

void limiter_apply(const struct stage_io *io, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  for (int32_t b = first; b < first + count; b++) {
    float gain[BLOCK_FRAMES / 8 + 4];
    const int32_t begin = b * BLOCK_FRAMES, n = min_int(BLOCK_FRAMES, io->n_frames - begin);
    for (int c = 0; c < io->channels; c++) {
      const size_t at = (size_t)c * io->stride + begin;
      if (!c || d->group_of[c] != d->group_of[c - 1]) load_gains(io, d->group_of[c], b, gain);
      apply_gain(io->src + at, gain, d->weights, d->step, n, io->dst + at);
    }
  }
}

void limiter_correct(const struct stage_io *io, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const size_t end = (size_t)(first + count) * d->points;
  for (int g = 0; g < d->groups; g++) {
    const int32_t *again = limiter_section(io, LIMITER_AGAIN, g);
    const int32_t *reduction = limiter_section(io, LIMITER_REDUCTION, g);
    int32_t *demand = limiter_section(io, LIMITER_DEMAND, g);
    for (size_t k = (size_t)first * d->points; k < end; k++) {
      const int excess = again[k] - io->args[1];
      if (excess > 0) demand[k] = reduction[k] + excess + 64;
    }
  }
}
