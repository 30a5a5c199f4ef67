/* SPDX-License-Identifier: MIT
 * See random_params.h. */
#include "random_params.h"

#include <stdlib.h>
#include <string.h>

#include "audio_fixture.h"
#include "binaural.h"
#include "dither.h"
#include "eq.h"
#include "fade.h"
#include "fold.h"
#include "hrir_fixture.h"
#include "limiter.h"
#include "loudness.h"
#include "multiband.h"
#include "resample.h"
#include "saturate.h"
#include "stereo.h"

uint32_t random_below(uint64_t *state, uint32_t n) {
  return (uint32_t)((fixture_random(state) >> 32) * n >> 32);
}

double random_unit(uint64_t *state) {
  return (double)(fixture_random(state) >> 11) / 9007199254740992.0;
}

/* ---- rows ---- */

/* Uniform; in octaves where the range spans many. */
static double draw_number(const struct param_row *row, uint64_t *state) {
  const uint32_t which = random_below(state, 8);
  if (isnan(row->initial) && which < 2) return NAN;
  if (which == 2) return row->min;
  if (which == 3) return row->max;
  const double t = random_unit(state);
  if (row->min <= 0 || row->max / row->min < 50) return row->min + t * (row->max - row->min);
  return exp(log(row->min) + t * log(row->max / row->min));
}

static int draw_integer(const struct param_row *row, uint64_t *state) {
  return (int)row->min + (int)random_below(state, (uint32_t)(row->max - row->min) + 1);
}

static int draw_choice(const struct param_row *row, uint64_t *state) {
  uint32_t n = 0;
  while (row->choices[n]) n++;
  return (int)random_below(state, n);
}

/* Lists are filled to the end: mending may lengthen them. */
static void draw_rows(const struct param_row *rows, uint64_t *state, char *params) {
  for (const struct param_row *row = rows; row->type != PARAM_END; row++) {
    char *at = params + row->offset;
    switch (row->type) {
    case PARAM_NUMBER: *(double *)(void *)at = draw_number(row, state); break;
    case PARAM_INTEGER: *(int *)(void *)at = draw_integer(row, state); break;
    case PARAM_CHOICE: *(int *)(void *)at = draw_choice(row, state); break;
    case PARAM_TEXT: *(char **)(void *)at = NULL; break;
    case PARAM_LIST:
      *(int *)(void *)(params + row->count_offset) = draw_integer(row, state);
      for (int i = 0; i < (int)row->max; i++)
        draw_rows(row->items, state, at + (size_t)i * row->item_size);
      break;
    case PARAM_END: break;
    }
  }
}

/* ---- what rows cannot say ---- */

static double below_nyquist(double freq_hz, int rate_hz) {
  return freq_hz < 0.44 * rate_hz ? freq_hz : 0.44 * rate_hz;
}

/* Ascending, over octaves 2.5 .. 15. */
static void mend_points(struct pchip_point *points, int n) {
  for (int k = 0; k < n; k++)
    points[k].freq_hz = exp2(2.5 + (k + 0.9 * (points[k].freq_hz / 96000)) * 12.5 / n);
}

static void mend_curve(struct eq_band *band) {
  if (band->type != EQ_CURVE) band->n_points = 0;
  else if (!band->n_points) band->n_points = 1;
  mend_points(band->points, band->n_points);
}

static void mend_stereo(void *params, int rate_hz) {
  struct stereo_params *p = params;
  (void)rate_hz;
  p->slope_db_oct -= p->slope_db_oct % 6;
  mend_points(p->widths, p->n_widths);
}

