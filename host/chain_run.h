/* SPDX-License-Identifier: MIT
 * Inside chain*.c: a batch in progress. */
#ifndef LACQUER_CHAIN_RUN_H
#define LACQUER_CHAIN_RUN_H
#include "chain.h"

struct lane_run {
  int32_t n_frames;       /* at the run's rate */
  struct session *shadow; /* the reference's session of this lane; NULL: not checked */
  struct loudness_figures input; /* of the tails' input */
  double input_true_peak_db;
  enum lane_buffer at;    /* the tails' input */
  enum lane_buffer source; /* what the limiter takes in: the same, or C: clipped */
  double clip_drive_db;    /* drive that `source` is for */
  double last_clip_drive_db, last_clip_step_db, last_clip_lufs; /* of the round before */
  int32_t input_peak;     /* its true peak, octaves in Q20 */
  int32_t chain_peak;     /* the same before any low pass */
  bool is_high;           /* then it had peaks next to Nyquist */
  bool band_limited;      /* it went through the band limit */
  struct solve solve;
  bool searching;
  struct pace_choice choice; /* and its limiter's pace */
  struct tail_result result;
  int previous_tail;      /* whose limited signal is still there; -1: none */
};
/* One session of a batch: stages at one rate and with one number of channels. */
struct run {
  const struct engine *engine;
  struct session *session;
  struct batch *batch;
  int rate_hz;
  const struct stage_design *fold, *binaural; /* what its input went through; NULL: nothing */
  struct batch folded;             /* then `batch` is this one, with so many channels */
  struct slot_plan slots[MAX_SLOTS];
  const struct stage_design *design[MAX_LANES][MAX_SLOTS];
  enum lane_buffer src[MAX_LANES][MAX_SLOTS], dst[MAX_LANES][MAX_SLOTS];
  int n_slots;
  int n_chain;        /* the first slots: the chain, or the conversion to rate_hz */
  int fold_slot, binaural_slot; /* behind the chain; -1: nothing is folded, rendered */
  struct tail_slots { /* places in slots */
    int limiter, loudness, again, dither; /* again: loudness of the limited signal */
    int band_limit, clip;                 /* -1: no variant has one */
  } tail;
  int32_t max_blocks;
  struct lane_run lane[MAX_LANES];
  enum engine_status status; /* the first failure; everything after it is skipped */
};

