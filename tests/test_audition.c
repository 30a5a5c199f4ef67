/* SPDX-License-Identifier: MIT
 * render --audition: files to listen by, exact in length, alignment and gain; the
 * deliverables are what they are without it. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */
#include "audition.h"
#include "decode.h"
#include "loudness_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 60000, FIRST = 100, N = FRAMES - FIRST };

static char *folder, out[4096], heard[4096], manifest[4096];

static int set_up(void **state) {
  static const struct cli_sound sound = {"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 48000, 2,
                                         FRAMES, 51};
  (void)state;
  folder = fixture_folder();
  cli_sound(folder, &sound);
  cli_text(folder, "m.yaml", "lacquer: 1\nchains: {c: [{eq: {bands: [{type: high_shelf, "
           "freq: 3000, gain: 4}]}}]}\ndefaults: {chain: c}\n"
           "variants:\n  loud: {loudness: -9, true_peak: -1, bits: 16, format: flac}\n"
           "  open: {loudness: -20, bits: 32}\n"
           "tracks: [{source: a.wav, start_frame: 100, gap_before: 0.5}]\n");
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(out, sizeof out, "%s/out", folder);
  snprintf(heard, sizeof heard, "%s/heard", folder);
  expect_status(run_program("render", manifest, "-o", out, "-d", "cpu", "--audition", heard), 0);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

static struct audio decoded(const char *in, const char *name, const char *kind) {
  struct audio audio;
  struct failure why = {0};
  char path[8192];
  snprintf(path, sizeof path, "%s/%s%s", in, name, kind);
  if (decode_file(path, &audio, &why)) fail_msg("%s", why.text);
  return audio;
}

static double number(const json_t *root, const char *group, const char *name) {
  if (group) root = json_object_get(root, group);
  const json_t *value = json_object_get(root, name);
  if (!json_is_number(value)) fail_msg("no number %s", name);
  return json_number_value(value);
}

static double lufs(const struct audio *a) {
  const struct pcm_shape shape = {a->rate_hz, a->channels, a->n_frames, NULL};
  struct loudness_figures figures;
  assert_int_equal(loudness_measure_planar(&shape, (const float *const *)a->pcm, &figures, NULL,
                                           NULL), STATUS_OK);
  return figures.integrated_lufs;
}

/* How far the chain's output with the drive, found by what was written, is from that of the
 * other variant: both come from one chain. */
static void chain_from(const struct audio *after, const struct audio *residual, double drive_db,
                       float *chain) {
  for (int i = 0; i < N; i++)
    chain[i] = (float)(((double)after->pcm[0][i] - (double)residual->pcm[0][i]) *
                       pow(10, -drive_db / 20));
}

static void check_unit(const char *name, float *chain) {
  struct audio source = decoded(folder, "a.wav", ""), master = decoded(out, name, "");
  struct audio before = decoded(heard, name, ".before.wav");
  struct audio after = decoded(heard, name, ".after.wav");
  struct audio total = decoded(heard, name, ".total_residual.wav");
  struct audio limiter = decoded(heard, name, ".limiter_residual.wav");
  struct audio *all[] = {&before, &after, &total, &limiter};
  char json_name[4096];
  snprintf(json_name, sizeof json_name, "%s.audition.json", name);
  json_t *json = cli_json(heard, json_name);
  json_t *receipt = cli_receipt(out, name);
  const double drive = number(receipt, "measured", "gain_db");
  const json_t *files = json_object_get(json, "files");
  assert_int_equal(json_object_size(files), 4);
  assert_true(fabs(number(json, NULL, "drive_db") - drive) < 1e-6);
  const float gain = (float)pow(10, number(files, "before", "gain_db") / 20);
  assert_int_equal(master.n_frames, N + 24000); /* the gap is not there to be heard */
  for (int f = 0; f < 4; f++) {
    assert_int_equal(all[f]->n_frames, N);
    assert_true(all[f]->is_float);
  }
  for (int c = 0; c < 2; c++)
    for (int i = 0; i < N; i++) {
      const float b = before.pcm[c][i], x = source.pcm[c][FIRST + i];
      assert_true(after.pcm[c][i] == master.pcm[c][24000 + i]);
      assert_true(total.pcm[c][i] == after.pcm[c][i] - b);
      assert_true(fabs((double)b - (double)gain * (double)x) <= 1e-6 * fabs((double)x));
    }
  assert_true(fabs(lufs(&before) - lufs(&after)) < 0.01);
  assert_true(fabs(number(json, NULL, "loudness_lufs") - lufs(&after)) < 0.1);
  chain_from(&after, &limiter, drive, chain);
  for (int f = 0; f < 4; f++) audio_free(all[f]);
  audio_free(&source);
  audio_free(&master);
  json_decref(receipt);
  json_decref(json);
}

static void files_are_exact(void **state) {
  (void)state;
  float *chain[2] = {malloc(N * sizeof(float)), malloc(N * sizeof(float))};
  assert_true(chain[0] && chain[1]);
  check_unit("loud/01 a.flac", chain[0]);
  check_unit("open/01 a.wav", chain[1]);
  double difference = 0, energy = 0;
  for (int i = 0; i < N; i++) {
    difference += pow((double)chain[0][i] - (double)chain[1][i], 2);
    energy += pow((double)chain[1][i], 2);
  }
  assert_true(energy > 1 && difference < 1e-10 * energy);
  free(chain[0]);
  free(chain[1]);
}

static void deliverables_are_the_same(void **state) {
  char plain[4096];
  (void)state;
  snprintf(plain, sizeof plain, "%s/plain", folder);
  expect_status(run_program("render", manifest, "-o", plain, "-d", "cpu"), 0);
  assert_int_equal(cli_same_bits(plain, out), 2);
  assert_int_equal(cli_count(heard, ".wav"), 8);
  assert_int_equal(cli_count(heard, ""), 10);
}

static void another_rate_has_no_residuals(void **state) {
  (void)state;
  static const float left[4] = {0.1F, 0.2F, 0.3F, 0.4F};
  static const int32_t pcm[2] = {1 << 28, 1 << 29};
  static const float *const planar[] = {left};
  const struct audition a = {.folder = folder, .name = "r.wav",
                             .layout = layout_find("1.0"),
                             .source_rate_hz = 96000, .rate_hz = 48000, .source_frames = 4,
                             .n_frames = 2, .source = planar, .chain = planar, .pcm = pcm,
                             .source_lufs = -HUGE_VAL, .delivered_lufs = -HUGE_VAL};
  assert_int_equal(audition_write(&a, NULL), STATUS_OK);
  json_t *json = cli_json(folder, "r.wav.audition.json");
  const json_t *files = json_object_get(json, "files");
  assert_int_equal(json_object_size(files), 2);
  assert_true(number(files, "before", "rate_hz") == 96000);
  assert_true(number(files, "before", "frames") == 4);
  assert_true(number(files, "before", "gain_db") == 0); /* silence */
  assert_true(number(files, "after", "rate_hz") == 48000);
  assert_non_null(strstr(json_string_value(json_object_get(json, "note")), "no residuals"));
  assert_true(json_is_null(json_object_get(json, "source_lufs")));
  json_decref(json);
  assert_false(cli_exists(folder, "r.wav.total_residual.wav"));
}

static void impossible_folder(void **state) {
  char other[4096];
  (void)state;
  snprintf(other, sizeof other, "%s/other", folder);
  expect_run(run_program("render", manifest, "-o", other, "-d", "cpu", "--audition",
                         fixture_path(folder, "a.wav")), 73, "audition: ", "a.wav");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(files_are_exact),
      cmocka_unit_test(deliverables_are_the_same),
      cmocka_unit_test(another_rate_has_no_residuals),
      cmocka_unit_test(impossible_folder),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
