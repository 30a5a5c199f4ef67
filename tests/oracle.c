/* SPDX-License-Identifier: MIT
 * See oracle.h. */
#include "oracle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "engine_cpu.h"

static const double TWO_PI = 6.283185307179586477;

/* ---- signals ---- */

uint64_t oracle_next(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

double oracle_uniform(uint64_t *state) {
  return (double)(oracle_next(state) >> 11) * 0x1p-52 - 1;
}

void oracle_noise(float *x, int32_t n, double amplitude, uint64_t seed) {
  for (int32_t i = 0; i < n; i++) x[i] = (float)(amplitude * oracle_uniform(&seed));
}

void oracle_sine(float *x, int32_t n, int rate_hz, double freq_hz, double amplitude, double phase) {
  for (int32_t i = 0; i < n; i++) {
    const double turns = i * freq_hz / rate_hz;
    x[i] = (float)(amplitude * sin(TWO_PI * (turns - floor(turns)) + phase));
  }
}

void oracle_sweep(float *x, int32_t n, int rate_hz, double from_hz, double to_hz,
                  double amplitude) {
  const double rate = log(to_hz / from_hz) / n;
  for (int32_t i = 0; i < n; i++) {
    const double turns = from_hz * expm1(rate * i) / (rate * rate_hz);
    x[i] = (float)(amplitude * sin(TWO_PI * (turns - floor(turns))));
  }
}

void oracle_impulse(float *x, int32_t n, int32_t at, double amplitude) {
  for (int32_t i = 0; i < n; i++) x[i] = i == at ? (float)amplitude : 0;
}

void oracle_step(float *x, int32_t n, int32_t at, double amplitude) {
  for (int32_t i = 0; i < n; i++) x[i] = i >= at ? (float)amplitude : 0;
}

void oracle_stereo(float *left, float *right, int32_t n, double amplitude, uint64_t seed) {
  for (int32_t i = 0; i < n; i++) {
    const double mid = oracle_uniform(&seed), side = oracle_uniform(&seed) / 4;
    left[i] = (float)(amplitude * 0.8 * (mid + side));
    right[i] = (float)(amplitude * 0.8 * (mid - side));
  }
}

struct oracle_audio oracle_audio_create(int32_t n) {
  struct oracle_audio a = {.n = n};
  for (int c = 0; c < 2; c++) a.in[c] = oracle_alloc((size_t)n * sizeof(float));
  for (int c = 0; c < 2; c++) a.out[c] = oracle_alloc((size_t)n * sizeof(float));
  return a;
}

void oracle_audio_destroy(struct oracle_audio *a) {
  for (int c = 0; c < 2; c++) free(a->in[c]), free(a->out[c]);
}

/* ---- double precision ---- */

enum { TURNS = 64 }; /* samples between exact twiddles */

static double complex turn(double turns) {
  const double angle = -TWO_PI * (turns - floor(turns));
  return cos(angle) + I * sin(angle);
}

double complex oracle_dft(const float *x, int32_t n, double cycles, double origin) {
  const double complex step = turn(cycles);
  double complex sum = 0, w = 1;
  for (int32_t i = 0; i < n; i++, w *= step) {
    if (i % TURNS == 0) w = turn(cycles * (i - origin));
    sum += x[i] * w;
  }
  return sum;
}

double complex oracle_dft_double(const double *x, int32_t n, double cycles, double origin) {
  const double complex step = turn(cycles);
  double complex sum = 0, w = 1;
  for (int32_t i = 0; i < n; i++, w *= step) {
    if (i % TURNS == 0) w = turn(cycles * (i - origin));
    sum += x[i] * w;
  }
  return sum;
}

double oracle_convolve(const double *h, int taps, int delay, const float *x, int32_t n,
                       int32_t frame) {
  double sum[4] = {0};
  const int64_t newest = (int64_t)frame + delay;
  const int first = newest >= n ? (int)(newest - n + 1) : 0;
  const int end = newest < taps - 1 ? (int)newest + 1 : taps;
  for (int t = first; t < end; t++) sum[t & 3] += h[t] * x[newest - t];
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

double oracle_db(double ratio) { return 20 * log10(ratio); }
double oracle_gain(double db) { return pow(10, db / 20); }

double oracle_energy(const float *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
  return sum;
}

double oracle_energy_of_difference(const float *a, const float *b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
  return sum;
}

/* ---- running one stage ---- */

void oracle_require(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "oracle: %s\n", what);
  abort();
}

void *oracle_alloc(size_t bytes) {
  void *p = calloc(1, bytes ? bytes : 1);
  oracle_require(p != NULL, "out of memory");
  return p;
}

void *oracle_params(const struct stage *stage) {
  void *params = oracle_alloc(stage->params_size);
  params_init(stage->rows, params);
  return params;
}

int oracle_pass_count(const struct stage *stage) {
  int n = 0;
  while (stage->passes[n].name) n++;
  return n;
}

int oracle_design(struct oracle_stage *s, const struct stage *stage, const void *params,
                  int rate_hz, int channels, const char **why) {
  const struct stage_format format = {rate_hz, channels, NULL, NULL};
  const char *unused;
  *s = (struct oracle_stage){.stage = stage, .rate_hz = rate_hz, .channels = channels};
  return stage->design(params, &format, &s->design, why ? why : &unused);
}

void oracle_open(struct oracle_stage *s, int32_t n_frames, int segment_blocks) {
  const struct slot_plan slot = {s->stage, BUFFER_A, BUFFER_B, -1};
  const struct lane_plan lane = {.n_frames = n_frames, .design = {&s->design}};
  const struct session_plan plan = {s->rate_hz, s->channels, 1, 1, segment_blocks, &slot, &lane,
                                    NULL, s->room};
  engine_cpu.close(s->session);
  s->n_frames = n_frames;
  s->n_blocks = (n_frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
  s->segment_blocks = segment_blocks;
  oracle_require(!engine_cpu.open(engine_cpu.self, &plan, &s->session), "no session");
}

void oracle_write(struct oracle_stage *s, const float *const *in) {
  for (int c = 0; c < s->channels; c++)
    oracle_require(!engine_cpu.write(s->session, 0, BUFFER_A, c, 0, s->n_frames, in[c]), "write");
}

void oracle_read(struct oracle_stage *s, float *const *out) {
  for (int c = 0; c < s->channels || c < s->room; c++)
    oracle_require(!engine_cpu.read(s->session, 0, BUFFER_B, c, 0, s->n_frames, out[c]), "read");
}

void oracle_control(struct oracle_stage *s, int64_t first, int64_t words, int32_t *data) {
  oracle_require(!engine_cpu.read_control(s->session, 0, 0, first, words, data), "read_control");
}

void oracle_pass(struct oracle_stage *s, int pass, int32_t first, int32_t count) {
  oracle_require(!engine_cpu.run(s->session, 0, pass, first, count, NULL), "run");
}

/* The order of host/chain.c: passes with a lead run ahead of the segment, and only
 * scratch forces segments. */
void oracle_passes(struct oracle_stage *s, int first_pass, int end_pass) {
  const struct pass_shape *shape = s->design.shape;
  const int32_t segment = s->design.ring_words ? s->segment_blocks : s->n_blocks;
  int32_t done[MAX_STAGE_PASSES] = {0};
  for (int32_t end = 0; end < s->n_blocks;) {
    end = segment < s->n_blocks - end ? end + segment : s->n_blocks;
    for (int p = first_pass; p < end_pass; p++) {
      const int32_t whole = s->n_blocks + shape[p].extra;
      int32_t to = end == s->n_blocks ? whole : end + shape[p].lead;
      if (to > whole) to = whole;
      if (to <= done[p]) continue;
      oracle_pass(s, p, done[p], to - done[p]);
      done[p] = to;
    }
  }
  oracle_require(!engine_cpu.finish(s->session), "finish");
}

bool oracle_flush_subnormals(bool on) {
#if defined(__SSE2__)
  enum { FLUSH_AND_DAZ = 0x8040 };
  const unsigned other = _mm_getcsr() & ~(unsigned)FLUSH_AND_DAZ;
  _mm_setcsr(on ? other | FLUSH_AND_DAZ : other);
  return true;
#else
  (void)on;
  return false;
#endif
}

void oracle_close(struct oracle_stage *s) {
  engine_cpu.close(s->session);
  stage_design_free(&s->design);
  memset(s, 0, sizeof *s);
}

void oracle_render(struct oracle_stage *s, int32_t n_frames, const float *const *in,
                   float *const *out, int segment_blocks) {
  oracle_open(s, n_frames, segment_blocks);
  oracle_write(s, in);
  oracle_passes(s, 0, oracle_pass_count(s->stage));
  oracle_read(s, out);
}

int oracle_run_stage(const struct stage *stage, const void *params, int rate_hz, int channels,
                     int32_t n_frames, const float *const *in, float *const *out,
                     int segment_blocks) {
  struct oracle_stage s;
  if (oracle_design(&s, stage, params, rate_hz, channels, NULL)) return -1;
  oracle_render(&s, n_frames, in, out, segment_blocks);
  oracle_close(&s);
  return 0;
}
