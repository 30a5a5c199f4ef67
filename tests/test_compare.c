/* SPDX-License-Identifier: MIT
 * lacquer compare: what it finds between two files or folders, how it ranks, limits, and
 * says it. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */

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
#include <sys/stat.h>
#include <unistd.h>

enum { FRAMES = 30000, RATE = 44100 };

static char *folder, a[4096], b[4096];

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  snprintf(a, sizeof a, "%s/a", folder);
  snprintf(b, sizeof b, "%s/b", folder);
  assert_int_equal(mkdir(a, 0777) || mkdir(b, 0777), 0);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

static const struct fixture_shape stereo16 = {RATE, 2, FRAMES, 16};

static int32_t *programme(void) { return fixture_programme(&stereo16, 5); }

static void put(const char *where, const char *name, int format, const int32_t *pcm) {
  fixture_write(fixture_path(where, name), format, &stereo16, pcm);
}

#define WAV16 (SF_FORMAT_WAV | SF_FORMAT_PCM_16)
#define WAV24 (SF_FORMAT_WAV | SF_FORMAT_PCM_24)

/* The only line of JSON of a comparison. */
static json_t *compare_json(const char *x, const char *y, int status) {
  struct program_run run = run_program("compare", x, y, "--json");
  json_t *line = cli_json_line(run.out, 0);
  assert_int_equal(count_lines(run.out), 1);
  expect_status(run, status);
  return line;
}

static double number(const json_t *line, const char *name) {
  const json_t *value = json_object_get(line, name);
  if (!json_is_number(value)) fail_msg("no number %s", name);
  return json_number_value(value);
}

static void expect_state(const json_t *line, const char *state) {
  assert_string_equal(json_string_value(json_object_get(line, "state")), state);
}

/* ---- what is equal ---- */

