/* SPDX-License-Identifier: MIT
 * See saturate.h. */
#include "saturate.h"

#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "detmath.h"
#include "layout.h"
#include "level.h"

static const char *const curves[] = {"tape", "tube", "transformer", "soft_clip", NULL};
static const char *const targets[] = {"stereo", "left", "right", "mid", "side", "mid_side", NULL};
static const char *const factors[] = {"auto", "4", "8", NULL};

#define AT(field) offsetof(struct saturate_band, field)
static const struct param_row band_rows[] = {
    {.name = "curve", .type = PARAM_CHOICE, .offset = AT(curve), .choices = curves,
     .help = "shape of the saturation"},
    {.name = "drive", .type = PARAM_NUMBER, .offset = AT(drive_db), .min = -12, .max = 24,
     .unit = "dB", .help = "level into the curve; the level after it is made up"},
    {.name = "mix", .type = PARAM_NUMBER, .offset = AT(mix_percent), .min = 0, .max = 100,
     .initial = 100, .unit = "%", .help = "share of the saturated signal"},
    {0},
};
#undef AT
static const struct param_row crossover_row[] = {
    {.type = PARAM_NUMBER, .min = 20, .max = 20000, .unit = "Hz", .help = "crossover frequency"},
    {0},
};
#define AT(field) offsetof(struct saturate_params, field)
static const struct param_row saturate_rows[] = {
    {.name = "crossovers", .type = PARAM_LIST, .offset = AT(crossover_hz), .min = 0,
     .max = CROSSOVER_MAX_BANDS - 1, .items = crossover_row, .item_size = sizeof(double),
     .count_offset = AT(n_crossovers), .help = "ascending frequencies between the bands"},
    {.name = "slope", .type = PARAM_INTEGER, .offset = AT(slope_db_oct), .min = 12, .max = 96,
     .initial = 24, .unit = "dB/oct", .help = "steepness of the crossovers, in steps of 12"},
    {.name = "bands", .type = PARAM_LIST, .offset = AT(bands), .min = 1,
     .max = CROSSOVER_MAX_BANDS, .items = band_rows, .item_size = sizeof(struct saturate_band),
     .count_offset = AT(n_bands), .required = 1, .help = "saturators, from low to high"},
    {.name = "target", .type = PARAM_CHOICE, .offset = AT(target), .choices = targets,
     .help = "what is treated"},
    {.name = "output", .type = PARAM_NUMBER, .offset = AT(output_db), .min = -24, .max = 24,
     .unit = "dB", .help = "gain of what is treated, afterwards"},
    {.name = "oversampling", .type = PARAM_CHOICE, .offset = AT(oversampling),
     .choices = factors, .help = "rate of the curves: auto is 8 up to 48 kHz, 4 above"},
    {0},
};
#undef AT

static const char *saturate_check(const void *params, const char **row) {
  const struct saturate_params *p = params;
  return crossover_check(p->crossover_hz, p->n_crossovers, p->n_bands, p->slope_db_oct, row);
}

static bool saturate_neutral(const void *params) {
  const struct saturate_params *p = params;
  for (int i = 0; i < p->n_bands; i++)
    if (p->bands[i].mix_percent != 0) return false;
  return p->output_db == 0;
}

/* ---- curves ---- */

/* Slope (1 - a^(2 power))^smooth (1 + bias a) for |a| <= 1: never negative, and `smooth`
 * derivatives are 0 at the ends. */
static const struct curve_shape {
  int power, smooth;
  double bias;
} shapes[] = {{1, 4, 0}, {1, 3, 0.5}, {1, 2, 0.1}, {2, 3, 0}};

enum { MOST_POWERS = 14 };

/* The integral of the slope: coefficients of a^0 .. a^13. */
static void polynomial(const struct curve_shape *shape, double *p) {
  double binomial = 1;
  for (int i = 0; i < MOST_POWERS; i++) p[i] = 0;
  for (int i = 0; i <= shape->smooth; i++) {
    const int n = 2 * shape->power * i;
    p[n + 1] += binomial / (n + 1);
    if (shape->bias != 0) p[n + 2] += shape->bias * binomial / (n + 2);
    binomial *= -(double)(shape->smooth - i) / (i + 1);
  }
}