/* Boosts are held to 48 dB in all: products of floats stay finite. */
static void mend_eq(void *params, int rate_hz) {
  struct eq_params *p = params;
  double boost_db = 0;
  for (int i = 0; i < p->n_bands; i++) {
    struct eq_band *band = &p->bands[i];
    if (isnan(band->freq_hz)) band->freq_hz = 1000;
    band->freq_hz = below_nyquist(band->freq_hz, rate_hz);
    band->slope_db_oct -= band->slope_db_oct % 6;
    mend_curve(band);
    double most = band->type == EQ_TILT ? fabs(band->gain_db) / 2 : band->gain_db;
    for (int k = 0; k < band->n_points; k++) most = fmax(most, band->points[k].value);
    if (boost_db + most > 48) {
      band->gain_db = -fmax(0, band->gain_db);
      for (int k = 0; k < band->n_points; k++)
        band->points[k].value = fmin(0, band->points[k].value);
    }
    if (boost_db + most <= 48 && most > 0) boost_db += most;
  }
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void mend_multiband(void *params, int rate_hz) {
  struct multiband_params *p = params;
  p->slope_db_oct -= p->slope_db_oct % 12;
  p->n_bands = p->n_crossovers + 1;
  for (int i = 0; i < p->n_crossovers; i++)
    p->crossover_hz[i] = below_nyquist(p->crossover_hz[i], rate_hz);
  for (int i = 0; i < p->n_bands; i++)
    if (p->bands[i].target != MULTIBAND_STEREO)
      p->bands[i].target = (p->mid_side ? MULTIBAND_MID : MULTIBAND_LEFT) + p->bands[i].target % 2;
  qsort(p->crossover_hz, (size_t)p->n_crossovers, sizeof *p->crossover_hz, ascending);
}

static void mend_limiter(void *params, int rate_hz) {
  struct limiter_params *p = params;
  (void)rate_hz;
  while (p->oversampling & (p->oversampling - 1)) p->oversampling &= p->oversampling - 1;
}

static void mend_dither(void *params, int rate_hz) {
  struct dither_params *p = params;
  (void)rate_hz;
  p->bits = 16 + (p->bits - 16) / 5 * 4;
  if (p->bits > 24) p->bits = 32, p->mode = DITHER_NONE;
}

static void mend_saturate(void *params, int rate_hz) {
  struct saturate_params *p = params;
  p->slope_db_oct -= p->slope_db_oct % 12;
  p->n_bands = p->n_crossovers + 1;
  for (int i = 0; i < p->n_crossovers; i++)
    p->crossover_hz[i] = below_nyquist(p->crossover_hz[i], rate_hz);
  qsort(p->crossover_hz, (size_t)p->n_crossovers, sizeof *p->crossover_hz, ascending);
}

static void mend_resample(void *params, int rate_hz) {
  static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
  struct resample_params *p = params;
  (void)rate_hz;
  p->rate_hz = rates[p->rate_hz % 6];
}

static const struct {
  const char *stage;
  void (*mend)(void *params, int rate_hz);
} mends[] = {{"eq", mend_eq}, {"stereo", mend_stereo}, {"multiband", mend_multiband},
             {"limiter", mend_limiter}, {"dither", mend_dither}, {"saturate", mend_saturate},
             {"resample", mend_resample}};

/* What no row says: the impulse responses. */
static void give_responses(const struct stage *stage, void *params) {
  if (stage == &stage_binaural) ((struct binaural_params *)params)->set = hrir_fixture();
}

bool random_params(const struct stage *stage, int rate_hz, uint64_t *state, void *params) {
  for (int attempt = 0; attempt < 1000; attempt++) {
    const char *row = NULL;
    memset(params, 0, stage->params_size);
    draw_rows(stage->rows, state, params);
    give_responses(stage, params);
    for (size_t i = 0; i < sizeof mends / sizeof *mends; i++)
      if (!strcmp(mends[i].stage, stage->name)) mends[i].mend(params, rate_hz);
    if (!stage->check || !stage->check(params, &row)) return true;
  }
  return false;
}

/* ---- chosen by hand ---- */

#define BANDS(n, ...) {.n_bands = n, .bands = {__VA_ARGS__}}
#define PHASE(phase_, share, n, ...) \
  {.phase = phase_, .minimum_share = share, .n_bands = n, .bands = {__VA_ARGS__}}
static const struct eq_params eq_chosen[] = {
    BANDS(1, EQ_BAND(EQ_BELL, EQ_STEREO, 1000, 6, 1, 12)),
    BANDS(2, EQ_BAND(EQ_BELL, EQ_LEFT, 400, -9, 1, 12),
          EQ_BAND(EQ_HIGH_SHELF, EQ_RIGHT, 5000, 9, 0.5, 12)),
    BANDS(3, EQ_BAND(EQ_HIGHPASS, EQ_SIDE, 150, 0, 0.7, 12),
          EQ_BAND(EQ_BELL, EQ_MID, 2500, 5, 0.8, 12),
          EQ_BAND(EQ_HIGH_SHELF, EQ_SIDE, 8000, 6, 0.7, 12)),
    BANDS(6, EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 40, 0, 0.7, 24),
          EQ_BAND(EQ_LOWPASS, EQ_STEREO, 18000, 0, 0.7, 48),
          EQ_BAND(EQ_LOW_SHELF, EQ_STEREO, 200, 4, 0.7, 12),
          EQ_BAND(EQ_HIGH_SHELF, EQ_STEREO, 9000, -5, 1, 12),
          EQ_BAND(EQ_BELL, EQ_STEREO, 700, 3, 2, 12), EQ_BAND(EQ_NOTCH, EQ_STEREO, 3000, 0, 4, 12)),
    BANDS(3, EQ_BAND(EQ_TILT, EQ_STEREO, 800, -3, 0.7, 12),
          EQ_BAND(EQ_BANDPASS, EQ_SIDE, 1200, 0, 0.5, 12),
          {.type = EQ_CURVE, .target = EQ_MID, .freq_hz = NAN, .q = 1, .slope_db_oct = 12,
           .n_points = 3, .points = {{100, 2}, {1000, -4}, {12000, 1}}}),
    PHASE(PHASE_MINIMUM, 0.5, 2, EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 40, 0, 0.7, 24),
          EQ_BAND(EQ_BELL, EQ_SIDE, 2500, 5, 0.8, 12)),
    PHASE(PHASE_MIXED, 0.6, 2, EQ_BAND(EQ_LOW_SHELF, EQ_LEFT, 150, -4, 0.7, 12),
          EQ_BAND(EQ_BELL, EQ_MID, 700, 5, 0.8, 12)),
    BANDS(3, EQ_BAND(EQ_BELL, EQ_STEREO, 3000, 30, 0.025, 12),
          EQ_BAND(EQ_BELL, EQ_MID, 12000, -30, 40, 12),
          EQ_BAND(EQ_LOW_SHELF, EQ_LEFT, 5, -30, 0.7, 12)),
    BANDS(1, EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 5, 0, 0.7, 96)), /* the longest filter there is */
};

