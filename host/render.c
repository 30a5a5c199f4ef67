/* SPDX-License-Identifier: MIT
 * See render.h. What is done to a track: load, render, deliver, and render again on the CPU
 * what a device spoilt. render_flow.c says who does it when. */
#include "render.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adm_scene.h"
#include "audition.h"
#include "bundle.h"
#include "decode.h"
#include "deliver.h"
#include "engine_cpu.h"
#include "gpu.h"
#include "incremental.h"
#include "loudness_check.h"
#include "memory.h"
#include "render_run.h"
#include "shaders.h"
#include "track_source.h"

/* ---- results ---- */

static void finish_unit(struct work *w, const struct unit *unit, const struct unit_result *result) {
  const int index = (int)(unit - w->plan->units);
  if (result->state == UNIT_FAILED && interrupts_abandoned(w->options.interrupts)) return;
  pthread_mutex_lock(&w->lock);
  w->results[index] = *result;
  w->n_finished += result->state != UNIT_UP_TO_DATE;
  if (result->state == UNIT_FAILED && w->options.fail_fast) w->stop = true;
  w->watch->finished(w->watch->context, index, &w->results[index]);
  pthread_mutex_unlock(&w->lock);
}

static void fail_unit(struct work *w, const struct unit *unit, const struct failure *why) {
  struct unit_result result = {.state = UNIT_FAILED, .failure = *why};
  finish_unit(w, unit, &result);
}

static bool is_finished(const struct work *w, const struct unit *unit) {
  return w->results[unit - w->plan->units].state != UNIT_SKIPPED;
}

static void fail_track(struct work *w, int track, const struct failure *why) {
  if (w->visiting) {
    album_fail_track(w, track, why);
    return;
  }
  for (int i = w->plan->first_unit[track]; i < w->plan->first_unit[track + 1]; i++)
    if (!is_finished(w, &w->plan->units[i])) fail_unit(w, &w->plan->units[i], why);
}

/* Other variants of the track go on. */
static void fail_refused(struct work *w, const struct job *job, const char *path) {
  for (int i = 0; i < job->plan.n_refused; i++) {
    const struct refused_unit *r = &job->plan.refused[i];
    struct failure why;
    fail(&why, r->why.status, "%s: %s", path, r->why.text);
    if (!is_finished(w, r->unit)) fail_unit(w, r->unit, &why);
  }
}

/* ---- loading ---- */

void job_free(struct job *job) {
  audio_free(&job->audio);
  track_plan_free(&job->plan);
  free(job->probe_units);
  free(job->tails);
  free(job->unit_of_tail);
  free(job->delivered);
  free(job);
}

/* Finishes the units that need not be rendered, without decoding. True: that was all. */
static bool up_to_date(struct work *w, int track) {
  const int first = w->plan->first_unit[track], n = w->plan->first_unit[track + 1] - first;
  if (w->options.force || n == 0) return n == 0;
  struct unit_result *results = memory_new((size_t)n, sizeof *results);
  const int left = incremental_track(w->plan, track, &w->options, results);
  for (int i = 0; i < n; i++)
    if (results[i].state != UNIT_SKIPPED) finish_unit(w, &w->plan->units[first + i], &results[i]);
  free(results);
  return !left;
}

/* Frames of a deliverable are counted in 32 bits. */
static bool too_long(const struct job *job, const struct unit_plan *u, struct failure *why) {
  const int from_hz = job->audio.rate_hz, to_hz = u->tail.to.rate_hz ? u->tail.to.rate_hz : from_hz;
  const int64_t n = resample_frames(job->audio.n_frames, from_hz, to_hz);
  if (n <= MAX_FRAMES) return false;
  fail(why, STATUS_BAD_DATA, "%s: %lld frames at %d Hz are too many (at most %d)", u->unit->name,
       (long long)n, to_hz, MAX_FRAMES);
  return true;
}

