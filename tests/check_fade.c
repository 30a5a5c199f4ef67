/* SPDX-License-Identifier: MIT
 * Fades against their formulas in double precision: every shape, rate and length, which
 * frames they touch, ranges, and how true the curves are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fade.h"
#include "oracle.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
static const double PI = 3.14159265358979323846;
static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};

static double wanted(int shape, double t) {
  switch (shape) {
  case FADE_EQUAL_POWER: return sin(PI * t / 2);
  case FADE_COSINE: return 0.5 - 0.5 * cos(PI * t);
  case FADE_EXPONENTIAL: return (pow(10, 3 * t) - 1) / 999;
  case FADE_LOGARITHMIC: return 1 - (pow(10, 3 * (1 - t)) - 1) / 999;
  default: return t;
  }
}

/* Gain of a frame by the definition. */
static double gain_at(const struct fade_params *p, int rate_hz, int32_t frame, int32_t n_frames) {
  const int32_t in = (int32_t)lround(p->in_ms * rate_hz / 1000);
  const int32_t out = (int32_t)lround(p->out_ms * rate_hz / 1000);
  double gain = 1;
  if (frame < in) gain *= wanted(p->in_shape, (double)frame / in);
  if (n_frames - 1 - frame < out)
    gain *= wanted(p->out_shape, (double)(n_frames - 1 - frame) / out);
  return gain;
}

static void check(const struct fade_params *p, int rate_hz, int32_t n, int segment_blocks) {
  struct oracle_audio a = oracle_audio_create(n);
  oracle_stereo(a.in[0], a.in[1], n, 0.7, 5);
  assert_int_equal(oracle_run_stage(&stage_fade, p, rate_hz, 2, n, (const float *const *)a.in,
                                    a.out, segment_blocks), 0);
  for (int c = 0; c < 2; c++)
    for (int32_t i = 0; i < n; i++) {
      const double gain = gain_at(p, rate_hz, i, n), x = (double)a.in[c][i];
      if (gain == 1) assert_memory_equal(&a.out[c][i], &a.in[c][i], sizeof(float));
      if (gain == 0) assert_true(a.out[c][i] == 0);
      /* the table's chords: second derivative / (8 * 4096^2); and three roundings */
      const double bound = (48.0 / 8 / 4096 / 4096 + 3e-7) * fabs(x);
      if (fabs((double)a.out[c][i] - gain * x) > bound)
        fail_msg("%d Hz, frame %d of %d: gain %.9f, is %.9f", rate_hz, i, n, gain,
                 (double)a.out[c][i] / x);
    }
  oracle_audio_destroy(&a);
}

static void shapes_and_rates(void **state) {
  (void)state;
  for (int shape = FADE_LINEAR; shape <= FADE_LOGARITHMIC; shape++)
    for (int i = 0; i < COUNT(rates); i++) {
      const int other = (shape + 1 + i) % 5;
      const struct fade_params p = {250, 333.3, shape, other};
      check(&p, rates[i], rates[i] * 6 / 10, 1 + i);
    }
}

static void lengths(void **state) {
  (void)state;
  static const double ms[] = {0, 0.02, 0.05, 1, 10, 60000};
  static const int32_t frames[] = {1, 2, 100, 2047, 2048, 2049, 9000};
  for (int i = 0; i < COUNT(ms) * COUNT(ms) * COUNT(frames); i++) {
    const struct fade_params p = {ms[i % COUNT(ms)], ms[i / COUNT(ms) % COUNT(ms)], FADE_COSINE,
                                  FADE_EXPONENTIAL};
    check(&p, 48000, frames[i / COUNT(ms) / COUNT(ms)], 1);
  }
}

/* Of the longest fade every position is where it should be: linear, so it shows. */
static void longest_fade(void **state) {
  (void)state;
  const struct fade_params p = {FADE_LONGEST_MS, 0, FADE_LINEAR, FADE_LINEAR};
  const int32_t frames = fade_frames(p.in_ms, 192000), n = frames + 3;
  float *x = oracle_alloc((size_t)n * sizeof *x), *y = oracle_alloc((size_t)n * sizeof *y);
  for (int32_t i = 0; i < n; i++) x[i] = 1;
  assert_int_equal(frames, 11520000);
  assert_int_equal(oracle_run_stage(&stage_fade, &p, 192000, 1, n, (const float *const *)&x, &y,
                                    64), 0);
  for (int32_t i = 0; i < n; i++) {
    const double gain = i < frames ? (double)i / frames : 1;
    if (fabs((double)y[i] - gain) > 1.3e-7) fail_msg("frame %d", i);
    if (i) assert_true(y[i] >= y[i - 1]);
  }
  free(x);
  free(y);
}

/* FNV-1a of the design's tables: the same for every compiler and processor. */
static void frozen_curves(void **state) {
  (void)state;
  static const uint64_t frozen[] = {
      0xd04086e32cf2aad9u, 0x7903365004b7fcf5u, 0xfb938d1a54a7b29du,
      0x226f6ca53e6f498du, 0xd2213e4ef0ead965u};
  int changed = 0;
  for (int shape = FADE_LINEAR; shape <= FADE_LOGARITHMIC; shape++) {
    const struct fade_params p = {20, 60000, shape, shape};
    struct oracle_stage s = {0};
    uint64_t hash = 0xcbf29ce484222325u;
    assert_int_equal(oracle_design(&s, &stage_fade, &p, 44100, 2, NULL), 0);
    for (uint32_t i = 0; i < s.design.size; i++)
      hash = (hash ^ ((const unsigned char *)s.design.data)[i]) * 0x100000001b3u;
    oracle_close(&s);
    if (hash == frozen[shape]) continue;
    print_message("now: %d 0x%016llxu\n", shape, (unsigned long long)hash);
    changed++;
  }
  assert_int_equal(changed, 0);
}

static void no_fade_is_neutral(void **state) {
  (void)state;
  const struct fade_params none = {0, 0, FADE_COSINE, FADE_LINEAR};
  const struct fade_params in = {0.1, 0, FADE_COSINE, FADE_LINEAR};
  const struct fade_params out = {0, 0.1, FADE_COSINE, FADE_LINEAR};
  assert_true(stage_fade.neutral(&none));
  assert_false(stage_fade.neutral(&in));
  assert_false(stage_fade.neutral(&out));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shapes_and_rates),
      cmocka_unit_test(lengths),
      cmocka_unit_test(longest_fade),
      cmocka_unit_test(frozen_curves),
      cmocka_unit_test(no_fade_is_neutral),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