#define GENTLE {-30, 2, 6, 20, 150, 0, MULTIBAND_PLAIN}
#define DEEP {-80, 100, 0, 0.1, 5, 24, MULTIBAND_PLAIN}
#define KNEE {-40, 3, 24, 500, 5000, -24, MULTIBAND_PLAIN}
#define GATE {-20, 100, 0, 1, 20, 0, 60, 2, 30, 100, .mode = MULTIBAND_EXPAND, .peak = 1}
#define LIFT {-10, 3, 12, 5, 50, 0, 12, 0, 250, 50, .mode = MULTIBAND_UPWARD_COMPRESS}
#define PUNCH {-30, 1.5, 6, 1, 90, -2, 6, 20, 0, 0.001, .mode = MULTIBAND_UPWARD_EXPAND}
#define GLUE {-25, 4, 6, 30, 100, 1, NAN, 5, 0, 100, .program = 1}
static const struct multiband_params multiband_chosen[] = {
    {0, {0}, 24, 10, 1, {GENTLE}, .link_percent = NAN},
    {2, {300, 3000}, 48, 100, 3, {GENTLE, KNEE, DEEP}, .link_percent = NAN},
    {3, {120, 1000, 6000}, 24, 10, 4, {GENTLE, GENTLE, GENTLE, GENTLE}, .link_percent = NAN},
    {0, {0}, 24, 5, 1, {GATE}, .link_percent = 35, .sidechain_highpass_hz = 300},
    {1, {1000}, 24, 3, 2, {GLUE, PUNCH}, .link_percent = 0, .sidechain_highpass_hz = 90},
    {3, {200, 2000, 8000}, 36, 20, 4, {LIFT, GATE, GLUE, PUNCH}, .link_percent = 100, .mid_side = 1},
    {2, {500, 4000}, 24, 10, 3,
     {GENTLE, {-30, 8, 0, 5, 50, 6, 9, 0, 0, 70, .solo = 1},
      {-30, 8, 0, 5, 50, 6, 9, 0, 0, 70, .bypass = 1, .solo = 1}}, .link_percent = 60},
    {1, {700}, 24, 8, 2,
     {{-30, 3, 6, 5, 50, 3, NAN, 3, 20, 80, .target = MULTIBAND_SIDE},
      {-35, 2, 0, 1, 30, 0, NAN, 0, 0, 100, .program = 1, .target = MULTIBAND_MID}},
     NAN, 1, 150},
    {1, {200}, 12, 0, 2, {DEEP, KNEE}, .link_percent = 99.9},
    {4, {60, 61, 5000, 15000}, 96, 3, 5,
     {DEEP, DEEP, GENTLE, KNEE, {0, 1, 6, 20, 150, 3, MULTIBAND_PLAIN}}, .link_percent = NAN},
    {5, {80, 300, 1000, 4000, 19000}, 24, 30, 6, {KNEE, GENTLE, DEEP, DEEP, KNEE, GENTLE}, NAN, 1,
     40},
    {1, {20}, 96, 10, 2, {GENTLE, GENTLE}, .link_percent = NAN},
};

