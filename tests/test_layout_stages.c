/* SPDX-License-Identifier: MIT
 * Stages on beds: a pair of channels gets the bits of a stereo track, channels that nothing
 * acts on keep theirs, gains are linked over all but the LFE. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine_cpu.h"
#include "eq.h"
#include "layout.h"
#include "limiter.h"
#include "loudness.h"
#include "loudness_check.h"
#include "multiband.h"
#include "oracle.h"
#include "saturate.h"
#include "stereo.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

#define SEED UINT64_C(714)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
enum { RATE = 48000, N = 40000 };

static float *in[LAYOUT_MOST_SPEAKERS], *out[LAYOUT_MOST_SPEAKERS], *pair[2];

static int set_up(void **state) {
  (void)state;
  for (int c = 0; c < LAYOUT_MOST_SPEAKERS; c++) {
    in[c] = oracle_alloc(N * sizeof(float));
    out[c] = oracle_alloc(N * sizeof(float));
  }
  pair[0] = oracle_alloc(N * sizeof(float));
  pair[1] = oracle_alloc(N * sizeof(float));
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  for (int c = 0; c < LAYOUT_MOST_SPEAKERS; c++) free(in[c]), free(out[c]);
  free(pair[0]);
  free(pair[1]);
  return 0;
}

static void fill(double amplitude) {
  for (int c = 0; c < LAYOUT_MOST_SPEAKERS; c++) oracle_noise(in[c], N, amplitude, SEED + (uint64_t)c);
}

static void design(struct oracle_stage *s, const struct stage *stage, const void *params,
                   const struct layout *layout) {
  const struct stage_format format = {RATE, layout->channels, layout, NULL};
  const char *why = "";
  *s = (struct oracle_stage){.stage = stage, .rate_hz = RATE, .channels = layout->channels};
  if (stage->design(params, &format, &s->design, &why)) fail_msg("%s: %s", stage->name, why);
}

/* in to out. */
static void run_bed(const struct stage *stage, const void *params, const struct layout *layout) {
  struct oracle_stage s;
  design(&s, stage, params, layout);
  oracle_render(&s, N, (const float *const *)in, out, 4);
  oracle_close(&s);
}

/* Channels [first, first + n) of `in` as a track of their own, mono or stereo. */
static void run_alone(const struct stage *stage, const void *params, int first, int n) {
  assert_int_equal(oracle_run_stage(stage, params, RATE, n, N, (const float *const *)&in[first],
                                    pair, 4), 0);
}

static void assert_same(const float *a, const float *b, const char *label) {
  if (memcmp(a, b, N * sizeof *a)) fail_msg("%s differs", label);
}

static void assert_untouched(const struct layout *l, int channel) {
  assert_same(out[channel], in[channel], l->speaker[channel]->label);
}

static bool is_pair(const struct layout *l, int channel) {
  return l->speaker[channel]->azimuth_deg != 0;
}

/* ---- equaliser and stereo ---- */

/* Which channels a target acts on, by their labels. */
static bool acts(const char *target, const char *label) {
  static const struct {
    const char *target, *labels;
  } table[] = {{"stereo", "L R C LFE Ls Rs Lss Rss Lrs Rrs Ltf Rtf Ltr Rtr"},
               {"bed", "L R C Ls Rs Lss Rss Lrs Rrs Ltf Rtf Ltr Rtr"},
               {"front", "L R C"},
               {"center", "C"},
               {"surround", "Ls Rs Lss Rss Lrs Rrs"},
               {"height", "Ltf Rtf Ltr Rtr"},
               {"lfe", "LFE"}};
  for (int i = 0; i < COUNT(table); i++) {
    if (strcmp(table[i].target, target)) continue;
    const size_t n = strlen(label);
    for (const char *at = table[i].labels; (at = strstr(at, label)); at += n)
      if ((at == table[i].labels || at[-1] == ' ') && (!at[n] || at[n] == ' ')) return true;
  }
  return false;
}