/* The units still to be made become the job's tails. */
static void choose_tails(struct work *w, struct job *job) {
  const size_t n = (size_t)job->plan.n_units + 1;
  job->tails = memory_new(n, sizeof *job->tails);
  job->unit_of_tail = memory_new(n, sizeof *job->unit_of_tail);
  job->delivered = memory_new(n, sizeof *job->delivered);
  for (int i = 0; i < job->plan.n_units; i++) {
    const struct unit_plan *u = &job->plan.units[i];
    struct unit_result current = {.state = UNIT_SKIPPED};
    struct failure why = {0};
    if (!w->visiting && is_finished(w, u->unit)) continue;
    if (!w->visiting && !w->options.force)
      incremental_unit(w->plan, u, &w->options, &job->file, &current);
    if (w->visiting && too_long(job, u, &why)) {
      album_fail_track(w, job->track, &why);
    } else if (w->visiting) {
      job->unit_of_tail[job->n_tails] = i;
      job->tails[job->n_tails++] = u->tail;
    } else if (album_stops(w, u, &why)) {
      fail_unit(w, u->unit, &why);
    } else if (current.state != UNIT_SKIPPED) {
      finish_unit(w, u->unit, &current);
    } else if (album_unknown(w, u, &why)) {
      fail_unit(w, u->unit, &why);
    } else if (too_long(job, u, &why)) {
      fail_unit(w, u->unit, &why);
    } else if (!w->options.rehearse &&
               deliver_may_write(w->plan, u->unit, w->options.force, &why)) {
      fail_unit(w, u->unit, &why);
    } else {
      job->unit_of_tail[job->n_tails] = i;
      job->tails[job->n_tails++] = u->tail;
    }
  }
}

bool track_is_done(struct work *w, int track) {
  return w->visiting ? !album_visits(w, track) : up_to_date(w, track);
}

bool work_stops(struct work *w) {
  pthread_mutex_lock(&w->lock);
  const bool stop = w->stop || interrupts_drain(w->options.interrupts, w->n_finished > 0);
  pthread_mutex_unlock(&w->lock);
  return stop;
}

void load(struct work *w, struct job *job) {
  const int track = job->track;
  const char *path = w->plan->manifest->tracks[track].source;
  struct failure why = {0};
  enum status status = track_source_stat(&w->plan->manifest->tracks[track], &job->file, &why);
  if (!status) status = plan_decode(w->plan->manifest, track, &job->audio, &why);
  if (!status) status = plan_edit(w->plan->manifest, track, &job->audio, &job->span, &why);
  const struct pcm_shape shape = {job->audio.rate_hz, job->audio.channels, job->audio.n_frames,
                                  job->audio.layout};
  if (!status && !w->visiting)
    status = loudness_measure_fast(&shape, (const float *const *)job->audio.pcm, &job->source,
                                   &why);
  if (!status) {
    const struct source_identity id = source_identity_of(&job->audio);
    struct failure reason = {0};
    status = w->visiting ? album_plan_track(w, job, &id, &reason)
                         : track_plan_make(w->plan, track, &id, &job->plan, &reason);
    if (status) fail(&why, status, "%s: %s", path, reason.text);
  }
  if (status) {
    fail_track(w, track, &why);
    return;
  }
  fail_refused(w, job, path);
  choose_tails(w, job);
  job->loaded = job->n_tails > 0;
}

/* The samples once more, for a second render. */
static enum status reload(struct work *w, struct job *job, struct failure *why) {
  const char *path = w->plan->manifest->tracks[job->track].source;
  struct audio again;
  struct edit_span span;
  if (job->audio.pcm[0]) return STATUS_OK;
  enum status status = plan_decode(w->plan->manifest, job->track, &again, why);
  if (!status && strcmp(again.sha256, job->audio.sha256))
    status = fail(why, STATUS_AGAIN, "%s: changed while it was rendered", path);
  if (!status) status = plan_edit(w->plan->manifest, job->track, &again, &span, why);
  if (!status) { /* the rest is there, and in use */
    memcpy(job->audio.pcm, again.pcm, sizeof again.pcm);
    memset(again.pcm, 0, sizeof again.pcm);
  }
  audio_free(&again);
  return status;
}

/* ---- rendering ---- */

static const char *tier_name(enum verify_tier tier) {
  static const char *const names[] = {"full", "sample", "golden", "off"};
  return names[tier];
}

/* "eq+stereo > multiband" */
static void chain_text(const struct track_plan *plan, char *text, size_t size) {
  size_t used = 0;
  for (int i = 0; i < plan->n_stages && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " > " : "", plan->label[i]);
}

