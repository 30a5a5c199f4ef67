/* SPDX-License-Identifier: MIT
 * See chain.h: batch_render reads like the signal's way. */
#include "chain.h"

#include <stdlib.h>
#include <string.h>

#include "band_limit.h"
#include "chain_run.h"
#include "clip.h"
#include "engine_cpu.h"
#include "loudness.h"
#include "limiter.h"
#include "resample.h"

void run_note(struct run *r, enum engine_status status) {
  if (!r->status) r->status = status;
}

void run_pass(struct run *r, int slot, int pass, int32_t first, int32_t count,
              const uint64_t *mask) {
  if (r->status || count <= 0) return;
  run_note(r, r->engine->run(r->session, slot, pass, first, count, mask));
  if (r->batch->tier != VERIFY_FULL) return;
  for (int i = 0; i < r->batch->n_lanes; i++)
    if (in_mask(mask, i)) engine_cpu.run(r->lane[i].shadow, slot, pass, first, count, NULL);
}

void run_args(struct run *r, int lane, int slot, const int32_t args[5]) {
  if (r->status) return; /* there may be no session */
  r->engine->set_args(r->session, lane, slot, args);
  if (r->lane[lane].shadow) engine_cpu.set_args(r->lane[lane].shadow, 0, slot, args);
}

void run_design(struct run *r, int lane, int slot, const struct stage_design *design) {
  if (r->status || r->design[lane][slot] == design) return;
  r->design[lane][slot] = design;
  run_note(r, r->engine->set_design(r->session, lane, slot, design));
  if (r->lane[lane].shadow) engine_cpu.set_design(r->lane[lane].shadow, 0, slot, design);
}

void run_buffers(struct run *r, int lane, int slot, enum lane_buffer src, enum lane_buffer dst) {
  if (r->status) return;
  r->src[lane][slot] = src, r->dst[lane][slot] = dst;
  r->engine->set_buffers(r->session, lane, slot, src, dst);
  if (r->lane[lane].shadow) engine_cpu.set_buffers(r->lane[lane].shadow, 0, slot, src, dst);
}

/* In the full tier the device's words were compared where they were made; copied once more
 * they may be others, so what decides is read from the reference. */
void run_read(struct run *r, int lane, enum lane_buffer buffer, int channel, float *data) {
  const int32_t n = r->lane[lane].n_frames;
  if (r->status) return;
  if (r->batch->tier == VERIFY_FULL)
    run_note(r, engine_cpu.read(r->lane[lane].shadow, 0, buffer, channel, 0, n, data));
  else
    run_note(r, r->engine->read(r->session, lane, buffer, channel, 0, n, data));
}

void run_read_control(struct run *r, int lane, int slot, int64_t first, int64_t words,
                      void *data) {
  if (r->status) return;
  if (r->batch->tier == VERIFY_FULL)
    run_note(r, engine_cpu.read_control(r->lane[lane].shadow, 0, slot, first, words, data));
  else
    run_note(r, r->engine->read_control(r->session, lane, slot, first, words, data));
}

/* Only scratch forces segments: a pass that needs none may read ahead of the one before. */
static bool needs_segments(const struct stage_design *design, int first_pass, int end_pass) {
  for (int p = first_pass; p < end_pass; p++)
    if (design->ring_words && (design->shape[p].lead || design->shape[p].extra)) return true;
  return false;
}

void run_passes(struct run *r, int slot, int first_pass, int end_pass, const uint64_t *mask) {
  const struct stage_design *design = r->design[0][slot];
  const struct pass_shape *shape = design->shape;
  const bool segments = needs_segments(design, first_pass, end_pass);
  const int32_t segment = segments ? r->batch->segment_blocks : r->max_blocks;
  int32_t done[MAX_STAGE_PASSES] = {0};
  for (int32_t end = 0; end < r->max_blocks;) {
    end += segment;
    if (end > r->max_blocks) end = r->max_blocks;
    for (int p = first_pass; p < end_pass; p++) {
      const int32_t whole = r->max_blocks + shape[p].extra;
      int32_t to = end == r->max_blocks ? whole : end + shape[p].lead;
      if (to > whole) to = whole;
      run_pass(r, slot, p, done[p], to - done[p], mask);
      if (to > done[p]) done[p] = to;
    }
  }
}

/* ---- opening ---- */

static int add_slot(struct run *r, const struct stage *stage, enum lane_buffer src,
                    enum lane_buffer dst, int aux) {
  r->slots[r->n_slots] = (struct slot_plan){stage, src, dst, aux};
  return r->n_slots++;
}

