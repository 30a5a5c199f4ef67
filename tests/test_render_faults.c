/* SPDX-License-Identifier: MIT
 * What goes wrong: every bad input has one clear message and the right exit status, and
 * the rest of the catalogue is delivered; full disks leave nothing behind. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FRAMES = 9000, PAGE = 4096 };

static char *folder, manifest[4096], out[4096];

static int set_up(void **state) {
  static const struct cli_sound good = {"good.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2,
                                        FRAMES, 1};
  (void)state;
  folder = fixture_folder();
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(out, sizeof out, "%s/out", folder);
  cli_sound(folder, &good);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  umount(out); /* when a test failed with a disk there */
  fixture_folder_remove(folder);
  return 0;
}

#define render(...) \
  run_program("render", manifest, "-o", out, "-d", "cpu", "--quiet", __VA_ARGS__)

/* ---- bad audio ---- */

static void put_sound(const char *name, int sf_format, int rate_hz, int channels) {
  const struct cli_sound sound = {name, sf_format, rate_hz, channels, FRAMES, 2};
  cli_sound(folder, &sound);
}

/* The first half of a sound file. */
static void put_half(const char *name, int sf_format) {
  put_sound(name, sf_format, 44100, 2);
  struct fixture_bytes bytes = fixture_load(fixture_path(folder, name));
  fixture_save(fixture_path(folder, name), bytes.data, bytes.size / 2);
  free(bytes.data);
}

static void put_wave(const char *name, const struct fixture_wave *wave) {
  struct fixture_bytes bytes = fixture_wave(wave);
  fixture_save(fixture_path(folder, name), bytes.data, bytes.size);
  free(bytes.data);
}

static void put_float(const char *name, float value) { /* at frame 100 of channel 2 */
  float pcm[2 * 500] = {0};
  pcm[201] = value;
  put_wave(name, &(struct fixture_wave){3, 2, 48000, 32, pcm, sizeof pcm, 0});
}

static void put_nothing(const char *name) { (void)name; }
static void put_cut_wave(const char *name) { put_half(name, SF_FORMAT_WAV | SF_FORMAT_PCM_16); }
static void put_cut_aiff(const char *name) { put_half(name, SF_FORMAT_AIFF | SF_FORMAT_PCM_24); }
static void put_cut_flac(const char *name) { put_half(name, SF_FORMAT_FLAC | SF_FORMAT_PCM_24); }
static void put_no_bytes(const char *name) { cli_text(folder, name, "%s", ""); }
static void put_text(const char *name) { cli_text(folder, name, "this is no audio at all"); }
static void put_nan(const char *name) { put_float(name, NAN); }
static void put_infinity(const char *name) { put_float(name, -INFINITY); }
static void put_too_loud(const char *name) { put_float(name, 100); }
static void put_no_frames(const char *name) {
  put_wave(name, &(struct fixture_wave){1, 2, 48000, 16, "", 0, 0});
}
static void put_slow(const char *name) {
  put_sound(name, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 22050, 2);
}
static void put_wide(const char *name) {
  put_sound(name, SF_FORMAT_WAV | SF_FORMAT_PCM_24, 48000, 3);
}
static void put_coarse(const char *name) {
  put_sound(name, SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 48000, 2);
}
static void put_folder(const char *name) {
  assert_int_equal(mkdir(fixture_path(folder, name), 0777), 0);
}
static void put_pipe(const char *name) {
  assert_int_equal(mkfifo(fixture_path(folder, name), 0666), 0);
}

