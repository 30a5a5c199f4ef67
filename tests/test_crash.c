/* SPDX-License-Identifier: MIT
 * The program killed at random moments: whatever stands under a deliverable's name is whole
 * and has its receipt, or a receipt that says it is not finished; what was finished stays;
 * the next run removes the rest and completes the catalogue.
 * LACQUER_CRASH_KILLS: how many (12); LACQUER_CRASH_SEED: of the moments. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "spawn_fixture.h"

static char *folder, manifest[4096], out[4096], reference[4096];
static uint64_t seed;
static double run_seconds; /* of an undisturbed run */

static const char *const names[CLI_UNITS] = {
    "streaming/one.wav", "streaming/two.wav", "streaming/three.wav", "streaming/four.wav",
    "cd/one.aiff", "cd/two.aiff", "cd/three.aiff", "cd/four.aiff",
    "archive/one.flac", "archive/two.flac", "archive/three.flac", "archive/four.flac"};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t number_from(const char *variable, uint64_t otherwise) {
  const char *text = getenv(variable);
  return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  cli_catalogue(folder);
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(out, sizeof out, "%s/out", folder);
  snprintf(reference, sizeof reference, "%s/reference", folder);
  const double start = now();
  expect_status(run_program("render", manifest, "-o", reference, "-d", "cpu", "-q"), 0);
  run_seconds = now() - start;
  assert_int_equal(cli_check_receipts(reference), CLI_UNITS);
  seed = number_from("LACQUER_CRASH_SEED", (uint64_t)time(NULL) * 1000 + (uint64_t)getpid() % 1000);
  printf("LACQUER_CRASH_SEED=%llu\n", (unsigned long long)seed);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

static double random_share(void) { return (double)(fixture_random(&seed) >> 11) * 0x1p-53; }

/* A program somewhere in its work. */
static struct spawned begin(void) {
  static const char *const jobs[] = {"1", "2", "3"};
  return spawn_program(0, "render", manifest, "-o", out, "-d", "cpu", "-q", "--verify", "off",
                       "--jobs", jobs[fixture_random(&seed) % 3]);
}

static void wait_some_time(void) {
  const double us = 1.1e6 * run_seconds * random_share();
  const struct timespec moment = {(time_t)us / 1000000, (long)us % 1000000 * 1000};
  nanosleep(&moment, NULL);
}

static void end_by_kill(struct spawned *run) {
  kill(run->pid, SIGKILL);
  const int status = spawn_end(run);
  if (status && status != -SIGKILL) fail_msg("exit status %d before it was killed", status);
}

/* Whether the deliverable is finished; the test fails when it is neither that nor marked. */
static bool is_finished(const char *name) {
  char sha256[HASH_TEXT_SIZE], receipt[256];
  snprintf(receipt, sizeof receipt, "%s.receipt.json", name);
  if (!cli_exists(out, receipt)) {
    if (cli_exists(out, name)) fail_msg("%s has no receipt", name);
    return false;
  }
  char *file = cli_receipt_text(out, name, "deliverable", "file_sha256");
  char *pcm = cli_receipt_text(out, name, "deliverable", "pcm_sha256");
  const bool finished = *file != 0;
  assert_int_equal(finished, *pcm != 0);
  if (finished) {
    assert_int_equal(hash_file(fixture_path(out, name), sha256, NULL, NULL), 0);
    assert_string_equal(file, sha256);
    cli_pcm_hash(fixture_path(out, name), sha256);
    assert_string_equal(pcm, sha256);
  }
  free(file);
  free(pcm);
  return finished;
}

/* Looks at every unit; none that was finished before may be so no longer. Returns how many
 * are. */
static int look(bool finished[CLI_UNITS]) {
  int n = 0;
  for (int i = 0; i < CLI_UNITS; i++) {
    const bool before = finished[i];
    finished[i] = is_finished(names[i]);
    if (before && !finished[i]) fail_msg("%s was finished before", names[i]);
    n += finished[i];
  }
  return n;
}

static void complete(void) {
  expect_status(run_program("render", manifest, "-o", out, "-d", "cpu", "-q"), 0);
  assert_int_equal(cli_count(out, ".tmp"), 0);
  assert_int_equal(cli_check_receipts(out), CLI_UNITS);
  assert_int_equal(cli_same_bits(out, reference), CLI_UNITS);
}

/* Every third time two programs work on the folder at once, and one is killed. */
static void test_kills(void **state) {
  const int n_kills = (int)number_from("LACQUER_CRASH_KILLS", 12);
  bool finished[CLI_UNITS] = {false};
  int left_overs = 0, unfinished = 0;
  (void)state;
  for (int i = 0; i < n_kills; i++) {
    struct spawned one = begin(), other = {0};
    if (i % 3 == 2) other = begin();
    wait_some_time();
    end_by_kill(&one);
    if (other.pid) assert_int_equal(spawn_end(&other), 0);
    left_overs += cli_count(out, ".tmp");
    const int n = look(finished);
    unfinished += cli_count(out, ".receipt.json") - n;
    if (n < CLI_UNITS) continue;
    complete();
    fixture_folder_remove(strdup(out));
    memset(finished, 0, sizeof finished);
  }
  complete();
  printf("%d kills left %d temporary files and %d unfinished receipts\n", n_kills, left_overs,
         unfinished);
}

/* Two programs on one folder from the start: both succeed, each unit is there once. */
static void test_two_at_once(void **state) {
  (void)state;
  fixture_folder_remove(strdup(out));
  struct spawned one = begin(), other = begin();
  assert_int_equal(spawn_end(&one), 0);
  assert_int_equal(spawn_end(&other), 0);
  assert_int_equal(cli_count(out, ".tmp"), 0);
  assert_int_equal(cli_check_receipts(out), CLI_UNITS);
  assert_int_equal(cli_same_bits(out, reference), CLI_UNITS);
}

/* What a power cut may leave, and what a careless copy: another run makes them again. */
static void test_damaged_files(void **state) {
  (void)state;
  complete();
  assert_int_equal(truncate(fixture_path(out, names[0]), 1000), 0);
  assert_int_equal(truncate(fixture_path(out, "cd/one.aiff.receipt.json"), 100), 0);
  assert_int_equal(truncate(fixture_path(out, "archive/one.flac.receipt.json"), 0), 0);
  assert_int_equal(remove(fixture_path(out, names[1])), 0);
  complete();
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_kills),
                                     cmocka_unit_test(test_two_at_once),
                                     cmocka_unit_test(test_damaged_files)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
