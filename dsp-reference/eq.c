/* SPDX-License-Identifier: MIT
 * See eq.h. */
#include "eq.h"

#include <stdlib.h>
#include <string.h>

#include "convolve.h"
#include "detmath.h"
#include "fir_design.h"
#include "twin.h"

static const char *const eq_phases[] = {"linear", NULL};
static const char *const eq_types[] = {"highpass",   "lowpass", "low_shelf",
                                       "high_shelf", "bell",    "notch",
                                       "tilt",       "bandpass", "curve", NULL};
static const char *const eq_targets[] = {"stereo", "left", "right", "mid", "side", NULL};

static const struct param_row eq_point_rows[] = {
    {.name = "freq", .type = PARAM_NUMBER, .offset = offsetof(struct pchip_point, freq_hz),
     .min = 5, .max = 96000, .required = 1, .unit = "Hz", .help = "frequency"},
    {.name = "gain", .type = PARAM_NUMBER, .offset = offsetof(struct pchip_point, value),
     .min = -30, .max = 30, .required = 1, .unit = "dB", .help = "gain there"},
    {0},
};
#define AT(field) offsetof(struct eq_band, field)
static const struct param_row eq_band_rows[] = {
    {.name = "type", .type = PARAM_CHOICE, .offset = AT(type), .choices = eq_types,
     .required = 1, .help = "filter shape"},
    {.name = "freq", .type = PARAM_NUMBER, .offset = AT(freq_hz), .min = 5, .max = 96000,
     .initial = NAN, .unit = "Hz", .help = "corner or centre frequency, of all but a curve"},
    {.name = "gain", .type = PARAM_NUMBER, .offset = AT(gain_db), .min = -30, .max = 30,
     .unit = "dB", .help = "gain of a bell, shelf or tilt"},
    {.name = "q", .type = PARAM_NUMBER, .offset = AT(q), .min = 0.025, .max = 40,
     .initial = 0.70710678118654752, .help = "quality of a bell, shelf, notch or bandpass"},
    {.name = "slope", .type = PARAM_INTEGER, .offset = AT(slope_db_oct), .min = 6, .max = 96,
     .initial = 12, .unit = "dB/oct", .help = "steepness of a high or low pass, in steps of 6"},
    {.name = "target", .type = PARAM_CHOICE, .offset = AT(target), .choices = eq_targets,
     .help = "what the band acts on"},
    {.name = "points", .type = PARAM_LIST, .offset = AT(points), .max = PCHIP_MAX_POINTS,
     .items = eq_point_rows, .item_size = sizeof(struct pchip_point),
     .count_offset = AT(n_points), .help = "points of a curve, from low to high"},
    {0},
};
#undef AT
static const struct param_row eq_rows[] = {
    {.name = "phase", .type = PARAM_CHOICE, .offset = offsetof(struct eq_params, phase),
     .choices = eq_phases, .help = "phase response"},
    {.name = "bands", .type = PARAM_LIST, .offset = offsetof(struct eq_params, bands), .min = 1,
     .max = EQ_MAX_BANDS, .items = eq_band_rows, .item_size = sizeof(struct eq_band),
     .count_offset = offsetof(struct eq_params, n_bands), .required = 1, .help = "filters"},
    {0},
};


/* ---- design ---- */

static double power(double x, int n) {
  double r = 1;
  for (; n; n >>= 1, x *= x)
    if (n & 1) r *= x;
  return r;
}

/* What a band's magnitude needs beside its settings. */
struct band_shape {
  double root_gain; /* the square root of the gain */
  struct pchip curve;
};

static void shape_init(struct band_shape *shape, const struct eq_band *band) {
  shape->root_gain = det_db_to_gain(band->gain_db / 2);
  if (band->type == EQ_CURVE) pchip_init(&shape->curve, band->points, band->n_points);
}