static double evaluate(const double *p, double a) {
  const double q = a > 1 ? 1 : a < -1 ? -1 : a;
  double y = 0;
  for (int i = MOST_POWERS - 1; i >= 0; i--) y = y * q + p[i];
  return y;
}

/* Makes a sine of -12 dBFS as strong after the curve as before, DC apart. */
static double make_up(const double *p, double drive) {
  enum { POINTS = 1024 };
  const double reference = 0.25;
  double sum = 0, squares = 0;
  for (int i = 0; i < POINTS; i++) {
    const double y = evaluate(p, drive * reference * det_sinpi((2.0 * i + 1) / POINTS));
    sum += y;
    squares += y * y;
  }
  const double mean = sum / POINTS;
  return sqrt(reference * reference / 2 / (squares / POINTS - mean * mean));
}

double saturate_shaped(const struct saturate_band *band, double u) {
  const double drive = det_db_to_gain(band->drive_db);
  double p[MOST_POWERS];
  polynomial(&shapes[band->curve], p);
  return make_up(p, drive) * evaluate(p, drive * u);
}

static void fill_curve(const struct saturate_band *band, double output_db,
                       struct saturate_curve *c) {
  const double drive = det_db_to_gain(band->drive_db), out = det_db_to_gain(output_db);
  const double mix = band->mix_percent / 100;
  double p[MOST_POWERS];
  polynomial(&shapes[band->curve], p);
  const double made_up = make_up(p, drive);
  c->drive = (float)drive;
  c->scale = (float)(out * mix * made_up);
  c->linear = (float)(out * (1 - mix + mix * made_up * drive) - 1);
  c->has_even = mix != 0 && shapes[band->curve].bias != 0;
  for (int i = 0; i < 6; i++) c->odd[i] = (float)p[2 * i + 3 < MOST_POWERS ? 2 * i + 3 : 0];
  for (int i = 0; i < 4; i++) c->even[i] = (float)p[2 * i + 2];
}

/* ---- design ---- */

/* The square of a Hann window: its side lobes fall with 30 dB per octave. */
static double squared_hann(double t) { return (1 + det_cospi(t)) * (1 + det_cospi(t)); }

/* 0.2 s of sums of SATURATE_STEP frames, unity at DC. */
static void fill_low_cut(struct saturate_design *d, int rate_hz) {
  bool even = false;
  for (int b = 0; b < d->bands; b++) even |= d->curve[b].has_even;
  if (!even) return;
  const double reach = 0.1 * rate_hz / SATURATE_STEP;
  double sum = 0;
  d->reach = (int32_t)reach;
  for (int j = -d->reach; j <= d->reach; j++) sum += squared_hann(j / reach);
  for (int j = 0; j <= d->reach; j++)
    d->low_pass[j] = (float)(squared_hann(j / reach) / sum / SATURATE_STEP);
}

static void fill_target(struct saturate_design *d, int target, const struct stage_format *f) {
  const bool first = target != SATURATE_RIGHT && target != SATURATE_SIDE;
  const bool second = target != SATURATE_LEFT && target != SATURATE_MID;
  for (int c = 0; c < f->channels; c++) {
    const bool pair = layout_is_pair(f->layout, f->channels, c);
    d->mid_side[c] = pair && target >= SATURATE_MID;
    d->active[c] = pair || f->channels == 1 ? (c & 1 ? second : first) : !target;
  }
}

/* Shaping reads a block on either side of its own; the low cut, `ahead` blocks. */
static void set_shapes(const struct saturate_design *d, int channels, struct stage_design *out) {
  const int n = d->bands - 1, p = d->partitions;
  const int ahead = d->reach ? (d->reach + 3) / SATURATE_POINTS + 1 : 0;
  out->shape[0] = (struct pass_shape){n ? channels : 0, n ? p / 2 + ahead + 1 : 0,
                                      n ? p + ahead + 1 : 0, 1};
  out->shape[1] = (struct pass_shape){n * channels, n ? ahead + 1 : 0, n ? ahead + 2 : 0, 0};
  out->shape[2] = (struct pass_shape){channels * BLOCK_FRAMES / 512, ahead, ahead, 0};
  out->shape[3] = (struct pass_shape){(channels + 1) / 2, 0, 0, 0};
}

