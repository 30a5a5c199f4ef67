/* SPDX-License-Identifier: MIT
 * Match EQ: spectra against known signals, curves against known filters. */
#include "match.h" /* before cmocka, whose fail() is a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eq.h"
#include "oracle.h"

enum { RATE = 44100, SECONDS = 12, FRAMES = RATE * SECONDS, BLOCK = 32768 };
/* A band of 1/6 octave sees the mean of a filter over itself, 0.1 dB off its centre for the
 * filters below; what a Hann window smears into it from its neighbours is less. */
static const double CURVE_DB = 0.3;
static const double STEP_DB = 0.011; /* of the rounding to 0.01 dB, twice half a step */

/* ---- signals ---- */

static struct audio audio_new(int rate_hz, int channels, int32_t n_frames) {
  struct audio a = {.rate_hz = rate_hz, .channels = channels, .n_frames = n_frames};
  for (int c = 0; c < channels; c++) a.pcm[c] = oracle_alloc((size_t)n_frames * sizeof(float));
  return a;
}

static struct audio noise(int32_t n_frames, double amplitude, uint64_t seed) {
  struct audio a = audio_new(RATE, 2, n_frames);
  oracle_stereo(a.pcm[0], a.pcm[1], n_frames, amplitude, seed);
  return a;
}

static struct audio mono(const struct audio *from) {
  struct audio a = audio_new(from->rate_hz, 1, from->n_frames);
  memcpy(a.pcm[0], from->pcm[0], (size_t)a.n_frames * sizeof(float));
  return a;
}

static void scale(struct audio *a, int32_t first, int32_t n, float gain) {
  for (int c = 0; c < a->channels; c++)
    for (int32_t i = first; i < first + n; i++) a->pcm[c][i] *= gain;
}

static struct audio filtered(const struct audio *from, const struct eq_band *bands, int n) {
  struct audio a = audio_new(from->rate_hz, from->channels, from->n_frames);
  struct eq_params *p = oracle_params(&stage_eq);
  p->n_bands = n;
  memcpy(p->bands, bands, (size_t)n * sizeof *bands);
  assert_int_equal(oracle_run_stage(&stage_eq, p, a.rate_hz, a.channels, a.n_frames,
                                    (const float *const *)from->pcm, a.pcm, 8), 0);
  free(p);
  return a;
}

static struct ltas measured(const struct audio *a) {
  struct ltas x;
  struct failure why;
  if (ltas_measure(a, &x, &why)) fail_msg("%s", why.text);
  return x;
}

/* ---- filters ---- */

static const struct eq_band warm[] = {
    {.type = EQ_LOW_SHELF, .freq_hz = 150, .gain_db = 4, .q = 0.7},
    {.type = EQ_BELL, .freq_hz = 1200, .gain_db = -3, .q = 0.8},
    {.type = EQ_HIGH_SHELF, .freq_hz = 6000, .gain_db = -3, .q = 0.7},
};
static const struct eq_band bright[] = {
    {.type = EQ_BELL, .freq_hz = 400, .gain_db = -4, .q = 0.9},
    {.type = EQ_HIGH_SHELF, .freq_hz = 5000, .gain_db = 5, .q = 0.7},
};
static const struct eq_band extreme[] = {
    {.type = EQ_HIGH_SHELF, .freq_hz = 700, .gain_db = 30, .q = 0.7},
};
static const struct eq_band wide[] = {
    {.type = EQ_HIGH_SHELF, .target = EQ_SIDE, .freq_hz = 1500, .gain_db = 3, .q = 0.7},
    {.type = EQ_LOW_SHELF, .target = EQ_SIDE, .freq_hz = 60, .gain_db = 9, .q = 0.7},
};
static const struct eq_band wider[] = {
    {.type = EQ_HIGH_SHELF, .target = EQ_SIDE, .freq_hz = 1500, .gain_db = 12, .q = 0.7},
};

static double filter_db(const struct eq_band *bands, int n, double freq_hz) {
  double db = 0;
  for (int i = 0; i < n; i++) db += oracle_db(eq_band_magnitude(&bands[i], freq_hz));
  return db;
}

/* Points are a third of an octave apart up to 200 Hz, then a sixth: what a point stands for. */
static double share(int point) { return (match_frequency_hz(point) < 198 ? 2 : 1) / 55.0; }

