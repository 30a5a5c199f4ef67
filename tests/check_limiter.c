/* SPDX-License-Identifier: MIT
 * The limiter's parts: detector against an independent meter, integer control path
 * against a brute-force one, chunks, transparency, distortion, attack and release. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio_fixture.h"
#include "hostile_signals.h"
#include "render_fixture.h"
#include "true_peak_meter.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static const double PI = 3.14159265358979323846;
enum { SEED = 4711, PASSES = LIMITER_CORRECT + 1 };

static double to_db(double gain) { return 20 * log10(gain); }
static double octaves_to_db(int32_t q20) { return q20 / 1048576.0 * to_db(2); }

static int32_t between(uint64_t *state, int32_t least, int32_t most) {
  return least + (int32_t)(fixture_random(state) % (uint64_t)(most - least + 1));
}

static struct limiter_params settings(void) {
  struct limiter_params p;
  params_init(stage_limiter.rows, &p);
  p.true_peak_db = -1;
  return p;
}

static int32_t largest(const int32_t *x, int32_t n) {
  int32_t most = x[0];
  for (int32_t i = 1; i < n; i++)
    if (x[i] > most) most = x[i];
  return most;
}

/* ---- detector ---- */

static void level_rounds_up(void **state) {
  (void)state;
  uint64_t seed = SEED;
  for (int i = 0; i < 1000000; i++) {
    const float peak = (float)ldexp(1 + (double)(fixture_random(&seed) >> 12) / 0x1p52,
                                    between(&seed, -30, 6));
    const double exact = log2((double)peak) * 1048576;
    const int32_t level = peak_level(peak);
    assert_true(level >= exact);
    /* up to one unit by rounding up, one added, 4.2e-8 octaves by the polynomial */
    assert_true(level <= exact + 2 + 4.2e-8 * 1048576);
  }
}

/* Detector less meter for a faded tone, the extremes over 12 phases, dB. */
static void tone_error(int rate_hz, double frequency, double *least, double *most) {
  enum { N = 8192 };
  const struct limiter_params params = settings();
  const struct stage_format format = {rate_hz, 1, NULL, NULL};
  struct limiter_bench b;
  *least = 100, *most = -100;
  limiter_bench_open(&b, &params, &format, N);
  for (int phase = 0; phase < 12; phase++) {
    for (int i = 0; i < N; i++)
      b.src[i] = (float)(sin(2 * PI * (frequency * i + phase / 960.0)) * sin(PI * (i + 0.5) / N));
    limiter_bench_run(&b, LIMITER_HALF_WAY, LIMITER_SET_DEMAND);
    const int32_t level =
        largest(limiter_bench_section(&b, LIMITER_LEVEL), limiter_bench_points(&b));
    const double error =
        octaves_to_db(level) - to_db(true_peak_of(b.src, N, 1, 1).peak);
    *least = fmin(*least, error), *most = fmax(*most, error);
  }
  limiter_bench_close(&b);
}

static void detector_accuracy(void **state) {
  (void)state;
  static const double tones[] = {0.001, 0.02, 0.1, 0.25, 1 / 3.0, 0.38, 0.4,
                                 4 / 9.0, 0.45, 8 / 17.0, 0.475, 0.485};
  for (int t = 0; t < COUNT(tones); t++)
    for (int rate_hz = 48000; rate_hz <= 192000; rate_hz *= 2) {
      double least, most;
      tone_error(rate_hz, tones[t], &least, &most);
      print_message("  %6d Hz, tone at %.4f fs: detector - meter %+.4f .. %+.4f dB\n", rate_hz,
                    tones[t], least, most);
      /* A peak half way between two of 16 points per frame reads cos(pi f / 16); Kaiser
       * filters of beta 8 and 9 ripple by at most 10^(-81 / 20) = 0.0008 dB each, and the
       * first one's transition, (90 - 8) / (2.285 192) rad, begins at 0.485 fs: 0.003 dB. */
      assert_true(least >= to_db(cos(PI * tones[t] / 16)) - 0.005);
      /* Over-reading: at 192 kHz ripple and rounding only; below, libebur128's short
       * interpolator reads the tone too high by as much as 0.06 dB near 0.33 fs. */
      assert_true(most <= (rate_hz == 192000 ? 0.002 : 0.06));
    }
}

