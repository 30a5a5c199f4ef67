/* SPDX-License-Identifier: MIT
 * The chain's audio arithmetic against the same chain in double precision. Filters are
 * designed anew as taps in double and run as one long convolution; gains come from the integer
 * control words of the fp32 run, so that what differs is the arithmetic on the audio.
 *
 * The noise of a convolution in fp32 (convolve.md) comes into the output times what the filter
 * changes: |H - 1| of an equaliser, a band's gain less that of the highest band. The limiter's
 * drive then lifts what was added where the music is soft, but not its peaks. */
#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine_cpu.h"
#include "eq.h"
#include "fir_design.h"
#include "limiter.h"
#include "linear_response.h"
#include "multiband.h"
#include "oracle.h"
#include "render_fixture.h"
#include "resample.h"
#include "saturate.h"
#include "stereo.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

/* RMS of the difference re that of the output. */
static const double LIMIT_DB = -138;
static const char sample_path[] = "/usr/share/sonic-pi/samples/loop_garzul.flac";
enum { DECISECONDS = 20, PAIR = 2 };

/* ---- audio ---- */

struct signal {
  int32_t n;
  double *x[PAIR];
};
struct audio {
  int32_t n;
  float *x[PAIR];
};

static struct signal signal_create(int32_t n) {
  struct signal s = {.n = n};
  for (int c = 0; c < PAIR; c++) s.x[c] = oracle_alloc((size_t)n * sizeof(double));
  return s;
}
static void signal_free(struct signal *s) {
  for (int c = 0; c < PAIR; c++) free(s->x[c]);
}
static struct audio audio_create(int32_t n) {
  struct audio a = {.n = n};
  for (int c = 0; c < PAIR; c++) a.x[c] = oracle_alloc((size_t)n * sizeof(float));
  return a;
}
static void audio_free(struct audio *a) {
  for (int c = 0; c < PAIR; c++) free(a->x[c]);
}

static struct audio synthetic(int rate_hz) {
  const int32_t n = rate_hz / 10 * DECISECONDS + 77;
  struct audio a = audio_create(n);
  float *pcm[MAX_CHANNELS];
  render_programme(rate_hz, PAIR, n, 7020, pcm);
  for (int c = 0; c < PAIR; c++) memcpy(a.x[c], pcm[c], (size_t)n * sizeof(float));
  free(pcm[0]);
  return a;
}

/* Recorded music, if it is installed, taken as if it were of this rate; n is 0 without it. */
static struct audio recorded(int rate_hz) {
  const int32_t n = rate_hz / 10 * DECISECONDS;
  SF_INFO info = {0};
  SNDFILE *file = sf_open(sample_path, SFM_READ, &info);
  if (!file) return (struct audio){0};
  struct audio a = audio_create(n);
  float *frames = oracle_alloc((size_t)n * (size_t)info.channels * sizeof *frames);
  a.n = (int32_t)sf_readf_float(file, frames, n);
  for (int c = 0; c < PAIR; c++)
    for (int32_t i = 0; i < a.n; i++)
      a.x[c][i] = frames[(size_t)i * (size_t)info.channels + (size_t)(c % info.channels)];
  free(frames);
  sf_close(file);
  return a;
}

/* ---- filters and gains in double precision ---- */

/* Both channels convolved with h, `delay` frames earlier. */
static struct signal filtered(const struct signal *in, const double *h, int taps, int delay) {
  struct signal out = signal_create(in->n);
  int points = 1;
  while (points < in->n + taps) points *= 2;
  const size_t bytes = (size_t)points * sizeof(double);
  double *re = oracle_alloc(bytes), *im = oracle_alloc(bytes);
  double *hr = oracle_alloc(bytes), *hi = oracle_alloc(bytes);
  struct fft_plan *plan = fft_plan_create(points);
  oracle_require(plan != NULL, "out of memory");
  memcpy(re, in->x[0], (size_t)in->n * sizeof *re);
  memcpy(im, in->x[1], (size_t)in->n * sizeof *im);
  memcpy(hr, h, (size_t)taps * sizeof *h);
  fft_forward(plan, re, im);
  fft_forward(plan, hr, hi);
  for (int k = 0; k < points; k++) {
    const double a = re[k], b = im[k];
    re[k] = a * hr[k] - b * hi[k], im[k] = a * hi[k] + b * hr[k];
  }
  fft_forward(plan, im, re); /* parts swapped: the inverse */
  for (int32_t i = 0; i < in->n; i++)
    out.x[0][i] = re[i + delay] / points, out.x[1][i] = im[i + delay] / points;
  fft_plan_destroy(&plan);
  free(re), free(im), free(hr), free(hi);
  return out;
}