static int saturate_design(const void *params, const struct stage_format *f,
                           struct stage_design *out, const char **why) {
  const struct saturate_params *p = params;
  struct crossover_filter filters[CROSSOVER_MAX_BANDS];
  const int n = crossover_bands(p->crossover_hz, p->n_crossovers, p->slope_db_oct, filters);
  int taps;
  double error;
  if (crossover_taps(filters, n, f->rate_hz, &taps, &error, why)) return -1;
  const size_t size = sizeof(struct saturate_design) + 4 * crossover_spectra_size(n, taps);
  struct saturate_design *d = calloc(1, size);
  if (!d) return -1;
  oversample_fill(&d->oversample, p->oversampling == SATURATE_4X   ? 4
                                  : p->oversampling == SATURATE_8X ? 8
                                                                   : oversample_auto(f->rate_hz));
  d->bands = p->n_bands;
  d->partitions = taps / CONV_BLOCK;
  d->centre_blocks = d->partitions / 2;
  for (int b = 0; b < d->bands; b++) fill_curve(&p->bands[b], p->output_db, &d->curve[b]);
  fill_target(d, p->target, f);
  fill_low_cut(d, f->rate_hz);
  spline_weights(SATURATE_STEP, d->weights);
  conv_twiddle(d->twiddle);
  if (crossover_spectra(filters, n, f->rate_hz, taps, d->spectra)) {
    free(d);
    return -1;
  }
  *out = (struct stage_design){
      .data = d,
      .size = (uint32_t)size,
      .ring_words = n ? crossover_ring_words(n, f->channels) : 0,
      .ring_history = n ? d->partitions + 2 : 0,
      .response_error_db = error,
      .control_words = d->reach ? f->channels * SATURATE_POINTS : 0,
      .control_sections = d->reach ? f->channels : 0,
  };
  set_shapes(d, f->channels, out);
  return 0;
}

/* ---- passes ---- */

static struct crossover crossover_of(const struct saturate_design *d) {
  return (struct crossover){.filters = d->bands - 1, .partitions = d->partitions,
                            .centre_blocks = d->centre_blocks, .twiddle = d->twiddle,
                            .spectra = d->spectra};
}

static void saturate_forward(const struct stage_io *io, int32_t first, int32_t count) {
  const struct crossover x = crossover_of(io->design);
  crossover_forward(io, &x, first, count);
}

static void saturate_split(const struct stage_io *io, int32_t first, int32_t count) {
  const struct crossover x = crossover_of(io->design);
  crossover_split(io, &x, first, count);
}

/* A band of one channel around a block, as oversample_load. */
static void load_band(const struct stage_io *io, int32_t block, int band, int channel, float *to) {
  const struct saturate_design *d = io->design;
  const struct crossover x = crossover_of(d);
  memset(to, 0, OVERSAMPLE_ROW * sizeof *to);
  for (int32_t b = max_int(block - 1, 0); b <= min_int(block + 1, io->n_blocks - 1); b++) {
    float frames[BLOCK_FRAMES];
    const int at = OVERSAMPLE_BEFORE + (b - block) * BLOCK_FRAMES;
    const int skip = max_int(-at, 0);
    int n = min_int(BLOCK_FRAMES, io->n_frames - b * BLOCK_FRAMES);
    n = min_int(n, OVERSAMPLE_ROW - at);
    crossover_band(io, &x, d->bands, b, band, channel, frames);
    for (int i = skip; i < n; i++) to[at + i] = flush_tiny(frames[i]);
  }
}