/* Every step's level covers its own samples. */
static void level_covers_samples(void **state) {
  (void)state;
  enum { N = 20000 };
  const struct limiter_params params = settings();
  const struct stage_format format = {88200, 2, NULL, NULL};
  struct limiter_bench b;
  uint64_t seed = SEED + 1;
  limiter_bench_open(&b, &params, &format, N);
  for (int i = 0; i < 2 * N; i++)
    b.src[i] = (float)ldexp((double)(int64_t)fixture_random(&seed), between(&seed, -100, -62));
  limiter_bench_run(&b, LIMITER_HALF_WAY, LIMITER_SET_DEMAND);
  for (int i = 0; i < 2 * N; i++) {
    const int32_t level =
        limiter_bench_section(&b, LIMITER_LEVEL)[i % N / b.limiter->step];
    assert_true(b.src[i] == 0 || level >= log2(fabs((double)b.src[i])) * 1048576);
  }
  limiter_bench_close(&b);
}

/* ---- brute force ---- */

struct naive {
  int64_t *closed, *slow, *reduction;
};

static int64_t *longs(int64_t n) {
  int64_t *x = calloc((size_t)n + 1, sizeof *x);
  if (!x) abort();
  return x;
}

static int64_t extreme(const int64_t *x, int64_t from, int64_t to, int64_t sign) {
  int64_t most = sign * x[from];
  for (int64_t k = from + 1; k <= to; k++)
    if (sign * x[k] > most) most = sign * x[k];
  return sign * most;
}

/* Closing and hold straight from their definitions, on a line that is zero outside the track:
 * held[pad + k], `pad` points on either side. The caller frees. */
static int64_t *naive_hold(const struct limiter_design *l, const struct limiter_pace *pace,
                           const int32_t *demand, int32_t n, int64_t pad) {
  const int64_t length = n + 2 * pad;
  int64_t *d = longs(length), *up = longs(length), *closed = longs(length), *held = longs(length);
  for (int32_t k = 0; k < n; k++) d[pad + k] = demand[k];
  for (int64_t k = pace->close; k < length; k++) up[k] = extreme(d, k - pace->close, k, 1);
  for (int64_t k = 0; k + pace->close < length; k++)
    closed[k] = extreme(up, k, k + pace->close, -1);
  for (int64_t k = l->hold; k + l->hold < length; k++)
    held[k] = extreme(closed, k - l->hold, k + l->hold, 1);
  free(d);
  free(up);
  free(closed);
  return held;
}

/* The parabola around node s, at node t, less its height at s. */
static int64_t above(const struct limiter_pace *pace, int64_t s, int64_t t) {
  return (t < s ? pace->fall : pace->rise) * (t - s) * (t - s);
}
static int64_t most_of(int64_t a, int64_t b) { return a > b ? a : b; }

/* At every node the least of all parabolas that are nowhere below the held demand. */
static void naive_close(const struct limiter_design *l, const struct limiter_pace *pace,
                        const int32_t *demand, int32_t n, int64_t *closed) {
  const int32_t step = 1 << pace->grid, nodes = n / step;
  const int64_t pad = 2 * pace->close + l->hold + step + 4;
  int64_t *held = naive_hold(l, pace, demand, n, pad);
  int64_t *node = longs(nodes + 1), *vertex = longs(nodes + 1), *r = longs(nodes + 1);
  for (int32_t j = 0; j < nodes; j++)
    node[j] = extreme(held, pad + j * step - step + 1, pad + j * step + step - 1, 1);
  for (int32_t s = 0; s < nodes; s++)
    for (int64_t t = most_of(0, s - pace->fall_nodes); t <= s + pace->rise_nodes; t++)
      if (t < nodes) vertex[s] = most_of(vertex[s], node[t] - above(pace, s, t));
  for (int32_t t = 0; t < nodes; t++) {
    r[t] = INT64_MAX;
    for (int64_t s = most_of(0, t - pace->rise_nodes); s <= t + pace->fall_nodes; s++)
      if (s < nodes) r[t] = -most_of(-r[t], -vertex[s] - above(pace, s, t));
  }
  r[nodes] = r[nodes - 1];
  for (int32_t k = 0; k < n; k++) {
    const int64_t a = r[k / step], b = r[k / step + 1], at = k % step;
    closed[k] = (a * (step - at) + b * at + step - 1) / step;
  }
  free(held);
  free(node);
  free(vertex);
  free(r);
}

