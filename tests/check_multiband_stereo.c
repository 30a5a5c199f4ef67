/* SPDX-License-Identifier: MIT
 * What the multiband stage's detectors hear and which channels they act on: link, mid and
 * side, targets, the side chain's high pass. */
#include "multiband_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RATE = 48000, N = 30001 };

/* One band, ratio 2 above -40 dBFS, without a detector window. */
static struct multiband_params *compressor(void) {
  struct multiband_params *p = multiband_idle(1);
  p->rms_ms = 0;
  p->bands[0].threshold_db = -40, p->bands[0].ratio = 2;
  return p;
}

/* Alternating samples: mid and side (or left and right) of steady levels. */
static struct oracle_audio steady(double first_db, double second_db, bool mid_side) {
  struct oracle_audio a = oracle_audio_create(RATE);
  for (int32_t i = 0; i < a.n; i++) {
    const double sign = i & 1 ? -1 : 1;
    const double x = sign * oracle_gain(first_db), y = sign * oracle_gain(second_db);
    a.in[0][i] = (float)(mid_side ? x + y : x);
    a.in[1][i] = (float)(mid_side ? x - y : y);
  }
  return a;
}

static double channel_gain_db(const struct oracle_audio *a, int channel) {
  return oracle_db(a->out[channel][a->n - 300] / a->in[channel][a->n - 300]);
}

static double side_gain_db(const struct oracle_audio *a) {
  const int32_t i = a->n - 300;
  return oracle_db(((double)a->out[0][i] - a->out[1][i]) / ((double)a->in[0][i] - a->in[1][i]));
}

static double mid_gain_db(const struct oracle_audio *a) {
  const int32_t i = a->n - 300;
  return oracle_db(((double)a->out[0][i] + a->out[1][i]) / ((double)a->in[0][i] + a->in[1][i]));
}

/* 30 and 10 dB above the threshold: the link moves the lower level towards the other. */
static void test_link(void **unused) {
  (void)unused;
  static const double links[] = {0, 25, 50, 100, NAN};
  double worst = 0;
  for (int i = 0; i < COUNT(links); i++)
    for (int mid_side = 0; mid_side < 2; mid_side++) {
      struct multiband_params *p = compressor();
      struct oracle_audio a = steady(-10, -30, mid_side);
      p->link_percent = links[i], p->mid_side = mid_side;
      multiband_run(p, RATE, 2, &a);
      const double link = isnan(links[i]) ? !mid_side : links[i] / 100;
      const double higher = mid_side ? mid_gain_db(&a) : channel_gain_db(&a, 0);
      const double lower = mid_side ? side_gain_db(&a) : channel_gain_db(&a, 1);
      worst = fmax(worst, fmax(fabs(higher + 15), fabs(lower + 5 + 10 * link)));
      oracle_audio_destroy(&a);
      free(p);
    }
  print_message("link: worst %.5f dB\n", worst);
  /* level and reduction in 1/65536 octave, halved and added up: 2e-4 dB */
  assert_true(worst <= 5e-4);
}

/* With no link the channels are two mono tracks, bit for bit. */
static void test_no_link(void **unused) {
  (void)unused;
  struct multiband_params *p = multiband_busy(3);
  struct oracle_audio a = multiband_music(N, RATE), b = oracle_audio_create(N);
  p->link_percent = 0;
  multiband_run(p, RATE, 2, &a);
  for (int c = 0; c < 2; c++) {
    memcpy(b.in[0], a.in[c], N * sizeof(float));
    multiband_run(p, RATE, 1, &b);
    assert_memory_equal(b.out[0], a.out[c], N * sizeof(float));
  }
  oracle_audio_destroy(&a), oracle_audio_destroy(&b);
  free(p);
}

/* ---- mid and side ---- */

static struct multiband_params *acting_on(int target) {
  struct multiband_params *p = multiband_busy(3);
  p->mid_side = target >= MULTIBAND_MID;
  for (int i = 0; i < 3; i++) p->bands[i].target = target;
  return p;
}

/* Work on mid adds the same to both channels, work on side the opposite: the other one
 * keeps its bits up to the rounding of the output; where it is all there is, altogether. */
static void test_isolation(void **unused) {
  (void)unused;
  for (int side = 0; side < 2; side++) {
    struct multiband_params *p = acting_on(side ? MULTIBAND_SIDE : MULTIBAND_MID);
    struct oracle_audio a = multiband_music(N, RATE), b = multiband_music(N, RATE);
    multiband_run(p, RATE, 2, &a);
    double changed = 0;
    for (int32_t i = 0; i < N; i++) {
      const double l = a.in[0][i], r = a.in[1][i], to_l = a.out[0][i], to_r = a.out[1][i];
      const double kept = side ? (to_l + to_r) - (l + r) : (to_l - to_r) - (l - r);
      assert_true(fabs(kept) <= 0x1p-24 * (fabs(to_l) + fabs(to_r)));
      changed = fmax(changed, fabs(side ? (to_l - to_r) - (l - r) : (to_l + to_r) - (l + r)));
    }
    assert_true(changed > 0.05);
    for (int32_t i = 0; i < N; i++) b.in[1][i] = side ? b.in[0][i] : -b.in[0][i];
    multiband_run(p, RATE, 2, &b);
    for (int c = 0; c < 2; c++) assert_memory_equal(b.out[c], b.in[c], N * sizeof(float));
    for (int32_t i = 0; i < N; i++) b.in[1][i] = side ? -b.in[0][i] : b.in[0][i];
    multiband_run(p, RATE, 2, &b);
    for (int32_t i = 0; i < N; i++)
      assert_true(b.out[1][i] == (side ? -b.out[0][i] : b.out[0][i]));
    assert_memory_not_equal(b.out[0], b.in[0], N * sizeof(float));
    oracle_audio_destroy(&a), oracle_audio_destroy(&b);
    free(p);
  }
}