typedef uint64_t lane_mask[MAX_LANES / 64];
static inline bool in_mask(const uint64_t *mask, int lane) {
  return mask[lane / 64] >> (lane % 64) & 1;
}
static inline void mask_add(uint64_t *mask, int lane) {
  mask[lane / 64] |= (uint64_t)1 << (lane % 64);
}
static inline void mask_drop(uint64_t *mask, int lane) {
  mask[lane / 64] &= ~((uint64_t)1 << (lane % 64));
}
static inline bool any_lane(const uint64_t *mask) {
  for (int i = 0; i < MAX_LANES / 64; i++)
    if (mask[i]) return true;
  return false;
}
static inline const struct tail *tail_of(const struct run *r, int lane, int tail) {
  return &r->batch->lanes[lane].tails[tail];
}
static inline int rate_of_tail(const struct batch *b, const struct tail *t) {
  return t->to.rate_hz ? t->to.rate_hz : b->rate_hz;
}
/* Whether a tail is the run's. */
static inline bool is_here(const struct run *r, const struct tail *t) {
  return rate_of_tail(r->batch, t) == r->rate_hz && t->to.fold == r->fold &&
         t->to.binaural == r->binaural;
}
static inline int stage_pass_count(const struct stage *stage) {
  int n = 0;
  while (stage->passes[n].name) n++;
  return n;
}
static inline int32_t lane_blocks(const struct run *r, int lane) {
  return (r->lane[lane].n_frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
}

void run_note(struct run *r, enum engine_status status); /* keeps the first failure */
/* Each does its work on the device and, in the full tier, on the reference. */
void run_pass(struct run *r, int slot, int pass, int32_t first, int32_t count,
              const uint64_t *mask);
void run_args(struct run *r, int lane, int slot, const int32_t args[5]);
void run_buffers(struct run *r, int lane, int slot, enum lane_buffer src, enum lane_buffer dst);
void run_design(struct run *r, int lane, int slot, const struct stage_design *design);
/* A lane's words for decisions and reports. */
void run_read(struct run *r, int lane, enum lane_buffer buffer, int channel, float *data);
void run_read_control(struct run *r, int lane, int slot, int64_t first, int64_t words,
                      void *data);
/* chain_rates.c: which tails and lanes are the run's. The lane's first tail there; NULL: it has
 * none. */
const struct tail *first_tail(const struct run *r, int lane);
/* What all the run's tails share; rate_hz 0: it has none. Of another rate than the batch's:
 * resample is set. */
struct conversion run_conversion(const struct run *r);
/* The lowest rate above `rate_hz` that anything is delivered at; 0: none. */
int next_rate(const struct batch *batch, int rate_hz);
/* The most channels that a fold makes of the chain's output; 0: nothing is folded here. */
int folds_room(const struct run *r);
/* Of the ways to other channels, or none, that what is delivered at a rate has gone the n-th
 * from 0; NULL: there are no more. */
const struct conversion *nth_way(const struct batch *batch, int rate_hz, int n);
/* Beside the chain: folds its output, or renders it for headphones, for runs of fewer channels,
 * into the buffer that it does not end in; what was folded goes on to a third one. */
void plan_fold(struct run *r, enum lane_buffer at);
/* Folds the chain's output, in `at`, for the lanes of `mask`, and renders it for headphones, as
 * `to` has it. Returns where it ends. */
enum lane_buffer fold_chain(struct run *chain, enum lane_buffer at, const struct conversion *to,
                            lane_mask mask);
/* Lanes that are still sound and, when `delivering`, have a tail of the run's. */
void choose_lanes(const struct run *r, bool delivering, lane_mask mask);
/* The chain's output, in `at`, becomes the input of a conversion, in A; the reference's that
 * of the reference's. */
void hand_over(struct run *chain, enum lane_buffer at, struct run *r, const lane_mask mask);

/* A loudness slot's hops. */
void run_hops(struct run *r, int slot, uint64_t *mask);
/* Passes [first_pass, end_pass) over the whole tracks, segment after segment. */
void run_passes(struct run *r, int slot, int first_pass, int end_pass, const uint64_t *mask);

/* Checks what passes [first_pass, end_pass) of a slot wrote; a lane that differs gets
 * its mismatch set and leaves `mask`. */
void check_passes(struct run *r, int slot, int first_pass, int end_pass, uint64_t *mask);
/* Checks the loudness hops of a slot. */
void check_hops(struct run *r, int slot, uint64_t *mask);
/* In the full tier: whether PCM that was read to be delivered is what was compared. */
bool check_pcm(struct run *r, int lane, const int32_t *pcm);
/* What a loudness slot measured of a lane: its passes and hops have run. */
void lane_figures(struct run *r, int lane, int slot, struct loudness_figures *figures);
/* Its integrated loudness alone; -HUGE_VAL: silence. */
double lane_loudness(struct run *r, int lane, int slot);
/* The largest word of a section of the limiter's control data, over its gains. */
int32_t section_max(struct run *r, int lane, int section);
double peak_db(int32_t level); /* -HUGE_VAL: silence */

/* Tells batch->probe of a lane: its input is measured. */
void lane_probe(struct run *r, int lane, int tail);

/* What the limiter takes in (chain_source.c): measures it, */
void source_measure(struct run *r, lane_mask mask);
/* sets is_high, */
void source_look_for_high(struct run *r, const lane_mask mask);
/* tells whether a tail needs the low pass: in auto, if the limiter may have to act and
 * peaks hide, */
bool source_wants_band_limit(const struct run *r, int lane, int tail);
/* puts the low pass in the way of the lanes that have such a tail, */
void source_limit_band(struct run *r, const lane_mask mask);
/* clips for the lanes' drives, or not; lanes that differ leave `mask`, */
void source_clip(struct run *r, int tail, lane_mask mask);
/* and tells whether to clip again for another drive, after `round` rounds. */
bool source_next_clip(struct run *r, int lane, int tail, int round, double *drive_db);

/* Whether the run is to end, with something delivered (chain_tail.c). */
bool run_stopped(const struct run *r);
/* Measures what the limiter takes in, and delivers all tails of the run. */
void run_tails(struct run *r);

enum engine_status check_open(struct run *r, const struct session_plan *plan);
void check_close(struct run *r);
#endif
