/* SPDX-License-Identifier: MIT
 * The program on a Vulkan device (index:0): the same bits as on the CPU, and bits that are
 * flipped on purpose are caught. Exits 77 without a device. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"

enum { SKIPPED = 77 };

static char *folder, manifest[4096], flipped[4096], reference[4096];

static const char *fresh(void) { /* a new output folder */
  static char path[4096];
  static int n;
  snprintf(path, sizeof path, "%s/out%d", folder, n++);
  return path;
}

static int set_up(void **state) {
  static const struct cli_sound sound = {"flip.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2,
                                         20000, 41};
  (void)state;
  folder = fixture_folder();
  cli_catalogue(folder);
  cli_sound(folder, &sound);
  cli_text(folder, "flip.yaml", "lacquer: 1\noutput: \"{variant}.{ext}\"\n"
           "variants: {loud: {loudness: -12, true_peak: -1}, plain: {format: flac, bits: 16}}\n"
           "tracks:\n  - source: flip.wav\n    chain:\n"
           "      - eq: {bands: [{type: bell, freq: 500, gain: 3}]}\n"
           "      - multiband: {crossovers: [800], bands: [{threshold: -30, ratio: 2},\n"
           "                                               {threshold: -30, ratio: 2}]}\n");
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(flipped, sizeof flipped, "%s/flip.yaml", folder);
  snprintf(reference, sizeof reference, "%s/reference", folder);
  expect_status(run_program("render", manifest, "-o", reference, "-d", "cpu"), 0);
  expect_status(run_program("render", flipped, "-o", reference, "-d", "cpu"), 0);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

static void check_device(const char *out, const char *name) {
  char *device = cli_receipt_text(out, name, "rendered_on", "device");
  assert_string_not_equal(device, "cpu");
  free(device);
}

static void test_same_bits(void **state) {
  static const char *const ways[][4] = {
      {"--lanes=1", "--segment=7", "--jobs=1", "--verify=off"},
      {"--lanes=2", "--segment=1", "--jobs=2", "--verify=sample"},
      {"--lanes=3", "--segment=100", "--jobs=1", "--verify=full"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    const char *out = fresh();
    expect_words(run_program("render", manifest, "-o", out, "-d", "index:0", ways[i][0],
                             ways[i][1], ways[i][2], ways[i][3]), 0,
                 (const char *const[]){"delivered", NULL});
    assert_int_equal(cli_check_receipts(out), CLI_UNITS);
    assert_int_equal(cli_same_bits(out, reference), CLI_UNITS);
    check_device(out, "streaming/one.wav");
    check_device(out, "archive/four.flac");
  }
}

/* Tracks of other lengths, shapes and chains; the first is much longer than all others. */
static void put_mixed(void) {
  static const struct cli_sound sounds[] = {
      {"long.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 700000, 51},
      {"mono.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 1, 9000, 52},
      {"fast.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 96000, 2, 7000, 53},
      {"tiny.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 1, 54},
      {"plain.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 20481, 55}};
  for (int i = 0; i < 5; i++) cli_sound(folder, &sounds[i]);
  cli_text(folder, "mixed.yaml", "lacquer: 1\noutput: \"{source}.{ext}\"\n"
           "variants: {a: {loudness: -12, true_peak: -1}, b: {true_peak: -3, rate: 48000}}\n"
           "chains:\n  one: [eq: {bands: [{type: bell, freq: 500, gain: 3}]}]\n"
           "  two: [eq: {bands: [{type: bell, freq: 50, gain: 3}]},\n"
           "        saturate: {bands: [{curve: tape, drive: 6}]}]\n"
           "  three: [multiband: {crossovers: [800], bands: [{threshold: -30, ratio: 2},\n"
           "                                                 {threshold: -30, ratio: 2}]}]\n"
           "tracks:\n  - {source: long.wav, chain: three, variants: [a]}\n"
           "  - {source: mono.wav, chain: one, variants: [a]}\n"
           "  - {source: fast.wav, chain: two, variants: [b]}\n"
           "  - {source: tiny.wav, chain: three, variants: [a]}\n"
           "  - {source: plain.wav, variants: [a]}\n");
}

/* The lane beside a long track takes one short track after the other, and shares steps. */
static void test_lanes_are_refilled(void **state) {
  enum { TRACKS = 5 };
  static const char *const lanes[] = {"2", "1", "5"};
  char mixed[4096];
  (void)state;
  put_mixed();
  snprintf(mixed, sizeof mixed, "%s/mixed.yaml", folder);
  expect_status(run_program("render", mixed, "-o", reference, "-d", "cpu", "-q"), 0);
  for (int i = 0; i < 3; i++) {
    const char *out = fresh();
    struct program_run run = run_program("render", mixed, "-o", out, "-d", "index:0", "--lanes",
                                         lanes[i], "--verify", "off", "--progress", "json");
    assert_int_equal(cli_same_bits(out, reference), TRACKS);
    json_t *report = cli_json(out, "report.json"), *l = json_object_get(report, "lanes");
    const bool several = i != 1;
    const double in_a_step = json_real_value(json_object_get(l, "in_a_step"));
    print_message("  --lanes %s: %.2f in a step\n", lanes[i], in_a_step);
    assert_int_equal(in_a_step > 1, several);
    const char *long_done = strstr(run.err, "\"file\":\"long.wav\"");
    int before = 0; /* units that were done by then */
    assert_non_null(long_done);
    for (const char *at = run.err; (at = strstr(at, "\"file\":")) < long_done; at++) before++;
    if (several) assert_true(before >= 3);
    json_decref(report);
    expect_status(run, 0);
  }
}

/* What a device rendered is up to date for the CPU, and the other way round. */
static void test_devices_share(void **state) {
  const char *out = fresh();
  (void)state;
  expect_status(run_program("render", manifest, "-o", out, "-d", "index:0", "--only", "2:cd"), 0);
  expect_run(run_program("render", manifest, "-o", out, "-d", "cpu", "--only", "2:cd"), 0,
             "cd/two.aiff: up to date");
  expect_status(run_program("render", manifest, "-o", out, "-d", "cpu", "--only", "2:archive"), 0);
  expect_run(run_program("render", manifest, "-o", out, "-d", "index:0", "--only", "2:archive"), 0,
             "archive/two.flac: up to date");
  expect_status(run_program("render", manifest, "-o", out, "-d", "index:0", "--only", "2:cd",
                            "--force", "--verify", "golden"), 0);
}

static const struct flip {
  const char *stage, *data;
  int channel, frame, bit;
} flips[] = {
    {"eq", "audio", 1, 12345, 0},
    {"multiband", "audio", 0, 777, 3},
    {"limiter", "audio", 1, 19999, 2},
    {"dither", "pcm", 0, 10000, 16},
};

static void set_flip(const struct flip *flip) {
  char spec[64];
  snprintf(spec, sizeof spec, "%s:%d:%d:%d", flip->stage, flip->channel, flip->frame, flip->bit);
  setenv(TEST_FLIP_VARIABLE, spec, 1);
}

static void check_flip_receipt(const char *out, const struct flip *flip) {
  char *note = cli_receipt_text(out, "loud.wav", "verification", "note");
  char *device = cli_receipt_text(out, "loud.wav", "rendered_on", "device");
  assert_non_null(strstr(note, "rendered on the CPU reference"));
  assert_non_null(strstr(note, flip->stage));
  assert_string_equal(device, "cpu");
  free(device);
  free(note);
}

/* The bundle's two words differ in the flipped bit. */
static void check_bundle(const char *out, const struct flip *flip) {
  char *key, file[64];
  json_t *receipt = cli_receipt(out, "loud.wav");
  key = strdup(json_string_value(json_object_get(receipt, "key")));
  snprintf(file, sizeof file, "mismatch-%.12s.json", key);
  json_t *bundle = cli_json(out, file);
  assert_string_equal(json_string_value(json_object_get(bundle, "stage")), flip->stage);
  assert_string_equal(json_string_value(json_object_get(bundle, "data")), flip->data);
  assert_int_equal(json_integer_value(json_object_get(bundle, "channel")), flip->channel);
  assert_int_equal(json_integer_value(json_object_get(bundle, "frame")), flip->frame);
  const char *device = json_string_value(json_object_get(bundle, "device_word"));
  const char *word = json_string_value(json_object_get(bundle, "reference_word"));
  assert_int_equal(strtoul(device, NULL, 16) ^ strtoul(word, NULL, 16), 1ul << flip->bit);
  assert_non_null(json_object_get(bundle, "spirv_sha256"));
  assert_non_null(json_object_get(bundle, "chain"));
  json_decref(bundle);
  json_decref(receipt);
  free(key);
}

static void test_flips_are_caught(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof flips / sizeof *flips; i++) {
    const char *out = fresh();
    char place[64];
    snprintf(place, sizeof place, "channel %d, frame %d", flips[i].channel, flips[i].frame);
    set_flip(&flips[i]);
    expect_run(run_program("render", flipped, "-o", out, "-d", "index:0", "--verify", "full"), 0,
               flips[i].stage, place, "re-rendered", "gave wrong bits");
    unsetenv(TEST_FLIP_VARIABLE);
    assert_int_equal(cli_same_bits(out, reference), 2);
    assert_int_equal(cli_check_receipts(out), 2);
    assert_int_equal(cli_count(out, ".tmp"), 0);
    check_flip_receipt(out, &flips[i]);
    check_bundle(out, &flips[i]);
  }
}

/* Without verification the flipped bit reaches the file: the tests above test something. */
static void test_flips_are_real(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof flips / sizeof *flips; i++) {
    const char *out = fresh();
    set_flip(&flips[i]);
    expect_run(run_program("render", flipped, "-o", out, "-d", "index:0", "--verify", "off",
                           "--only", "1:loud"), 0, "not checked");
    unsetenv(TEST_FLIP_VARIABLE);
    char *wrong = cli_receipt_text(out, "loud.wav", "deliverable", "pcm_sha256");
    char *right = cli_receipt_text(reference, "loud.wav", "deliverable", "pcm_sha256");
    if (!strcmp(wrong, right)) fail_msg("%s: the flip changed nothing", flips[i].stage);
    assert_int_equal(cli_count(out, ".json"), 2); /* receipt and report: no bundle */
    free(wrong);
    free(right);
  }
}

/* The golden tier needs no reference: it catches the flip by the hash, and publishes
 * nothing. */
static void test_flip_against_golden(void **state) {
  const char *out = fresh();
  (void)state;
  set_flip(&flips[3]);
  expect_run(run_program("render", flipped, "-o", out, "-d", "index:0", "--verify", "golden",
                         "--golden", reference, "--only", "1:loud"), 1, "loud.wav", "golden");
  unsetenv(TEST_FLIP_VARIABLE);
  assert_false(cli_exists(out, "loud.wav"));
  assert_int_equal(cli_count(out, ".tmp"), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_same_bits),        cmocka_unit_test(test_lanes_are_refilled),
      cmocka_unit_test(test_devices_share),
      cmocka_unit_test(test_flips_are_caught), cmocka_unit_test(test_flips_are_real),
      cmocka_unit_test(test_flip_against_golden),
  };
  if (!cli_has_device(LACQUER_PROGRAM)) return SKIPPED;
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