/* Cubic B-spline at a frame; the points stand in the middle of their steps. */
static double spline_at(const double *points, int64_t n, int step, int64_t frame) {
  const double at = (frame + 0.5) / step - 0.5, u = at - floor(at), v = 1 - u;
  const double w[4] = {v * v * v / 6, ((3 * u - 6) * u * u + 4) / 6,
                       ((3 * v - 6) * v * v + 4) / 6, u * u * u / 6};
  double sum = 0;
  for (int j = 0; j < 4; j++) {
    int64_t k = (int64_t)floor(at) - 1 + j;
    k = k < 0 ? 0 : k >= n ? n - 1 : k;
    sum += w[j] * points[k];
  }
  return sum;
}

static int32_t blocks_of(int32_t n) { return (n + BLOCK_FRAMES - 1) / BLOCK_FRAMES; }

/* ---- stages in double precision ---- */

enum { CROSSOVERS = 3 };
struct step {
  const char *name;
  const struct stage *stage;
  struct stage_design design;
  int rate_hz; /* of its output */
  int32_t drive, ceiling; /* of a limiter, Q20 */
  struct linear_taps linear;
  int crossovers, taps; /* low passes between bands */
  double *low[CROSSOVERS];
  struct signal (*exact)(const struct step *step, const int32_t *control,
                         const struct signal *in);
};

static struct signal exact_linear(const struct step *s, const int32_t *control,
                                  const struct signal *in) {
  (void)control;
  struct signal out = signal_create(in->n);
  for (int f = 0; f < 4; f++) {
    if (!s->linear.taps[f]) continue;
    struct signal y = filtered(in, s->linear.taps[f], s->linear.n, s->linear.centre);
    for (int32_t i = 0; i < in->n; i++) out.x[f / 2][i] += y.x[f % 2][i];
    signal_free(&y);
  }
  return out;
}

/* The input split at the crossovers: crossovers + 1 bands that sum to it. */
static void split(const struct step *s, const struct signal *in, struct signal *band) {
  band[s->crossovers] = signal_create(in->n);
  for (int b = 0; b < s->crossovers; b++)
    band[b] = filtered(in, s->low[b], s->taps, s->taps / 2);
  for (int c = 0; c < PAIR; c++)
    for (int32_t i = 0; i < in->n; i++) {
      band[s->crossovers].x[c][i] = in->x[c][i];
      for (int b = s->crossovers; b > 0; b--) band[b].x[c][i] -= band[b - 1].x[c][i];
    }
}

static struct signal exact_multiband(const struct step *s, const int32_t *control,
                                     const struct signal *in) {
  const struct multiband_design *d = s->design.data;
  const int64_t n = (int64_t)blocks_of(in->n) * d->points, used = (in->n - 1) / d->step + 1;
  struct signal band[CROSSOVERS + 1], out = signal_create(in->n);
  double *change = oracle_alloc((size_t)n * sizeof *change);
  assert_int_equal(d->groups, 1);
  assert_int_equal(multiband_sections(d), MULTIBAND_REDUCTION + 1);
  split(s, in, band);
  for (int c = 0; c < PAIR; c++) memcpy(out.x[c], in->x[c], (size_t)in->n * sizeof(double));
  for (int b = 0; b < d->bands; b++) {
    const int32_t *reduction = control + (MULTIBAND_REDUCTION * d->bands + b) * n;
    for (int64_t k = 0; k < n; k++)
      change[k] = exp2(d->makeup[b] / 0x1p16 - reduction[k] / 0x1p22) - 1;
    for (int32_t i = 0; i < in->n; i++) {
      const double g = spline_at(change, used, d->step, i);
      for (int c = 0; c < PAIR; c++) out.x[c][i] += d->mix_share[c][b] * g * band[b].x[c][i];
    }
    signal_free(&band[b]);
  }
  free(change);
  return out;
}

