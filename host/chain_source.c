/* SPDX-License-Identifier: MIT
 * What the limiter takes in: the chain's output as it is, without what lies next to
 * Nyquist, or clipped; and its measurement. See chain_run.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "band_limit.h"
#include "chain_run.h"
#include "clip.h"
#include "detmath.h"
#include "limiter.h"
#include "loudness.h"

/* ---- measuring ---- */

/* K-weighted energies and peaks. */
static void measure(struct run *r, lane_mask mask) {
  const int loudness = r->tail.loudness, limiter = r->tail.limiter;
  run_passes(r, loudness, LOUDNESS_FORWARD, LOUDNESS_HOPS, mask);
  check_passes(r, loudness, LOUDNESS_FORWARD, LOUDNESS_HOPS, mask);
  run_passes(r, limiter, LIMITER_HALF_WAY, LIMITER_SET_DEMAND, mask);
  check_passes(r, limiter, LIMITER_HALF_WAY, LIMITER_SET_DEMAND, mask);
}

void source_measure(struct run *r, lane_mask mask) {
  for (int i = 0; i < r->batch->n_lanes; i++)
    if (in_mask(mask, i)) run_args(r, i, r->tail.loudness, (const int32_t[5]){0});
  measure(r, mask);
  run_hops(r, r->tail.loudness, mask);
  for (int i = 0; i < r->batch->n_lanes && !r->status; i++) {
    struct lane_run *lane = &r->lane[i];
    if (!in_mask(mask, i)) continue;
    lane_figures(r, i, r->tail.loudness, &lane->input);
    lane->input_peak = section_max(r, i, LIMITER_LEVEL);
    lane->input_true_peak_db = peak_db(lane->input_peak);
  }
}

static void set_source(struct run *r, int lane, enum lane_buffer source) {
  r->lane[lane].source = source;
  run_buffers(r, lane, r->tail.limiter, source, r->dst[lane][r->tail.limiter]);
  run_buffers(r, lane, r->tail.loudness, source, BUFFER_NONE);
}

/* ---- the low pass next to Nyquist ---- */

/* Whether a channel has peaks there, block by block. */
static bool channel_is_high(struct run *r, int lane, int channel, int32_t track_peak) {
  const int limiter = r->tail.limiter, channels = r->batch->channels;
  const struct limiter_design *d = r->design[lane][limiter]->data;
  const int64_t words = (int64_t)lane_blocks(r, lane) * d->points;
  const int group = d->group_of[channel];
  const int64_t level = (LIMITER_LEVEL * channels + group) * words;
  const int64_t high = (LIMITER_HIGH * channels + channel) * words;
  int32_t *data = malloc(2 * (size_t)words * sizeof *data);
  bool found = false;
  if (!data) run_note(r, ENGINE_NO_MEMORY);
  if (data) run_read_control(r, lane, limiter, level, words, data);
  if (data) run_read_control(r, lane, limiter, high, words, data + words);
  for (int64_t at = 0; at < words && !r->status && !found; at += d->points) {
    int32_t peak = data[at];
    for (int k = 1; k < d->points; k++)
      if (data[at + k] > peak) peak = data[at + k];
    found = limiter_is_high(data[words + at], peak, track_peak);
  }
  free(data);
  return found;
}

void source_look_for_high(struct run *r, const lane_mask mask) {
  for (int i = 0; i < r->batch->n_lanes; i++) {
    if (!in_mask(mask, i) || r->tail.band_limit < 0) continue;
    const int32_t peak = r->lane[i].chain_peak = r->lane[i].input_peak;
    for (int c = 0; c < r->batch->channels && !r->lane[i].is_high; c++)
      r->lane[i].is_high = channel_is_high(r, i, c, peak);
  }
}

bool source_wants_band_limit(const struct run *r, int lane, int tail) {
  const struct tail *t = tail_of(r, lane, tail);
  if (r->tail.band_limit < 0 || t->band_limit == BAND_LIMIT_OFF) return false;
  if (t->band_limit == BAND_LIMIT_ON) return true;
  const bool near_ceiling = r->lane[lane].chain_peak > t->ceiling - LIMITER_OCTAVE / 2;
  const bool driven = !isnan(t->loudness_lufs) || !isnan(t->drive_db);
  return r->lane[lane].is_high && (near_ceiling || driven);
}

/* The low-passed input trades places with the limited signal. */
static void trade_places(struct run *r, int lane) {
  const struct tail_slots *slot = &r->tail;
  const enum lane_buffer limited = r->lane[lane].at, at = r->dst[lane][slot->band_limit];
  run_buffers(r, lane, slot->limiter, at, limited);
  run_buffers(r, lane, slot->again, limited, BUFFER_NONE);
  run_buffers(r, lane, slot->dither, limited, BUFFER_PCM);
  if (slot->clip >= 0) run_buffers(r, lane, slot->clip, at, BUFFER_C);
  set_source(r, lane, at);
  r->lane[lane].at = at;
  r->lane[lane].band_limited = true;
  r->lane[lane].previous_tail = -1;
}

