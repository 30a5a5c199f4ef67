/* SPDX-License-Identifier: MIT
 * See multiband.h. */
#include "multiband.h"

#include <stdlib.h>
#include <string.h>

#include "crossover.h"
#include "detmath.h"
#include "layout.h"

#define AT(field) offsetof(struct multiband_band, field)
static const char *const modes[] = {"compress", "expand", "upward_compress", "upward_expand",
                                    NULL};
static const char *const detectors[] = {"rms", "peak", NULL};
static const char *const releases[] = {"normal", "program", NULL};
static const char *const targets[] = {"stereo", "left", "right", "mid", "side", NULL};
static const char *const switches[] = {"off", "on", NULL};
static const struct param_row band_rows[] = {
    {.name = "mode", .type = PARAM_CHOICE, .offset = AT(mode), .choices = modes,
     .later = 1, .help = "which side of the threshold is turned down or up"},
    {.name = "target", .type = PARAM_CHOICE, .offset = AT(target), .choices = targets,
     .later = 1, .help = "what the band acts on; mid and side with stereo: ms"},
    {.name = "threshold", .type = PARAM_NUMBER, .offset = AT(threshold_db), .min = -80, .max = 0,
     .initial = 0, .required = 1, .unit = "dBFS",
     .help = "level above (compress, upward_expand) or below which the gain changes"},
    {.name = "ratio", .type = PARAM_NUMBER, .offset = AT(ratio), .min = 1, .max = 100,
     .initial = 1, .unit = ":1", .help = "of level changes, in to out or (expand) out to in"},
    {.name = "knee", .type = PARAM_NUMBER, .offset = AT(knee_db), .min = 0, .max = 24,
     .initial = 6, .unit = "dB", .help = "width of the soft knee"},
    {.name = "range", .type = PARAM_NUMBER, .offset = AT(range_db), .min = 0, .max = 60,
     .later = 1, .initial = NAN, .unit = "dB",
     .help = "largest change of gain; not set: compress none, expand 60, upward 12"},
    {.name = "attack", .type = PARAM_NUMBER, .offset = AT(attack_ms), .min = 0.1, .max = 500,
     .initial = 20, .unit = "ms", .help = "time constant of the gain as the level rises"},
    {.name = "release", .type = PARAM_NUMBER, .offset = AT(release_ms), .min = 5, .max = 5000,
     .initial = 150, .unit = "ms", .help = "time constant of the gain as the level falls"},
    {.name = "release_mode", .type = PARAM_CHOICE, .offset = AT(program), .choices = releases,
     .later = 1, .help = "program: a slower second stage after long passages"},
    {.name = "hold", .type = PARAM_NUMBER, .offset = AT(hold_ms), .min = 0, .max = 250,
     .later = 1, .unit = "ms", .help = "time before the release begins"},
    {.name = "look_ahead", .type = PARAM_NUMBER, .offset = AT(look_ahead_ms), .min = 0, .max = 20,
     .later = 1, .unit = "ms", .help = "how much earlier the gain moves"},
    {.name = "detector", .type = PARAM_CHOICE, .offset = AT(peak), .choices = detectors,
     .later = 1, .help = "power or largest sample in the window"},
    {.name = "makeup", .type = PARAM_NUMBER, .offset = AT(makeup_db), .min = -24, .max = 24,
     .unit = "dB", .help = "gain of the band after its dynamics"},
    {.name = "mix", .type = PARAM_NUMBER, .offset = AT(mix_percent), .min = 0, .max = 100,
     .later = 1,
     .initial = 100, .unit = "%", .help = "share of the processed band; the rest is untouched"},
    {.name = "bypass", .type = PARAM_CHOICE, .offset = AT(bypass), .choices = switches,
     .later = 1, .help = "on: the band is left alone"},
    {.name = "solo", .type = PARAM_CHOICE, .offset = AT(solo), .choices = switches,
     .later = 1, .help = "on: only bands with solo are heard"},
    {0},
};
#undef AT
static const struct param_row crossover_row[] = {
    {.type = PARAM_NUMBER, .min = 20, .max = 20000, .unit = "Hz", .help = "crossover frequency"},
    {0},
};
#define AT(field) offsetof(struct multiband_params, field)
static const char *const planes[] = {"lr", "ms", NULL};
static const struct param_row multiband_rows[] = {
    {.name = "crossovers", .type = PARAM_LIST, .offset = AT(crossover_hz), .min = 0,
     .max = MULTIBAND_MAX_BANDS - 1, .items = crossover_row, .item_size = sizeof(double),
     .count_offset = AT(n_crossovers), .help = "ascending frequencies between the bands"},
    {.name = "slope", .type = PARAM_INTEGER, .offset = AT(slope_db_oct), .min = 12, .max = 96,
     .initial = 24, .unit = "dB/oct", .help = "steepness of the crossovers, in steps of 12"},
    {.name = "stereo", .type = PARAM_CHOICE, .offset = AT(mid_side), .choices = planes,
     .later = 1, .help = "left and right, or mid and side, are what is measured and changed"},
    {.name = "link", .type = PARAM_NUMBER, .offset = AT(link_percent), .min = 0, .max = 100,
     .later = 1, .initial = NAN, .unit = "%",
     .help = "how far a channel follows the loudest one; not set: 100, of mid and side 0; the "
             "LFE has its own gain"},
    {.name = "sidechain_highpass", .type = PARAM_NUMBER, .offset = AT(sidechain_highpass_hz),
     .later = 1, .min = 20, .max = 2000, .initial = NAN, .unit = "Hz",
     .help = "the detectors hear nothing below it"},
    {.name = "rms", .type = PARAM_NUMBER, .offset = AT(rms_ms), .min = 0, .max = 100,
     .initial = 10, .unit = "ms", .help = "window of the level detector"},
    {.name = "bands", .type = PARAM_LIST, .offset = AT(bands), .min = 1,
     .max = MULTIBAND_MAX_BANDS, .items = band_rows, .item_size = sizeof(struct multiband_band),
     .count_offset = AT(n_bands), .required = 1, .help = "dynamics of the bands, from low to high"},
    {0},
};
#undef AT

