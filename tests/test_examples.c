/* SPDX-License-Identifier: MIT
 * Every example manifest, rendered by the program as it stands in the repository. */
#include "adm_fixture.h"
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */
#include "matching.h"
#include "publish.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *folder;

static void put_master(const char *path) {
  struct adm *adm = adm_fixture_master(3, 10, 30000);
  adm_fixture_write(path, adm, ADM_DOLBY, 30000, 14);
  adm_destroy(&adm);
}

static void put_sound(const char *path, int index, int channels) {
  static const struct cli_sound kinds[] = {
      {".wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 40000, 11},
      {".flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 48000, 2, 36000, 12},
      {".aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_24, 44100, 2, 32001, 13},
  };
  const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
  char *beside = strndup(path, (size_t)(slash - path));
  assert_int_equal(make_folders(beside, NULL), 0);
  if (strstr(path, " master.wav")) {
    free(beside);
    put_master(path);
    return;
  }
  int kind = 0;
  while (kind < 3 && strcmp(kinds[kind].name, dot)) kind++;
  if (kind == 3) fail_msg("%s: extend this test for such a file", path);
  struct cli_sound sound = kinds[kind];
  sound.name = slash + 1;
  sound.seed += (uint64_t)index;
  sound.channels = channels;
  cli_sound(beside, &sound);
  free(beside);
}

static void put_source(const char *path, int index) {
  put_sound(path, index, strstr(path, "5.1") ? 6 : 2);
}

static void put_stems(const struct stems *stems) {
  for (int k = 0; k < stems->n; k++) {
    const struct stem *s = &stems->items[k];
    put_sound(s->path, k, s->n_channels ? s->n_channels : s->n_objects);
  }
}

/* What manifests name and is no manifest or track: must be there before they are read. */
static void put_beside(void) {
  static const char *const files[] = {"manifests/catalogue.csv", "manifests/shared/house.yaml"};
  static const char *const found[] = {"10 ten.flac", "2 two.flac"}; /* by a pattern */
  assert_int_equal(make_folders(fixture_path(folder, "manifests/shared"), NULL), 0);
  for (int i = 0; i < 2; i++) {
    struct fixture_bytes bytes = fixture_load(fixture_path(SOURCE_DIR, files[i]));
    fixture_save(fixture_path(folder, files[i]), bytes.data, bytes.size);
    free(bytes.data);
    put_source(fixture_path(fixture_path(folder, "manifests/audio/bonus"), found[i]), i);
  }
}

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  assert_int_equal(mkdir(fixture_path(folder, "manifests"), 0777), 0);
  put_beside();
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

static void put_references(const struct manifest *manifest, const struct chain *chain) {
  const struct match_params *match = chain_match(chain);
  for (int i = 0; match && i < match->n_references; i++) {
    char *path = match_path(manifest, &match->references[i]);
    put_source(path, 100 + i);
    free(path);
  }
}

/* Copies a manifest, and generates the audio that it names. */
static void copy_example(const char *name, const char *to) {
  struct fixture_bytes bytes = fixture_load(fixture_path(SOURCE_DIR "/manifests", name));
  struct manifest *manifest;
  fixture_save(to, bytes.data, bytes.size);
  free(bytes.data);
  assert_int_equal(manifest_read(to, stderr, &manifest), 0);
  for (int i = 0; i < manifest->n_tracks; i++) {
    if (manifest->tracks[i].stems) put_stems(manifest->tracks[i].stems);
    else put_source(manifest->tracks[i].source, i);
    put_references(manifest, &manifest->tracks[i].chain);
  }
  manifest_destroy(&manifest);
}

static int count(const json_t *report, const char *what) {
  const json_t *value = json_object_get(report, what);
  assert_true(json_is_integer(value));
  return (int)json_integer_value(value);
}

/* The plan, one line per unit; returns how many. */
static int check_plan(const char *manifest) {
  struct program_run people = run_program("render", manifest, "--dry-run");
  struct program_run data = run_program("render", manifest, "--dry-run", "--json");
  const int n = count_lines(people.out);
  assert_int_equal(people.status, 0);
  assert_int_equal(data.status, 0);
  assert_string_equal(people.err, "");
  assert_string_equal(data.err, "");
  assert_int_equal(count_lines(data.out), n);
  for (int i = 0; i < n; i++) {
    json_t *unit = cli_json_line(data.out, i);
    const char *file = json_string_value(json_object_get(unit, "file"));
    if (!file || !strstr(people.out, file)) fail_msg("%s: not in the plan: %s", manifest, file);
    json_decref(unit);
  }
  run_free(&people);
  run_free(&data);
  assert_false(cli_exists(folder, "rendered"));
  return n;
}

static void check_example(const char *name) {
  char manifest[4096], out[4096];
  snprintf(manifest, sizeof manifest, "%s/manifests/%s", folder, name);
  copy_example(name, manifest);
  snprintf(out, sizeof out, "%s/out of %s", folder, name);
  const int n = check_plan(manifest);
  assert_true(n > 0);
  expect_status(run_program("render", manifest, "-o", out, "--device", "cpu", "--verify", "full"),
                0);
  assert_int_equal(cli_check_receipts(out), n);
  assert_int_equal(cli_count(out, ""), 2 * n + 1); /* files, receipts, report.json */
  json_t *report = cli_json(out, "report.json");
  assert_int_equal(count(report, "delivered"), n);
  assert_int_equal(count(report, "failed"), 0);
  assert_int_equal(count(report, "up_to_date"), 0);
  assert_int_equal(count(report, "skipped"), 0);
  const json_t *units = json_object_get(report, "units");
  assert_int_equal(json_array_size(units), n);
  for (int i = 0; i < n; i++) {
    const json_t *unit = json_array_get(units, (size_t)i);
    assert_string_equal(json_string_value(json_object_get(unit, "verification")), "full");
    assert_true(json_real_value(json_object_get(unit, "coverage")) == 1);
  }
  json_decref(report);
  printf("%s: %d deliverables\n", name, n);
}

static void test_examples(void **state) {
  DIR *entries = opendir(SOURCE_DIR "/manifests");
  int n = 0;
  (void)state;
  assert_non_null(entries);
  for (struct dirent *entry; (entry = readdir(entries));)
    if (strstr(entry->d_name, ".yaml") || strstr(entry->d_name, ".json")) {
      check_example(entry->d_name);
      n++;
    }
  closedir(entries);
  assert_true(n >= 5);
}

static void test_schema(void **state) {
  struct program_run run = run_program("schema");
  json_error_t error;
  (void)state;
  assert_int_equal(run.status, 0);
  json_t *schema = json_loads(run.out, JSON_REJECT_DUPLICATES, &error);
  if (!schema) fail_msg("line %d: %s", error.line, error.text);
  assert_non_null(strstr(json_string_value(json_object_get(schema, "$schema")), "2020-12"));
  assert_non_null(json_object_get(json_object_get(schema, "properties"), "tracks"));
  json_decref(schema);
  run_free(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_examples),
      cmocka_unit_test(test_schema),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