static const struct bad_input {
  const char *name;
  void (*put)(const char *name);
  int status; /* when the catalogue holds nothing else */
  const char *words[4];
} bad_inputs[] = {
    {"missing.wav", put_nothing, 66, {"No such file"}},
    {"folder.wav", put_folder, 66, {"is a folder", "audio file is needed"}},
    {"pipe.wav", put_pipe, 66, {"is a pipe"}},
    {"cut.wav", put_cut_wave, 65, {"cut off", "claims 36000 bytes", "holds 17"}},
    {"cut.aiff", put_cut_aiff, 65, {"cut off", "claims 54000 bytes"}},
    {"cut.flac", put_cut_flac, 65, {"cut off", "of 9000"}},
    {"nothing.wav", put_no_bytes, 65, {"empty file", "accepted are WAV"}},
    {"text.wav", put_text, 65, {"not an audio file", "accepted are WAV"}},
    {"no_frames.wav", put_no_frames, 65, {"holds no audio"}},
    {"nan.wav", put_nan, 65, {"channel 2, frame 100", "nan", "finite"}},
    {"infinity.wav", put_infinity, 65, {"channel 2, frame 100", "-inf", "finite"}},
    {"loud.wav", put_too_loud, 65, {"channel 2, frame 100", "is 100;", "up to 64"}},
    {"slow.wav", put_slow, 65, {"22050 Hz", "accepted are 44100, 48000"}},
    {"wide.wav", put_wide, 65, {"3 channels", "accepted are 1 (1.0), 2 (2.0), 6 (5.1)"}},
    {"coarse.wav", put_coarse, 65, {"8 bit", "accepted are WAV"}},
};

static void check_message(const struct program_run *run, const struct bad_input *bad) {
  if (count_lines(run->err) != 1) fail_msg("not one message about %s:\n%s", bad->name, run->err);
  if (!strstr(run->err, bad->name)) fail_msg("%s is not named: %s", bad->name, run->err);
  for (int i = 0; bad->words[i]; i++)
    if (!strstr(run->err, bad->words[i]))
      fail_msg("\"%s\" is not in: %s", bad->words[i], run->err);
}

/* Alone, and beside a good track. */
static void check_bad_input(const struct bad_input *bad) {
  bad->put(bad->name);
  cli_text(folder, "m.yaml", "lacquer: 1\noutput: \"{source}.{ext}\"\nvariants: {a: {}}\n"
           "tracks:\n  - {source: %s, title: bad}\n", bad->name);
  struct program_run run = render("--force");
  check_message(&run, bad);
  expect_status(run, bad->status);
  run = run_program("render", manifest, "--dry-run");
  assert_string_equal(run.out, "");
  check_message(&run, bad);
  expect_status(run, bad->status);
  cli_text(folder, "m.yaml", "lacquer: 1\noutput: \"{title}.{ext}\"\nvariants: {a: {}}\n"
           "tracks:\n  - {source: %s, title: bad}\n  - {source: good.wav, title: good}\n",
           bad->name);
  run = render("--force");
  check_message(&run, bad);
  expect_status(run, 1);
  assert_int_equal(cli_check_receipts(out), 1);
  assert_true(cli_exists(out, "good.wav"));
  assert_false(cli_exists(out, "bad.wav"));
  assert_int_equal(cli_count(out, ""), 4); /* file, receipt, report, what failed */
}

static void test_bad_audio(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bad_inputs / sizeof *bad_inputs; i++)
    check_bad_input(&bad_inputs[i]);
  json_t *report = cli_json(out, "report.json");
  assert_int_equal(json_integer_value(json_object_get(report, "failed")), 1);
  assert_int_equal(json_integer_value(json_object_get(report, "delivered")), 1);
  json_decref(report);
}

/* Failures of different kinds, and nothing delivered: no status tells them all. */
static void test_all_fail(void **state) {
  (void)state;
  put_text("text.wav");
  cli_text(folder, "m.yaml", "lacquer: 1\nvariants: {a: {}}\ntracks:\n"
                             "  - {source: missing.wav}\n  - {source: text.wav}\n");
  expect_run(render("--jobs", "1"), 1, "missing.wav", "text.wav");
  expect_run(render("--jobs", "1", "--fail-fast"), 66, "missing.wav");
  json_t *report = cli_json(out, "report.json");
  assert_int_equal(json_integer_value(json_object_get(report, "skipped")), 1);
  json_decref(report);
}