static double at_or_zero(const double *x, int32_t n, int32_t i) {
  return i >= 0 && i < n ? x[i] : 0;
}

/* Half-band filters: twice the rate, and back. */
static double *doubled(const double *x, int32_t n, const float *taps, int pairs) {
  double *y = oracle_alloc(2 * (size_t)n * sizeof *y);
  for (int32_t i = 0; i < n; i++) {
    y[2 * i] = x[i];
    for (int j = 0; j < pairs; j++)
      y[2 * i + 1] += taps[j] * (at_or_zero(x, n, i - j) + at_or_zero(x, n, i + 1 + j));
  }
  return y;
}
static double *halved(const double *x, int32_t n, const float *taps, int pairs) {
  double *y = oracle_alloc((size_t)n * sizeof *y);
  for (int32_t i = 0; i < n; i++) {
    double sum = x[2 * i];
    for (int j = 0; j < pairs; j++)
      sum += taps[j] * (at_or_zero(x, 2 * n, 2 * (i - 1 - j) + 1) +
                        at_or_zero(x, 2 * n, 2 * (i + j) + 1));
    y[i] = sum / 2;
  }
  return y;
}

/* What the curve's polynomial adds to a sample. */
static double curve_adds(const struct saturate_curve *c, double u) {
  const double a = c->drive * u, q = fmax(-1, fmin(1, a)), z = q * q;
  double odd = 0, even = 0;
  for (int i = 5; i >= 0; i--) odd = odd * z + c->odd[i];
  for (int i = 3; i >= 0; i--) even = even * z + c->even[i];
  return c->scale * ((q - a) + q * z * odd + (c->has_even ? z * even : 0));
}

/* Adds what a curve makes of x[0 .. n), oversampled, to sum[0 .. room). */
static void add_shaped(const struct oversample_design *o, const struct saturate_curve *c,
                       const double *x, int32_t n, int32_t room, double *sum) {
  enum { PAD = 128 };
  static const int pairs[] = {OVERSAMPLE_PAIRS_2, OVERSAMPLE_PAIRS_4, OVERSAMPLE_PAIRS_8};
  const float *taps[] = {o->taps, o->taps + OVERSAMPLE_PAIRS_2,
                         o->taps + OVERSAMPLE_PAIRS_2 + OVERSAMPLE_PAIRS_4};
  const int levels = o->factor == 8 ? 3 : 2;
  int32_t length = room + 2 * PAD;
  double *u = oracle_alloc((size_t)length * sizeof *u), *next;
  memcpy(u + PAD, x, (size_t)n * sizeof *x);
  for (int l = 0; l < levels; l++, length *= 2) {
    next = doubled(u, length, taps[l], pairs[l]);
    free(u), u = next;
  }
  for (int32_t i = 0; i < length; i++) u[i] = curve_adds(c, u[i]);
  for (int l = levels - 1; l >= 0; l--) {
    length /= 2;
    next = halved(u, length, taps[l], pairs[l]);
    free(u), u = next;
  }
  for (int32_t i = 0; i < room; i++) sum[i] += u[PAD + i];
  free(u);
}

/* Mean of the added signal around a control point, as the low cut takes it off. */
static double *low_cut_means(const struct saturate_design *d, const double *added, int64_t n) {
  double *point = oracle_alloc((size_t)n * sizeof *point);
  double *mean = oracle_alloc((size_t)(n + 4) * sizeof *mean);
  for (int64_t i = 0; i < n * SATURATE_STEP; i++) point[i / SATURATE_STEP] += added[i];
  for (int64_t k = -2; k < n + 2; k++)
    for (int64_t j = -d->reach; j <= d->reach; j++)
      if (k + j >= 0 && k + j < n) mean[k + 2] += d->low_pass[llabs(j)] * point[k + j];
  free(point);
  return mean;
}