static double magnitude(const struct eq_band *band, const struct band_shape *shape,
                        double freq_hz) {
  if (band->type == EQ_CURVE) return det_db_to_gain(pchip_at(&shape->curve, freq_hz));
  const double a = shape->root_gain;
  const double x = freq_hz / band->freq_hz, x2 = x * x, u = (1 - x2) * (1 - x2);
  const double q = band->q;
  switch ((enum eq_type)band->type) {
  case EQ_HIGHPASS:
    return freq_hz > 0 ? 1 / sqrt(1 + power(1 / x2, band->slope_db_oct / 6)) : 0;
  case EQ_LOWPASS: return 1 / sqrt(1 + power(x2, band->slope_db_oct / 6));
  case EQ_BELL: return sqrt((u + x2 * a * a / (q * q)) / (u + x2 / (a * a * q * q)));
  case EQ_HIGH_SHELF: {
    const double m = x2 * a / (q * q), n = (1 - a * x2), d = (a - x2);
    return a * sqrt((n * n + m) / (d * d + m));
  }
  case EQ_LOW_SHELF: {
    const double m = x2 * a / (q * q), n = (a - x2), d = (1 - a * x2);
    return a * sqrt((n * n + m) / (d * d + m));
  }
  case EQ_NOTCH: {
    const double m = sqrt(u / (u + x2 / (q * q)));
    return m > 1e-4 ? m : 1e-4;
  }
  case EQ_TILT: return sqrt((1 + a * a * x2) / (a * a + x2));
  case EQ_BANDPASS: {
    const double m = x2 / (q * q);
    return sqrt(m / (u + m));
  }
  case EQ_CURVE: break;
  }
  return 1;
}

double eq_band_magnitude(const struct eq_band *band, double freq_hz) {
  struct band_shape shape;
  shape_init(&shape, band);
  return magnitude(band, &shape, freq_hz);
}

/* One entry of the product of all bands' 2x2 matrices, plus `other` times its
 * neighbour in the row: what reaches output `row` of a mid (1) or a side (-1) signal. */
struct eq_entry {
  const struct eq_params *params;
  const struct band_shape *shapes; /* by band */
  int channels, row, column, other;
};

static void band_matrix(int target, double g, double m[2][2]) {
  const double half = (1 + g) / 2, cross = (g - 1) / 2;
  m[0][0] = m[1][1] = g;
  m[0][1] = m[1][0] = 0;
  if (target == EQ_LEFT) m[1][1] = 1;
  if (target == EQ_RIGHT) m[0][0] = 1;
  if (target == EQ_MID || target == EQ_SIDE) {
    m[0][0] = m[1][1] = half;
    m[0][1] = m[1][0] = target == EQ_MID ? cross : -cross;
  }
}

/* On one channel there is no side, and no right. */
static bool acts(const struct eq_band *band, int channels) {
  return channels > 1 || (band->target != EQ_SIDE && band->target != EQ_RIGHT);
}

static double matrix_entry(const void *context, double freq_hz) {
  const struct eq_entry *e = context;
  double m[2][2] = {{1, 0}, {0, 1}};
  for (int i = 0; i < e->params->n_bands; i++) {
    const struct eq_band *band = &e->params->bands[i];
    if (!acts(band, e->channels)) continue;
    const double g = magnitude(band, &e->shapes[i], freq_hz);
    double b[2][2], r[2][2];
    band_matrix(e->channels > 1 ? band->target : EQ_STEREO, g, b);
    for (int o = 0; o < 2; o++)
      for (int k = 0; k < 2; k++) r[o][k] = b[o][0] * m[0][k] + b[o][1] * m[1][k];
    memcpy(m, r, sizeof m);
  }
  return m[e->row][e->column] + e->other * m[e->row][1 - e->column];
}

/* The most that a band can add. */
static double boost_db(const struct eq_band *band) {
  if (band->type == EQ_TILT) return fabs(band->gain_db) / 2;
  double most = band->type == EQ_CURVE ? 0 : band->gain_db;
  for (int i = 0; i < band->n_points; i++) most = fmax(most, band->points[i].value);
  return fmax(most, 0);
}

