/* SPDX-License-Identifier: MIT
 * Beds for headphones: the filters against what is known of the head they are made of, the audio
 * against direct convolution in double precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "binaural.h"
#include "detmath.h"
#include "hash.h"
#include "hrir_fixture.h"
#include "oracle.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};

/* ---- filters ---- */

struct filters {
  const struct layout *layout;
  int rate_hz, n;
  double *taps;
};

static struct filters make_of(const struct hrir_set *set, const char *layout, int rate_hz) {
  struct filters f = {layout_find(layout), rate_hz, binaural_taps(rate_hz), NULL};
  const char *why = "";
  f.taps = oracle_alloc(2 * (size_t)f.layout->channels * (size_t)f.n * sizeof *f.taps);
  if (hrir_filters(set, f.layout, rate_hz, f.n, f.taps, &why)) fail_msg("%s", why);
  return f;
}

static struct filters make(const char *layout, int rate_hz) {
  return make_of(hrir_fixture(), layout, rate_hz);
}

static void assert_in(double x, double least, double most) {
  if (!(x >= least && x <= most)) fail_msg("%g is not within %g .. %g", x, least, most);
}

static const double *filter(const struct filters *f, int ear, int channel) {
  return f->taps + (size_t)(ear * f->layout->channels + channel) * (size_t)f->n;
}

static double gain_at(const struct filters *f, int ear, int channel, double freq_hz) {
  return cabs(oracle_dft_double(filter(f, ear, channel), f->n, freq_hz / f->rate_hz, 0));
}

static bool is_lfe(const struct filters *f, int channel) {
  return channel == layout_lfe(f->layout);
}

/* The measured spectrum through the equaliser from 250 Hz on, nothing but the delay below 100. */
static void test_spectra(void **state) {
  (void)state;
  static const double above[] = {260, 500, 1000, 3000, 8000, 12000, 17000};
  static const double below[] = {0, 20, 60, 100};
  struct hrir_equaliser equaliser;
  assert_int_equal(hrir_equaliser_make(hrir_fixture(), &equaliser), 0);
  for (int r = 0; r < COUNT(rates); r++) {
    struct filters f = make("7.1.4", rates[r]);
    for (int i = 0; i < 2 * 12; i++) {
      const int ear = i / 12, c = i % 12;
      if (is_lfe(&f, c)) continue;
      const int d = hrir_nearest(hrir_fixture(), f.layout->speaker[c]);
      for (int k = 0; k < COUNT(above); k++) {
        const double wanted = hrir_fixture_gain(hrir_fixture(), d, ear, above[k]) *
                              hrir_equaliser_gain(&equaliser, above[k]);
        /* The response is cut where 1e-6 of its energy, -60 dB, may be left: 0.1 %, of the
         * largest of the gains. */
        assert_float_equal(gain_at(&f, ear, c, above[k]), wanted, 0.004);
      }
      for (int k = 0; k < COUNT(below); k++)
        assert_float_equal(gain_at(&f, ear, c, below[k]), 1, 0.01);
    }
    free(f.taps);
  }
  hrir_equaliser_free(&equaliser);
}

/* The mean over all directions is flat. */
static void test_diffuse_field(void **state) {
  (void)state;
  const struct hrir_set *set = hrir_fixture();
  struct hrir_equaliser equaliser;
  assert_int_equal(hrir_equaliser_make(set, &equaliser), 0);
  for (double f = 150; f < 16000; f *= 1.3) {
    double sum = 0, weights = 0;
    for (int d = 0; d < set->n_directions; d++) {
      /* circles 30 degrees apart: their widths; the one at the top is a cap */
      const double z = set->direction[d][2], weight = z > 0.99 ? 0.8 : sqrt(1 - z * z);
      for (int ear = 0; ear < 2; ear++) {
        const double gain = hrir_fixture_gain(set, d, ear, f);
        sum += weight * gain * gain, weights += weight;
      }
    }
    const double gain = hrir_equaliser_gain(&equaliser, f);
    assert_float_equal(10 * log10(sum / weights * gain * gain), 0, 0.15);
  }
  hrir_equaliser_free(&equaliser);
}

/* The head of the fixture, but nothing of it is heard: pulses. */
static struct hrir_set pulses(void) {
  struct hrir_set set = *hrir_fixture();
  set.taps = oracle_alloc(2 * (size_t)set.n_directions * (size_t)set.n_taps * sizeof *set.taps);
  for (int i = 0; i < 2 * set.n_directions; i++)
    set.taps[i * set.n_taps + (int)hrir_fixture_arrival(&set, i / 2, i % 2)] = 1;
  return set;
}

