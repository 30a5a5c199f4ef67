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
enum { SEED = 4711, PASSES = 10 };

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
  const struct stage_format format = {rate_hz, 1, NULL};
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
  const struct stage_format format = {88200, 2, NULL};
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
  int64_t *shaped, *follow, *slow, *reduction;
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

/* Closing, hold and attack straight from their definitions, on a line that is zero
 * outside the track: `pad` points on either side. */
static void naive_shape(const struct limiter_design *l, const int32_t *demand, int32_t n,
                        int64_t *shaped) {
  const int64_t pad = 2 * l->close + l->hold + 2 * l->attack + 4, length = n + 2 * pad;
  int64_t *d = longs(length), *up = longs(length), *closed = longs(length);
  int64_t *held = longs(length), *ahead = longs(length);
  for (int32_t k = 0; k < n; k++) d[pad + k] = demand[k];
  for (int64_t k = l->close; k < length; k++) up[k] = extreme(d, k - l->close, k, 1);
  for (int64_t k = 0; k + l->close < length; k++)
    closed[k] = extreme(up, k, k + l->close, -1);
  for (int64_t k = l->hold; k + l->hold < length; k++)
    held[k] = extreme(closed, k - l->hold, k + l->hold, 1);
  for (int64_t k = 0; k + l->attack <= length; k++)
    ahead[k] = extreme(held, k, k + l->attack - 1, 1);
  for (int32_t k = 0; k < n; k++) {
    int64_t sum = 0;
    for (int64_t j = 0; j < l->attack; j++) sum += (ahead[pad + k - j] + 15) / 16;
    shaped[k] = (sum + l->attack - 1) / l->attack * 16;
    if (shaped[k] > ahead[pad + k]) shaped[k] = ahead[pad + k];
  }
  free(d);
  free(up);
  free(closed);
  free(held);
  free(ahead);
}

static int64_t floor_div(int64_t a, int64_t b) {
  const int64_t q = a / b;
  return q * b > a ? q - 1 : q;
}

static void naive_release(const struct limiter_design *l, int32_t n, struct naive *v) {
  int64_t r = 0, f = 0;
  for (int32_t k = 0; k < n; k++) {
    const int64_t fall = r * l->release / 16777216;
    r -= fall > 1 ? fall : 1;
    if (v->shaped[k] > r) r = v->shaped[k];
    const int64_t e = r - f;
    int64_t s = floor_div(e * (e > 0 ? l->slow_attack : l->slow_release), 16777216);
    if (e > 0 && s < 1) s = 1;
    f += s;
    v->follow[k] = r, v->slow[k] = f;
  }
}

static int64_t both(const struct limiter_design *l, const struct naive *v, int64_t k, int32_t n) {
  const int64_t at = k < 0 ? 0 : k >= n ? n - 1 : k;
  const int64_t slow = v->slow[at] * l->slow_amount / 16777216;
  return slow > v->follow[at] ? slow : v->follow[at];
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
  const struct stage_format format = {rate_hz, 1, NULL};
  struct limiter_bench b;
  limiter_bench_open(&b, params, &format, n_frames);
  const int32_t n = limiter_bench_points(&b);
  struct naive v = {longs(n), longs(n), longs(n), longs(n)};
  int32_t *demand = limiter_bench_section(&b, LIMITER_DEMAND);
  random_demand(seed, demand, n);
  limiter_bench_run(&b, LIMITER_SHAPE, LIMITER_APPLY);
  naive_shape(b.limiter, demand, n, v.shaped);
  naive_release(b.limiter, n, &v);
  naive_smooth(b.limiter, n, &v);
  same_words(v.shaped, limiter_bench_section(&b, LIMITER_SHAPED), n, "shaped");
  same_words(v.follow, limiter_bench_section(&b, LIMITER_FOLLOW), n, "follow");
  same_words(v.slow, limiter_bench_section(&b, LIMITER_SLOW), n, "slow");
  same_words(v.reduction, limiter_bench_section(&b, LIMITER_REDUCTION), n, "reduction");
  for (int32_t k = 0; k < n; k++) assert_true(v.reduction[k] >= demand[k]);
  free(v.shaped);
  free(v.follow);
  free(v.slow);
  free(v.reduction);
  limiter_bench_close(&b);
}

