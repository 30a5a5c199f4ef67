/* SPDX-License-Identifier: MIT
 * The panner against gains that the BS.2127 reference renderer gives, against cases by hand, and
 * against what holds everywhere: constant power, symmetry, no jumps. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "oracle.h"
#include "panner.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
#define S 0.70710678118654752 /* cos 45 degrees */
#define COS 0.92387953251128674 /* 22.5 degrees */
#define SIN 0.38268343236508977
enum { STEPS = 41 };

static const char *const beds[] = {"2.0", "5.1", "7.1", "5.1.4", "7.1.2", "7.1.4"};

static const struct {
  const char *bed;
  double position[3];
  struct {
    const char *label;
    double gain;
  } sounds[8]; /* all others are silent */
} cases[] = {
    /* measured on the reference renderer */
    {"2.0", {-0.5, 1, 0}, {{"L", COS}, {"R", SIN}}},
    {"7.1.4", {-0.5, 1, 0}, {{"L", S}, {"C", S}}},
    {"7.1.4", {-1, 1, 1}, {{"Ltf", 1}}},
    {"7.1.4", {1, 1, 1}, {{"Rtf", 1}}},
    {"7.1.4", {-1, -1, 1}, {{"Ltr", 1}}},
    {"7.1.4", {1, -1, 1}, {{"Rtr", 1}}},
    /* by hand */
    {"2.0", {0, -1, 1}, {{"L", S}, {"R", S}}},
    {"2.0", {1, 0, 0}, {{"R", 1}}},
    {"5.1", {0, 1, 0}, {{"C", 1}}},
    {"5.1", {-1, 0, 1}, {{"L", S}, {"Ls", S}}},
    {"5.1", {0, 0, 0}, {{"C", S}, {"Ls", 0.5}, {"Rs", 0.5}}},
    {"5.1", {0.5, -0.5, -1}, {{"C", SIN *S}, {"R", SIN *S}, {"Ls", COS *SIN}, {"Rs", COS *COS}}},
    {"7.1", {-1, 0, 1}, {{"Lss", 1}}},
    {"7.1", {0, -1, 0}, {{"Lrs", S}, {"Rrs", S}}},
    {"7.1", {1, 0.5, 0}, {{"R", S}, {"Rss", S}}},
    {"7.1", {0, 0.5, 0}, {{"C", S}, {"Lss", 0.5}, {"Rss", 0.5}}},
    {"5.1.4", {0, 1, 1}, {{"Ltf", S}, {"Rtf", S}}},
    {"5.1.4", {-1, 0, 0.5}, {{"L", 0.5}, {"Ls", 0.5}, {"Ltf", 0.5}, {"Ltr", 0.5}}},
    {"7.1.2", {1, 1, 1}, {{"Rts", 1}}},
    {"7.1.2", {0, -1, 0.5}, {{"Lrs", 0.5}, {"Rrs", 0.5}, {"Lts", 0.5}, {"Rts", 0.5}}},
    {"7.1.4", {-1, 0, 1}, {{"Ltf", S}, {"Ltr", S}}},
    {"7.1.4", {0, 0, 0}, {{"Lss", S}, {"Rss", S}}},
    {"7.1.4", {-1, -1, 0.5}, {{"Lrs", S}, {"Ltr", S}}},
    {"7.1.4", {0, 1, 0.5}, {{"C", S}, {"Ltf", 0.5}, {"Rtf", 0.5}}},
};

static double wanted(int k, const char *label) {
  for (int i = 0; i < 8 && cases[k].sounds[i].label; i++)
    if (!strcmp(cases[k].sounds[i].label, label)) return cases[k].sounds[i].gain;
  return 0;
}

static void test_cases(void **state) {
  (void)state;
  for (int k = 0; k < COUNT(cases); k++) {
    const struct layout *bed = layout_find(cases[k].bed);
    double gain[LAYOUT_MOST_SPEAKERS];
    panner_gains(bed, cases[k].position, gain);
    for (int c = 0; c < bed->channels; c++)
      if (!(fabs(gain[c] - wanted(k, bed->speaker[c]->label)) < 1e-15))
        fail_msg("case %d, %s: %.17g", k, bed->speaker[c]->label, gain[c]);
  }
}

/* A loudspeaker's own place is it alone, in every layout. */
static void test_own_places(void **state) {
  (void)state;
  for (int b = 0; b < COUNT(beds); b++) {
    const struct layout *bed = layout_find(beds[b]);
    for (int c = 0; c < bed->channels; c++) {
      double place[3], gain[LAYOUT_MOST_SPEAKERS];
      panner_place(bed->speaker[c], place);
      panner_gains(bed, place, gain);
      for (int o = 0; o < bed->channels && !layout_is_group(bed, c, GROUP_LFE); o++)
        assert_float_equal(gain[o], o == c, 0);
    }
  }
}

/* Three products of a sine and a cosine that are right to a bit: no sum is off by more than a
 * few. */
static void test_power(void **state) {
  (void)state;
  uint64_t seed = 7000;
  for (int b = 0; b < COUNT(beds); b++) {
    const struct layout *bed = layout_find(beds[b]);
    for (int i = 0; i < 20000; i++) {
      double position[3], mirrored[3], gain[LAYOUT_MOST_SPEAKERS], other[LAYOUT_MOST_SPEAKERS];
      double power = 0;
      for (int k = 0; k < 3; k++) position[k] = mirrored[k] = oracle_uniform(&seed);
      mirrored[0] = -position[0];
      panner_gains(bed, position, gain);
      panner_gains(bed, mirrored, other);
      for (int c = 0; c < bed->channels; c++) {
        assert_true(gain[c] >= 0);
        power += gain[c] * gain[c];
        const int across = bed->speaker[c]->azimuth_deg ? c ^ 1 : c;
        assert_float_equal(gain[c], other[across], 1e-15);
      }
      assert_float_equal(power, 1, 4e-15);
      if (layout_lfe(bed) >= 0) assert_true(gain[layout_lfe(bed)] == 0);
    }
  }
}

/* A quarter of a sine over one unit has a slope of at most pi / 2; there are three axes. */
static void test_continuity(void **state) {
  (void)state;
  const double step = 1e-6, most = 3 * 1.5708 * 1e-6;
  for (int b = 0; b < COUNT(beds); b++) {
    const struct layout *bed = layout_find(beds[b]);
    for (int i = 0; i < STEPS * STEPS * STEPS; i++) {
      const int at[3] = {i % STEPS, i / STEPS % STEPS, i / STEPS / STEPS};
      double a[3], z[3], before[LAYOUT_MOST_SPEAKERS], after[LAYOUT_MOST_SPEAKERS];
      for (int k = 0; k < 3; k++) {
        const double x = at[k] * 2.0 / (STEPS - 1) - 1;
        a[k] = fmax(x - step / 2, -1);
        z[k] = fmin(x + step / 2, 1);
      }
      panner_gains(bed, a, before);
      panner_gains(bed, z, after);
      for (int c = 0; c < bed->channels; c++)
        assert_true(fabs(after[c] - before[c]) <= most);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cases),
      cmocka_unit_test(test_own_places),
      cmocka_unit_test(test_power),
      cmocka_unit_test(test_continuity),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
