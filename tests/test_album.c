/* SPDX-License-Identifier: MIT
 * Album loudness through the program: one gain for all tracks, their loudness together, keys
 * that know all members, and what stands in the way. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */
#include "render_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ebur128.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
enum { TRACKS = 3 };
static const char *const files[TRACKS] = {"al/one.wav", "al/two.wav", "al/three.wav"};

static char *folder, manifest[4096];

static const char *fresh(void) { /* a new output folder */
  static char path[4096];
  static int n;
  snprintf(path, sizeof path, "%s/out%d", folder, n++);
  return path;
}

/* Programmes of three shapes; the second is made soft by its chain. */
static void put_tracks(void) {
  static const struct cli_sound sounds[TRACKS] = {
      {"one.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 90000, 71},
      {"two.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 2, 70000, 72},
      {"three.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 1, 60001, 73},
  };
  for (int i = 0; i < TRACKS; i++) cli_sound(folder, &sounds[i]);
}

#define TRACK_ONE "  - {source: one.wav}\n"
#define TRACK_TWO \
  "  - {source: two.wav, chain: [eq: {bands: [{type: bell, freq: 800, gain: %s, q: 0.2}]}]}\n"
#define TRACK_THREE "  - {source: three.wav}\n"

static void put_manifest(const char *settings, const char *tracks) {
  cli_text(folder, "m.yaml", "lacquer: 1\noutput: \"{variant}/{source}.{ext}\"\n"
           "variants:\n  al: {true_peak: -1, loudness_mode: album, %s}\n"
           "  own: {loudness: -20}\ndefaults: {variants: [al]}\ntracks:\n%s", settings, tracks);
}

static const char *three_tracks(const char *gain) {
  static char text[1000];
  snprintf(text, sizeof text, TRACK_ONE TRACK_TWO TRACK_THREE, gain);
  return text;
}

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  put_tracks();
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

/* Loudness of files together: libebur128, blocks of all through one pair of gates. */
static double album_lufs(const char *out, const char *const names[], int n) {
  ebur128_state *meters[TRACKS];
  static float frames[8192 * 2];
  double lufs;
  for (int i = 0; i < n; i++) {
    SF_INFO info = {0};
    SNDFILE *file = sf_open(fixture_path(out, names[i]), SFM_READ, &info);
    if (!file) fail_msg("no %s", names[i]);
    meters[i] = ebur128_init((unsigned)info.channels, (unsigned long)info.samplerate,
                             EBUR128_MODE_I);
    for (sf_count_t k; (k = sf_readf_float(file, frames, 8192)) > 0;)
      assert_int_equal(ebur128_add_frames_float(meters[i], frames, (size_t)k), 0);
    sf_close(file);
  }
  assert_int_equal(ebur128_loudness_global_multiple(meters, (size_t)n, &lufs), 0);
  for (int i = 0; i < n; i++) ebur128_destroy(&meters[i]);
  return lufs;
}

static double number(const char *out, const char *name, const char *group, const char *field) {
  json_t *receipt = cli_receipt(out, name);
  const json_t *value = json_object_get(json_object_get(receipt, group), field);
  if (!value) fail_msg("%s: no %s.%s", name, group, field);
  const double x = json_is_null(value) ? -HUGE_VAL : json_number_value(value);
  json_decref(receipt);
  return x;
}

/* All tracks have the same gain, to the last bit; returns it. */
static double common_gain(const char *out) {
  const double gain = number(out, files[0], "measured", "gain_db");
  for (int i = 1; i < TRACKS; i++)
    assert_true(number(out, files[i], "measured", "gain_db") == gain);
  return gain;
}

static void expect_verdict(const char *out, const char *name, const char *words) {
  char *verdict = cli_receipt_text(out, name, "measured", "verdict");
  if (!strstr(verdict, words)) fail_msg("%s: %s", name, verdict);
  free(verdict);
}

#define render(out, ...) run_program("render", manifest, "-o", out, "-d", "cpu", __VA_ARGS__)

static int delivered(struct program_run run) {
  int n = 0;
  assert_int_equal(run.status, 0);
  for (const char *at = run.err; (at = strstr(at, ": delivered")); at++) n++;
  run_free(&run);
  return n;
}

/* ---- together ---- */

static void test_together(void **state) {
  static const char *const targets[] = {"-23", "-16", "-11"};
  (void)state;
  for (int i = 0; i < COUNT(targets); i++) {
    const char *out = fresh();
    char settings[100];
    snprintf(settings, sizeof settings, "loudness: %s", targets[i]);
    put_manifest(settings, three_tracks("-9"));
    expect_run(render(out, "-V", "full"), 0, "album met");
    assert_int_equal(cli_check_receipts(out), TRACKS);
    const double lufs = album_lufs(out, files, TRACKS);
    const double told = number(out, files[1], "album", "loudness_lufs");
    printf("album of %s LUFS: libebur128 reads %.4f, told %.4f, gain %.3f dB\n", targets[i], lufs,
           told, common_gain(out));
    assert_true(fabs(lufs - atof(targets[i])) <= 0.05); /* the tolerance of the search */
    assert_true(fabs(lufs - told) <= 0.05);
    json_t *report = cli_json(out, "report.json");
    const json_t *album = json_array_get(json_object_get(report, "albums"), 0);
    assert_string_equal(json_string_value(json_object_get(album, "variant")), "al");
    assert_int_equal(json_integer_value(json_object_get(album, "tracks")), TRACKS);
    assert_true(json_number_value(json_object_get(album, "gain_db")) == common_gain(out));
    /* The same meter on the same files; hops are floats. */
    assert_true(fabs(json_number_value(json_object_get(album, "delivered_lufs")) - lufs) <= 1e-4);
    json_decref(report);
    /* Below the ceiling the tracks keep their distance. */
    const double apart = number(out, files[0], "measured", "loudness_lufs") -
                         number(out, files[1], "measured", "loudness_lufs");
    const double before = number(out, files[0], "loudness_after_chain", "integrated_lufs") -
                          number(out, files[1], "loudness_after_chain", "integrated_lufs");
    if (i == 0) assert_true(fabs(apart - before) < 0.001 && before > 3);
  }
}

/* A clipper before the limiter acts on the gain that is sought. */
static void test_clipper(void **state) {
  static const char *const styles[] = {"balanced", "loud"};
  (void)state;
  for (int i = 0; i < COUNT(styles); i++) {
    const char *out = fresh();
    char settings[100];
    snprintf(settings, sizeof settings, "loudness: -9, style: %s", styles[i]);
    put_manifest(settings, three_tracks("-9"));
    expect_run(render(out, "-j", "2", "-V", "off"), 0, "album met");
    const double lufs = album_lufs(out, files, TRACKS);
    printf("album of -9 LUFS, %s: libebur128 reads %.4f, gain %.3f dB\n", styles[i], lufs,
           common_gain(out));
    assert_true(fabs(lufs + 9) <= 0.05);
  }
}

/* Tracks of two rates, delivered at a third or at one of them. */
static void test_delivered_rate(void **state) {
  static const char *const rates[] = {"48000", "96000"};
  (void)state;
  for (int i = 0; i < COUNT(rates); i++) {
    const char *out = fresh();
    char settings[100];
    snprintf(settings, sizeof settings, "loudness: -15, rate: %s", rates[i]);
    put_manifest(settings, three_tracks("-9"));
    expect_run(render(out, "-j", "2", "-V", "off"), 0, "album met");
    assert_true(fabs(album_lufs(out, files, TRACKS) + 15) <= 0.05);
    common_gain(out);
    assert_int_equal(delivered(render(out, "-j", "1")), 0);
  }
}

static void check_same(const char *out, const char *reference, int n) {
  assert_int_equal(cli_check_receipts(out), n);
  assert_int_equal(cli_same_bits(out, reference), n);
}

/* Jobs, order, segments, parts of the album, devices: nothing changes a bit. */
static void test_same_bits(void **state) {
  char reference[4096], text[1000];
  (void)state;
  put_manifest("loudness: -12", three_tracks("-9"));
  snprintf(reference, sizeof reference, "%s", fresh());
  expect_status(render(reference, "-j", "1"), 0);
  const char *out = fresh();
  expect_status(render(out, "-j", "3", "--segment", "3"), 0);
  check_same(out, reference, TRACKS);
  out = fresh();
  for (int i = TRACKS; i > 0; i--) { /* track by track, each in a run of its own */
    snprintf(text, sizeof text, "%d:al", i);
    expect_status(render(out, "--only", text), 0);
    assert_int_equal(cli_count(out, ".wav"), TRACKS + 1 - i);
  }
  check_same(out, reference, TRACKS);
  expect_run(render(out, "-j", "2"), 0, "al/one.wav: up to date", "al/two.wav: up to date",
             "al/three.wav: up to date");
  snprintf(text, sizeof text, TRACK_THREE TRACK_TWO TRACK_ONE, "-9");
  put_manifest("loudness: -12", text);
  out = fresh();
  expect_status(render(out, "-j", "1"), 0);
  assert_int_equal(cli_check_receipts(out), TRACKS);
  for (int i = 0; i < TRACKS; i++) {
    char *a = cli_receipt_text(out, files[i], "deliverable", "pcm_sha256");
    char *b = cli_receipt_text(reference, files[i], "deliverable", "pcm_sha256");
    assert_string_equal(a, b);
    free(a), free(b);
  }
  if (!cli_has_device(LACQUER_PROGRAM)) return;
  put_manifest("loudness: -12", three_tracks("-9"));
  out = fresh();
  expect_status(run_program("render", manifest, "-o", out, "-d", "index:0", "--lanes", "2"), 0);
  check_same(out, reference, TRACKS);
  out = fresh(); /* wrong bits on the visit, and again in the render */
  setenv("LACQUER_TEST_FLIP", "eq:0:777:3", 1);
  struct program_run run = run_program("render", manifest, "-o", out, "-d", "index:0",
                                       "--lanes", "2", "-V", "full");
  unsetenv("LACQUER_TEST_FLIP");
  assert_int_equal(run.status, 0);
  assert_non_null(strstr(run.err, "wrong bits"));
  run_free(&run);
  check_same(out, reference, TRACKS);
}

/* ---- keys ---- */

static void test_incremental(void **state) {
  static const struct cli_sound other = {"three.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 1,
                                         50000, 99};
  char text[1000];
  (void)state;
  const char *out = fresh();
  put_manifest("loudness: -18", three_tracks("-9"));
  assert_int_equal(delivered(render(out, "-j", "2")), TRACKS);
  assert_int_equal(delivered(render(out, "-j", "2")), 0);
  assert_int_equal(delivered(render(out, "--force")), TRACKS);
  const double gain = common_gain(out);
  put_manifest("loudness: -18", three_tracks("-3")); /* another chain of one */
  assert_int_equal(delivered(render(out, "-j", "2")), TRACKS);
  const double louder = common_gain(out);
  assert_true(louder < gain - 0.1);
  cli_sound(folder, &other); /* other audio of one */
  assert_int_equal(delivered(render(out, "-j", "2")), TRACKS);
  assert_true(common_gain(out) != louder);
  assert_true(fabs(album_lufs(out, files, TRACKS) + 18) <= 0.05);
  assert_int_equal(unlink(fixture_path(out, files[1])), 0); /* one file is lost */
  assert_int_equal(delivered(render(out, "-j", "2")), 1);
  assert_true(fabs(album_lufs(out, files, TRACKS) + 18) <= 0.05);
  snprintf(text, sizeof text, TRACK_ONE TRACK_THREE); /* a track less */
  put_manifest("loudness: -18", text);
  assert_int_equal(delivered(render(out, "-j", "2")), 2);
  const char *const left[] = {files[0], files[2]};
  assert_true(fabs(album_lufs(out, left, 2) + 18) <= 0.05);
  put_tracks();
}

/* A unit to be rendered has no gain when that of its album was not sought. */
static void test_unknown_gain(void **state) {
  struct manifest *m;
  struct plan *plan;
  struct failure why = {0};
  (void)state;
  put_manifest("loudness: -18", "  - {source: one.wav, variants: [own, al]}\n");
  assert_int_equal(manifest_read(manifest, stderr, &m), 0);
  assert_int_equal(plan_create(m, fresh(), NULL, &plan, NULL), 0);
  const struct work w = {.plan = plan};
  const struct unit_plan own = {.unit = &plan->units[0]}, member = {.unit = &plan->units[1]};
  assert_false(album_unknown(&w, &own, &why));
  assert_true(album_unknown(&w, &member, &why));
  assert_string_equal(why.text, "al/one.wav: its file changed while the program ran");
  plan_album_of(plan, member.unit)->solved = true;
  assert_false(album_unknown(&w, &member, &why));
  plan_destroy(&plan);
  manifest_destroy(&m);
}

static void test_dry_run(void **state) {
  (void)state;
  const char *out = fresh();
  put_manifest("loudness: -18", three_tracks("-9"));
  expect_status(render(out, "-j", "2"), 0);
  struct program_run run = render(out, "--dry-run", "--json", "--only", "2");
  json_t *line = cli_json_line(run.out, 0), *receipt = cli_receipt(out, files[1]);
  assert_string_equal(json_string_value(json_object_get(line, "key")),
                      json_string_value(json_object_get(receipt, "key")));
  json_decref(line);
  json_decref(receipt);
  expect_status(run, 0);
}

/* ---- what stands in the way ---- */

static void test_infeasible(void **state) {
  (void)state;
  const char *out = fresh();
  put_manifest("loudness: -6, max_reduction: 3", three_tracks("-9"));
  expect_run(render(out, "-j", "2"), 0, "album infeasible: best is", "-6 LUFS asked",
             "max_reduction 3 dB");
  double deepest = 0;
  for (int i = 0; i < TRACKS; i++) {
    const double taken = number(out, files[i], "measured", "deepest_reduction_db");
    assert_true(taken <= 3);
    deepest = fmax(deepest, taken);
    expect_verdict(out, files[i], "album infeasible");
  }
  assert_true(deepest > 2.9);
  common_gain(out);
  assert_true(fabs(album_lufs(out, files, TRACKS) -
                   number(out, files[0], "album", "loudness_lufs")) <= 0.05);
  out = fresh();
  put_manifest("loudness: -6, max_reduction: 3, infeasible: fail", three_tracks("-9"));
  expect_run(render(out, "-j", "2"), 1, "album infeasible", "not delivered");
  assert_int_equal(cli_count(out, ".wav"), 0);
}

/* Without one of its tracks an album has no gain; variants of their own have. */
static void test_missing(void **state) {
  (void)state;
  const char *out = fresh();
  put_manifest("loudness: -18", "  - {source: one.wav, variants: [al, own]}\n"
                                "  - {source: gone.wav, variants: [al, own]}\n"
                                "  - {source: three.wav}\n");
  struct program_run run = render(out, "-j", "2");
  if (!strstr(run.err, "album \"al\" has no common gain without track 2") ||
      !strstr(run.err, "gone.wav"))
    fail_msg("%s", run.err);
  expect_status(run, 1);
  assert_int_equal(cli_count(out, ".wav"), 1);
  assert_true(cli_exists(out, "own/one.wav"));
  run = render(out, "--dry-run");
  assert_non_null(strstr(run.err, "gone.wav"));
  expect_status(run, 66);
  out = fresh(); /* the others alone do not need it */
  expect_status(render(out, "--only", "1:own"), 0);
}

static void test_silence(void **state) {
  static const char wave[] = "silent.wav";
  int16_t *zeros = calloc(50000, sizeof *zeros);
  (void)state;
  const struct fixture_wave silent = {1, 1, 44100, 16, zeros, 2 * 50000, 0};
  struct fixture_bytes bytes = fixture_wave(&silent);
  fixture_save(fixture_path(folder, wave), bytes.data, bytes.size);
  free(bytes.data);
  free(zeros);
  const char *out = fresh();
  put_manifest("loudness: -18", TRACK_ONE "  - {source: silent.wav}\n" TRACK_THREE);
  expect_run(render(out, "-j", "2"), 0, "album met");
  const char *const names[] = {files[0], "al/silent.wav", files[2]};
  assert_true(fabs(album_lufs(out, names, 3) + 18) <= 0.05);
  out = fresh();
  put_manifest("loudness: -18", "  - {source: silent.wav}\n");
  expect_run(render(out, "-j", "2"), 0, "album infeasible: there is no loudness");
  assert_true(number(out, "al/silent.wav", "measured", "gain_db") == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_together), cmocka_unit_test(test_clipper),
      cmocka_unit_test(test_delivered_rate),
      cmocka_unit_test(test_same_bits),
      cmocka_unit_test(test_incremental), cmocka_unit_test(test_unknown_gain),
      cmocka_unit_test(test_dry_run),
      cmocka_unit_test(test_infeasible), cmocka_unit_test(test_missing),
      cmocka_unit_test(test_silence),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
