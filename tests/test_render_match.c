/* SPDX-License-Identifier: MIT
 * Tracks matched to references by the program: what comes nearer, what is rendered again,
 * what is refused. All on the CPU. */
#define _XOPEN_SOURCE 700 /* st_mtim, utimensat */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */
#include "match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder, manifest[4096], out[4096];

enum { FRAMES = 3 * 44100 };

static void put_sound(const char *name, uint64_t seed) {
  const struct cli_sound sound = {name, SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, FRAMES, seed};
  cli_sound(folder, &sound);
}

#define render(...) run_program("render", manifest, "-o", out, "-d", "cpu", "-q", __VA_ARGS__)

static void write_manifest(const char *match, const char *tracks) {
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: \"{source}.{ext}\"\nvariants: {a: {}}\n"
           "chains: {like: [match: {%s}], plain: []}\ndefaults: {chain: like}\ntracks:\n%s",
           match, tracks);
}

/* The reference is another song through a filter: thin, with a presence. */
static void make_reference(const char *name) {
  char file[64];
  put_sound("other.wav", 2);
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: \"%s.{ext}\"\nvariants: {a: {}}\ntracks:\n"
           "  - source: other.wav\n    chain: [eq: {bands: [{type: high_shelf, freq: 3000, gain: 5},"
           " {type: bell, freq: 900, gain: -5, q: 1},"
           " {type: high_shelf, freq: 800, gain: 3, target: side}]}]\n", name);
  expect_status(run_program("render", manifest, "-o", folder, "-d", "cpu", "-q"), 0);
  snprintf(file, sizeof file, "%s.wav.receipt.json", name);
  assert_int_equal(unlink(fixture_path(folder, file)), 0);
  assert_int_equal(unlink(fixture_path(folder, "report.json")), 0);
}

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(out, sizeof out, "%s/out", folder);
  put_sound("one.wav", 1);
  make_reference("reference");
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}
static int empty_out(void **state) {
  static const char *const names[] = {"one.wav", "one.wav.receipt.json", "two.wav",
                                      "two.wav.receipt.json", "report.json", "track.wav",
                                      "track.wav.receipt.json"};
  (void)state;
  for (int i = 0; i < 7; i++) unlink(fixture_path(out, names[i]));
  return 0;
}

static char *state_of(const char *text) { /* of the only unit; the caller frees */
  json_t *line = cli_json_line(text, 0);
  char *state = strdup(json_string_value(json_object_get(line, "state")));
  json_decref(line);
  return state;
}

static void expect_state(const char *wanted) {
  struct program_run run = render("--json");
  assert_int_equal(run.status, 0);
  char *state = state_of(run.out);
  assert_string_equal(state, wanted);
  free(state);
  run_free(&run);
}

static char *text_of(const char *group, const char *field) {
  return cli_receipt_text(out, "one.wav", group, field);
}

static char *key_of(void) {
  json_t *receipt = cli_receipt(out, "one.wav");
  char *key = strdup(json_string_value(json_object_get(receipt, "key")));
  json_decref(receipt);
  return key;
}

/* ---- what it does ---- */

/* Levels of the third-octave bands 31.5 Hz to 16 kHz. */
enum { THIRDS = 28 };
static void thirds(const char *path, double db[THIRDS]) {
  struct audio audio;
  struct ltas x;
  assert_int_equal(decode_file(path, &audio, NULL), 0);
  assert_int_equal(ltas_measure(&audio, &x, NULL), 0);
  for (int i = 0; i < THIRDS; i++) {
    const double f = 1000 * pow(2, (i - 15) / 3.0), edge = pow(2, 1.0 / 6);
    db[i] = 10 * log10(ltas_band(&x, x.mid, f / edge, f * edge) +
                       ltas_band(&x, x.side, f / edge, f * edge));
  }
  ltas_free(&x);
  audio_free(&audio);
}

/* Root mean square of the differences in tone, dB. */
static double distance(const char *a, const char *b) {
  double x[THIRDS], y[THIRDS], mean = 0, sum = 0;
  thirds(a, x);
  thirds(b, y);
  for (int i = 0; i < THIRDS; i++) mean += (x[i] - y[i]) / THIRDS;
  for (int i = 0; i < THIRDS; i++) sum += (x[i] - y[i] - mean) * (x[i] - y[i] - mean);
  return sqrt(sum / THIRDS);
}