/* ---- design ---- */

/* Change of gain for a level that is past the threshold, with the soft knee of Giannoulis,
 * Massberg, Reiss, "Digital Dynamic Range Compressor Design", JAES 60(6), 2012, eq. 4. */
static double change_db(double over_db, double knee_db, double slope) {
  if (2 * over_db <= -knee_db) return 0;
  if (2 * over_db >= knee_db) return slope * over_db;
  return slope * (over_db + knee_db / 2) * (over_db + knee_db / 2) / (2 * knee_db);
}

double multiband_range_db(const struct multiband_band *band) {
  static const double ranges_db[] = {[MULTIBAND_COMPRESS] = HUGE_VAL, [MULTIBAND_EXPAND] = 60,
                                     [MULTIBAND_UPWARD_COMPRESS] = 12,
                                     [MULTIBAND_UPWARD_EXPAND] = 12};
  return isnan(band->range_db) ? ranges_db[band->mode] : band->range_db;
}

double multiband_reduction_db(const struct multiband_band *band, double level_db) {
  const double over = level_db - band->threshold_db, range = multiband_range_db(band);
  const bool above = band->mode == MULTIBAND_COMPRESS || band->mode == MULTIBAND_UPWARD_EXPAND;
  const bool expands = band->mode == MULTIBAND_EXPAND || band->mode == MULTIBAND_UPWARD_EXPAND;
  const bool upward = band->mode >= MULTIBAND_UPWARD_COMPRESS;
  const double slope = expands ? band->ratio - 1 : 1 - 1 / band->ratio;
  const double change = change_db(above ? over : -over, band->knee_db, slope);
  const double limited = change < range ? change : range;
  return upward ? -limited : limited;
}

static const char *multiband_check(const void *params, const char **row) {
  const struct multiband_params *p = params;
  const char *why =
      crossover_check(p->crossover_hz, p->n_crossovers, p->n_bands, p->slope_db_oct, row);
  if (why) return why;
  *row = "bands";
  for (int i = 0; i < p->n_bands; i++) {
    const int target = p->bands[i].target;
    if (target != MULTIBAND_STEREO && (target >= MULTIBAND_MID) != p->mid_side)
      return "a target of mid or side wants stereo: ms, left or right wants stereo: lr";
  }
  return NULL;
}

static bool band_idle(const struct multiband_band *band) {
  if (band->bypass || band->mix_percent == 0) return true;
  return (band->ratio == 1 || multiband_range_db(band) == 0) && band->makeup_db == 0;
}

