/* SPDX-License-Identifier: MIT
 * What is told during a render: a line on a terminal, lines in a log, JSON Lines; and that
 * neither this nor the memory that may be used changes a bit. */
#define _XOPEN_SOURCE 600 /* posix_openpt */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */

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
#include <sys/resource.h>
#include <unistd.h>

#include "progress.h"

static char *folder, manifest[4096], out[4096], reference[4096];

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  cli_catalogue(folder);
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(reference, sizeof reference, "%s/reference", folder);
  expect_status(run_program("render", manifest, "-o", reference, "-d", "cpu", "-q"), 0);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

static const char *fresh(void) {
  static int n;
  snprintf(out, sizeof out, "%s/out%d", folder, n++);
  return out;
}

#define render(...) run_program("render", manifest, "-o", fresh(), "-d", "cpu", __VA_ARGS__)

/* ---- a terminal ---- */

/* What a progress writes to a terminal: two tracks, and a unit of each. */
static char *on_terminal(enum progress_mode mode) {
  static char text[65536];
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  assert_true(master >= 0 && !grantpt(master) && !unlockpt(master));
  FILE *slave = fopen(ptsname(master), "r+");
  assert_non_null(slave);
  struct progress *progress = progress_create(mode, 4, slave);
  progress_track(progress, 1, "Dawn", true);
  progress_track(progress, 2, "No\033[31mon", true);
  progress_pause(progress);
  progress_unit(progress, &(struct progress_unit){"a.wav", "delivered", true, false, 10});
  progress_track(progress, 1, "Dawn", false);
  progress_pause(progress);
  progress_unit(progress, &(struct progress_unit){"b.wav", "failed", false, true, 0});
  progress_destroy(&progress);
  fputs("END", slave);
  fflush(slave);
  size_t n = 0;
  while (n < sizeof text - 1 && (n < 3 || memcmp(text + n - 3, "END", 3))) {
    assert_int_equal(read(master, text + n, 1), 1);
    n++;
  }
  text[n] = 0;
  fclose(slave);
  close(master);
  return text;
}

static void test_line(void **state) {
  (void)state;
  setenv("TERM", "xterm", 1);
  const char *text = on_terminal(PROGRESS_AUTO);
  assert_non_null(strstr(text, "\r[0/4]: Dawn"));
  assert_non_null(strstr(text, "[1/4] "));
  assert_non_null(strstr(text, "x real time, "));
  assert_non_null(strstr(text, "left: Dawn, No [31mon")); /* no control character of a title */
  assert_non_null(strstr(text, "[2/4] 1 failed, "));
  assert_non_null(strstr(text, "left: No [31mon"));
  assert_null(strchr(text, '\n'));
  assert_non_null(strstr(text, "\r\033[KEND")); /* the line is wiped in the end */
}

static void test_dumb_terminal(void **state) {
  (void)state;
  setenv("TERM", "dumb", 1);
  assert_string_equal(on_terminal(PROGRESS_AUTO), "END");
  unsetenv("TERM");
  assert_string_equal(on_terminal(PROGRESS_AUTO), "END");
  assert_string_equal(on_terminal(PROGRESS_OFF), "END");
}

/* ---- the program's choice ---- */

static void test_kinds(void **state) {
  (void)state;
  expect_run(render("--jobs", "1"), 0, "[1/12] ", "[12/12] ", "delivered, -14.");
  expect_run(render("--progress", "lines"), 0, "[12/12] ");
  struct program_run run = render("--progress", "off");
  assert_null(strstr(run.err, "/12]"));
  expect_run(run, 0, "12 files in ");
  run = render("--quiet", "--progress", "lines");
  assert_string_equal(run.err, "");
  expect_status(run, 0);
  expect_run(render("--progress", "loud"), 64, "--progress loud", "auto, line, lines, json or off");
}

static void test_json(void **state) {
  int n_tracks = 0, n_units = 0;
  (void)state;
  struct program_run run = render("--progress", "json");
  for (const char *line = run.err; line && *line; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (*line != '{') continue;
    json_t *json = cli_json_line(line, 0);
    const char *event = json_string_value(json_object_get(json, "event"));
    const bool unit = !strcmp(event, "unit");
    n_tracks += !strcmp(event, "track");
    n_units += unit;
    assert_int_equal(json_integer_value(json_object_get(json, "done")), n_units);
    assert_int_equal(json_integer_value(json_object_get(json, "total")), CLI_UNITS);
    assert_int_equal(json_integer_value(json_object_get(json, "failed")), 0);
    assert_true(json_is_number(json_object_get(json, "times_real_time")));
    if (unit) assert_true(json_is_number(json_object_get(json, "seconds_left")));
    if (unit) assert_true(json_real_value(json_object_get(json, "audio_seconds")) > 0);
    json_decref(json);
  }
  assert_int_equal(n_tracks, CLI_TRACKS);
  assert_int_equal(n_units, CLI_UNITS);
  expect_status(run, 0);
}

/* ---- memory ---- */

static void test_memory_changes_nothing(void **state) {
  static const char *const sizes[] = {"1", "3M", "0.02G", "1T"};
  (void)state;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    expect_status(render("-q", "--jobs", "4", "--memory", sizes[i]), 0);
    assert_int_equal(cli_check_receipts(out), CLI_UNITS);
    assert_int_equal(cli_same_bits(out, reference), CLI_UNITS);
    assert_int_equal(cli_count(out, ""), 2 * CLI_UNITS + 1);
  }
}

static void test_bad_sizes(void **state) {
  static const char *const sizes[] = {"", "0", "-1G", "8GB", "8g", "G", "nan", "inf", "1e30"};
  (void)state;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    expect_run(render("--memory", sizes[i]), 64, "--memory", "SIZE");
}

/* The most memory that any program so far took. */
static long peak(void) {
  struct rusage usage;
  assert_int_equal(getrusage(RUSAGE_CHILDREN, &usage), 0);
  return usage.ru_maxrss;
}

/* Many tracks at once take no more than one where there is memory for one. */
static void test_memory_is_kept(void **state) {
  enum { TRACKS = 6, FRAMES = 20 * 96000 };
  char many[4096];
  (void)state;
  const struct cli_sound sound = {"large.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 96000, 2, FRAMES,
                                  5};
  cli_sound(folder, &sound);
  snprintf(many, sizeof many, "%s/many.yaml", folder);
  FILE *file = fopen(many, "w");
  assert_non_null(file);
  fprintf(file, "lacquer: 1\noutput: \"{number}.{ext}\"\n"
                "variants: {a: {loudness: -14, true_peak: -1}}\ntracks:\n");
  for (int i = 0; i < TRACKS; i++) fprintf(file, "  - {source: large.wav}\n");
  assert_int_equal(fclose(file), 0);
  expect_status(run_program("render", many, "-o", fresh(), "-d", "cpu", "-q", "--only", "1"), 0);
  const long one = peak();
  /* a track is booked with 4.9 times its samples: 76 MB */
  expect_status(run_program("render", many, "-o", fresh(), "-d", "cpu", "-q", "--jobs", "6",
                            "--memory", "100M"), 0);
  if (peak() > 1.5 * (double)one) fail_msg("%ld KiB of one track, %ld of six", one, peak());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_memory_is_kept), /* first: it looks at all programs so far */
      cmocka_unit_test(test_line),  cmocka_unit_test(test_dumb_terminal),
      cmocka_unit_test(test_kinds), cmocka_unit_test(test_json),
      cmocka_unit_test(test_memory_changes_nothing), cmocka_unit_test(test_bad_sizes)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
