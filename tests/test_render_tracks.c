/* SPDX-License-Identifier: MIT
 * Tracks at the edge of sense, through the program: silence, one frame, too short to have a
 * loudness, targets out of reach, mono; and the tags of what is delivered. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */
#include "decode.h"
#include "tags.h"

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

#include "true_peak_meter.h"

static char *folder, manifest[4096], out[4096];

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(out, sizeof out, "%s/out", folder);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

/* The low pass: within 3 % of Nyquist the limiter's detector is not exact, and the hiss of
 * the programme reaches that far. */
static const char head[] =
    "lacquer: 1\noutput: \"{source}.{ext}\"\nvariants: {a: {%s, true_peak: -1}}\n"
    "chains:\n  house:\n    - eq: {bands: [{type: bell, freq: 900, gain: 2},\n"
    "                   {type: lowpass, freq: 15000, slope: 96}]}\n"
    "    - multiband: {crossovers: [500], bands: [{threshold: -30, ratio: 2},\n"
    "                                             {threshold: -30, ratio: 2}]}\n"
    "defaults: {chain: house}\ntracks: [{source: t.wav}]\n";

static void put_samples(const int16_t *samples, int n_frames, int channels) {
  const struct fixture_wave wave = {1, channels, 44100, 16, samples,
                                    2 * (size_t)n_frames * (size_t)channels, 0};
  struct fixture_bytes bytes = fixture_wave(&wave);
  fixture_save(fixture_path(folder, "t.wav"), bytes.data, bytes.size);
  free(bytes.data);
}

static void put_programme(int n_frames, int channels) {
  const struct cli_sound sound = {"t.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, channels,
                                  n_frames, 7};
  cli_sound(folder, &sound);
}

/* Renders t.wav; at most one message, with every word. */
static void render_to(const char *target, const char *const words[]) {
  cli_text(folder, "m.yaml", head, target);
  struct program_run run = run_program("render", manifest, "-o", out, "-d", "cpu", "-V", "full",
                                       "--force", "-q");
  if (count_lines(run.err) != (words[0] != NULL)) fail_msg("messages: %s", run.err);
  expect_words(run, 0, words);
  assert_int_equal(cli_check_receipts(out), 1);
}
#define render(target, ...) render_to(target, (const char *const[]){__VA_ARGS__, NULL})

static void load(const char *name, struct audio *audio) {
  struct failure why = {0};
  if (decode_file(fixture_path(out, name), audio, &why)) fail_msg("%s", why.text);
}

static double true_peak_db(const struct audio *audio) {
  double peak = 0;
  for (int c = 0; c < audio->channels; c++) {
    const double p = true_peak_of(audio->pcm[c], audio->n_frames, 1, 1).peak;
    peak = p > peak ? p : peak;
  }
  return 20 * log10(peak);
}

/* A number of the receipt's measured group; `none` when it is null. */
static double measured(const char *field, double none) {
  json_t *receipt = cli_receipt(out, "t.wav");
  const json_t *value = json_object_get(json_object_get(receipt, "measured"), field);
  if (!value) fail_msg("the receipt has no %s", field);
  const double number = json_is_null(value) ? none : json_number_value(value);
  json_decref(receipt);
  return number;
}

static double reading(const json_t *receipt, const char *group, const char *field) {
  const json_t *value = json_object_get(json_object_get(receipt, group), field);
  if (!json_is_number(value)) fail_msg("the receipt has no %s.%s", group, field);
  return json_number_value(value);
}

/* Four readings of every figure; the delivered one is libebur128's. */
static void test_figures(void **state) {
  static const char *const groups[] = {"loudness_source", "loudness_after_chain",
                                       "loudness_limited", "loudness_delivered"};
  (void)state;
  put_programme(4 * 44100, 2);
  render("loudness: -14", NULL);
  json_t *receipt = cli_receipt(out, "t.wav");
  for (int i = 0; i < 4; i++) {
    const double integrated = reading(receipt, groups[i], "integrated_lufs");
    const double m = reading(receipt, groups[i], "momentary_max_lufs");
    const double s = reading(receipt, groups[i], "short_term_max_lufs");
    assert_true(m >= s && m > integrated - 0.01 && m < integrated + 12);
    assert_true(reading(receipt, groups[i], "loudness_range_lu") >= 0);
  }
  assert_true(fabs(reading(receipt, "loudness_delivered", "integrated_lufs") + 14) <= 0.1);
  const double peak = reading(receipt, "loudness_delivered", "true_peak_dbtp");
  assert_true(fabs(reading(receipt, "loudness_delivered", "peak_to_loudness_db") -
                   (peak - reading(receipt, "loudness_delivered", "integrated_lufs"))) < 1e-6);
  /* The chain compresses; the rest of the way is the gain, less what the limiter takes. */
  const double after = reading(receipt, "loudness_after_chain", "integrated_lufs");
  assert_true(after < reading(receipt, "loudness_source", "integrated_lufs") - 1);
  const double limited = reading(receipt, "loudness_limited", "integrated_lufs");
  const double gain = reading(receipt, "measured", "gain_db");
  const double taken = reading(receipt, "measured", "deepest_reduction_db");
  assert_true(limited <= after + gain + 0.01 && limited >= after + gain - taken - 0.01);
  assert_true(reading(receipt, "meters", "largest_difference_lu") <= 0.01);
  assert_true(json_is_true(json_object_get(json_object_get(receipt, "meters"), "agree")));
  json_decref(receipt);
}