static const char *check_band(const struct eq_band *band, const char **row) {
  *row = "freq";
  if (isnan(band->freq_hz) && band->type != EQ_CURVE)
    return "a band that is no curve wants a frequency (5 to 96000 Hz)";
  *row = "points";
  if (band->n_points && band->type != EQ_CURVE) return "only a band of type curve has points";
  if (!band->n_points && band->type == EQ_CURVE)
    return "a curve wants points (1 to 64 of freq and gain)";
  for (int i = 1; i < band->n_points; i++)
    if (band->points[i].freq_hz <= band->points[i - 1].freq_hz)
      return "the frequencies of a curve's points must ascend";
  *row = "slope";
  if (band->slope_db_oct % 6) return "a slope is a multiple of 6 dB/oct (6 to 96)";
  return NULL;
}

static const char *eq_check(const void *params, const char **row) {
  const struct eq_params *p = params;
  double boost = 0;
  for (int i = 0; i < p->n_bands; i++) boost += boost_db(&p->bands[i]);
  *row = "bands";
  if (boost > 60) return "the bands' boosts add up to more than 60 dB";
  const char *why = NULL;
  for (int i = 0; i < p->n_bands && !why; i++) why = check_band(&p->bands[i], row);
  return why;
}

static bool eq_neutral(const void *params) {
  const struct eq_params *p = params;
  for (int i = 0; i < p->n_bands; i++) {
    const struct eq_band *band = &p->bands[i];
    switch ((enum eq_type)band->type) {
    case EQ_HIGHPASS:
    case EQ_LOWPASS:
    case EQ_NOTCH:
    case EQ_BANDPASS: return false;
    case EQ_CURVE:
      for (int k = 0; k < band->n_points; k++)
        if (band->points[k].value != 0) return false;
      break;
    default:
      if (band->gain_db != 0) return false;
    }
  }
  return true;
}

static int fill_filters(struct eq_design *d, const struct eq_entry *any, int rate_hz, int taps) {
  double *h = malloc((size_t)taps * sizeof *h), error;
  int result = h ? 0 : -1;
  for (int i = 0; i < 4 && !result; i++) {
    if (!d->active[i]) continue;
    struct eq_entry e = *any;
    e.row = i / 2, e.column = i % 2, e.other = 0;
    result = fir_linear_phase(matrix_entry, &e, rate_hz, taps, h, &error);
    if (result) break;
    if (e.row == e.column) h[taps / 2] -= 1;
    result = conv_partition(h, taps,
                            d->spectra + (size_t)i * d->partitions * CONV_SPECTRUM);
  }
  free(h);
  return result;
}

/* 0, or -1: no memory. */
static int design_filters(const struct eq_params *p, const struct stage_format *f,
                          const struct band_shape *shapes, struct stage_design *out) {
  bool cross = false;
  for (int i = 0; i < p->n_bands; i++) cross |= p->bands[i].target >= EQ_MID && f->channels > 1;
  /* What a left, right, mid or side signal sees must all be met. */
  struct eq_entry seen[6];
  const void *context[6];
  int n = 0, taps;
  double error;
  for (int row = 0; row < f->channels; row++)
    for (int other = cross ? -1 : 0; other <= cross; other++)
      seen[n++] = (struct eq_entry){p, shapes, f->channels, row, row, other};
  for (int i = 0; i < n; i++) context[i] = &seen[i];
  if (fir_auto_taps(matrix_entry, context, n, f->rate_hz, &taps, &error)) return -1;
  const int partitions = taps / CONV_BLOCK;
  const size_t size = sizeof(struct eq_design) + 4 * (size_t)partitions * CONV_SPECTRUM * 4;
  struct eq_design *d = calloc(1, size);
  if (!d) return -1;
  d->partitions = partitions;
  d->centre_blocks = partitions / 2;
  for (int i = 0; i < 4; i++)
    d->active[i] = i / 2 < f->channels && i % 2 < f->channels && (i % 3 == 0 || cross);
  conv_twiddle(d->twiddle);
  if (fill_filters(d, &seen[0], f->rate_hz, taps)) {
    free(d);
    return -1;
  }
  *out = (struct stage_design){
      .data = d,
      .size = (uint32_t)size,
      .ring_words = f->channels * CONV_SPECTRUM,
      .ring_history = partitions,
      .response_error_db = error,
      .shape = {{f->channels, partitions / 2, partitions - 1, 1}, {f->channels, 0, 0, 0}},
  };
  return 0;
}

