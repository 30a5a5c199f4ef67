/* SPDX-License-Identifier: MIT
 * Linear stages that stand together, designed as one filter: against the product of the
 * prototypes, against the stages one after the other, and in their own order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "linear_fixture.h"
#include "stereo.h"

#define SEED UINT64_C(7304)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
enum { RATE = 48000, MOST = 3 };

static struct eq_params *eq_of(int phase, const struct eq_band *bands, int n) {
  struct eq_params *p = oracle_params(&stage_eq);
  p->phase = phase;
  p->n_bands = n;
  memcpy(p->bands, bands, (size_t)n * sizeof *bands);
  return p;
}

static struct stereo_params *stereo_of(double width, double balance_db) {
  struct stereo_params *p = oracle_params(&stage_stereo);
  p->width = width;
  p->balance_db = balance_db;
  return p;
}

/* ---- chains ---- */

struct chain {
  int n;
  struct stage_use uses[MOST];
};

/* Bands whose designs, at the shortest length, are off by less than 1e-7. */
static const struct eq_band gentle_stereo[] = {EQ_BAND(EQ_BELL, EQ_STEREO, 3000, 3, 0.7, 12),
                                               EQ_BAND(EQ_TILT, EQ_STEREO, 2500, 2, 1, 12)};
static const struct eq_band gentle_mid[] = {EQ_BAND(EQ_BELL, EQ_MID, 4000, -3, 0.8, 12)};
static const struct eq_band gentle_left[] = {EQ_BAND(EQ_HIGH_SHELF, EQ_LEFT, 5000, 2, 0.6, 12),
                                             EQ_BAND(EQ_BELL, EQ_RIGHT, 2500, -2, 0.7, 12)};
static const struct eq_band steep[] = {EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 30, 0, 1, 24),
                                       EQ_BAND(EQ_BELL, EQ_SIDE, 300, -4, 3, 12)};

enum { CHAINS = 6 };
static struct chain chain_of(int which) {
  const struct stage_use stereo = {&stage_stereo, stereo_of(1.2, -0.5)};
  const struct stage_use linear = {&stage_eq, eq_of(PHASE_LINEAR, gentle_stereo, 2)};
  const struct stage_use middle = {&stage_eq, eq_of(PHASE_LINEAR, gentle_mid, 1)};
  const struct stage_use minimum = {&stage_eq, eq_of(PHASE_MINIMUM, gentle_mid, 1)};
  const struct stage_use left = {&stage_eq, eq_of(PHASE_MINIMUM, gentle_left, 2)};
  const struct stage_use sides = {&stage_eq, eq_of(PHASE_MIXED, gentle_left, 2)};
  const struct chain chains[CHAINS] = {
      {2, {linear, stereo}},        {3, {stereo, middle, linear}}, {2, {minimum, left}},
      {3, {left, stereo, minimum}}, {2, {minimum, linear}},        {3, {middle, sides, minimum}},
  };
  const struct stage_use all[] = {stereo, linear, middle, minimum, left, sides};
  for (int i = 0; i < COUNT(all); i++) {
    bool used = false;
    for (int k = 0; k < chains[which].n; k++) used |= chains[which].uses[k].params == all[i].params;
    if (!used) free((void *)all[i].params);
  }
  return chains[which];
}

static void chain_free(struct chain *c) {
  for (int i = 0; i < c->n; i++) free((void *)c->uses[i].params);
}

static struct oracle_stage joint(const struct stage_use *uses, int n) {
  struct oracle_stage s = {.stage = uses[0].stage, .rate_hz = RATE, .channels = 2};
  const struct stage_format format = {RATE, 2, NULL, NULL};
  const char *why = NULL;
  assert_int_equal(linear_design_joint(uses, n, &format, &s.design, &why), 0);
  return s;
}

static double difference_db(const struct oracle_audio *a, float *const b[2]) {
  double error = 0, power = 0;
  for (int c = 0; c < 2; c++) {
    error += oracle_energy_of_difference(a->out[c], b[c], a->n);
    power += oracle_energy(a->in[c], a->n);
  }
  return 10 * log10(error / power);
}

/* With silence at both ends: a stage's ringing beyond a track's ends is cut off. */
static void music_in_silence(struct oracle_audio *a) {
  enum { SILENCE = 9000 };
  oracle_stereo(a->in[0], a->in[1], a->n, 0.5, SEED);
  for (int c = 0; c < 2; c++) {
    memset(a->in[c], 0, SILENCE * sizeof(float));
    memset(a->in[c] + a->n - SILENCE, 0, SILENCE * sizeof(float));
  }
}

/* ---- tests ---- */

/* The joint filter is what the stages make one after the other: a product of matrices,
 * which do not commute in most of these chains. */
static void test_sequence(void **unused) {
  (void)unused;
  for (int which = 0; which < CHAINS; which++) {
    struct chain chain = chain_of(which);
    struct oracle_audio a = oracle_audio_create(40000), b = oracle_audio_create(40000);
    music_in_silence(&a);
    struct oracle_stage s = joint(chain.uses, chain.n);
    oracle_render(&s, a.n, (const float *const *)a.in, a.out, 8);
    oracle_close(&s);
    for (int c = 0; c < 2; c++) memcpy(b.out[c], a.in[c], (size_t)a.n * sizeof(float));
    for (int i = 0; i < chain.n; i++) {
      for (int c = 0; c < 2; c++) memcpy(b.in[c], b.out[c], (size_t)a.n * sizeof(float));
      s = joint(&chain.uses[i], 1);
      assert_true(s.design.response_error_db < 1e-6);
      oracle_render(&s, a.n, (const float *const *)b.in, b.out, 8);
      oracle_close(&s);
    }
    const double db = difference_db(&a, b.out);
    const double null_db = linear_null_db(chain.uses, chain.n, RATE);
    print_message("chain %d: %.1f dB off one after the other, null %.1f dB\n", which, db, null_db);
    assert_true(db <= -138); /* four noises of a typical equaliser, -144 dB each, add up */
    assert_true(null_db <= -138);
    oracle_audio_destroy(&a);
    oracle_audio_destroy(&b);
    chain_free(&chain);
  }
}

