/* SPDX-License-Identifier: MIT
 * Frozen plans and shards through the program: every unit in one shard, the bits of a whole
 * run, and what a plan refuses to render. */
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
#include <sys/wait.h>
#include <unistd.h>

#include "decode.h"
#include "manifest.h"
#include "shards.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
static char *folder, manifest[4096], plan[4096], whole[4096];

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(plan, sizeof plan, "%s/plan.jsonl", folder);
  snprintf(whole, sizeof whole, "%s/whole", folder);
  cli_catalogue(folder);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

/* Writes what `lacquer plan` prints to plan.jsonl. */
static void put_plan(int status, const char *shards) {
  struct program_run run = shards ? run_program("plan", manifest, "--shards", shards)
                                  : run_program("plan", manifest);
  if (run.status != status) fail_msg("status %d: %s", run.status, run.err);
  fixture_save(plan, run.out, strlen(run.out));
  run_free(&run);
}

static struct program_run run_shard(const char *what, const char *out, int shard, int n) {
  char text[32];
  snprintf(text, sizeof text, "%d/%d", shard, n);
  return run_program("render", what, "-o", out, "-d", "cpu", "--shard", text);
}

static void render_whole(void) {
  expect_status(run_program("render", manifest, "-o", whole, "-d", "cpu"), 0);
}

/* All shards into one folder: as many reports as shards, every unit in one of them. */
static void check_shards(const char *what, int n_shards, int n_units) {
  static int n_folders;
  char out[4096], name[64];
  int n = 0;
  snprintf(out, sizeof out, "%s/shards %d", folder, n_folders++);
  for (int i = n_shards; i >= 1; i--) {
    expect_status(run_shard(what, out, i, n_shards), 0);
    snprintf(name, sizeof name, "report.%d-of-%d.json", i, n_shards);
    json_t *report = cli_json(out, name);
    assert_int_equal(json_integer_value(json_object_get(report, "failed")), 0);
    assert_int_equal(json_integer_value(json_object_get(report, "up_to_date")), 0);
    n += (int)json_integer_value(json_object_get(report, "delivered"));
    json_decref(report);
  }
  assert_int_equal(n, n_units);
  assert_int_equal(cli_same_bits(out, whole), n_units);
  assert_int_equal(cli_same_bits(whole, out), n_units);
}

/* ---- the choice ---- */

/* No shard is heavier than the lightest by more than the heaviest item. */
static void deals_out(void **state) {
  enum { MOST = 200 };
  uint64_t seed = 77;
  (void)state;
  for (int round = 0; round < 300; round++) {
    const int n = (int)(fixture_random(&seed) % MOST);
    const int n_shards = 1 + (int)(fixture_random(&seed) % (MOST + 50));
    int64_t weights[MOST], load[MOST + 50] = {0}, heaviest = 0, least = INT64_MAX, most = 0;
    int shard[MOST], again[MOST], count[MOST + 50] = {0};
    for (int i = 0; i < n; i++) {
      weights[i] = round % 3 ? (int64_t)(fixture_random(&seed) % 1000000) : 5;
      if (weights[i] + 1 > heaviest) heaviest = weights[i] + 1;
    }
    shards_assign(weights, n, n_shards, shard);
    shards_assign(weights, n, n_shards, again);
    for (int i = 0; i < n; i++) {
      assert_in_range(shard[i], 0, n_shards - 1);
      assert_int_equal(shard[i], again[i]);
      load[shard[i]] += weights[i] + 1;
      count[shard[i]]++;
    }
    for (int s = 0; s < n_shards; s++) {
      if (load[s] < least) least = load[s];
      if (load[s] > most) most = load[s];
      if (n >= n_shards) assert_true(count[s] > 0);
    }
    assert_true(most - least <= heaviest);
  }
}