static void test_eq_groups(void **state) {
  (void)state;
  fill(0.3);
  for (int target = LINEAR_STEREO; target < LINEAR_TARGETS; target++) {
    if (target >= LINEAR_LEFT && target <= LINEAR_SIDE) continue;
    struct eq_params *p = oracle_params(&stage_eq), *alone = oracle_params(&stage_eq);
    p->n_bands = alone->n_bands = 1;
    p->bands[0] = (struct eq_band)EQ_BAND(EQ_BELL, target, 900, 5, 1, 12);
    alone->bands[0] = (struct eq_band)EQ_BAND(EQ_BELL, EQ_STEREO, 900, 5, 1, 12);
    for (const struct layout *l = layouts + 2; l->name; l++) {
      run_bed(&stage_eq, p, l);
      for (int c = 0; c < l->channels; c++) {
        const char *label = l->speaker[c]->label;
        const bool top = !strcmp(label, "Lts") || !strcmp(label, "Rts");
        if (!acts(linear_targets[target], top ? "Ltf" : label)) {
          assert_untouched(l, c);
          continue;
        }
        run_alone(&stage_eq, alone, c, 1);
        assert_same(out[c], pair[0], label);
      }
    }
    free(p);
    free(alone);
  }
}

/* Left, right, mid and side: of every pair, and of nothing else. */
static void test_pairs(void **state) {
  (void)state;
  const struct layout *l = layout_find("7.1.4");
  struct eq_params *eq = oracle_params(&stage_eq);
  struct stereo_params *stereo = oracle_params(&stage_stereo);
  struct saturate_params *saturate = oracle_params(&stage_saturate);
  eq->n_bands = 3;
  eq->bands[0] = (struct eq_band)EQ_BAND(EQ_BELL, EQ_SIDE, 2000, 6, 1, 12);
  eq->bands[1] = (struct eq_band)EQ_BAND(EQ_HIGH_SHELF, EQ_LEFT, 6000, -3, 0.7, 12);
  eq->bands[2] = (struct eq_band)EQ_BAND(EQ_BELL, EQ_MID, 500, -4, 1, 12);
  stereo->width = 1.4, stereo->mono_below_hz = 150, stereo->balance_db = 1;
  saturate->target = SATURATE_MID_SIDE;
  saturate->n_bands = 2, saturate->n_crossovers = 1, saturate->crossover_hz[0] = 2000;
  saturate->bands[0] = saturate->bands[1] = (struct saturate_band){SATURATE_TUBE, 12, 60};
  const struct stage_use uses[] = {
      {&stage_eq, eq}, {&stage_stereo, stereo}, {&stage_saturate, saturate}};
  fill(0.4);
  for (int i = 0; i < COUNT(uses); i++) {
    run_bed(uses[i].stage, uses[i].params, l);
    for (int c = 0; c < l->channels; c += 2) {
      if (!is_pair(l, c)) {
        assert_untouched(l, c);
        assert_untouched(l, c + 1);
        continue;
      }
      run_alone(uses[i].stage, uses[i].params, c, 2);
      assert_same(out[c], pair[0], l->speaker[c]->label);
      assert_same(out[c + 1], pair[1], l->speaker[c + 1]->label);
      assert_true(memcmp(out[c], in[c], N * sizeof(float)));
    }
  }
  free(eq);
  free(stereo);
  free(saturate);
}

/* Every group with filters of its own, of one length: low bands want long ones. */
static void test_groups_together(void **state) {
  (void)state;
  const struct layout *l = layout_find("5.1.4");
  struct eq_params *p = oracle_params(&stage_eq), *one = oracle_params(&stage_eq);
  static const struct eq_band bands[] = {
      EQ_BAND(EQ_HIGHPASS, LINEAR_FRONT, 25, 0, 0.7, 48),
      EQ_BAND(EQ_BELL, LINEAR_SURROUND, 3000, 4, 1, 12),
      EQ_BAND(EQ_LOWPASS, LINEAR_LFE, 120, 0, 0.7, 24),
      EQ_BAND(EQ_TILT, LINEAR_HEIGHT, 900, 2, 0.7, 12)};
  p->n_bands = COUNT(bands), one->n_bands = 1;
  memcpy(p->bands, bands, sizeof bands);
  fill(0.3);
  run_bed(&stage_eq, p, l);
  static const int band_of[] = {0, 0, 0, 2, 1, 1, 3, 3, 3, 3};
  for (int c = 0; c < l->channels; c++) {
    one->bands[0] = bands[band_of[c]];
    one->bands[0].target = EQ_STEREO;
    run_alone(&stage_eq, one, c, 1);
    /* The filters may be longer, their responses within 0.01 dB of the same: -58 dB. */
    assert_true(oracle_energy_of_difference(out[c], pair[0], N) <
                2e-6 * oracle_energy(pair[0], N));
  }
  free(p);
  free(one);
}