LACQUER_CLONES
static void to_mid_or_side(int side, const float *right, float *left) {
  for (int i = 0; i < OVERSAMPLE_ROW; i++)
    left[i] = flush_tiny(0.5f * (side ? left[i] - right[i] : left[i] + right[i]));
}

static void load_channel(const struct stage_io *io, int32_t block, int band, int channel,
                         struct oversampled *o) {
  const struct saturate_design *d = io->design;
  if (d->bands > 1) load_band(io, block, band, channel, o->phase[0]);
  else oversample_load(o, io->src + (size_t)channel * io->stride, io->n_frames, block);
}

static void load_signal(const struct stage_io *io, int32_t block, int band, int signal,
                        struct oversampled *o) {
  const struct saturate_design *d = io->design;
  if (!d->mid_side[signal]) {
    load_channel(io, block, band, signal, o);
    return;
  }
  float right[OVERSAMPLE_ROW];
  load_channel(io, block, band, signal | 1, o);
  memcpy(right, o->phase[0], sizeof right);
  load_channel(io, block, band, signal & ~1, o);
  to_mid_or_side(signal & 1, right, o->phase[0]);
}

/* Replaces samples by what the curve adds to them. */
LACQUER_CLONES
static void shape_odd(const struct saturate_curve *curve, float *u, int n) {
  struct saturate_curve c = *curve;
  c.has_even = 0;
  for (int i = 0; i < n; i++) u[i] = saturate_added(c, u[i]);
}

LACQUER_CLONES
static void shape_both(const struct saturate_curve *curve, float *u, int n) {
  struct saturate_curve c = *curve;
  c.has_even = 1;
  for (int i = 0; i < n; i++) u[i] = saturate_added(c, u[i]);
}

LACQUER_CLONES
static void add_scaled(float scale, const float *x, float *sum) {
  for (int i = 0; i < BLOCK_FRAMES; i++) sum[i] = sum[i] + scale * x[i];
}

LACQUER_CLONES
static void add_both(const float *a, const float *b, int n, float *to) {
  for (int i = 0; i < n; i++) to[i] = flush_tiny(a[i] + b[i]);
}

/* The sums of every control step. */
static void control_points(const float *added, int32_t *points) {
  float sum[SATURATE_POINTS] = {0};
  for (int i = 0; i < SATURATE_STEP; i++)
    for (int k = 0; k < SATURATE_POINTS; k++) sum[k] = sum[k] + added[k * SATURATE_STEP + i];
  for (int k = 0; k < SATURATE_POINTS; k++)
    points[k] = to_int(floatBitsToUint(flush_tiny(sum[k])));
}

static int32_t *section(const struct stage_io *io, int signal) {
  return io->control + (size_t)signal * io->n_blocks * SATURATE_POINTS;
}

/* What is added to a signal, before the low cut, into its channel of dst. */
static void shape_block(const struct stage_io *io, int32_t block, int signal) {
  const struct saturate_design *d = io->design;
  float linear[BLOCK_FRAMES] = {0}, added[BLOCK_FRAMES] = {0}, one[BLOCK_FRAMES];
  struct oversampled o;
  for (int b = 0; b < d->bands && d->active[signal]; b++) {
    const struct saturate_curve *c = &d->curve[b];
    if (c->linear == 0 && c->scale == 0) continue;
    load_signal(io, block, b, signal, &o);
    add_scaled(c->linear, o.phase[0] + OVERSAMPLE_BEFORE, linear);
    if (c->scale == 0) continue;
    oversample_up(&d->oversample, &o);
    for (int p = 0; p < d->oversample.factor; p++)
      (c->has_even ? shape_both : shape_odd)(
          c, o.phase[p] + OVERSAMPLE_BEFORE + OVERSAMPLE_FIRST, OVERSAMPLE_FRAMES);
    oversample_down(&d->oversample, &o, one);
    add_scaled(1, one, added);
  }
  if (d->reach) control_points(added, section(io, signal) + (size_t)block * SATURATE_POINTS);
  const int32_t begin = block * BLOCK_FRAMES;
  add_both(linear, added, min_int(BLOCK_FRAMES, io->n_frames - begin),
           io->dst + (size_t)signal * io->stride + begin);
}