/* Some bands are heard and some are not. */
static bool soloed(const struct multiband_params *p) {
  int n = 0;
  for (int i = 0; i < p->n_bands; i++) n += p->bands[i].solo;
  return n > 0 && n < p->n_bands;
}

static bool multiband_neutral(const void *params) {
  const struct multiband_params *p = params;
  for (int i = 0; i < p->n_bands; i++)
    if (!band_idle(&p->bands[i])) return false;
  return !soloed(p);
}

static int32_t octaves_q16(double db) { return nearest(db * 65536 / det_gain_to_db(2)); }

/* Attack and release of both followers. The slow one of a program-dependent release is
 * charged in 4 release times (never faster than the other), so that short peaks leave it
 * alone, and lets go in 8. */
static void fill_times(struct multiband_design *d, int b, const struct multiband_band *band,
                       double step_ms) {
  const bool expands = band->mode == MULTIBAND_EXPAND || band->mode == MULTIBAND_UPWARD_EXPAND;
  const int32_t attack = smoothing_q24(band->attack_ms, step_ms);
  const int32_t release = smoothing_q24(band->release_ms, step_ms);
  const double slow_ms = band->program ? 4 * band->release_ms : 0;
  const double charge_ms = slow_ms > band->attack_ms ? slow_ms : band->attack_ms;
  const double last_ms = band->program ? 8 * band->release_ms : band->release_ms;
  const int32_t charge = smoothing_q24(charge_ms, step_ms), last = smoothing_q24(last_ms, step_ms);
  d->attack_sign[b] = expands ? -1 : 1;
  d->rise[b] = expands ? release : attack, d->fall[b] = expands ? attack : release;
  d->slow_rise[b] = expands ? last : charge, d->slow_fall[b] = expands ? charge : last;
  d->ahead[b] = nearest(band->look_ahead_ms / step_ms);
  d->hold[b] = nearest(band->hold_ms / step_ms);
}

/* A track with one channel has it as its left one, or as its mid. */
static bool acts_on(const struct multiband_band *band, const struct stage_format *f,
                    int channel) {
  const int target = band->target;
  const bool sided = f->channels == 1 || layout_is_pair(f->layout, f->channels, channel);
  return target == MULTIBAND_STEREO ||
         (sided && (channel & 1) == (target == MULTIBAND_RIGHT || target == MULTIBAND_SIDE));
}

static void fill_band(struct multiband_design *d, int b, const struct multiband_params *p,
                      const struct stage_format *f) {
  const double step_ms = 1000.0 * d->step / f->rate_hz;
  const struct multiband_band *band = &p->bands[b];
  const bool heard = !d->soloed || band->solo;
  d->window[b] = max_int(1, nearest(p->rms_ms / step_ms));
  d->level_offset[b] =
      band->peak ? 0 : nearest(65536 * det_log2((double)d->window[b] * d->step) / 2);
  d->peak[b] = band->peak;
  d->makeup[b] = octaves_q16(band->makeup_db);
  for (int c = 0; c < f->channels; c++)
    if (!band->bypass && heard && acts_on(band, f, c))
      d->mix_share[c][b] = (float)nearest(band->mix_percent * 655.36) / 65536;
  d->keep[b] = d->soloed && heard ? 1 : 0;
  fill_times(d, b, band, step_ms);
  for (int i = 0; i < CURVE_STEPS + 4; i++) {
    const double level_db = (i / 256.0 - 20) * det_gain_to_db(2);
    d->curve[b][i] = octaves_q16(multiband_reduction_db(band, level_db));
  }
}

static void fill_control(struct multiband_design *d, const struct multiband_params *p,
                         const struct stage_format *f) {
  int sections = MULTIBAND_REDUCTION + 1;
  d->bands = p->n_bands;
  d->step = control_step(16, f->rate_hz);
  d->points = BLOCK_FRAMES / d->step;
  d->soloed = soloed(p);
  d->mid_side = p->mid_side && f->channels == 2;
  const double link = isnan(p->link_percent) ? p->mid_side ? 0 : 1 : p->link_percent / 100;
  d->link = nearest(link * (1 << 30));
  d->groups = layout_gains(f->layout, f->channels, link >= 1, d->group_of);
  d->lfe = layout_lfe(f->layout);
  d->lfe_group = d->lfe < 0 ? -1 : d->group_of[d->lfe];
  spline_weights(d->step, d->weights);
  conv_twiddle(d->twiddle);
  for (int b = 0; b < p->n_bands; b++) fill_band(d, b, p, f);
  for (int b = 0; b < p->n_bands && !d->held; b++)
    if (d->ahead[b] || d->hold[b]) d->held = sections++;
  for (int b = 0; b < p->n_bands && !d->slow; b++)
    if (p->bands[b].program) d->slow = sections;
}

