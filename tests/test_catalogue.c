/* SPDX-License-Identifier: MIT
 * Catalogues of many files: track lists as spreadsheets write them, patterns, includes,
 * discs and numbers. What is refused is in tests/manifest. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */

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

#include "file_pattern.h"
#include "manifest.h"
#include "match.h"
#include "tags.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
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

static void put(const char *name, const char *text) {
  fixture_save(fixture_path(folder, name), text, strlen(text));
}

static struct manifest *read_folder(const char *name) {
  struct manifest *m;
  char *told;
  size_t size;
  FILE *errors = open_memstream(&told, &size);
  const int status = manifest_read(fixture_path(folder, name), errors, &m);
  fclose(errors);
  if (status) fail_msg("status %d:\n%s", status, told);
  free(told);
  return m;
}

#define HEAD \
  "lacquer: 1\nchains: {house: [], soft: []}\nvariants: {cd: {bits: 16}, web: {}, hi: {}}\n"

static struct manifest *read_list(const char *name, const char *text, const char *more) {
  put(name, text);
  cli_text(folder, "m.yaml", HEAD "tracks:\n  - {source: %s%s}\n", name, more);
  return read_folder("m.yaml");
}

/* ---- track lists ---- */

/* The same two tracks, as different programs write them. */
static void expect_pair(const char *name, const char *text) {
  struct manifest *m = read_list(name, text, "");
  const struct track *t = m->tracks;
  if (m->n_tracks != 2) fail_msg("%d tracks in\n%s", m->n_tracks, text);
  assert_string_equal(t[0].source_text, "a.wav");
  assert_string_equal(t[0].title, "One, two; three");
  assert_true(t[0].edit.fade_in_ms == 1.5);
  assert_string_equal(t[1].source_text, "b c.wav");
  assert_string_equal(t[1].title, "Say \"ja\"");
  assert_true(t[1].edit.fade_in_ms == 0);
  manifest_destroy(&m);
}

static void reads_separators(void **state) {
  (void)state;
  expect_pair("l.csv", "source,title,fade_in\na.wav,\"One, two; three\",1.5\n"
                       "b c.wav,\"Say \"\"ja\"\"\",\n");
  expect_pair("l.csv", "source;title;fade_in\na.wav;\"One, two; three\";1,5\n"
                       "b c.wav;\"Say \"\"ja\"\"\";\n");
  expect_pair("l.csv", "source\ttitle\tfade_in\na.wav\tOne, two; three\t1,5\n"
                       "b c.wav\t\"Say \"\"ja\"\"\"\t\n");
  expect_pair("l.TSV", "source\ttitle\tfade_in\na.wav\tOne, two; three\t1.5\n"
                       "b c.wav\t\"Say \"\"ja\"\"\"\n");
  expect_pair("l.csv", "sep=;\r\nsource;title;fade_in;#a,b,c,d\r\na.wav;\"One, two; three\";"
                       "1,5\r\nb c.wav;\"Say \"\"ja\"\"\";\r\n");
}

static void reads_line_ends(void **state) {
  (void)state;
  expect_pair("l.csv", "\xEF\xBB\xBFsource,title,fade_in\r\na.wav,\"One, two; three\",1.5\r\n"
                       "b c.wav,\"Say \"\"ja\"\"\",\r\n");
  expect_pair("l.csv", "source,title,fade_in\ra.wav,\"One, two; three\",1.5\r"
                       "b c.wav,\"Say \"\"ja\"\"\",");
  expect_pair("l.csv", "source,title,fade_in,,\r\n,,,,\r\na.wav,\"One, two; three\",1.5,,\r\n\r\n"
                       "b c.wav,\"Say \"\"ja\"\"\",,,\r\n,,,,\r\n,,,,\r\n");
  expect_pair("l.csv", " Source , TITLE ,Fade-in, #remark\n a.wav , \"One, two; three\" , 1.5 ,x\n"
                       "b c.wav,\"Say \"\"ja\"\"\",,\"a,\nb\"\n");
}

