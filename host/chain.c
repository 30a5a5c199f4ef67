/* SPDX-License-Identifier: MIT
 * See chain.h: batch_render reads like the signal's way. */
#include "chain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "band_limit.h"
#include "chain_run.h"
#include "clip.h"
#include "engine_cpu.h"
#include "detmath.h"
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

static void set_drive(struct run *r, int lane, double drive_db, int32_t ceiling) {
  r->lane[lane].result.drive_db = drive_db;
  run_args(r, lane, r->tail.limiter,
           (const int32_t[5]){solve_drive_q20(drive_db), ceiling, r->lane[lane].choice.pace});
}

/* ---- the tail of one variant, all lanes side by side ---- */

/* Lanes whose tail `tail` is the run's and that are still sound. */
static void active_lanes(const struct run *r, int tail, lane_mask mask) {
  choose_lanes(r, true, mask);
  for (int i = 0; i < r->batch->n_lanes; i++)
    if (tail >= r->batch->lanes[i].n_tails || !is_here(r, tail_of(r, i, tail))) mask_drop(mask, i);
}

static bool same_number(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static bool same_limiting(const struct tail *a, const struct tail *b) {
  return same_number(a->loudness_lufs, b->loudness_lufs) &&
         same_number(a->max_reduction_db, b->max_reduction_db) &&
         same_number(a->drive_db, b->drive_db) && a->pace == b->pace &&
         same_number(a->clip_db, b->clip_db) &&
         a->ceiling == b->ceiling && a->limiter == b->limiter && a->band_limit == b->band_limit;
}

/* Starts the search for a lane's drive; it has to try `drive_db` first. NAN: what the
 * loudness of the input suggests. */
static void begin_search(struct run *r, int lane, const struct tail *t, double drive_db) {
  struct lane_run *l = &r->lane[lane];
  const double start = l->input.integrated_lufs;
  const struct solve_goal goal = {
      t->loudness_lufs,
      solve_max_drive(t->max_reduction_db, peak_db(t->ceiling), l->input_true_peak_db)};
  l->solve = (struct solve){0};
  const double given_db = isnan(t->drive_db) ? 0 : t->drive_db;
  l->searching = !isnan(t->loudness_lufs) && isnan(t->drive_db) && start > -HUGE_VAL;
  if (l->searching) solve_begin(&l->solve, &goal, start);
  if (l->searching && !isnan(drive_db)) l->solve.drive_db = drive_db;
  set_drive(r, lane, l->searching ? l->solve.drive_db : given_db, t->ceiling);
}

static void begin_tail(struct run *r, int tail, lane_mask mask) {
  for (int i = 0; i < r->batch->n_lanes; i++) {
    if (!in_mask(mask, i)) continue;
    struct lane_run *lane = &r->lane[i];
    const struct tail *t = tail_of(r, i, tail);
    run_design(r, i, r->tail.limiter, t->limiter);
    const struct limiter_design *limiter = t->limiter->data;
    lane->choice = (struct pace_choice){.pace = t->pace};
    if (!isnan(t->loudness_lufs)) pace_begin(&lane->choice, 1, limiter->n_paces);
    run_args(r, i, r->tail.loudness, (const int32_t[5]){limiter->groups});
    lane->result = (struct tail_result){.rate_hz = r->rate_hz, .channels = r->batch->channels,
                                        .n_frames = lane->n_frames, .reached = true,
                                        .input = lane->input,
                                        .input_true_peak_db = lane->input_true_peak_db,
                                        .band_limited = lane->band_limited};
    begin_search(r, i, t, NAN);
    if (!isnan(t->loudness_lufs) && lane->input.integrated_lufs == -HUGE_VAL)
      lane->result.reached = false, lane->result.limit = SOLVE_NO_LOUDNESS;
  }
}

/* Runs the gain computer for the lanes' drives; the searching lanes then get their next
 * drive, until none searches. Every lane ends with the gains of its final drive. */
static void search_drive(struct run *r, int tail, lane_mask mask) {
  lane_mask todo;
  memcpy(todo, mask, sizeof todo);
  while (any_lane(todo) && !r->status) {
    run_passes(r, r->tail.limiter, LIMITER_SET_DEMAND, LIMITER_APPLY, todo);
    check_passes(r, r->tail.limiter, LIMITER_SET_DEMAND, LIMITER_APPLY, todo);
    run_hops(r, r->tail.loudness, todo);
    for (int i = 0; i < r->batch->n_lanes; i++) {
      struct lane_run *lane = &r->lane[i];
      if (!in_mask(todo, i)) continue;
      const double tried = lane->result.drive_db;
      if (lane->searching)
        lane->searching = solve_next(&lane->solve, lane_loudness(r, i, r->tail.loudness)) &&
                          !pace_decided(&lane->choice, &lane->solve);
      if (!lane->searching && lane->solve.steps && pace_next(&lane->choice, &lane->solve)) {
        begin_search(r, i, tail_of(r, i, tail), lane->choice.fastest_drive_db);
        continue;
      }
      if (lane->searching || (lane->solve.steps && lane->solve.drive_db != tried))
        set_drive(r, i, lane->solve.drive_db, tail_of(r, i, tail)->ceiling);
      else
        mask_drop(todo, i);
    }
  }
}

static void drop_mismatched(const struct run *r, lane_mask mask) {
  for (int i = 0; i < r->batch->n_lanes; i++)
    if (r->batch->lanes[i].mismatch.found) mask_drop(mask, i);
}

static void apply_and_check(struct run *r, int first_pass, lane_mask mask) {
  run_passes(r, r->tail.limiter, LIMITER_APPLY, LIMITER_CORRECT, mask);
  check_passes(r, r->tail.limiter, first_pass, LIMITER_CORRECT, mask);
}

/* Applies the gains and measures again: blocks above the ceiling get more reduction, at
 * most three times; what is left after that is taken off the whole track. */
static void hold_ceiling(struct run *r, int tail, lane_mask mask) {
  enum { ROUNDS = 3 };
  apply_and_check(r, LIMITER_SET_DEMAND, mask);
  lane_mask todo;
  memcpy(todo, mask, sizeof todo);
  for (int round = 0; round <= ROUNDS + 1 && !r->status; round++) {
    for (int i = 0; i < r->batch->n_lanes; i++) {
      if (!in_mask(todo, i)) continue;
      struct tail_result *result = &r->lane[i].result;
      const int32_t ceiling = tail_of(r, i, tail)->ceiling;
      const int32_t peak = section_max(r, i, LIMITER_AGAIN);
      result->true_peak_db = peak_db(peak);
      if (peak <= ceiling) mask_drop(todo, i);
      else if (round >= ROUNDS)
        set_drive(r, i, result->drive_db - (peak - ceiling + 64.0) / LIMITER_OCTAVE *
                                               det_gain_to_db(2), ceiling);
      if (peak > ceiling) result->limiter_rounds = round + 1;
    }
    if (!any_lane(todo) || round > ROUNDS) break;
    if (round < ROUNDS) {
      run_passes(r, r->tail.limiter, LIMITER_CORRECT, LIMITER_CORRECT + 1, todo);
      check_passes(r, r->tail.limiter, LIMITER_CORRECT, LIMITER_CORRECT + 1, todo);
    }
    run_passes(r, r->tail.limiter, LIMITER_HOLD, LIMITER_APPLY, todo);
    apply_and_check(r, LIMITER_HOLD, todo);
  }
  drop_mismatched(r, mask);
}

/* The verdict on a measured result: target and bound are kept, or what is in the way.
 * Returns by how much another drive would come closer; 0: by nothing. */
static double judge(const struct solve *solve, const struct tail *t, struct tail_result *result) {
  const double error = t->loudness_lufs - result->loudness_lufs;
  const double spare = isnan(t->max_reduction_db) ? HUGE_VAL
                                                  : t->max_reduction_db - result->max_reduction_db;
  const double slope = solve->slope < 0.2 ? 0.2 : solve->slope;
  result->reached = fabs(error) <= SOLVE_TOLERANCE && spare >= 0;
  result->limit = result->reached ? SOLVE_MET : spare < 0 ? SOLVE_REDUCTION : solve->limit;
  if (spare < 0) return spare - 0.01;
  if (result->reached || !solve->reached) return 0;
  result->limit = spare < 0.02 ? SOLVE_REDUCTION : SOLVE_JUMP;
  return error / slope < spare - 0.01 ? error / slope : fmax(spare - 0.01, 0);
}

/* True loudness of the limited signal; lanes in `off` missed their target by more than
 * the tolerance although the search had reached it, or took more than they may, and get a
 * corrected drive. */
static void measure_result(struct run *r, int tail, lane_mask mask, lane_mask off) {
  run_passes(r, r->tail.again, LOUDNESS_FORWARD, LOUDNESS_HOPS, mask);
  check_passes(r, r->tail.again, LOUDNESS_FORWARD, LOUDNESS_HOPS, mask);
  run_hops(r, r->tail.again, mask);
  memset(off, 0, sizeof(lane_mask));
  for (int i = 0; i < r->batch->n_lanes && !r->status; i++) {
    if (!in_mask(mask, i)) continue;
    struct lane_run *lane = &r->lane[i];
    const struct tail *t = tail_of(r, i, tail);
    lane_figures(r, i, r->tail.again, &lane->result.figures);
    lane->result.loudness_lufs = lane->result.figures.integrated_lufs;
    const struct limiter_design *limiter = t->limiter->data;
    lane->result.look_ahead_ms = limiter->pace[lane->choice.pace].look_ahead_us / 1000.0;
    lane->result.release_ms = limiter->pace[lane->choice.pace].release_us / 1000.0;
    lane->result.max_reduction_db =
        (double)section_max(r, i, LIMITER_REDUCTION) / LIMITER_OCTAVE * det_gain_to_db(2);
    if (isnan(t->loudness_lufs) || !lane->solve.steps) continue;
    const double correction = judge(&lane->solve, t, &lane->result);
    if (correction == 0) continue;
    set_drive(r, i, lane->result.drive_db + correction, t->ceiling);
    mask_add(off, i);
  }
}

/* The clipper's threshold falls as the drive rises, and the drive that meets the target
 * depends on it: clips for a drive, searches again behind it, and clips for that one, until
 * both agree. */
static void clip_and_search(struct run *r, int tail, lane_mask mask) {
  lane_mask todo;
  memcpy(todo, mask, sizeof todo);
  for (int round = 0; any_lane(todo) && !r->status; round++) {
    source_clip(r, tail, todo);
    search_drive(r, tail, todo);
    for (int i = 0; i < r->batch->n_lanes; i++) {
      double drive_db;
      if (!in_mask(todo, i)) continue;
      if (!source_next_clip(r, i, tail, round, &drive_db)) {
        mask_drop(todo, i);
        continue;
      }
      const struct tail *t = tail_of(r, i, tail);
      const struct limiter_design *limiter = t->limiter->data;
      pace_begin(&r->lane[i].choice, r->lane[i].choice.pace, limiter->n_paces);
      begin_search(r, i, t, drive_db);
    }
  }
}

/* Applies, measures, and corrects what the search could not see. */
static void settle(struct run *r, int tail, lane_mask mask) {
  lane_mask off, again;
  drop_mismatched(r, mask);
  hold_ceiling(r, tail, mask);
  measure_result(r, tail, mask, off);
  if (!any_lane(off)) return;
  run_passes(r, r->tail.limiter, LIMITER_SET_DEMAND, LIMITER_APPLY, off);
  hold_ceiling(r, tail, off);
  measure_result(r, tail, off, again);
  drop_mismatched(r, mask);
}

/* Leaves the lanes that the search had brought to a target that they then missed, if there is a
 * faster pace: it is searched with. */
static void retry_faster(struct run *r, int tail, lane_mask mask) {
  for (int i = 0; i < r->batch->n_lanes; i++) {
    if (!in_mask(mask, i)) continue; /* it may have fewer tails */
    struct lane_run *l = &r->lane[i];
    const struct tail *t = tail_of(r, i, tail);
    const struct limiter_design *limiter = t->limiter->data;
    if (l->result.reached || !l->solve.reached || l->choice.pace == limiter->n_paces) {
      mask_drop(mask, i);
      continue;
    }
    pace_begin(&l->choice, l->choice.pace + 1, limiter->n_paces);
    begin_search(r, i, t, l->result.drive_db);
  }
}

static void render_tail(struct run *r, int tail, lane_mask mask) {
  begin_tail(r, tail, mask);
  if (r->batch->probe) {
    source_clip(r, tail, mask);
    for (int i = 0; i < r->batch->n_lanes; i++)
      if (in_mask(mask, i)) lane_probe(r, i, tail);
    return;
  }
  clip_and_search(r, tail, mask);
  lane_mask todo;
  memcpy(todo, mask, sizeof todo);
  while (any_lane(todo) && !r->status) {
    settle(r, tail, todo);
    retry_faster(r, tail, todo);
    search_drive(r, tail, todo);
  }
  drop_mismatched(r, mask);
}

/* The samples of a lane: the session's own, or a copy in *owned. */
static const int32_t *take_pcm(struct run *r, int lane, int32_t **owned) {
  const struct batch *b = r->batch;
  const int64_t words = (int64_t)r->lane[lane].n_frames * b->channels;
  const void *pcm = NULL;
  *owned = NULL;
  if (r->engine->view && !b->gives_pcm) pcm = r->engine->view(r->session, lane, BUFFER_PCM);
  if (pcm) return pcm;
  *owned = malloc((size_t)words * sizeof **owned);
  if (!*owned) run_note(r, ENGINE_NO_MEMORY);
  else run_note(r, r->engine->read(r->session, lane, BUFFER_PCM, 0, 0, words, *owned));
  return *owned;
}

static void deliver_lane(struct run *r, int lane, int tail) {
  struct batch *b = r->batch;
  const int32_t blocks = lane_blocks(r, lane);
  int32_t *over = malloc((size_t)blocks * sizeof *over), *owned;
  const int32_t *pcm = take_pcm(r, lane, &owned);
  if (!over) run_note(r, ENGINE_NO_MEMORY);
  run_read_control(r, lane, r->tail.dither, 0, blocks, over);
  if (!r->status && check_pcm(r, lane, pcm)) {
    struct tail_result *result = &r->lane[lane].result;
    result->clipped = 0;
    for (int32_t k = 0; k < blocks; k++) result->clipped += over[k];
    b->n_delivered++;
    b->deliver(b->context, lane, tail, pcm, result);
    if (b->gives_pcm) owned = NULL;
  }
  free(over);
  free(owned);
}

/* A variant that differs from the one before in format alone shares its limited signal. */
static void run_tail(struct run *r, int tail, lane_mask mask) {
  lane_mask fresh;
  memcpy(fresh, mask, sizeof fresh);
  for (int i = 0; i < r->batch->n_lanes; i++) {
    const int previous = r->lane[i].previous_tail;
    if (!in_mask(mask, i)) continue;
    if (previous >= 0 && same_limiting(tail_of(r, i, tail), tail_of(r, i, previous)))
      mask_drop(fresh, i);
    r->lane[i].previous_tail = tail;
  }
  if (r->batch->probe) {
    render_tail(r, tail, mask);
    return;
  }
  if (any_lane(fresh)) render_tail(r, tail, fresh);
  drop_mismatched(r, mask);
  for (int i = 0; i < r->batch->n_lanes; i++) {
    if (!in_mask(mask, i)) continue;
    const struct tail *t = tail_of(r, i, tail);
    run_design(r, i, r->tail.dither, t->dither);
    run_args(r, i, r->tail.dither, (const int32_t[5]){(int32_t)t->seed});
  }
  const int passes = stage_pass_count(r->slots[r->tail.dither].stage);
  run_passes(r, r->tail.dither, 0, passes, mask);
  check_passes(r, r->tail.dither, 0, passes, mask);
  for (int i = 0; i < r->batch->n_lanes && !r->status; i++)
    if (in_mask(mask, i)) deliver_lane(r, i, tail);
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

/* ---- all tails ---- */

static bool stopped(const struct run *r) {
  const struct batch *b = r->batch;
  return b->stop && b->n_delivered && b->stop(b->context);
}

/* The tails with, or those without the low pass. */
static void run_tails_of(struct run *r, bool band_limited) {
  int most_tails = 0;
  for (int i = 0; i < r->batch->n_lanes; i++)
    if (r->batch->lanes[i].n_tails > most_tails) most_tails = r->batch->lanes[i].n_tails;
  for (int t = 0; t < most_tails && !r->status && !stopped(r); t++) {
    lane_mask mask;
    active_lanes(r, t, mask);
    for (int i = 0; i < r->batch->n_lanes; i++)
      if (in_mask(mask, i) && source_wants_band_limit(r, i, t) != band_limited) mask_drop(mask, i);
    if (any_lane(mask)) run_tail(r, t, mask);
  }
}

static void run_tails(struct run *r) {
  lane_mask mask;
  if (stopped(r)) return;
  choose_lanes(r, true, mask);
  source_measure(r, mask);
  for (int i = 0; i < r->batch->n_lanes; i++) r->lane[i].previous_tail = -1;
  source_look_for_high(r, mask);
  run_tails_of(r, false);
  if (stopped(r)) return;
  drop_mismatched(r, mask);
  source_limit_band(r, mask);
  run_tails_of(r, true);
}

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
    for (int i = 0; (to = nth_way(batch, rate, i)) && !r->status && !stopped(r); i++)
      if (rate != batch->rate_hz || to->fold || to->binaural) render_converted(r, at, rate, to);
  }
  if (delivers) run_tails(r);
  const enum engine_status status = r->status;
  free_chains(batch);
  run_destroy(r);
  return status;
}
