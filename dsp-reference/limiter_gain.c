/* SPDX-License-Identifier: MIT
 * The limiter's gain computer, and the gain onto the signal; see limiter.h. */
#include "clones.h"
#include "limiter_passes.h"

/* The demand of each group, and of all but the LFE's together as far as they are linked. */
void limiter_set_demand(const struct stage_io *io, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const size_t end = (size_t)(first + count) * d->points;
  for (size_t k = (size_t)first * d->points; k < end; k++) {
    int own[MAX_CHANNELS], most = 0;
    for (int g = 0; g < d->groups; g++) {
      own[g] = max_int(0, limiter_section(io, LIMITER_LEVEL, g)[k] + io->args[0] - io->args[1]);
      if (g != d->lfe_group) most = max_int(most, own[g]);
    }
    for (int g = 0; g < d->groups; g++)
      limiter_section(io, LIMITER_DEMAND, g)[k] =
          g == d->lfe_group ? own[g] : linked_demand(own[g], most, d->link);
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

/* to[k] = mean of ahead[k .. k + length), rounded up; at most the last of them. */
static void mean(const int32_t *ahead, int length, int n, int32_t *to) {
  int sum = 0;
  for (int j = 0; j < length; j++) sum += attack_term(ahead[j]);
  for (int k = 0; k < n; k++) {
    to[k] = min_int(attack_mean(sum, length), ahead[k + length - 1]);
    sum += attack_term(ahead[k + length]) - attack_term(ahead[k]);
  }
}

static void shape(const struct stage_io *io, int group, int32_t first, int32_t count) {
  enum { TILE = 8, HALO = 2 * (640 + 128 + 512) };
  const struct limiter_design *d = io->design;
  const int32_t *demand = limiter_section(io, LIMITER_DEMAND, group);
  int32_t x[TILE * BLOCK_FRAMES / 8 + HALO], *to = limiter_section(io, LIMITER_SHAPED, group);
  const int64_t total = (int64_t)io->n_blocks * d->points;
  for (int32_t b = first; b < first + count; b += TILE) {
    const int n = min_int(TILE, first + count - b) * d->points;
    const int64_t at = (int64_t)b * d->points;
    const int64_t begin = at - d->close - d->hold - (d->attack - 1);
    const int length = n + 2 * (d->close + d->hold + d->attack - 1);
    for (int i = 0; i < length; i++) {
      const int64_t k = begin + i;
      x[i] = k >= 0 && k < total ? demand[k] : 0;
    }
    slide_max(x, length, d->close + 1);
    slide_min(x, length - d->close, d->close + 1);
    slide_max(x, length - 2 * d->close, 2 * d->hold + 1); /* x[i]: point at - attack + 1 + i */
    slide_max(x, n + 2 * (d->attack - 1), d->attack);
    mean(x, d->attack, n, to + at);
  }
}

void limiter_shape(const struct stage_io *io, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  for (int g = 0; g < d->groups; g++) shape(io, g, first, count);
}

void limiter_release(const struct stage_io *io, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const size_t begin = (size_t)first * d->points, end = begin + (size_t)count * d->points;
  for (int g = 0; g < d->groups; g++) {
    const int32_t *shaped = limiter_section(io, LIMITER_SHAPED, g);
    int32_t *follow = limiter_section(io, LIMITER_FOLLOW, g);
    int32_t *slow = limiter_section(io, LIMITER_SLOW, g);
    int r = begin ? follow[begin - 1] : 0, f = begin ? slow[begin - 1] : 0;
    for (size_t k = begin; k < end; k++) {
      follow[k] = r = release_step(r, shaped[k], d->release);
      slow[k] = f = follow_step(f, r, d->slow_attack, d->slow_release);
    }
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

static void smooth(const struct stage_io *io, int group, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  const int32_t *follow = limiter_section(io, LIMITER_FOLLOW, group);
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
      x[i] = max_int(follow[k], mul_q24(slow[k], d->slow_amount));
    }
    for (int pass = 0; pass < 3; pass++) box(x, n - 2 * pass * d->box, d->box);
    for (int k = 0; k < d->points; k++) {
      reduction[at + k] = x[k];
      gain[at + k] = to_int(floatBitsToUint(limiter_gain(io->args[0], x[k])));
    }
  }
}

void limiter_smooth(const struct stage_io *io, int32_t first, int32_t count) {
  const struct limiter_design *d = io->design;
  for (int g = 0; g < d->groups; g++) smooth(io, g, first, count);
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
