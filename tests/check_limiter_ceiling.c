/* SPDX-License-Identifier: MIT
 * The ceiling: what is delivered, measured by an independent true-peak meter and by
 * libebur128, over hostile signals, tones and music, every rate and three drives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ebur128.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile_signals.h"
#include "render_fixture.h"
#include "true_peak_meter.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
#define MUSIC_FOLDER "/usr/share/sonic-pi/samples/"

static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
static const double drives_db[] = {3, 6, 12};
static const double CEILING_DB = -1, PI = 3.14159265358979323846;
enum { FRAMES = 10000 };

static double to_db(double gain) { return 20 * log10(gain); }

struct reading { /* the largest of all deliverables, dB */
  double meter[2]; /* 24 and 16 bit */
  double ebu_true_peak, ebu_peak;
  int rate_hz; /* of the largest meter reading */
  double drive_db, at;
};
static const struct reading nothing = {{-300, -300}, -300, -300, 0, 0, 0};

static void measure(const struct render_plan *plan, const struct render_track *t, double drive_db,
                    struct reading *most) {
  for (int tail = 0; tail < 2; tail++) {
    const struct render_reading e =
        render_measure(t->out[tail], t->n_frames, plan->channels, plan->rate_hz);
    most->ebu_true_peak = fmax(most->ebu_true_peak, to_db(e.true_peak));
    most->ebu_peak = fmax(most->ebu_peak, to_db(e.peak));
    for (int c = 0; c < plan->channels; c++) {
      const struct true_peak p = true_peak_of_words(t->out[tail] + c, t->n_frames,
                                                    plan->channels, 1 / FULL_SCALE_WORD);
      if (to_db(p.peak) <= most->meter[tail]) continue;
      most->meter[tail] = to_db(p.peak);
      if (tail) continue;
      most->rate_hz = plan->rate_hz, most->drive_db = drive_db, most->at = p.at;
    }
  }
}

static int searched_fast; /* renders to a loudness with a pace that has spikes */

/* Renders planar audio whose loudest sample is 1, driven into the ceiling, or to a loudness (NAN:
 * as it is); 24 and 16 bit with dither. */
static void render_to(int rate_hz, int channels, float *const *pcm, int32_t n, double drive_db,
                      double loudness_lufs, struct reading *most) {
  struct render_plan plan = render_plan_of(rate_hz, channels);
  const double gain = pow(10, (drive_db + CEILING_DB) / 20);
  struct render_track track = {.n_frames = n};
  plan.n_tails = 2;
  plan.tails[0] = (struct render_tail){loudness_lufs, CEILING_DB, 24, DITHER_TPDF, 7};
  plan.tails[1] = (struct render_tail){loudness_lufs, CEILING_DB, 16, DITHER_TPDF, 8};
  for (int c = 0; c < channels; c++) {
    track.pcm[c] = render_floats(n);
    for (int32_t i = 0; i < n; i++) track.pcm[c][i] = (float)(pcm[c][i] * gain);
  }
  assert_int_equal(render_tracks(&plan, &track, 1), ENGINE_OK);
  assert_int_equal(track.delivered[0], 1);
  assert_int_equal(track.delivered[1], 1);
  measure(&plan, &track, drive_db, most);
  searched_fast += track.result[0].release_ms >= 10 && track.result[0].release_ms < 110;
  render_free(&track, 1);
  for (int c = 0; c < channels; c++) free(track.pcm[c]);
}

static void render_driven(int rate_hz, int channels, float *const *pcm, int32_t n,
                          double drive_db, struct reading *most) {
  render_to(rate_hz, channels, pcm, n, drive_db, NAN, most);
}

/* True when the ceiling held. */
static bool report(const char *name, const struct reading *r) {
  /* Dither of 16 bit moves a sample by 1.5 LSB = 4.6e-5; ten neighbours that conspire
   * move a point between them by less than 4 LSB = 1.2e-4, at -1 dBFS 0.0012 dB: the
   * ceiling's margin covers it. */
  const bool held = r->meter[0] <= CEILING_DB && r->meter[1] <= CEILING_DB &&
                    r->ebu_true_peak <= CEILING_DB && r->ebu_peak <= CEILING_DB;
  print_message("  %-22s %8.4f %8.4f dBTP (24, 16 bit), ebur128 %8.4f dBTP %8.4f dBFS; %d Hz "
                "+%g dB frame %.2f%s\n",
                name, r->meter[0], r->meter[1], r->ebu_true_peak, r->ebu_peak, r->rate_hz,
                r->drive_db, r->at, held ? "" : "   EXCEEDED");
  return held;
}

static void hostile(void **state) {
  (void)state;
  int exceeded = 0;
  float *x = render_floats(FRAMES);
  for (const struct hostile_signal *s = hostile_signals; s->name; s++) {
    struct reading most = nothing;
    s->fill(x, FRAMES, s->parameter);
    for (int r = 0; r < COUNT(rates); r++)
      for (int d = 0; d < COUNT(drives_db); d++)
        render_driven(rates[r], 1, &x, FRAMES, drives_db[d], &most);
    exceeded += !report(s->name, &most);
  }
  free(x);
  assert_int_equal(exceeded, 0);
}