/* Mid and side with the same gain are left and right with that gain. */
static void test_mid_side_sums(void **unused) {
  (void)unused;
  struct multiband_params *p = multiband_idle(4);
  struct oracle_audio a = multiband_music(N, RATE);
  for (int b = 0; b < 4; b++) p->bands[b].makeup_db = 6;
  p->mid_side = 1;
  multiband_run(p, RATE, 2, &a);
  double error = 0;
  for (int32_t i = 0; i < N; i++)
    error += pow(a.out[0][i] - exp2(round(6 * 65536 / 6.0205999132796239) / 65536) * a.in[0][i], 2);
  /* a dozen roundings of 2^-24 each, on average half of that and evenly spread */
  assert_true(oracle_db(sqrt(error / oracle_energy(a.in[0], N))) < -135);
  oracle_audio_destroy(&a);
  free(p);
}

static void test_targets(void **unused) {
  (void)unused;
  for (int target = MULTIBAND_LEFT; target <= MULTIBAND_RIGHT; target++) {
    const int other = target == MULTIBAND_LEFT;
    struct multiband_params *p = acting_on(target);
    struct oracle_audio a = multiband_music(N, RATE), b = multiband_music(N, RATE);
    multiband_run(p, RATE, 2, &a);
    assert_memory_equal(a.out[other], a.in[other], N * sizeof(float));
    for (int i = 0; i < 3; i++) p->bands[i].target = MULTIBAND_STEREO;
    multiband_run(p, RATE, 2, &b);
    assert_memory_equal(a.out[1 - other], b.out[1 - other], N * sizeof(float));
    oracle_audio_destroy(&a), oracle_audio_destroy(&b);
    free(p);
  }
}

/* One channel is left, or mid: it has no right and no side. */
static void test_one_channel(void **unused) {
  (void)unused;
  for (int target = 0; target <= MULTIBAND_SIDE; target++) {
    struct multiband_params *p = acting_on(target), *stereo = acting_on(MULTIBAND_STEREO);
    struct oracle_audio a = multiband_music(N, RATE), b = multiband_music(N, RATE);
    multiband_run(p, RATE, 1, &a);
    multiband_run(stereo, RATE, 1, &b);
    const bool nothing = target == MULTIBAND_RIGHT || target == MULTIBAND_SIDE;
    assert_memory_equal(a.out[0], nothing ? a.in[0] : b.out[0], N * sizeof(float));
    oracle_audio_destroy(&a), oracle_audio_destroy(&b);
    free(p), free(stereo);
  }
}

/* ---- the side chain's high pass ---- */

/* Gain of a sine of -10 dBFS. */
static double sine_gain_db(struct oracle_stage *s, double freq_hz) {
  enum { FRAMES = 60000, AT = 45000, LENGTH = 9600 };
  struct oracle_audio a = oracle_audio_create(FRAMES);
  oracle_sine(a.in[0], FRAMES, RATE, freq_hz, oracle_gain(-10), 0);
  oracle_render(s, FRAMES, (const float *const *)a.in, a.out, 5);
  const double complex x = oracle_dft(a.in[0] + AT, LENGTH, freq_hz / RATE, 0);
  const double complex y = oracle_dft(a.out[0] + AT, LENGTH, freq_hz / RATE, 0);
  oracle_audio_destroy(&a);
  return oracle_db(cabs(y) / cabs(x));
}

/* How far the gains of a compressor of ratio 2 above -40 dBFS, in the middle of n bands, are
 * off when its detector reads a Butterworth high pass of second order. */
static double sidechain_error_db(int n_bands, double corner_hz) {
  static const double freqs_hz[] = {200, 400, 500, 1000, 6000};
  struct multiband_params *p = multiband_idle(n_bands);
  struct multiband_band *band = &p->bands[n_bands / 2];
  struct oracle_stage s;
  double worst = 0;
  /* the middle band passes all but 1e-5 of these frequencies */
  p->crossover_hz[0] = 50, p->crossover_hz[1] = 19000, p->slope_db_oct = 60;
  p->rms_ms = 10; /* whole periods of all */
  p->sidechain_highpass_hz = corner_hz;
  band->threshold_db = -40, band->ratio = 2, band->knee_db = 0;
  assert_int_equal(oracle_design(&s, &stage_multiband, p, RATE, 1, NULL), 0);
  for (int i = 0; i < COUNT(freqs_hz); i++) {
    const double x4 = pow(freqs_hz[i] / corner_hz, 4);
    const double level_db = -10 - 10 * log10(2) + 10 * log10(x4 / (1 + x4));
    const double want = level_db > -40 ? (-40 - level_db) / 2 : 0;
    worst = fmax(worst, fabs(sine_gain_db(&s, freqs_hz[i]) - want));
  }
  oracle_close(&s);
  free(p);
  return worst;
}