/* In frames, by the phase at 500 Hz. */
static double arrival(const struct filters *f, int ear, int channel) {
  const double cycles = 500.0 / f->rate_hz;
  return -carg(oracle_dft_double(filter(f, ear, channel), f->n, cycles, 0)) /
         (2 * DET_PI * cycles);
}

/* Then every filter is a delay, that of the set less the shortest; the LFE comes with the mean
 * of all. Towards Nyquist the filters fall, at minimum phase, which delays all by the same. */
static void test_arrivals(void **state) {
  (void)state;
  struct hrir_set set = pulses();
  for (int r = 0; r < COUNT(rates); r++) {
    struct filters f = make_of(&set, "7.1.4", rates[r]);
    const double frames = (double)f.rate_hz / set.rate_hz;
    double first = HUGE_VAL, mean = 0, late = arrival(&f, 0, 4) - hrir_lead(f.rate_hz);
    for (int i = 0; i < 2 * 12; i++) {
      if (is_lfe(&f, i % 12)) continue;
      const int d = hrir_nearest(&set, f.layout->speaker[i % 12]);
      const double at = hrir_fixture_arrival(&set, d, i / 12) * frames;
      if (at < first) first = at;
      mean += at / 22;
    }
    assert_in(late, 0, 1.5 * frames);
    for (int i = 0; i < 2 * 12; i++) {
      const int d = hrir_nearest(&set, f.layout->speaker[i % 12]);
      const double at = hrir_fixture_arrival(&set, d, i / 12) * frames;
      if (is_lfe(&f, i % 12))
        assert_float_equal(arrival(&f, i / 12, 3), hrir_lead(f.rate_hz) + mean - first, 0.51);
      else
        assert_float_equal(arrival(&f, i / 12, i % 12), hrir_lead(f.rate_hz) + late + at - first,
                           0.01 * frames);
    }
    free(f.taps);
  }
  free(set.taps);
}

/* What is heard from the sides and from the front: within a millisecond of the bed. */
static void test_sync(void **state) {
  (void)state;
  for (int r = 0; r < COUNT(rates); r++) {
    struct filters f = make("7.1", rates[r]);
    for (int c = 2; c <= 4; c++) {
      const double *h = filter(&f, 0, c);
      int peak = 0;
      for (int i = 1; i < f.n; i++)
        if (fabs(h[i]) > fabs(h[peak])) peak = i;
      assert_in(peak / (double)f.rate_hz, 0.3e-3, c == 4 ? 0.5e-3 : 1e-3);
    }
    free(f.taps);
  }
}

static void test_lfe(void **state) {
  (void)state;
  struct filters f = make("5.1", 48000);
  for (int ear = 0; ear < 2; ear++)
    for (double freq_hz = 20; freq_hz < 200; freq_hz *= 1.5)
      assert_float_equal(oracle_db(gain_at(&f, ear, 3, freq_hz)), 10, 1e-9);
  assert_memory_equal(filter(&f, 0, 3), filter(&f, 1, 3), (size_t)f.n * sizeof(double));
  free(f.taps);
}

/* Left and right are mirror images, also where two directions are as near. */
static void test_mirror(void **state) {
  (void)state;
  for (const struct layout *l = layouts + 2; l->name; l++) {
    struct filters f = make(l->name, 44100);
    for (int c = 0; c < l->channels; c++) {
      const int mirror = l->speaker[c]->azimuth_deg ? c ^ 1 : c;
      for (int i = 0; i < f.n; i++)
        assert_float_equal(filter(&f, 0, c)[i], filter(&f, 1, mirror)[i], 1e-9);
    }
    free(f.taps);
  }
}

static void expect_refusal(const struct hrir_set *set, const struct layout *layout,
                           const char *what) {
  const struct binaural_params p = {.set = set};
  const struct stage_format format = {48000, layout ? layout->channels : 6, layout, NULL};
  struct stage_design design;
  const char *why = "";
  assert_int_equal(stage_binaural.design(&p, &format, &design, &why), -1);
  if (!strstr(why, what)) fail_msg("\"%s\" is not about \"%s\"", why, what);
}