static void reads_headers_alone(void **state) {
  static const char *const names[] = {"one.wav", "two.flac", "three.aiff", "four.wav"};
  (void)state;
  for (int i = 0; i < COUNT(names); i++) {
    struct audio all, head;
    const char *path = fixture_path(folder, names[i]);
    assert_int_equal(decode_file(path, &all, NULL), 0);
    assert_int_equal(decode_headers(path, NULL, &head, NULL), 0);
    assert_int_equal(head.rate_hz, all.rate_hz);
    assert_int_equal(head.channels, all.channels);
    assert_int_equal(head.n_frames, all.n_frames);
    assert_int_equal(head.bits, all.bits);
    assert_int_equal(head.is_float, all.is_float);
    assert_string_equal(head.format, all.format);
    assert_null(head.pcm[0]);
    audio_free(&all);
  }
  fixture_save(fixture_path(folder, "bad.wav"), "RIFF", 4);
  fixture_save(fixture_path(folder, "bad.flac"), "fLaCx", 5);
  struct audio head;
  assert_int_equal(decode_headers(fixture_path(folder, "bad.wav"), NULL, &head, NULL), STATUS_BAD_DATA);
  assert_int_equal(decode_headers(fixture_path(folder, "bad.flac"), NULL, &head, NULL),
                   STATUS_BAD_DATA);
  assert_int_equal(decode_headers(fixture_path(folder, "no.wav"), NULL, &head, NULL), STATUS_NO_INPUT);
}

/* ---- shards ---- */

static void renders_shards(void **state) {
  (void)state;
  render_whole();
  put_plan(0, NULL);
  check_shards(manifest, 1, CLI_UNITS);
  check_shards(plan, 3, CLI_UNITS); /* of four tracks */
  check_shards(manifest, 6, CLI_UNITS);
  put_plan(0, "2");
  check_shards(plan, 2, CLI_UNITS);
}

/* The gain is that of the whole album, whatever part is rendered. */
static void renders_album_shards(void **state) {
  (void)state;
  cli_text(folder, "m.yaml", "lacquer: 1\noutput: \"{variant}/{source}.{ext}\"\nvariants:\n"
           "  al: {loudness: -12, loudness_mode: album, true_peak: -1}\n  own: {loudness: -20}\n"
           "tracks: [{source: one.wav}, {source: two.flac}, {source: three.aiff}]\n");
  render_whole();
  put_plan(0, NULL);
  check_shards(plan, 2, 6);
  char apart[4096]; /* without what the other shard has delivered */
  snprintf(apart, sizeof apart, "%s/apart", folder);
  expect_status(run_shard(plan, apart, 2, 3), 0);
  assert_int_equal(cli_same_bits(apart, whole), 2);
}

static void narrows_shards(void **state) {
  char out[4096];
  int n = 0;
  (void)state;
  snprintf(out, sizeof out, "%s/only", folder);
  for (int i = 1; i <= 2; i++) {
    char text[8];
    snprintf(text, sizeof text, "%d/2", i);
    struct program_run run = run_program("render", manifest, "-o", out, "-d", "cpu", "--shard",
                                         text, "--only", "3:cd", "--json");
    assert_int_equal(run.status, 0);
    n += count_lines(run.out);
    run_free(&run);
  }
  assert_int_equal(n, 1); /* in one of the two */
  expect_run(run_program("render", manifest, "-o", out, "--shard", "1/2", "--only", "9"), 64,
             "--only 9", "no such track");
}

