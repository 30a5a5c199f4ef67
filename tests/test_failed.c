/* SPDX-License-Identifier: MIT
 * Tracks that fail: the others are delivered, and failed.yaml lists what did, why, and can be
 * rendered like any manifest: the same units under the same names and keys. */
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
#include <sys/stat.h>
#include <unistd.h>

static char *folder, manifest[4096], out[4096], reference[4096], retry[4200], list[4096];

/* Everything that a unit may take from elsewhere in its manifest: overrides, edits, numbers,
 * defaults, an album, names that YAML would not take as they are. */
static const char text[] =
    "lacquer: 1\n"
    "catalogue: {title: \"Nor\\\"thern: Lights #1\", artist: \"Ünï {Choir}\", year: 2026}\n"
    "output: \"{variant}/{album} - {number} {title}.{ext}\"\n"
    "chains:\n"
    "  house:\n"
    "    - eq: {bands: [{type: bell, freq: 300, gain: -2}]}\n"
    "    - multiband: {crossovers: [200], bands: [{threshold: -28, ratio: 2},\n"
    "                  {threshold: -34, ratio: 2}]}\n"
    "variants:\n"
    "  streaming: {loudness: -14, true_peak: -1}\n"
    "  album: {loudness: -16, loudness_mode: album, true_peak: -1, format: flac}\n"
    "defaults: {chain: house, variants: [streaming]}\n"
    "tracks:\n"
    "  - {source: audio/one.wav, title: \"Dawn, [1]\", variants: [streaming, album]}\n"
    "  - source: audio/two.wav\n"
    "    title: \"'Noon': \\U0001F31E – 100 %\"\n"
    "    number: 7\n"
    "    start: 0.1\n"
    "    fade_in: 20\n"
    "    chain: {use: house, multiband: {bands: [{threshold: -24}]}}\n"
    "    variants: [streaming, album]\n"
    "  - {source: audio/three.wav, title: Dusk}\n";
enum { UNITS = 5, FAILING = 3 }; /* both units of track 7, and its album */

static void put(const char *name, uint64_t seed) {
  const struct cli_sound sound = {name, SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 30000, seed};
  cli_sound(folder, &sound);
}

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  snprintf(manifest, sizeof manifest, "%s/in/m.yaml", folder);
  snprintf(out, sizeof out, "%s/deep/er/out", folder);
  snprintf(reference, sizeof reference, "%s/reference", folder);
  snprintf(retry, sizeof retry, "%s/failed.yaml", out);
  snprintf(list, sizeof list, "%s/in/list.yaml", folder);
  assert_int_equal(mkdir(fixture_path(folder, "in"), 0777), 0);
  assert_int_equal(mkdir(fixture_path(folder, "in/audio"), 0777), 0);
  put("in/audio/one.wav", 1);
  put("in/audio/two.wav", 2);
  put("in/audio/three.wav", 3);
  cli_text(folder, "in/m.yaml", "%s", text);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

#define render(file, where, ...) \
  run_program("render", file, "-o", where, "-d", "cpu", "-q", __VA_ARGS__)

static void break_source(void) {
  assert_int_equal(rename(fixture_path(folder, "in/audio/two.wav"),
                          fixture_path(folder, "in/audio/two.bak")), 0);
}
static void mend_source(void) {
  assert_int_equal(rename(fixture_path(folder, "in/audio/two.bak"),
                          fixture_path(folder, "in/audio/two.wav")), 0);
}