static void saturate_shape(const struct stage_io *io, int32_t first, int32_t count) {
  for (int s = 0; s < io->channels; s++)
    for (int32_t b = first; b < first + count; b++) shape_block(io, b, s);
}

enum { MEANS = SATURATE_POINTS + 4 };

/* Low-passed control points: from two before the block's first on. */
LACQUER_CLONES
static void low_pass(const float *points, const float *taps, int reach, float *mean) {
  float sum[MEANS] = {0};
  for (int j = reach; j > 0; j--)
    for (int k = 0; k < MEANS; k++)
      sum[k] = sum[k] + taps[j] * (points[k + reach - j] + points[k + reach + j]);
  for (int k = 0; k < MEANS; k++)
    mean[k] = flush_tiny(sum[k] + taps[0] * points[k + reach]);
}

static void block_means(const struct stage_io *io, int32_t block, int signal, float *means) {
  const struct saturate_design *d = io->design;
  float points[MEANS + 2 * SATURATE_MAX_REACH], mean[MEANS];
  const int32_t *control = section(io, signal);
  const int64_t total = (int64_t)io->n_blocks * SATURATE_POINTS;
  const int64_t begin = (int64_t)block * SATURATE_POINTS - 2 - d->reach;
  for (int i = 0; i < MEANS + 2 * d->reach; i++) {
    const bool inside = begin + i >= 0 && begin + i < total;
    points[i] = inside ? uintBitsToFloat(to_uint(control[begin + i])) : 0;
  }
  low_pass(points, d->low_pass, d->reach, mean);
  spline_block(d->weights, SATURATE_STEP, mean, means);
}

/* dst: from what is added to the signals to the output. */
LACQUER_CLONES
static void add_signal(const float *x, const float *means, int n, float *y) {
  for (int i = 0; i < n; i++) y[i] = flush_tiny(x[i] + (y[i] - means[i]));
}

LACQUER_CLONES
static void add_mid_side_means(const float *const x[2], const float means[2][BLOCK_FRAMES], int n,
                         float *const y[2]) {
  for (int i = 0; i < n; i++) {
    const float mid = y[0][i] - means[0][i], side = y[1][i] - means[1][i];
    y[0][i] = flush_tiny(x[0][i] + (mid + side));
    y[1][i] = flush_tiny(x[1][i] + (mid - side));
  }
}

static void saturate_apply(const struct stage_io *io, int32_t first, int32_t count) {
  const struct saturate_design *d = io->design;
  float means[2][BLOCK_FRAMES] = {{0}};
  for (int32_t b = first; b < first + count; b++) {
    const int32_t begin = b * BLOCK_FRAMES, n = min_int(BLOCK_FRAMES, io->n_frames - begin);
    const float *x[2];
    float *y[2];
    for (int s = 0; s < io->channels; s++) {
      const int side = s & 1;
      x[side] = io->src + (size_t)s * io->stride + begin;
      y[side] = io->dst + (size_t)s * io->stride + begin;
      if (d->reach) block_means(io, b, s, means[side]);
      if (!d->mid_side[s]) add_signal(x[side], means[side], n, y[side]);
      else if (side) add_mid_side_means(x, (const float (*)[BLOCK_FRAMES])means, n, y);
    }
  }
}

static const struct stage_pass saturate_passes[] = {
    {"forward", GRID_BLOCKS, saturate_forward},
    {"split", GRID_BLOCKS, saturate_split},
    {"shape", GRID_BLOCKS, saturate_shape},
    {"apply", GRID_BLOCKS, saturate_apply},
    {0},
};

const struct stage stage_saturate = {
    .name = "saturate",
    .help = "oversampled saturation, full band or per band",
    .role = STAGE_CHAIN,
    .rows = saturate_rows,
    .params_size = sizeof(struct saturate_params),
    .passes = saturate_passes,
    .check = saturate_check,
    .neutral = saturate_neutral,
    .design = saturate_design,
};
