/* SPDX-License-Identifier: MIT
 * The passes of multiband.h. */
#include "multiband.h"

#include <string.h>

#include "clones.h"
#include "crossover.h"

static struct crossover crossover_of(const struct multiband_design *d) {
  return (struct crossover){d->filters, d->partitions, d->centre_blocks, d->twiddle, d->spectra, 0};
}

/* lane: band * groups + group */
static int32_t *section(const struct stage_io *io, int s, int lane) {
  const struct multiband_design *d = io->design;
  return io->control + (size_t)(s * d->bands * d->groups + lane) * io->n_blocks * d->points;
}

static void multiband_forward(const struct stage_io *io, int32_t first, int32_t count) {
  const struct crossover x = crossover_of(io->design);
  crossover_forward(io, &x, first, count);
}

static void multiband_split(const struct stage_io *io, int32_t first, int32_t count) {
  const struct crossover x = crossover_of(io->design);
  crossover_split(io, &x, first, count);
}

LACQUER_CLONES
static void block_peaks(const float *x, int step, float *peak) {
  for (int k = 0; k < BLOCK_FRAMES / step; k++) {
    float most = 0;
    for (int i = 0; i < step; i++) {
      const float t = flush_tiny(x[k * step + i]);
      most = max_float(t * t, most);
    }
    peak[k] = most;
  }
}

LACQUER_CLONES
static void to_mid_side(float *left, float *right) {
  for (int i = 0; i < BLOCK_FRAMES; i++) {
    const float l = left[i], r = right[i];
    left[i] = mid_of(l, r), right[i] = side_of(l, r);
  }
}

/* What the detector of a band hears in a block. */
static void heard_block(const struct stage_io *io, int32_t block, int band, int channel,
                        float *x) {
  const struct multiband_design *d = io->design;
  struct crossover crossover = crossover_of(d);
  crossover.first = d->detector_first;
  crossover_band(io, &crossover, d->detector_bands, block, band, channel, x);
}

/* Energies or squared peaks of the steps of one block; x is overwritten. */
static void step_energies(const struct multiband_design *d, int band, float *x, float *energy) {
  if (d->peak[band]) block_peaks(x, d->step, energy);
  else block_energies(x, d->step, energy);
}

/* Stores the points of every group from those of every channel. */
static void store_energies(const struct stage_io *io, int32_t block, int band,
                           const float energy[MAX_CHANNELS][BLOCK_FRAMES / 16]) {
  const struct multiband_design *d = io->design;
  for (int g = 0; g < d->groups; g++) {
    int32_t *to = section(io, MULTIBAND_ENERGY, band * d->groups + g) + (size_t)block * d->points;
    const float *most = NULL;
    float room[BLOCK_FRAMES / 16];
    for (int c = 0; c < io->channels; c++) {
      if (d->group_of[c] != g) continue;
      for (int k = 0; k < d->points && most; k++) room[k] = max_float(most[k], energy[c][k]);
      most = most ? room : energy[c];
    }
    memcpy(to, most, (size_t)d->points * sizeof *to);
  }
}

static void multiband_energy(const struct stage_io *io, int32_t first, int32_t count) {
  const struct multiband_design *d = io->design;
  for (int band = 0; band < d->bands && !d->mid_side; band++)
    for (int32_t b = first; b < first + count; b++) {
      float energy[MAX_CHANNELS][BLOCK_FRAMES / 16];
      for (int c = 0; c < io->channels; c++) {
        float x[BLOCK_FRAMES];
        heard_block(io, b, band, c, x);
        step_energies(d, band, x, energy[c]);
      }
      store_energies(io, b, band, (const float(*)[BLOCK_FRAMES / 16])energy);
    }
}

