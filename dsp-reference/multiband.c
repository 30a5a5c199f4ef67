/* SPDX-License-Identifier: MIT
 * See multiband.h. */
#include "multiband.h"

#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "crossover.h"
#include "detmath.h"

#define AT(field) offsetof(struct multiband_band, field)
static const struct param_row band_rows[] = {
    {.name = "threshold", .type = PARAM_NUMBER, .offset = AT(threshold_db), .min = -80, .max = 0,
     .initial = 0, .required = 1, .unit = "dBFS", .help = "level above which the band is compressed"},
    {.name = "ratio", .type = PARAM_NUMBER, .offset = AT(ratio), .min = 1, .max = 100,
     .initial = 1, .unit = ":1", .help = "compression ratio"},
    {.name = "knee", .type = PARAM_NUMBER, .offset = AT(knee_db), .min = 0, .max = 24,
     .initial = 6, .unit = "dB", .help = "width of the soft knee"},
    {.name = "attack", .type = PARAM_NUMBER, .offset = AT(attack_ms), .min = 0.1, .max = 500,
     .initial = 20, .unit = "ms", .help = "time constant of a rising reduction"},
    {.name = "release", .type = PARAM_NUMBER, .offset = AT(release_ms), .min = 5, .max = 5000,
     .initial = 150, .unit = "ms", .help = "time constant of a falling reduction"},
    {.name = "makeup", .type = PARAM_NUMBER, .offset = AT(makeup_db), .min = -24, .max = 24,
     .unit = "dB", .help = "gain of the band after compression"},
    {0},
};
#undef AT
static const struct param_row crossover_row[] = {
    {.type = PARAM_NUMBER, .min = 20, .max = 20000, .unit = "Hz", .help = "crossover frequency"},
    {0},
};
#define AT(field) offsetof(struct multiband_params, field)
static const struct param_row multiband_rows[] = {
    {.name = "crossovers", .type = PARAM_LIST, .offset = AT(crossover_hz), .min = 0,
     .max = MULTIBAND_MAX_BANDS - 1, .items = crossover_row, .item_size = sizeof(double),
     .count_offset = AT(n_crossovers), .help = "ascending frequencies between the bands"},
    {.name = "slope", .type = PARAM_INTEGER, .offset = AT(slope_db_oct), .min = 12, .max = 96,
     .initial = 24, .unit = "dB/oct", .help = "steepness of the crossovers, in steps of 12"},
    {.name = "rms", .type = PARAM_NUMBER, .offset = AT(rms_ms), .min = 0, .max = 100,
     .initial = 10, .unit = "ms", .help = "window of the level detector"},
    {.name = "bands", .type = PARAM_LIST, .offset = AT(bands), .min = 1,
     .max = MULTIBAND_MAX_BANDS, .items = band_rows, .item_size = sizeof(struct multiband_band),
     .count_offset = AT(n_bands), .required = 1, .help = "compressors, from low to high"},
    {0},
};
#undef AT

/* ---- design ---- */

/* Soft-knee curve: Giannoulis, Massberg, Reiss, "Digital Dynamic Range Compressor
 * Design", JAES 60(6), 2012, eq. 4. */
double multiband_reduction_db(const struct multiband_band *band, double level_db) {
  const double over = level_db - band->threshold_db, slope = 1 - 1 / band->ratio;
  const double knee = band->knee_db;
  if (2 * over <= -knee) return 0;
  if (2 * over >= knee) return slope * over;
  return slope * (over + knee / 2) * (over + knee / 2) / (2 * knee);
}

static const char *multiband_check(const void *params, const char **row) {
  const struct multiband_params *p = params;
  *row = "crossovers";
  for (int i = 1; i < p->n_crossovers; i++)
    if (p->crossover_hz[i] <= p->crossover_hz[i - 1]) return "crossovers must ascend";
  *row = "bands";
  if (p->n_bands != p->n_crossovers + 1) return "bands must be one more than crossovers";
  *row = "slope";
  if (p->slope_db_oct % 12) return "a crossover slope is a multiple of 12 dB/oct (12 to 96)";
  return NULL;
}

static bool multiband_neutral(const void *params) {
  const struct multiband_params *p = params;
  for (int i = 0; i < p->n_bands; i++)
    if (p->bands[i].ratio != 1 || p->bands[i].makeup_db != 0) return false;
  return true;
}

static int32_t octaves_q16(double db) { return nearest(db * 65536 / det_gain_to_db(2)); }