static int64_t floor_div(int64_t a, int64_t b) {
  const int64_t q = a / b;
  return q * b > a ? q - 1 : q;
}

static void naive_follow(const struct limiter_design *l, int32_t n, struct naive *v) {
  int64_t f = 0;
  for (int32_t k = 0; k < n; k++) {
    const int64_t e = v->closed[k] - f;
    int64_t s = floor_div(e * (e > 0 ? l->slow_attack : l->slow_release), 16777216);
    if (e > 0 && s < 1) s = 1;
    f += s;
    v->slow[k] = l->slow_amount ? f : 0;
  }
}

static int64_t both(const struct limiter_design *l, const struct naive *v, int64_t k, int32_t n) {
  const int64_t at = k < 0 ? 0 : k >= n ? n - 1 : k;
  const int64_t slow = v->slow[at] * l->slow_amount / 16777216;
  return most_of(slow, v->closed[at]);
}

static void naive_smooth(const struct limiter_design *l, int32_t n, struct naive *v) {
  const int64_t width = 2 * l->box + 1, length = n + 6 * l->box;
  int64_t *x = longs(length), *y = longs(length);
  for (int64_t i = 0; i < length; i++) x[i] = both(l, v, i - 3 * l->box, n);
  for (int pass = 1; pass <= 3; pass++) {
    for (int64_t i = pass * l->box; i < length - pass * l->box; i++) {
      int64_t sum = 0;
      for (int64_t j = -l->box; j <= l->box; j++) sum += x[i + j];
      y[i] = -floor_div(-sum, width);
    }
    memcpy(x, y, (size_t)length * sizeof *x);
  }
  memcpy(v->reduction, x + 3 * l->box, (size_t)n * sizeof *x);
  free(x);
  free(y);
}

static void same_words(const int64_t *naive, const int32_t *words, int32_t n, const char *what) {
  for (int32_t k = 0; k < n; k++)
    if (naive[k] != words[k])
      fail_msg("%s: point %d of %d: brute force %lld, limiter %d", what, k, n,
               (long long)naive[k], words[k]);
}

/* Silence, plateaus, single peaks and noise, up to 16 octaves. */
static void random_demand(uint64_t *seed, int32_t *demand, int32_t n) {
  for (int32_t k = 0; k < n;) {
    const int kind = between(seed, 0, 3), length = between(seed, 1, 400);
    const int32_t height = between(seed, 0, 1 << between(seed, 0, 24));
    for (int32_t end = k + length; k < end && k < n; k++)
      demand[k] = kind == 0   ? 0
                  : kind == 1 ? height
                  : kind == 2 ? between(seed, 0, 40) ? 0 : height
                              : between(seed, 0, height);
  }
}