static void fill_receipt(const struct rendering *g, struct receipt *r) {
  const struct job *job = g->job;
  const struct lane_job *lane = &g->lane;
  *r = (struct receipt){.source_lufs = job->source.integrated_lufs, .source_file = job->file};
  r->source_reading.figures = job->source;
  r->filter_error_db = job->plan.filter_error_db;
  r->pre_ring_ms = job->plan.pre_ring_ms;
  r->edit = job->span;
  chain_text(&job->plan, r->chain, sizeof r->chain);
  r->source = source_identity_of(&job->audio);
  r->source.audio = NULL;
  r->source.scene = NULL;
  r->source.master = NULL;
  snprintf(r->device, sizeof r->device, "%s", g->engine->name);
  snprintf(r->driver, sizeof r->driver, "%s", g->engine->driver);
  snprintf(r->tier, sizeof r->tier, "%s", tier_name(g->tier));
  const char *left_out = job->audio.master ? job->audio.master->note : "";
  snprintf(r->note, sizeof r->note, "%s%s%s", job->note, *job->note && *left_out ? "; " : "",
           left_out);
  if (g->tier == VERIFY_FULL) r->coverage = 1;
  else if (lane->total_words)
    r->coverage = (double)lane->verified_words / (double)lane->total_words;
  if (r->coverage > 1) r->coverage = 1;
}

static enum status audition(const struct rendering *g, const struct delivery *d,
                            const struct receipt *r, struct failure *why) {
  const struct job *job = g->job;
  if (d->result->channels != job->audio.channels) return STATUS_OK; /* a fold has no before */
  const struct audition a = {
      .folder = g->work->options.audition, .name = d->unit->unit->name,
      .layout = layout_find(r->source.layout), .source_rate_hz = job->audio.rate_hz,
      .rate_hz = r->rate_hz, .source_frames = job->audio.n_frames,
      .n_frames = d->n_frames, .source = (const float *const *)job->audio.pcm,
      .chain = (const float *const *)g->lane.chain, .pcm = d->pcm,
      .is_float = r->bits == 32, .source_lufs = r->source_lufs,
      .delivered_lufs = r->loudness_lufs, .drive_db = d->result->drive_db};
  struct failure reason = {0};
  const enum status status = audition_write(&a, &reason);
  return status ? fail(why, status, "audition: %s", reason.text) : STATUS_OK;
}

/* `g`: of the parcel, where it is auditioned. */
static void deliver(struct parcel *p, const struct rendering *g, struct work *w) {
  const struct delivery delivery = {w->plan, p->unit, &w->options, p->result.n_frames, p->pcm,
                                    &p->result, NULL, false};
  struct unit_result done = {.state = UNIT_DELIVERED, .receipt = p->receipt};
  if (deliver_unit(&delivery, &done.receipt, &done.failure)) done.state = UNIT_FAILED;
  else if (g && audition(g, &delivery, &done.receipt, &done.failure))
    done.state = UNIT_FAILED;
  finish_unit(w, p->unit->unit, &done);
}

void deliver_parcel(struct work *w, struct parcel *parcel) {
  deliver(parcel, NULL, w);
  free(parcel->owned);
  free(parcel);
}

/* Hands the parcel to the publishers, with a copy of what is the session's; a driver waits
 * for that. False: deliver it here. */
static bool hand_on(const struct rendering *g, struct parcel *p) {
  const size_t bytes = (size_t)p->result.n_frames * (size_t)p->result.channels * sizeof *p->pcm;
  if (g->work->options.audition) return false;
  int32_t *copy = g->drives ? p->owned : malloc(bytes);
  if (!copy) return false;
  if (!flow_reserve(g->work, p, g->drives)) {
    free(copy);
    return false;
  }
  if (!g->drives) memcpy(copy, p->pcm, bytes);
  p->pcm = p->owned = copy;
  flow_hand_on(g->work, p);
  return true;
}

static void on_samples(void *context, int lane, int tail, const int32_t *pcm,
                       const struct tail_result *result) {
  (void)lane;
  struct rendering *g = context;
  struct job *job = g->job;
  struct parcel *parcel = memory_new(1, sizeof *parcel);
  *parcel = (struct parcel){.job = job, .unit = &job->plan.units[job->unit_of_tail[tail]],
                            .pcm = pcm, .owned = g->drives ? (int32_t *)(uintptr_t)pcm : NULL,
                            .result = *result};
  fill_receipt(g, &parcel->receipt);
  job->delivered[tail] = true;
  job->n_delivered++;
  if (hand_on(g, parcel)) return;
  deliver(parcel, g->work->options.audition ? g : NULL, g->work);
  free(parcel);
}

