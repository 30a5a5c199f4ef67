/* SPDX-License-Identifier: MIT
 * See match.h; the equations are in match.md. */
#include "match.h"

#include "detmath.h"

static const double LOW_HZ = 31.25, HIGH_HZ = 16000; /* matched range */
static const double NARROW_ABOVE_HZ = 200; /* from here on half the smoothing */
static const double FLOOR = 1e-10;         /* of the whole: less is not told apart */
static const double ABSENT_SIDE = 1e-6;    /* of mid: less is no side */
static const double SIDE_MAX_DB = 4;
static const double SIDE_FROM_HZ = 100, SIDE_FULL_HZ = 200; /* side is left alone below */

/* ---- settings ---- */

static const char *const channels_names[] = {"stereo", "mid_side", NULL};
static const char *const phases[] = {"linear", "minimum", NULL};

#define AT(field) offsetof(struct match_reference, field)
static const struct param_row reference_rows[] = {
    {.name = "path", .type = PARAM_TEXT, .offset = AT(path), .min = 1, .max = 4000, .required = 1,
     .help = "audio file, relative to the manifest"},
    {.name = "weight", .type = PARAM_NUMBER, .offset = AT(weight), .min = 0.01, .max = 100,
     .initial = 1, .help = "share in the mean of the references"},
    {0},
};
#undef AT
#define AT(field) offsetof(struct match_params, field)
static const struct param_row match_rows[] = {
    {.name = "references", .type = PARAM_LIST, .offset = AT(references), .min = 1,
     .max = MATCH_REFERENCES, .items = reference_rows, .item_size = sizeof(struct match_reference),
     .count_offset = AT(n_references), .required = 1, .help = "what to sound like"},
    {.name = "amount", .type = PARAM_NUMBER, .offset = AT(amount_percent), .min = 0, .max = 100,
     .initial = 100, .unit = "%", .help = "share of the difference that is made up for"},
    {.name = "smoothing", .type = PARAM_NUMBER, .offset = AT(smoothing_octaves), .min = 0.3,
     .max = 2, .initial = 1.0 / 3, .unit = "octaves",
     .help = "width of the bands that are compared, half of it above 200 Hz"},
    {.name = "max", .type = PARAM_NUMBER, .offset = AT(max_db), .min = 1, .max = 18, .initial = 6,
     .unit = "dB", .help = "most boost or cut; larger differences approach it"},
    {.name = "channels", .type = PARAM_CHOICE, .offset = AT(channels), .choices = channels_names,
     .help = "one curve for both channels, or one for mid and one for side"},
    {.name = "phase", .type = PARAM_CHOICE, .offset = AT(phase), .choices = phases,
     .help = "phase response of the eq"},
    {0},
};
#undef AT

static bool match_neutral(const void *params) {
  return ((const struct match_params *)params)->amount_percent == 0;
}

const struct stage stage_match = {
    .name = "match",
    .help = "eq towards the long-term spectrum of references",
    .role = STAGE_CHAIN,
    .rows = match_rows,
    .params_size = sizeof(struct match_params),
    .neutral = match_neutral,
};

/* ---- curves ---- */

/* To the nearest hundredth, away from zero: short in a receipt, and the same when read again. */
static double rounded(double x) {
  const double steps = x * 100;
  return (double)(long)(steps < 0 ? steps - 0.5 : steps + 0.5) / 100;
}

/* A third of an octave apart up to 200 Hz, then a sixth: the default's bands side by side. */
enum { WIDE_POINTS = 8 };

double match_frequency_hz(int point) {
  const int sixths = point - (MATCH_POINTS - 1) - (point < WIDE_POINTS ? WIDE_POINTS - point : 0);
  return rounded(HIGH_HZ * det_exp2(sixths / 6.0));
}

/* ---- spectra in dB ---- */

enum part { WHOLE, MID, SIDE };

static double band(const struct ltas *x, enum part part, double low_hz, double high_hz) {
  const double mid = part == SIDE ? 0 : ltas_band(x, x->mid, low_hz, high_hz);
  return mid + (part == MID ? 0 : ltas_band(x, x->side, low_hz, high_hz));
}

static bool has_side(const struct ltas *x) {
  return band(x, SIDE, LOW_HZ, HIGH_HZ) > ABSENT_SIDE * band(x, MID, LOW_HZ, HIGH_HZ);
}

