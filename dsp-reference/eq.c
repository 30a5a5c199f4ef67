/* SPDX-License-Identifier: MIT
 * See eq.h. */
#include "eq.h"

#include <stdlib.h>

#include "detmath.h"

static const char *const eq_types[] = {"highpass",   "lowpass", "low_shelf",
                                       "high_shelf", "bell",    "notch",
                                       "tilt",       "bandpass", "curve", NULL};

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
    {.name = "target", .type = PARAM_CHOICE, .offset = AT(target), .choices = linear_targets,
     .help = "what the band acts on"},
    {.name = "points", .type = PARAM_LIST, .offset = AT(points), .max = PCHIP_MAX_POINTS,
     .items = eq_point_rows, .item_size = sizeof(struct pchip_point),
     .count_offset = AT(n_points), .later = 1, .help = "points of a curve, from low to high"},
    {0},
};
#undef AT
static const struct param_row eq_rows[] = {
    {.name = "phase", .type = PARAM_CHOICE, .offset = offsetof(struct eq_params, phase),
     .choices = linear_phases, .help = "phase response"},
    {.name = "minimum_share", .type = PARAM_NUMBER,
     .offset = offsetof(struct eq_params, minimum_share), .min = 0, .max = 1, .initial = 0.5,
     .later = 1, .help = "mixed phase: the part of the minimum-phase response's phase, 0 = linear"},
    {.name = "bands", .type = PARAM_LIST, .offset = offsetof(struct eq_params, bands), .min = 1,
     .max = EQ_MAX_BANDS, .items = eq_band_rows, .item_size = sizeof(struct eq_band),
     .count_offset = offsetof(struct eq_params, n_bands), .required = 1, .help = "filters"},
    {0},
};


/* ---- design ---- */

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
  case EQ_HIGHPASS: return butterworth_high(x, band->slope_db_oct / 6);
  case EQ_LOWPASS: return butterworth_low(x, band->slope_db_oct / 6);
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

struct band_gain {
  const struct eq_band *band;
  struct band_shape shape;
};

static double band_gain(const void *context, double freq_hz) {
  const struct band_gain *gain = context;
  return magnitude(gain->band, &gain->shape, freq_hz);
}

static int eq_part(const void *params, const struct stage_format *f, struct linear_part *out,
                   const char **why) {
  const struct eq_params *p = params;
  struct band_gain *gains = malloc(EQ_MAX_BANDS * sizeof *gains);
  *out = (struct linear_part){linear_minimum_share(p->phase, p->minimum_share), p->n_bands, {{0}},
                              gains};
  *why = "out of memory";
  if (!gains) return -1;
  for (int i = 0; i < p->n_bands; i++) {
    const struct eq_band *band = &p->bands[i];
    gains[i].band = band;
    shape_init(&gains[i].shape, band);
    out->gain[i] = (struct linear_gain){band->target, false, band_gain, &gains[i]};
    if (band->type == EQ_CURVE || band->freq_hz < 0.499 * f->rate_hz) continue;
    *why = "an eq frequency lies above the track's Nyquist frequency";
    return -1;
  }
  return 0;
}

static int eq_design(const void *params, const struct stage_format *f, struct stage_design *out,
                     const char **why) {
  return linear_design_joint(&(struct stage_use){&stage_eq, params}, 1, f, out, why);
}

const struct stage stage_eq = {
    .name = "eq",
    .help = "equaliser of up to 24 bands, linear or minimum phase",
    .role = STAGE_CHAIN,
    .rows = eq_rows,
    .params_size = sizeof(struct eq_params),
    .passes = linear_passes,
    .check = eq_check,
    .neutral = eq_neutral,
    .design = eq_design,
    .linear_part = eq_part,
};
