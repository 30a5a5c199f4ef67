/* SPDX-License-Identifier: MIT
 * The equaliser's samples: against direct convolution in double precision, and by memcmp
 * silence, neutrality, segments, lengths and subnormals. */
#include "eq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fir_design.h"
#include "oracle.h"
#include "render_fixture.h"
#include "twin.h"

#define SEED UINT64_C(7004)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
enum { TARGETS = 5 };

/* ---- noise ---- */

static double all_bands(const void *context, double freq_hz) {
  const struct eq_params *p = context;
  double gain = 1;
  for (int i = 0; i < p->n_bands; i++) gain *= eq_band_magnitude(&p->bands[i], freq_hz);
  return gain;
}

enum signal { PROGRAMME, WHITE_NOISE };

static void fill(enum signal signal, int rate_hz, int32_t n, float *const x[2]) {
  float *pcm[MAX_CHANNELS];
  if (signal == WHITE_NOISE) {
    oracle_stereo(x[0], x[1], n, 0.5, SEED);
    return;
  }
  render_programme(rate_hz, 2, n, SEED, pcm);
  for (int c = 0; c < 2; c++) memcpy(x[c], pcm[c], (size_t)n * sizeof(float));
  free(pcm[0]);
}

/* Error re the output, of the left channel, against direct convolution in double. */
static double null_db(const struct eq_params *p, int rate_hz, enum signal signal) {
  enum { FRAMES = 100000, CHECKED = 1500 };
  struct oracle_stage s;
  assert_int_equal(oracle_design(&s, &stage_eq, p, rate_hz, 2, NULL), 0);
  const int taps = ((const struct linear_design *)s.design.data)->partitions * 2048;
  double *h = oracle_alloc((size_t)taps * sizeof *h), error_db, error = 0;
  assert_int_equal(fir_linear_phase(all_bands, p, rate_hz, taps, h, &error_db), 0);
  float *x[2], *y[2];
  for (int c = 0; c < 2; c++) x[c] = oracle_alloc(FRAMES * sizeof(float));
  for (int c = 0; c < 2; c++) y[c] = oracle_alloc(FRAMES * sizeof(float));
  fill(signal, rate_hz, FRAMES, x);
  oracle_render(&s, FRAMES, (const float *const *)x, y, 8);
  for (int i = 0; i < CHECKED; i++) {
    const int32_t at = (int32_t)((int64_t)i * FRAMES / CHECKED);
    error += pow(y[0][at] - oracle_convolve(h, taps, taps / 2, x[0], FRAMES, at), 2);
  }
  const double output = oracle_energy(y[0], FRAMES) / FRAMES;
  for (int c = 0; c < 2; c++) free(x[c]), free(y[c]);
  free(h);
  oracle_close(&s);
  return 10 * log10(error / CHECKED / output);
}

static void test_null(void **unused) {
  (void)unused;
  static const struct eq_band typical[] = {
      EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 30, 0, 1, 24),
      EQ_BAND(EQ_LOW_SHELF, EQ_STEREO, 120, 2, 0.7, 12),
      EQ_BAND(EQ_BELL, EQ_STEREO, 350, -2.5, 1.2, 12),
      EQ_BAND(EQ_BELL, EQ_STEREO, 3000, 1.5, 0.8, 12),
      EQ_BAND(EQ_HIGH_SHELF, EQ_STEREO, 10000, 2, 0.7, 12),
  };
  struct eq_params *p = oracle_params(&stage_eq);
  p->n_bands = COUNT(typical);
  memcpy(p->bands, typical, sizeof typical);
  const double typical_db = null_db(p, 48000, PROGRAMME);
  const double typical_white_db = null_db(p, 48000, WHITE_NOISE);
  for (int i = 1; i < p->n_bands; i++) p->bands[i].gain_db = i % 2 ? 9 : -9;
  const double heavy_db = null_db(p, 48000, PROGRAMME);
  const double heavy_white_db = null_db(p, 48000, WHITE_NOISE);
  print_message("null: typical %.1f dB, of white noise %.1f dB; +-9 dB %.1f dB, %.1f dB\n",
                typical_db, typical_white_db, heavy_db, heavy_white_db);
  /* White noise: |H - 1| has an rms of 0.25, -132 dB (test_convolve) - 12 dB; of the second
   * about 1.3 (|H - 1| <= 1.8 over the shelf), but what is boosted is louder in the output,
   * 2.2: -136.5 dB. A programme has its energy where the emphasis lowers it (convolve.c). */
  assert_true(typical_db <= -144 && typical_white_db <= -142);
  assert_true(heavy_db <= -139 && heavy_white_db <= -135);
  free(p);
}