/* A chain of one is that stage; equalisers of linear phase are one with all their bands. */
static void test_same_design(void **unused) {
  (void)unused;
  const struct eq_band bands[] = {EQ_BAND(EQ_BELL, EQ_STEREO, 300, 3, 2, 12),
                                  EQ_BAND(EQ_BELL, EQ_SIDE, 900, -4, 1, 12),
                                  EQ_BAND(EQ_HIGH_SHELF, EQ_LEFT, 5000, 2, 0.6, 12)};
  struct eq_params *whole = eq_of(PHASE_LINEAR, bands, 3), *first = eq_of(PHASE_LINEAR, bands, 1);
  struct eq_params *rest = eq_of(PHASE_LINEAR, bands + 1, 2);
  struct oracle_stage one;
  assert_int_equal(oracle_design(&one, &stage_eq, whole, RATE, 2, NULL), 0);
  const struct stage_use two[] = {{&stage_eq, first}, {&stage_eq, rest}};
  struct oracle_stage s = joint(two, 2);
  assert_int_equal(s.design.size, one.design.size);
  assert_memory_equal(s.design.data, one.design.data, one.design.size);
  oracle_close(&s);
  oracle_close(&one);
  free(whole), free(first), free(rest);
}

/* Steep filters: the whole is within 0.01 dB of the product, like each part. */
static void test_response(void **unused) {
  (void)unused;
  for (int phase = PHASE_LINEAR; phase <= PHASE_MIXED; phase++) {
    struct eq_params *eq = eq_of(phase, steep, 2);
    struct stereo_params *stereo = stereo_of(0.8, 0);
    stereo->mono_below_hz = 90;
    const struct stage_use uses[] = {{&stage_eq, eq}, {&stage_stereo, stereo}};
    struct oracle_stage s = joint(uses, 2);
    const struct linear_design *d = s.design.data;
    const int32_t n = d->partitions * 2048 + 3000, at = d->centre_blocks * 2048 + 1234;
    struct oracle_audio a = oracle_audio_create(n);
    double worst = 0;
    for (int sign = -1; sign <= 1; sign += 2) { /* a side, then a mid impulse */
      a.in[0][at] = 1, a.in[1][at] = (float)sign;
      oracle_render(&s, n, (const float *const *)a.in, a.out, 8);
      for (int i = 0; i < LINEAR_FREQUENCIES; i++) {
        const double f = linear_frequency(i, RATE);
        double want = eq_prototype(&steep[0], f);
        if (sign < 0) want *= eq_prototype(&steep[1], f) * stereo_side_gain(stereo, f);
        if (want < 0.01) continue;
        const double got = cabs(oracle_dft(a.out[0], n, f / RATE, at));
        worst = fmax(worst, fabs(oracle_db(got / want)));
      }
    }
    print_message("%s phase and linear: %d taps, %.5f dB, rings %.2f ms ahead\n",
                  linear_phases[phase], d->partitions * 2048, worst, s.design.pre_ring_ms);
    assert_true(worst <= 0.01);
    oracle_close(&s);
    oracle_audio_destroy(&a);
    free(eq);
    free(stereo);
  }
}

/* Minimum phase next to flat levels still needs nothing from the future. */
static void test_causal(void **unused) {
  (void)unused;
  struct eq_params *eq = eq_of(PHASE_MINIMUM, steep, 2);
  struct stereo_params *stereo = stereo_of(1.4, 1);
  const struct stage_use uses[] = {{&stage_stereo, stereo}, {&stage_eq, eq}};
  struct oracle_stage s = joint(uses, 2);
  assert_int_equal(((const struct linear_design *)s.design.data)->centre_blocks, 0);
  assert_true(s.design.pre_ring_ms == 0);
  oracle_close(&s);
  stereo->mono_below_hz = 500;
  s = joint(uses, 2);
  assert_true(((const struct linear_design *)s.design.data)->centre_blocks > 0);
  assert_true(s.design.pre_ring_ms > 0.1);
  oracle_close(&s);
  free(eq);
  free(stereo);
}

/* What one of several stages cannot do is told. */
static void test_errors(void **unused) {
  (void)unused;
  struct eq_params *eq = eq_of(PHASE_MINIMUM, steep, 1);
  struct stereo_params *stereo = stereo_of(1.4, 1);
  eq->bands[0].freq_hz = 30000;
  const struct stage_use uses[] = {{&stage_stereo, stereo}, {&stage_eq, eq}};
  const struct stage_format format = {RATE, 2, NULL, NULL};
  struct stage_design design;
  const char *why = "";
  assert_int_equal(linear_design_joint(uses, 2, &format, &design, &why), -1);
  assert_non_null(strstr(why, "Nyquist"));
  free(eq);
  free(stereo);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sequence), cmocka_unit_test(test_same_design),
      cmocka_unit_test(test_response), cmocka_unit_test(test_causal),
      cmocka_unit_test(test_errors),
  };
  return cmocka_run_group_tests_name("linear section", tests, NULL, NULL);
}