static void brute_force(void **state) {
  (void)state;
  static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
  uint64_t seed = SEED + 2;
  for (int i = 0; i < 60; i++) {
    struct limiter_params p = settings();
    if (i >= 6) { /* the first of every rate with the defaults */
      p.look_ahead_ms = between(&seed, 1, 600) / 10.0;
      p.smooth_ms = between(&seed, 0, 100) / 10.0;
      p.close_ms = between(&seed, 0, 100);
      p.release_ms = between(&seed, 1, 1000);
      p.slow_release_ms = between(&seed, 50, 5000);
      p.slow_amount = between(&seed, 0, 10) / 10.0;
    }
    if (i == 7) p.look_ahead_ms = 60, p.smooth_ms = 10, p.close_ms = 100;
    if (i == 8) p.look_ahead_ms = 0.5, p.smooth_ms = 0, p.close_ms = 0, p.slow_amount = 1;
    compare_paths(&p, rates[i % 6], between(&seed, 1, 60000), &seed);
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
    const struct stage_format format = {rate_hz, 2, NULL};
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
    const struct stage_format format = {s->parameter > 1 ? 192000 : 44100, 1, NULL};
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
  const struct stage_format format = {48000, 1, NULL};
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

/* A peak of 12 dB over the ceiling in the middle of silence, slow stage off. */
static void open_single_peak(struct limiter_bench *b, struct limiter_params *params, int point) {
  const struct stage_format format = {48000, 1, NULL};
  params->slow_amount = 0;
  limiter_bench_open(b, params, &format, 48000);
  limiter_bench_section(b, LIMITER_DEMAND)[point] = 2 * LIMITER_OCTAVE;
  limiter_bench_run(b, LIMITER_SHAPE, LIMITER_APPLY);
}

static void attack_is_ahead(void **state) {
  (void)state;
  enum { AT = 3000 };
  struct limiter_params params = settings();
  struct limiter_bench b;
  open_single_peak(&b, &params, AT);
  const int32_t *s = limiter_bench_section(&b, LIMITER_REDUCTION);
  const int32_t *gain = limiter_bench_section(&b, LIMITER_GAIN);
  const int32_t reach = b.limiter->attack + b.limiter->hold + 3 * b.limiter->box;
  /* 50 ms of attack, 3 * 1 ms of smoothing and its hold */
  assert_true(reach * b.limiter->step <= 0.001 * 48000 * (50 + 3 * 1 + 1));
  assert_int_equal(s[AT - reach - 1], 0);
  assert_int_equal(gain[AT - reach - 1], 0);
  for (int32_t k = AT - reach; k < AT; k++) assert_true(s[k] <= s[k + 1]);
  for (int32_t k = AT - 2; k <= AT + 2; k++) assert_int_equal(s[k], 2 * LIMITER_OCTAVE);
  /* A straight line: half the reduction, in dB, half the attack before the hold; roundings
   * up move it by units only. */
  const int32_t half = s[AT - b.limiter->hold - b.limiter->attack / 2];
  assert_in_range(half, LIMITER_OCTAVE * 99 / 100, LIMITER_OCTAVE * 101 / 100);
  limiter_bench_close(&b);
}

static void release_time(void **state) {
  (void)state;
  enum { AT = 1000 };
  static const double times_ms[] = {5, 20, 60, 200};
  for (int i = 0; i < COUNT(times_ms); i++) {
    struct limiter_params params = settings();
    struct limiter_bench b;
    params.release_ms = times_ms[i];
    open_single_peak(&b, &params, AT);
    const int32_t *s = limiter_bench_section(&b, LIMITER_REDUCTION);
    const double step_ms = 1000.0 * b.limiter->step / 48000;
    const int32_t from = AT + b.limiter->hold + 3 * b.limiter->box + 2;
    const int32_t to = from + (int32_t)(2 * times_ms[i] / step_ms);
    const double seconds = (to - from) * step_ms / 1000;
    const double tau_ms = 1000 * seconds / log((double)s[from] / s[to]);
    print_message("  release %g ms: measured %.3f ms; first %.1f dB/s\n", times_ms[i], tau_ms,
                  (octaves_to_db(s[from]) - octaves_to_db(s[from + 1])) * 1000 / step_ms);
    /* Coefficient rounded in Q24: 2^-25 tau / step < 1e-5; falls are floored by up to one
     * of at least 2.8e5 units per step: 2e-3 at 200 ms, where a step takes 230 units. */
    assert_true(fabs(tau_ms / times_ms[i] - 1) <= 0.005);
    limiter_bench_close(&b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(level_rounds_up),
      cmocka_unit_test(detector_accuracy),
      cmocka_unit_test(level_covers_samples),
      cmocka_unit_test(brute_force),
      cmocka_unit_test(chunks),
      cmocka_unit_test(never_above_demand),
      cmocka_unit_test(neutral),
      cmocka_unit_test(distortion),
      cmocka_unit_test(attack_is_ahead),
      cmocka_unit_test(release_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
