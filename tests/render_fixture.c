/* SPDX-License-Identifier: MIT
 * See render_fixture.h. */
#include "render_fixture.h"

#include <ebur128.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio_fixture.h"
#include "band_limit.h"
#include "clip.h"
#include "engine_cpu.h"
#include "eq.h"
#include "loudness.h"
#include "multiband.h"
#include "resample.h"

static void need(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "render_fixture: %s\n", what);
  abort();
}

float *render_floats(int32_t n) {
  float *x = calloc((size_t)n + 1, sizeof *x);
  need(x != NULL, "no memory");
  return x;
}

struct render_plan render_plan_of(int rate_hz, int channels) {
  struct render_plan p = {.engine = &engine_cpu, .rate_hz = rate_hz, .channels = channels,
                          .segment_blocks = 64, .tier = VERIFY_OFF, .n_tails = 1};
  params_init(stage_limiter.rows, &p.limiter);
  p.tails[0] = (struct render_tail){NAN, -1, 24, DITHER_NONE, 1};
  return p;
}

void render_programme(int rate_hz, int channels, int32_t n_frames, uint64_t seed,
                      float *pcm[MAX_CHANNELS]) {
  const struct fixture_shape shape = {rate_hz, channels, n_frames, 24};
  int32_t *words = fixture_programme(&shape, seed);
  pcm[0] = render_floats(n_frames * channels);
  for (int c = 0; c < channels; c++) {
    pcm[c] = pcm[0] + (size_t)c * n_frames;
    for (int32_t i = 0; i < n_frames; i++)
      pcm[c][i] = (float)(words[(size_t)i * channels + c] / 2147483648.0);
  }
  free(words);
}

/* ---- designs ---- */

enum { CHAIN_STAGES = 2, CACHED = 16 };
struct designs {
  const struct stage_design *chain, *loudness, *band_limit, *clip; /* in the cache */
  struct stage_design limiter, dither[RENDER_TAILS];
  struct { /* of tails at another rate */
    struct stage_design resample, loudness, band_limit, clip, limiter;
  } other[RENDER_TAILS];
  struct tail tails[RENDER_TAILS];
};

/* What depends on the format alone is designed once; kept until the program ends. */
static struct cached {
  int rate_hz, channels;
  bool has_chain;
  struct stage_design chain[CHAIN_STAGES], loudness, band_limit, clip;
} cache[CACHED];

static void design(const struct stage *stage, const void *params, const struct render_plan *p,
                   struct stage_design *out) {
  const struct stage_format format = {p->rate_hz, p->channels, NULL, NULL};
  const char *why = "";
  need(!stage->design(params, &format, out, &why), why);
}

static void design_chain(const struct render_plan *p, struct stage_design *chain) {
  static const struct eq_band bands[] = {EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 30, 0, 0.7071, 12),
                                         EQ_BAND(EQ_BELL, EQ_STEREO, 300, -2, 1, 12),
                                         EQ_BAND(EQ_HIGH_SHELF, EQ_STEREO, 10000, 2, 0.7071, 12)};
  static const double thresholds_db[] = {-28, -28, -34, -44};
  struct eq_params eq;
  params_init(stage_eq.rows, &eq);
  eq.n_bands = 3;
  memcpy(eq.bands, bands, sizeof bands);
  design(&stage_eq, &eq, p, &chain[0]);
  struct multiband_params m;
  params_init(stage_multiband.rows, &m);
  m.n_crossovers = 3, m.n_bands = 4;
  m.crossover_hz[0] = 300, m.crossover_hz[1] = 1000, m.crossover_hz[2] = 6000;
  for (int i = 0; i < 4; i++)
    m.bands[i] = (struct multiband_band){thresholds_db[i], 2, 6, 20, 150, 0, MULTIBAND_PLAIN};
  design(&stage_multiband, &m, p, &chain[1]);
}