int multiband_sections(const struct multiband_design *d) {
  return MULTIBAND_REDUCTION + 1 + (d->held != 0) + (d->slow != 0);
}

/* Blocks that the detector runs ahead of the gain. */
static int32_t blocks_ahead(const struct multiband_design *d) {
  int32_t most = 0;
  for (int b = 0; b < d->bands; b++) most = max_int(most, d->ahead[b]);
  return (most + d->points - 1) / d->points;
}

static void set_shapes(const struct multiband_design *d, int channels, struct stage_design *out) {
  const int32_t ahead = blocks_ahead(d), n = d->filters, half = d->partitions / 2;
  const int32_t lanes = d->bands * d->groups;
  const int32_t past = d->partitions ? d->partitions - 1 : 0;
  const struct pass_shape shapes[] = {
      {n ? channels : 0, half + ahead, past + ahead, 1},
      {n * channels, ahead, ahead, 0},
      {d->mid_side ? 0 : lanes, ahead, ahead, 0},
      {d->mid_side ? lanes : 0, ahead, ahead, 0},
      {lanes, ahead, ahead, 0},
      {d->held ? lanes : 0, 0, 0, 0},
      {lanes, 0, 0, 0},
      {d->mid_side ? 0 : channels, -1, 0, 0},
      {d->mid_side ? channels : 0, -1, 0, 0},
  };
  memcpy(out->shape, shapes, sizeof shapes);
}

/* Every band but the last; then, for detectors with a high pass, every band with it. */
static int list_filters(const struct multiband_params *p, struct crossover_filter *filters) {
  const int last = p->n_crossovers;
  int n = crossover_bands(p->crossover_hz, last, p->slope_db_oct, filters);
  if (!(p->sidechain_highpass_hz > 0)) return n;
  for (int i = 0; i <= last; i++) {
    filters[n] = i < last ? filters[i]
                          : (struct crossover_filter){.above_hz = last ? p->crossover_hz[last - 1] : 0,
                                                      .slope_db_oct = p->slope_db_oct};
    filters[n++].high_pass_hz = p->sidechain_highpass_hz;
  }
  return n;
}

static int multiband_design(const void *params, const struct stage_format *f,
                            struct stage_design *out, const char **why) {
  const struct multiband_params *p = params;
  struct crossover_filter filters[2 * MULTIBAND_MAX_BANDS];
  const int n = list_filters(p, filters);
  int taps;
  double error;
  *why = "stereo: ms wants a track of one or two channels";
  if (p->mid_side && f->channels > 2) return -1;
  if (crossover_taps(filters, n, f->rate_hz, &taps, &error, why)) return -1;
  const int partitions = taps / CONV_BLOCK;
  const size_t size = sizeof(struct multiband_design) + 4 * crossover_spectra_size(n, taps);
  struct multiband_design *d = calloc(1, size);
  if (!d) return -1;
  d->partitions = partitions;
  d->centre_blocks = partitions / 2;
  d->filters = n;
  d->detector_first = n >= p->n_bands ? p->n_crossovers : 0;
  d->detector_bands = n >= p->n_bands ? p->n_bands + 1 : p->n_bands;
  fill_control(d, p, f);
  if (crossover_spectra(filters, n, f->rate_hz, taps, d->spectra)) {
    free(d);
    return -1;
  }
  const int sections = multiband_sections(d) * d->bands * d->groups;
  *out = (struct stage_design){
      .data = d,
      .size = (uint32_t)size,
      .ring_words = crossover_ring_words(n, f->channels),
      .ring_history = partitions + 1,
      .response_error_db = error,
      .control_words = sections * d->points,
      .control_sections = sections,
  };
  set_shapes(d, f->channels, out);
  return 0;
}

const struct stage stage_multiband = {
    .name = "multiband",
    .help = "multiband compressors and expanders with linear-phase crossovers",
    .role = STAGE_CHAIN,
    .rows = multiband_rows,
    .params_size = sizeof(struct multiband_params),
    .passes = multiband_passes,
    .check = multiband_check,
    .neutral = multiband_neutral,
    .design = multiband_design,
};