static void fill_control(struct multiband_design *d, const struct multiband_params *p,
                         const struct stage_format *f) {
  d->bands = p->n_bands;
  d->step = control_step(16, f->rate_hz);
  d->points = BLOCK_FRAMES / d->step;
  const double step_ms = 1000.0 * d->step / f->rate_hz;
  d->window = max_int(1, nearest(p->rms_ms / step_ms));
  d->level_offset = nearest(65536 * det_log2((double)d->window * d->step) / 2);
  spline_weights(d->step, d->weights);
  conv_twiddle(d->twiddle);
  for (int b = 0; b < p->n_bands; b++) {
    const struct multiband_band *band = &p->bands[b];
    d->attack[b] = smoothing_q24(band->attack_ms, step_ms);
    d->release[b] = smoothing_q24(band->release_ms, step_ms);
    d->makeup[b] = octaves_q16(band->makeup_db);
    for (int i = 0; i < CURVE_STEPS + 4; i++) {
      const double level_db = (i / 256.0 - 20) * det_gain_to_db(2);
      d->curve[b][i] = octaves_q16(multiband_reduction_db(band, level_db));
    }
  }
}

static int multiband_design(const void *params, const struct stage_format *f,
                            struct stage_design *out, const char **why) {
  const struct multiband_params *p = params;
  const int n = p->n_crossovers;
  struct crossover_filter filters[MULTIBAND_MAX_BANDS];
  for (int i = 0; i < n; i++)
    filters[i] = (struct crossover_filter){p->crossover_hz[i], p->slope_db_oct};
  int taps;
  double error;
  if (crossover_taps(filters, n, f->rate_hz, &taps, &error, why)) return -1;
  const int partitions = taps / CONV_BLOCK;
  const size_t size = sizeof(struct multiband_design) + 4 * crossover_spectra_size(n, taps);
  struct multiband_design *d = calloc(1, size);
  if (!d) return -1;
  d->partitions = partitions;
  d->centre_blocks = partitions / 2;
  fill_control(d, p, f);
  if (crossover_spectra(filters, n, f->rate_hz, taps, d->spectra)) {
    free(d);
    return -1;
  }
  *out = (struct stage_design){
      .data = d,
      .size = (uint32_t)size,
      .ring_words = crossover_ring_words(n, f->channels),
      .ring_history = partitions + 1,
      .response_error_db = error,
      .control_words = MULTIBAND_SECTIONS * d->bands * d->points,
      .control_sections = MULTIBAND_SECTIONS * d->bands,
      .shape = {{n ? f->channels : 0, partitions / 2, partitions ? partitions - 1 : 0, 1},
                {n * f->channels, 0, 0, 0},
                {d->bands, 0, 0, 0},
                {d->bands, 0, 0, 0},
                {d->bands, 0, 0, 0},
                {f->channels, -1, 0, 0}},
  };
  return 0;
}

/* ---- passes ---- */

static struct crossover crossover_of(const struct multiband_design *d) {
  return (struct crossover){d->bands - 1, d->partitions, d->centre_blocks, d->twiddle, d->spectra};
}

static int32_t *section(const struct stage_io *io, int s, int band) {
  const struct multiband_design *d = io->design;
  return io->control + (size_t)(s * d->bands + band) * io->n_blocks * d->points;
}

static void multiband_forward(const struct stage_io *io, int32_t first, int32_t count) {
  const struct crossover x = crossover_of(io->design);
  crossover_forward(io, &x, first, count);
}

static void multiband_split(const struct stage_io *io, int32_t first, int32_t count) {
  const struct crossover x = crossover_of(io->design);
  crossover_split(io, &x, first, count);
}

static void multiband_energy(const struct stage_io *io, int32_t first, int32_t count) {
  const struct multiband_design *d = io->design;
  const struct crossover crossover = crossover_of(d);
  for (int band = 0; band < d->bands; band++)
    for (int32_t b = first; b < first + count; b++) {
      float x[BLOCK_FRAMES], energy[MAX_CHANNELS][BLOCK_FRAMES / 16];
      int32_t *to = section(io, MULTIBAND_ENERGY, band) + (size_t)b * d->points;
      for (int c = 0; c < io->channels; c++) {
        crossover_band(io, &crossover, d->bands, b, band, c, x);
        block_energies(x, d->step, energy[c]);
      }
      for (int k = 0; k < d->points; k++) {
        float e = energy[0][k];
        for (int c = 1; c < io->channels; c++) e = max_float(e, energy[c][k]);
        to[k] = to_int(floatBitsToUint(e));
      }
    }
}

