/* SPDX-License-Identifier: MIT
 * See stereo.h. */
#include "stereo.h"

#include <stdlib.h>

#include "detmath.h"

#define AT(field) offsetof(struct pchip_point, field)
static const struct param_row width_rows[] = {
    {.name = "freq", .type = PARAM_NUMBER, .offset = AT(freq_hz), .min = 5, .max = 96000,
     .required = 1, .unit = "Hz", .help = "frequency"},
    {.name = "width", .type = PARAM_NUMBER, .offset = AT(value), .min = 0, .max = 2,
     .required = 1, .help = "width there"},
    {0},
};
#undef AT
#define AT(field) offsetof(struct stereo_params, field)
static const struct param_row stereo_rows[] = {
    {.name = "phase", .type = PARAM_CHOICE, .offset = AT(phase), .choices = linear_phases,
     .help = "phase response of widths and mono bass"},
    {.name = "minimum_share", .type = PARAM_NUMBER, .offset = AT(minimum_share), .min = 0,
     .max = 1, .initial = 0.5,
     .help = "mixed phase: the part of the minimum-phase response's phase, 0 = linear"},
    {.name = "width", .type = PARAM_NUMBER, .offset = AT(width), .min = 0, .max = 2, .initial = 1,
     .help = "gain of the side signal: 0 = mono, 1 = as it is"},
    {.name = "widths", .type = PARAM_LIST, .offset = AT(widths), .max = PCHIP_MAX_POINTS,
     .items = width_rows, .item_size = sizeof(struct pchip_point), .count_offset = AT(n_widths),
     .help = "width along the frequency, from low to high; times width"},
    {.name = "mono_below", .type = PARAM_NUMBER, .offset = AT(mono_below_hz), .min = 5,
     .max = 20000, .initial = NAN, .unit = "Hz", .help = "below it the side signal is cut"},
    {.name = "slope", .type = PARAM_INTEGER, .offset = AT(slope_db_oct), .min = 6, .max = 96,
     .initial = 24, .unit = "dB/oct", .help = "steepness of mono_below, in steps of 6"},
    {.name = "mid_gain", .type = PARAM_NUMBER, .offset = AT(mid_gain_db), .min = -24, .max = 24,
     .unit = "dB", .help = "gain of the mid signal"},
    {.name = "side_gain", .type = PARAM_NUMBER, .offset = AT(side_gain_db), .min = -24, .max = 24,
     .unit = "dB", .help = "gain of the side signal"},
    {.name = "balance", .type = PARAM_NUMBER, .offset = AT(balance_db), .min = -24, .max = 24,
     .unit = "dB", .help = "right over left: positive attenuates left, negative right"},
    {0},
};
#undef AT

static const char *stereo_check(const void *params, const char **row) {
  const struct stereo_params *p = params;
  *row = "widths";
  for (int i = 1; i < p->n_widths; i++)
    if (p->widths[i].freq_hz <= p->widths[i - 1].freq_hz)
      return "the frequencies of widths must ascend";
  *row = "slope";
  if (p->slope_db_oct % 6) return "a slope is a multiple of 6 dB/oct (6 to 96)";
  return NULL;
}

static bool side_is_flat(const struct stereo_params *p) {
  for (int i = 1; i < p->n_widths; i++)
    if (p->widths[i].value != p->widths[0].value) return false;
  return isnan(p->mono_below_hz);
}

static bool stereo_neutral(const void *params) {
  const struct stereo_params *p = params;
  if (p->width != 1 || (p->n_widths && p->widths[0].value != 1)) return false;
  return side_is_flat(p) && p->mid_gain_db == 0 && p->side_gain_db == 0 && p->balance_db == 0;
}

/* ---- gains ---- */

struct side_gain {
  const struct stereo_params *params;
  double gain, least;
  struct pchip widths;
};

static void side_init(struct side_gain *side, const struct stereo_params *p) {
  side->params = p;
  side->gain = p->width * det_db_to_gain(p->side_gain_db);
  /* A minimum phase needs a logarithm: the width 0 is then -160 dB. */
  side->least = linear_minimum_share(p->phase, p->minimum_share) > 0 ? 1e-8 : 0;
  if (p->n_widths) pchip_init(&side->widths, p->widths, p->n_widths);
}

static double side_magnitude(const void *context, double freq_hz) {
  const struct side_gain *side = context;
  const struct stereo_params *p = side->params;
  double g = side->gain;
  if (p->n_widths) g *= pchip_at(&side->widths, freq_hz);
  if (g < side->least) g = side->least;
  if (isnan(p->mono_below_hz)) return g;
  return g * butterworth_high(freq_hz / p->mono_below_hz, p->slope_db_oct / 6);
}

double stereo_side_gain(const struct stereo_params *params, double freq_hz) {
  struct side_gain side;
  side_init(&side, params);
  return side_magnitude(&side, freq_hz);
}

static double constant(const void *context, double freq_hz) {
  (void)freq_hz;
  return *(const double *)context;
}

struct gains {
  struct side_gain side;
  double mid, left, right;
};

/* Gains of 1 are left out: filters between the channels that nothing needs stay away. */
static void add_constant(struct linear_part *part, int target, const double *gain) {
  if (*gain != 1)
    part->gain[part->n_gains++] = (struct linear_gain){target, true, constant, gain};
}

static int stereo_part(const void *params, const struct stage_format *f, struct linear_part *out,
                       const char **why) {
  const struct stereo_params *p = params;
  struct gains *gains = malloc(sizeof *gains);
  *out = (struct linear_part){linear_minimum_share(p->phase, p->minimum_share), 0, {{0}}, gains};
  *why = "out of memory";
  if (!gains) return -1;
  side_init(&gains->side, p);
  gains->mid = det_db_to_gain(p->mid_gain_db);
  gains->left = det_db_to_gain(-fmax(p->balance_db, 0));
  gains->right = det_db_to_gain(fmin(p->balance_db, 0));
  add_constant(out, LINEAR_MID, &gains->mid);
  if (f->channels == 1) return 0;
  const bool flat = side_is_flat(p);
  if (!flat || side_magnitude(&gains->side, 1000) != 1)
    out->gain[out->n_gains++] =
        (struct linear_gain){LINEAR_SIDE, flat, side_magnitude, &gains->side};
  add_constant(out, LINEAR_LEFT, &gains->left);
  add_constant(out, LINEAR_RIGHT, &gains->right);
  return 0;
}

static int stereo_design(const void *params, const struct stage_format *f,
                         struct stage_design *out, const char **why) {
  return linear_design_joint(&(struct stage_use){&stage_stereo, params}, 1, f, out, why);
}

const struct stage stage_stereo = {
    .name = "stereo",
    .help = "width, mono bass, mid and side levels, balance",
    .role = STAGE_CHAIN,
    .rows = stereo_rows,
    .params_size = sizeof(struct stereo_params),
    .passes = linear_passes,
    .shaders = "eq",
    .check = stereo_check,
    .neutral = stereo_neutral,
    .design = stereo_design,
    .linear_part = stereo_part,
};