static void reads_fields(void **state) {
  (void)state;
  struct manifest *m = read_list(
      "l.csv",
      "source;number;disc;isrc;artist;chain;variants;title;trim;gap_after\n"
      "a.wav;7;2;qz-abc-26-00001;Solo;soft;web|cd;null;both;0,25\n"
      "b.wav;;;;;;hi cd ;\"two\r\nlines\";;\n"
      "/abs/c.wav;;;;;;;;;\n", ", artist: All, chain: house, variants: [web], trim: head");
  const struct track *t = m->tracks;
  assert_int_equal(m->n_tracks, 3);
  assert_int_equal(t[0].number, 7);
  assert_int_equal(t[0].disc, 2);
  assert_string_equal(t[0].isrc, "QZABC2600001");
  assert_string_equal(t[0].artist, "Solo");
  assert_string_equal(t[0].title, "null"); /* a title, not YAML's nothing */
  assert_ptr_equal(t[0].chain.stages, m->chains[1].stages);
  assert_int_equal(t[0].n_variants, 2);
  assert_int_equal(t[0].variants[0], 1);
  assert_int_equal(t[0].variants[1], 0);
  assert_int_equal(t[0].edit.trim, TRIM_BOTH);
  assert_true(t[0].edit.gap_after_s == 0.25);
  assert_int_equal(t[1].number, 1); /* of those without a disc */
  assert_int_equal(t[1].disc, 0);
  assert_string_equal(t[1].artist, "All"); /* what the item says of all */
  assert_string_equal(t[1].title, "two\r\nlines");
  assert_int_equal(t[1].edit.trim, TRIM_HEAD);
  assert_ptr_equal(t[1].chain.stages, m->chains[0].stages);
  assert_int_equal(t[1].n_variants, 2);
  assert_int_equal(t[1].variants[0], 2);
  assert_string_equal(t[2].source, "/abs/c.wav");
  assert_string_equal(t[2].title, "c");
  assert_int_equal(t[2].n_variants, 1);
  assert_int_equal(t[2].variants[0], 1);
  assert_int_equal(t[1].line, 3);
  assert_int_equal(t[2].line, 5); /* behind a field of two lines */
  char *place = manifest_track_place(&t[2]);
  char expected[4096];
  snprintf(expected, sizeof expected, "%s/l.csv:5: ", folder);
  assert_string_equal(place, expected);
  free(place);
  manifest_destroy(&m);
}

/* Stages written beside the list are one set for all rows. */
static void shares_chains(void **state) {
  (void)state;
  struct manifest *m = read_list("l.csv", "source,chain\na.wav,\nb.wav,soft\nc.wav,\n",
                                 ", chain: [stereo: {width: 1.5}]");
  assert_int_equal(m->tracks[0].chain.n_stages, 1);
  assert_int_equal(m->tracks[1].chain.n_stages, 0);
  assert_ptr_equal(m->tracks[0].chain.stages, m->tracks[2].chain.stages);
  manifest_destroy(&m);
  m = read_list("l.csv", "source,chain\na.wav,soft\n", ", chain: [stereo: {width: 1.5}]");
  assert_int_equal(m->tracks[0].chain.n_stages, 0);
  manifest_destroy(&m);
}

static void survives_damage(void **state) {
  static const char whole[] = "\xEF\xBB\xBFSource;Title;ISRC;Fade in;Variants\r\n"
                              "\"a.wav\";\"A \"\"quoted\"\"\r\ntitle\";QZABC2600001;1,5;cd|web\r\n"
                              ";;;;\r\nb.wav;B;;;hi\r\n";
  static const char marks[] = "\";,\t\r\n|\0\xFF*.";
  uint64_t seed = 20260102;
  (void)state;
  print_message("seed %llu\n", (unsigned long long)seed);
  cli_text(folder, "m.yaml", HEAD "tracks: [{source: l.csv}]\n");
  for (int round = 0; round < 2000; round++) {
    char bytes[sizeof whole];
    size_t size = sizeof whole - 1;
    memcpy(bytes, whole, size);
    for (uint64_t n = 1 + fixture_random(&seed) % 4; n; n--) {
      char *place = bytes + fixture_random(&seed) % size;
      *place = fixture_random(&seed) % 2 ? marks[fixture_random(&seed) % (sizeof marks - 1)]
                                         : bytes[fixture_random(&seed) % size];
    }
    if (round % 4 == 0) size = fixture_random(&seed) % size; /* cut short */
    fixture_save(fixture_path(folder, "l.csv"), bytes, size);
    struct manifest *m;
    FILE *nowhere = fopen("/dev/null", "w");
    assert_non_null(nowhere);
    const int status = manifest_read(fixture_path(folder, "m.yaml"), nowhere, &m);
    assert_int_equal(status == 0, m != NULL);
    manifest_destroy(&m);
    fclose(nowhere);
  }
}

/* ---- patterns ---- */

static void expect_matches(const char *pattern, const char *const expected[], int n) {
  char base[4096];
  struct file_matches found;
  struct failure why = {0};
  snprintf(base, sizeof base, "%s/", folder);
  if (file_pattern_find(base, pattern, &found, &why)) fail_msg("%s: %s", pattern, why.text);
  for (int i = 0; i < n && i < found.n; i++) assert_string_equal(found.paths[i], expected[i]);
  assert_int_equal(found.n, n);
  file_matches_release(&found);
}
#define expect_found(pattern, ...) \
  expect_matches(pattern, (const char *const[]){__VA_ARGS__}, \
                 COUNT(((const char *const[]){__VA_ARGS__})))