static void compare_paths(const struct limiter_params *params, int rate_hz, int32_t n_frames,
                          uint64_t *seed) {
  const struct stage_format format = {rate_hz, 1, NULL, NULL};
  struct limiter_bench b;
  limiter_bench_open(&b, params, &format, n_frames);
  const int32_t n = limiter_bench_points(&b);
  struct naive v = {longs(n), longs(n), longs(n)};
  int32_t *demand = limiter_bench_section(&b, LIMITER_DEMAND);
  random_demand(seed, demand, n);
  b.io.args[2] = between(seed, 0, b.limiter->n_paces);
  limiter_bench_run(&b, LIMITER_HOLD, LIMITER_APPLY);
  naive_close(b.limiter, &b.limiter->pace[b.io.args[2]], demand, n, v.closed);
  naive_follow(b.limiter, n, &v);
  naive_smooth(b.limiter, n, &v);
  same_words(v.closed, limiter_bench_section(&b, LIMITER_CLOSED), n, "closed");
  same_words(v.slow, limiter_bench_section(&b, LIMITER_SLOW), n, "slow");
  same_words(v.reduction, limiter_bench_section(&b, LIMITER_REDUCTION), n, "reduction");
  for (int32_t k = 0; k < n; k++) assert_true(v.reduction[k] >= demand[k]);
  free(v.closed);
  free(v.slow);
  free(v.reduction);
  limiter_bench_close(&b);
}

static void brute_force(void **state) {
  (void)state;
  static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
  uint64_t seed = SEED + 2;
  for (int i = 0; i < 90; i++) {
    struct limiter_params p = settings();
    if (i >= 36) { /* the first with the paces of the style */
      p.look_ahead_ms = between(&seed, 1, 5000) / 10.0;
      p.smooth_ms = between(&seed, 0, 100) / 10.0;
      p.close_ms = between(&seed, 0, 100);
      p.release_ms = between(&seed, 1, 1000);
      p.slow_release_ms = between(&seed, 50, 5000);
      p.slow_amount = between(&seed, 0, 10) / 10.0;
    }
    if (i == 37) p.look_ahead_ms = 500, p.smooth_ms = 10, p.close_ms = 100;
    if (i == 38) p.look_ahead_ms = 0.5, p.smooth_ms = 0, p.close_ms = 0, p.slow_amount = 1;
    if (i == 39) p.look_ahead_ms = 0.1, p.release_ms = 1000;
    compare_paths(&p, rates[i % 6], between(&seed, 1, 60000), &seed);
  }
}

/* The longest settings fit the memory that the passes have for them. */
static void longest_reach(void **state) {
  (void)state;
  static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
  for (int i = 0; i < COUNT(rates); i++) {
    struct limiter_params p = settings();
    struct limiter_bench b;
    const struct stage_format format = {rates[i], 1, NULL, NULL};
    p.look_ahead_ms = 500, p.release_ms = 1000, p.smooth_ms = 10, p.close_ms = 100;
    limiter_bench_open(&b, &p, &format, 1);
    const struct limiter_pace *pace = &b.limiter->pace[0];
    assert_true(pace->grid <= LIMITER_MAX_GRID);
    assert_true(pace->close + b.limiter->hold + (1 << pace->grid) - 1 <= LIMITER_MAX_REACH);
    assert_true(pace->rise_nodes <= LIMITER_MAX_NODES && pace->fall_nodes <= LIMITER_MAX_NODES);
    limiter_bench_close(&b);
  }
}

/* ---- chunks ---- */

static void fill_noise(struct limiter_bench *b, uint64_t seed) {
  for (int32_t i = 0; i < b->io.n_frames * b->io.channels; i++) {
    const double envelope = 1.5 + 1.4 * sin(i * 0.0007);
    b->src[i] = (float)(ldexp((double)(int64_t)fixture_random(&seed), -63) * envelope);
  }
}

/* One pass in random chunks: in order where it walks, shuffled where it does not. */
static void run_in_chunks(struct limiter_bench *b, int pass, uint64_t *seed) {
  int32_t first[64], count[64];
  const int32_t blocks = b->io.n_blocks + b->design.shape[pass].extra;
  int n = 0;
  for (int32_t at = 0; at < blocks; n++) {
    first[n] = at;
    count[n] = between(seed, 1, 5);
    if (count[n] > blocks - at) count[n] = blocks - at;
    at += count[n];
  }
  const bool walks = stage_limiter.passes[pass].grid == GRID_SEQUENTIAL;
  for (int i = 0; i < n; i++) {
    const int j = walks ? i : i + between(seed, 0, n - 1 - i);
    stage_limiter.passes[pass].reference(&b->io, first[j], count[j]);
    first[j] = first[i], count[j] = count[i];
  }
}