static void test_refusals(void **state) {
  (void)state;
  const struct layout *bed = layout_find("7.1.4");
  expect_refusal(hrir_fixture(), layout_find("2.0"), "one and two channels");
  expect_refusal(hrir_fixture(), layout_find("1.0"), "one and two channels");
  expect_refusal(hrir_fixture(), NULL, "one and two channels");
  expect_refusal(NULL, bed, "no impulse responses");
  struct hrir_set few = *hrir_fixture();
  few.n_directions = 24; /* nothing above the ears */
  expect_refusal(&few, bed, "20 degrees");
  struct hrir_set late = pulses();
  late.delay = oracle_alloc((size_t)late.n_directions * sizeof *late.delay);
  late.delay[hrir_nearest(&late, bed->speaker[2])][1] = HRIR_MAX_DELAY;
  expect_refusal(&late, bed, "10 ms apart");
  free(late.delay);
  free(late.taps);
  struct hrir_set ringing = *hrir_fixture();
  const size_t values = 2 * (size_t)ringing.n_directions * HRIR_MAX_TAPS;
  ringing.n_taps = HRIR_MAX_TAPS;
  ringing.taps = oracle_alloc(values * sizeof *ringing.taps);
  for (size_t i = 0; i < values; i++) /* 600 Hz, falling by 60 dB in 100 ms */
    ringing.taps[i] = (float)(det_cospi(2 * 600.0 / 48000 * (double)(i % HRIR_MAX_TAPS)) *
                              det_exp(-1.4e-3 * (double)(i % HRIR_MAX_TAPS)));
  expect_refusal(&ringing, bed, "ring on");
  free(ringing.taps);
}

/* ---- audio ---- */

static void test_audio(void **state) {
  (void)state;
  enum { N = 9000 };
  static const char *const names[] = {"5.1", "7.1", "5.1.4", "7.1.2", "7.1.4"};
  static const int at[] = {0, 1, 2, 1000, 2047, 2048, 2049, 4095, 4096, 6143, 6500, 8191, N - 1};
  float *in[MAX_CHANNELS], *out[MAX_CHANNELS];
  const struct binaural_params p = {.set = hrir_fixture()};
  for (int c = 0; c < MAX_CHANNELS; c++) {
    in[c] = oracle_alloc(N * sizeof(float));
    out[c] = oracle_alloc(N * sizeof(float));
    oracle_noise(in[c], N, 0.5, 700 + (uint64_t)c);
  }
  for (int i = 0; i < COUNT(names) * 2; i++) {
    const int rate_hz = i % 2 ? 96000 : 44100;
    struct filters f = make(names[i / 2], rate_hz);
    const int channels = f.layout->channels;
    const struct stage_format format = {rate_hz, channels, f.layout, NULL};
    struct oracle_stage s = {.stage = &stage_binaural, .rate_hz = rate_hz, .channels = channels};
    const char *why;
    assert_int_equal(stage_binaural.design(&p, &format, &s.design, &why), 0);
    oracle_render(&s, N, (const float *const *)in, out, 1 + i % 3);
    for (int k = 0; k < COUNT(at); k++)
      for (int ear = 0; ear < 2; ear++) {
        double wanted = 0;
        for (int c = 0; c < channels; c++)
          wanted += oracle_convolve(filter(&f, ear, c), f.n, 0, in[c], N, at[k]);
        /* The engine's noise for white noise is -131 dB (convolve.md) of the output, whose
         * root mean square is less than 0.29 sqrt(24 + 10), 1.7; 5 times that as a peak. */
        assert_float_equal(out[ear][at[k]], wanted, 5 * 1.7 * oracle_gain(-131));
      }
    for (int c = 2; c < channels; c++)
      for (int n = 0; n < N; n++) assert_true(out[c][n] == 0);
    oracle_close(&s);
    free(f.taps);
  }
  for (int c = 0; c < MAX_CHANNELS; c++) free(in[c]), free(out[c]);
}

/* ---- the same design on every machine ---- */

static void test_frozen(void **state) {
  (void)state;
  static const char *const wanted[] = {
      "dcfe88a38413cfbee176f987cdb38bfe51a88cad3519ce21c35c6246323c8e80",
      "ef0339e774a60619de8efecd97c1e3f02006a119f41903e5065f5f9d38426737"};
  for (int i = 0; i < COUNT(wanted); i++) {
    const struct binaural_params p = {.set = hrir_fixture()};
    const struct stage_format format = {i ? 96000 : 44100, 12, layout_find("7.1.4"), NULL};
    struct stage_design design;
    const char *why;
    char sha256[HASH_TEXT_SIZE];
    assert_int_equal(stage_binaural.design(&p, &format, &design, &why), 0);
    assert_int_equal(hash_bytes(design.data, design.size, sha256), 0);
    assert_string_equal(sha256, wanted[i]);
    stage_design_free(&design);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_spectra), cmocka_unit_test(test_diffuse_field),
      cmocka_unit_test(test_arrivals), cmocka_unit_test(test_sync),    cmocka_unit_test(test_lfe),
      cmocka_unit_test(test_mirror),   cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_audio),    cmocka_unit_test(test_frozen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