#define LIMITER(style, ceiling, look_ahead, smooth, close, release, slow, share, link, points) \
  {ceiling, style, look_ahead, smooth, close, release, slow, share, NAN, link, points, 0}
static const struct limiter_params limiter_chosen[] = {
    LIMITER(STYLE_TRANSPARENT, -1, 10, 2, 50, 60, 800, 0.6, 100, 16),
    LIMITER(STYLE_TRANSPARENT, -20, 0.1, 0, 0, 1, 50, 0, 0, 4),
    LIMITER(STYLE_TRANSPARENT, 0, 60, 10, 100, 1000, 5000, 1, 50, 32),
    LIMITER(STYLE_BALANCED, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 100, 16),
    LIMITER(STYLE_PUNCHY, -3, NAN, 0.4, 7, 20, NAN, 1, 99, 8),
    LIMITER(STYLE_LOUD, -0.3, 20, NAN, NAN, 5, 50, NAN, 1, 16),
};

static const struct loudness_params loudness_chosen[] = {
    {.loudness_lufs = NAN, .max_reduction_db = NAN},
    {.loudness_lufs = -14, .max_reduction_db = NAN},
    {.loudness_lufs = -9, .max_reduction_db = 3, .infeasible = INFEASIBLE_FAIL}};

static const struct dither_params dither_chosen[] = {
    {16, DITHER_TPDF, 0},    {16, DITHER_SHAPED, 0}, {24, DITHER_TPDF, 0},
    {24, DITHER_SHAPED, 1},  {16, DITHER_NONE, 0},   {16, DITHER_TPDF_HP, 1},
    {24, DITHER_TPDF_HP, 0}, {16, DITHER_RPDF, 1},   {24, DITHER_NONE, 0},
    {16, DITHER_SHAPED, 1},  {24, DITHER_RPDF, 0},   {24, DITHER_TPDF, 1},
    {20, DITHER_SHAPED, 0},  {32, DITHER_TPDF, 0},   {20, DITHER_TPDF, 0}};

#define STEREO .minimum_share = 0.5, .slope_db_oct = 24, .mono_below_hz = NAN
static const struct stereo_params stereo_chosen[] = {
    {STEREO, .width = 1.3, .mid_gain_db = -1, .balance_db = 0.5},
    {.mono_below_hz = 250, .slope_db_oct = 24, .width = 1, .n_widths = 3,
     .widths = {{500, 0.8}, {2000, 1.2}, {9000, 1.5}}},
    {.phase = PHASE_MINIMUM, .mono_below_hz = 300, .slope_db_oct = 12, .width = 0.9,
     .side_gain_db = 2},
    {STEREO, .width = 0, .balance_db = -24},
    {STEREO, .width = 1}, /* neutral */
};
static const struct resample_params resample_chosen[] = {{48000},  {44100}, {192000}, {88200},
                                                         {176400}, {96000}, {0}};