static struct signal exact_saturate(const struct step *s, const int32_t *control,
                                    const struct signal *in) {
  (void)control;
  const struct saturate_design *d = s->design.data;
  const int32_t room = blocks_of(in->n) * BLOCK_FRAMES;
  struct signal band[CROSSOVERS + 1], out = signal_create(in->n);
  assert_false(d->mid_side[0]);
  split(s, in, band);
  for (int c = 0; c < PAIR; c++) {
    double *added = oracle_alloc((size_t)room * sizeof *added);
    for (int b = 0; b < d->bands; b++)
      add_shaped(&d->oversample, &d->curve[b], band[b].x[c], in->n, room, added);
    double *mean = low_cut_means(d, added, room / SATURATE_STEP);
    for (int32_t i = 0; i < in->n; i++) {
      double y = in->x[c][i] + added[i];
      for (int b = 0; b < d->bands; b++) y += d->curve[b].linear * band[b].x[c][i];
      if (d->reach)
        y -= spline_at(mean, room / SATURATE_STEP + 4, SATURATE_STEP, i + 2 * SATURATE_STEP);
      out.x[c][i] = y;
    }
    free(added), free(mean);
  }
  for (int b = 0; b < d->bands; b++) signal_free(&band[b]);
  return out;
}

static struct signal exact_limiter(const struct step *s, const int32_t *control,
                                   const struct signal *in) {
  const struct limiter_design *d = s->design.data;
  const int64_t n = (int64_t)blocks_of(in->n) * d->points;
  const int32_t *reduction = control + LIMITER_REDUCTION * PAIR * n;
  struct signal out = signal_create(in->n);
  double *gain = oracle_alloc((size_t)n * sizeof *gain);
  int32_t most = 0;
  assert_int_equal(d->groups, 1);
  for (int64_t k = 0; k < n; k++) {
    gain[k] = exp2((s->drive - reduction[k]) / 0x1p20) * (reduction[k] > 0 ? 1 - 0x1p-22 : 1);
    if (reduction[k] > most) most = reduction[k];
  }
  assert_true(most > LIMITER_OCTAVE / 6); /* it works: 1 dB */
  for (int32_t i = 0; i < in->n; i++) {
    const double g = spline_at(gain, n, d->step, i);
    for (int c = 0; c < PAIR; c++) out.x[c][i] = g * in->x[c][i];
  }
  free(gain);
  return out;
}

static struct signal exact_resample(const struct step *s, const int32_t *control,
                                    const struct signal *in) {
  (void)control;
  const struct resample_design *d = s->design.data;
  const int inner = (d->taps - RESAMPLE_CENTRE) / 2;
  struct signal out = signal_create((int32_t)(((int64_t)in->n * d->up + d->down - 1) / d->down));
  double *h = oracle_alloc((size_t)d->up * (size_t)d->taps * sizeof *h);
  for (int p = 0; p < d->up; p++)
    for (int t = 0; t < d->taps; t++) {
      const float *tap = d->tap + (size_t)p * (size_t)(d->taps + RESAMPLE_CENTRE);
      const bool centre = t >= inner && t < inner + RESAMPLE_CENTRE;
      h[p * d->taps + t] = tap[t] + (centre ? (double)tap[d->taps + t - inner] : 0);
    }
  for (int64_t m = 0; m < out.n; m++) {
    const double *tap = h + m % d->up * d->taps;
    const int64_t first = m * d->down / d->up - d->taps / 2 + 1;
    for (int t = 0; t < d->taps; t++)
      for (int c = 0; c < PAIR; c++)
        if (first + t >= 0 && first + t < in->n) out.x[c][m] += tap[t] * in->x[c][first + t];
  }
  free(h);
  return out;
}

/* ---- the chain's steps ---- */

struct crossover_at {
  double freq_hz;
  int slope_db_oct;
};
static double crossover_gain(const void *context, double freq_hz) {
  const struct crossover_at *x = context;
  return 1 / (1 + pow(freq_hz / x->freq_hz, 2 * (x->slope_db_oct / 12)));
}

