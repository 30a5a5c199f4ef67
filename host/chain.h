/* SPDX-License-Identifier: MIT
 * The way of a batch of tracks through the stages on one engine: the chain at the source's
 * rate, then for every variant the conversion to its rate, loudness, limiter, measurement
 * and dither; checked on the way. */
#ifndef LACQUER_CHAIN_H
#define LACQUER_CHAIN_H
#include "engine.h"
#include "limiter.h"
#include "loudness.h"
#include "probe.h"
#include "solve.h"

enum verify_tier { VERIFY_FULL, VERIFY_SAMPLE, VERIFY_GOLDEN, VERIFY_OFF };

enum { MAX_CHAIN = 13 }; /* and a tail of up to MAX_SLOTS - MAX_CHAIN slots */

/* Delivery at another rate than the batch's, or mixed to fewer channels. */
struct conversion {
  int rate_hz;                         /* 0: none */
  int channels;                        /* delivered; 0: as the batch's */
  const struct stage_design *fold;     /* of the chain's output; NULL: none */
  const struct stage_design *binaural; /* of that; NULL: none */
  const struct stage_design *resample; /* from the batch's rate; NULL: it is the same */
  /* as the batch's, for what is delivered */
  const struct stage_design *loudness, *band_limit, *clip;
};
/* The tail of one variant; its designs are for the rate and channels that are delivered. */
struct tail {
  struct conversion to;
  double loudness_lufs; /* NAN: leave the level alone */
  int32_t ceiling;      /* limiter_ceiling() */
  const struct stage_design *limiter, *dither;
  int band_limit;       /* enum band_limit */
  double clip_db;       /* threshold of the clipper above the ceiling; NAN: none */
  uint32_t seed;        /* of the dither */
  double max_reduction_db; /* of the limiter, beside a loudness; NAN: any */
  double drive_db;      /* NAN: as the loudness wants it; else this, */
  int pace;             /* with this pace of the limiter, and no search */
};
struct tail_result {
  int rate_hz, channels;
  int32_t n_frames;        /* delivered */
  double drive_db;         /* gain into the limiter */
  double loudness_lufs;    /* of the limited signal; -HUGE_VAL: silence */
  struct loudness_figures figures, input; /* of the limited signal; before drive and limiter */
  double input_true_peak_db; /* -HUGE_VAL: silence */
  double true_peak_db;     /* of the limited signal, rounded up; -HUGE_VAL: silence */
  double max_reduction_db; /* deepest gain reduction of the limiter */
  double look_ahead_ms, release_ms; /* its attack and release from 6 dB */
  bool reached;            /* the loudness target is met (or there is none) */
  enum solve_limit limit;  /* what stands in its way; SOLVE_MET when reached */
  int limiter_rounds;      /* corrections that the ceiling took */
  int64_t clipped;         /* samples beyond full scale at the dither */
  double clipped_db;       /* by how much the clipper lowered the highest peak */
  bool band_limited;       /* the low pass next to Nyquist was in the way */
};

/* Where device and reference first differ. */
struct mismatch {
  bool found;
  char stage[24], data[24]; /* "audio", "control" or "pcm" */
  int channel;              /* -1: all */
  int32_t frame;
  uint32_t device_word, reference_word;
};

struct lane_job {
  const float *pcm[MAX_CHANNELS]; /* planar source */
  int32_t n_frames;
  const struct stage_design *design[MAX_CHAIN]; /* of the chain's stages */
  int n_tails;
  const struct tail *tails;
  uint64_t seed; /* decides the windows of the sample tier; from the track's identity */
  /* results */
  float *chain[MAX_CHANNELS]; /* with keep_chain: its output, until batch_render returns */
  struct mismatch mismatch;  /* found: the lane was stopped there */
  int64_t verified_words, total_words; /* coverage of the check */
};

struct batch {
  int rate_hz, channels, n_stages, n_lanes;
  int segment_blocks;
  const char *spill; /* as session_plan's */
  const struct stage *stage[MAX_CHAIN];
  const struct stage_design *loudness; /* designed for rate and channels */
  const struct stage_design *band_limit, *clip; /* the same; NULL: no variant needs it */
  struct lane_job *lanes;
  enum verify_tier tier; /* golden and off: nothing is checked here */
  bool keep_chain;       /* read the chain's output back, for `deliver` */
  bool gives_pcm;        /* `deliver` owns the samples: free() them */
  /* Called once per lane and tail with the finished samples: interleaved,
   * left-justified; valid during the call unless gives_pcm. */
  void (*deliver)(void *context, int lane, int tail, const int32_t *pcm,
                  const struct tail_result *result);
  /* Not NULL: the tails are not rendered; what a search of their drive needs (clipped for
   * the drive that they have) is told once per lane and tail, and belongs to the callee. */
  void (*probe)(void *context, int lane, int tail, struct probe *probe);
  void (*uploaded)(void *context, int lane); /* pcm is not read any more; may be NULL */
  /* Asked before every tail once something was delivered: true leaves the rest out; may be
   * NULL. */
  bool (*stop)(void *context);
  void *context;
  int64_t n_delivered; /* result: calls of `deliver` */
};

/* Renders the batch. ENGINE_OK: every lane was delivered, or left out by `stop`, or has its
 * mismatch set.
 * Otherwise the engine failed; lanes delivered before are valid. */
enum engine_status batch_render(const struct engine *engine, struct batch *batch);

/* For tests: this environment variable, "stage:channel:frame:bit", flips one bit of one
 * sample of a stage's output on a device before it is checked. Not on the CPU engine. */
#define TEST_FLIP_VARIABLE "LACQUER_TEST_FLIP"
#endif