static void design_format(const struct render_plan *p, struct designs *d) {
  const struct loudness_params none = {.loudness_lufs = NAN, .max_reduction_db = NAN};
  const struct band_limit_params low_pass = {0};
  struct cached *c = cache;
  while (c->rate_hz && (c->rate_hz != p->rate_hz || c->channels != p->channels)) c++;
  need(c < cache + CACHED - 1, "too many formats");
  if (!c->rate_hz) design(&stage_loudness, &none, p, &c->loudness);
  if (!c->rate_hz) design(&stage_band_limit, &low_pass, p, &c->band_limit);
  if (!c->rate_hz) design(&stage_clip, &(struct clip_params){0}, p, &c->clip);
  c->rate_hz = p->rate_hz, c->channels = p->channels;
  if (p->chain && !c->has_chain) design_chain(p, c->chain);
  c->has_chain = c->has_chain || p->chain;
  d->chain = c->chain;
  d->loudness = &c->loudness;
  d->band_limit = &c->band_limit;
  d->clip = &c->clip;
}

static void design_conversion(const struct render_plan *p, int t,
                              const struct limiter_params *limiter, struct designs *d) {
  const struct resample_params resample = {p->tail_rate_hz[t]};
  const struct loudness_params none = {.loudness_lufs = NAN};
  struct render_plan at = *p;
  at.rate_hz = p->tail_rate_hz[t];
  design(&stage_resample, &resample, p, &d->other[t].resample);
  design(&stage_loudness, &none, &at, &d->other[t].loudness);
  design(&stage_band_limit, &(struct band_limit_params){0}, &at, &d->other[t].band_limit);
  design(&stage_clip, &(struct clip_params){0}, &at, &d->other[t].clip);
  design(&stage_limiter, limiter, &at, &d->other[t].limiter);
  d->tails[t].to = (struct conversion){
      .rate_hz = at.rate_hz, .resample = &d->other[t].resample,
      .loudness = &d->other[t].loudness, .band_limit = &d->other[t].band_limit,
      .clip = &d->other[t].clip};
  d->tails[t].limiter = &d->other[t].limiter;
}

/* All tails of the plan's rate share the limiter's design, as variants of one chain do. */
static void design_tails(const struct render_plan *p, struct designs *d) {
  for (int t = 0; t < p->n_tails; t++) {
    const struct dither_params dither = {.bits = p->tails[t].bits, .mode = p->tails[t].dither};
    struct limiter_params limiter = p->limiter;
    limiter.true_peak_db = p->tails[t].true_peak_db;
    if (t == 0) design(&stage_limiter, &limiter, p, &d->limiter);
    design(&stage_dither, &dither, p, &d->dither[t]);
    const double clip = limiter_resolved(&limiter).clip_db;
    d->tails[t] = (struct tail){.loudness_lufs = p->tails[t].loudness_lufs,
                                .ceiling = limiter_ceiling(&limiter, 0), .limiter = &d->limiter,
                                .dither = &d->dither[t], .band_limit = limiter.band_limit,
                                .clip_db = clip < CLIP_OFF ? clip : NAN,
                                .seed = p->tails[t].seed,
                                .max_reduction_db =
                                    p->max_reduction_db[t] ? p->max_reduction_db[t] : NAN,
                                .drive_db = NAN};
    if (p->tail_rate_hz[t]) design_conversion(p, t, &limiter, d);
  }
}

static void free_designs(struct designs *d) {
  stage_design_free(&d->limiter);
  for (int t = 0; t < RENDER_TAILS; t++) {
    stage_design_free(&d->dither[t]);
    stage_design_free(&d->other[t].resample);
    stage_design_free(&d->other[t].loudness);
    stage_design_free(&d->other[t].band_limit);
    stage_design_free(&d->other[t].clip);
    stage_design_free(&d->other[t].limiter);
  }
}

/* ---- rendering ---- */

struct capture {
  struct render_track *tracks;
  int channels;
};

static void deliver(void *context, int lane, int tail, const int32_t *pcm,
                    const struct tail_result *result) {
  const struct capture *c = context;
  struct render_track *t = &c->tracks[lane];
  const size_t bytes = (size_t)result->n_frames * c->channels * sizeof *pcm;
  free(t->out[tail]);
  t->out[tail] = malloc(bytes);
  need(t->out[tail] != NULL, "no memory");
  memcpy(t->out[tail], pcm, bytes);
  t->result[tail] = *result;
  t->delivered[tail]++;
}