static void test_nyquist(void **state) {
  (void)state;
  put_sound("fast.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 96000, 2);
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: \"{source}.{ext}\"\nvariants: {a: {}}\n"
           "chains: {air: [eq: {bands: [{type: high_shelf, freq: 30000, gain: 3}]}]}\n"
           "defaults: {chain: air}\ntracks: [{source: good.wav}, {source: fast.wav}]\n");
  struct program_run run = render("--jobs", "1");
  assert_int_equal(count_lines(run.err), 1);
  expect_run(run, 1, "good.wav: eq at 44100 Hz", "above the track's Nyquist frequency");
  assert_int_equal(cli_check_receipts(out), 1);
  assert_true(cli_exists(out, "fast.wav"));
  run = run_program("render", manifest, "--dry-run");
  assert_int_equal(count_lines(run.out), 1);
  expect_run(run, 1, "good.wav: eq at 44100 Hz");
}

/* ---- bad manifests ---- */

static void test_bad_manifests(void **state) {
  static const struct {
    const char *text, *words[4];
  } cases[] = {
      {"lacquer: 1\nvariants: {a: {loudnes: -14}}\ntracks: [{source: good.wav}]\n",
       {"m.yaml:2: variants.a: unknown key \"loudnes\", did you mean \"loudness\"?"}},
      {"lacquer: 1\nvariants: {a: {loudness: 3, bits: 20}}\ntracks: [{source: good.wav}]\n",
       {"m.yaml:2: variants.a.loudness: 3 is out of range (accepted: -40 .. -5 LUFS)"}},
      {"lacquer: 1\nvariants: {a: {}}\ntracks:\n  - {source: good.wav, variants: [b]}\n"
       "  - {source: good.wav, chain: loud, isrc: 12}\n",
       {"m.yaml:4: tracks[1].variants[1]: unknown variant \"b\"",
        "m.yaml:5: tracks[2].isrc: \"12\"", "m.yaml:5: tracks[2].chain: unknown chain \"loud\""}},
      {"lacquer: 1\nvariants: {a: {}}\ntracks: [{source: good.wav}\n", {"m.yaml:"}},
      {"", {"m.yaml:1: the file is empty"}},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cli_text(folder, "m.yaml", "%s", cases[i].text);
    struct program_run run = render("--json");
    assert_string_equal(run.out, "");
    expect_words(run, 65, cases[i].words);
    assert_false(cli_exists(folder, "out"));
  }
  assert_int_equal(remove(manifest), 0);
  expect_run(render("--json"), 66, "m.yaml: cannot be opened: No such file");
  assert_false(cli_exists(folder, "out"));
}

/* ---- bad output ---- */

static void write_plain(void) {
  cli_text(folder, "m.yaml", "lacquer: 1\noutput: \"{source}.{ext}\"\nvariants: {a: {}}\n"
                             "tracks: [{source: good.wav}]\n");
}

static void test_folder_below_a_file(void **state) {
  (void)state;
  write_plain();
  cli_text(folder, "file", "no folder");
  struct program_run run =
      run_program("render", manifest, "-d", "cpu", "-q", "-o", fixture_path(folder, "file/out"));
  assert_int_equal(count_lines(run.err), 1);
  expect_run(run, 73, "file/out", "cannot make the folder", "Not a directory");
}

/* The folder of one variant cannot be made: the other is delivered. */
static void test_variant_below_a_file(void **state) {
  (void)state;
  cli_text(folder, "m.yaml", "lacquer: 1\noutput: \"{variant}/{source}.{ext}\"\n"
                             "variants: {a: {}, b: {}}\ntracks: [{source: good.wav}]\n");
  assert_int_equal(mkdir(out, 0777), 0);
  cli_text(out, "a", "no folder");
  expect_run(render("--jobs", "1"), 1, "out/a", "cannot make the folder");
  expect_run(render("--only", "1:a"), 73, "out/a");
  assert_int_equal(cli_check_receipts(out), 1);
}