static void copies_are_harmless(void **state) {
  enum { COPIES = 3 };
  pid_t copies[COPIES];
  char out[4096];
  (void)state;
  render_whole();
  put_plan(0, NULL);
  snprintf(out, sizeof out, "%s/copies", folder);
  for (int i = 0; i < COPIES; i++) {
    copies[i] = fork();
    assert_true(copies[i] >= 0);
    if (copies[i]) continue;
    execl(LACQUER_PROGRAM, LACQUER_PROGRAM, "render", plan, "--shard", "1/1", "-o", out, "-d",
          "cpu", "-q", (char *)NULL);
    _exit(127);
  }
  for (int i = 0; i < COPIES; i++) {
    int status;
    assert_int_equal(waitpid(copies[i], &status, 0), copies[i]);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  assert_int_equal(cli_check_receipts(out), CLI_UNITS);
  assert_int_equal(cli_same_bits(out, whole), CLI_UNITS);
  assert_int_equal(cli_count(out, ".tmp"), 0);
}

/* ---- the plan ---- */

static void writes_lines(void **state) {
  (void)state;
  put_plan(0, "2");
  char *text = cli_read(folder, "plan.jsonl");
  assert_int_equal(count_lines(text), 1 + CLI_TRACKS);
  json_t *header = cli_json_line(text, 0), *track = cli_json_line(text, 4);
  assert_int_equal(json_integer_value(json_object_get(header, "tracks")), CLI_TRACKS);
  assert_int_equal(json_integer_value(json_object_get(header, "units")), CLI_UNITS);
  assert_int_equal(json_integer_value(json_object_get(header, "shards")), 2);
  assert_string_equal(json_string_value(json_object_get(header, "manifest")), manifest);
  assert_string_equal(json_string_value(json_object_get(track, "source")), "four.wav");
  assert_int_equal(json_integer_value(json_object_get(track, "frames")), 45000);
  assert_int_equal(json_integer_value(json_object_get(track, "rate_hz")), 96000);
  assert_int_equal(json_array_size(json_object_get(track, "units")), CLI_VARIANTS);
  json_decref(header);
  json_decref(track);
  free(text);
  put_plan(0, NULL);
  char *again = cli_read(folder, "plan.jsonl");
  put_plan(0, NULL);
  text = cli_read(folder, "plan.jsonl");
  assert_string_equal(text, again); /* nothing of when and where */
  free(text);
  free(again);
}

/* Nothing is rendered, and each of these words is told. */
#define expect_refused(status, ...) \
  do { \
    char refused[4096]; \
    snprintf(refused, sizeof refused, "%s/refused", folder); \
    expect_run(run_program("render", plan, "-o", refused, "-d", "cpu"), status, __VA_ARGS__); \
    assert_false(cli_exists(folder, "refused")); \
  } while (0)

static void refuses_changes(void **state) {
  (void)state;
  put_plan(0, NULL);
  char *text = cli_read(folder, "m.yaml");
  char *changed = strdup(text);
  memcpy(strstr(changed, "title: Noon"), "title: Moon", 11);
  cli_text(folder, "m.yaml", "%s", changed);
  expect_refused(65, "plan.jsonl:3: line ", "asks for something else");
  memcpy(changed, text, strlen(text));
  memcpy(strstr(changed, "gain: -2}"), "gain: -1}", 9);
  cli_text(folder, "m.yaml", "%s", changed);
  expect_refused(65, "plan.jsonl:2: ", "plan.jsonl:4: ", "something else");
  cli_text(folder, "m.yaml", "%s  - {source: more.wav}\n", text);
  expect_refused(65, "plan.jsonl:1: ", "has 5 tracks now, and had 4");
  cli_text(folder, "m.yaml", "# a remark\n%s", text); /* asks for the same */
  expect_status(run_program("render", plan, "-o", whole, "-d", "cpu", "--only", "1:cd"), 0);
  unlink(manifest);
  expect_refused(66, "m.yaml: cannot be opened");
  free(changed);
  free(text);
}

static void refuses_other_sources(void **state) {
  static const struct cli_sound longer = {"two.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 44100, 2,
                                          20002, 2};
  (void)state;
  put_plan(0, NULL);
  cli_sound(folder, &longer);
  expect_refused(65, "plan.jsonl:3: ", "two.flac", "has changed since it was planned");
  unlink(fixture_path(folder, "two.flac"));
  expect_refused(65, "plan.jsonl:3: ", "two.flac: No such file");
  int status[2]; /* the shard without it does not mind */
  for (int i = 0; i < 2; i++) {
    struct program_run run = run_shard(plan, whole, i + 1, 2);
    status[i] = run.status;
    run_free(&run);
  }
  assert_int_equal(status[0] + status[1], 65);
}

static void refuses_other_references(void **state) {
  (void)state;
  cli_text(folder, "m.yaml", "lacquer: 1\nvariants: {a: {}}\ntracks:\n"
           "  - {source: one.wav, chain: [match: {references: [{path: three.aiff}]}]}\n");
  put_plan(0, NULL);
  static const struct cli_sound other = {"three.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_24, 44100, 2,
                                         31000, 9};
  cli_sound(folder, &other);
  expect_refused(65, "plan.jsonl:2: ", "asks for something else");
}

static void plans_what_is_missing(void **state) {
  (void)state;
  unlink(fixture_path(folder, "two.flac"));
  fixture_save(fixture_path(folder, "one.wav"), "RIFF", 4);
  put_plan(1, NULL);
  expect_run(run_program("render", plan, "-o", whole, "-d", "cpu"), 1, "two.flac", "one.wav");
  assert_int_equal(cli_check_receipts(whole), 2 * CLI_VARIANTS);
  cli_text(folder, "m.yaml", "lacquer: 1\nvariants: {a: {}}\ntracks: [{source: no.wav}]\n");
  put_plan(66, NULL);
}

static void refuses_damage(void **state) {
  (void)state;
  put_plan(0, "2");
  char *text = cli_read(folder, "plan.jsonl");
  const size_t size = strlen(text);
  expect_run(run_program("render", plan, "-o", whole, "--shard", "1/3"), 64, "a shard of 3",
             "--shard I/2");
  fixture_save(plan, text, size - 1);
  expect_status(run_program("render", plan, "-o", whole, "-d", "cpu", "--only", "1:cd"), 0);
  fixture_save(plan, text, size / 2);
  expect_refused(65, "plan.jsonl:", "plan again");
  char *line = strchr(strchr(text, '\n') + 1, '\n') + 1;
  fixture_save(plan, text, (size_t)(line - text));
  expect_refused(65, "plan.jsonl:3: the plan is cut off");
  char *copy = strdup(text);
  memcpy(strstr(copy, "\"track\":2"), "\"track\":3", 9);
  fixture_save(plan, copy, size);
  expect_refused(65, "plan.jsonl:3: another track");
  memcpy(copy, text, size);
  char *hash = strstr(copy, "engine_sha256") + strlen("engine_sha256\":\"");
  *hash = *hash == '0' ? '1' : '0';
  fixture_save(plan, copy, size);
  expect_refused(65, "plan.jsonl:1: another engine made this plan");
  free(copy);
  free(text);
}

/* A plan with bytes changed is refused, or what it says is not what decides the bits. */
static void survives_damage(void **state) {
  uint64_t seed = 20260103;
  (void)state;
  put_plan(0, NULL);
  char *text = cli_read(folder, "plan.jsonl");
  const size_t size = strlen(text);
  print_message("seed %llu\n", (unsigned long long)seed);
  for (int round = 0; round < 60; round++) {
    char *bytes = strdup(text);
    for (int n = 0; n < 2; n++) {
      char *place = bytes + 16 + fixture_random(&seed) % (size - 16);
      *place = fixture_random(&seed) % 2 ? text[fixture_random(&seed) % size]
                                         : (char)fixture_random(&seed);
    }
    fixture_save(plan, bytes, size);
    struct program_run run =
        run_program("render", plan, "-o", whole, "-d", "cpu", "--shard", "9/9");
    if (run.status && run.status != 65 && run.status != 66)
      fail_msg("status %d: %s", run.status, run.err);
    run_free(&run);
    free(bytes);
  }
  free(text);
}

static void tells_options(void **state) {
  static const char *const wrong[] = {"0/2", "3/2", "1", "/2", "1/", "a/2", "1/0", "-1/2"};
  (void)state;
  for (int i = 0; i < COUNT(wrong); i++)
    expect_run(run_program("render", manifest, "-o", whole, "--shard", wrong[i]), 64, "--shard",
               "I/N");
  expect_run(run_program("plan", manifest, "--shards", "0"), 64, "--shards 0");
  expect_run(run_program("plan", "/nonexistent/m.yaml"), 66, "cannot be opened");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(deals_out),        TEST(reads_headers_alone),   TEST(renders_shards),
      TEST(renders_album_shards), TEST(narrows_shards),    TEST(copies_are_harmless),
      TEST(writes_lines),     TEST(refuses_changes),       TEST(refuses_other_sources),
      TEST(refuses_other_references), TEST(plans_what_is_missing), TEST(refuses_damage),
      TEST(survives_damage),  TEST(tells_options),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
