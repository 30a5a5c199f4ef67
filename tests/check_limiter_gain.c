/* SPDX-License-Identifier: MIT
 * The limiter's gain computer: its integers against a brute-force path, chunks, attack and
 * release, paces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limiter_fixture.h"
#include "render_fixture.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

enum { SEED = 4711, PASSES = LIMITER_CORRECT + 1 };

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

/* Closing, opening and hold straight from their definitions, on a line that is zero outside the
 * track. The caller frees. */
static int64_t *naive_hold(const struct limiter_design *l, int pace, const int64_t *demand,
                           int64_t length) {
  const int64_t close = l->pace[pace].close, spike = l->spike[pace];
  int64_t *up = longs(length), *closed = longs(length), *low = longs(length);
  int64_t *opened = longs(length), *held = longs(length);
  for (int64_t k = close; k < length; k++) up[k] = extreme(demand, k - close, k, 1);
  for (int64_t k = 0; k + close < length; k++) closed[k] = extreme(up, k, k + close, -1);
  for (int64_t k = 0; k + spike < length; k++) low[k] = extreme(closed, k, k + spike, -1);
  for (int64_t k = spike; k < length; k++) opened[k] = extreme(low, k - spike, k, 1);
  for (int64_t k = l->hold; k + l->hold < length; k++)
    held[k] = extreme(opened, k - l->hold, k + l->hold, 1);
  free(up);
  free(closed);
  free(low);
  free(opened);
  return held;
}

/* The parabola around node s, at node t, less its height at s. */
static int64_t above(const struct limiter_pace *pace, int64_t s, int64_t t) {
  return (t < s ? pace->fall : pace->rise) * (t - s) * (t - s);
}
static int64_t most_of(int64_t a, int64_t b) { return a > b ? a : b; }

/* At every node the least of all parabolas that are nowhere below the points, and straight lines
 * between the nodes. points[pad + k], `pad` on either side. */
static void naive_close(const struct limiter_pace *pace, const int64_t *points, int64_t pad,
                        int32_t n, int64_t *closed) {
  const int32_t step = 1 << pace->grid, nodes = n / step;
  int64_t *node = longs(nodes + 1), *vertex = longs(nodes + 1), *r = longs(nodes + 1);
  for (int32_t j = 0; j < nodes; j++)
    node[j] = extreme(points, pad + j * step - step + 1, pad + j * step + step - 1, 1);
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
  free(node);
  free(vertex);
  free(r);
}

/* What the held demand has above the slow reduction, closed by the spikes' own pace, is added. */
static void naive_spikes(const struct limiter_design *l, int pace, const int64_t *demand,
                         int64_t pad, int32_t n, int64_t *closed) {
  int64_t *rest = longs(n + 2 * pad), *spikes = longs(n);
  for (int32_t k = 0; k < n; k++)
    rest[pad + k] = most_of(
        0, extreme(demand, pad + k - l->hold, pad + k + l->hold, 1) - closed[k]);
  naive_close(&l->spike_pace[pace], rest, pad, n, spikes);
  for (int32_t k = 0; k < n; k++) closed[k] += spikes[k];
  free(rest);
  free(spikes);
}