static void chunks(void **state) {
  (void)state;
  const struct limiter_params params = settings();
  uint64_t seed = SEED + 3;
  for (int rate_hz = 44100; rate_hz <= 176400; rate_hz *= 2) {
    const struct stage_format format = {rate_hz, 2, NULL, NULL};
    struct limiter_bench whole, parts;
    limiter_bench_open(&whole, &params, &format, 60 * BLOCK_FRAMES - 77);
    limiter_bench_open(&parts, &params, &format, 60 * BLOCK_FRAMES - 77);
    fill_noise(&whole, SEED);
    fill_noise(&parts, SEED);
    limiter_bench_run(&whole, 0, PASSES);
    for (int p = 0; p < PASSES; p++) run_in_chunks(&parts, p, &seed);
    const size_t words = (size_t)whole.io.n_blocks * (size_t)whole.design.control_words;
    assert_memory_equal(whole.io.control, parts.io.control, words * sizeof(int32_t));
    assert_memory_equal(whole.dst, parts.dst,
                        (size_t)whole.io.n_frames * 2 * sizeof *whole.dst);
    limiter_bench_close(&whole);
    limiter_bench_close(&parts);
  }
}

/* ---- gain ---- */

/* The gain of every frame, in the arithmetic of the apply pass, is below what its
 * point's demand allows. */
static void never_above_demand(void **state) {
  (void)state;
  enum { N = 16384 };
  struct limiter_params params = settings();
  float *ones = render_floats(N);
  for (const struct hostile_signal *s = hostile_signals; s->name; s++) {
    const struct stage_format format = {s->parameter > 1 ? 192000 : 44100, 1, NULL, NULL};
    struct limiter_bench b;
    params.smooth_ms = s->parameter < 0.4 ? 2 : 0;
    limiter_bench_open(&b, &params, &format, N);
    s->fill(b.src, N, s->parameter);
    b.io.args[0] = 2 * LIMITER_OCTAVE; /* 12 dB */
    limiter_bench_run(&b, LIMITER_HALF_WAY, LIMITER_APPLY);
    for (int i = 0; i < N; i++) ones[i] = 1;
    b.io.src = ones;
    limiter_bench_run(&b, LIMITER_APPLY, LIMITER_APPLY + 1);
    const int32_t *demand = limiter_bench_section(&b, LIMITER_DEMAND);
    for (int i = 0; i < N; i++) {
      const double allowed = exp2(2 - demand[i / b.limiter->step] / 1048576.0);
      /* Gains are made 2^-22 smaller; exp2 (6e-8), its product, the spline's weights and
       * sums and 1 + g each round by 2^-24 of values up to 4 x: another 2^-20 at most. */
      if (b.dst[i] > allowed * (1 + 0x1p-20))
        fail_msg("%s: frame %d: gain %.9g, allowed %.9g", s->name, i, b.dst[i], allowed);
    }
    limiter_bench_close(&b);
  }
  free(ones);
}

static void neutral(void **state) {
  (void)state;
  static const int rates[] = {44100, 96000, 192000};
  for (int r = 0; r < COUNT(rates); r++)
    for (int channels = 1; channels <= 2; channels++) {
      enum { N = 30001 };
      struct render_plan plan = render_plan_of(rates[r], channels);
      struct render_track t = {.n_frames = N};
      plan.limiter.band_limit = BAND_LIMIT_OFF; /* the programme has noise up to Nyquist */
      render_programme(rates[r], channels, N, SEED, t.pcm);
      assert_int_equal(render_tracks(&plan, &t, 1), ENGINE_OK);
      for (int32_t i = 0; i < N * channels; i++)
        assert_int_equal(t.out[0][i], (int32_t)((double)t.pcm[i % channels][i / channels] *
                                                FULL_SCALE_WORD));
      assert_true(t.result[0].max_reduction_db == 0);
      render_free(&t, 1);
      free(t.pcm[0]);
    }
}

