/* SPDX-License-Identifier: MIT
 * Signals during a render: what is in hand is finished or vanishes, and the exit is the one
 * that a shell or a scheduler expects. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spawn_fixture.h"

enum { TRACKS = 130, VARIANTS = 2, UNITS = TRACKS * VARIANTS, LONG_FRAMES = 120 * 96000 };

static char *folder, manifest[4096], long_manifest[4096], out[4096];

static void write_many(void) {
  FILE *file = fopen(manifest, "w");
  assert_non_null(file);
  fprintf(file, "lacquer: 1\noutput: \"{variant}/{number}.{ext}\"\n"
                "variants: {a: {loudness: -14, true_peak: -1}, b: {format: flac}}\ntracks:\n");
  for (int i = 0; i < TRACKS; i++) fprintf(file, "  - {source: short.wav}\n");
  assert_int_equal(fclose(file), 0);
}

static int set_up(void **state) {
  static const struct cli_sound sounds[] = {
      {"short.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 9000, 1},
      {"long.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 96000, 2, LONG_FRAMES, 2}};
  (void)state;
  folder = fixture_folder();
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(long_manifest, sizeof long_manifest, "%s/long.yaml", folder);
  snprintf(out, sizeof out, "%s/out", folder);
  cli_sound(folder, &sounds[0]);
  cli_sound(folder, &sounds[1]);
  write_many();
  cli_text(folder, "long.yaml",
           "lacquer: 1\nvariants: {a: {loudness: -14, true_peak: -1, format: flac}}\n"
           "tracks: [{source: long.wav}]\n");
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

#define spawn(ignore, file, ...) \
  spawn_program(ignore, "render", file, "-o", out, "-d", "cpu", __VA_ARGS__)

static int reported(const char *what) {
  json_t *report = cli_json(out, "report.json");
  const int n = (int)json_integer_value(json_object_get(report, what));
  json_decref(report);
  return n;
}

/* What is there is whole; another run makes the rest. */
static void check_and_complete(void) {
  assert_int_equal(cli_count(out, ".tmp"), 0);
  expect_status(run_program("render", manifest, "-o", out, "-d", "cpu", "-q"), 0);
  assert_int_equal(cli_check_receipts(out), UNITS);
  assert_int_equal(reported("delivered") + reported("up_to_date"), UNITS);
  assert_true(reported("up_to_date") > 0);
}

/* One signal that drains, after the first unit. */
static void check_drain(int signal_number, int status) {
  struct spawned run = spawn(0, manifest, "--jobs", "1");
  assert_true(spawn_expect(&run, "[1/"));
  assert_int_equal(kill(run.pid, signal_number), 0);
  assert_true(spawn_expect(&run, "finishing what is in hand"));
  assert_int_equal(spawn_end(&run), status);
  assert_true(reported("delivered") > 0);
  assert_true(reported("skipped") > 0);
  assert_int_equal(reported("delivered") + reported("skipped"), UNITS);
  assert_int_equal(cli_check_receipts(out), reported("delivered"));
  assert_int_equal(cli_count(out, "failed.yaml"), 0);
  check_and_complete();
}

static void test_sigint_drains(void **state) {
  (void)state;
  check_drain(SIGINT, -SIGINT);
}

static void test_sigusr1_drains(void **state) {
  (void)state;
  check_drain(SIGUSR1, 75);
}

/* Whatever is left when SIGUSR1 comes, a requeued job gets on: one unit at least. */
static void test_sigusr1_makes_progress(void **state) {
  (void)state;
  struct spawned run = spawn(0, manifest, "--jobs", "1", "--progress", "json");
  assert_true(spawn_expect(&run, "\"event\":\"track\""));
  assert_int_equal(kill(run.pid, SIGUSR1), 0);
  assert_int_equal(spawn_end(&run), 75);
  assert_true(reported("delivered") > 0);
  check_and_complete();
}

static void check_end(int signal_number) {
  struct spawned run = spawn(0, manifest, "--jobs", "2");
  assert_true(spawn_expect(&run, "[1/"));
  const struct timespec moment = {0, 200000};
  while (!cli_count(out, ".tmp")) nanosleep(&moment, NULL);
  assert_int_equal(kill(run.pid, signal_number), 0);
  assert_int_equal(spawn_end(&run), -signal_number);
  assert_false(cli_exists(out, "report.json"));
  check_and_complete();
}

static void test_sigterm_ends(void **state) {
  (void)state;
  check_end(SIGTERM);
}

static void test_sighup_ends(void **state) {
  (void)state;
  check_end(SIGHUP);
}

/* In the middle of one long track the second SIGINT does not wait for it. */
static void test_second_sigint_ends(void **state) {
  (void)state;
  struct spawned run = spawn(0, long_manifest, "--progress", "json", "--verify", "full");
  assert_true(spawn_expect(&run, "\"event\":\"track\""));
  assert_int_equal(kill(run.pid, SIGINT), 0);
  assert_true(spawn_expect(&run, "finishing what is in hand"));
  assert_int_equal(kill(run.pid, SIGINT), 0);
  assert_int_equal(spawn_end(&run), -SIGINT);
  assert_int_equal(cli_count(out, ""), 0);
}

/* nohup and background jobs of a shell ignore signals: they stay ignored. */
static void test_ignored_signal(void **state) {
  (void)state;
  struct spawned run = spawn(SIGINT, manifest, "--jobs", "2");
  assert_true(spawn_expect(&run, "[1/"));
  assert_int_equal(kill(run.pid, SIGINT), 0);
  assert_int_equal(spawn_end(&run), 0);
  assert_int_equal(cli_check_receipts(out), UNITS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_sigint_drains), TEST(test_sigusr1_drains), TEST(test_sigusr1_makes_progress),
      TEST(test_sigterm_ends),  TEST(test_sighup_ends),    TEST(test_second_sigint_ends),
      TEST(test_ignored_signal),
#undef TEST
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
