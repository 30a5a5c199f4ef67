/* SPDX-License-Identifier: MIT
 * Which deliverables libebur128 reads beside lacquer's own meter, and what the receipts and the
 * report say of it. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>

enum { TRACKS = 9, VARIANTS = 2 };
static char *folder, manifest[4096], out[4096];

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(out, sizeof out, "%s/out", folder);
  for (int i = 0; i < TRACKS; i++) {
    char name[] = "0.wav";
    name[0] = (char)('0' + i);
    cli_sound(folder, &(struct cli_sound){name, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 1, 30000,
                                          (uint64_t)i + 1});
  }
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

/* `a` and `b`: the variants' settings beside the format. */
static void put_manifest(const char *a, const char *b) {
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: \"{variant}/{source}.{ext}\"\n"
           "variants: {a: {format: wav, %s}, b: {format: wav, %s}}\n"
           "tracks: [{source: 0.wav}, {source: 1.wav}, {source: 2.wav}, {source: 3.wav},\n"
           "         {source: 4.wav}, {source: 5.wav}, {source: 6.wav}, {source: 7.wav},\n"
           "         {source: 8.wav}]\n", a, b);
}

/* Renders, and holds the units that libebur128 read against wanted[variant][track]. */
static void expect_compared(const char *tier, const char *which,
                            const char wanted[VARIANTS][TRACKS + 1]) {
  int n = 0;
  expect_status(run_program("render", manifest, "-o", out, "-d", "cpu", "-V", tier,
                            "--check-loudness", which, "--force", "-q"), 0);
  for (int v = 0; v < VARIANTS; v++)
    for (int t = 0; t < TRACKS; t++) {
      char name[32];
      snprintf(name, sizeof name, "%c/%d.wav", 'a' + v, t);
      json_t *receipt = cli_receipt(out, name);
      const json_t *meters = json_object_get(receipt, "meters");
      const json_t *differ = json_object_get(meters, "largest_difference_lu");
      const bool compared = json_is_true(json_object_get(meters, "compared"));
      if (compared != (wanted[v][t] == 'x')) fail_msg("%s: compared %d", name, compared);
      assert_true(compared ? json_number_value(differ) <= 0.1 : json_is_null(differ));
      assert_true(json_is_true(json_object_get(meters, "agree")) == compared);
      const double lufs = json_number_value(
          json_object_get(json_object_get(receipt, "loudness_delivered"), "integrated_lufs"));
      const double own = json_number_value(
          json_object_get(json_object_get(receipt, "loudness_limited"), "integrated_lufs"));
      assert_true(compared ? fabs(lufs - own) <= 0.1 : lufs == own);
      json_decref(receipt);
      n += compared;
    }
  json_t *report = cli_json(out, "report.json");
  assert_int_equal(json_integer_value(json_object_get(report, "meters_compared")), n);
  const double differ = json_number_value(json_object_get(report, "meters_differ_lu"));
  assert_true(differ >= 0 && differ <= 0.1);
  json_decref(report);
}

static void test_sample(void **state) {
  (void)state;
  put_manifest("loudness: -20, true_peak: -1", "true_peak: -3");
  expect_compared("off", "sample", (const char[][TRACKS + 1]){"x.......x", ".......x."});
  expect_compared("sample", "sample", (const char[][TRACKS + 1]){"x.......x", ".......x."});
}

static void test_all(void **state) {
  (void)state;
  put_manifest("loudness: -20, true_peak: -1", "true_peak: -3");
  expect_compared("off", "all", (const char[][TRACKS + 1]){"xxxxxxxxx", "xxxxxxxxx"});
  expect_compared("full", "sample", (const char[][TRACKS + 1]){"xxxxxxxxx", "xxxxxxxxx"});
}

/* All of an album, or none of it. */
static void test_album(void **state) {
  (void)state;
  const char *album = "loudness_mode: album, loudness: -20, true_peak: -1";
  put_manifest(album, album);
  expect_compared("off", "sample", (const char[][TRACKS + 1]){"xxxxxxxxx", "........."});
  json_t *report = cli_json(out, "report.json");
  const json_t *albums = json_object_get(report, "albums");
  assert_true(json_is_number(json_object_get(json_array_get(albums, 0), "delivered_lufs")));
  assert_true(json_is_null(json_object_get(json_array_get(albums, 1), "delivered_lufs")));
  json_decref(report);
}

static void test_words(void **state) {
  (void)state;
  expect_run(run_program("render", manifest, "--check-loudness", "some"), 64, "--check-loudness",
             "some", "sample");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sample),
      cmocka_unit_test(test_all),
      cmocka_unit_test(test_album),
      cmocka_unit_test(test_words),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