/* ---- limiter ---- */

/* Under a drive of 0 dB and this ceiling. */
static void run_limiter(const struct layout *l, double link_percent) {
  struct limiter_params p;
  struct oracle_stage s;
  params_init(stage_limiter.rows, &p);
  p.true_peak_db = -6, p.link_percent = link_percent;
  design(&s, &stage_limiter, &p, l);
  oracle_open(&s, N, 4);
  oracle_write(&s, (const float *const *)in);
  engine_cpu.set_args(s.session, 0, 0, (const int32_t[5]){0, limiter_ceiling(&p, 0)});
  oracle_passes(&s, LIMITER_HALF_WAY, LIMITER_SET_DEMAND);
  for (int p_at = LIMITER_SET_DEMAND; p_at < LIMITER_APPLY; p_at++)
    oracle_pass(&s, p_at, 0, s.n_blocks);
  oracle_passes(&s, LIMITER_APPLY, LIMITER_HALF_WAY_AGAIN);
  oracle_read(&s, out);
  oracle_close(&s);
}

static float peak_of(const float *x) {
  float most = 0;
  for (int i = 0; i < N; i++) most = fmaxf(most, fabsf(x[i]));
  return most;
}

/* Quiet noise, and a loud tone in one channel. */
static void fill_loud(int channel) {
  fill(0.05);
  oracle_sine(in[channel], N, RATE, 300, 0.9, 0);
}

/* Every channel but the LFE got the gain that `like` got. */
static void assert_one_gain(const struct layout *l, int like) {
  for (int c = 0; c < l->channels; c++)
    for (int i = 1000; i < N && c != layout_lfe(l); i++) {
      if (fabsf(in[like][i]) < 0.01F || fabsf(in[c][i]) < 0.01F) continue;
      /* A quotient of two roundings. */
      assert_float_equal(out[c][i] / in[c][i], out[like][i] / in[like][i], 4e-7);
    }
}

static void test_limiter_link(void **state) {
  (void)state;
  for (const struct layout *l = layouts + 2; l->name; l++) {
    const int lfe = layout_lfe(l), last = l->channels - 1;
    fill_loud(last);
    run_limiter(l, 100);
    assert_true(peak_of(out[last]) < 0.502F && peak_of(out[last]) > 0.49F);
    assert_untouched(l, lfe);
    assert_one_gain(l, last);
    fill_loud(lfe);
    run_limiter(l, 100);
    assert_true(peak_of(out[lfe]) < 0.502F && peak_of(out[lfe]) > 0.49F);
    for (int c = 0; c < l->channels; c++)
      if (c != lfe) assert_untouched(l, c);
    for (int link = 0; link <= 40; link += 40) { /* the LFE never joins */
      fill_loud(lfe);
      run_limiter(l, link);
      for (int c = 0; c < l->channels; c++)
        if (c != lfe) assert_untouched(l, c);
      fill_loud(0);
      run_limiter(l, link);
      assert_untouched(l, lfe);
      /* Alone, what is not loud is asked for the last bit of a level, 6e-6 dB. */
      const double change = oracle_energy_of_difference(out[2], in[2], N);
      assert_int_equal(change < 1e-11 * oracle_energy(in[2], N), link == 0);
      assert_true(peak_of(out[0]) < 0.502F);
    }
  }
}

/* ---- dynamics ---- */

static struct multiband_params *compressor(double link_percent) {
  struct multiband_params *p = oracle_params(&stage_multiband);
  p->n_bands = 1;
  p->bands[0] = (struct multiband_band){-20, 4, 0, 1, 50, 0, MULTIBAND_PLAIN};
  p->link_percent = link_percent;
  return p;
}