static void make_low_passes(struct step *s, const double *freq_hz, int n, int slope_db_oct,
                            int partitions) {
  s->crossovers = n;
  s->taps = partitions * BLOCK_FRAMES;
  for (int i = 0; i < n; i++) {
    const struct crossover_at x = {freq_hz[i], slope_db_oct};
    double error_db;
    s->low[i] = oracle_alloc((size_t)s->taps * sizeof(double));
    assert_int_equal(fir_linear_phase(crossover_gain, &x, s->rate_hz, s->taps, s->low[i],
                                      &error_db), 0);
  }
}

static struct step linear_step(const char *name, const struct stage_use *uses, int n,
                               int rate_hz) {
  const struct stage_format format = {rate_hz, PAIR, NULL, NULL};
  struct step s = {.name = name, .stage = uses[0].stage, .rate_hz = rate_hz,
                   .exact = exact_linear};
  struct linear_part part[2] = {0};
  const char *why;
  assert_int_equal(linear_design_joint(uses, n, &format, &s.design, &why), 0);
  for (int i = 0; i < n; i++)
    assert_int_equal(uses[i].stage->linear_part(uses[i].params, &format, &part[i], &why), 0);
  const struct linear_section section = linear_section_of(part, n, &format);
  assert_int_equal(linear_taps_make(&section, 0, &s.linear), 0);
  for (int i = 0; i < n; i++) free(part[i].memory);
  return s;
}

static struct step designed(const char *name, const struct stage *stage, const void *params,
                            int from_hz, int to_hz) {
  const struct stage_format format = {from_hz, PAIR, NULL, NULL};
  struct step s = {.name = name, .stage = stage, .rate_hz = to_hz};
  const char *why;
  assert_int_equal(stage->design(params, &format, &s.design, &why), 0);
  return s;
}

/* Mean reductions of 0.3 to 3 dB; `apart`: of 1 to 7 dB. */
static struct step multiband_step(const char *name, bool apart, int rate_hz) {
  static const double thresholds_db[] = {-28, -28, -34, -44}, makeups_db[] = {0.5, 0, 0, 1};
  struct multiband_params *p = oracle_params(&stage_multiband);
  p->n_crossovers = 3, p->n_bands = 4;
  p->crossover_hz[0] = 120, p->crossover_hz[1] = 1000, p->crossover_hz[2] = 6000;
  for (int i = 0; i < 4; i++)
    p->bands[i] = (struct multiband_band){
        thresholds_db[i] + (apart ? 0 : 6), apart ? 2 : 1.5, 6, 20, 150, makeups_db[i],
        MULTIBAND_PLAIN};
  struct step s = designed(name, &stage_multiband, p, rate_hz, rate_hz);
  const struct multiband_design *d = s.design.data;
  make_low_passes(&s, p->crossover_hz, 3, p->slope_db_oct, d->partitions);
  s.exact = exact_multiband;
  free(p);
  return s;
}

static struct step saturate_step(int rate_hz) {
  struct saturate_params *p = oracle_params(&stage_saturate);
  p->n_crossovers = 1, p->n_bands = 2, p->crossover_hz[0] = 800;
  p->bands[0] = (struct saturate_band){SATURATE_TUBE, 3, 60};
  p->bands[1] = (struct saturate_band){SATURATE_TAPE, 2, 50};
  struct step s = designed("saturate", &stage_saturate, p, rate_hz, rate_hz);
  const struct saturate_design *d = s.design.data;
  make_low_passes(&s, p->crossover_hz, 1, p->slope_db_oct, d->partitions);
  s.exact = exact_saturate;
  free(p);
  return s;
}

static struct step limiter_step(int rate_hz) {
  struct limiter_params *p = oracle_params(&stage_limiter);
  p->true_peak_db = -1;
  struct step s = designed("gain and limiter", &stage_limiter, p, rate_hz, rate_hz);
  s.drive = LIMITER_OCTAVE; /* 6 dB */
  s.ceiling = limiter_ceiling(p, 0);
  s.exact = exact_limiter;
  free(p);
  return s;
}