LACQUER_CLONES
static void window_sum(const int32_t *energy, int n, int window, int64_t before, float *sum) {
  for (int k = 0; k < n; k++) sum[k] = 0;
  for (int j = window - 1; j >= 0; j--) /* oldest point first; none before the track */
    for (int k = j > before ? (int)(j - before) : 0; k < n; k++)
      sum[k] = sum[k] + uintBitsToFloat(to_uint(energy[k - j]));
}

static void multiband_wanted(const struct stage_io *io, int32_t first, int32_t count) {
  const struct multiband_design *d = io->design;
  for (int band = 0; band < d->bands; band++)
    for (int32_t b = first; b < first + count; b++) {
      const size_t at = (size_t)b * d->points;
      const int32_t *curve = d->curve[band];
      int32_t *wanted = section(io, MULTIBAND_WANTED, band) + at;
      float sum[BLOCK_FRAMES / 16];
      window_sum(section(io, MULTIBAND_ENERGY, band) + at, d->points, d->window, (int64_t)at, sum);
      for (int k = 0; k < d->points; k++) {
        const int level = (level_log2(floatBitsToUint(sum[k])) >> 9) - d->level_offset;
        const int at_curve = curve_position(level), i = at_curve >> 8;
        wanted[k] = curve_between(curve[i], curve[i + 1], at_curve & 255);
      }
    }
}

static void multiband_follow(const struct stage_io *io, int32_t first, int32_t count) {
  const struct multiband_design *d = io->design;
  for (int band = 0; band < d->bands; band++) {
    const int32_t *wanted = section(io, MULTIBAND_WANTED, band);
    int32_t *reduction = section(io, MULTIBAND_REDUCTION, band);
    const size_t begin = (size_t)first * d->points, end = begin + (size_t)count * d->points;
    int r = begin ? reduction[begin - 1] : 0;
    for (size_t k = begin; k < end; k++)
      reduction[k] = r = follow_step(r, wanted[k] * 64, d->attack[band], d->release[band]);
  }
}

LACQUER_CLONES
static void add_band(const float *x, const float *gain, const float *weights, int step,
                     float *sum) {
  float g[BLOCK_FRAMES];
  spline_block(weights, step, gain, g);
  for (int i = 0; i < BLOCK_FRAMES; i++) sum[i] = sum[i] + g[i] * x[i];
}

static void multiband_apply(const struct stage_io *io, int32_t first, int32_t count) {
  const struct multiband_design *d = io->design;
  const struct crossover crossover = crossover_of(d);
  const int last = (io->n_frames - 1) / d->step;
  for (int32_t b = first; b < first + count; b++)
    for (int c = 0; c < io->channels; c++) {
      float x[BLOCK_FRAMES], sum[BLOCK_FRAMES] = {0}, gain[BLOCK_FRAMES / 16 + 4];
      for (int band = 0; band < d->bands; band++) {
        const int32_t *r = section(io, MULTIBAND_REDUCTION, band);
        for (int k = 0; k < d->points + 4; k++) {
          const int at = min_int(max_int(b * d->points + k - 2, 0), last);
          gain[k] = level_exp2(d->makeup[band] * 256 - r[at] * 4) - 1.0f;
        }
        crossover_band(io, &crossover, d->bands, b, band, c, x);
        add_band(x, gain, d->weights, d->step, sum);
      }
      const int32_t begin = b * BLOCK_FRAMES, n = min_int(BLOCK_FRAMES, io->n_frames - begin);
      const float *src = io->src + (size_t)c * io->stride + begin;
      float *dst = io->dst + (size_t)c * io->stride + begin;
      for (int i = 0; i < n; i++) dst[i] = flush_tiny(src[i] + sum[i]);
    }
}

static const struct stage_pass multiband_passes[] = {
    {"forward", GRID_BLOCKS, multiband_forward},
    {"split", GRID_BLOCKS, multiband_split},
    {"energy", GRID_BLOCKS, multiband_energy},
    {"wanted", GRID_BLOCKS, multiband_wanted},
    {"follow", GRID_SEQUENTIAL, multiband_follow},
    {"apply", GRID_BLOCKS, multiband_apply},
    {0},
};

const struct stage stage_multiband = {
    .name = "multiband",
    .help = "multiband compressor with linear-phase crossovers",
    .role = STAGE_CHAIN,
    .rows = multiband_rows,
    .params_size = sizeof(struct multiband_params),
    .passes = multiband_passes,
    .check = multiband_check,
    .neutral = multiband_neutral,
    .design = multiband_design,
};