/* ---- distortion ---- */

/* Energy of x[0 .. n) left after the best-fitting sinusoids are taken out, relative to all
 * of it, dB. Whole periods of each tone lie in n, so the fits are projections. */
static double residual(const float *x, int32_t n, const double *frequency, int tones) {
  double energy = 0, rest = 0, *left = calloc((size_t)n, sizeof *left);
  if (!left) abort();
  for (int32_t i = 0; i < n; i++) left[i] = x[i], energy += left[i] * left[i];
  for (int t = 0; t < tones; t++) {
    double in_phase = 0, quadrature = 0;
    for (int32_t i = 0; i < n; i++) {
      const double phase = 2 * PI * fmod(frequency[t] * i, 1);
      in_phase += 2 * left[i] * sin(phase) / n;
      quadrature += 2 * left[i] * cos(phase) / n;
    }
    for (int32_t i = 0; i < n; i++) {
      const double phase = 2 * PI * fmod(frequency[t] * i, 1);
      left[i] -= in_phase * sin(phase) + quadrature * cos(phase);
    }
  }
  for (int32_t i = 0; i < n; i++) rest += left[i] * left[i];
  free(left);
  return 10 * log10(rest / energy);
}

static void distortion(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int tones;
    double hz[2], level[2];
  } cases[] = {{"40 Hz", 1, {40}, {1}},
               {"60 Hz + 7 kHz", 2, {60, 7000}, {0.8, 0.2}},
               {"19 + 20 kHz", 2, {19000, 20000}, {0.5, 0.5}}};
  enum { N = 96000, BEGIN = 48000, LENGTH = 24000 };
  const struct limiter_params params = settings();
  const struct stage_format format = {48000, 1, NULL, NULL};
  for (int c = 0; c < COUNT(cases); c++) {
    struct limiter_bench b;
    double frequency[2];
    limiter_bench_open(&b, &params, &format, N);
    for (int t = 0; t < cases[c].tones; t++) {
      frequency[t] = cases[c].hz[t] / format.rate_hz;
      for (int i = 0; i < N; i++)
        b.src[i] += (float)(cases[c].level[t] * sin(2 * PI * fmod(frequency[t] * i, 1)) *
                            fmin(1, i / 4800.0));
    }
    b.io.args[0] = 1044480; /* 5.98 dB into the -1 dBTP ceiling */
    limiter_bench_run(&b, 0, LIMITER_CORRECT);
    const double thd_n = residual(b.dst + BEGIN, LENGTH, frequency, cases[c].tones);
    print_message("  %-14s THD+N %.1f dB, reduction %.2f dB\n", cases[c].name, thd_n,
                  octaves_to_db(limiter_bench_section(&b, LIMITER_REDUCTION)[BEGIN / 8]));
    /* What fp32 leaves: x, g x and their sum round by 2^-24 each, 2^-25 / sqrt(3) RMS of
     * the crest: -150 dB. 30 dB more are allowed to gain ripple, one part in 10^6. */
    assert_true(thd_n <= -120);
    limiter_bench_close(&b);
  }
}

/* ---- time ---- */

enum { AT = 6000 }; /* of 12,000 points */

/* A peak of `octaves` over the ceiling in the middle of silence, slow stage off. */
static void open_single_peak(struct limiter_bench *b, struct limiter_params *params,
                             double octaves) {
  const struct stage_format format = {48000, 1, NULL, NULL};
  params->slow_amount = 0;
  limiter_bench_open(b, params, &format, 96000);
  limiter_bench_section(b, LIMITER_DEMAND)[AT] = (int32_t)(octaves * LIMITER_OCTAVE);
  limiter_bench_run(b, LIMITER_HOLD, LIMITER_APPLY);
}