static void test_sidechain(void **unused) {
  (void)unused;
  double worst = 0;
  for (int corner_hz = 80; corner_hz <= 2000; corner_hz *= 5)
    worst = fmax(worst, sidechain_error_db(1, corner_hz));
  worst = fmax(worst, sidechain_error_db(3, 400));
  print_message("side chain: worst %.4f dB\n", worst);
  /* the filters are within 0.01 dB, the ratio halves it */
  assert_true(worst <= 0.0075);
}

/* Loud bass below the high pass leaves no trace at all. */
static void test_sidechain_is_deaf(void **unused) {
  (void)unused;
  struct multiband_params *p = compressor();
  struct oracle_audio a = oracle_audio_create(100000);
  p->rms_ms = 20;
  p->sidechain_highpass_hz = 1000; /* 40 Hz: 56 dB down */
  for (int32_t i = 0; i < a.n; i++) { /* no corners: a corner is heard */
    const double fade = sin(3.14159265358979324 * i / a.n);
    a.in[0][i] =
        flush_tiny((float)(0.7 * fade * fade * sin(2 * 3.14159265358979324 * 40 * i / RATE)));
  }
  multiband_run(p, RATE, 1, &a);
  assert_memory_equal(a.out[0], a.in[0], (size_t)a.n * sizeof(float));
  p->sidechain_highpass_hz = NAN;
  multiband_run(p, RATE, 1, &a);
  assert_memory_not_equal(a.out[0], a.in[0], (size_t)a.n * sizeof(float));
  oracle_audio_destroy(&a);
  free(p);
}

/* ---- exactness, settings ---- */

static void test_segments(void **unused) {
  (void)unused;
  for (int mid_side = 0; mid_side < 2; mid_side++) {
    struct multiband_params *p = multiband_busy(3);
    struct oracle_audio a = multiband_music(N, RATE), b = oracle_audio_create(N);
    struct oracle_stage s;
    p->mid_side = mid_side, p->link_percent = 30, p->sidechain_highpass_hz = 150;
    p->bands[0].look_ahead_ms = 15, p->bands[2].program = 1;
    assert_int_equal(oracle_design(&s, &stage_multiband, p, RATE, 2, NULL), 0);
    oracle_render(&s, N, (const float *const *)a.in, a.out, 100);
    for (int segment = 1; segment <= 7; segment += 3) {
      oracle_render(&s, N, (const float *const *)a.in, b.out, segment);
      for (int c = 0; c < 2; c++) assert_memory_equal(a.out[c], b.out[c], N * sizeof(float));
    }
    oracle_close(&s);
    oracle_audio_destroy(&a), oracle_audio_destroy(&b);
    free(p);
  }
}

static void test_silence(void **unused) {
  (void)unused;
  struct multiband_params *p = multiband_busy(3);
  struct oracle_audio a = oracle_audio_create(N);
  p->sidechain_highpass_hz = 100, p->link_percent = 50;
  oracle_noise(a.in[0], N, 1, SEED);
  multiband_run(p, RATE, 2, &a);
  assert_memory_equal(a.out[1], a.in[1], N * sizeof(float));
  assert_memory_not_equal(a.out[0], a.in[0], N * sizeof(float));
  oracle_audio_destroy(&a);
  free(p);
}

static void test_checks(void **unused) {
  (void)unused;
  for (int target = 0; target <= MULTIBAND_SIDE; target++)
    for (int mid_side = 0; mid_side < 2; mid_side++) {
      struct multiband_params *p = acting_on(target);
      const char *row = NULL;
      p->mid_side = mid_side;
      const bool sound = target == MULTIBAND_STEREO || (target >= MULTIBAND_MID) == mid_side;
      assert_int_equal(stage_multiband.check(p, &row) == NULL, sound);
      if (!sound) assert_string_equal(row, "bands");
      free(p);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_link),        cmocka_unit_test(test_no_link),
      cmocka_unit_test(test_isolation),   cmocka_unit_test(test_mid_side_sums),
      cmocka_unit_test(test_targets),     cmocka_unit_test(test_one_channel),
      cmocka_unit_test(test_sidechain),   cmocka_unit_test(test_sidechain_is_deaf),
      cmocka_unit_test(test_segments),    cmocka_unit_test(test_silence),
      cmocka_unit_test(test_checks),
  };
  return cmocka_run_group_tests_name("multiband stereo", tests, NULL, NULL);
}
