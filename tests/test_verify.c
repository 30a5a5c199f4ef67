/* SPDX-License-Identifier: MIT
 * lacquer verify: renders again and finds the same samples, or says why not; finds what rots
 * in files; writes nothing. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */
#include "chain.h"
#include "file_tree.h"

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

enum { UNITS = 7 };

static char *folder, manifest[4096], out[4096], rendered[4096];
static struct cli_sound sound[2];

/* Every kind of file, a conversion, an album behind a clipper, gaps and fades. */
static void write_manifest(double gain_db) {
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: \"{variant}/{source}.{ext}\"\n"
           "variants:\n"
           "  wide: {loudness: -16, true_peak: -1, bits: 20}\n"
           "  cd: {bits: 16, format: flac, rate: 48000, dither: shaped}\n"
           "  raw: {bits: 32, format: aiff}\n"
           "  album: {loudness: -12, loudness_mode: album, true_peak: -1, style: loud}\n"
           "tracks:\n"
           "  - {source: one.wav, title: Dawn, gap_after: 0.1, fade_out: 0.05, chain:\n"
           "      [eq: {bands: [{type: bell, freq: 900, gain: 2}]}]}\n"
           "  - {source: two.wav, variants: [wide, cd, album], chain:\n"
           "      [eq: {bands: [{type: bell, freq: 900, gain: %g}]}]}\n", gain_db);
}