/* Chain stages pass the audio to and fro between A and B. Returns where it ends. */
static enum lane_buffer plan_chain(struct run *r) {
  enum lane_buffer at = BUFFER_A;
  for (int s = 0; s < r->batch->n_stages; s++) {
    const enum lane_buffer to = at == BUFFER_A ? BUFFER_B : BUFFER_A;
    add_slot(r, r->batch->stage[s], at, to, -1);
    for (int i = 0; i < r->batch->n_lanes; i++)
      r->design[i][s] = r->batch->lanes[i].design[s];
    at = to;
  }
  return at;
}

/* The conversion from A to B at the run's rate, instead of a chain. Returns where it ends. */
static enum lane_buffer plan_conversion(struct run *r) {
  if (!run_conversion(r).resample) return BUFFER_A;
  const int slot = add_slot(r, &stage_resample, BUFFER_A, BUFFER_B, -1);
  for (int i = 0; i < r->batch->n_lanes; i++) r->design[i][slot] = run_conversion(r).resample;
  return BUFFER_B;
}

/* The slots that every variant runs through. The limiter leaves its input in `at` alone,
 * for the next variant. */
static void plan_tail(struct run *r, enum lane_buffer at) {
  const enum lane_buffer limited = at == BUFFER_A ? BUFFER_B : BUFFER_A;
  const struct conversion to = run_conversion(r);
  const struct tail *any = NULL;
  struct tail_slots *slot = &r->tail;
  slot->limiter = add_slot(r, &stage_limiter, at, limited, -1);
  slot->loudness = add_slot(r, &stage_loudness, at, BUFFER_NONE, slot->limiter);
  slot->again = add_slot(r, &stage_loudness, limited, BUFFER_NONE, -1);
  slot->dither = add_slot(r, stage_find("dither"), limited, BUFFER_PCM, -1);
  slot->band_limit = slot->clip = -1;
  if (to.band_limit) slot->band_limit = add_slot(r, &stage_band_limit, at, limited, -1);
  if (to.clip) slot->clip = add_slot(r, &stage_clip, at, BUFFER_C, -1);
  for (int i = 0; i < r->batch->n_lanes && !any; i++) any = first_tail(r, i);
  for (int i = 0; i < r->batch->n_lanes; i++) {
    const struct tail *t = first_tail(r, i) ? first_tail(r, i) : any;
    r->design[i][slot->limiter] = t->limiter;
    r->design[i][slot->loudness] = r->design[i][slot->again] = to.loudness;
    r->design[i][slot->dither] = t->dither;
    if (slot->band_limit >= 0) r->design[i][slot->band_limit] = to.band_limit;
    if (slot->clip >= 0) r->design[i][slot->clip] = to.clip;
    r->lane[i].at = r->lane[i].source = at;
  }
}

static void open_session(struct run *r) {
  const struct batch *b = r->batch;
  struct lane_plan *lanes = calloc(MAX_LANES, sizeof *lanes);
  if (!lanes) {
    r->status = ENGINE_NO_MEMORY;
    return;
  }
  for (int i = 0; i < b->n_lanes; i++) {
    lanes[i].n_frames = r->lane[i].n_frames;
    lanes[i].n_source_frames = r->lane[i].n_frames ? b->lanes[i].n_frames : 0;
    memcpy(lanes[i].design, r->design[i], sizeof lanes[i].design);
    if (lane_blocks(r, i) > r->max_blocks) r->max_blocks = lane_blocks(r, i);
    for (int s = 0; s < r->n_slots; s++)
      r->src[i][s] = r->slots[s].src, r->dst[i][s] = r->slots[s].dst;
  }
  const struct session_plan plan = {r->rate_hz, b->channels, r->n_slots, b->n_lanes,
                                    b->segment_blocks, r->slots, lanes, b->spill, folds_room(r)};
  run_note(r, r->engine->open(r->engine->self, &plan, &r->session));
  if (!r->status) run_note(r, check_open(r, &plan));
  free(lanes);
}

static void upload(struct run *r) {
  for (int i = 0; i < r->batch->n_lanes && !r->status; i++)
    for (int c = 0; c < r->batch->channels; c++) {
      const struct lane_job *job = &r->batch->lanes[i];
      run_note(r, r->engine->write(r->session, i, BUFFER_A, c, 0, job->n_frames, job->pcm[c]));
      if (r->lane[i].shadow)
        engine_cpu.write(r->lane[i].shadow, 0, BUFFER_A, c, 0, job->n_frames, job->pcm[c]);
    }
  for (int i = 0; i < r->batch->n_lanes && r->batch->uploaded && !r->status; i++)
    r->batch->uploaded(r->batch->context, i);
}

/* ---- measuring ---- */

