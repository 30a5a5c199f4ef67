/* SPDX-License-Identifier: MIT
 * Lanes through batch_render, each with its own audio, designs and tails, and what was
 * delivered of each; and the comparison of two renders, bit by bit. */
#ifndef LACQUER_BATCH_FIXTURE_H
#define LACQUER_BATCH_FIXTURE_H
#include "chain.h"
#include "dither.h"
#include "limiter.h"

enum { BATCH_TAILS = 6, BATCH_LANES = 5 };

/* Settings of a tail and the designs made of them: owned, see batch_tail_free. */
struct batch_tail {
  const struct batch_tail *shares; /* whose limiter design it uses; NULL: its own */
  double loudness_lufs; /* NAN: none */
  double max_reduction_db; /* 0: any */
  struct limiter_params limiter;
  struct dither_params dither;
  uint32_t seed;
  int rate_hz; /* delivered; 0: the batch's */
  struct stage_design limiter_design, dither_design;
  /* at rate_hz */
  struct stage_design resample_design, loudness_design, band_limit_design, clip_design;
};
void batch_tail_design(struct batch_tail *tail, const struct stage_format *format);
void batch_tail_free(struct batch_tail *tail);

struct batch_lane {
  struct lane_job job; /* in: all but `tails` and the results; the caller's memory */
  const struct batch_tail *tails[BATCH_TAILS]; /* job.n_tails */
  /* out */
  int delivered[BATCH_TAILS]; /* calls of deliver */
  struct tail_result result[BATCH_TAILS];
  int32_t *pcm[BATCH_TAILS]; /* interleaved; owned, see batch_lane_clear */
};
/* Renders with the batch's rate, channels, stages, segments, loudness design and tier.
 * What the lanes held before is dropped. */
enum engine_status batch_fixture_render(const struct engine *engine, struct batch batch,
                                        struct batch_lane *lanes, int n_lanes);
void batch_lane_clear(struct batch_lane *lane);

/* Empty when tail `a_tail` of lane a and `b_tail` of b are the same: delivered once, PCM
 * words and results equal; else a sentence about the first difference, in text[160]. */
const char *batch_difference(const struct batch_lane *a, int a_tail, const struct batch_lane *b,
                             int b_tail, int channels, char text[160]);
#endif