static void test_standard_output_full(void **state) {
  char command[3 * 4096];
  (void)state;
  write_plain();
  snprintf(command, sizeof command, "exec %s render '%s' -d cpu -q -o '%s' --json >/dev/full",
           LACQUER_PROGRAM, manifest, out);
  expect_run(run_words((const char *const[]){"/bin/sh", "-c", command, NULL}), 74,
             "standard output");
  assert_int_equal(cli_check_receipts(out), 1); /* the work is done all the same */
}

/* A short track fits below the limit, a long one does not. */
static void write_two_lengths(void) {
  static const struct cli_sound large = {"large.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2,
                                         100000, 3};
  cli_sound(folder, &large);
  cli_text(folder, "m.yaml", "lacquer: 1\noutput: \"{source}.{ext}\"\nvariants: {a: {}}\n"
                             "tracks: [{source: large.wav}, {source: good.wav}]\n");
}

static void expect_large_refused(const char *reason) {
  struct program_run run = render("--jobs", "1");
  assert_int_equal(count_lines(run.err), 1);
  expect_run(run, 1, "large.wav", "cannot write", reason);
  assert_int_equal(cli_check_receipts(out), 1);
  assert_int_equal(cli_count(out, ""), 4);
  expect_run(render("--only", "1"), 74, "large.wav", reason);
  assert_int_equal(cli_count(out, ""), 4);
}

static void test_file_size_limit(void **state) {
  (void)state;
  write_two_lengths();
  run_limit_files(300000);
  expect_large_refused(strerror(EFBIG));
  run_limit_files(0);
  expect_status(render("--jobs", "1"), 0); /* and now it is made */
  assert_int_equal(cli_check_receipts(out), 2);
}

/* A disk of so many bytes at `out`. */
static bool mount_disk(long bytes) {
  char options[64];
  snprintf(options, sizeof options, "size=%ld", bytes);
  if (mkdir(out, 0777) && errno != EEXIST) return false;
  if (!mount("none", out, "tmpfs", 0, options)) return true;
  printf("SKIP: only root mounts a small disk: %s\n", strerror(errno));
  return false;
}

static void test_full_disk(void **state) {
  (void)state;
  write_two_lengths();
  if (!mount_disk(300000)) skip();
  expect_large_refused(strerror(ENOSPC));
  assert_int_equal(umount(out), 0);
}

/* Disks that hold the file but not its receipt, and the like: a file stands there with a
 * complete receipt, or neither does. */
static void test_nearly_full_disks(void **state) {
  const int file_pages = (FRAMES * 6 + 200 + PAGE - 1) / PAGE;
  int delivered = 0, refused = 0;
  (void)state;
  write_plain();
  for (int pages = file_pages - 1; pages < file_pages + 5; pages++) {
    if (!mount_disk((long)pages * PAGE)) skip();
    struct program_run run = render("--jobs", "1");
    const int receipts = cli_count(out, ".receipt.json");
    const bool sound = (run.status == 0 || run.status == 74) && cli_count(out, ".tmp") == 0 &&
                       cli_count(out, ".wav") == receipts && cli_check_receipts(out) == receipts;
    if (!sound)
      print_error("%d pages: status %d, %d receipts\n%s", pages, run.status, receipts, run.err);
    delivered += receipts;
    refused += !receipts;
    run_free(&run);
    assert_int_equal(umount(out), 0);
    assert_true(sound);
  }
  assert_true(delivered > 0 && refused > 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_bad_audio),           TEST(test_all_fail),
      TEST(test_nyquist),             TEST(test_bad_manifests),
      TEST(test_folder_below_a_file), TEST(test_variant_below_a_file),
      TEST(test_standard_output_full), TEST(test_file_size_limit),
      TEST(test_full_disk),           TEST(test_nearly_full_disks),
#undef TEST
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