/* Whoever wants the source once more decodes it again. */
static void on_uploaded(void *context, int lane) {
  (void)lane;
  struct rendering *g = context;
  audio_free_pcm(&g->job->audio);
  flow_source_freed(g->work, g->job);
}

static bool on_stop(void *context) { return work_stops(((struct rendering *)context)->work); }

/* Of a track that is larger than all memory. */
static const char *spill_folder(const struct rendering *g) {
  const bool large = g->job->flow.cpu_bytes > g->work->options.memory_bytes;
  return large && !g->engine->is_gpu ? g->work->plan->folder : NULL;
}

static enum engine_status render_job(struct rendering *g) {
  struct job *job = g->job;
  const struct track_plan *plan = &job->plan;
  struct batch batch = {.rate_hz = job->audio.rate_hz, .channels = job->audio.channels,
                        .n_stages = plan->n_stages, .n_lanes = 1, .loudness = plan->loudness,
                        .band_limit = plan->band_limit, .clip = plan->clip, .lanes = &g->lane,
                        .segment_blocks = g->work->options.segment_blocks, .tier = g->tier,
                        .keep_chain = g->work->options.audition && !g->work->visiting,
                        .spill = spill_folder(g), .gives_pcm = g->drives,
                        .deliver = on_samples, .context = g,
                        .uploaded = g->work->options.audition ? NULL : on_uploaded,
                        .stop = on_stop,
                        .probe = g->work->visiting ? album_on_probe : NULL};
  memcpy(batch.stage, plan->stage, sizeof batch.stage);
  g->lane = (struct lane_job){.n_frames = job->audio.n_frames, .n_tails = job->n_tails,
                              .tails = job->tails, .seed = plan->seed};
  for (int c = 0; c < job->audio.channels; c++) g->lane.pcm[c] = job->audio.pcm[c];
  memcpy(g->lane.design, plan->design, sizeof g->lane.design);
  const enum engine_status status = batch_render(g->engine, &batch);
  const struct mismatch *m = &g->lane.mismatch;
  if (!m->found) return status;
  if (!g->work->options.rehearse) bundle_write(g->work->plan, plan, g->engine, m);
  snprintf(job->note, sizeof job->note,
           "%.200s gave wrong bits in %s (%s, channel %d, frame %d: %08x, reference %08x); "
           "rendered on the CPU reference", g->engine->name, m->stage, m->data, m->channel,
           m->frame, m->device_word, m->reference_word);
  return status;
}

/* Leaves a job only the tails that were not delivered; returns how many. */
static int keep_undelivered(struct job *job) {
  int left = 0;
  for (int t = 0; t < job->n_tails; t++) {
    if (job->delivered[t]) continue;
    job->tails[left] = job->tails[t];
    job->unit_of_tail[left++] = job->unit_of_tail[t];
  }
  job->n_tails = left;
  memset(job->delivered, 0, (size_t)left * sizeof *job->delivered);
  return left;
}

static void fail_tails(struct work *w, struct job *job, const struct failure *why) {
  for (int t = 0; t < job->n_tails; t++) {
    struct failure named = {0};
    const struct unit *unit = job->plan.units[job->unit_of_tail[t]].unit;
    if (job->delivered[t]) continue;
    fail(&named, why->status, "%s: %s", unit->name, why->text);
    if (w->visiting) album_fail_track(w, job->track, &named);
    else fail_unit(w, unit, &named);
  }
}

/* What is left is to be rendered again, and can be. */
static bool prepare_again(struct work *w, struct job *job) {
  struct failure why = {0};
  if (!keep_undelivered(job)) return false;
  if (!reload(w, job, &why)) return true;
  fail_tails(w, job, &why);
  job->n_tails = 0;
  return false;
}

static bool left_out(struct work *w, const struct job *job) {
  return job->n_delivered && work_stops(w);
}