static void multiband_energy_ms(const struct stage_io *io, int32_t first, int32_t count) {
  const struct multiband_design *d = io->design;
  for (int band = 0; band < d->bands && d->mid_side; band++)
    for (int32_t b = first; b < first + count; b++) {
      float x[2][BLOCK_FRAMES], energy[MAX_CHANNELS][BLOCK_FRAMES / 16];
      for (int c = 0; c < 2; c++) heard_block(io, b, band, c, x[c]);
      to_mid_side(x[0], x[1]);
      for (int c = 0; c < 2; c++) step_energies(d, band, x[c], energy[c]);
      store_energies(io, b, band, (const float(*)[BLOCK_FRAMES / 16])energy);
    }
}

/* Over the last `window` points, none before the track: the sum, oldest point first, or the
 * largest. */
LACQUER_CLONES
static void window_sum(const int32_t *energy, int n, int window, int64_t before, float *sum) {
  for (int k = 0; k < n; k++) sum[k] = 0;
  for (int j = window - 1; j >= 0; j--)
    for (int k = j > before ? (int)(j - before) : 0; k < n; k++)
      sum[k] = sum[k] + uintBitsToFloat(to_uint(energy[k - j]));
}

LACQUER_CLONES
static void window_max(const int32_t *energy, int n, int window, int64_t before, float *most) {
  for (int k = 0; k < n; k++) most[k] = 0;
  for (int j = window - 1; j >= 0; j--)
    for (int k = j > before ? (int)(j - before) : 0; k < n; k++)
      most[k] = max_float(most[k], uintBitsToFloat(to_uint(energy[k - j])));
}

LACQUER_CLONES
static void levels_of(const float *power, int n, int offset, int *level) {
  for (int k = 0; k < n; k++) level[k] = (level_log2(floatBitsToUint(power[k])) >> 9) - offset;
}

/* Levels of a lane's points from point `at` on, octaves in Q16. */
static void lane_levels(const struct stage_io *io, int lane, size_t at, int *level) {
  const struct multiband_design *d = io->design;
  const int32_t *energy = section(io, MULTIBAND_ENERGY, lane) + at;
  const int band = lane / d->groups, window = d->window[band];
  float power[BLOCK_FRAMES / 16];
  if (d->peak[band]) window_max(energy, d->points, window, (int64_t)at, power);
  else window_sum(energy, d->points, window, (int64_t)at, power);
  levels_of(power, d->points, d->level_offset[band], level);
}

/* The highest level of the linked groups. */
static void highest_levels(const struct multiband_design *d,
                           const int level[MAX_CHANNELS][BLOCK_FRAMES / 16], int *highest) {
  memcpy(highest, level[0], (size_t)d->points * sizeof *highest);
  for (int g = 1; g < d->groups; g++)
    for (int k = 0; k < d->points && g != d->lfe_group; k++)
      highest[k] = max_int(highest[k], level[g][k]);
}

static void multiband_wanted(const struct stage_io *io, int32_t first, int32_t count) {
  const struct multiband_design *d = io->design;
  for (int band = 0; band < d->bands; band++)
    for (int32_t b = first; b < first + count; b++) {
      const size_t at = (size_t)b * d->points;
      const int32_t *curve = d->curve[band];
      int level[MAX_CHANNELS][BLOCK_FRAMES / 16], highest[BLOCK_FRAMES / 16];
      for (int g = 0; g < d->groups; g++) lane_levels(io, band * d->groups + g, at, level[g]);
      highest_levels(d, (const int(*)[BLOCK_FRAMES / 16])level, highest);
      for (int g = 0; g < d->groups; g++) {
        int32_t *wanted = section(io, MULTIBAND_WANTED, band * d->groups + g) + at;
        for (int k = 0; k < d->points; k++) {
          const int most = g == d->lfe_group ? level[g][k] : highest[k];
          const int at_curve = curve_position(linked(level[g][k], most, d->link));
          const int i = at_curve >> 8;
          wanted[k] = curve_between(curve[i], curve[i + 1], at_curve & 255);
        }
      }
    }
}

/* out[k] = the wanted reduction furthest in the attack's direction over the points
 * k - hold .. k, all counted from `wanted`, which has `before` points before and `after`
 * points from there on. */
