/* SPDX-License-Identifier: MIT
 * Tracks through batch_render for the tests: designs a chain and its tails, renders on
 * any engine and keeps what was delivered. Aborts when the machine runs out of memory. */
#ifndef LACQUER_RENDER_FIXTURE_H
#define LACQUER_RENDER_FIXTURE_H
#include "chain.h"
#include "dither.h"
#include "limiter.h"

enum { RENDER_TAILS = 6, RENDER_TRACKS = 8 };

struct render_tail {
  double loudness_lufs, true_peak_db; /* NAN: none */
  int bits, dither;                   /* enum dither_mode */
  uint32_t seed;
};
struct render_plan {
  const struct engine *engine;
  int rate_hz, channels, segment_blocks;
  enum verify_tier tier;
  bool chain;                    /* an EQ and a four-band compressor before the tail */
  struct limiter_params limiter; /* true_peak_db is each tail's own */
  int n_tails;
  struct render_tail tails[RENDER_TAILS];
  double max_reduction_db[RENDER_TAILS]; /* 0: any */
  int tail_rate_hz[RENDER_TAILS]; /* delivered; 0: the plan's */
};
/* CPU engine, segments of 64 blocks, no check, no chain, the limiter's defaults and one
 * tail: no target, -1 dBTP, 24 bit without dither. */
struct render_plan render_plan_of(int rate_hz, int channels);

struct render_track {
  float *pcm[MAX_CHANNELS]; /* in; the caller's, may be the same pointer twice */
  int32_t n_frames;
  uint64_t seed;
  /* out */
  struct lane_job job; /* its pointers are void after the call */
  int delivered[RENDER_TAILS]; /* number of calls of deliver */
  struct tail_result result[RENDER_TAILS];
  int32_t *out[RENDER_TAILS]; /* interleaved, left-justified; freed by render_free */
};
enum engine_status render_tracks(const struct render_plan *plan, struct render_track *tracks,
                                 int n);
void render_free(struct render_track *tracks, int n);

float *render_floats(int32_t n); /* n zeros, or abort; the caller frees */
/* A seeded stereo or mono programme as floats near -3 dBFS peak; planar, free(pcm[0]). */
void render_programme(int rate_hz, int channels, int32_t n_frames, uint64_t seed,
                      float *pcm[MAX_CHANNELS]);

/* libebur128 on delivered integers. */
struct render_reading {
  double lufs, peak, true_peak; /* linear magnitudes */
};
struct render_reading render_measure(const int32_t *pcm, int32_t n_frames, int channels,
                                     int rate_hz);

/* The limiter alone on its own memory, pass by pass. */
struct limiter_bench {
  struct stage_io io;
  struct stage_design design;
  const struct limiter_design *limiter;
  float *src, *dst;
};
void limiter_bench_open(struct limiter_bench *b, const struct limiter_params *params,
                        const struct stage_format *format, int32_t n_frames);
void limiter_bench_close(struct limiter_bench *b);
int32_t limiter_bench_points(const struct limiter_bench *b); /* in all blocks */
int32_t *limiter_bench_section(const struct limiter_bench *b, int section);
/* Passes [first, end) over the whole track. */
void limiter_bench_run(struct limiter_bench *b, int first_pass, int end_pass);
#endif
