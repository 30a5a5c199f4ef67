/* SPDX-License-Identifier: MIT
 * What is told of whole catalogues: the coverage of a run, and lacquer report, which merges
 * the receipts and reports of several. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */

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
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

static char *folder, manifest[4096], first[4096], second[4096];

/* Two tracks, two variants; the folders of two shards. */
static int set_up(void **state) {
  static const struct cli_sound sounds[] = {
      {"one.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 60000, 1},
      {"two.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 30000, 2},
  };
  (void)state;
  folder = fixture_folder();
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(first, sizeof first, "%s/out/first", folder);
  snprintf(second, sizeof second, "%s/out/second", folder);
  for (int i = 0; i < 2; i++) cli_sound(folder, &sounds[i]);
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: \"{variant}/{source}.{ext}\"\n"
           "variants: {wide: {true_peak: -1}, cd: {bits: 16, format: flac}}\n"
           "defaults: {chain: [eq: {bands: [{type: bell, freq: 900, gain: 2}]}]}\n"
           "tracks:\n  - {source: one.wav}\n  - {source: two.wav}\n");
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

static struct program_run render(const char *out, const char *only, const char *tier) {
  return run_program("render", manifest, "-o", out, "-d", "cpu", "--only", only, "--verify", tier,
                     "--force", "-j1");
}

static double number(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  if (!json_is_number(value)) fail_msg("no number %s", name);
  return json_number_value(value);
}

static json_t *last_line(const char *text) { return cli_json_line(text, count_lines(text) - 1); }

static void expect_count(const json_t *totals, const char *name, int expected) {
  if (number(totals, name) != expected)
    fail_msg("%s: %g, expected %d", name, number(totals, name), expected);
}

/* The line of JSON of a unit. */
static json_t *unit_line(const char *text, const char *file) {
  for (int i = 0; i < count_lines(text); i++) {
    json_t *line = cli_json_line(text, i);
    const json_t *name = json_object_get(line, "file");
    if (name && !strcmp(json_string_value(name), file)) return line;
    json_decref(line);
  }
  fail_msg("no line of %s in: %s", file, text);
  return NULL;
}

static void expect_unit(const char *text, const char *file, const char *state, const char *word) {
  json_t *line = unit_line(text, file);
  assert_string_equal(json_string_value(json_object_get(line, "state")), state);
  const char *note = json_string_value(json_object_get(line, "note"));
  if (*word && (!note || !strstr(note, word))) fail_msg("\"%s\" is not in: %s", word, note);
  json_decref(line);
}

/* ---- one run ---- */

/* Per unit, and over all by the seconds of audio. */
static void test_coverage(void **state) {
  (void)state;
  struct program_run run = render(first, "1", "sample");
  json_t *report = cli_json(first, "report.json");
  const json_t *units = json_object_get(report, "units");
  const double one = number(json_array_get(units, 0), "coverage");
  const double two = number(json_array_get(units, 1), "coverage");
  assert_true(one > 0 && one < 1 && two > 0 && two < 1);
  assert_true(fabs(number(report, "coverage") - (one + two) / 2) < 1e-9);
  assert_int_equal(number(json_object_get(report, "verification"), "sample"), 2);
  char expected[128];
  snprintf(expected, sizeof expected, "verified: 2 by samples; %.1f %% of all intermediate",
           50 * (one + two));
  json_decref(report);
  expect_run(run, 0, expected);
  expect_run(render(first, "1", "full"), 0, "verified: 2 in full; 100.0 %");
  expect_run(render(first, "1", "off"), 0, "verified: 2 not at all; 0.0 %");
  expect_run(render(first, "1", "golden"), 0, "verified: 2 by golden receipts; 0.0 %");
}

/* However it is run, the same windows are checked. */
static void test_same_coverage(void **state) {
  static const char *const ways[][2] = {{"-j1", "--segment=32"}, {"-j3", "--segment=3"}};
  const char *const out[] = {first, second};
  json_t *report[2];
  (void)state;
  for (int i = 0; i < 2; i++) {
    expect_status(run_program("render", manifest, "-o", out[i], "-d", "cpu", ways[i][0],
                              ways[i][1]), 0);
    report[i] = cli_json(out[i], "report.json");
  }
  for (size_t u = 0; u < 4; u++)
    assert_true(number(json_array_get(json_object_get(report[0], "units"), u), "coverage") ==
                number(json_array_get(json_object_get(report[1], "units"), u), "coverage"));
  assert_true(number(report[0], "coverage") == number(report[1], "coverage"));
  json_decref(report[0]);
  json_decref(report[1]);
}

/* ---- several ---- */

static void test_shards(void **state) {
  (void)state;
  expect_status(render(first, "1", "full"), 0);
  expect_status(render(second, "2", "off"), 0);
  struct program_run run = run_program("report", first, second, "--json", "--jobs", "3");
  struct program_run above = run_program("report", fixture_path(folder, "out"), "--json");
  assert_int_equal(count_lines(run.out), 5);
  expect_unit(run.out, "wide/one.wav", "delivered", "");
  json_t *totals = last_line(run.out), *same = last_line(above.out);
  assert_true(json_equal(json_object_get(totals, "verification"),
                         json_object_get(same, "verification")));
  expect_count(totals, "units", 4);
  expect_count(totals, "delivered", 4);
  expect_count(totals, "failed", 0);
  expect_count(totals, "missing", 0);
  assert_true(json_is_true(json_object_get(totals, "missing_known")));
  expect_count(json_object_get(totals, "verification"), "full", 2);
  expect_count(json_object_get(totals, "verification"), "off", 2);
  expect_count(json_object_get(totals, "devices"), "cpu", 4);
  assert_int_equal(json_object_size(json_object_get(totals, "engines")), 1);
  assert_true(fabs(number(totals, "coverage") - 2.0 / 3) < 1e-9); /* of twice as much audio */
  assert_true(fabs(number(totals, "audio_seconds") - 180000 / 44100.0) < 1e-6);
  assert_int_equal(json_array_size(json_object_get(totals, "runs")), 2);
  json_decref(totals);
  json_decref(same);
  expect_status(run, 0);
  expect_status(above, 0);
  run = run_program("report", first, second);
  assert_non_null(strstr(run.out, "4 units: 4 delivered, 0 failed, 0 missing\n"));
  assert_non_null(strstr(run.out, "2 in full, 2 not at all; 66.7 % of all"));
  assert_non_null(strstr(run.out, "devices: cpu (4)"));
  expect_status(run, 0);
}

static void change_device(const char *file, const char *device) {
  json_t *receipt = cli_receipt(first, file);
  char path[4096 + 64];
  snprintf(path, sizeof path, "%s/%s.receipt.json", first, file);
  json_object_set_new(json_object_get(receipt, "rendered_on"), "device", json_string(device));
  assert_int_equal(json_dump_file(receipt, path, 0), 0);
  json_decref(receipt);
}

/* The same text whoever reads first. */
static void test_order(void **state) {
  (void)state;
  expect_status(run_program("render", manifest, "-o", first, "-d", "cpu", "-q"), 0);
  change_device("cd/one.flac", "zuse");
  change_device("wide/one.wav", "abacus");
  struct program_run run = run_program("report", first, "--jobs", "1");
  assert_non_null(strstr(run.out, "devices: abacus (1), cpu (2), zuse (1)\n"));
  run_free(&run);
  run = run_program("report", first, "--json");
  const char *at = strstr(run.out, "\"devices\":{\"abacus\":1,\"cpu\":2,\"zuse\":1}");
  assert_non_null(at);
  expect_status(run, 0);
}

static void test_missing(void **state) {
  (void)state;
  expect_status(render(first, "1:cd", "off"), 0);
  struct program_run run = run_program("report", first, "--json", "-q");
  assert_int_equal(count_lines(run.out), 4); /* three units, and the totals */
  expect_unit(run.out, "wide/one.wav", "missing", "");
  expect_unit(run.out, "cd/two.flac", "missing", "");
  expect_status(run, 1);
  assert_int_equal(rename(manifest, fixture_path(folder, "moved.yaml")), 0);
  run = run_program("report", first, "--json");
  json_t *totals = last_line(run.out);
  assert_true(json_is_false(json_object_get(totals, "missing_known")));
  expect_count(totals, "missing", 0);
  json_decref(totals);
  expect_run(run, 0, "m.yaml: cannot be read", "--manifest FILE");
  run = run_program("report", first, "--manifest", fixture_path(folder, "moved.yaml"));
  assert_non_null(strstr(run.out, "4 units: 1 delivered, 0 failed, 3 missing\n"));
  expect_status(run, 1);
}

static void set_time(const char *name, time_t seconds) {
  const struct utimbuf times = {seconds, seconds};
  assert_int_equal(utime(fixture_path(first, name), &times), 0);
}

/* The latest run of a unit counts, whichever of report and receipt is of it. */
static void test_failed(void **state) {
  (void)state;
  expect_status(render(first, "1", "off"), 0);
  cli_text(folder, "two.wav", "no audio");
  expect_status(render(first, "2", "off"), 65);
  expect_status(render(second, "2", "off"), 65);
  struct program_run run = run_program("report", first, second, "--json");
  json_t *totals = last_line(run.out);
  expect_unit(run.out, "wide/two.wav", "failed", "two.wav");
  expect_count(totals, "failed", 2); /* once each */
  expect_count(totals, "delivered", 2);
  expect_count(totals, "missing", 0);
  json_decref(totals);
  expect_status(run, 1);
  cli_text(folder, "one.wav", "no audio"); /* the older files still stand there */
  expect_status(render(first, "1", "off"), 65);
  set_time("report.json", 2000000000);
  run = run_program("report", first, "--json");
  expect_unit(run.out, "wide/one.wav", "failed", "one.wav");
  expect_unit(run.out, "cd/one.flac", "failed", "one.wav");
  expect_status(run, 1);
  set_time("wide/one.wav.receipt.json", 2000000001);
  run = run_program("report", first, "--json");
  expect_unit(run.out, "wide/one.wav", "delivered", "");
  expect_unit(run.out, "cd/one.flac", "failed", "one.wav");
  expect_status(run, 1);
}

static void change_receipt(const char *field, const char *value) {
  json_t *receipt = cli_receipt(first, "cd/one.flac");
  json_object_set_new(json_object_get(receipt, "deliverable"), field, json_string(value));
  assert_int_equal(json_dump_file(receipt, fixture_path(first, "cd/one.flac.receipt.json"), 0), 0);
  json_decref(receipt);
}

static void test_copies(void **state) {
  (void)state;
  expect_status(render(first, "1", "off"), 0);
  expect_status(render(second, "1", "off"), 0);
  struct program_run run = run_program("report", first, second, "--json");
  json_t *totals = last_line(run.out);
  expect_count(totals, "delivered", 2);
  expect_count(totals, "copies", 2);
  json_decref(totals);
  run_free(&run);
  change_receipt("pcm_sha256", "0123");
  run = run_program("report", first, second, "--json");
  expect_unit(run.out, "cd/one.flac", "conflict", "out/second/cd/one.flac.receipt.json");
  expect_unit(run.out, "wide/one.wav", "delivered", "");
  expect_status(run, 1);
  change_receipt("file_sha256", ""); /* unfinished here, delivered there */
  run = run_program("report", first, second, "--json");
  expect_unit(run.out, "cd/one.flac", "delivered", "");
  expect_status(run, 1); /* the second track is missing */
  run = run_program("report", first, "--json");
  expect_unit(run.out, "cd/one.flac", "unfinished", "");
  expect_status(run, 1);
}

static void test_bad_inputs(void **state) {
  char out[4096];
  (void)state;
  snprintf(out, sizeof out, "%s/out", folder);
  expect_run(run_program("report", out), 66, "out");
  assert_int_equal(mkdir(out, 0777), 0);
  expect_run(run_program("report", out), 66, "no receipts and no reports");
  cli_text(out, "report.json", "{\"lacquer_report\": 1,\n  \"units\": [\n{\"state\": ");
  cli_text(out, "report-x.json", "[]");
  cli_text(out, "x.wav.receipt.json", "{}");
  struct program_run run = run_program("report", out, "--json");
  json_t *totals = last_line(run.out);
  expect_count(totals, "unreadable", 1);
  json_decref(totals);
  expect_status(run, 1);
  expect_run(run_program("report"), 64, "report needs a folder");
  expect_run(run_program("report", out, "--quick"), 64, "report takes no --quick");
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_coverage), TEST(test_same_coverage), TEST(test_shards), TEST(test_missing),
      TEST(test_failed),   TEST(test_copies),        TEST(test_order),
      TEST(test_bad_inputs),
#undef TEST
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