static bool target_reached(void) {
  json_t *receipt = cli_receipt(out, "t.wav");
  const json_t *value = json_object_get(json_object_get(receipt, "measured"), "target_reached");
  const bool reached = json_is_true(value);
  assert_true(json_is_boolean(value));
  json_decref(receipt);
  return reached;
}

static const char no_loudness[] = "infeasible: there is no loudness to bring to -14 LUFS";

static void test_silence(void **state) {
  int16_t *zeros = calloc(2 * 30000, sizeof *zeros);
  struct audio audio;
  (void)state;
  put_samples(zeros, 30000, 2);
  free(zeros);
  render("loudness: -14", "t.wav", no_loudness, "silence");
  assert_false(target_reached());
  assert_true(isnan(measured("loudness_lufs", NAN)) && isnan(measured("source_lufs", NAN)));
  assert_true(measured("gain_db", NAN) == 0);
  load("t.wav", &audio);
  assert_int_equal(audio.n_frames, 30000);
  for (int32_t i = 0; i < audio.n_frames; i++) /* TPDF dither: less than 2 steps of 24 bits */
    assert_true(fabsf(audio.pcm[0][i]) <= 0x1p-22f && fabsf(audio.pcm[1][i]) <= 0x1p-22f);
  audio_free(&audio);
  struct program_run run = run_program("render", manifest, "-o", out, "-d", "cpu", "--json");
  assert_non_null(strstr(run.out, "\"loudness_lufs\":null")); /* JSON has no infinity */
  expect_run(run, 0, "up to date", "silence");
}

static void test_tiny(void **state) {
  static const int16_t click[2 * 2] = {12000, -9000, 3000, 1000};
  (void)state;
  for (int frames = 1; frames <= 2; frames++) {
    struct audio audio;
    put_samples(click, frames, 2);
    render("loudness: -14", "t.wav", no_loudness, "shorter than 400 ms");
    load("t.wav", &audio);
    assert_int_equal(audio.n_frames, frames);
    assert_true(audio.pcm[0][0] > 0.1f && audio.pcm[1][0] < -0.1f);
    audio_free(&audio);
    render("bits: 16", NULL);
  }
}

static void test_short(void **state) {
  struct audio audio;
  (void)state;
  put_programme(17639, 2); /* one frame less than 400 ms */
  render("loudness: -14", "t.wav", no_loudness, "shorter than 400 ms");
  assert_true(measured("gain_db", NAN) == 0);
  load("t.wav", &audio);
  assert_int_equal(audio.n_frames, 17639);
  assert_true(true_peak_db(&audio) < -0.99);
  audio_free(&audio);
  put_programme(17640, 2);
  render("loudness: -14", NULL);
  assert_true(target_reached());
  assert_true(fabs(measured("loudness_lufs", NAN) + 14) <= 0.1);
}

/* One loud click in silence: no drive makes it -5 LUFS under -1 dBTP. */
static void test_out_of_reach(void **state) {
  int16_t *samples = calloc(2 * 60000, sizeof *samples);
  struct audio audio;
  (void)state;
  for (int i = 0; i < 400; i++) samples[2 * (30000 + i)] = (int16_t)(i % 7 * 4000 - 12000);
  put_samples(samples, 60000, 2);
  free(samples);
  render("loudness: -5", "t.wav", "infeasible: best is", "-5 LUFS asked",
         "true_peak -1 dBTP stops it");
  assert_false(target_reached());
  load("t.wav", &audio);
  const double peak = true_peak_db(&audio), told = measured("true_peak_dbtp", NAN);
  printf("ceiling -1 dBTP: receipt %.4f, independent meter %.4f\n", told, peak);
  assert_true(told <= -1 && peak <= -1);
  audio_free(&audio);
}