/* The filter's gains at the points, less their mean. */
static void filter_tone(const struct eq_band *bands, int n, double db[MATCH_POINTS]) {
  double mean = 0;
  for (int i = 0; i < MATCH_POINTS; i++) {
    db[i] = filter_db(bands, n, match_frequency_hz(i));
    mean += db[i] * share(i);
  }
  for (int i = 0; i < MATCH_POINTS; i++) db[i] -= mean;
}

/* ---- settings ---- */

static struct match_params settings(int n_references) {
  struct match_params p;
  memset(&p, 0, sizeof p);
  p.n_references = n_references;
  for (int i = 0; i < n_references; i++) p.references[i].weight = 1;
  p.amount_percent = 100;
  p.smoothing_octaves = 1.0 / 3;
  p.max_db = 9;
  return p;
}

static struct match_curves curves(const struct match_params *p, const struct ltas *source,
                                  const struct ltas *reference) {
  const struct ltas *references[] = {reference};
  struct match_curves out;
  match_design(p, source, references, &out);
  return out;
}

static double clamped(double db, double most) { return most * tanh(db / most); }

static void expect_near(const double *db, const double *wanted, double tolerance) {
  for (int i = 0; i < MATCH_POINTS; i++)
    if (!(fabs(db[i] - wanted[i]) <= tolerance))
      fail_msg("%.1f Hz: %.2f dB, wanted %.2f", match_frequency_hz(i), db[i], wanted[i]);
}

/* ---- spectra ---- */

static void test_sine_level(void **state) {
  (void)state;
  static const int rates[] = {44100, 48000, 96000, 192000};
  for (int r = 0; r < 4; r++) {
    struct audio a = audio_new(rates[r], 2, 3 * rates[r]);
    oracle_sine(a.pcm[0], a.n_frames, a.rate_hz, 997, 0.5, 0);
    oracle_sine(a.pcm[1], a.n_frames, a.rate_hz, 997, 0.1, 0);
    struct ltas x = measured(&a);
    assert_int_equal(x.block_frames, rates[r] > 96000 ? 131072 : rates[r] > 48000 ? 65536 : BLOCK);
    assert_int_equal(x.n_blocks, a.n_frames / (x.block_frames / 2) - 1);
    assert_int_equal(x.n_used, x.n_blocks);
    /* Mid 0.3, side 0.2; a Hann window leaves less than 1e-6 beyond 30 bins of 1.5 Hz. */
    assert_float_equal(ltas_band(&x, x.mid, 900, 1100), 0.3 * 0.3 / 2, 1e-6);
    assert_float_equal(ltas_band(&x, x.side, 900, 1100), 0.2 * 0.2 / 2, 1e-6);
    assert_true(ltas_band(&x, x.mid, 1100, 20000) < 1e-6);
    ltas_free(&x);
    audio_free(&a);
  }
}

/* The whole spectrum is the mean square, at every length and for one channel. */
static void test_noise_level(void **state) {
  (void)state;
  struct audio a = audio_new(RATE, 1, FRAMES);
  oracle_noise(a.pcm[0], FRAMES, 0.25, 5);
  struct ltas x = measured(&a);
  const double mean_square = oracle_energy(a.pcm[0], FRAMES) / FRAMES;
  /* The first and last half block count less: half of 1 / 16 of a variable energy. */
  assert_float_equal(ltas_band(&x, x.mid, 0, RATE / 2.0) / mean_square, 1, 0.01);
  assert_float_equal(ltas_band(&x, x.mid, 5000, 10000) / mean_square, 10000.0 / RATE, 0.01);
  assert_true(ltas_band(&x, x.side, 0, RATE / 2.0) < 1e-25);
  ltas_free(&x);
  audio_free(&a);
}

/* Bands that lie side by side add up. */
static void test_bands_add_up(void **state) {
  (void)state;
  struct audio a = noise(BLOCK, 0.25, 6);
  struct ltas x = measured(&a);
  double sum = 0;
  for (int i = 0; i < 400; i++)
    sum += ltas_band(&x, x.mid, 20 * exp(i * 0.01), 20 * exp((i + 1) * 0.01));
  const double whole = ltas_band(&x, x.mid, 20, 20 * exp(4));
  assert_float_equal(sum / whole, 1, 1e-12);
  ltas_free(&x);
  audio_free(&a);
}