LACQUER_CLONES
static void hold_points(const int32_t *wanted, int hold, int attack_sign, int64_t before,
                        int64_t after, int n, int32_t *out) {
  for (int k = 0; k < n; k++) out[k] = wanted[k < after ? k : after - 1];
  for (int j = 1; j <= hold; j++) {
    const int begin = j > before ? (int)(j - before) : 0;
    const int end = after + j < n ? (int)(after + j) : n;
    if (attack_sign > 0)
      for (int k = begin; k < end; k++) out[k] = max_int(out[k], wanted[k - j]);
    else
      for (int k = begin; k < end; k++) out[k] = min_int(out[k], wanted[k - j]);
  }
}

static void multiband_hold(const struct stage_io *io, int32_t first, int32_t count) {
  const struct multiband_design *d = io->design;
  if (!d->held) return;
  for (int lane = 0; lane < d->bands * d->groups; lane++)
    for (int32_t b = first; b < first + count; b++) {
      const int band = lane / d->groups;
      const int64_t at = (int64_t)b * d->points, from = at + d->ahead[band];
      hold_points(section(io, MULTIBAND_WANTED, lane) + from, d->hold[band],
                  d->attack_sign[band], from, (int64_t)io->n_blocks * d->points - from, d->points,
                  section(io, d->held, lane) + at);
    }
}

/* One follower over points [begin, end). */
static void follow(const int32_t *wanted, int rise, int fall, size_t begin, size_t end,
                   int32_t *reduction) {
  int r = begin ? reduction[begin - 1] : 0;
  for (size_t k = begin; k < end; k++)
    reduction[k] = r = follow_step(r, wanted[k] * 64, rise, fall);
}

static void multiband_follow(const struct stage_io *io, int32_t first, int32_t count) {
  const struct multiband_design *d = io->design;
  for (int lane = 0; lane < d->bands * d->groups; lane++) {
    const int band = lane / d->groups;
    const int32_t *wanted = section(io, d->held ? d->held : MULTIBAND_WANTED, lane);
    const size_t begin = (size_t)first * d->points, end = begin + (size_t)count * d->points;
    follow(wanted, d->rise[band], d->fall[band], begin, end,
           section(io, MULTIBAND_REDUCTION, lane));
    if (d->slow)
      follow(wanted, d->slow_rise[band], d->slow_fall[band], begin, end,
             section(io, d->slow, lane));
  }
}

LACQUER_CLONES
static void factors_of(const int *octaves, int n, float mix_share, float keep, float *factor) {
  for (int k = 0; k < n; k++) factor[k] = band_factor(octaves[k], mix_share, keep);
}

/* Factors of a channel's band at the control points of a block, from two before it on. */
static void band_factors(const struct stage_io *io, int32_t block, int band, int channel,
                         float *factor) {
  const struct multiband_design *d = io->design;
  const int lane = band * d->groups + d->group_of[channel];
  const int32_t *reduction = section(io, MULTIBAND_REDUCTION, lane);
  const int32_t *slow = d->slow ? section(io, d->slow, lane) : reduction;
  const int last = (io->n_frames - 1) / d->step, makeup = d->makeup[band] * 256;
  int octaves[BLOCK_FRAMES / 16 + 4];
  for (int k = 0; k < d->points + 4; k++) {
    const int at = min_int(max_int(block * d->points + k - 2, 0), last);
    octaves[k] = makeup - attacked(reduction[at], slow[at], d->attack_sign[band]) * 4;
  }
  factors_of(octaves, d->points + 4, d->mix_share[channel][band], d->keep[band], factor);
}

/* rest: the input less the bands so far. */
LACQUER_CLONES
static void add_band(const float *x, const float *g, const float *before, float *rest,
                     float *sum) {
  for (int i = 0; i < BLOCK_FRAMES; i++) {
    rest[i] = before[i] - x[i];
    sum[i] = sum[i] + g[i] * x[i];
  }
}

LACQUER_CLONES
static void add_rest(const float *rest, const float *g, float *sum) {
  for (int i = 0; i < BLOCK_FRAMES; i++) sum[i] = sum[i] + g[i] * rest[i];
}

