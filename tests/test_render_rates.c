/* SPDX-License-Identifier: MIT
 * Deliverables at other rates, by the program: headers, lengths, receipts and keys. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */
#include "decode.h"
#include "resample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
enum { FROM = 44100, FRAMES = 9001 };

static char *folder;

static int set_up(void **state) {
  static const struct cli_sound sound = {
      "a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, FROM, 2, FRAMES, 77};
  (void)state;
  folder = fixture_folder();
  cli_sound(folder, &sound);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

/* Every rate in every format, and a gap of 10 ms, which counts at the rate delivered. */
static void every_rate_and_format(void **state) {
  (void)state;
  static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
  static const char *const formats[] = {"wav", "aiff", "flac"};
  char out[4096], variants[2048] = "", name[64], path[8192];
  for (int i = 0; i < COUNT(rates) * COUNT(formats); i++)
    snprintf(variants + strlen(variants), sizeof variants - strlen(variants),
             "  v%d: {rate: %d, format: %s}\n", i, rates[i / 3], formats[i % 3]);
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: '{variant}.{ext}'\nvariants:\n%s"
           "tracks: [{source: a.wav, gap_after: 0.01}]\n", variants);
  snprintf(out, sizeof out, "%s/out", folder);
  expect_status(run_program("render", fixture_path(folder, "m.yaml"), "-o", out, "-d", "cpu"), 0);
  for (int i = 0; i < COUNT(rates) * COUNT(formats); i++) {
    const int rate = rates[i / 3];
    struct audio audio;
    struct failure why = {0};
    snprintf(name, sizeof name, "v%d.%s", i, formats[i % 3]);
    snprintf(path, sizeof path, "%s/%s", out, name);
    if (decode_file(path, &audio, &why)) fail_msg("%s", why.text);
    assert_int_equal(audio.rate_hz, rate);
    assert_int_equal(audio.n_frames, resample_frames(FRAMES, FROM, rate) + rate / 100);
    audio_free(&audio);
    json_t *receipt = cli_receipt(out, name), *file = json_object_get(receipt, "deliverable");
    assert_int_equal(json_integer_value(json_object_get(file, "rate_hz")), rate);
    json_decref(receipt);
  }
  assert_int_equal(cli_check_receipts(out), COUNT(rates) * COUNT(formats));
}

/* The source's rate is as good as none; every other one is another unit. */
static void rates_are_in_the_key(void **state) {
  (void)state;
  static const char *const settings[] = {"", "rate: 44100", "rate: 48000", "rate: 96000"};
  char *key[COUNT(settings)];
  for (int i = 0; i < COUNT(settings); i++) {
    cli_text(folder, "k.yaml", "lacquer: 1\nvariants: {v: {%s}}\ntracks: [{source: a.wav}]\n",
             settings[i]);
    struct program_run run =
        run_program("render", fixture_path(folder, "k.yaml"), "--dry-run", "--json");
    json_t *line = cli_json_line(run.out, 0);
    key[i] = strdup(json_string_value(json_object_get(line, "key")));
    json_decref(line);
    run_free(&run);
  }
  assert_string_equal(key[0], key[1]);
  for (int i = 2; i < COUNT(settings); i++)
    for (int k = 0; k < i; k++) assert_string_not_equal(key[i], key[k]);
  for (int i = 0; i < COUNT(settings); i++) free(key[i]);
  struct program_run plan = run_program("render", fixture_path(folder, "k.yaml"), "--dry-run");
  assert_non_null(strstr(plan.out, "resample 96000 Hz > loudness"));
  run_free(&plan);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_rate_and_format),
      cmocka_unit_test(rates_are_in_the_key),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