/* Two different hostile signals at once: the channels share one gain. */
static void two_channels(void **state) {
  (void)state;
  struct reading most = nothing;
  float *x[2] = {render_floats(FRAMES), render_floats(FRAMES)};
  for (const struct hostile_signal *s = hostile_signals; s->name; s++) {
    if (!strcmp(s->name, "noise to 0.45")) s->fill(x[0], FRAMES, s->parameter);
    if (!strcmp(s->name, "kicks 60")) s->fill(x[1], FRAMES, s->parameter);
  }
  for (int d = 0; d < COUNT(drives_db); d++)
    render_driven(48000, 2, x, FRAMES, drives_db[d], &most);
  free(x[0]);
  free(x[1]);
  assert_true(report("noise | kicks", &most));
}

/* Tones whose peaks stay between the detector's points: at a / b cycles per frame they
 * hit only 16 b phases. */
static void locked_tones(void **state) {
  (void)state;
  static const double tones[] = {1 / 4.0, 1 / 3.0, 2 / 5.0, 4 / 9.0, 8 / 17.0};
  int exceeded = 0;
  float *x = render_floats(FRAMES);
  for (int t = 0; t < COUNT(tones); t++) {
    struct reading most = nothing;
    char name[32];
    for (int phase = 0; phase < 8; phase++) {
      for (int32_t i = 0; i < FRAMES; i++) {
        const double fade = sin(PI * (i + 0.5) / FRAMES);
        x[i] = (float)(fade * cos(2 * PI * (tones[t] * (i + phase / 128.0))));
      }
      render_driven(48000, 1, &x, FRAMES, 6, &most);
    }
    snprintf(name, sizeof name, "tone at %.4f fs", tones[t]);
    exceeded += !report(name, &most);
  }
  free(x);
  assert_int_equal(exceeded, 0);
}

/* ---- music ---- */

enum { EXCERPT = 22050 };
static const char *const music[] = {
    "loop_amen_full.flac", "loop_mika.flac", "loop_breakbeat.flac", "bass_hard_c.flac",
    "sn_dub.flac", "ambi_piano.flac", "drum_cymbal_pedal.flac", "vinyl_rewind.flac",
};

/* The excerpt around the loudest sample, planar, loudest sample 1; frames or 0. */
static int32_t load_excerpt(const char *file, int *channels, float *pcm[2]) {
  char path[256];
  SF_INFO info = {0};
  snprintf(path, sizeof path, MUSIC_FOLDER "%s", file);
  SNDFILE *f = sf_open(path, SFM_READ, &info);
  if (!f) return 0;
  float *x = render_floats((int32_t)info.frames * info.channels);
  const int32_t n = (int32_t)sf_readf_float(f, x, info.frames);
  sf_close(f);
  int32_t loudest = 0;
  for (int32_t i = 0; i < n * info.channels; i++)
    if (fabsf(x[i]) > fabsf(x[loudest])) loudest = i;
  int32_t begin = loudest / info.channels - EXCERPT / 2;
  if (begin > n - EXCERPT) begin = n - EXCERPT;
  if (begin < 0) begin = 0;
  const int32_t length = n - begin < EXCERPT ? n - begin : EXCERPT;
  for (int c = 0; c < info.channels; c++) {
    pcm[c] = render_floats(length);
    for (int32_t i = 0; i < length; i++)
      pcm[c][i] = x[(begin + i) * info.channels + c] / fabsf(x[loudest]);
  }
  *channels = info.channels;
  free(x);
  return length;
}

static void real_music(void **state) {
  (void)state;
  int exceeded = 0, found = 0;
  for (int m = 0; m < COUNT(music); m++) {
    struct reading most = nothing;
    float *pcm[2] = {NULL};
    int channels;
    const int32_t n = load_excerpt(music[m], &channels, pcm);
    if (!n) continue;
    found++;
    for (int r = 0; r < COUNT(rates); r++) {
      for (int d = 0; d < COUNT(drives_db); d++)
        render_driven(rates[r], channels, pcm, n, drives_db[d], &most);
      if (n >= 0.4 * rates[r]) render_to(rates[r], channels, pcm, n, 0, -7, &most);
    }
    free(pcm[0]);
    free(pcm[1]);
    exceeded += !report(music[m], &most);
  }
  if (!found) {
    print_message("SKIP: no FLAC files in " MUSIC_FOLDER " (package sonic-pi-samples)\n");
    skip();
  }
  assert_int_equal(exceeded, 0);
  assert_true(searched_fast > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hostile),
      cmocka_unit_test(two_channels),
      cmocka_unit_test(locked_tones),
      cmocka_unit_test(real_music),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