/* The same for mid and side: their corrections, back as left and right. */
LACQUER_CLONES
static void add_mid_side(const float (*x)[BLOCK_FRAMES], const float (*g)[BLOCK_FRAMES],
                         float (*sum)[BLOCK_FRAMES]) {
  for (int i = 0; i < BLOCK_FRAMES; i++) {
    const float mid = g[0][i] * x[0][i], side = g[1][i] * x[1][i];
    sum[0][i] = sum[0][i] + (mid + side);
    sum[1][i] = sum[1][i] + (mid - side);
  }
}

/* Writes a channel's block: the input and what the bands change, or in solo their sum. */
static void store_block(const struct stage_io *io, int32_t block, int channel, const float *sum) {
  const struct multiband_design *d = io->design;
  const int32_t begin = block * BLOCK_FRAMES, n = min_int(BLOCK_FRAMES, io->n_frames - begin);
  const float *src = io->src + (size_t)channel * io->stride + begin;
  float *dst = io->dst + (size_t)channel * io->stride + begin;
  for (int i = 0; i < n; i++) dst[i] = flush_tiny(d->soloed ? sum[i] : src[i] + sum[i]);
}

static void apply_block(const struct stage_io *io, int32_t block, int channel) {
  const struct multiband_design *d = io->design;
  const struct crossover crossover = crossover_of(d);
  float g[BLOCK_FRAMES], rest[BLOCK_FRAMES], sum[BLOCK_FRAMES] = {0};
  const float *before = crossover_input(io, block, channel, rest);
  for (int band = 0; band < d->bands; band++) {
    float factor[BLOCK_FRAMES / 16 + 4];
    band_factors(io, block, band, channel, factor);
    spline_block(d->weights, d->step, factor, g);
    if (band == d->bands - 1) {
      add_rest(before, g, sum);
    } else {
      add_band(crossover_filtered(io, &crossover, block, band, channel), g, before, rest, sum);
      before = rest;
    }
  }
  store_block(io, block, channel, sum);
}

static void multiband_apply(const struct stage_io *io, int32_t first, int32_t count) {
  const struct multiband_design *d = io->design;
  for (int32_t b = first; b < first + count && !d->mid_side; b++)
    for (int c = 0; c < io->channels; c++) apply_block(io, b, c);
}

static void multiband_apply_ms(const struct stage_io *io, int32_t first, int32_t count) {
  const struct multiband_design *d = io->design;
  const struct crossover crossover = crossover_of(d);
  for (int32_t b = first; b < first + count && d->mid_side; b++) {
    float sum[2][BLOCK_FRAMES] = {{0}};
    for (int band = 0; band < d->bands; band++) {
      float x[2][BLOCK_FRAMES], g[2][BLOCK_FRAMES];
      for (int c = 0; c < 2; c++) {
        float factor[BLOCK_FRAMES / 16 + 4];
        crossover_band(io, &crossover, d->bands, b, band, c, x[c]);
        band_factors(io, b, band, c, factor);
        spline_block(d->weights, d->step, factor, g[c]);
      }
      to_mid_side(x[0], x[1]);
      add_mid_side((const float(*)[BLOCK_FRAMES])x, (const float(*)[BLOCK_FRAMES])g, sum);
    }
    for (int c = 0; c < 2; c++) store_block(io, b, c, sum[c]);
  }
}

const struct stage_pass multiband_passes[] = {
    {"forward", GRID_BLOCKS, multiband_forward},
    {"split", GRID_BLOCKS, multiband_split},
    {"energy", GRID_BLOCKS, multiband_energy},
    {"energy_ms", GRID_BLOCKS, multiband_energy_ms},
    {"wanted", GRID_BLOCKS, multiband_wanted},
    {"hold", GRID_BLOCKS, multiband_hold},
    {"follow", GRID_SEQUENTIAL, multiband_follow},
    {"apply", GRID_BLOCKS, multiband_apply},
    {"apply_ms", GRID_BLOCKS, multiband_apply_ms},
    {0},
};