/* What lies 10 LU below the rest, or below -70 LUFS, does not count. */
static void test_gates(void **state) {
  (void)state;
  struct audio a = noise(FRAMES, 0.25, 7);
  const int half = BLOCK / 2, loud = 10 * half; /* half blocks that stay */
  scale(&a, loud, FRAMES - loud, 0.1f);
  struct ltas x = measured(&a);
  assert_int_equal(x.n_used, 10); /* nine within, and one half in */
  ltas_free(&x);
  scale(&a, loud, FRAMES - loud, 4); /* -8 dB */
  x = measured(&a);
  assert_int_equal(x.n_used, x.n_blocks);
  ltas_free(&x);
  scale(&a, 0, FRAMES, 1e-3f); /* the quiet part to -78 LUFS or so, the loud to -70 */
  scale(&a, 0, loud, 10);
  x = measured(&a);
  assert_int_equal(x.n_used, 10);
  ltas_free(&x);
  audio_free(&a);
}

static void refuses(const struct audio *a, const char *word) {
  struct ltas x;
  struct failure why = {0};
  assert_int_equal(ltas_measure(a, &x, &why), STATUS_BAD_DATA);
  if (!strstr(why.text, word)) fail_msg("\"%s\" does not say \"%s\"", why.text, word);
  assert_null(x.mid);
}

static void test_refuses(void **state) {
  (void)state;
  struct audio a = noise(BLOCK, 0.25, 8), quiet = audio_new(RATE, 2, FRAMES);
  a.n_frames = BLOCK - 1;
  refuses(&a, "32767 frames (accepted: 32768 or more, 0.74 s)");
  refuses(&quiet, "silent");
  oracle_noise(quiet.pcm[0], FRAMES, 1e-4, 9); /* -85 dB */
  refuses(&quiet, "-70 LUFS");
  audio_free(&a);
  audio_free(&quiet);
}

/* ---- curves ---- */

static struct audio source_audio;
static struct ltas source, warm_one, bright_one;

static int set_up(void **state) {
  (void)state;
  source_audio = noise(FRAMES, 0.05, 11);
  struct audio a = filtered(&source_audio, warm, 3), b = filtered(&source_audio, bright, 2);
  source = measured(&source_audio);
  warm_one = measured(&a);
  bright_one = measured(&b);
  audio_free(&a);
  audio_free(&b);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  audio_free(&source_audio);
  ltas_free(&source);
  ltas_free(&warm_one);
  ltas_free(&bright_one);
  return 0;
}

static void test_same_is_flat(void **state) {
  (void)state;
  const struct match_params p = settings(1);
  const struct match_curves c = curves(&p, &source, &source);
  for (int i = 0; i < MATCH_POINTS; i++) assert_true(c.gain_db[i] == 0 && c.side_db[i] == 0);
}

static void test_frequencies(void **state) {
  (void)state;
  assert_true(match_frequency_hz(0) == 31.25 && match_frequency_hz(MATCH_POINTS - 1) == 16000);
  for (int i = 1; i < MATCH_POINTS; i++)
    assert_float_equal(match_frequency_hz(i) / match_frequency_hz(i - 1),
                       pow(2, (i <= 8 ? 2 : 1) / 6.0), 5e-4); /* of 0.01 Hz */
}

static void test_known_filter(void **state) {
  (void)state;
  struct match_params p = settings(1);
  double wanted[MATCH_POINTS], both[MATCH_POINTS];
  filter_tone(warm, 3, wanted);
  for (int i = 0; i < MATCH_POINTS; i++) both[i] = clamped(wanted[i], p.max_db);
  const struct match_curves c = curves(&p, &source, &warm_one);
  expect_near(c.gain_db, both, CURVE_DB);
  for (int i = 0; i < MATCH_POINTS; i++) assert_true(c.side_db[i] == 0);
  p.smoothing_octaves = 1; /* a wide band sees more of the filter's slopes */
  const struct match_curves smooth = curves(&p, &source, &warm_one);
  expect_near(smooth.gain_db, both, 4 * CURVE_DB);
  assert_true(memcmp(smooth.gain_db, c.gain_db, sizeof c.gain_db) != 0);
}

static void test_amount(void **state) {
  (void)state;
  struct match_params p = settings(1);
  double half[MATCH_POINTS];
  const struct match_curves whole = curves(&p, &source, &warm_one);
  p.amount_percent = 50;
  const struct match_curves c = curves(&p, &source, &warm_one);
  for (int i = 0; i < MATCH_POINTS; i++) half[i] = whole.gain_db[i] / 2;
  expect_near(c.gain_db, half, STEP_DB);
  p.amount_percent = 0;
  const struct match_curves none = curves(&p, &source, &warm_one);
  for (int i = 0; i < MATCH_POINTS; i++) assert_true(none.gain_db[i] == 0);
}

