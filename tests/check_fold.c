/* SPDX-License-Identifier: MIT
 * Fold-downs against the published matrices, written out here, in double precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"
#include "layout.h"
#include "oracle.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
#define S 0.70710678118654752
enum { RATE = 48000, N = 5000 };

/* Left outputs; the right ones are their mirror image. Columns: as the source's channels. */
static const struct {
  const char *from, *to;
  int mode;
  struct {
    const char *out;
    double gain[LAYOUT_MOST_SPEAKERS];
  } row[5];
} matrices[] = {
    {"5.1", "2.0", FOLD_LO_RO, {{"L", {1, 0, S, 0, S}}}}, /* BS.775-3 */
    {"7.1", "2.0", FOLD_LO_RO, {{"L", {1, 0, S, 0, S, 0, S}}}}, /* from here on BS.2127 */
    {"5.1.4", "2.0", FOLD_LO_RO, {{"L", {1, 0, S, 0, S, 0, 1, 0, S}}}},
    {"7.1.4", "2.0", FOLD_LO_RO, {{"L", {1, 0, S, 0, S, 0, S, 0, 1, 0, S}}}},
    {"7.1.4", "5.1", FOLD_LO_RO,
     {{"L", {1, 0, 0, 0, S, 0, 0, 0, 1}}, {"C", {0, 0, 1}}, {"LFE", {0, 0, 0, 1}},
      {"Ls", {0, 0, 0, 0, S, 0, 1, 0, 0, 0, 1}}}},
    {"7.1", "5.1", FOLD_LO_RO,
     {{"L", {1, 0, 0, 0, S}}, {"C", {0, 0, 1}}, {"LFE", {0, 0, 0, 1}},
      {"Ls", {0, 0, 0, 0, S, 0, 1}}}},
    {"5.1.4", "5.1", FOLD_LO_RO,
     {{"L", {1, 0, 0, 0, 0, 0, 1}}, {"C", {0, 0, 1}}, {"LFE", {0, 0, 0, 1}},
      {"Ls", {0, 0, 0, 0, 1, 0, 0, 0, 1}}}},
    {"7.1.4", "7.1", FOLD_LO_RO,
     {{"L", {1, 0, 0, 0, 0, 0, 0, 0, 1}}, {"C", {0, 0, 1}}, {"LFE", {0, 0, 0, 1}},
      {"Lss", {0, 0, 0, 0, 1}}, {"Lrs", {0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}}}},
    {"7.1.4", "5.1.4", FOLD_LO_RO,
     {{"L", {1, 0, 0, 0, S}}, {"C", {0, 0, 1}}, {"Ls", {0, 0, 0, 0, S, 0, 1}},
      {"Ltf", {0, 0, 0, 0, 0, 0, 0, 0, 1}}, {"Ltr", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}}},
    {"2.0", "1.0", FOLD_LO_RO, {{"M", {S, S}}}}, /* BS.775-3 */
    {"5.1", "1.0", FOLD_LO_RO, {{"M", {S, S, 1, 0, 0.5, 0.5}}}},
    {"5.1", "2.0", FOLD_LT_RT, {{"L", {1, 0, S, 0, -S, -S}}, {"R", {0, 1, S, 0, S, S}}}}, /* A/52 */
    {"7.1", "2.0", FOLD_LT_RT,
     {{"L", {1, 0, S, 0, S - 0.5, -0.5, -S, -S}}, {"R", {0, 1, S, 0, 0.5, S + 0.5, S, S}}}},
};

static int channel_of(const struct layout *l, const char *label) {
  int c = 0;
  while (strcmp(l->speaker[c]->label, label)) c++;
  return c;
}

/* The channel on the other side. */
static int mirrored(const struct layout *l, int channel) {
  return l->speaker[channel]->azimuth_deg ? channel ^ 1 : channel;
}