static void test_round_trip(void **state) {
  (void)state;
  expect_status(render(manifest, reference, "--verify", "sample"), 0);
  assert_false(cli_exists(reference, "failed.yaml"));
  break_source();
  expect_run(render(manifest, out, "--verify", "sample"), 1, "two.wav");
  assert_int_equal(cli_check_receipts(out), UNITS - FAILING);
  /* the same again from the list: the same units fail, and stay listed */
  char *before = cli_read(out, "failed.yaml");
  expect_run(render(retry, out, "--verify", "sample"), 66, "two.wav", "No such file");
  char *again = cli_read(out, "failed.yaml");
  assert_int_equal(count_lines(before), count_lines(again));
  assert_non_null(strstr(again, "retry: \"../../../in/m.yaml\""));
  free(before);
  free(again);
  mend_source();
  struct program_run run = render(retry, out, "--verify", "sample", "--json");
  assert_int_equal(count_lines(run.out), FAILING);
  expect_status(run, 0);
  assert_false(cli_exists(out, "failed.yaml"));
  assert_int_equal(cli_same_bits(out, reference), UNITS);
  run = render(manifest, out, "--verify", "sample", "--json"); /* the keys are the manifest's */
  for (int i = 0; i < UNITS; i++) {
    json_t *line = cli_json_line(run.out, i);
    assert_string_equal(json_string_value(json_object_get(line, "state")), "up to date");
    json_decref(line);
  }
  expect_status(run, 0);
}

/* From another folder, by relative paths and through a symbolic link. */
static void test_places(void **state) {
  char command[4 * 4096];
  (void)state;
  break_source();
  assert_int_equal(symlink("deep/er", fixture_path(folder, "link")), 0);
  snprintf(command, sizeof command,
           "cd '%s/in' && %s render m.yaml -o ../link/out -d cpu -q; test $? = 1 || exit 9; "
           "mv audio/two.bak audio/two.wav; cd ../link && exec %s render out/failed.yaml -o out "
           "-d cpu -q", folder, LACQUER_PROGRAM, LACQUER_PROGRAM);
  assert_int_equal(mkdir(fixture_path(folder, "deep"), 0777), 0);
  assert_int_equal(mkdir(fixture_path(folder, "deep/er"), 0777), 0);
  expect_status(run_words((const char *const[]){"/bin/sh", "-c", command, NULL}), 0);
  assert_int_equal(cli_check_receipts(out), UNITS);
  assert_false(cli_exists(out, "failed.yaml"));
}

/* --only goes on from there. */
static void test_only(void **state) {
  (void)state;
  break_source();
  expect_status(render(manifest, out, "--verify", "off"), 1);
  mend_source();
  expect_status(render(retry, out, "--only", "7:streaming"), 0);
  assert_int_equal(cli_check_receipts(out), UNITS - FAILING + 1);
  cli_text(folder, "in/list.yaml", "lacquer: 1\nretry: m.yaml\nunits: [{file: a.wav}]\n");
  expect_run(render(list, out, "--only", "7"), 64, "--only 7", "nothing of the list");
}

static void test_bad_lists(void **state) {
  static const struct {
    const char *text, *words[3];
    int status;
  } cases[] = {
      {"lacquer: 1\nretry: m.yaml\nunits: [{file: nothing.wav}]\n",
       {"nothing.wav: no unit of", "m.yaml has this name"}, 65},
      {"lacquer: 1\nretry: m.yaml\n", {"list.yaml:1: \"units\" is missing"}, 65},
      {"lacquer: 1\nretry: m.yaml\nunits: {a: b}\n",
       {"list.yaml:3: units: a mapping where units are wanted"}, 65},
      {"lacquer: 1\nretry: m.yaml\nunits: [{fil: a.wav}]\n",
       {"list.yaml:3: units[1]: unknown key \"fil\"", "units[1]: \"file\" is missing"}, 65},
      {"lacquer: 2\nretry: m.yaml\nunits: [{file: a.wav}]\n", {"list.yaml:1: lacquer: 2"}, 65},
      {"lacquer: 1\nretry: other.yaml\nunits: [{file: a.wav}]\n",
       {"other.yaml: cannot be opened"}, 66},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cli_text(folder, "in/list.yaml", "%s", cases[i].text);
    expect_words(render(list, out, "--verify", "off"), cases[i].status, cases[i].words);
    assert_false(cli_exists(folder, "deep"));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_round_trip), TEST(test_places), TEST(test_only), TEST(test_bad_lists),
#undef TEST
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