static struct step resample_step(int from_hz, int to_hz) {
  struct step s = designed("resample", &stage_resample, &(struct resample_params){to_hz}, from_hz,
                           to_hz);
  s.exact = exact_resample;
  return s;
}

enum { EQ, STEREO, LINEAR, MULTIBAND, SATURATE, LIMITER, RESAMPLE, MULTIBAND_APART,
       LIMITER_AFTER, STEPS };

static void make_steps(int rate_hz, int other_hz, struct step *step) {
  static const struct eq_band bands[] = {
      EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 30, 0, 1, 24),
      EQ_BAND(EQ_LOW_SHELF, EQ_STEREO, 120, 2, 0.7, 12),
      EQ_BAND(EQ_BELL, EQ_STEREO, 350, -2.5, 1.2, 12),
      EQ_BAND(EQ_BELL, EQ_STEREO, 3000, 1.5, 0.8, 12),
      EQ_BAND(EQ_HIGH_SHELF, EQ_STEREO, 10000, 2, 0.7, 12)};
  struct eq_params *eq = oracle_params(&stage_eq);
  struct stereo_params *stereo = oracle_params(&stage_stereo);
  eq->n_bands = sizeof bands / sizeof *bands;
  memcpy(eq->bands, bands, sizeof bands);
  stereo->width = 1.15, stereo->mono_below_hz = 120;
  const struct stage_use uses[] = {{&stage_eq, eq}, {&stage_stereo, stereo}};
  step[EQ] = linear_step("eq", uses, 1, rate_hz);
  step[STEREO] = linear_step("stereo", uses + 1, 1, rate_hz);
  step[LINEAR] = linear_step("eq+stereo", uses, 2, rate_hz);
  step[MULTIBAND] = multiband_step("multiband", false, rate_hz);
  step[MULTIBAND_APART] = multiband_step("multiband, bands far apart", true, rate_hz);
  step[SATURATE] = saturate_step(rate_hz);
  step[LIMITER] = limiter_step(rate_hz);
  step[RESAMPLE] = resample_step(rate_hz, other_hz);
  step[LIMITER_AFTER] = limiter_step(other_hz);
  free(eq), free(stereo);
}

static void free_steps(struct step *step) {
  for (int i = 0; i < STEPS; i++) {
    stage_design_free(&step[i].design);
    linear_taps_free(&step[i].linear);
    for (int b = 0; b < CROSSOVERS; b++) free(step[i].low[b]);
  }
}

/* ---- both paths ---- */

/* One step on the reference; *control (the caller frees) are its control words. */
static struct audio render(const struct step *step, const struct audio *in, int32_t **control) {
  enum { SEGMENT = 16 };
  const bool converts = step->stage == &stage_resample;
  const struct resample_design *ratio = step->design.data;
  const int32_t n =
      converts ? (int32_t)(((int64_t)in->n * ratio->up + ratio->down - 1) / ratio->down) : in->n;
  const int32_t drive_or_frames = converts ? in->n : step->drive;
  const struct slot_plan slot = {step->stage, BUFFER_A, BUFFER_B, -1};
  const struct lane_plan lane = {.n_frames = n, .design = {&step->design},
                                 .n_source_frames = in->n};
  const struct session_plan plan = {step->rate_hz, PAIR, 1, 1, SEGMENT, &slot, &lane,
                                    NULL, 0};
  struct oracle_stage s = {.stage = step->stage, .design = step->design, .n_frames = n,
                           .n_blocks = blocks_of(n), .segment_blocks = SEGMENT};
  struct audio out = audio_create(n);
  assert_int_equal(engine_cpu.open(engine_cpu.self, &plan, &s.session), ENGINE_OK);
  engine_cpu.set_args(s.session, 0, 0, (const int32_t[5]){drive_or_frames, step->ceiling});
  for (int c = 0; c < PAIR; c++)
    engine_cpu.write(s.session, 0, BUFFER_A, c, 0, in->n, in->x[c]);
  if (step->stage == &stage_limiter) { /* as the chain does, without measuring its output */
    oracle_passes(&s, LIMITER_HALF_WAY, LIMITER_SET_DEMAND);
    for (int p = LIMITER_SET_DEMAND; p <= LIMITER_APPLY; p++) oracle_passes(&s, p, p + 1);
  } else {
    oracle_passes(&s, 0, oracle_pass_count(step->stage));
  }
  for (int c = 0; c < PAIR; c++) engine_cpu.read(s.session, 0, BUFFER_B, c, 0, n, out.x[c]);
  const int64_t words = (int64_t)s.n_blocks * step->design.control_words;
  *control = oracle_alloc((size_t)words * sizeof **control);
  if (words) oracle_control(&s, 0, words, *control);
  engine_cpu.close(s.session);
  return out;
}

