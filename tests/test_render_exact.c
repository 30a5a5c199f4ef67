/* SPDX-License-Identifier: MIT
 * One catalogue gives the same bits on the CPU whatever the segments, the jobs, the order,
 * the selection and the verification; a neutral manifest gives back its sources. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */
#include "decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *folder, manifest[4096], reversed[4096], reference[4096];

static const char *fresh(void) { /* a new output folder */
  static char path[4096];
  static int n;
  snprintf(path, sizeof path, "%s/out%d", folder, n++);
  return path;
}

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  cli_catalogue(folder);
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(reversed, sizeof reversed, "%s/reversed.yaml", folder);
  snprintf(reference, sizeof reference, "%s/reference", folder);
  expect_status(run_program("render", manifest, "-o", reference, "-d", "cpu", "-V", "full"), 0);
  assert_int_equal(cli_check_receipts(reference), CLI_UNITS);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

static void test_how_it_runs(void **state) {
  static const char *const ways[][5] = {
      {"--segment", "1", "--jobs", "1", "--verify=off"},
      {"--segment", "7", "--jobs", "4", "--verify=sample"},
      {"--segment", "100", "--jobs", "2", "--verify=full"},
      {"--lanes", "3", "--jobs", "9", "--verify=sample"}, /* lanes: no effect on a CPU */
  };
  (void)state;
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    const char *out = fresh();
    expect_status(run_program("render", manifest, "-o", out, "-d", "cpu", ways[i][0], ways[i][1],
                              ways[i][2], ways[i][3], ways[i][4]), 0);
    assert_int_equal(cli_same_bits(out, reference), CLI_UNITS);
  }
}

static void test_order(void **state) {
  const char *out = fresh();
  (void)state;
  expect_status(run_program("render", reversed, "-o", out, "-d", "cpu", "--jobs", "1"), 0);
  assert_int_equal(cli_same_bits(out, reference), CLI_UNITS);
  expect_status(run_program("render", reversed, "-o", reference, "-d", "cpu"), 0);
  struct program_run run = run_program("render", manifest, "-o", reference, "-d", "cpu");
  assert_non_null(strstr(run.err, "up to date"));
  assert_null(strstr(run.err, "delivered"));
  run_free(&run);
}

static void test_alone(void **state) {
  static const struct {
    const char *only;
    int units; /* in the folder after it */
  } steps[] = {{"2:cd", 1}, {"4", 4}, {"2:archive", 5}, {"1", 8}, {"2", 9}, {"3:streaming", 10}};
  const char *out = fresh();
  (void)state;
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    expect_status(run_program("render", manifest, "-o", out, "-d", "cpu", "--only",
                              steps[i].only), 0);
    assert_int_equal(cli_same_bits(out, reference), steps[i].units);
  }
}

/* ---- neutral ---- */

static void same_samples(const char *source, const char *deliverable) {
  struct audio a, b;
  struct failure why = {0};
  if (decode_file(source, &a, &why) || decode_file(deliverable, &b, &why)) fail_msg("%s", why.text);
  assert_int_equal(a.bits, b.bits);
  assert_string_equal(a.sha256, b.sha256); /* rate, channels, frames and every sample */
  audio_free(&a);
  audio_free(&b);
}

static void test_neutral(void **state) {
  static const struct cli_sound sounds[] = {
      {"n16.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 20011, 21},
      {"n16.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 192000, 1, 20011, 22},
      {"n24.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_24, 48000, 2, 20011, 23},
      {"n24.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 88200, 2, 20011, 24},
  };
  static const char *const formats[] = {"wav", "aiff", "flac"};
  char path[4096];
  const char *out = fresh();
  (void)state;
  for (size_t i = 0; i < sizeof sounds / sizeof *sounds; i++) cli_sound(folder, &sounds[i]);
  cli_text(folder, "neutral.yaml",
           "lacquer: 1\noutput: \"{title}/{variant}.{ext}\"\nvariants:\n"
           "  w16: {bits: 16, format: wav, dither: none}\n  w24: {format: wav, dither: none}\n"
           "  a16: {bits: 16, format: aiff, dither: none}\n  a24: {format: aiff, dither: none}\n"
           "  f16: {bits: 16, format: flac, dither: none}\n  f24: {format: flac, dither: none}\n"
           "defaults: {variants: [w16, a16, f16]}\ntracks:\n"
           "  - {source: n16.wav, title: n16.wav}\n"
           "  - {source: n16.flac, title: n16.flac, chain: []}\n"
           "  - {source: n24.aiff, title: n24.aiff, variants: [w24, a24, f24]}\n"
           "  - source: n24.flac\n    title: n24.flac\n    variants: [w24, a24, f24]\n"
           "    chain: [eq: {bands: [{type: bell, freq: 400, gain: 0}]}]\n");
  snprintf(path, sizeof path, "%s/neutral.yaml", folder);
  expect_status(run_program("render", path, "-o", out, "-d", "cpu"), 0);
  for (size_t i = 0; i < sizeof sounds / sizeof *sounds; i++)
    for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
      char name[64];
      snprintf(name, sizeof name, "%s/%c%.2s.%s", sounds[i].name, *formats[k],
               sounds[i].name + 1, formats[k]);
      same_samples(fixture_path(folder, sounds[i].name), fixture_path(out, name));
    }
}

/* A source of 16 bits in a deliverable of 24, the other way round, and more bits than a
 * deliverable has: only then anything may change. */
static void test_word_lengths(void **state) {
  static const struct cli_sound sound = {"s16.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2,
                                         9000, 31};
  char path[4096], source[HASH_TEXT_SIZE];
  const char *out = fresh();
  struct audio a, b;
  (void)state;
  cli_sound(folder, &sound);
  cli_text(folder, "words.yaml", "lacquer: 1\noutput: \"{variant}.{ext}\"\n"
           "variants: {wide: {dither: none}, tpdf: {bits: 16}}\ntracks: [{source: s16.wav}]\n");
  snprintf(path, sizeof path, "%s/words.yaml", folder);
  expect_status(run_program("render", path, "-o", out, "-d", "cpu"), 0);
  assert_int_equal(decode_file(fixture_path(folder, "s16.wav"), &a, NULL), 0);
  assert_int_equal(decode_file(fixture_path(out, "wide.wav"), &b, NULL), 0);
  assert_int_equal(b.bits, 24);
  assert_string_equal(a.sha256, b.sha256);
  audio_free(&a);
  audio_free(&b);
  cli_pcm_hash(fixture_path(folder, "s16.wav"), source);
  char *dithered = cli_receipt_text(out, "tpdf.wav", "deliverable", "pcm_sha256");
  assert_string_not_equal(dithered, source);
  free(dithered);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_how_it_runs), cmocka_unit_test(test_order),
      cmocka_unit_test(test_alone),       cmocka_unit_test(test_neutral),
      cmocka_unit_test(test_word_lengths),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