static void put_files(void) {
  static const char *const folders[] = {"in", "in/cd 2", "in/cd 10", "in/.trash"};
  static const char *const files[] = {
      "in/2 b.wav", "in/10 a.wav", "in/1 c.WAV", "in/cover.jpg", "in/._2 b.wav", "in/done.flac",
      "in/done.flac.receipt.json", "in/cd 2/x.flac", "in/cd 10/02.aiff", "in/cd 10/1.wav",
      "in/.trash/y.wav", "in/what?.wav"};
  for (int i = 0; i < COUNT(folders); i++)
    assert_int_equal(mkdir(fixture_path(folder, folders[i]), 0777), 0);
  for (int i = 0; i < COUNT(files); i++) put(files[i], "");
  assert_int_equal(symlink("..", fixture_path(folder, "in/cd 2/up")), 0);
}

static void finds_files(void **state) {
  (void)state;
  put_files();
  expect_found("in/*", "in/1 c.WAV", "in/2 b.wav", "in/10 a.wav", "in/what?.wav");
  expect_found("in/*.wav", "in/2 b.wav", "in/10 a.wav", "in/what?.wav");
  expect_found("in/? *.wav", "in/2 b.wav");
  expect_found("in/*/*", "in/cd 2/x.flac", "in/cd 10/1.wav", "in/cd 10/02.aiff");
  expect_found("in/**/*", "in/1 c.WAV", "in/2 b.wav", "in/10 a.wav", "in/cd 2/x.flac",
               "in/cd 10/1.wav", "in/cd 10/02.aiff", "in/what?.wav");
  expect_found("**/1.wav", "in/cd 10/1.wav");
  expect_found("i*/cd 10/*", "in/cd 10/1.wav", "in/cd 10/02.aiff");
  expect_found("in/cd 2/up/*.WAV", "in/cd 2/up/1 c.WAV"); /* a link that is named */
  expect_found("in/.trash/*", "in/.trash/y.wav");
}

static void orders_names(void **state) {
  static const char *const names[] = {"a/z", "A1", "a2", "a02b", "a10", "a010x", "ab", "b"};
  (void)state;
  for (int i = 0; i + 1 < COUNT(names); i++) {
    assert_true(file_name_order(names[i], names[i + 1]) < 0);
    assert_true(file_name_order(names[i + 1], names[i]) > 0);
    assert_int_equal(file_name_order(names[i], names[i]), 0);
  }
  assert_true(file_name_order("a", "A") != 0 && file_name_order("1", "01") != 0);
}

static void reads_patterns(void **state) {
  (void)state;
  put_files();
  put("m.yaml", HEAD "tracks:\n  - {source: \"in/cd */*\", disc: 3, artist: X}\n"
                "  - {source: \"in/what?.wav\"}\n  - {source: last.wav, disc: 3}\n");
  struct manifest *m = read_folder("m.yaml");
  assert_int_equal(m->n_tracks, 5);
  assert_string_equal(m->tracks[0].source_text, "in/cd 2/x.flac");
  assert_string_equal(m->tracks[2].title, "02");
  assert_string_equal(m->tracks[2].artist, "X");
  assert_int_equal(m->tracks[2].disc, 3);
  assert_int_equal(m->tracks[2].number, 3);
  assert_int_equal(m->tracks[2].item, 1);
  assert_string_equal(m->tracks[3].title, "what?"); /* a file of this very name is there */
  assert_int_equal(m->tracks[3].number, 1);
  assert_int_equal(m->tracks[4].number, 4);
  manifest_destroy(&m);
}

static void tells_unlisted_folders(void **state) {
  struct file_matches found;
  struct failure why = {0};
  char base[4096];
  (void)state;
  snprintf(base, sizeof base, "%s/", folder);
  assert_int_equal(symlink("loop", fixture_path(folder, "loop")), 0);
  assert_int_equal(file_pattern_find(base, "loop/*.wav", &found, &why), STATUS_NO_INPUT);
  assert_non_null(strstr(why.text, "loop/, which cannot be listed"));
}

/* ---- includes ---- */