static struct signal signal_of(const struct audio *a) {
  struct signal s = signal_create(a->n);
  for (int c = 0; c < PAIR; c++)
    for (int32_t i = 0; i < a->n; i++) s.x[c][i] = a->x[c][i];
  return s;
}

static double null_db(const struct audio *a, const struct signal *s) {
  double error = 0, energy = 0;
  assert_int_equal(a->n, s->n);
  for (int c = 0; c < PAIR; c++)
    for (int32_t i = 0; i < a->n; i++) {
      error += (a->x[c][i] - s->x[c][i]) * (a->x[c][i] - s->x[c][i]);
      energy += s->x[c][i] * s->x[c][i];
    }
  return 10 * log10(error / energy);
}

/* The steps `order` .. (closed by -1), one after the other, on both paths. */
static double run_steps(const struct step *steps, const int *order, const struct audio *in) {
  struct signal exact = signal_of(in);
  struct audio fp32 = audio_create(in->n);
  for (int c = 0; c < PAIR; c++) memcpy(fp32.x[c], in->x[c], (size_t)in->n * sizeof(float));
  for (; *order >= 0; order++) {
    const struct step *step = &steps[*order];
    int32_t *control;
    struct audio y = render(step, &fp32, &control);
    struct signal z = step->exact(step, control, &exact);
    audio_free(&fp32), signal_free(&exact);
    fp32 = y, exact = z;
    free(control);
  }
  const double db = null_db(&fp32, &exact);
  audio_free(&fp32), signal_free(&exact);
  return db;
}

static int misses(const char *what, double db) {
  const int missed = !(db <= LIMIT_DB); /* NAN too */
  print_message("  %-34s %7.1f dB%s\n", what, db, missed ? "  missed" : "");
  return missed;
}

static int check_programme(const struct step *steps, const struct audio *in) {
  static const int chain[] = {LINEAR, MULTIBAND, SATURATE, LIMITER, -1};
  static const int converted[] = {LINEAR, MULTIBAND, SATURATE, RESAMPLE, LIMITER_AFTER, -1};
  static const int apart[] = {LINEAR, MULTIBAND_APART, SATURATE, LIMITER, -1};
  int missed = 0;
  for (int i = 0; i <= MULTIBAND_APART; i++)
    missed += misses(steps[i].name, run_steps(steps, (const int[]){i, -1}, in));
  missed += misses("chain to the limiter", run_steps(steps, chain, in));
  missed += misses("chain, conversion, limiter", run_steps(steps, converted, in));
  return missed + misses("chain, bands far apart", run_steps(steps, apart, in));
}

static void check_rate(int rate_hz, int other_hz) {
  struct step steps[STEPS];
  int missed = 0;
  make_steps(rate_hz, other_hz, steps);
  for (int music = 0; music < 2; music++) {
    struct audio in = music ? recorded(rate_hz) : synthetic(rate_hz);
    print_message("%d Hz, %s%s\n", rate_hz, music ? sample_path : "synthetic programme",
                  in.n ? "" : ": SKIP: not installed (package sonic-pi-samples)");
    if (in.n) missed += check_programme(steps, &in);
    audio_free(&in);
  }
  free_steps(steps);
  assert_int_equal(missed, 0);
}

static void at_44100(void **unused) {
  (void)unused;
  check_rate(44100, 48000);
}
static void at_96000(void **unused) {
  (void)unused;
  check_rate(96000, 44100);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(at_44100), cmocka_unit_test(at_96000)};
  return cmocka_run_group_tests_name("chain against double precision", tests, NULL, NULL);
}