static const struct saturate_params saturate_chosen[] = {
    {.n_bands = 1, .bands = {{SATURATE_TAPE, 6, 100}}},
    {.n_bands = 1, .bands = {{SATURATE_TUBE, 24, 30}}, .target = SATURATE_MID_SIDE,
     .output_db = -3},
    {.n_bands = 1, .bands = {{SATURATE_SOFT_CLIP, 12, 100}}, .target = SATURATE_RIGHT,
     .oversampling = SATURATE_8X},
    {.n_bands = 1, .bands = {{SATURATE_TRANSFORMER, -12, 100}}, .target = SATURATE_SIDE,
     .oversampling = SATURATE_4X},
    {.n_bands = 2, .bands = {{SATURATE_TAPE, 0, 0}, {SATURATE_TUBE, 12, 40}}, .n_crossovers = 1,
     .crossover_hz = {3000}, .slope_db_oct = 24},
    {.n_bands = 4, .n_crossovers = 3, .crossover_hz = {100, 1000, 9000}, .slope_db_oct = 48,
     .bands = {{SATURATE_TAPE, 3, 50}, {SATURATE_TAPE, 0, 0}, {SATURATE_SOFT_CLIP, 24, 100},
               {SATURATE_TRANSFORMER, 9, 70}}, .target = SATURATE_MID_SIDE, .output_db = 2},
};

static const struct fade_params fade_chosen[] = {
    {20, 100, FADE_LINEAR, FADE_EQUAL_POWER}, {60000, 0.02, FADE_COSINE, FADE_EXPONENTIAL},
    {5, 60000, FADE_LOGARITHMIC, FADE_COSINE}, {0, 300, FADE_LINEAR, FADE_LOGARITHMIC}};

static const struct fold_params fold_chosen[] = {{2, FOLD_LO_RO}, {2, FOLD_LT_RT}, {3, FOLD_LO_RO},
                                                 {1, FOLD_LO_RO}, {4, FOLD_LO_RO}, {5, FOLD_LO_RO},
                                                 {0, FOLD_LO_RO}, {6, FOLD_LO_RO}, {7, FOLD_LO_RO}};

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))
#define CHOSEN(name, quick) {#name, name##_chosen, COUNT(name##_chosen), quick}
static const struct {
  const char *stage;
  const void *params;
  int count, quick;
} chosen[] = {CHOSEN(eq, 3), CHOSEN(stereo, COUNT(stereo_chosen)), CHOSEN(multiband, 8),
              CHOSEN(limiter, COUNT(limiter_chosen)), CHOSEN(loudness, COUNT(loudness_chosen)),
              CHOSEN(dither, COUNT(dither_chosen)), CHOSEN(saturate, 4),
              CHOSEN(fade, COUNT(fade_chosen)), CHOSEN(fold, COUNT(fold_chosen)),
              CHOSEN(resample, COUNT(resample_chosen))};

int chosen_params_quick(const struct stage *stage) {
  for (int i = 0; i < COUNT(chosen); i++)
    if (!strcmp(chosen[i].stage, stage->name)) return chosen[i].quick;
  return 1;
}

int chosen_params_count(const struct stage *stage) {
  for (int i = 0; i < COUNT(chosen); i++)
    if (!strcmp(chosen[i].stage, stage->name)) return chosen[i].count;
  return 1;
}

void chosen_params(const struct stage *stage, int index, void *params) {
  memset(params, 0, stage->params_size);
  params_init(stage->rows, params);
  give_responses(stage, params);
  for (int i = 0; i < COUNT(chosen); i++)
    if (!strcmp(chosen[i].stage, stage->name))
      memcpy(params, (const char *)chosen[i].params + (size_t)index * stage->params_size,
             stage->params_size);
}