void source_limit_band(struct run *r, const lane_mask mask) {
  const int slot = r->tail.band_limit, passes = stage_pass_count(&stage_band_limit);
  lane_mask waiting = {0};
  for (int i = 0; i < r->batch->n_lanes; i++)
    for (int t = 0; t < r->batch->lanes[i].n_tails; t++)
      if (in_mask(mask, i) && is_here(r, tail_of(r, i, t)) && source_wants_band_limit(r, i, t))
        mask_add(waiting, i);
  if (!any_lane(waiting)) return;
  run_passes(r, slot, 0, passes, waiting);
  check_passes(r, slot, 0, passes, waiting);
  for (int i = 0; i < r->batch->n_lanes; i++)
    if (in_mask(waiting, i)) trade_places(r, i);
  source_measure(r, waiting);
}

/* ---- the clipper ---- */

enum { CLIP_ROUNDS = 8 };
#define CLIP_TOLERANCE_DB 0.02 /* between the drive that is clipped for and the one found */
#define CLIP_LATE_DB 1         /* the same in the second half of the rounds */
#define CLIP_STEP_DB 2         /* largest change of the drive from round to round */

/* Whether peaks reach the clipper's knee, 20 log10(0.625) = -4.1 dB from its threshold. */
static bool clips(const struct run *r, int lane, const struct tail *t, double drive_db) {
  if (r->tail.clip < 0 || isnan(t->clip_db)) return false;
  const double peak_over_db = r->lane[lane].input_true_peak_db + drive_db - peak_db(t->ceiling);
  return peak_over_db > t->clip_db - 4.2;
}

void source_clip(struct run *r, int tail, lane_mask mask) {
  lane_mask clipped = {0}, changed = {0};
  for (int i = 0; i < r->batch->n_lanes; i++) {
    struct lane_run *lane = &r->lane[i];
    const struct tail *t = tail_of(r, i, tail);
    if (!in_mask(mask, i)) continue;
    lane->clip_drive_db = lane->result.drive_db;
    if (clips(r, i, t, lane->clip_drive_db)) {
      int32_t args[5];
      clip_args(peak_db(t->ceiling) + t->clip_db - lane->clip_drive_db, args);
      run_args(r, i, r->tail.clip, args);
      mask_add(clipped, i);
    } else if (lane->source != lane->at) {
      set_source(r, i, lane->at);
      mask_add(changed, i);
    }
  }
  if (any_lane(clipped)) {
    run_passes(r, r->tail.clip, 0, stage_pass_count(&stage_clip), clipped);
    check_passes(r, r->tail.clip, 0, stage_pass_count(&stage_clip), clipped);
  }
  for (int i = 0; i < r->batch->n_lanes; i++) {
    if (!in_mask(clipped, i)) continue;
    set_source(r, i, BUFFER_C);
    mask_add(changed, i);
  }
  if (any_lane(changed)) measure(r, changed);
  for (int i = 0; i < r->batch->n_lanes; i++) {
    struct lane_run *lane = &r->lane[i];
    if (r->batch->lanes[i].mismatch.found) mask_drop(mask, i);
    if (!in_mask(clipped, i) || r->status) continue;
    lane->result.clipped_db = lane->input_true_peak_db - peak_db(section_max(r, i, LIMITER_LEVEL));
  }
}

/* Whether another drive is closer to the one that the search behind the clipper asks for;
 * then by how much to change it. */
static bool next_step(const struct lane_run *l, int round, double *by_db) {
  const double step_db = l->result.drive_db - l->clip_drive_db;
  if (l->solve.limit == SOLVE_CEILING) { /* more must be clipped, if that makes it louder */
    *by_db = CLIP_STEP_DB;
    return !round || l->solve.loudness_lufs > l->last_clip_lufs + CLIP_TOLERANCE_DB;
  }
  if (fabs(step_db) <= (round < CLIP_ROUNDS / 2 ? CLIP_TOLERANCE_DB : CLIP_LATE_DB)) return false;
  const double change_db = l->clip_drive_db - l->last_clip_drive_db;
  const double slope = round ? (step_db - l->last_clip_step_db) / change_db : -1;
  *by_db = slope < -0.25 ? -step_db / slope : step_db; /* a secant */
  *by_db = fmax(fmin(*by_db, CLIP_STEP_DB), -CLIP_STEP_DB);
  return true;
}

bool source_next_clip(struct run *r, int lane, int tail, int round, double *drive_db) {
  struct lane_run *l = &r->lane[lane];
  const double found_db = l->result.drive_db;
  const bool acts = l->source == BUFFER_C || clips(r, lane, tail_of(r, lane, tail), found_db);
  double by_db;
  if (!acts || !l->solve.steps || round + 1 >= CLIP_ROUNDS) return false;
  if (!next_step(l, round, &by_db)) return false;
  l->last_clip_drive_db = l->clip_drive_db;
  l->last_clip_step_db = found_db - l->clip_drive_db;
  l->last_clip_lufs = l->solve.loudness_lufs;
  *drive_db = l->clip_drive_db + by_db;
  return true;
}