static double rendered_distance(const char *match) {
  write_manifest(match, "  - {source: one.wav}\n");
  expect_status(render("--verify", "off", "--force"), 0);
  return distance(fixture_path(out, "one.wav"), fixture_path(folder, "reference.wav"));
}

static void test_comes_nearer(void **state) {
  (void)state;
  const double before = distance(fixture_path(folder, "one.wav"),
                                 fixture_path(folder, "reference.wav"));
  const double half = rendered_distance("references: [{path: reference.wav}], max: 18, amount: 50");
  const double whole = rendered_distance("references: [{path: reference.wav}], max: 18");
  const double guarded = rendered_distance("references: [{path: reference.wav}], max: 3");
  const double apart =
      rendered_distance("references: [{path: reference.wav}], max: 18, channels: mid_side");
  print_message("third-octave distance: %.2f dB, half %.2f, whole %.2f, at most 3 dB %.2f, "
                "mid and side %.2f\n", before, half, whole, guarded, apart);
  assert_true(before > 3);
  assert_true(whole < 0.35 * before && apart < 0.35 * before);
  assert_true(half > 0.4 * before && half < 0.7 * before);
  assert_true(guarded > whole && guarded < before);
}

/* The receipt's eq, as a stage, is the same master: for keeping. */
static void test_receipt_holds_the_curve(void **state) {
  (void)state;
  write_manifest("references: [{path: reference.wav, weight: 2}], channels: mid_side, phase: minimum",
                 "  - {source: one.wav}\n");
  expect_status(render("--verify", "full"), 0);
  json_t *receipt = cli_receipt(out, "one.wav");
  const json_t *match = json_object_get(receipt, "match");
  const json_t *reference = json_array_get(json_object_get(match, "references"), 0);
  struct audio audio;
  assert_int_equal(decode_file(fixture_path(folder, "reference.wav"), &audio, NULL), 0);
  assert_string_equal(json_string_value(json_object_get(reference, "path")), "reference.wav");
  assert_string_equal(json_string_value(json_object_get(reference, "audio_sha256")),
                      audio.sha256);
  assert_true(json_number_value(json_object_get(reference, "weight")) == 2);
  audio_free(&audio);
  const json_t *eq = json_object_get(match, "eq");
  assert_int_equal(json_array_size(json_object_get(eq, "bands")), 2);
  assert_string_equal(json_string_value(json_object_get(eq, "phase")), "minimum");
  char *text = json_dumps(eq, JSON_REAL_PRECISION(10));
  char *pcm = text_of("deliverable", "pcm_sha256");
  cli_text(folder, "m.yaml",
           "{\"lacquer\": 1, \"output\": \"{source}.{ext}\", \"variants\": {\"a\": {}},\n"
           "\"tracks\": [{\"source\": \"one.wav\", \"chain\": [{\"eq\": %s}]}]}",
           text);
  expect_status(render("--verify", "full"), 0);
  char *frozen = text_of("deliverable", "pcm_sha256");
  assert_string_equal(frozen, pcm);
  free(frozen);
  free(pcm);
  free(text);
  json_decref(receipt);
}

