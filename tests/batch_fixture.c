/* SPDX-License-Identifier: MIT
 * See batch_fixture.h. */
#include "batch_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "band_limit.h"
#include "clip.h"
#include "loudness.h"
#include "resample.h"

static void need(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "batch_fixture: %s\n", what);
  abort();
}

void batch_tail_design(struct batch_tail *tail, const struct stage_format *format) {
  const char *why = "";
  const struct loudness_params none = {.loudness_lufs = NAN};
  const struct resample_params resample = {tail->rate_hz};
  const struct band_limit_params low_pass = {0};
  struct stage_format at = *format;
  if (tail->rate_hz) {
    at.rate_hz = tail->rate_hz;
    need(!stage_resample.design(&resample, format, &tail->resample_design, &why), why);
    need(!stage_loudness.design(&none, &at, &tail->loudness_design, &why), why);
    need(!stage_band_limit.design(&low_pass, &at, &tail->band_limit_design, &why), why);
    need(!stage_clip.design(&(struct clip_params){0}, &at, &tail->clip_design, &why), why);
  }
  if (!tail->shares)
    need(!stage_limiter.design(&tail->limiter, &at, &tail->limiter_design, &why), why);
  need(!stage_dither.design(&tail->dither, &at, &tail->dither_design, &why), why);
}

void batch_tail_free(struct batch_tail *tail) {
  stage_design_free(&tail->limiter_design);
  stage_design_free(&tail->dither_design);
  stage_design_free(&tail->resample_design);
  stage_design_free(&tail->loudness_design);
  stage_design_free(&tail->band_limit_design);
  stage_design_free(&tail->clip_design);
}

struct delivery {
  struct batch_lane *lanes;
  int channels;
};

static void deliver(void *context, int lane, int tail, const int32_t *pcm,
                    const struct tail_result *result) {
  const struct delivery *d = context;
  struct batch_lane *l = &d->lanes[lane];
  const size_t bytes = (size_t)result->n_frames * d->channels * sizeof *pcm;
  need(!l->pcm[tail], "a tail was delivered twice");
  need((l->pcm[tail] = malloc(bytes)) != NULL, "no memory");
  memcpy(l->pcm[tail], pcm, bytes);
  l->result[tail] = *result;
  l->delivered[tail]++;
}

void batch_lane_clear(struct batch_lane *lane) {
  for (int t = 0; t < BATCH_TAILS; t++) {
    free(lane->pcm[t]);
    lane->pcm[t] = NULL;
    lane->delivered[t] = 0;
  }
}

enum engine_status batch_fixture_render(const struct engine *engine, struct batch batch,
                                        struct batch_lane *lanes, int n_lanes) {
  struct lane_job jobs[BATCH_LANES];
  struct tail tails[BATCH_LANES][BATCH_TAILS];
  struct delivery delivery = {lanes, batch.channels};
  need(n_lanes <= BATCH_LANES, "too many lanes");
  for (int i = 0; i < n_lanes; i++) {
    batch_lane_clear(&lanes[i]);
    for (int t = 0; t < lanes[i].job.n_tails; t++) {
      const struct batch_tail *b = lanes[i].tails[t];
      const struct batch_tail *owner = b->shares ? b->shares : b;
      const double clip = limiter_resolved(&b->limiter).clip_db;
      const double clip_db = clip < CLIP_OFF && batch.clip ? clip : NAN;
      tails[i][t] = (struct tail){.to = {.rate_hz = b->rate_hz, .resample = &b->resample_design,
                                         .loudness = &b->loudness_design,
                                         .band_limit = &b->band_limit_design,
                                         .clip = batch.clip ? &b->clip_design : NULL},
                                  .loudness_lufs = b->loudness_lufs,
                                  .ceiling = limiter_ceiling(&b->limiter, 0),
                                  .limiter = &owner->limiter_design, .dither = &b->dither_design,
                                  .band_limit = b->limiter.band_limit, .clip_db = clip_db,
                                  .seed = b->seed,
                                  .max_reduction_db =
                                      b->max_reduction_db ? b->max_reduction_db : NAN,
                                  .drive_db = NAN};
    }
    jobs[i] = lanes[i].job;
    jobs[i].tails = tails[i];
    jobs[i].mismatch = (struct mismatch){0};
    jobs[i].verified_words = jobs[i].total_words = 0;
  }
  batch.n_lanes = n_lanes;
  batch.lanes = jobs;
  batch.deliver = deliver;
  batch.context = &delivery;
  const enum engine_status status = batch_render(engine, &batch);
  for (int i = 0; i < n_lanes; i++) {
    lanes[i].job = jobs[i];
    lanes[i].job.tails = NULL;
  }
  return status;
}

static bool same_bits(double a, double b) { return !memcmp(&a, &b, sizeof a); }

static const char *result_difference(const struct tail_result *a, const struct tail_result *b) {
  if (a->rate_hz != b->rate_hz) return "rate_hz";
  if (!same_bits(a->input.integrated_lufs, b->input.integrated_lufs)) return "input's loudness";
  if (!same_bits(a->drive_db, b->drive_db)) return "drive_db";
  if (!same_bits(a->loudness_lufs, b->loudness_lufs)) return "loudness_lufs";
  if (!same_bits(a->true_peak_db, b->true_peak_db)) return "true_peak_db";
  if (!same_bits(a->max_reduction_db, b->max_reduction_db)) return "max_reduction_db";
  if (!same_bits(a->clipped_db, b->clipped_db)) return "clipped_db";
  if (a->band_limited != b->band_limited) return "band_limited";
  if (a->reached != b->reached) return "reached";
  if (a->limiter_rounds != b->limiter_rounds) return "limiter_rounds";
  return a->clipped != b->clipped ? "clipped" : NULL;
}

const char *batch_difference(const struct batch_lane *a, int a_tail, const struct batch_lane *b,
                             int b_tail, int channels, char text[160]) {
  const int32_t *x = a->pcm[a_tail], *y = b->pcm[b_tail];
  const size_t words = (size_t)a->result[a_tail].n_frames * channels;
  text[0] = 0;
  if (a->delivered[a_tail] != 1 || b->delivered[b_tail] != 1) {
    snprintf(text, 160, "delivered %d and %d times", a->delivered[a_tail], b->delivered[b_tail]);
  } else if (a->result[a_tail].n_frames != b->result[b_tail].n_frames) {
    snprintf(text, 160, "%d and %d frames", (int)a->result[a_tail].n_frames,
             (int)b->result[b_tail].n_frames);
  } else if (memcmp(x, y, words * sizeof *x)) {
    size_t i = 0;
    while (x[i] == y[i]) i++;
    snprintf(text, 160, "PCM word %zu of %zu: %08x and %08x", i, words, (unsigned)x[i],
             (unsigned)y[i]);
  } else {
    const char *field = result_difference(&a->result[a_tail], &b->result[b_tail]);
    if (field) snprintf(text, 160, "results differ in %s", field);
  }
  return text;
}