/* ---- exactness ---- */

static struct eq_params *every_target(void) {
  struct eq_params *p = oracle_params(&stage_eq);
  for (int i = 0; i < 2 * TARGETS; i++)
    p->bands[p->n_bands++] = (struct eq_band){.type = i % 6, .target = i % TARGETS,
                                              .freq_hz = 60 * (i + 1) * (i + 1), .gain_db = 5 - i,
                                              .q = 1, .slope_db_oct = 12};
  return p;
}

static struct oracle_audio music(int32_t n) {
  struct oracle_audio a = oracle_audio_create(n);
  oracle_stereo(a.in[0], a.in[1], n, 0.9, SEED);
  return a;
}

static void render(struct oracle_stage *s, struct oracle_audio *a, int segment_blocks) {
  oracle_render(s, a->n, (const float *const *)a->in, a->out, segment_blocks);
}

static void test_flat(void **unused) {
  (void)unused;
  struct eq_params *p = oracle_params(&stage_eq);
  for (int i = 0; i < 3 * TARGETS; i++)
    p->bands[p->n_bands++] = (struct eq_band){.type = EQ_LOW_SHELF + i % 3, .target = i / 3,
                                              .freq_hz = 50 * (i + 1), .q = 0.3 + i,
                                              .slope_db_oct = 12};
  assert_true(stage_eq.neutral(p));
  struct oracle_audio a = music(20001);
  struct oracle_stage s;
  assert_int_equal(oracle_design(&s, &stage_eq, p, 44100, 2, NULL), 0);
  render(&s, &a, 3);
  for (int c = 0; c < 2; c++)
    assert_memory_equal(a.in[c], a.out[c], (size_t)a.n * sizeof(float));
  oracle_close(&s);
  p->bands[4].gain_db = 0.1;
  assert_false(stage_eq.neutral(p));
  const int cuts[] = {EQ_HIGHPASS, EQ_LOWPASS, EQ_NOTCH};
  for (int i = 0; i < 3; i++) {
    p->bands[4] = (struct eq_band){.type = cuts[i], .freq_hz = 99, .q = 1, .slope_db_oct = 6};
    assert_false(stage_eq.neutral(p));
  }
  oracle_audio_destroy(&a);
  free(p);
}

static void test_silence(void **unused) {
  (void)unused;
  struct eq_params *p = every_target();
  struct oracle_audio a = music(30000);
  struct oracle_stage s;
  for (int c = 0; c < 2; c++) memset(a.in[c], 0, (size_t)a.n * sizeof(float));
  assert_int_equal(oracle_design(&s, &stage_eq, p, 48000, 2, NULL), 0);
  render(&s, &a, 4);
  for (int c = 0; c < 2; c++)
    assert_memory_equal(a.in[c], a.out[c], (size_t)a.n * sizeof(float)); /* +0 */
  oracle_close(&s);
  for (int i = 0; i < p->n_bands; i++) p->bands[i].target = i % 3; /* no mid, no side */
  oracle_noise(a.in[0], a.n, 1, SEED);
  assert_int_equal(oracle_design(&s, &stage_eq, p, 48000, 2, NULL), 0);
  render(&s, &a, 4);
  assert_memory_equal(a.in[1], a.out[1], (size_t)a.n * sizeof(float));
  assert_memory_not_equal(a.in[0], a.out[0], (size_t)a.n * sizeof(float));
  oracle_close(&s);
  oracle_audio_destroy(&a);
  free(p);
}