static void test_matrices(void **state) {
  (void)state;
  for (int m = 0; m < COUNT(matrices); m++) {
    const struct layout *from = layout_find(matrices[m].from), *to = layout_find(matrices[m].to);
    assert_null(fold_refusal(from, to));
    for (int k = 0; k < 5 && matrices[m].row[k].out; k++) {
      const int out = channel_of(to, matrices[m].row[k].out);
      for (int i = 0; i < from->channels; i++) {
        const double wanted = matrices[m].row[k].gain[i];
        assert_float_equal(fold_gain(from, to, matrices[m].mode, out, i), wanted, 1e-15);
        if (matrices[m].mode == FOLD_LO_RO)
          assert_float_equal(fold_gain(from, to, 0, mirrored(to, out), mirrored(from, i)), wanted,
                             1e-15);
      }
    }
  }
}

/* Nothing is made up, and what no standard tells is not guessed. */
static void test_refusals(void **state) {
  (void)state;
  static const struct {
    const char *from, *to, *word;
  } cases[] = {{"2.0", "5.1", "made up"},   {"1.0", "2.0", "made up"},
               {"1.0", "7.1.4", "made up"}, {"2.0", "7.1.4", "made up"},
               {"5.1", "7.1", "made up"},   {"7.1", "5.1.4", "made up"},
               {"5.1", "5.1.4", "made up"}, {"7.1.4", "7.1.2", "made up"},
               {"7.1.2", "2.0", "no standard matrix"}, {"7.1.2", "5.1", "no standard matrix"},
               {"5.1.4", "7.1", "made up"}};
  for (int i = 0; i < COUNT(cases); i++) {
    const char *why = fold_refusal(layout_find(cases[i].from), layout_find(cases[i].to));
    if (!why || !strstr(why, cases[i].word)) fail_msg("%s to %s", cases[i].from, cases[i].to);
  }
  for (const struct layout *l = layouts; l->name; l++) assert_null(fold_refusal(l, l));
}

static void test_audio(void **state) {
  (void)state;
  float *in[LAYOUT_MOST_SPEAKERS], *out[LAYOUT_MOST_SPEAKERS];
  for (int c = 0; c < LAYOUT_MOST_SPEAKERS; c++) {
    in[c] = oracle_alloc(N * sizeof(float));
    out[c] = oracle_alloc(N * sizeof(float));
    oracle_noise(in[c], N, 1, 800 + (uint64_t)c);
  }
  for (int m = 0; m < COUNT(matrices); m++) {
    const struct layout *from = layout_find(matrices[m].from), *to = layout_find(matrices[m].to);
    const struct stage_format format = {RATE, from->channels, from, NULL};
    struct fold_params p = {.mode = matrices[m].mode};
    struct oracle_stage s = {.stage = &stage_fold, .rate_hz = RATE, .channels = from->channels};
    const char *why;
    while (strcmp(layout_choices[p.layout], to->name)) p.layout++;
    assert_int_equal(stage_fold.design(&p, &format, &s.design, &why), 0);
    oracle_render(&s, N, (const float *const *)in, out, 2);
    for (int o = 0; o < from->channels; o++)
      for (int i = 0; i < N; i++) {
        double wanted = 0, size = 0;
        for (int c = 0; c < from->channels && o < to->channels; c++) {
          const double term = fold_gain(from, to, p.mode, o, c) * in[c][i];
          wanted += term, size += fabs(term);
        }
        /* The gain, the product and up to 8 sums round. */
        assert_float_equal(out[o][i], wanted, 10 * 0x1p-24 * size);
      }
    oracle_close(&s);
  }
  for (int c = 0; c < LAYOUT_MOST_SPEAKERS; c++) free(in[c]), free(out[c]);
}

/* Without a target every channel keeps its bits. */
static void test_neutral(void **state) {
  (void)state;
  const struct fold_params p = {0};
  float *in[3], *out[3];
  for (int c = 0; c < 3; c++) {
    in[c] = oracle_alloc(N * sizeof(float));
    out[c] = oracle_alloc(N * sizeof(float));
    oracle_noise(in[c], N, 1, 900 + (uint64_t)c);
  }
  assert_int_equal(oracle_run_stage(&stage_fold, &p, RATE, 3, N, (const float *const *)in, out, 1),
                   0);
  for (int c = 0; c < 3; c++) {
    assert_memory_equal(in[c], out[c], N * sizeof(float));
    free(in[c]);
    free(out[c]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_matrices),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_audio),
      cmocka_unit_test(test_neutral),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
