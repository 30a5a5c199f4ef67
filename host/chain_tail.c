/* SPDX-License-Identifier: MIT
 * The tail of one variant, all lanes side by side, and all tails. See chain_run.h. */
#include "chain_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "detmath.h"
#include "limiter.h"
#include "loudness.h"

static void set_drive(struct run *r, int lane, double drive_db, int32_t ceiling) {
  r->lane[lane].result.drive_db = drive_db;
  run_args(r, lane, r->tail.limiter,
           (const int32_t[5]){solve_drive_q20(drive_db), ceiling, r->lane[lane].choice.pace});
}

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

/* ---- all tails ---- */

bool run_stopped(const struct run *r) {
  const struct batch *b = r->batch;
  return b->stop && b->n_delivered && b->stop(b->context);
}

/* The tails with, or those without the low pass. */
static void run_tails_of(struct run *r, bool band_limited) {
  int most_tails = 0;
  for (int i = 0; i < r->batch->n_lanes; i++)
    if (r->batch->lanes[i].n_tails > most_tails) most_tails = r->batch->lanes[i].n_tails;
  for (int t = 0; t < most_tails && !r->status && !run_stopped(r); t++) {
    lane_mask mask;
    active_lanes(r, t, mask);
    for (int i = 0; i < r->batch->n_lanes; i++)
      if (in_mask(mask, i) && source_wants_band_limit(r, i, t) != band_limited) mask_drop(mask, i);
    if (any_lane(mask)) run_tail(r, t, mask);
  }
}

void run_tails(struct run *r) {
  lane_mask mask;
  if (run_stopped(r)) return;
  choose_lanes(r, true, mask);
  source_measure(r, mask);
  for (int i = 0; i < r->batch->n_lanes; i++) r->lane[i].previous_tail = -1;
  source_look_for_high(r, mask);
  run_tails_of(r, false);
  if (run_stopped(r)) return;
  drop_mismatched(r, mask);
  source_limit_band(r, mask);
  run_tails_of(r, true);
}