/* What a track's cuts leave is measured: the curve is that of the part alone. */
static void test_measures_what_is_kept(void **state) {
  (void)state;
  const struct fixture_shape whole = {44100, 2, 2 * FRAMES, 24}, part = {44100, 2, FRAMES, 24};
  int32_t *pcm = fixture_noise(&whole, 7), *kept = fixture_programme(&part, 1);
  memcpy(pcm, kept, (size_t)FRAMES * 2 * sizeof *pcm);
  fixture_write(fixture_path(folder, "cut.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_24, &whole, pcm);
  fixture_write(fixture_path(folder, "whole.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_24, &whole, pcm);
  free(kept);
  free(pcm);
  write_manifest("references: [{path: reference.wav}]",
                 "  - {source: one.wav}\n  - {source: cut.wav, end: 3}\n"
                 "  - {source: whole.wav}\n");
  struct program_run run = run_program("render", manifest, "--dry-run", "--json");
  json_t *eq[3], *line[3];
  assert_int_equal(run.status, 0);
  for (int i = 0; i < 3; i++) {
    line[i] = cli_json_line(run.out, i);
    eq[i] = json_object_get(json_object_get(line[i], "match"), "eq");
  }
  assert_true(json_equal(eq[0], eq[1]));
  assert_false(json_equal(eq[0], eq[2]));
  for (int i = 0; i < 3; i++) json_decref(line[i]);
  run_free(&run);
}

static void test_dry_run(void **state) {
  (void)state;
  write_manifest("references: [{path: reference.wav}]", "  - {source: one.wav}\n");
  struct program_run run = run_program("render", manifest, "--dry-run");
  assert_int_equal(run.status, 0);
  assert_non_null(strstr(run.out, "  match (-"));
  assert_non_null(strstr(run.out, " dB) (rings "));
  run_free(&run);
  run = run_program("render", manifest, "--dry-run", "--json");
  json_t *line = cli_json_line(run.out, 0);
  const json_t *eq = json_object_get(json_object_get(line, "match"), "eq");
  const json_t *band = json_array_get(json_object_get(eq, "bands"), 0);
  assert_string_equal(json_string_value(json_object_get(band, "target")), "stereo");
  assert_int_equal(json_array_size(json_object_get(band, "points")), MATCH_POINTS);
  json_decref(line);
  run_free(&run);
}

/* ---- what is rendered again ---- */

static void test_up_to_date(void **state) {
  (void)state;
  make_reference("kept");
  write_manifest("references: [{path: kept.wav}]", "  - {source: one.wav}\n");
  expect_state("delivered");
  char *first = key_of();
  expect_state("up to date");
  assert_int_equal(rename(fixture_path(folder, "kept.wav"), fixture_path(folder, "moved.wav")), 0);
  write_manifest("references: [{path: moved.wav}]", "  - {source: one.wav}\n");
  expect_state("up to date"); /* the same audio */
  put_sound("moved.wav", 3);
  expect_state("delivered");
  char *second = key_of();
  assert_string_not_equal(first, second);
  write_manifest("references: [{path: moved.wav}], amount: 99", "  - {source: one.wav}\n");
  expect_state("delivered");
  expect_state("up to date");
  free(first);
  free(second);
}

/* Another content of the same length and time: who decodes it fails. */
static void spoil(const char *name) {
  const char *path = fixture_path(folder, name);
  struct stat s;
  assert_int_equal(stat(path, &s), 0);
  const struct timespec times[2] = {s.st_atim, s.st_mtim};
  char *noise = calloc((size_t)s.st_size, 1);
  assert_non_null(noise);
  fixture_save(path, noise, (size_t)s.st_size);
  free(noise);
  assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* The receipt knows what its curves were found from: nothing is decoded or designed. */
static void test_recalled(void **state) {
  const struct timespec times[2] = {{1000000000, 0}, {1000000000, 5}};
  const char *track = "  - {source: track.wav, title: %s}\n";
  char tracks[100];
  (void)state;
  put_sound("track.wav", 5);
  make_reference("kept");
  snprintf(tracks, sizeof tracks, track, "Dawn");
  write_manifest("references: [{path: kept.wav}]", tracks);
  expect_state("delivered");
  assert_int_equal(utimensat(AT_FDCWD, fixture_path(folder, "kept.wav"), times, 0), 0);
  expect_state("up to date"); /* decoded, and noted */
  snprintf(tracks, sizeof tracks, track, "Noon");
  write_manifest("references: [{path: kept.wav}]", tracks);
  spoil("track.wav");
  spoil("kept.wav");
  json_t *before = cli_receipt(out, "track.wav");
  expect_state("retagged");
  json_t *after = cli_receipt(out, "track.wav");
  assert_true(json_is_object(json_object_get(after, "match")));
  assert_true(json_equal(json_object_get(before, "match"), json_object_get(after, "match")));
  json_decref(before);
  json_decref(after);
  expect_state("up to date");
  write_manifest("references: [{path: kept.wav}], amount: 99", tracks);
  expect_run(render("-j", "1"), 65, "track.wav"); /* other curves: it is decoded */
}

/* The same bits with any number of workers, and when the analysis comes first or last. */
static void test_same_bits(void **state) {
  (void)state;
  char other[4096];
  snprintf(other, sizeof other, "%s/other", folder);
  put_sound("two.wav", 4);
  write_manifest("references: [{path: reference.wav}, {path: one.wav}], channels: mid_side",
                 "  - {source: one.wav, number: 1}\n  - {source: two.wav, number: 2}\n");
  expect_status(render("-j", "1"), 0);
  write_manifest("references: [{path: reference.wav}, {path: one.wav}], channels: mid_side",
                 "  - {source: two.wav, number: 2}\n  - {source: one.wav, number: 1}\n");
  expect_status(run_program("render", manifest, "-o", other, "-d", "cpu", "-q", "-j", "2",
                            "--segment", "3"), 0);
  assert_int_equal(cli_same_bits(other, out), 2);
}

/* ---- what is refused ---- */

static void test_missing_reference(void **state) {
  (void)state;
  write_manifest("references: [{path: reference.wav}, {path: nowhere.flac}]",
                 "  - {source: one.wav}\n  - {source: other.wav, chain: plain}\n");
  expect_run(render("-j", "1"), 66, "m.yaml:7: match reference ", "nowhere.flac: No such file");
  struct program_run run = render("--dry-run");
  assert_int_equal(run.status, 66);
  assert_int_equal(count_lines(run.err), 1);
  run_free(&run);
  assert_false(cli_exists(out, "one.wav"));
  expect_status(render("--only", "2"), 0); /* does not need it */
  write_manifest("references: [{path: nowhere.flac}], amount: 0", "  - {source: one.wav}\n");
  expect_status(render("-j", "1"), 0);
}

static void expect_failed(const char *match, const char *tracks, int status, const char *words) {
  write_manifest(match, tracks);
  expect_run(render("-j", "1"), status, words);
  assert_false(cli_exists(out, "one.wav"));
}

static void test_unusable_audio(void **state) {
  (void)state;
  const struct fixture_shape shape = {44100, 2, FRAMES, 24};
  const struct cli_sound brief = {"short.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 32767,
                                  5};
  int32_t *silence = calloc((size_t)FRAMES * 2, sizeof *silence);
  assert_non_null(silence);
  fixture_write(fixture_path(folder, "silence.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_24, &shape,
                silence);
  free(silence);
  cli_sound(folder, &brief);
  cli_text(folder, "text.wav", "no audio");
  expect_failed("references: [{path: silence.wav}]", "  - {source: one.wav}\n", 65,
                "silence.wav: silent: nothing in it is louder than -70 LUFS");
  expect_failed("references: [{path: short.wav}]", "  - {source: one.wav}\n", 65,
                "short.wav: too short to measure a spectrum: 32767 frames (accepted: 32768");
  expect_failed("references: [{path: text.wav}]", "  - {source: one.wav}\n", 65,
                "match reference: ");
  /* A source that cannot be measured fails alone. */
  write_manifest("references: [{path: reference.wav}]",
                 "  - {source: silence.wav}\n  - {source: short.wav}\n  - {source: one.wav}\n");
  expect_run(render("-j", "1"), 1, "silence.wav: cannot be matched: silent",
             "short.wav: cannot be matched: too short");
  assert_true(cli_exists(out, "one.wav"));
}

static void test_references_are_kept(void **state) {
  (void)state;
  write_manifest("references: [{path: reference.wav}]", "  - {source: one.wav}\n");
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: reference.{ext}\nvariants: {a: {}}\ntracks:\n"
           "  - {source: one.wav, chain: [match: {references: [{path: reference.wav}]}]}\n");
  expect_run(run_program("render", manifest, "-o", folder, "-d", "cpu", "--force"), 73,
             "is a source of this manifest");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_comes_nearer, empty_out),
      cmocka_unit_test_setup(test_receipt_holds_the_curve, empty_out),
      cmocka_unit_test_setup(test_measures_what_is_kept, empty_out),
      cmocka_unit_test_setup(test_dry_run, empty_out),
      cmocka_unit_test_setup(test_up_to_date, empty_out),
      cmocka_unit_test_setup(test_recalled, empty_out),
      cmocka_unit_test_setup(test_same_bits, empty_out),
      cmocka_unit_test_setup(test_missing_reference, empty_out),
      cmocka_unit_test_setup(test_unusable_audio, empty_out),
      cmocka_unit_test_setup(test_references_are_kept, empty_out),
  };
  return cmocka_run_group_tests_name("matched renders", tests, set_up, tear_down);
}