/* Rendered once, into a folder that every test gets a copy of. */
static int set_up_once(void **state) {
  static const struct cli_sound sounds[] = {
      {"one.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 29000, 1},
      {"two.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 28000, 2},
  };
  (void)state;
  folder = fixture_folder();
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(out, sizeof out, "%s/out", folder);
  snprintf(rendered, sizeof rendered, "%s/rendered", folder);
  for (int i = 0; i < 2; i++) {
    sound[i] = sounds[i];
    cli_sound(folder, &sound[i]);
  }
  write_manifest(1);
  expect_status(run_program("render", manifest, "-o", rendered, "-d", "cpu", "-q"), 0);
  assert_int_equal(cli_check_receipts(rendered), UNITS);
  return 0;
}
static int tear_down_once(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

static int set_up(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) cli_sound(folder, &sound[i]);
  write_manifest(1);
  expect_status(run_words((const char *const[]){"/bin/cp", "-a", rendered, out, NULL}), 0);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  expect_status(run_words((const char *const[]){"/bin/rm", "-rf", out, NULL}), 0);
  return 0;
}

#define verify(...) run_program("verify", out, "-d", "cpu", "-q", __VA_ARGS__)

/* The line of JSON of one deliverable. */
static json_t *line_of(const char *text, const char *file) {
  for (int i = 0; i < count_lines(text); i++) {
    json_t *line = cli_json_line(text, i);
    const char *path = json_string_value(json_object_get(line, "file"));
    if (path && name_ends_in(path, file)) return line;
    json_decref(line);
  }
  fail_msg("no line of %s in: %s", file, text);
  return NULL;
}

/* The state of one file, and a word of what is told of it; all others are fine. */
static void expect_one(struct program_run run, int status, const char *file, const char *expected,
                       const char *word) {
  int well = 0;
  for (int i = 0; i < count_lines(run.out); i++) {
    json_t *line = cli_json_line(run.out, i);
    const char *state = json_string_value(json_object_get(line, "state"));
    well += !strcmp(state, "equal") || !strcmp(state, "intact");
    json_decref(line);
  }
  json_t *line = line_of(run.out, file);
  assert_string_equal(json_string_value(json_object_get(line, "state")), expected);
  const char *problem = json_string_value(json_object_get(line, "problem"));
  if (!problem || !strstr(problem, word)) fail_msg("\"%s\" is not in: %s", word, problem);
  assert_int_equal(well, count_lines(run.out) - 1);
  json_decref(line);
  expect_status(run, status);
}

/* ---- all is well ---- */

static bool any_file(const char *name) { return *name != 0; }

/* Names, sizes and times of everything in the folder, as text. */
static char *snapshot(void) {
  struct file_tree tree;
  char *text = strdup("");
  assert_int_equal(file_tree_list(out, any_file, &tree, NULL), 0);
  for (int i = 0; i < tree.n; i++) {
    char line[1024], *longer;
    struct stat s;
    assert_int_equal(stat(fixture_path(out, tree.names[i]), &s), 0);
    snprintf(line, sizeof line, "%s %lld %lld.%09ld\n", tree.names[i], (long long)s.st_size,
             (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    longer = malloc(strlen(text) + strlen(line) + 1);
    strcat(strcpy(longer, text), line);
    free(text);
    text = longer;
  }
  file_tree_free(&tree);
  return text;
}

static void test_equal(void **state) {
  char *before = snapshot();
  (void)state;
  struct program_run run = run_program("verify", out, "-d", "cpu", "--verify", "full");
  assert_string_equal(run.out, "7 receipts: 7 equal\n");
  expect_run(run, 0, "[7/7]", "raw/one.aiff: equal");
  run = verify("--json", "--jobs", "2");
  assert_int_equal(count_lines(run.out), UNITS);
  json_t *line = line_of(run.out, "album/two.wav");
  assert_string_equal(json_string_value(json_object_get(line, "state")), "equal");
  assert_true(json_is_true(json_object_get(line, "same_engine")));
  json_decref(line);
  expect_status(run, 0);
  run = run_program("verify", out, "--quick");
  assert_string_equal(run.out, "7 receipts: 7 intact (nothing was rendered)\n");
  expect_status(run, 0);
  char *after = snapshot();
  assert_string_equal(before, after);
  assert_int_equal(cli_count(out, ".tmp"), 0);
  free(before);
  free(after);
}

static void test_device(void **state) {
  (void)state;
  if (!cli_has_device(LACQUER_PROGRAM)) skip();
  struct program_run run = run_program("verify", out, "-d", "index:0", "-q");
  assert_string_equal(run.out, "7 receipts: 7 equal\n");
  expect_status(run, 0);
}

/* A device with wrong bits: found by its check, or else by the samples; nothing is written. */
static void test_faulty_device(void **state) {
  (void)state;
  if (!cli_has_device(LACQUER_PROGRAM)) skip();
  char *before = snapshot();
  assert_int_equal(setenv(TEST_FLIP_VARIABLE, "eq:1:5000:20", 1), 0);
  expect_run(run_program("verify", out, "-d", "index:0", "-q", "-V", "full"), 0,
             "gave wrong bits in eq", "rendered on the CPU");
  struct program_run run = run_program("verify", out, "-d", "index:0", "-q", "-V", "off");
  assert_int_equal(unsetenv(TEST_FLIP_VARIABLE), 0);
  assert_non_null(strstr(run.out, "computes wrong"));
  assert_non_null(strstr(run.out, " differs"));
  expect_status(run, 1);
  char *after = snapshot();
  assert_string_equal(before, after);
  free(before);
  free(after);
}

/* One unit of the album was rendered: its gain still is that of both tracks. */
static void test_part(void **state) {
  char part[4096 + 8];
  (void)state;
  snprintf(part, sizeof part, "%s-part", out);
  expect_status(run_program("render", manifest, "-o", part, "-d", "cpu", "-q", "--only",
                            "1:album"), 0);
  struct program_run run = run_program("verify", part, "-d", "cpu");
  assert_string_equal(run.out, "1 receipts: 1 equal\n");
  expect_run(run, 0, "[1/1] album/one.wav: equal");
}

/* ---- files ---- */

/* Changes the last byte of a text in a file. */
static void change(const char *file, const char *text) {
  struct fixture_bytes bytes = fixture_load(fixture_path(out, file));
  const size_t n = strlen(text);
  size_t at = 0;
  while (at + n <= bytes.size && memcmp(bytes.data + at, text, n)) at++;
  if (at + n > bytes.size) fail_msg("%s is not in %s", text, file);
  bytes.data[at + n - 1] ^= 1;
  fixture_save(fixture_path(out, file), bytes.data, bytes.size);
  free(bytes.data);
}

static void change_byte(const char *file, size_t at) {
  struct fixture_bytes bytes = fixture_load(fixture_path(out, file));
  bytes.data[at] ^= 1;
  fixture_save(fixture_path(out, file), bytes.data, bytes.size);
  free(bytes.data);
}

static void test_rot(void **state) {
  static const char *const files[] = {"wide/one.wav", "cd/one.flac", "raw/one.aiff"};
  (void)state;
  for (int i = 0; i < 3; i++) {
    change_byte(files[i], 60000);
    expect_one(verify("--quick", "--json"), 1, files[i], "damaged", "");
    change_byte(files[i], 60000);
  }
  change_byte("wide/two.wav", 60000);
  expect_one(verify("--json"), 1, "wide/two.wav", "damaged", "other samples than its receipt");
  change_byte("wide/two.wav", 60000);
  change("wide/one.wav", "Dawn"); /* its title */
  expect_one(verify("--json"), 1, "wide/one.wav", "other bytes", "the same samples");
  change("wide/one.wav", "Daw");
  struct program_run run = verify("--quick");
  assert_non_null(strstr(run.out, "other bytes      "));
  assert_non_null(strstr(run.out, "7 receipts: 6 intact (nothing was rendered), 1 other bytes\n"));
  expect_status(run, 1);
}

static void test_missing(void **state) {
  (void)state;
  assert_int_equal(remove(fixture_path(out, "cd/one.flac")), 0);
  expect_one(verify("--quick", "--json"), 1, "cd/one.flac", "missing", "cd/one.flac");
  assert_int_equal(remove(fixture_path(out, "cd/one.flac.receipt.json")), 0);
  struct program_run run = verify("--json"); /* no receipt, no claim */
  assert_int_equal(count_lines(run.out), UNITS - 1);
  expect_status(run, 0);
}

static void set_receipt(const char *file, const char *group, const char *field,
                        const char *value) {
  json_t *receipt = cli_receipt(out, file);
  char path[4096 + 64];
  snprintf(path, sizeof path, "%s/%s.receipt.json", out, file);
  json_object_set_new(group ? json_object_get(receipt, group) : receipt, field,
                      json_string(value));
  assert_int_equal(json_dump_file(receipt, path, JSON_INDENT(2)), 0);
  json_decref(receipt);
}

static void test_bad_receipts(void **state) {
  (void)state;
  set_receipt("cd/one.flac", "deliverable", "file_sha256", ""); /* as a killed run leaves it */
  expect_one(verify("--json"), 1, "cd/one.flac", "bad receipt", "interrupted");
  cli_text(out, "cd/one.flac.receipt.json", "{}");
  expect_one(verify("--json"), 1, "cd/one.flac", "bad receipt", "cannot be read");
  expect_run(run_program("verify", fixture_path(folder, "none"), "-d", "cpu"), 66, "none");
  assert_int_equal(mkdir(fixture_path(folder, "none"), 0777), 0);
  expect_run(run_program("verify", fixture_path(folder, "none"), "-d", "cpu"), 66, "no receipts");
}

/* ---- other samples ---- */

static const char wrong_hash[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void test_causes(void **state) {
  static const struct cli_sound other = {"two.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2,
                                         28000, 99};
  (void)state;
  set_receipt("cd/one.flac", "deliverable", "pcm_sha256", wrong_hash);
  expect_one(verify("--json"), 1, "cd/one.flac", "damaged",
             "everything that decides them is the same");
  set_receipt("cd/one.flac", NULL, "key", wrong_hash);
  set_receipt("cd/one.flac", NULL, "engine_sha256", wrong_hash);
  expect_one(verify("--json"), 1, "cd/one.flac", "damaged", "only the engine changed");
  expect_status(run_program("render", manifest, "-o", out, "-d", "cpu", "-q", "-f"), 0);
  set_receipt("cd/one.flac", NULL, "engine_sha256", wrong_hash); /* and the samples are equal */
  struct program_run run = verify("--jobs", "2");
  assert_string_equal(run.out, "7 receipts: 7 equal; 1 were rendered by another engine\n");
  expect_status(run, 0);
  write_manifest(1.5);
  run = verify("--json");
  json_t *line = line_of(run.out, "wide/two.wav");
  assert_string_equal(json_string_value(json_object_get(line, "state")), "differs");
  assert_non_null(strstr(json_string_value(json_object_get(line, "problem")), "the settings"));
  json_decref(line);
  line = line_of(run.out, "wide/one.wav");
  assert_string_equal(json_string_value(json_object_get(line, "state")), "equal");
  json_decref(line);
  line = line_of(run.out, "album/one.wav");
  assert_non_null(strstr(json_string_value(json_object_get(line, "problem")), "of the album"));
  json_decref(line);
  expect_status(run, 1);
  write_manifest(1);
  cli_sound(folder, &other);
  run = verify("--json");
  line = line_of(run.out, "cd/two.flac");
  assert_non_null(strstr(json_string_value(json_object_get(line, "problem")), "source changed"));
  json_decref(line);
  expect_status(run, 1);
}

static void test_not_rendered(void **state) {
  (void)state;
  assert_int_equal(remove(fixture_path(folder, "two.wav")), 0);
  struct program_run run = verify("--json");
  json_t *line = line_of(run.out, "cd/two.flac");
  assert_string_equal(json_string_value(json_object_get(line, "state")), "not rendered");
  assert_non_null(strstr(json_string_value(json_object_get(line, "problem")), "two.wav"));
  json_decref(line);
  expect_status(run, 1);
}

/* ---- the manifest ---- */

static void test_manifest(void **state) {
  char moved[4096 + 16];
  (void)state;
  snprintf(moved, sizeof moved, "%s/moved.yaml", folder);
  assert_int_equal(rename(manifest, moved), 0);
  struct program_run run = verify("--json");
  json_t *line = line_of(run.out, "cd/two.flac");
  assert_string_equal(json_string_value(json_object_get(line, "state")), "no manifest");
  json_decref(line);
  expect_run(run, 66, "m.yaml");
  expect_status(verify("--quick"), 0);
  char elsewhere[4096 + 16]; /* the folder may move, too */
  snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", folder);
  assert_int_equal(rename(out, elsewhere), 0);
  run = run_program("verify", elsewhere, "-d", "cpu", "-q", "--manifest", moved);
  assert_string_equal(run.out, "7 receipts: 7 equal\n");
  expect_status(run, 0);
  cli_text(folder, "moved.yaml", "lacquer: 1\noutput: \"{variant}/{source}.{ext}\"\n"
                                 "variants: {wide: {}}\ntracks: [{source: one.wav}]\n");
  run = run_program("verify", elsewhere, "-d", "cpu", "-q", "--manifest", moved);
  assert_non_null(strstr(run.out, "1 differs"));
  assert_non_null(strstr(run.out, "6 not in manifest"));
  expect_status(run, 1);
  cli_text(folder, "moved.yaml", "lacquer: 2\n");
  expect_run(run_program("verify", elsewhere, "-d", "cpu", "--manifest", moved), 65,
             "moved.yaml:1");
}

static void test_junit(void **state) {
  char xml[4096];
  (void)state;
  snprintf(xml, sizeof xml, "%s/result.xml", folder);
  assert_int_equal(remove(fixture_path(out, "cd/one.flac")), 0);
  expect_status(verify("--quick", "--junit", xml), 1);
  char *text = cli_read(folder, "result.xml");
  assert_non_null(strstr(text, "<testsuite name=\"lacquer verify\" tests=\"7\" failures=\"1\""));
  assert_non_null(strstr(text, "cd/one.flac\">\n      <failure message="));
  free(text);
  expect_run(verify("--quick", "--junit", "/proc/none/x.xml"), 73, "/proc/none");
}

static void test_usage(void **state) {
  (void)state;
  expect_run(run_program("verify"), 64, "verify needs one folder");
  expect_run(verify("--output", "x"), 64, "verify takes no --output (see lacquer verify --help)");
  expect_run(run_program("verify", out, "-d", "index:99"), 69, "lacquer:");
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_equal),        TEST(test_device), TEST(test_faulty_device), TEST(test_part),
      TEST(test_rot),
      TEST(test_missing),      TEST(test_bad_receipts), TEST(test_causes), TEST(test_not_rendered),
      TEST(test_manifest),     TEST(test_junit),  TEST(test_usage),
#undef TEST
  };
  return cmocka_run_group_tests(tests, set_up_once, tear_down_once);
}
