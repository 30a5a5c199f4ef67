/* SPDX-License-Identifier: MIT
 * What a run leaves alone, what it only tags anew and what it renders again, by what was
 * changed since the last one. All on the CPU. */
#define _XOPEN_SOURCE 700 /* st_mtim, utimensat */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */
#include "shaders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

/* ---- a catalogue ---- */

/* Every container and word length; the last variant is an album. */
static const struct {
  const char *name, *extension, *settings;
} variants[] = {
    {"w16", "wav", "bits: 16"},
    {"w20", "wav", "bits: 20"},
    {"w24", "wav", "loudness: -16, true_peak: -1"},
    {"w32", "wav", "bits: 32"},
    {"a16", "aiff", "bits: 16, format: aiff"},
    {"a32", "aiff", "bits: 32, format: aiff"},
    {"f20", "flac", "bits: 20, format: flac"},
    {"f48", "flac", "rate: 48000, format: flac"},
    {"al", "flac", "loudness: -20, loudness_mode: album, true_peak: -1, format: flac"},
};
enum { TRACKS = 3, VARIANTS = COUNT(variants), UNITS = TRACKS * VARIANTS };
static const char *const sources[TRACKS] = {"one.wav", "two.flac", "three.aiff"};

static char *folder, manifest[4096], out[4096];
static struct {
  const char *source[TRACKS], *title, *artist, *isrc, *album, *w16;
  double gain_db; /* of a band of the second track */
} now;

static void write_manifest(void) {
  char text[2000] = "";
  for (int v = 0; v < VARIANTS; v++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "  %s: {%s}\n", variants[v].name,
             v ? variants[v].settings : now.w16);
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: \"{variant}/{number}.{ext}\"\n"
           "catalogue: {title: %s, artist: Kor, year: 2026}\nvariants:\n%stracks:\n"
           "  - {source: %s, title: %s, artist: %s, isrc: %s, gap_before: 0.1, gap_after: 0.05,\n"
           "     fade_in: 20, chain: [eq: {bands: [{type: bell, freq: 500, gain: 2}]}]}\n"
           "  - {source: %s, title: Noon, chain: [eq: {bands: [{type: bell, freq: 900,"
           " gain: %g}]}]}\n"
           "  - {source: %s, title: Dusk}\n",
           now.album, text, now.source[0], now.title, now.artist, now.isrc, now.source[1],
           now.gain_db, now.source[2]);
}