/* The tails that were not delivered, on the CPU reference, which does not spoil any. */
static void render_rest(struct work *w, struct job *job) {
  struct failure why = {0};
  if (left_out(w, job) || !prepare_again(w, job)) return;
  struct rendering g = {.work = w, .engine = &engine_cpu, .tier = w->options.tier, .job = job};
  if (!render_job(&g) && left_out(w, job)) return;
  fail(&why, *job->note ? STATUS_INTERNAL : STATUS_AGAIN, "%s",
       *job->note ? job->note : "out of memory");
  fail_tails(w, job, &why);
}

/* Why the CPU renders it; the first reason stays. */
static void note_fault(struct work *w, struct job *job, enum engine_status status) {
  const struct engine *engine = &w->device->engine;
  char fault[200] = "";
  gpu_engine_fault(engine, fault, sizeof fault);
  if (!*job->note)
    snprintf(job->note, sizeof job->note, "%.200s %s%s%s; rendered on the CPU reference",
             engine->name,
             status == ENGINE_NO_MEMORY ? "has too little memory for it" : "failed",
             *fault ? ": " : "", fault);
  if (status != ENGINE_DEVICE_LOST) return;
  pthread_mutex_lock(&w->lock);
  w->device_failed = true;
  pthread_mutex_unlock(&w->lock);
}

bool render_on_device(struct work *w, struct job *job) {
  struct rendering g = {.work = w, .engine = &w->device->engine, .tier = w->options.tier,
                        .job = job, .drives = !w->options.audition};
  const enum engine_status status = render_job(&g);
  if (status == ENGINE_NO_MEMORY && !*job->note && !job->flow.alone && !left_out(w, job))
    return !prepare_again(w, job);
  if (status) note_fault(w, job, status);
  if (status == ENGINE_DEVICE_LOST) return false; /* a worker's part now */
  render_rest(w, job);
  return true;
}

void render_on_cpu(struct work *w, struct job *job) {
  if (w->device->engine.is_gpu) {
    if (!*job->note)
      snprintf(job->note, sizeof job->note,
               "%.200s failed earlier; rendered on the CPU reference", w->device->engine.name);
  } else {
    struct rendering g = {.work = w, .engine = &engine_cpu, .tier = w->options.tier, .job = job};
    render_job(&g);
  }
  render_rest(w, job);
}

/* ---- the whole ---- */

static void choose_defaults(struct work *w) {
  struct render_options *o = &w->options;
  const bool gpu = w->device->engine.is_gpu && !w->device->is_software;
  if (!o->jobs) o->jobs = (int)sysconf(_SC_NPROCESSORS_ONLN);
  if (!o->lanes) o->lanes = gpu ? 16 : w->device->is_software ? 2 : 1;
  if (!w->device->engine.is_gpu) o->lanes = 1;
  if (!o->segment_blocks) o->segment_blocks = gpu ? 512 : w->device->is_software ? 128 : 32;
  if (!o->memory_bytes) o->memory_bytes = flow_memory();
}

static int exit_status(const struct work *w) {
  const struct plan *plan = w->plan;
  const struct unit_result *results = w->results;
  int failed = 0, good = 0, common = 0, skipped = 0;
  for (int i = 0; i < plan->n_units; i++) {
    const struct unit_result *r = &results[i];
    if (r->state == UNIT_FAILED) {
      common = !failed || common == (int)r->failure.status ? (int)r->failure.status
                                                           : STATUS_UNIT_FAILED;
      failed++;
    } else {
      good += r->state != UNIT_SKIPPED;
      skipped += r->state == UNIT_SKIPPED;
    }
  }
  if (skipped && interrupts_drain(w->options.interrupts, true)) return STATUS_AGAIN;
  return !failed ? STATUS_OK : good ? STATUS_UNIT_FAILED : common;
}

int render_plan(const struct plan *plan, const struct device *device,
                const struct render_options *options, struct unit_result *results,
                const struct render_watch *watch) {
  struct work w = {.plan = plan, .device = device, .options = *options, .results = results,
                   .watch = watch};
  choose_defaults(&w);
  pthread_mutex_init(&w.lock, NULL);
  prepare_albums(&w);
  run_workers(&w);
  measure_albums(&w);
  pthread_mutex_destroy(&w.lock);
  return exit_status(&w);
}