static int eq_design(const void *params, const struct stage_format *f, struct stage_design *out,
                     const char **why) {
  const struct eq_params *p = params;
  for (int i = 0; i < p->n_bands; i++) {
    if (p->bands[i].type == EQ_CURVE || p->bands[i].freq_hz < 0.499 * f->rate_hz) continue;
    *why = "an eq frequency lies above the track's Nyquist frequency";
    return -1;
  }
  *why = "out of memory";
  struct band_shape *shapes = malloc(EQ_MAX_BANDS * sizeof *shapes);
  if (!shapes) return -1;
  for (int i = 0; i < p->n_bands; i++) shape_init(&shapes[i], &p->bands[i]);
  const int result = design_filters(p, f, shapes, out);
  free(shapes);
  return result;
}

/* ---- passes ---- */

static struct conv_filter filter_of(const struct stage_io *io, int o) {
  const struct eq_design *d = io->design;
  struct conv_filter f = {d->twiddle, io->channels * CONV_SPECTRUM, d->partitions,
                          d->centre_blocks, 0, {0}, {0}};
  for (int i = 0; i < io->channels; i++) {
    if (!d->active[2 * o + i]) continue;
    f.channel[f.n_inputs] = i;
    f.spectra[f.n_inputs++] = d->spectra + (size_t)(2 * o + i) * d->partitions * CONV_SPECTRUM;
  }
  return f;
}

static void eq_forward(const struct stage_io *io, int32_t first, int32_t count) {
  const struct conv_filter f = filter_of(io, 0);
  conv_ring_forward(io, &f, first, count);
}

static void add_block(const struct stage_io *io, int32_t block, int channel, const float *y) {
  const int32_t begin = block * CONV_BLOCK, n = min_int(CONV_BLOCK, io->n_frames - begin);
  const float *src = io->src + (size_t)channel * io->stride + begin;
  float *dst = io->dst + (size_t)channel * io->stride + begin;
  for (int32_t i = 0; i < n; i++) dst[i] = flush_tiny(src[i] + y[i]);
}

static void eq_filter(const struct stage_io *io, int32_t first, int32_t count) {
  static _Thread_local float y[CONV_LANES][CONV_BLOCK];
  float *out[CONV_LANES];
  for (int l = 0; l < CONV_LANES; l++) out[l] = y[l];
  for (int o = 0; o < io->channels; o++) {
    const struct conv_filter f = filter_of(io, o);
    for (int32_t b = first; b < first + count; b += CONV_LANES) {
      const int n = min_int(CONV_LANES, first + count - b);
      conv_ring_filter(io, &f, b, n, out);
      for (int l = 0; l < n; l++) add_block(io, b + l, o, y[l]);
    }
  }
}

static const struct stage_pass eq_passes[] = {
    {"forward", GRID_BLOCKS, eq_forward},
    {"filter", GRID_BLOCKS, eq_filter},
    {0},
};

const struct stage stage_eq = {
    .name = "eq",
    .help = "linear-phase equaliser",
    .role = STAGE_CHAIN,
    .rows = eq_rows,
    .params_size = sizeof(struct eq_params),
    .passes = eq_passes,
    .check = eq_check,
    .neutral = eq_neutral,
    .design = eq_design,
};
