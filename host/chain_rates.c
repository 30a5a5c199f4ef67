/* SPDX-License-Identifier: MIT
 * Delivery at several rates and in several layouts: which tails belong to a run, and how the
 * chain's output comes to another run. */
#include <stdlib.h>
#include <string.h>

#include "binaural.h"
#include "chain_run.h"
#include "engine_cpu.h"
#include "fold.h"

const struct tail *first_tail(const struct run *r, int lane) {
  const struct lane_job *job = &r->batch->lanes[lane];
  for (int t = 0; t < job->n_tails; t++)
    if (is_here(r, &job->tails[t])) return &job->tails[t];
  return NULL;
}

struct conversion run_conversion(const struct run *r) {
  const struct batch *b = r->batch;
  struct conversion all = {0};
  for (int i = 0; i < b->n_lanes; i++)
    for (int t = 0; t < b->lanes[i].n_tails; t++) {
      const struct conversion *to = &b->lanes[i].tails[t].to;
      if (!is_here(r, &b->lanes[i].tails[t])) continue;
      const struct stage_design *clip = all.clip; /* only some tails have one */
      all = *to;
      if (!all.clip) all.clip = clip;
      all.rate_hz = r->rate_hz;
    }
  if (!all.rate_hz || r->rate_hz != b->rate_hz || r->fold || r->binaural) return all;
  return (struct conversion){.rate_hz = r->rate_hz, .loudness = b->loudness,
                             .band_limit = b->band_limit, .clip = b->clip};
}

int next_rate(const struct batch *b, int rate_hz) {
  int next = 0;
  for (int i = 0; i < b->n_lanes; i++)
    for (int t = 0; t < b->lanes[i].n_tails; t++) {
      const int rate = rate_of_tail(b, &b->lanes[i].tails[t]);
      if (rate > rate_hz && (!next || rate < next)) next = rate;
    }
  return next;
}

/* Whether a tail's way is none of those that come before it at its rate. */
static bool is_new_way(const struct batch *b, int lane, int tail) {
  const struct tail *of = &b->lanes[lane].tails[tail];
  for (int i = 0; i <= lane; i++)
    for (int t = 0; t < (i < lane ? b->lanes[i].n_tails : tail); t++) {
      const struct tail *before = &b->lanes[i].tails[t];
      if (rate_of_tail(b, before) == rate_of_tail(b, of) && before->to.fold == of->to.fold &&
          before->to.binaural == of->to.binaural)
        return false;
    }
  return true;
}

const struct conversion *nth_way(const struct batch *b, int rate_hz, int n) {
  for (int i = 0; i < b->n_lanes; i++)
    for (int t = 0; t < b->lanes[i].n_tails; t++)
      if (rate_of_tail(b, &b->lanes[i].tails[t]) == rate_hz && is_new_way(b, i, t) && !n--)
        return &b->lanes[i].tails[t].to;
  return NULL;
}

int folds_room(const struct run *r) {
  int most = 0;
  for (int i = 0; i < r->batch->n_lanes && r->fold_slot >= 0 && !r->fold; i++)
    for (int t = 0; t < r->batch->lanes[i].n_tails; t++) {
      const struct stage_design *fold = r->batch->lanes[i].tails[t].to.fold;
      if (fold && fold->shape->columns > most) most = fold->shape->columns;
    }
  return most;
}

void choose_lanes(const struct run *r, bool delivering, lane_mask mask) {
  memset(mask, 0, sizeof(lane_mask));
  for (int i = 0; i < r->batch->n_lanes; i++)
    if (!r->batch->lanes[i].mismatch.found && (!delivering || first_tail(r, i)))
      mask_add(mask, i);
}

static int add_mix(struct run *r, const struct stage *stage, enum lane_buffer src,
                   enum lane_buffer dst, const struct stage_design *any) {
  if (!any) return -1;
  const int slot = r->n_slots++;
  r->slots[slot] = (struct slot_plan){stage, src, dst, -1};
  for (int i = 0; i < r->batch->n_lanes; i++) r->design[i][slot] = any;
  return slot;
}

void plan_fold(struct run *r, enum lane_buffer at) {
  const struct batch *b = r->batch;
  const struct stage_design *fold = NULL, *binaural = NULL;
  enum lane_buffer other = at == BUFFER_A ? BUFFER_B : BUFFER_A, last = other;
  for (int i = 0; i < b->n_lanes; i++)
    for (int t = 0; t < b->lanes[i].n_tails; t++) {
      const struct conversion *to = &b->lanes[i].tails[t].to;
      if (to->fold) fold = to->fold;
      if (to->binaural) binaural = to->binaural;
      if (to->fold && to->binaural) last = BUFFER_C;
    }
  r->fold_slot = add_mix(r, &stage_fold, at, other, fold);
  r->binaural_slot = add_mix(r, &stage_binaural, at, last, binaural);
}

static enum lane_buffer mix(struct run *chain, int slot, enum lane_buffer at,
                            const struct stage_design *design, lane_mask mask) {
  if (!design) return at;
  const enum lane_buffer to = chain->slots[slot].dst;
  const int passes = stage_pass_count(chain->slots[slot].stage);
  for (int i = 0; i < chain->batch->n_lanes; i++) {
    if (!in_mask(mask, i)) continue;
    run_design(chain, i, slot, design);
    run_buffers(chain, i, slot, at, to);
  }
  run_passes(chain, slot, 0, passes, mask);
  check_passes(chain, slot, 0, passes, mask);
  return to;
}

enum lane_buffer fold_chain(struct run *chain, enum lane_buffer at, const struct conversion *to,
                            lane_mask mask) {
  at = mix(chain, chain->fold_slot, at, to->fold, mask);
  return mix(chain, chain->binaural_slot, at, to->binaural, mask);
}

/* Copies a channel of a lane from one session to another. */
static enum engine_status copy_channel(const struct engine *e, struct session *from,
                                       enum lane_buffer at, struct session *to, int lane,
                                       int channel, int32_t n_frames) {
  enum { CHUNK = 1 << 20 };
  enum engine_status status = ENGINE_OK;
  float *data = malloc(CHUNK * sizeof *data);
  if (!data) return ENGINE_NO_MEMORY;
  for (int32_t first = 0; first < n_frames && !status; first += CHUNK) {
    const int32_t n = n_frames - first < CHUNK ? n_frames - first : CHUNK;
    status = e->read(from, lane, at, channel, first, n, data);
    if (!status) status = e->write(to, lane, BUFFER_A, channel, first, n, data);
  }
  free(data);
  return status;
}

void hand_over(struct run *chain, enum lane_buffer at, struct run *r, const lane_mask mask) {
  for (int i = 0; i < r->batch->n_lanes; i++) {
    const int32_t n = chain->lane[i].n_frames;
    if (!in_mask(mask, i)) continue;
    for (int c = 0; c < r->batch->channels && !r->status; c++) {
      run_note(r, copy_channel(r->engine, chain->session, at, r->session, i, c, n));
      if (r->batch->tier == VERIFY_FULL && !r->status)
        run_note(r, copy_channel(&engine_cpu, chain->lane[i].shadow, at, r->lane[i].shadow, 0, c,
                                 n));
    }
    if (!r->status && r->n_chain) run_args(r, i, 0, (const int32_t[5]){n});
  }
}