/* Pure mid through side bands, pure side through mid bands: unchanged but for noise. */
static void test_mid_side(void **unused) {
  (void)unused;
  for (int target = EQ_MID; target <= EQ_SIDE; target++) {
    struct eq_params *p = oracle_params(&stage_eq);
    p->bands[p->n_bands++] = (struct eq_band)EQ_BAND(EQ_BELL, target, 900, 6, 2, 12);
    struct oracle_audio a = music(20000);
    const float sign = target == EQ_MID ? -1 : 1; /* what the band must leave alone */
    for (int32_t i = 0; i < a.n; i++) a.in[1][i] = sign * a.in[0][i];
    struct oracle_stage s;
    assert_int_equal(oracle_design(&s, &stage_eq, p, 48000, 2, NULL), 0);
    render(&s, &a, 4);
    const double db = 10 * log10(oracle_energy_of_difference(a.in[0], a.out[0], a.n) /
                                 oracle_energy(a.in[0], a.n));
    print_message("what target %d leaves alone: changed by %.1f dB\n", target, db);
    /* two convolutions that cancel, each -132.3 dB of |H - 1| / 2, rms below 0.1 */
    assert_true(db <= -145);
    for (int32_t i = 0; i < a.n; i++) a.in[1][i] = -sign * a.in[0][i];
    render(&s, &a, 4);
    assert_true(oracle_energy_of_difference(a.in[0], a.out[0], a.n) >
                1e-3 * oracle_energy(a.in[0], a.n));
    oracle_close(&s);
    oracle_audio_destroy(&a);
    free(p);
  }
}

static void test_segments(void **unused) {
  (void)unused;
  const int segments[] = {1, 3, 7, 64};
  struct eq_params *p = every_target();
  struct oracle_audio a = music(41 * 2048 + 17);
  float *first[2] = {NULL, NULL};
  struct oracle_stage s;
  assert_int_equal(oracle_design(&s, &stage_eq, p, 48000, 2, NULL), 0);
  for (int i = 0; i < COUNT(segments); i++) {
    render(&s, &a, segments[i]);
    for (int c = 0; c < 2; c++) {
      if (first[c]) assert_memory_equal(first[c], a.out[c], (size_t)a.n * sizeof(float));
      if (first[c]) continue;
      first[c] = a.out[c];
      a.out[c] = oracle_alloc((size_t)a.n * sizeof(float));
    }
  }
  oracle_close(&s);
  for (int c = 0; c < 2; c++) free(first[c]);
  oracle_audio_destroy(&a);
  free(p);
}

/* A track of any length gives the bits of the same track followed by silence. */
static void test_lengths(void **unused) {
  (void)unused;
  const int32_t lengths[] = {1, 2, 15, 2047, 2048, 2049, 4095, 4096, 4097, 6145, 14335, 20479};
  struct eq_params *p = every_target();
  struct oracle_stage s;
  assert_int_equal(oracle_design(&s, &stage_eq, p, 48000, 2, NULL), 0);
  for (int i = 0; i < COUNT(lengths); i++) {
    struct oracle_audio a = music(lengths[i]), padded = oracle_audio_create(40000);
    for (int c = 0; c < 2; c++) memcpy(padded.in[c], a.in[c], (size_t)a.n * sizeof(float));
    render(&s, &a, 2);
    render(&s, &padded, 5);
    for (int c = 0; c < 2; c++)
      assert_memory_equal(a.out[c], padded.out[c], (size_t)a.n * sizeof(float));
    oracle_audio_destroy(&a);
    oracle_audio_destroy(&padded);
  }
  oracle_close(&s);
  free(p);
}

/* Subnormals count for nothing, whatever becomes of them: faint and fading signals. */
static void test_subnormals(void **unused) {
  (void)unused;
  if (!oracle_flush_subnormals(false)) skip();
  struct eq_params *p = every_target();
  struct oracle_audio a = oracle_audio_create(60000), b = oracle_audio_create(60000);
  for (int32_t i = 0; i < a.n; i++)
    for (int c = 0; c < 2; c++) /* to -301 dBFS, where ingest makes it zero, and on */
      b.in[c][i] = a.in[c][i] =
          flush_tiny((float)(oracle_gain(-100 - 280.0 * i / a.n) * sin(0.01 * i * (c + 1))));
  struct oracle_stage s;
  assert_int_equal(oracle_design(&s, &stage_eq, p, 48000, 2, NULL), 0);
  render(&s, &a, 4);
  oracle_flush_subnormals(true);
  render(&s, &b, 4);
  oracle_flush_subnormals(false);
  for (int c = 0; c < 2; c++)
    assert_memory_equal(a.out[c], b.out[c], (size_t)a.n * sizeof(float));
  oracle_close(&s);
  oracle_audio_destroy(&a);
  oracle_audio_destroy(&b);
  free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_null),     cmocka_unit_test(test_flat),
      cmocka_unit_test(test_silence),  cmocka_unit_test(test_mid_side),
      cmocka_unit_test(test_segments), cmocka_unit_test(test_lengths),
      cmocka_unit_test(test_subnormals),
  };
  return cmocka_run_group_tests_name("eq samples", tests, NULL, NULL);
}