/* What stops a target is told in words, in the receipt and on the JSON line. */
static void test_max_reduction(void **state) {
  (void)state;
  put_programme(3 * 44100, 2);
  render("loudness: -6, max_reduction: 2", "t.wav", "infeasible: best is", "-6 LUFS asked",
         "max_reduction 2 dB under true_peak -1 dBTP stops it");
  assert_false(target_reached());
  const double taken = measured("deepest_reduction_db", NAN);
  assert_true(taken <= 2 && taken > 1.9);
  struct program_run run = run_program("render", manifest, "-o", out, "-d", "cpu", "--json");
  json_t *line = cli_json_line(run.out, 0); /* up to date, and still no success */
  assert_string_equal(json_string_value(json_object_get(line, "stopped_by")), "max_reduction");
  assert_non_null(strstr(json_string_value(json_object_get(line, "verdict")), "infeasible"));
  json_decref(line);
  assert_non_null(strstr(run.err, "infeasible"));
  expect_status(run, 0);
  json_t *report = cli_json(out, "report.json");
  assert_int_equal(json_integer_value(json_object_get(report, "infeasible")), 1);
  json_decref(report);
  render("loudness: -20, max_reduction: 2", NULL);
  assert_true(target_reached());
}

/* "infeasible: fail": no file, and status 1. */
static void test_infeasible_fail(void **state) {
  (void)state;
  put_programme(3 * 44100, 2);
  cli_text(folder, "m.yaml", head, "loudness: -6, max_reduction: 2, infeasible: fail");
  expect_run(run_program("render", manifest, "-o", out, "-d", "cpu"), 1, "t.wav: infeasible",
             "max_reduction 2 dB", "not delivered", "infeasible: fail");
  assert_false(cli_exists(out, "t.wav"));
  cli_text(folder, "m.yaml", head, "loudness: -20, max_reduction: 2, infeasible: fail");
  expect_run(run_program("render", manifest, "-o", out, "-d", "cpu"), 0, "met");
  assert_true(cli_exists(out, "t.wav"));
  int16_t *zeros = calloc(2 * 30000, sizeof *zeros);
  put_samples(zeros, 30000, 2);
  free(zeros);
  expect_run(run_program("render", manifest, "-o", out, "-d", "cpu"), 1, "no loudness to bring");
}

static void test_mono(void **state) {
  struct audio audio;
  (void)state;
  put_programme(50000, 1);
  render("loudness: -16", NULL);
  load("t.wav", &audio);
  assert_int_equal(audio.channels, 1);
  assert_int_equal(audio.n_frames, 50000);
  assert_true(true_peak_db(&audio) <= -1);
  assert_true(fabs(measured("loudness_lufs", NAN) + 16) <= 0.1);
  audio_free(&audio);
}

/* ---- tags ---- */

static void test_tags(void **state) {
  static const char *const files[] = {"one.wav", "one.aiff", "one.flac"};
  (void)state;
  put_programme(5000, 2);
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: \"one.{ext}\"\n"
           "catalogue: {title: Nordlys, artist: Kor, upc: \"0012345678905\", genre: Choral,\n"
           "            year: 2026}\n"
           "variants: {w: {}, a: {format: aiff}, f: {format: flac, bits: 16}}\n"
           "tracks: [{source: t.wav, title: \"Gr\xc3\xbc\xc3\x9f" "e / \xe6\x9c\x9d\",\n"
           "          artist: Solo, isrc: qz-abc-26-00001, number: 7}]\n");
  expect_status(run_program("render", manifest, "-o", out, "-d", "cpu", "-q"), 0);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    struct failure why = {0};
    struct tags tags;
    if (tags_read(fixture_path(out, files[i]), &tags, &why)) fail_msg("%s", why.text);
    assert_string_equal(tags.title, "Gr\xc3\xbc\xc3\x9f" "e / \xe6\x9c\x9d");
    assert_string_equal(tags.artist, "Solo");
    assert_string_equal(tags.album, "Nordlys");
    assert_string_equal(tags.isrc, "QZABC2600001");
    assert_string_equal(tags.genre, "Choral");
    assert_int_equal(tags.track_number, 7);
    assert_int_equal(tags.year, 2026);
    tags_free(&tags);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_silence),      TEST(test_tiny), TEST(test_short),
      TEST(test_out_of_reach), TEST(test_mono), TEST(test_tags),
      TEST(test_figures),      TEST(test_max_reduction), TEST(test_infeasible_fail),
#undef TEST
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