static void put_sources(void) {
  static const struct cli_sound sounds[TRACKS] = {
      {"one.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 24000, 1},
      {"two.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 44100, 2, 20001, 2},
      {"three.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_24, 44100, 1, 22000, 3},
  };
  for (int i = 0; i < TRACKS; i++) {
    cli_sound(folder, &sounds[i]);
    now.source[i] = sources[i];
  }
}

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(out, sizeof out, "%s/out", folder);
  put_sources();
  now.title = "Dawn";
  now.artist = "Solo";
  now.isrc = "QZABC2600001";
  now.album = "Nordlys";
  now.w16 = variants[0].settings;
  now.gain_db = 1;
  write_manifest();
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

static const char *unit_name(int track, int variant, const char *ending) {
  static char names[4][64];
  static int next;
  char *name = names[next++ % 4];
  snprintf(name, sizeof names[0], "%s/%02d.%s%s", variants[variant].name, track + 1,
           variants[variant].extension, ending);
  return name;
}

/* ---- runs ---- */

#define render_to(folder, ...) \
  run_program("render", manifest, "-o", folder, "-d", "cpu", "-q", __VA_ARGS__)

static int number_in(const json_t *report, const char *field) {
  const json_t *value = json_object_get(report, field);
  assert_true(json_is_integer(value));
  return (int)json_integer_value(value);
}

/* Renders; so many units are delivered and retagged, the others up to date. */
static void expect_done(int delivered, int retagged) {
  struct program_run run = render_to(out, "--json");
  json_t *report = cli_json(out, "report.json");
  const int n = (int)json_array_size(json_object_get(report, "units"));
  if (number_in(report, "delivered") != delivered || number_in(report, "retagged") != retagged ||
      number_in(report, "up_to_date") != n - delivered - retagged)
    fail_msg("expected %d delivered, %d retagged; units:\n%s%s", delivered, retagged, run.out,
             run.err);
  json_decref(report);
  expect_status(run, 0);
  assert_int_equal(cli_check_receipts(out), n);
}

static struct stat stat_of(const char *path) {
  struct stat s;
  if (stat(path, &s)) fail_msg("%s is not there", path);
  return s;
}

static bool untouched(const struct stat *a, const struct stat *b) {
  return a->st_ino == b->st_ino && !memcmp(&a->st_mtim, &b->st_mtim, sizeof a->st_mtim) &&
         !memcmp(&a->st_ctim, &b->st_ctim, sizeof a->st_ctim);
}

struct snapshot {
  struct stat file[TRACKS][VARIANTS], receipt[TRACKS][VARIANTS], report;
};

static struct snapshot *snapshot_new(void) {
  struct snapshot *s = calloc(1, sizeof *s);
  assert_non_null(s);
  for (int t = 0; t < TRACKS; t++)
    for (int v = 0; v < VARIANTS; v++) {
      s->file[t][v] = stat_of(fixture_path(out, unit_name(t, v, "")));
      s->receipt[t][v] = stat_of(fixture_path(out, unit_name(t, v, ".receipt.json")));
    }
  s->report = stat_of(fixture_path(out, "report.json"));
  return s;
}

/* Nothing changed since, but what belongs to `track` and `variant`; -1: none, ALL: any. */
enum { ALL = 100 };
static void expect_untouched(struct snapshot *before, int track, int variant) {
  struct snapshot *after = snapshot_new();
  for (int t = 0; t < TRACKS; t++)
    for (int v = 0; v < VARIANTS; v++) {
      const bool changes = (track == ALL || t == track) && (variant == ALL || v == variant);
      if (untouched(&before->file[t][v], &after->file[t][v]) == changes ||
          untouched(&before->receipt[t][v], &after->receipt[t][v]) == changes)
        fail_msg("%s is %s", unit_name(t, v, ""), changes ? "as it was" : "another");
    }
  free(before);
  free(after);
}

/* Another content of the same length and time: who decodes it fails. */
static void spoil(const char *name) {
  const char *path = fixture_path(folder, name);
  const struct stat s = stat_of(path);
  const struct timespec times[2] = {s.st_atim, s.st_mtim};
  char *noise = malloc((size_t)s.st_size);
  assert_non_null(noise);
  memset(noise, 'x', (size_t)s.st_size);
  fixture_save(path, noise, (size_t)s.st_size);
  free(noise);
  assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void spoil_sources(void) {
  for (int i = 0; i < TRACKS; i++) spoil(sources[i]);
}

/* ---- nothing changed ---- */

static void test_untouched(void **state) {
  (void)state;
  expect_done(UNITS, 0);
  spoil_sources();
  struct snapshot *first = snapshot_new();
  expect_done(0, 0);
  struct snapshot *second = snapshot_new();
  assert_false(untouched(&first->report, &second->report)); /* "up to date", not "delivered" */
  expect_untouched(first, -1, -1);
  expect_done(0, 0);
  struct snapshot *third = snapshot_new();
  assert_true(untouched(&second->report, &third->report));
  expect_untouched(second, -1, -1);
  free(third);
  assert_int_equal(cli_count(out, ""), 2 * UNITS + 1);
  cli_text(out, "report.json", "{\n  \"wall_seconds\": 1"); /* no report at all */
  expect_done(0, 0);
}

/* ---- tags ---- */

/* A folder with what a forced render of the manifest gives. */
static const char *rendered_apart(void) {
  static char apart[4096];
  snprintf(apart, sizeof apart, "%s/apart", folder);
  expect_status(render_to(apart, "--force"), 0);
  return apart;
}

static void expect_same_match(const char *apart, int track, int variant) {
  const char *name = unit_name(track, variant, "");
  json_t *a = cli_receipt(out, name), *b = cli_receipt(apart, name);
  assert_true(json_equal(a, b));
  json_decref(a);
  json_decref(b);
}

/* The bytes of a forced render, of samples that were neither decoded nor rendered. */
static void test_tags(void **state) {
  (void)state;
  expect_done(UNITS, 0);
  now.title = "A longer title of \xc3\xa6rlig talt";
  now.isrc = "QZABC2600009";
  write_manifest();
  const char *apart = rendered_apart();
  spoil_sources();
  struct snapshot *before = snapshot_new();
  expect_done(0, VARIANTS);
  expect_untouched(before, 0, ALL);
  assert_int_equal(cli_same_bits(out, apart), UNITS);
  for (int v = 0; v < VARIANTS; v++) expect_same_match(apart, 0, v); /* the whole receipt */
  now.artist = "Duo";
  now.album = "Sydlys"; /* of all tracks */
  write_manifest();
  expect_done(0, UNITS);
  expect_done(0, 0);
  put_sources();
  assert_int_equal(cli_same_bits(out, rendered_apart()), UNITS);
}

/* One byte in the middle of a file. */
static void damage(const char *name) {
  const char *path = fixture_path(out, name);
  struct fixture_bytes bytes = fixture_load(path);
  bytes.data[bytes.size / 2] ^= 0x10;
  fixture_save(path, bytes.data, bytes.size);
  free(bytes.data);
}

/* Samples that are not those of the receipt are rendered again. */
static void test_damaged(void **state) {
  (void)state;
  expect_done(UNITS, 0);
  now.isrc = "QZABC2600009";
  write_manifest();
  const char *apart = rendered_apart();
  damage(unit_name(0, 2, ""));
  damage(unit_name(0, 6, ""));
  expect_done(2, VARIANTS - 2);
  assert_int_equal(cli_same_bits(out, apart), UNITS);
  now.isrc = "QZABC2600008";
  write_manifest();
  apart = rendered_apart();
  damage(unit_name(0, VARIANTS - 1, "")); /* of the album: its gain is found again */
  expect_done(1, VARIANTS - 1);
  assert_int_equal(cli_same_bits(out, apart), UNITS);
}

/* Tags of one unit of a track, and another sound of another. */
static void test_tags_and_sound(void **state) {
  (void)state;
  expect_done(UNITS, 0);
  now.isrc = "QZABC2600009";
  now.w16 = "bits: 16, dither: none";
  write_manifest();
  expect_done(TRACKS, VARIANTS - 1);
  assert_int_equal(cli_same_bits(out, rendered_apart()), UNITS);
}

/* A file that cannot be written stays as it was, with its receipt. */
static void test_no_room(void **state) {
  (void)state;
  expect_done(UNITS, 0);
  now.title = "Dusk";
  write_manifest();
  struct snapshot *before = snapshot_new();
  run_limit_files(40000);
  struct program_run run = render_to(out, "--only", "1:w24");
  run_limit_files(0);
  expect_run(run, 74, "w24/01.wav: cannot write");
  expect_untouched(before, -1, -1);
  assert_int_equal(cli_check_receipts(out), UNITS);
  expect_done(0, VARIANTS);
}

/* What the golden receipt does not have is not published. */
static void test_golden(void **state) {
  char golden[4096];
  (void)state;
  snprintf(golden, sizeof golden, "%s/golden", folder);
  expect_done(UNITS, 0);
  now.gain_db = 2;
  write_manifest();
  expect_status(render_to(golden, "--only", "2"), 0);
  now.gain_db = 1;
  now.album = "Sydlys";
  write_manifest();
  struct snapshot *before = snapshot_new();
  expect_run(render_to(out, "--only", "2:w24", "--verify", "golden", "--golden", golden), 1,
             "w24/02.wav: PCM differs from the golden receipt");
  expect_untouched(before, -1, -1);
  expect_done(0, UNITS);
}

/* ---- sound ---- */

static void test_one_band(void **state) {
  (void)state;
  expect_done(UNITS, 0);
  struct snapshot *before = snapshot_new();
  now.gain_db = 1.01;
  write_manifest();
  expect_status(render_to(out, "--only", "2:w16"), 0);
  expect_untouched(before, 1, 0);
  before = snapshot_new();
  now.w16 = "bits: 16, dither: none";
  write_manifest();
  expect_status(render_to(out, "--only", "1:w16"), 0);
  expect_untouched(before, 0, 0);
  /* w16 of two tracks, the rest of the second track, and the album, whose gain is another */
  expect_done(2 + VARIANTS - 2 + TRACKS, 0);
}

static void test_variant(void **state) {
  (void)state;
  expect_done(UNITS, 0);
  struct snapshot *before = snapshot_new();
  now.w16 = "bits: 16, loudness: -17";
  write_manifest();
  expect_done(TRACKS, 0);
  expect_untouched(before, ALL, 0);
}

/* The program, built from other sources as far as it knows. */
static void make_other_engine(const char *path) {
  struct fixture_bytes program = fixture_load(LACQUER_PROGRAM);
  int found = 0;
  for (size_t i = 0; i + 64 <= program.size; i++) {
    if (memcmp(program.data + i, lacquer_engine_hash, 64)) continue;
    program.data[i] = program.data[i] == '0' ? '1' : '0';
    found++;
  }
  assert_int_equal(found, 1);
  fixture_save(path, program.data, program.size);
  free(program.data);
  assert_int_equal(chmod(path, 0755), 0);
}

static void test_engine(void **state) {
  (void)state;
  const char *other = fixture_path(folder, "other-lacquer");
  make_other_engine(other);
  struct program_run run = run_words((const char *const[]){other, "render", manifest, "-o", out,
                                                           "-d", "cpu", "-q", NULL});
  expect_status(run, 0);
  now.isrc = "QZABC2600009"; /* other tags are no way around it */
  write_manifest();
  expect_done(UNITS, 0);
  expect_done(0, 0);
}

/* ---- sources ---- */

/* The same audio elsewhere and otherwise packed; then the new place is known. */
static void test_moved(void **state) {
  const struct fixture_shape shape = {44100, 2, 24000, 16};
  (void)state;
  expect_done(UNITS, 0);
  int32_t *pcm = fixture_programme(&shape, 1);
  assert_int_equal(mkdir(fixture_path(folder, "elsewhere"), 0777), 0);
  fixture_write(fixture_path(folder, "elsewhere/moved.flac"), SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
                &shape, pcm);
  free(pcm);
  now.source[0] = "elsewhere/moved.flac";
  write_manifest();
  char *key = cli_receipt_text(out, unit_name(0, 0, ""), "source", "audio_sha256");
  const struct stat file = stat_of(fixture_path(out, unit_name(0, 0, "")));
  expect_done(0, 0);
  char *path = cli_receipt_text(out, unit_name(0, 0, ""), "source", "path");
  char *same = cli_receipt_text(out, unit_name(0, 0, ""), "source", "audio_sha256");
  const struct stat again = stat_of(fixture_path(out, unit_name(0, 0, "")));
  assert_string_equal(path, "elsewhere/moved.flac");
  assert_string_equal(key, same);
  assert_true(untouched(&file, &again));
  free(key), free(same), free(path);
  spoil("elsewhere/moved.flac");
  struct snapshot *before = snapshot_new();
  expect_done(0, 0);
  expect_untouched(before, -1, -1);
}

static void test_touched(void **state) {
  const struct timespec times[2] = {{1000000000, 0}, {1000000000, 5}};
  (void)state;
  expect_done(UNITS, 0);
  assert_int_equal(utimensat(AT_FDCWD, fixture_path(folder, sources[1]), times, 0), 0);
  struct snapshot *before = snapshot_new(), *after;
  expect_done(0, 0);
  after = snapshot_new();
  for (int t = 0; t < TRACKS; t++)
    for (int v = 0; v < VARIANTS; v++) {
      assert_true(untouched(&before->file[t][v], &after->file[t][v]));
      assert_int_equal(untouched(&before->receipt[t][v], &after->receipt[t][v]), t != 1);
    }
  free(before);
  spoil(sources[1]); /* the receipt knows it as it is now */
  expect_done(0, 0);
  expect_untouched(after, -1, -1);
}

/* Two sources of one size and time, as an archive leaves them, that change places. */
static void test_exchanged(void **state) {
  static const char *const names[] = {"x.wav", "y.wav"};
  const struct timespec times[2] = {{1000000000, 0}, {1000000000, 0}};
  (void)state;
  for (int i = 0; i < 2; i++) {
    const struct cli_sound sound = {names[i], SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 9000,
                                    50 + (uint64_t)i};
    cli_sound(folder, &sound);
    assert_int_equal(utimensat(AT_FDCWD, fixture_path(folder, names[i]), times, 0), 0);
  }
  for (int i = 0; i < 2; i++) {
    cli_text(folder, "m.yaml", "lacquer: 1\noutput: \"{number}.{ext}\"\nvariants: {a: {}}\n"
             "tracks: [{source: %s, title: X}, {source: %s, title: Y}]\n", names[i],
             names[1 - i]);
    expect_done(2, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_untouched), TEST(test_tags),      TEST(test_damaged),
      TEST(test_no_room),   TEST(test_golden),    TEST(test_tags_and_sound),
      TEST(test_one_band),  TEST(test_variant),   TEST(test_engine),
      TEST(test_moved),     TEST(test_touched),   TEST(test_exchanged),
#undef TEST
  };
  return cmocka_run_group_tests_name("incremental", tests, NULL, NULL);
}
