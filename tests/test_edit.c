/* SPDX-License-Identifier: MIT
 * Edits, exact to the sample: cuts, trims, gaps and fades, alone and in whole renders;
 * what cannot be done is told, with its place. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */
#include "edit.h"

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

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
enum { RATE = 48000, FRAMES = 10000, FIRST = 3000, LAST = 6999 };

static char *folder;

static int set_up(void **state) {
  static const struct cli_sound sounds[] = {
      {"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, RATE, 2, FRAMES, 41},
      {"m.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 1, FRAMES, 42},
  };
  (void)state;
  folder = fixture_folder();
  for (int i = 0; i < COUNT(sounds); i++) cli_sound(folder, &sounds[i]);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

static struct edit no_edit(void) {
  struct edit edit;
  params_init(edit_rows, &edit);
  return edit;
}

/* Two channels: silence, on the right a sound from FIRST, on the left up to LAST. */
static struct audio sounding_middle(void) {
  struct audio audio = {.rate_hz = RATE, .channels = 2, .n_frames = FRAMES};
  for (int c = 0; c < 2; c++) {
    audio.pcm[c] = calloc(FRAMES, sizeof(float));
    if (!audio.pcm[c]) abort();
    for (int i = 0; i < FRAMES; i++) audio.pcm[c][i] = i % 2 ? 9e-4F : -9e-4F; /* -60.9 dBFS */
  }
  audio.pcm[1][FIRST] = -0.5F;
  audio.pcm[0][LAST] = 0.0011F;
  return audio;
}

/* ---- edit_cut ---- */

static void expect_span(const struct edit *edit, int32_t first, int32_t n) {
  struct audio audio = sounding_middle(), whole = sounding_middle();
  struct edit_span span;
  struct failure why = {0};
  if (edit_cut(edit, &audio, &span, &why)) fail_msg("%s", why.text);
  assert_int_equal(span.first_frame, first);
  assert_int_equal(span.n_frames, n);
  assert_int_equal(audio.n_frames, n);
  for (int c = 0; c < 2; c++)
    assert_memory_equal(audio.pcm[c], whole.pcm[c] + first, (size_t)n * sizeof(float));
  audio_free(&audio);
  audio_free(&whole);
}

static void cuts(void **state) {
  (void)state;
  struct edit e = no_edit();
  assert_false(edit_cuts(&e) || edit_gaps(&e));
  expect_span(&e, 0, FRAMES);
  e.start_s = 0.1;
  assert_true(edit_cuts(&e));
  expect_span(&e, 4800, FRAMES - 4800);
  e.end_s = 0.10001; /* 4800.48: the nearest frame */
  e.start_s = 0.09998; /* 4799.04 */
  expect_span(&e, 4799, 1);
  e = no_edit();
  e.start_frame = 9999;
  expect_span(&e, 9999, 1);
  e.start_frame = 17;
  e.end_frame = 18;
  expect_span(&e, 17, 1);
  e.start_frame = 0;
  e.end_frame = FRAMES;
  expect_span(&e, 0, FRAMES);
}

static void trims(void **state) {
  (void)state;
  struct edit e = no_edit();
  e.trim = TRIM_BOTH;
  expect_span(&e, FIRST - 480, LAST - FIRST + 1 + 2 * 480); /* keeps 10 ms */
  e.trim_keep_ms = 0;
  expect_span(&e, FIRST, LAST - FIRST + 1);
  e.trim = TRIM_HEAD;
  expect_span(&e, FIRST, FRAMES - FIRST);
  e.trim = TRIM_TAIL;
  expect_span(&e, 0, LAST + 1);
  e.trim_keep_ms = 10000; /* more than there is */
  expect_span(&e, 0, FRAMES);
  e.trim = TRIM_BOTH;
  e.trim_keep_ms = 0;
  e.trim_threshold_db = -59; /* 0.00112: the sample at LAST is silence, too */
  expect_span(&e, FIRST, 1);
  e.trim_threshold_db = -61;
  expect_span(&e, 0, FRAMES);
  e.trim_threshold_db = -60;
  e.start_frame = FIRST - 5; /* inside a cut */
  e.end_frame = FIRST + 100;
  expect_span(&e, FIRST, 1);
}

static void expect_refusal(const struct edit *edit, const char *text) {
  struct audio audio = sounding_middle();
  struct edit_span span;
  struct failure why = {0};
  assert_int_equal(edit_cut(edit, &audio, &span, &why), STATUS_BAD_DATA);
  if (!strstr(why.text, text)) fail_msg("told \"%s\", not \"%s\"", why.text, text);
  assert_int_equal(audio.n_frames, FRAMES);
  audio_free(&audio);
}

static void refusals(void **state) {
  (void)state;
  struct edit e = no_edit();
  e.start_s = 1;
  expect_refusal(&e, "start: frame 48000 (1 s) is beyond the end of the source, 10000 frames");
  e = no_edit();
  e.start_frame = FRAMES;
  expect_refusal(&e, "start_frame: frame 10000");
  e = no_edit();
  e.end_frame = FRAMES + 1;
  expect_refusal(&e, "end_frame: frame 10001");
  e = no_edit();
  e.end_s = 48000; /* beyond what an int holds */
  expect_refusal(&e, "end: frame 2147483647");
  e = no_edit();
  e.start_frame = 4800;
  e.end_s = 0.1;
  expect_refusal(&e, "end: frame 4800 is not after the start, frame 4800");
  e = no_edit();
  e.trim = TRIM_TAIL;
  e.trim_threshold_db = -20;
  e.start_frame = FIRST + 1;
  expect_refusal(&e, "trim: nothing is above -20 dBFS");
  e = no_edit();
  e.fade_in_ms = 100;
  e.fade_out_ms = 109; /* 10032 frames */
  expect_refusal(&e, "fade_out: the fades take 209 ms, the track has 208.333 ms");
}

static void gaps(void **state) {
  (void)state;
  static const int32_t pcm[4] = {1, 2, 3, 4};
  struct edit e = no_edit();
  int32_t n = 2;
  e.gap_before_s = 2.0 / RATE;
  e.gap_after_s = 1.4 / RATE;
  static const int32_t expected[10] = {0, 0, 0, 0, 1, 2, 3, 4, 0, 0};
  int32_t *longer = edit_add_gaps(&e, RATE, 2, pcm, &n, NULL);
  assert_non_null(longer);
  assert_int_equal(n, 5);
  assert_memory_equal(longer, expected, sizeof expected);
  free(longer);
  struct failure why = {0};
  n = MAX_FRAMES;
  assert_null(edit_add_gaps(&e, RATE, 2, pcm, &n, &why));
  assert_int_equal(why.status, STATUS_BAD_DATA);
}

/* ---- whole renders ---- */

static struct audio decoded(const char *name) {
  struct audio audio;
  struct failure why = {0};
  if (decode_file(fixture_path(folder, name), &audio, &why)) fail_msg("%s", why.text);
  return audio;
}

static int integer_of(const json_t *receipt, const char *name) {
  const json_t *value = json_object_get(json_object_get(receipt, "edit"), name);
  assert_true(json_is_integer(value));
  return (int)json_integer_value(value);
}

/* A neutral chain: what comes out is the source, edited, to the bit. */
static void renders_exactly(void **state) {
  (void)state;
  cli_text(folder, "m.yaml", "lacquer: 1\nvariants: {f: {bits: 32}, i: {dither: none}}\n"
           "output: \"{number}{variant}.{ext}\"\ntracks:\n"
           "  - {source: a.wav, start_frame: 1234, end_frame: 9000, gap_before: 0.01,\n"
           "     gap_after: 0.02, fade_in: 10, fade_in_shape: linear, fade_out: 20,\n"
           "     fade_out_shape: linear}\n"
           "  - {source: m.wav, end: 0.1}\n");
  const char *manifest = fixture_path(folder, "m.yaml");
  char out[4096];
  snprintf(out, sizeof out, "%s/out", folder);
  expect_status(run_program("render", manifest, "-o", out, "-d", "cpu", "-V", "full"), 0);
  struct audio source = decoded("a.wav"), f = decoded("out/01f.wav"), i = decoded("out/01i.wav");
  enum { N = 9000 - 1234, BEFORE = 480, AFTER = 960, IN = 480, OUT = 960 };
  assert_int_equal(f.n_frames, BEFORE + N + AFTER);
  assert_int_equal(i.n_frames, BEFORE + N + AFTER);
  for (int c = 0; c < 2; c++) {
    for (int k = 0; k < f.n_frames; k++) {
      const int at = k - BEFORE;
      const float x = at >= 0 && at < N ? source.pcm[c][1234 + at] : 0;
      double gain = at < IN ? (double)at / IN : 1;
      if (N - 1 - at < OUT) gain = (double)(N - 1 - at) / OUT;
      if (gain == 1 || x == 0) assert_true(f.pcm[c][k] == x && i.pcm[c][k] == x);
      assert_true(fabs((double)f.pcm[c][k] - gain * (double)x) <= 2e-7 * fabs((double)x));
      assert_true(fabs((double)i.pcm[c][k] - gain * (double)x) <= 0x1p-23);
    }
  }
  struct audio mono = decoded("m.wav"), cut = decoded("out/02i.wav");
  assert_int_equal(cut.n_frames, 4410);
  assert_memory_equal(cut.pcm[0], mono.pcm[0], 4410 * sizeof(float));
  json_t *receipt = cli_receipt(out, "01f.wav");
  assert_int_equal(integer_of(receipt, "first_frame"), 1234);
  assert_int_equal(integer_of(receipt, "frames"), N);
  assert_int_equal(integer_of(receipt, "gap_before_frames"), BEFORE);
  assert_int_equal(integer_of(receipt, "gap_after_frames"), AFTER);
  assert_string_equal(json_string_value(json_object_get(json_object_get(receipt, "edit"),
                                                        "fade_in_shape")), "linear");
  json_decref(receipt);
  struct audio *all[] = {&source, &f, &i, &mono, &cut};
  for (int k = 0; k < COUNT(all); k++) audio_free(all[k]);
  struct program_run run = run_program("render", manifest, "--dry-run");
  assert_non_null(strstr(run.out, "cut > fade > loudness > limiter > dither > gaps"));
  assert_non_null(strstr(run.out, "cut > loudness > limiter > dither  "));
  run_free(&run);
  run = run_program("render", manifest, "-o", out, "-d", "cpu");
  assert_null(strstr(run.err, "delivered"));
  run_free(&run);
}

/* Other edits are other units. */
static void edits_are_in_the_key(void **state) {
  (void)state;
  static const char *const edits[] = {"", ", gap_after: 0.1", ", fade_in: 1", ", fade_in: 2",
                                      ", end_frame: 9000", ", trim: both"};
  char *key[COUNT(edits)];
  for (int i = 0; i < COUNT(edits); i++) {
    cli_text(folder, "k.yaml", "lacquer: 1\nvariants: {v: {}}\ntracks: [{source: a.wav%s}]\n",
             edits[i]);
    struct program_run run =
        run_program("render", fixture_path(folder, "k.yaml"), "--dry-run", "--json");
    json_t *line = cli_json_line(run.out, 0);
    key[i] = strdup(json_string_value(json_object_get(line, "key")));
    assert_int_equal(json_object_size(json_object_get(line, "edit")), i > 0);
    json_decref(line);
    run_free(&run);
    for (int k = 0; k < i; k++) assert_string_not_equal(key[i], key[k]);
  }
  for (int i = 0; i < COUNT(edits); i++) free(key[i]);
}

static void tells_the_place(void **state) {
  (void)state;
  cli_text(folder, "bad.yaml", "lacquer: 1\nvariants: {v: {}}\ntracks:\n  - {source: m.wav}\n"
           "  - {source: a.wav, fade_out: 1000}\n");
  char out[4096];
  snprintf(out, sizeof out, "%s/bad", folder);
  const char *manifest = fixture_path(folder, "bad.yaml");
  expect_run(run_program("render", manifest, "-o", out, "-d", "cpu"), 1,
             "bad.yaml:5: tracks[2].fade_out: the fades take 1000 ms, the track has 208.333 ms");
  expect_run(run_program("render", manifest, "--dry-run"), 1,
             "bad.yaml:5: tracks[2].fade_out: the fades take 1000 ms");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cuts),
      cmocka_unit_test(trims),
      cmocka_unit_test(refusals),
      cmocka_unit_test(gaps),
      cmocka_unit_test(renders_exactly),
      cmocka_unit_test(edits_are_in_the_key),
      cmocka_unit_test(tells_the_place),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