static void test_formats(void **state) {
  static const struct {
    const char *name;
    int format;
  } files[] = {{"x.wav", WAV16},
               {"y.wav", WAV24},
               {"x.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_24},
               {"x.aifc", SF_FORMAT_AIFF | SF_FORMAT_FLOAT},
               {"z.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT},
               {"x.rf64", SF_FORMAT_RF64 | SF_FORMAT_PCM_24},
               {"x.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
               {"y.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24}};
  int32_t *pcm = programme();
  (void)state;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    put(a, files[i].name, files[i].format, pcm);
  pcm[2 * 777 + 1] ^= 1 << 16;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    put(b, files[i].name, files[i].format, pcm);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    json_t *line = compare_json(fixture_path(a, "x.wav"), fixture_path(a, files[i].name), 0);
    expect_state(line, "identical");
    json_decref(line);
    line = compare_json(fixture_path(a, "x.wav"), fixture_path(b, files[i].name), 1);
    expect_state(line, "different");
    json_decref(line);
  }
  free(pcm);
}

/* ---- what is different ---- */

static void expect_first(const int32_t *was, const int32_t *is, int channel, int frame) {
  json_t *line = compare_json(a, b, 1);
  const json_t *first = json_object_get(line, "first_difference");
  const int at = 2 * frame + channel;
  assert_int_equal(number(first, "channel"), channel + 1);
  assert_int_equal(number(first, "frame"), frame);
  /* exact, up to the ten digits of the output */
  assert_true(fabs(number(first, "a") - was[at] * 0x1p-31) < 1e-9);
  assert_true(fabs(number(first, "b") - is[at] * 0x1p-31) < 1e-9);
  json_decref(line);
}

/* The earliest frame, and of that the first channel. */
static void test_first_difference(void **state) {
  int32_t *was = programme(), *is = programme();
  (void)state;
  put(a, "x.wav", WAV24, was);
  is[2 * 9000] += 3 << 20; /* later, and larger */
  is[2 * 5000 + 1] -= 1 << 20;
  put(b, "x.wav", WAV24, is);
  expect_first(was, is, 1, 5000);
  is[2 * 5000] += 1 << 20;
  put(b, "x.wav", WAV24, is);
  expect_first(was, is, 0, 5000);
  json_t *line = compare_json(a, b, 1);
  assert_int_equal(number(line, "samples_different"), 3);
  const double peak = 20 * log10(3 * 0x1p-11), rms = 10 * log10(11 * 0x1p-22 / (2.0 * FRAMES));
  assert_true(fabs(number(line, "residual_peak_dbfs") - peak) < 1e-6);
  assert_true(fabs(number(line, "residual_rms_dbfs") - rms) < 1e-6);
  json_decref(line);
  struct program_run run = run_program("compare", a, b);
  assert_non_null(strstr(run.out, "first at channel 1, frame 5000"));
  expect_status(run, 1);
  free(was);
  free(is);
}

/* Half the level: every figure falls by 6.02 dB. 16 bits, so that halves are exact. */
static void test_deltas(void **state) {
  const double down = 20 * log10(0.5);
  int32_t *pcm = programme();
  (void)state;
  put(a, "x.wav", WAV24, pcm);
  for (int i = 0; i < 2 * FRAMES; i++) pcm[i] /= 2;
  put(b, "x.wav", WAV24, pcm);
  json_t *line = compare_json(a, b, 1);
  assert_true(fabs(number(line, "loudness_delta_lu") - down) < 1e-6);
  assert_true(fabs(number(line, "true_peak_delta_db") - down) < 1e-6);
  const json_t *bands = json_object_get(line, "octave_deltas_db");
  assert_int_equal(json_array_size(bands), 10);
  for (size_t i = 0; i < 10; i++)
    assert_true(fabs(json_number_value(json_array_get(bands, i)) - down) < 1e-6);
  json_decref(line);
  json_t *back = compare_json(b, a, 1);
  assert_true(fabs(number(back, "loudness_delta_lu") + down) < 1e-6);
  json_decref(back);
  free(pcm);
}

/* A tone in b alone lifts its own octave most. */
static void test_band(void **state) {
  int32_t *pcm = programme();
  (void)state;
  put(a, "x.wav", WAV24, pcm);
  for (int i = 0; i < 2 * FRAMES; i++)
    pcm[i] += (int32_t)(0x1p28 * sin(6.283185307179586 * 4000 / RATE * (i / 2)));
  put(b, "x.wav", WAV24, pcm);
  json_t *line = compare_json(a, b, 1);
  const json_t *deltas = json_object_get(line, "octave_deltas_db");
  const json_t *levels = json_object_get(json_object_get(line, "b"), "octaves_db");
  for (size_t i = 0; i < 10; i++) {
    const double delta = json_number_value(json_array_get(deltas, i));
    assert_true(i == 7 ? delta > 3 : fabs(delta) < 0.5); /* 31.25 Hz << 7 = 4 kHz */
  }
  /* -18.06 dBFS, -21.07 dB in the mean square of either channel, -18.06 in their sum */
  const double level = json_number_value(json_array_get(levels, 7));
  assert_true(level > -18.06 && level < -16);
  json_decref(line);
  struct program_run run = run_program("compare", a, b);
  assert_non_null(strstr(run.out, " at 4000"));
  expect_status(run, 1);
  free(pcm);
}

/* ---- limits ---- */

static void test_limits(void **state) {
  static const struct {
    const char *option, *passes, *fails;
  } limits[] = {{"--max-residual", "-6", "-30"},
                {"--max-lufs", "6.03", "6.01"},
                {"--max-true-peak", "6.03", "6.01"},
                {"--max-band", "6.03", "6.01"}};
  int32_t *pcm = programme();
  (void)state;
  put(a, "x.wav", WAV24, pcm);
  for (int i = 0; i < 2 * FRAMES; i++) pcm[i] /= 2;
  put(b, "x.wav", WAV24, pcm);
  for (size_t i = 0; i < 4; i++) {
    struct program_run run =
        run_program("compare", a, b, limits[i].option, limits[i].passes);
    assert_non_null(strstr(run.out, "within limits"));
    expect_status(run, 0);
    expect_status(run_program("compare", a, b, limits[i].option, limits[i].fails), 1);
  }
  expect_status(run_program("compare", a, b, "--max-lufs", "7", "--max-band", "6"), 1);
  for (int i = 0; i < 2 * FRAMES; i++) pcm[i] = 0;
  put(b, "x.wav", WAV24, pcm); /* no delta is large enough for silence */
  expect_status(run_program("compare", a, b, "--max-lufs", "1000"), 1);
  expect_status(run_program("compare", b, b, "--max-lufs", "0"), 0);
  free(pcm);
}

/* ---- folders ---- */

static void put_sound(const char *where, const char *name, int rate_hz, int channels, int n) {
  const struct cli_sound sound = {name, WAV16, rate_hz, channels, n, 8};
  cli_sound(where, &sound);
}

/* In `a` and `b`, the worst first: names that are ranked by their numbers. */
static void put_folders(void) {
  int32_t *pcm = programme();
  for (int i = 0; i < 2; i++) {
    const char *where = i ? b : a;
    assert_int_equal(mkdir(fixture_path(where, "deep"), 0777), 0);
    put(where, "deep/9.wav", WAV16, pcm);
    put_sound(where, "3.wav", i ? 48000 : RATE, 2, 9000);
    put_sound(where, "4.wav", RATE, i ? 1 : 2, 9000);
    put_sound(where, "5.wav", RATE, 2, i ? 9000 : 9001);
    cli_text(where, "note.txt", "%d", i);
    cli_text(where, ".half.wav", "%d", i);
  }
  put_sound(a, "1.wav", RATE, 2, 9000);
  put_sound(b, "2.wav", RATE, 2, 9000);
  for (int i = 7; i >= 6; i--) {
    put(a, i == 6 ? "6.flac" : "7.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, pcm);
    pcm[4000] += 1 << (16 + 7 - i);
    put(b, i == 6 ? "6.flac" : "7.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, pcm);
  }
  free(pcm);
}

static void test_ranking(void **state) {
  static const char *const order[][2] = {
      {"1.wav", "only in A"}, {"2.wav", "only in B"},  {"3.wav", "other shape"},
      {"4.wav", "other shape"}, {"5.wav", "other shape"}, {"6.flac", "different"},
      {"7.flac", "different"}, {"deep/9.wav", "identical"}};
  (void)state;
  put_folders();
  struct program_run one = run_program("compare", a, b, "--json", "--jobs", "1");
  struct program_run many = run_program("compare", a, b, "--json", "--jobs", "7");
  assert_string_equal(one.out, many.out);
  assert_string_equal(one.err, "");
  assert_int_equal(count_lines(one.out), 8);
  for (int i = 0; i < 8; i++) {
    json_t *line = cli_json_line(one.out, i);
    assert_string_equal(json_string_value(json_object_get(line, "file")), order[i][0]);
    expect_state(line, order[i][1]);
    json_decref(line);
  }
  expect_status(one, 1);
  expect_status(many, 1);
  struct program_run table = run_program("compare", a, b, "-q");
  assert_null(strstr(table.out, "deep"));
  assert_non_null(strstr(table.out, "A is 44100 Hz, stereo, 9000 frames; B is 48000 Hz"));
  assert_non_null(strstr(table.out, "8 pairs: 1 identical, 0 different within limits, 2 "
                                    "different, 3 of another shape, 1 only in A, 1 only in B"));
  expect_status(table, 1);
}

/* No limit allows another shape, or a file that is missing. */
static void test_shape_is_beyond(void **state) {
  (void)state;
  put_sound(a, "x.wav", RATE, 2, 9000);
  put_sound(b, "x.wav", RATE, 2, 9001);
  expect_status(run_program("compare", a, b, "--max-lufs", "100"), 1);
  assert_int_equal(remove(fixture_path(b, "x.wav")), 0);
  expect_status(run_program("compare", a, b, "--max-lufs", "100"), 1);
}

static void test_unreadable(void **state) {
  (void)state;
  put_sound(a, "x.wav", RATE, 2, 9000);
  cli_text(b, "x.wav", "no audio");
  put_sound(a, "y.wav", RATE, 2, 9000);
  put_sound(b, "y.wav", RATE, 2, 9000);
  struct program_run run = run_program("compare", a, b, "--json");
  json_t *line = cli_json_line(run.out, 0);
  expect_state(line, "unreadable");
  assert_non_null(strstr(json_string_value(json_object_get(line, "error")), "b/x.wav"));
  json_decref(line);
  expect_status(run, 65);
  put_sound(b, "y.wav", RATE, 2, 9001); /* a difference weighs more */
  expect_status(run_program("compare", a, b), 1);
}

static void test_bad_inputs(void **state) {
  (void)state;
  expect_run(run_program("compare", a, fixture_path(folder, "none")), 66, "none: no such folder");
  expect_run(run_program("compare", a, b), 66, "no audio files");
  put_sound(a, "x.wav", RATE, 2, 9000);
  expect_run(run_program("compare", fixture_path(a, "x.wav"), b), 64, "two folders or two files");
  expect_run(run_program("compare", a), 64, "compare needs two folders, or two files");
  expect_run(run_program("compare", a, b, "--force"), 64, "compare takes no --force");
  expect_run(run_program("compare", a, b, "--max-lufs", "-1"), 64, "--max-lufs -1: expected LU");
  expect_run(run_program("compare", a, b, "--max-residual", "nan"), 64, "--max-residual nan");
  expect_run(run_program("compare", a, b, "--max-band", "1dB"), 64, "--max-band 1dB");
}

/* ---- JUnit ---- */

static void test_junit(void **state) {
  char xml[4096];
  (void)state;
  snprintf(xml, sizeof xml, "%s/sub/result.xml", folder);
  put_sound(a, "a&b <\"c\">\x01\xff.wav", RATE, 2, 9000);
  put_sound(a, "same.wav", RATE, 2, 9000);
  put_sound(b, "same.wav", RATE, 2, 9000);
  expect_status(run_program("compare", a, b, "--junit", xml), 1);
  char *text = cli_read(folder, "sub/result.xml");
  assert_non_null(strstr(text, "<testsuite name=\"lacquer compare\" tests=\"2\" failures=\"1\""));
  assert_non_null(strstr(text, "name=\"a&amp;b &lt;&quot;c&quot;&gt;??.wav\">"));
  assert_non_null(strstr(text, "<failure message=\"only in A\"/>"));
  assert_non_null(strstr(text, "name=\"same.wav\"/>\n"));
  free(text);
  expect_run(run_program("compare", b, b, "--junit", "/proc/none/x.xml"), 73, "/proc/none");
  run_limit_files(200); /* enough for the message: the old file stays */
  expect_run(run_program("compare", b, b, "-q", "--json", "--junit", xml), 74, "result.xml");
  run_limit_files(0);
  text = cli_read(folder, "sub/result.xml");
  assert_non_null(strstr(text, "failures=\"1\""));
  assert_int_equal(cli_count(folder, ".tmp"), 0);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_formats), TEST(test_first_difference), TEST(test_deltas),
      TEST(test_band),    TEST(test_limits),           TEST(test_ranking),
      TEST(test_shape_is_beyond), TEST(test_unreadable), TEST(test_bad_inputs),
      TEST(test_junit),
#undef TEST
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
