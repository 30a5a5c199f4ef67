/* SPDX-License-Identifier: MIT
 * See chain_run.h: what loudness slots and limiter measured of a lane's programme. */
#include <math.h>
#include <stdlib.h>

#include "chain_run.h"
#include "detmath.h"
#include "limiter.h"
#include "loudness.h"

enum { CHUNK = 1 << 20 };

/* Energies of all channels, tick by tick. */
static void read_ticks(struct run *r, int lane, int slot, double *ticks, int32_t n_ticks) {
  const struct loudness_design *d = r->design[lane][slot]->data;
  const int64_t points = (int64_t)lane_blocks(r, lane) * d->points;
  float *energy = malloc(CHUNK * sizeof *energy);
  if (!energy) run_note(r, ENGINE_NO_MEMORY);
  for (int c = 0; c < r->batch->channels; c++)
    for (int64_t at = 0; at < points && !r->status; at += CHUNK) {
      const int64_t n = points - at < CHUNK ? points - at : CHUNK;
      run_read_control(r, lane, slot, c * points + at, n, energy);
      if (!r->status) loudness_add_ticks(d, at, n, energy, ticks, n_ticks);
    }
  free(energy);
}

void lane_figures(struct run *r, int lane, int slot, struct loudness_figures *f) {
  const int32_t frames = r->lane[lane].n_frames, rate = r->rate_hz;
  const int32_t n_hops = loudness_hops(frames, rate), n_ticks = loudness_ticks(frames, rate);
  float *hops = malloc(((size_t)n_hops + 1) * sizeof *hops);
  double *scratch = calloc((size_t)n_ticks + 1, sizeof *scratch); /* n_ticks >= n_hops */
  *f = (struct loudness_figures){-HUGE_VAL, -HUGE_VAL, -HUGE_VAL, 0};
  if (!hops || !scratch) run_note(r, ENGINE_NO_MEMORY);
  if (!r->status) read_ticks(r, lane, slot, scratch, n_ticks);
  if (!r->status) {
    f->momentary_lufs = loudness_maximum(scratch, n_ticks, LOUDNESS_MOMENTARY, rate);
    f->short_term_lufs = loudness_maximum(scratch, n_ticks, LOUDNESS_SHORT_TERM, rate);
  }
  const int64_t at =
      loudness_hops_offset(r->design[lane][slot], lane_blocks(r, lane), r->batch->channels);
  if (n_hops) run_read_control(r, lane, slot, at, n_hops, hops);
  if (n_hops && !r->status) {
    f->integrated_lufs = loudness_integrated(hops, n_hops, rate, scratch);
    f->range_lu = loudness_range(hops, n_hops, rate, scratch);
  }
  free(scratch);
  free(hops);
}

static int32_t *copy_words(struct run *r, int lane, int slot, int64_t n) {
  int32_t *words = malloc(((size_t)n + 1) * sizeof *words);
  if (!words) run_note(r, ENGINE_NO_MEMORY);
  for (int64_t at = 0; words && at < n && !r->status; at += CHUNK)
    run_read_control(r, lane, slot, at, n - at < CHUNK ? n - at : CHUNK, words + at);
  return words;
}

void lane_probe(struct run *r, int lane, int tail) {
  const struct tail *t = &r->batch->lanes[lane].tails[tail];
  const struct stage_design *loudness = r->design[lane][r->tail.loudness];
  const int64_t blocks = lane_blocks(r, lane);
  struct probe p = {.rate_hz = r->rate_hz, .channels = r->batch->channels,
                    .n_frames = r->lane[lane].n_frames, .loudness = loudness,
                    .limiter = t->limiter, .ceiling = t->ceiling,
                    .true_peak_db = peak_db(section_max(r, lane, LIMITER_LEVEL))};
  p.n_levels = blocks * t->limiter->control_words / LIMITER_SECTIONS * LIMITER_DEMAND;
  p.n_energies = loudness_hops_offset(loudness, (int32_t)blocks, p.channels);
  p.levels = copy_words(r, lane, r->tail.limiter, p.n_levels);
  p.energies = copy_words(r, lane, r->tail.loudness, p.n_energies);
  if (r->status) probe_free(&p);
  else r->batch->probe(r->batch->context, lane, tail, &p);
}

double lane_loudness(struct run *r, int lane, int slot) {
  const int32_t n = loudness_hops(r->lane[lane].n_frames, r->rate_hz);
  float *hops = malloc(((size_t)n + 1) * sizeof *hops);
  double *scratch = malloc(((size_t)n + 1) * sizeof *scratch), lufs = -HUGE_VAL;
  if (!hops || !scratch) {
    run_note(r, ENGINE_NO_MEMORY);
  } else if (n && !r->status) {
    const int64_t at = loudness_hops_offset(r->design[lane][slot], lane_blocks(r, lane),
                                            r->batch->channels);
    run_read_control(r, lane, slot, at, n, hops);
    if (!r->status) lufs = loudness_integrated(hops, n, r->rate_hz, scratch);
  }
  free(scratch);
  free(hops);
  return lufs;
}

/* The largest of `words` control words of a lane's limiter. */
static int32_t largest_word(struct run *r, int lane, int64_t first, int64_t words) {
  int32_t *data = malloc(CHUNK * sizeof *data), most = INT32_MIN;
  if (!data) run_note(r, ENGINE_NO_MEMORY);
  for (int64_t at = first; at < first + words && !r->status; at += CHUNK) {
    const int64_t n = first + words - at < CHUNK ? first + words - at : CHUNK;
    run_read_control(r, lane, r->tail.limiter, at, n, data);
    for (int64_t i = 0; i < n && !r->status; i++)
      if (data[i] > most) most = data[i];
  }
  free(data);
  return most;
}

int32_t section_max(struct run *r, int lane, int section) {
  const struct limiter_design *d = r->design[lane][r->tail.limiter]->data;
  const int64_t words = (int64_t)lane_blocks(r, lane) * d->points;
  return largest_word(r, lane, section * words * r->batch->channels, d->groups * words);
}

double peak_db(int32_t level) {
  return level > -100 * LIMITER_OCTAVE ? (double)level / LIMITER_OCTAVE * det_gain_to_db(2)
                                       : -HUGE_VAL;
}