static void naive_reduce(const struct limiter_design *l, int pace, const int32_t *demand, int32_t n,
                         int64_t *closed) {
  const int32_t step = 1 << l->pace[pace].grid;
  const int64_t pad = 2 * (l->pace[pace].close + l->spike[pace]) + l->hold + step + 4;
  int64_t *d = longs(n + 2 * pad);
  for (int32_t k = 0; k < n; k++) d[pad + k] = demand[k];
  int64_t *held = naive_hold(l, pace, d, n + 2 * pad);
  naive_close(&l->pace[pace], held, pad, n, closed);
  if (l->spike[pace]) naive_spikes(l, pace, d, pad, n, closed);
  free(held);
  free(d);
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
  naive_reduce(b.limiter, b.io.args[2], demand, n, v.closed);
  naive_follow(b.limiter, n, &v);
  naive_smooth(b.limiter, n, &v);
  const int closed = b.limiter->spike[b.io.args[2]] ? LIMITER_BOTH : LIMITER_CLOSED;
  same_words(v.closed, limiter_bench_section(&b, closed), n, "closed");
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
  for (int i = 0; i < 120; i++) {
    struct limiter_params p = settings();
    if (i >= 90) { /* paces with spikes, at the style's releases and others */
      p.smooth_ms = between(&seed, 0, 100) / 10.0;
      if (i >= 105) p.release_ms = between(&seed, 1, 120), p.close_ms = between(&seed, 0, 100);
    } else if (i >= 36) { /* the first with the paces of the style */
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

static void assert_fits(const struct limiter_design *d, int pace) {
  const struct limiter_pace *p = &d->pace[pace], *s = &d->spike_pace[pace];
  assert_true(p->grid <= LIMITER_MAX_GRID && s->grid <= LIMITER_MAX_GRID);
  assert_true(p->close + d->spike[pace] + d->hold + (1 << p->grid) - 1 <= LIMITER_MAX_REACH);
  assert_true(((s->fall_nodes + 1) << s->grid) + d->hold <= LIMITER_MAX_REACH);
  assert_true(p->rise_nodes <= LIMITER_MAX_NODES && p->fall_nodes <= LIMITER_MAX_NODES);
  assert_true(s->rise_nodes <= LIMITER_MAX_NODES && s->fall_nodes <= LIMITER_MAX_NODES);
}

/* The longest settings fit the memory that the passes have for them. */
static void longest_reach(void **state) {
  (void)state;
  static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
  for (int i = 0; i < 2 * COUNT(rates); i++) {
    struct limiter_params p = settings();
    struct limiter_bench b;
    const struct stage_format format = {rates[i / 2], 1, NULL, NULL};
    p.smooth_ms = 10, p.close_ms = 100;
    if (i & 1) p.look_ahead_ms = 500, p.release_ms = 1000;
    limiter_bench_open(&b, &p, &format, 1);
    for (int pace = 0; pace <= b.limiter->n_paces; pace++) assert_fits(b.limiter, pace);
    assert_int_equal(b.limiter->spike[b.limiter->n_paces] > 0, !(i & 1));
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
    whole.io.args[2] = parts.io.args[2] = rate_hz > 44100 ? LIMITER_PACES - 6 : 0;
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

/* With a pace that has spikes: one in silence leaves nothing to the pace, and one on a plateau is
 * added to it. */
static void spikes_come_and_go(void **state) {
  (void)state;
  struct limiter_params params = settings();
  const struct stage_format format = {48000, 1, NULL, NULL};
  struct limiter_bench b;
  limiter_bench_open(&b, &params, &format, 96000);
  int32_t *demand = limiter_bench_section(&b, LIMITER_DEMAND), pace = LIMITER_PACES - 9;
  const int32_t *s = limiter_bench_section(&b, LIMITER_REDUCTION);
  const int32_t wide = 3 * b.limiter->spike[pace];
  assert_true(b.limiter->spike[pace] > 0 && b.limiter->pace[pace].release_us > 3 * 13000);
  for (int plateau = 0; plateau < 2; plateau++) {
    const int32_t base = plateau * LIMITER_OCTAVE / 2, top = base + LIMITER_OCTAVE;
    for (int32_t k = -3000; k < 3000; k++) demand[AT + k] = base;
    demand[AT] = top;
    b.io.args[2] = pace;
    limiter_bench_run(&b, LIMITER_HOLD, LIMITER_APPLY);
    assert_int_equal(s[AT], top);
    const int32_t node = 1 << b.limiter->spike_pace[pace].grid;
    const int32_t end = 13 * 6 + b.limiter->hold + 2 * node; /* 13 ms, 6 points each */
    assert_int_equal(s[AT + end], base);
    assert_int_equal(s[AT - end], base);
    for (int32_t k = -wide; k < wide; k++) demand[AT + k] = top; /* too long for a spike */
    limiter_bench_run(&b, LIMITER_HOLD, LIMITER_APPLY);
    assert_int_equal(s[AT], top);
    assert_true(s[AT + wide + end] > base && s[AT - wide - end] > base);
  }
  limiter_bench_close(&b);
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
      cmocka_unit_test(brute_force),        cmocka_unit_test(longest_reach),
      cmocka_unit_test(chunks),             cmocka_unit_test(attack_and_release),
      cmocka_unit_test(spikes_come_and_go), cmocka_unit_test(paces_are_ordered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