void run_hops(struct run *r, int slot, uint64_t *mask) {
  int32_t most = 0;
  for (int i = 0; i < r->batch->n_lanes; i++) {
    const int32_t n = loudness_hops(r->lane[i].n_frames, r->rate_hz);
    if (in_mask(mask, i) && n > most) most = n;
  }
  run_pass(r, slot, LOUDNESS_HOPS, 0, most, mask);
  check_hops(r, slot, mask);
}

/* The chain, or the conversion. */
static void run_chain(struct run *r, lane_mask mask) {
  for (int s = 0; s < r->n_chain && !r->status; s++) {
    const int passes = stage_pass_count(r->slots[s].stage);
    run_passes(r, s, 0, passes, mask);
    check_passes(r, s, 0, passes, mask);
  }
}

/* The output of the chain, for whoever delivers. */
static void read_chain(struct run *r, enum lane_buffer at, const lane_mask mask) {
  for (int i = 0; i < r->batch->n_lanes && r->batch->keep_chain; i++) {
    struct lane_job *job = &r->batch->lanes[i];
    for (int c = 0; c < r->batch->channels && in_mask(mask, i) && !r->status; c++) {
      job->chain[c] = malloc((size_t)job->n_frames * sizeof(float));
      if (!job->chain[c]) run_note(r, ENGINE_NO_MEMORY);
      else run_read(r, i, at, c, job->chain[c]);
    }
  }
}

static void free_chains(struct batch *b) {
  for (int i = 0; i < b->n_lanes; i++)
    for (int c = 0; c < b->channels; c++) {
      free(b->lanes[i].chain[c]);
      b->lanes[i].chain[c] = NULL;
    }
}

/* ---- runs ---- */

static struct run *run_create(const struct engine *engine, struct batch *batch, int rate_hz,
                              const struct conversion *to) {
  const bool mixed = to->fold || to->binaural;
  struct run *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->engine = engine;
  r->batch = batch;
  r->rate_hz = rate_hz;
  r->fold = to->fold;
  r->binaural = to->binaural;
  if (mixed) {
    r->folded = *batch;
    r->folded.channels = run_conversion(r).channels;
    r->batch = &r->folded;
  }
  for (int i = 0; i < batch->n_lanes; i++)
    if ((rate_hz == batch->rate_hz && !mixed) || first_tail(r, i))
      r->lane[i].n_frames =
          (int32_t)resample_frames(batch->lanes[i].n_frames, batch->rate_hz, rate_hz);
  return r;
}

static void run_destroy(struct run *r) {
  check_close(r);
  if (r->session) r->engine->close(r->session);
  free(r);
}

/* The tails at another rate than the batch's, or in another layout. */
static void render_converted(struct run *chain, enum lane_buffer at, int rate_hz,
                             const struct conversion *to) {
  struct run *r = run_create(chain->engine, chain->batch, rate_hz, to);
  lane_mask mask;
  if (!r) {
    run_note(chain, ENGINE_NO_MEMORY);
    return;
  }
  const enum lane_buffer converted = plan_conversion(r);
  r->n_chain = r->n_slots;
  plan_tail(r, converted);
  open_session(r);
  choose_lanes(r, true, mask);
  const enum lane_buffer folded = fold_chain(chain, at, to, mask);
  run_note(r, chain->status);
  hand_over(chain, folded, r, mask);
  run_chain(r, mask);
  run_tails(r);
  run_note(chain, r->status);
  chain->batch->n_delivered = r->batch->n_delivered;
  run_destroy(r);
}

enum engine_status batch_render(const struct engine *engine, struct batch *batch) {
  struct run *r = run_create(engine, batch, batch->rate_hz, &(struct conversion){0});
  lane_mask mask;
  if (!r) return ENGINE_NO_MEMORY;
  const enum lane_buffer at = plan_chain(r);
  const bool delivers = run_conversion(r).rate_hz != 0;
  r->n_chain = r->n_slots;
  plan_fold(r, at);
  if (delivers) plan_tail(r, at);
  open_session(r);
  upload(r);
  choose_lanes(r, false, mask);
  run_chain(r, mask);
  read_chain(r, at, mask);
  /* first the others: a band limit does not leave the chain's output alone */
  for (int rate = next_rate(batch, 0); rate && !r->status; rate = next_rate(batch, rate)) {
    const struct conversion *to;
    for (int i = 0; (to = nth_way(batch, rate, i)) && !r->status && !run_stopped(r); i++)
      if (rate != batch->rate_hz || to->fold || to->binaural) render_converted(r, at, rate, to);
  }
  if (delivers) run_tails(r);
  const enum engine_status status = r->status;
  free_chains(batch);
  run_destroy(r);
  return status;
}