static void reads_includes(void **state) {
  (void)state;
  assert_int_equal(mkdir(fixture_path(folder, "house"), 0777), 0);
  assert_int_equal(mkdir(fixture_path(folder, "house/lists"), 0777), 0);
  put("house/lists/l.csv", "source\nz.wav\n../y.wav\n");
  put("house/chains.yaml", "lacquer: 1\ninclude: [variants.yaml]\nchains:\n  house: []\n  like: "
                           "[match: {references: [{path: ref.wav}, {path: /abs/ref.wav}]}]\n"
                           "tracks:\n  - {source: in.wav}\n  - {source: lists/l.csv}\n");
  put("house/variants.yaml", "lacquer: 1\nvariants: {web: {format: flac}}\n");
  put("m.yaml", "lacquer: 1\ninclude: [house/chains.yaml, house/variants.yaml]\n"
                "catalogue: {artist: Choir}\ndefaults: {chain: house}\n"
                "variants: {cd: {bits: 16}}\ntracks:\n  - {source: own.wav, chain: {use: like, "
                "match: {references: [~, {path: mine.wav}, {path: three.wav}]}}}\n");
  struct manifest *m = read_folder("m.yaml");
  static const char *const sources[] = {"house/in.wav", "house/lists/z.wav",
                                        "house/lists/../y.wav", "own.wav"};
  assert_int_equal(m->n_tracks, COUNT(sources));
  for (int i = 0; i < COUNT(sources); i++) {
    assert_string_equal(m->tracks[i].source_text, sources[i]);
    assert_string_equal(m->tracks[i].source, fixture_path(folder, sources[i]));
    assert_string_equal(m->tracks[i].artist, "Choir");
    assert_int_equal(m->tracks[i].n_variants, 2);
    assert_int_equal(m->tracks[i].number, i + 1);
  }
  const struct match_params *p = m->chains[1].stages[0].params;
  assert_string_equal(p->references[0].path, "house/ref.wav");
  assert_string_equal(p->references[1].path, "/abs/ref.wav");
  p = m->tracks[3].chain.stages[0].params;
  assert_string_equal(p->references[0].path, "house/ref.wav");
  assert_string_equal(p->references[1].path, "mine.wav");
  assert_string_equal(p->references[2].path, "three.wav");
  manifest_destroy(&m);
}

/* ---- discs ---- */

static void allows_numbers_twice(void **state) {
  (void)state;
  put("m.yaml", HEAD "catalogue: {title: T}\noutput: \"{variant}/{disc}-{number} {title}.{ext}\"\n"
                "tracks:\n  - {source: a.wav, number: 2, disc: 1}\n"
                "  - {source: b.wav, number: 2, disc: 2}\n"
                "  - {source: c.wav, number: 3, disc: 2, variants: [cd]}\n"
                "  - {source: d.wav, number: 3, disc: 2, variants: [web, hi]}\n"
                "  - {source: e.wav, number: 3}\n");
  struct manifest *m = read_folder("m.yaml");
  char *name = manifest_output_name(m, &m->tracks[1], &m->variants[0]);
  assert_string_equal(name, "cd/2-02 b.wav");
  free(name);
  name = manifest_output_name(m, &m->tracks[4], &m->variants[0]);
  assert_string_equal(name, "cd/_-03 e.wav");
  free(name);
  manifest_destroy(&m);
  put("m.yaml", HEAD "tracks: [{source: a.wav, number: 1}, {source: b.wav, number: 1}]\n");
  m = read_folder("m.yaml"); /* no title, no album */
  manifest_destroy(&m);
}

static void delivers_discs(void **state) {
  static const struct cli_sound sound = {"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2,
                                         5000, 5};
  static const char *const names[] = {"flac/2-04.flac", "aiff/2-04.aiff"};
  char manifest[4096], out[4096];
  (void)state;
  cli_sound(folder, &sound);
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(out, sizeof out, "%s/out", folder);
  put("l.csv", "source,disc,number\na.wav,2,4\n");
  put("m.yaml", "lacquer: 1\noutput: \"{variant}/{disc}-{number}.{ext}\"\nvariants: {flac: "
                "{format: flac}, aiff: {format: aiff}}\ntracks: [{source: l.csv}]\n");
  expect_status(run_program("render", manifest, "-o", out, "-d", "cpu"), 0);
  for (int i = 0; i < COUNT(names); i++) {
    struct tags tags;
    assert_int_equal(tags_read(fixture_path(out, names[i]), &tags, NULL), 0);
    assert_int_equal(tags.disc_number, 2);
    assert_int_equal(tags.track_number, 4);
    tags_free(&tags);
    json_t *receipt = cli_receipt(out, names[i]);
    const json_t *track = json_object_get(receipt, "track");
    assert_int_equal(json_integer_value(json_object_get(track, "disc")), 2);
    assert_int_equal(json_integer_value(json_object_get(track, "number")), 4);
    json_decref(receipt);
  }
  put("l.csv", "source,disc,number\na.wav,2,4\n\n"); /* nothing else: up to date */
  struct program_run run = run_program("render", manifest, "-o", out, "-d", "cpu", "--json");
  assert_non_null(strstr(run.out, "\"up to date\""));
  assert_non_null(strstr(run.out, "\"disc\":2"));
  run_free(&run);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(reads_separators), TEST(reads_line_ends), TEST(reads_fields),
      TEST(shares_chains),    TEST(survives_damage), TEST(finds_files),
      TEST(orders_names),     TEST(reads_patterns),  TEST(tells_unlisted_folders),
      TEST(reads_includes),   TEST(allows_numbers_twice), TEST(delivers_discs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