/* Levels of the bands around the points. */
static void levels(const struct ltas *x, enum part part, double octaves,
                   double db[MATCH_POINTS]) {
  const double least = FLOOR * band(x, WHOLE, LOW_HZ, HIGH_HZ);
  for (int i = 0; i < MATCH_POINTS; i++) {
    const double f = match_frequency_hz(i);
    const double edge = det_exp2((f < NARROW_ABOVE_HZ ? octaves : octaves / 2) / 2);
    const double power = band(x, part, f / edge, f * edge);
    db[i] = 10 * det_log10(power > least ? power : least);
  }
}

/* The same less the mean of the whole's levels over octaves: tone without level. Mid and side keep
 * their balance. */
static void tone(const struct ltas *x, enum part part, double octaves, double db[MATCH_POINTS]) {
  double mean = 0;
  levels(x, WHOLE, octaves, db);
  for (int i = 0; i < MATCH_POINTS; i++) mean += db[i] * (i < WIDE_POINTS ? 2 : 1);
  mean /= MATCH_POINTS + WIDE_POINTS;
  if (part != WHOLE) levels(x, part, octaves, db);
  for (int i = 0; i < MATCH_POINTS; i++) db[i] -= mean;
}

/* Weighted mean of the references that have this part, less the source. */
static void difference(const struct match_params *p, enum part part, const struct ltas *source,
                       const struct ltas *const *references, double db[MATCH_POINTS]) {
  double own[MATCH_POINTS], other[MATCH_POINTS], sum[MATCH_POINTS] = {0}, weights = 0;
  tone(source, part, p->smoothing_octaves, own);
  for (int r = 0; r < p->n_references; r++) {
    if (part == SIDE && !has_side(references[r])) continue;
    tone(references[r], part, p->smoothing_octaves, other);
    for (int i = 0; i < MATCH_POINTS; i++) sum[i] += p->references[r].weight * other[i];
    weights += p->references[r].weight;
  }
  for (int i = 0; i < MATCH_POINTS; i++) db[i] = weights > 0 ? sum[i] / weights - own[i] : 0;
}

/* ---- guards ---- */

/* c tanh(d / c): small differences stay what they are, none exceeds c. */
static double soft_clamp(double d, double c) {
  const double e = det_exp(2 * (d < 0 ? -d : d) / c), y = c * (1 - 2 / (e + 1));
  return d < 0 ? -y : y;
}

/* 0 below the side's range, 1 within, a raised cosine over log frequency between. */
static double side_share(double freq_hz) {
  if (freq_hz <= SIDE_FROM_HZ) return 0;
  if (freq_hz >= SIDE_FULL_HZ) return 1;
  const double x = det_log2(freq_hz / SIDE_FROM_HZ) / det_log2(SIDE_FULL_HZ / SIDE_FROM_HZ);
  return 0.5 - 0.5 * det_cospi(x);
}

void match_design(const struct match_params *p, const struct ltas *source,
                  const struct ltas *const *references, struct match_curves *out) {
  const double share = p->amount_percent / 100;
  const double side_max_db = p->max_db < SIDE_MAX_DB ? p->max_db : SIDE_MAX_DB;
  double d[MATCH_POINTS];
  *out = (struct match_curves){{0}, {0}};
  difference(p, p->channels == MATCH_STEREO ? WHOLE : MID, source, references, d);
  for (int i = 0; i < MATCH_POINTS; i++)
    out->gain_db[i] = rounded(share * soft_clamp(d[i], p->max_db));
  if (p->channels == MATCH_STEREO || !has_side(source)) return;
  difference(p, SIDE, source, references, d);
  for (int i = 0; i < MATCH_POINTS; i++)
    out->side_db[i] = rounded(share * side_share(match_frequency_hz(i)) *
                              soft_clamp(d[i], side_max_db));
}

void match_range(const struct match_curves *curves, double *least_db, double *most_db) {
  *least_db = *most_db = curves->gain_db[0];
  for (int i = 0; i < MATCH_POINTS; i++) {
    *least_db = fmin(*least_db, fmin(curves->gain_db[i], curves->side_db[i]));
    *most_db = fmax(*most_db, fmax(curves->gain_db[i], curves->side_db[i]));
  }
}