/* Points from the top of a peak, in the direction `step`, until a quarter of it is left: half of
 * the parabola. */
static int32_t points_to_quarter(const int32_t *s, int step) {
  int32_t k = AT;
  while (s[k] > s[AT] / 4) k += step;
  return k > AT ? k - AT : AT - k;
}

/* Attack and release are parabolas of the times that are given for an octave, and of those
 * times the root of the height for others; they end on it, and nothing moves beyond. */
static void attack_and_release(void **state) {
  (void)state;
  static const double times_ms[][2] = {{5, 5},    {3, 30},    {20, 80},
                                       {50, 245}, {100, 100}, {120, 380}};
  static const double octaves[] = {0.25, 1, 3.5};
  for (int i = 0; i < COUNT(times_ms) * COUNT(octaves); i++) {
    const double *ms = times_ms[i / COUNT(octaves)], height = octaves[i % COUNT(octaves)];
    struct limiter_params params = settings();
    struct limiter_bench b;
    params.look_ahead_ms = ms[0], params.release_ms = ms[1];
    params.smooth_ms = params.close_ms = 0;
    open_single_peak(&b, &params, height);
    const int32_t *s = limiter_bench_section(&b, LIMITER_REDUCTION);
    const double step_ms = 1000.0 * b.limiter->step / 48000;
    /* The hold, and that a node is as high as what is beside it, widen the top. */
    const int32_t node = 1 << b.limiter->pace[0].grid, top = b.limiter->hold + node;
    for (int side = 0; side < 2; side++) {
      const double wanted = ms[side] / step_ms * sqrt(height);
      const int32_t half = points_to_quarter(s, side ? 1 : -1);
      print_message("  %4.1f dB, %s %g ms: half of it after %.2f ms\n", octaves_to_db(s[AT]),
                    side ? "release" : "attack", ms[side], half * step_ms);
      assert_true(half >= wanted / 2 - node && half <= wanted / 2 + top + node);
      const int32_t end = (int32_t)wanted + top + node + 1;
      assert_int_equal(s[side ? AT + end : AT - end], 0);
    }
    for (int32_t k = 1; k < 12000; k++) assert_true(k > AT ? s[k] <= s[k - 1] : s[k] >= s[k - 1]);
    limiter_bench_close(&b);
  }
}

/* From slow to fast: less of the demand's surroundings is reduced. */
static void paces_are_ordered(void **state) {
  (void)state;
  const struct limiter_params params = settings();
  const struct stage_format format = {44100, 1, NULL, NULL};
  struct limiter_bench b;
  uint64_t seed = SEED + 4;
  double last = HUGE_VAL;
  limiter_bench_open(&b, &params, &format, 300000);
  const int32_t n = limiter_bench_points(&b);
  int32_t *demand = limiter_bench_section(&b, LIMITER_DEMAND);
  for (int32_t k = 0; k < n; k++)
    demand[k] = between(&seed, 0, 60) ? 0 : between(&seed, 0, LIMITER_OCTAVE);
  assert_int_equal(b.limiter->n_paces, LIMITER_PACES);
  for (int pace = 1; pace <= LIMITER_PACES; pace++) {
    double sum = 0;
    b.io.args[2] = pace;
    limiter_bench_run(&b, LIMITER_HOLD, LIMITER_APPLY);
    for (int32_t k = 0; k < n; k++) sum += limiter_bench_section(&b, LIMITER_REDUCTION)[k];
    assert_true(sum < last);
    last = sum;
  }
  limiter_bench_close(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(level_rounds_up),
      cmocka_unit_test(detector_accuracy),
      cmocka_unit_test(level_covers_samples),
      cmocka_unit_test(brute_force),
      cmocka_unit_test(longest_reach),
      cmocka_unit_test(chunks),
      cmocka_unit_test(never_above_demand),
      cmocka_unit_test(neutral),
      cmocka_unit_test(distortion),
      cmocka_unit_test(attack_and_release),
      cmocka_unit_test(paces_are_ordered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
