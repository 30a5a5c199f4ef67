/* SPDX-License-Identifier: MIT
 * What the reference is judged by: seeded signals, sums in double precision, and one
 * stage run alone on the CPU engine. Memory that runs out aborts the test program. */
#ifndef LACQUER_ORACLE_H
#define LACQUER_ORACLE_H
#include <complex.h>
#include <stdbool.h>

#include "engine.h"

/* ---- signals; the same seed gives the same samples on every machine ---- */

uint64_t oracle_next(uint64_t *state);  /* splitmix64 */
double oracle_uniform(uint64_t *state); /* [-1, 1) */
void oracle_noise(float *x, int32_t n, double amplitude, uint64_t seed); /* white, uniform */
/* amplitude * sin(2 pi freq_hz t + phase), phase in radians */
void oracle_sine(float *x, int32_t n, int rate_hz, double freq_hz, double amplitude, double phase);
/* Logarithmic sweep over the n frames. */
void oracle_sweep(float *x, int32_t n, int rate_hz, double from_hz, double to_hz,
                  double amplitude);
void oracle_impulse(float *x, int32_t n, int32_t at, double amplitude);
void oracle_step(float *x, int32_t n, int32_t at, double amplitude); /* 0, from `at` on amplitude */
/* Noise on two channels with a common part: left = mid + side / 4, right = mid - side / 4. */
void oracle_stereo(float *left, float *right, int32_t n, double amplitude, uint64_t seed);

/* A track in and out, planar, two channels. */
struct oracle_audio {
  int32_t n;
  float *in[2], *out[2];
};
struct oracle_audio oracle_audio_create(int32_t n); /* zeroed */
void oracle_audio_destroy(struct oracle_audio *a);

/* ---- double precision ---- */

/* Sum of x[i] exp(-2 pi j cycles (i - origin)); cycles per frame. */
double complex oracle_dft(const float *x, int32_t n, double cycles, double origin);
double complex oracle_dft_double(const double *x, int32_t n, double cycles, double origin);
/* Sum of h[t] x[frame + delay - t] over 0 <= t < taps; x is 0 outside [0, n). */
double oracle_convolve(const double *h, int taps, int delay, const float *x, int32_t n,
                       int32_t frame);
double oracle_db(double ratio);       /* 20 log10 */
double oracle_gain(double db);        /* 10^(db / 20) */
double oracle_energy(const float *x, int64_t n); /* sum of squares */
double oracle_energy_of_difference(const float *a, const float *b, int64_t n);

/* ---- running one stage ---- */

void *oracle_alloc(size_t bytes); /* zeroed, never NULL */
/* A stage's default settings; free with free(). */
void *oracle_params(const struct stage *stage);
void oracle_require(bool condition, const char *what); /* aborts with a message */

/* One stage alone on engine_cpu, from BUFFER_A to BUFFER_B (the audio), as slot 0. */
struct oracle_stage {
  const struct stage *stage;
  struct stage_design design;
  int rate_hz, channels, room; /* room: as session_plan's */
  int32_t n_frames, n_blocks;
  int segment_blocks;
  struct session *session; /* NULL before oracle_open */
};
/* Designs the stage. 0, or -1 with the design's message in *why (why may be NULL). */
int oracle_design(struct oracle_stage *s, const struct stage *stage, const void *params,
                  int rate_hz, int channels, const char **why);
/* Opens a session for n_frames; it replaces one that is open. */
void oracle_open(struct oracle_stage *s, int32_t n_frames, int segment_blocks);
void oracle_write(struct oracle_stage *s, const float *const *in);
/* Passes [first_pass, end_pass) over the whole track, segment after segment. */
void oracle_passes(struct oracle_stage *s, int first_pass, int end_pass);
/* One pass over blocks (or hops) [first, first + count). */
void oracle_pass(struct oracle_stage *s, int pass, int32_t first, int32_t count);
void oracle_read(struct oracle_stage *s, float *const *out);
/* Control words [first, first + words). */
void oracle_control(struct oracle_stage *s, int64_t first, int64_t words, int32_t *data);
/* Floats and doubles: subnormals become zero, as some devices have it. False where this
 * machine has no such mode. */
bool oracle_flush_subnormals(bool on);
void oracle_close(struct oracle_stage *s); /* frees session and design */
int oracle_pass_count(const struct stage *stage);

/* Open, write, all passes, read. */
void oracle_render(struct oracle_stage *s, int32_t n_frames, const float *const *in,
                   float *const *out, int segment_blocks);
/* The same with a design of its own: 0, or -1 when the design fails. */
int oracle_run_stage(const struct stage *stage, const void *params, int rate_hz, int channels,
                     int32_t n_frames, const float *const *in, float *const *out,
                     int segment_blocks);
#endif