enum engine_status render_tracks(const struct render_plan *plan, struct render_track *tracks,
                                 int n) {
  struct designs d = {0};
  struct lane_job jobs[RENDER_TRACKS] = {0};
  struct capture capture = {tracks, plan->channels};
  need(n <= RENDER_TRACKS, "too many tracks");
  design_format(plan, &d);
  design_tails(plan, &d);
  struct batch batch = {.rate_hz = plan->rate_hz, .channels = plan->channels, .n_lanes = n,
                        .segment_blocks = plan->segment_blocks, .loudness = d.loudness,
                        .band_limit = d.band_limit, .clip = d.clip,
                        .lanes = jobs, .tier = plan->tier, .deliver = deliver,
                        .context = &capture};
  if (plan->chain) {
    batch.n_stages = CHAIN_STAGES;
    batch.stage[0] = &stage_eq, batch.stage[1] = &stage_multiband;
  }
  for (int i = 0; i < n; i++) {
    render_free(&tracks[i], 1);
    jobs[i] = (struct lane_job){.n_frames = tracks[i].n_frames, .n_tails = plan->n_tails,
                                .design = {&d.chain[0], &d.chain[1]}, .tails = d.tails,
                                .seed = tracks[i].seed};
    for (int c = 0; c < plan->channels; c++) jobs[i].pcm[c] = tracks[i].pcm[c];
  }
  const enum engine_status status = batch_render(plan->engine, &batch);
  for (int i = 0; i < n; i++) tracks[i].job = jobs[i];
  free_designs(&d);
  return status;
}

void render_free(struct render_track *tracks, int n) {
  for (int i = 0; i < n; i++)
    for (int t = 0; t < RENDER_TAILS; t++) {
      free(tracks[i].out[t]);
      tracks[i].out[t] = NULL;
      tracks[i].delivered[t] = 0;
    }
}

struct render_reading render_measure(const int32_t *pcm, int32_t n_frames, int channels,
                                     int rate_hz) {
  ebur128_state *s = ebur128_init((unsigned)channels, (unsigned long)rate_hz,
                                  EBUR128_MODE_I | EBUR128_MODE_TRUE_PEAK);
  struct render_reading r = {0};
  need(s != NULL, "libebur128");
  need(!ebur128_add_frames_int(s, pcm, (size_t)n_frames), "libebur128");
  need(!ebur128_loudness_global(s, &r.lufs), "libebur128");
  for (int c = 0; c < channels; c++) {
    double peak = 0, true_peak = 0;
    need(!ebur128_sample_peak(s, (unsigned)c, &peak), "libebur128");
    need(!ebur128_true_peak(s, (unsigned)c, &true_peak), "libebur128");
    r.peak = fmax(r.peak, peak), r.true_peak = fmax(r.true_peak, true_peak);
  }
  ebur128_destroy(&s);
  return r;
}

/* ---- the limiter alone ---- */

void limiter_bench_open(struct limiter_bench *b, const struct limiter_params *params,
                        const struct stage_format *format, int32_t n_frames) {
  const char *why = "";
  memset(b, 0, sizeof *b);
  need(!stage_limiter.design(params, format, &b->design, &why), why);
  b->limiter = b->design.data;
  const int32_t n_blocks = (n_frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
  b->src = render_floats(n_frames * format->channels);
  b->dst = render_floats(n_frames * format->channels);
  b->io = (struct stage_io){.n_frames = n_frames, .n_blocks = n_blocks,
                            .channels = format->channels, .stride = n_frames,
                            .design = b->design.data, .src = b->src, .dst = b->dst};
  b->io.args[1] = limiter_ceiling(params, 0);
  b->io.control = calloc((size_t)n_blocks * b->design.control_words, sizeof(int32_t));
  b->io.ring_blocks = n_blocks + 1;
  b->io.ring = render_floats((n_blocks + 1) * b->design.ring_words);
  need(b->io.control != NULL, "no memory");
}

void limiter_bench_close(struct limiter_bench *b) {
  free(b->io.control);
  free(b->io.ring);
  free(b->src);
  free(b->dst);
  stage_design_free(&b->design);
}

int32_t limiter_bench_points(const struct limiter_bench *b) {
  return b->io.n_blocks * b->limiter->points;
}

int32_t *limiter_bench_section(const struct limiter_bench *b, int section) {
  return b->io.control + (size_t)section * b->io.channels * limiter_bench_points(b);
}

void limiter_bench_run(struct limiter_bench *b, int first_pass, int end_pass) {
  for (int p = first_pass; p < end_pass; p++)
    stage_limiter.passes[p].reference(&b->io, 0, b->io.n_blocks + b->design.shape[p].extra);
}
