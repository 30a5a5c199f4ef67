/* SPDX-License-Identifier: MIT
 * lacquer analyze: what it tells of masters and other files, in words and as JSON. */
#include "adm_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>

#include "cli_fixture.h"

enum { FRAMES = 5 * 512 + 77, SEED = 7013 };

static char *folder;

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

/* A master; with a departure when `edit` is given. */
static const char *master(const char *name, enum adm_flavour flavour,
                          const struct adm_edit *edit) {
  const char *path = fixture_path(folder, name);
  struct adm *adm = adm_fixture_master(2, 5, FRAMES);
  if (flavour == ADM_ITU) adm->programmes[0].name = "Master";
  adm_fixture_write(path, adm, flavour, FRAMES, SEED);
  adm_destroy(&adm);
  if (!edit) return path;
  struct fixture_bytes bytes = adm_fixture_edit(fixture_load(path), edit);
  fixture_save(path, bytes.data, bytes.size);
  free(bytes.data);
  return path;
}

static void expect_out(struct program_run run, const char *const words[]) {
  if (run.status) fail_msg("exit status %d: %s", run.status, run.err);
  for (int i = 0; words[i]; i++)
    if (!strstr(run.out, words[i])) fail_msg("\"%s\" is not in:\n%s", words[i], run.out);
  run_free(&run);
}

static void test_words(void **state) {
  static const struct adm_edit edit = {"RC_LFE", "LFE\x7f", 0};
  (void)state;
  expect_out(run_program("analyze", master("good.wav", ADM_DOLBY, NULL)),
             (const char *const[]){
                 "good.wav: ADM in RIFF, 48000 Hz, 24 bits, 12 channels, 2637 frames (0.055 s)",
                 "APR_1001 Atmos_Master: 2 contents, 0.00000 to 0.05493 s",
                 "bed       AO_1001 Bed (7.1.2): channels 1 RC_L (near), 2 RC_R (far), 3 RC_C "
                 "(mid), 4 RC_LFE (off)",
                 "object    AO_100b Object 1: channel 11 (far); 5 blocks, X -1 to -0.852, "
                 "Y 0.788 to 1",
                 "dbmd      by lacquer ", "frames per second: 24; first action: none",
                 "5.1 centre -1.5 surround 0 height -3 dB",
                 "no departure found (lacquer's own check, no certification)", NULL});
  expect_out(run_program("analyze", master("bad.wav", ADM_DOLBY, &edit)),
             (const char *const[]){"Bed (a layout of its own)", "4 LFE? (off)", "departures",
                                   "pack AP_00011001: its channels are no bed", NULL});
  expect_out(run_program("analyze", master("itu.wav", ADM_ITU, NULL)),
             (const char *const[]){"not looked at: the programme is not called Atmos_Master", NULL});
}

static void test_json(void **state) {
  static const struct adm_edit edit = {"jumpPosition interpolationLength=\"0.005208\"",
                                       "jumpPosition interpolationLength=\"0.01\"", 0};
  (void)state;
  struct program_run run = run_program("analyze", "--json", master("one.wav", ADM_DOLBY, NULL),
                                       master("two.wav", ADM_DOLBY, &edit));
  assert_int_equal(run.status, 0);
  assert_int_equal(count_lines(run.out), 2);
  json_t *one = cli_json_line(run.out, 0), *two = cli_json_line(run.out, 1);
  const char *id, *layout, *label, *binaural, *fps, *departure;
  int channels, frames, blocks;
  double least, most, centre;
  json_t *departures;
  json_error_t error;
  if (json_unpack_ex(one, &error, 0,
                     "{s:i, s:i, s:{s:[{s:s}], s:[{s:s, s:[{s:s, s:s}]}, {s:i, s:[f, f]}], "
                     "s:{s:s, s:n, s:{s:{s:f}}}, s:o}}",
                     "channels", &channels, "frames", &frames, "adm", "programmes", "id", &id,
                     "objects", "layout", &layout, "tracks", "label", &label, "binaural",
                     &binaural, "blocks", &blocks, "X", &least, &most, "dbmd", "fps", &fps,
                     "first_action", "trims", "5.1", "centre_db", &centre, "departures",
                     &departures))
    fail_msg("%s in %s", error.text, run.out);
  assert_int_equal(channels, 12);
  assert_int_equal(frames, FRAMES);
  assert_string_equal(id, "APR_1001");
  assert_string_equal(layout, "7.1.2");
  assert_string_equal(label, "RC_L");
  assert_string_equal(binaural, "near");
  assert_int_equal(blocks, 5);
  assert_true(least == -1 && most == -0.852);
  assert_string_equal(fps, "24");
  assert_true(centre == -1.5);
  assert_int_equal(json_array_size(departures), 0);
  if (json_unpack_ex(two, &error, 0, "{s:{s:[s]}}", "adm", "departures", &departure))
    fail_msg("%s in %s", error.text, run.out);
  assert_string_equal(departure,
                      "block 2 of channel AC_00031001 has an interpolationLength other than "
                      "0.005208");
  json_decref(one);
  json_decref(two);
  run_free(&run);
}

static void test_other_files(void **state) {
  const struct cli_sound sound = {"plain.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 96000, 1, 960,
                                  1};
  (void)state;
  cli_sound(folder, &sound);
  expect_out(run_program("analyze", fixture_path(folder, "plain.flac")),
             (const char *const[]){
                 "plain.flac: FLAC, 96000 Hz, 24 bits, 1 channel, 960 frames (0.010 s)\n", NULL});
  expect_out(run_program("analyze", "--json", fixture_path(folder, "plain.flac")),
             (const char *const[]){"\"format\":\"FLAC\",\"rate_hz\":96000,\"bits\":24,"
                                   "\"channels\":1,\"frames\":960}\n", NULL});
}

/* A BW64 file without a scene. */
static void test_bw64(void **state) {
  const char *path = fixture_path(folder, "plain.wav");
  const struct riff_format format = {2, 48000, 16};
  const struct adm_chunks none = {0};
  (void)state;
  adm_fixture_write_chunks(path, &none, ADM_ITU, &format, 480, SEED, 0);
  expect_out(run_program("analyze", path),
             (const char *const[]){
                 "plain.wav: BW64, 48000 Hz, 16 bits, 2 channels, 480 frames (0.010 s)\n", NULL});
}

/* A damaged master is told, and the files behind it are still looked at. */
static void test_damaged(void **state) {
  static const struct adm_edit edit = {"<audioTrackUIDRef>ATU_00000001",
                                       "<audioTrackUIDRef>ATU_9", 0};
  (void)state;
  struct program_run run = run_program("analyze", master("broken.wav", ADM_DOLBY, &edit),
                                       fixture_path(folder, "none.wav"),
                                       master("whole.wav", ADM_DOLBY, NULL));
  assert_int_equal(run.status, 65);
  assert_non_null(strstr(run.err, "refers to ATU_9, which is not there"));
  assert_non_null(strstr(run.err, "none.wav"));
  assert_int_equal(count_lines(run.err), 2);
  assert_non_null(strstr(run.out, "whole.wav: ADM"));
  assert_null(strstr(run.out, "broken.wav"));
  run_free(&run);
  expect_run(run_program("analyze"), 64, "analyze needs a file");
  expect_run(run_program("analyze", "--quiet", "x"), 64, "analyze takes no --quiet");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_words),
      cmocka_unit_test(test_json),
      cmocka_unit_test(test_other_files),
      cmocka_unit_test(test_bw64),
      cmocka_unit_test(test_damaged),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