static void test_clamp(void **state) {
  (void)state;
  struct audio a = filtered(&source_audio, extreme, 1);
  struct ltas reference = measured(&a);
  double wanted[MATCH_POINTS], within[MATCH_POINTS];
  filter_tone(extreme, 1, wanted);
  for (double most = 3; most <= 12; most += 3) {
    struct match_params p = settings(1);
    double largest = 0;
    p.max_db = most;
    const struct match_curves c = curves(&p, &source, &reference);
    for (int i = 0; i < MATCH_POINTS; i++) {
      within[i] = clamped(wanted[i], most);
      largest = fmax(largest, fabs(c.gain_db[i]));
    }
    expect_near(c.gain_db, within, CURVE_DB);
    assert_true(largest <= most && largest > 0.7 * most);
  }
  ltas_free(&reference);
  audio_free(&a);
}

static void test_weights(void **state) {
  (void)state;
  const struct ltas *references[] = {&warm_one, &bright_one};
  double a[MATCH_POINTS], b[MATCH_POINTS], wanted[MATCH_POINTS];
  filter_tone(warm, 3, a);
  filter_tone(bright, 2, b);
  static const double weights[][2] = {{1, 1}, {3, 1}, {0.01, 0.03}};
  for (int w = 0; w < 3; w++) {
    struct match_params p = settings(2);
    struct match_curves c;
    p.references[0].weight = weights[w][0], p.references[1].weight = weights[w][1];
    match_design(&p, &source, references, &c);
    const double share = weights[w][0] / (weights[w][0] + weights[w][1]);
    for (int i = 0; i < MATCH_POINTS; i++)
      wanted[i] = clamped(share * a[i] + (1 - share) * b[i], p.max_db);
    expect_near(c.gain_db, wanted, CURVE_DB);
  }
}

static void test_level_does_not_count(void **state) {
  (void)state;
  struct match_params p = settings(1);
  p.channels = MATCH_MID_SIDE;
  const struct match_curves before = curves(&p, &source, &warm_one);
  struct audio quiet = filtered(&source_audio, warm, 3);
  scale(&quiet, 0, FRAMES, 0.1f);
  struct ltas reference = measured(&quiet);
  const struct match_curves after = curves(&p, &source, &reference);
  expect_near(after.gain_db, before.gain_db, STEP_DB);
  expect_near(after.side_db, before.side_db, STEP_DB);
  ltas_free(&reference);
  audio_free(&quiet);
}

/* Mid and side, each by its own filter; side is left alone below 100 Hz. */
static void test_mid_side(void **state) {
  (void)state;
  struct match_params p = settings(1);
  struct audio a = filtered(&source_audio, wide, 2), b = filtered(&source_audio, wider, 1);
  struct ltas moderate = measured(&a), strong = measured(&b);
  double wanted[MATCH_POINTS];
  p.channels = MATCH_MID_SIDE;
  struct match_curves c = curves(&p, &source, &moderate);
  /* Side is 12 dB below mid: 3 dB more of it are 0.25 dB of the whole, whose mean is taken
   * out of mid and side alike. */
  for (int i = 0; i < MATCH_POINTS; i++) {
    const double f = match_frequency_hz(i);
    wanted[i] = clamped(filter_db(wide, 2, f), 4);
    if (f < 200) wanted[i] *= f <= 100 ? 0 : 0.5 - 0.5 * cos(acos(-1) * log2(f / 100));
    if (f <= 100) assert_true(c.side_db[i] == 0);
    assert_true(fabs(c.gain_db[i]) < CURVE_DB);
  }
  expect_near(c.side_db, wanted, CURVE_DB);
  c = curves(&p, &source, &strong);
  assert_true(c.side_db[MATCH_POINTS - 1] > 3.8 && c.side_db[MATCH_POINTS - 1] <= 4);
  p.max_db = 2;
  c = curves(&p, &source, &strong);
  assert_true(c.side_db[MATCH_POINTS - 1] > 1.9 && c.side_db[MATCH_POINTS - 1] <= 2);
  ltas_free(&moderate);
  ltas_free(&strong);
  audio_free(&a);
  audio_free(&b);
}

