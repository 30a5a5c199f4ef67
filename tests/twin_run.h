/* SPDX-License-Identifier: MIT
 * One stage on two engines, pass after pass, every word that both hold compared by memcmp.
 * All buffers and control words are poisoned first, a second lane of the device is
 * poisoned and masked out: what no pass should write must come back as it was. */
#ifndef LACQUER_TWIN_RUN_H
#define LACQUER_TWIN_RUN_H
#include "engine.h"

/* Audio as the ingest lets it in: no -0, nothing below 2^-50, nothing above 64. */
enum twin_fill {
  TWIN_NOISE,   /* white, full scale */
  TWIN_SILENCE,
  TWIN_IMPULSE, /* one, at a border of a block or of the track */
  TWIN_SQUARE,  /* full scale */
  TWIN_BINARY,  /* +-1 */
  TWIN_BORDER,  /* around 2^-50, below it flushed */
  TWIN_LOUD,    /* up to +-64 */
  TWIN_TINY,    /* 1e-14 */
  TWIN_DC,
  TWIN_WIDE,    /* every magnitude from 2^-50 to 64 */
  TWIN_SPARK,   /* an impulse of 1e-14 */
  TWIN_FILLS,
};
extern const char *const twin_fill_names[TWIN_FILLS];
void twin_fill(enum twin_fill fill, float *x, int32_t n, uint64_t seed);

struct twin_case {
  const struct stage *stage;
  const struct stage_design *design, *limiter; /* `limiter`: of the slot behind aux */
  int rate_hz, channels;
  int32_t n_frames;
  int segment_blocks;
  enum twin_fill fill;
  bool used;      /* the stage has run before on other audio: scratch is not clean */
  uint64_t seed;  /* of audio, arguments and control words */
};
struct twin_report {
  int runs[MAX_STAGE_PASSES]; /* of each pass that were compared */
  int64_t words;              /* compared */
  bool differs;               /* then `text` says where first */
  char text[400];
};

/* Runs every pass as a render does (segments, leads, extra blocks), then each pass alone
 * on a part of the track with random control words. `reference` is a CPU engine. The
 * test program aborts when an engine fails. */
void twin_run(const struct engine *reference, const struct engine *device,
              const struct twin_case *c, struct twin_report *report);

/* For the test of the test: twin_run with `bit` of word `at` of the device's dst (or its
 * control words) flipped after the first pass. */
struct twin_flip {
  bool control;
  int channel;
  int32_t at; /* may lie in the padding after the track */
  int bit;
};
void twin_run_flipped(const struct engine *reference, const struct engine *device,
                      const struct twin_case *c, const struct twin_flip *flip,
                      struct twin_report *report);
#endif