static void test_dynamics_link(void **state) {
  (void)state;
  for (const struct layout *l = layouts + 2; l->name; l++) {
    const int lfe = layout_lfe(l), last = l->channels - 1;
    struct multiband_params *linked = compressor(100), *half = compressor(50),
                            *apart = compressor(0);
    fill_loud(last);
    run_bed(&stage_multiband, linked, l);
    assert_untouched(l, lfe);
    assert_one_gain(l, last);
    assert_true(oracle_energy(out[0], N) < 0.2 * oracle_energy(in[0], N)); /* by the tone */
    run_bed(&stage_multiband, apart, l);
    for (int c = 0; c < last; c++) assert_untouched(l, c);
    run_bed(&stage_multiband, half, l);
    assert_untouched(l, lfe);
    assert_true(memcmp(out[0], in[0], N * sizeof(float)));
    fill_loud(lfe);
    for (int i = 0; i < 3; i++) {
      run_bed(&stage_multiband, i == 0 ? linked : i == 1 ? half : apart, l);
      for (int c = 0; c < l->channels; c++)
        if (c != lfe) assert_untouched(l, c);
      run_alone(&stage_multiband, linked, lfe, 1);
      assert_same(out[lfe], pair[0], "LFE");
    }
    free(linked);
    free(half);
    free(apart);
  }
}

static void test_dynamics_targets(void **state) {
  (void)state;
  const struct layout *l = layout_find("7.1");
  struct multiband_params *p = compressor(100);
  struct oracle_stage s;
  const char *why = "";
  p->bands[0].target = MULTIBAND_RIGHT;
  fill(0.5);
  run_bed(&stage_multiband, p, l);
  for (int c = 0; c < l->channels; c++)
    assert_int_equal(memcmp(out[c], in[c], N * sizeof(float)) != 0, is_pair(l, c) && c % 2);
  p->bands[0].target = MULTIBAND_STEREO;
  p->mid_side = 1;
  assert_int_equal(oracle_design(&s, &stage_multiband, p, RATE, 6, &why), -1);
  assert_non_null(strstr(why, "one or two channels"));
  free(p);
}

/* ---- loudness ---- */

/* lacquer's meter against libebur128, every channel at a level of its own. */
static void test_loudness(void **state) {
  (void)state;
  for (const struct layout *l = layouts; l->name; l++) {
    const struct loudness_params p = {.loudness_lufs = NAN, .max_reduction_db = NAN};
    const struct pcm_shape shape = {RATE, l->channels, N, l};
    struct loudness_figures f;
    struct oracle_stage s;
    for (int c = 0; c < l->channels; c++)
      oracle_noise(in[c], N, 0.1 + 0.05 * ((5 * c) % 7), SEED + (uint64_t)c);
    design(&s, &stage_loudness, &p, l);
    oracle_open(&s, N, 4);
    oracle_write(&s, (const float *const *)in);
    oracle_passes(&s, LOUDNESS_FORWARD, LOUDNESS_HOPS);
    const int32_t n = loudness_hops(N, RATE);
    oracle_pass(&s, LOUDNESS_HOPS, 0, n);
    float *hops = oracle_alloc((size_t)n * sizeof *hops);
    double *scratch = oracle_alloc((size_t)n * sizeof *scratch);
    oracle_control(&s, loudness_hops_offset(&s.design, s.n_blocks, s.channels), n,
                   (int32_t *)(void *)hops);
    assert_int_equal(loudness_measure_planar(&shape, (const float *const *)in, &f, NULL, NULL), 0);
    /* 32-bit float against double: as in check_loudness.c. */
    assert_float_equal(loudness_integrated(hops, n, RATE, scratch), f.integrated_lufs, 1e-4);
    free(hops);
    free(scratch);
    oracle_close(&s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_eq_groups),       cmocka_unit_test(test_pairs),
      cmocka_unit_test(test_groups_together), cmocka_unit_test(test_limiter_link),
      cmocka_unit_test(test_dynamics_link),   cmocka_unit_test(test_dynamics_targets),
      cmocka_unit_test(test_loudness),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