/* Without side on one of the two there is nothing to match it to. */
static void test_no_side(void **state) {
  (void)state;
  struct match_params p = settings(1), two = settings(2);
  struct audio a = mono(&source_audio);
  struct ltas one = measured(&a);
  p.channels = two.channels = MATCH_MID_SIDE;
  const struct match_curves from = curves(&p, &one, &source), to = curves(&p, &source, &one);
  for (int i = 0; i < MATCH_POINTS; i++) assert_true(from.side_db[i] == 0 && to.side_db[i] == 0);
  /* Of two references, the one that has a side decides. */
  const struct ltas *references[] = {&one, &bright_one};
  struct match_curves both;
  match_design(&two, &source, references, &both);
  const struct match_curves alone = curves(&p, &source, &bright_one);
  assert_memory_equal(both.side_db, alone.side_db, sizeof both.side_db);
  ltas_free(&one);
  audio_free(&a);
}

/* Sines in every band, at two rates: the curve is the ratio of their amplitudes. */
static void test_other_rate(void **state) {
  (void)state;
  struct audio a = audio_new(44100, 1, 2 * 44100), b = audio_new(96000, 1, 2 * 96000);
  double wanted[MATCH_POINTS];
  float *tone = oracle_alloc(sizeof(float) * (size_t)b.n_frames);
  for (int i = 0; i < MATCH_POINTS; i++) {
    wanted[i] = 2 * sin(i * 0.3);
    const double f = match_frequency_hz(i), amplitude = 0.01 * oracle_gain(wanted[i]);
    oracle_sine(tone, a.n_frames, a.rate_hz, f, 0.01, i);
    for (int32_t k = 0; k < a.n_frames; k++) a.pcm[0][k] += tone[k];
    oracle_sine(tone, b.n_frames, b.rate_hz, f, amplitude, i);
    for (int32_t k = 0; k < b.n_frames; k++) b.pcm[0][k] += tone[k];
  }
  struct ltas x = measured(&a), y = measured(&b);
  const struct match_params p = settings(1);
  const struct match_curves c = curves(&p, &x, &y);
  double mean = 0;
  for (int i = 0; i < MATCH_POINTS; i++) mean += wanted[i] * share(i);
  for (int i = 0; i < MATCH_POINTS; i++) wanted[i] = clamped(wanted[i] - mean, p.max_db);
  for (int i = 0; i < MATCH_POINTS; i++)
    if (i != 8) /* the last wide band: the sine of the first narrow one lies on its edge */
      assert_float_equal(c.gain_db[i], wanted[i], 0.05);
  free(tone);
  ltas_free(&x);
  ltas_free(&y);
  audio_free(&a);
  audio_free(&b);
}

/* The loudest and the least that a file can hold give finite gains within the guard. */
static void test_extremes(void **state) {
  (void)state;
  struct audio a = audio_new(RATE, 2, BLOCK), b = audio_new(RATE, 2, BLOCK);
  oracle_sine(a.pcm[0], BLOCK, RATE, 1000, 64, 0);
  oracle_sine(b.pcm[1], BLOCK, RATE, 10000, 1, 0);
  struct ltas x = measured(&a), y = measured(&b);
  struct match_params p = settings(1);
  p.channels = MATCH_MID_SIDE;
  const struct match_curves c = curves(&p, &x, &y), back = curves(&p, &y, &x);
  for (int i = 0; i < MATCH_POINTS; i++) {
    assert_true(fabs(c.gain_db[i]) <= p.max_db && fabs(c.side_db[i]) <= 4);
    assert_true(fabs(back.gain_db[i]) <= p.max_db && fabs(back.side_db[i]) <= 4);
  }
  ltas_free(&x);
  ltas_free(&y);
  audio_free(&a);
  audio_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sine_level),   cmocka_unit_test(test_noise_level),
      cmocka_unit_test(test_bands_add_up), cmocka_unit_test(test_gates),
      cmocka_unit_test(test_refuses),      cmocka_unit_test(test_same_is_flat),
      cmocka_unit_test(test_frequencies),  cmocka_unit_test(test_known_filter),
      cmocka_unit_test(test_amount),       cmocka_unit_test(test_clamp),
      cmocka_unit_test(test_weights),      cmocka_unit_test(test_level_does_not_count),
      cmocka_unit_test(test_mid_side),     cmocka_unit_test(test_no_side),
      cmocka_unit_test(test_other_rate),   cmocka_unit_test(test_extremes),
  };
  return cmocka_run_group_tests_name("match", tests, set_up, tear_down);
}
