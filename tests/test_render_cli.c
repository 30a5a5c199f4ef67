/* SPDX-License-Identifier: MIT
 * The program as its user meets it: options, JSON Lines, what is up to date, golden
 * receipts, whose files are replaced. All on the CPU. */
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
#include <utime.h>

static char *folder, manifest[4096], out[4096];

/* Two tracks, two variants, and an empty output folder for every test. */
static void write_manifest(const char *isrc, double gain_db) {
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: \"{variant}/{source}.{ext}\"\n"
           "variants: {wide: {true_peak: -1}, cd: {bits: 16, format: flac}}\ntracks:\n"
           "  - {source: one.wav, isrc: %s, chain: [eq: {bands: [{type: bell, freq: 900,"
           " gain: 2}]}]}\n"
           "  - {source: two.wav, chain: [eq: {bands: [{type: bell, freq: 900, gain: %g}]}]}\n",
           isrc, gain_db);
}

static int set_up(void **state) {
  static const struct cli_sound sounds[] = {
      {"one.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 9000, 1},
      {"two.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 48000, 2, 8000, 2},
  };
  (void)state;
  folder = fixture_folder();
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(out, sizeof out, "%s/out", folder);
  for (int i = 0; i < 2; i++) cli_sound(folder, &sounds[i]);
  write_manifest("QZABC2600001", 1);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

#define render(...) run_program("render", manifest, "-o", out, "-d", "cpu", __VA_ARGS__)

/* ---- options ---- */

static void test_usage(void **state) {
  static const struct {
    const char *words[6], *message;
  } cases[] = {
      {{"polish"}, "unknown command polish"},
      {{"render"}, "render needs one manifest"},
      {{"render", "a.yaml", "b.yaml"}, "render needs one manifest"},
      {{"devices", "x"}, "devices takes no file"},
      {{"render", manifest, "--brighter"}, "unknown option --brighter"},
      {{"render", "-xq", manifest}, "unknown option -x"},
      {{"render", manifest, "--f"}, "unknown option --f"}, /* force or fail-fast? */
      {{"render", manifest, "--quiet=1"}, "--quiet=1: this option takes no value"},
      {{"render", manifest, "-o"}, "-o needs a value"},
      {{"render", manifest, "--verify", "some"}, "--verify some: expected TIER: full, sample"},
      {{"render", manifest, "--jobs", "0"}, "--jobs 0: expected N: worker threads, 1 to 1024"},
      {{"render", manifest, "--jobs", "4x"}, "--jobs 4x"},
      {{"render", manifest, "--jobs", "4294967297"}, "--jobs 4294967297"},
      {{"render", manifest, "--lanes=257"}, "(1 to 256)"},
      {{"render", manifest, "--segment", "-1"}, "--segment -1"},
      {{"render", manifest, "--output", ""}, "--output : expected DIR"},
      {{"render", manifest, "--only", "0"}, "--only 0: expected NUMBER or NUMBER:VARIANT"},
      {{"render", manifest, "--only", "two"}, "--only two: expected NUMBER"},
      {{"render", manifest, "--only", "1.5"}, "--only 1.5: expected NUMBER"},
      {{"render", manifest, "--only", "3"}, "--only 3: no such track or variant in"},
      {{"render", manifest, "--only", "1:CD"}, "--only 1:CD: no such track or variant"},
      {{"render", manifest, "--only", "1:"}, "--only 1:: no such track or variant"},
      {{"render", manifest, "--only", "4294967297"}, "--only 4294967297: expected NUMBER"},
      {{"render", manifest, "--device", "gpu"}, "device \"gpu\": expected auto, cpu, index:N"},
  };
  char cwd[4096];
  (void)state;
  assert_non_null(getcwd(cwd, sizeof cwd));
  assert_int_equal(chdir(folder), 0); /* where "rendered" would be made */
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *const *w = cases[i].words;
    struct program_run run = run_program(w[0], w[1], w[2], w[3], w[4]);
    assert_string_equal(run.out, "");
    assert_int_equal(count_lines(run.err), 1);
    expect_run(run, 64, cases[i].message);
    assert_int_equal(cli_count(folder, ".json"), 0);
  }
  assert_int_equal(chdir(cwd), 0);
}

static void test_help(void **state) {
  static const char *const asked[][2] = {{"help"}, {"--help"}, {"-h"}, {"render", "--help"}};
  struct program_run run = run_words((const char *const[]){LACQUER_PROGRAM, NULL});
  (void)state;
  assert_string_equal(run.out, "");
  expect_run(run, 64, "usage:", "lacquer render", "--verify TIER", "exit status");
  for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
    run = run_program(asked[i][0], asked[i][1]);
    assert_non_null(strstr(run.out, "lacquer render"));
    assert_string_equal(run.err, "");
    expect_status(run, 0);
  }
  run = run_program("version");
  assert_int_equal(count_lines(run.out), 3);
  expect_status(run, 0);
  run = run_program("--version");
  assert_non_null(strstr(run.out, "spirv"));
  expect_status(run, 0);
}

static void test_devices(void **state) {
  struct program_run people = run_program("devices"), data = run_program("devices", "--json");
  const int n = count_lines(data.out);
  (void)state;
  assert_non_null(strstr(people.out, "cpu "));
  for (int i = 0; i < n; i++) {
    json_t *device = cli_json_line(data.out, i);
    const bool cpu = i == n - 1; /* always there */
    assert_true(json_is_boolean(json_object_get(device, "usable")));
    assert_true(json_is_string(json_object_get(device, "name")));
    assert_int_equal(cpu, json_is_null(json_object_get(device, "index")));
    assert_int_equal(!cpu, json_is_string(json_object_get(device, "self_test")));
    json_decref(device);
  }
  expect_status(people, 0);
  expect_status(data, 0);
  expect_run(render("--device", "index:99"), 69, n > 1 ? "index:99" : "Vulkan");
  expect_run(render("--device", "uuid:0123"), 69, n > 1 ? "uuid:0123" : "Vulkan");
  assert_int_equal(cli_count(out, ""), 0);
}

/* ---- JSON ---- */

static void check_unit_line(const json_t *line) {
  static const char *const texts[] = {"title", "variant", "file", "verification", "pcm_sha256",
                                      "device", "key"};
  static const char *const numbers[] = {"track", "loudness_lufs", "true_peak_dbtp", "gain_db",
                                        "source_lufs", "coverage", "deepest_reduction_db"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (!json_is_string(json_object_get(line, texts[i]))) fail_msg("no %s", texts[i]);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    const json_t *value = json_object_get(line, numbers[i]); /* null: 0.2 s have no loudness */
    if (!json_is_number(value) && !json_is_null(value)) fail_msg("no %s", numbers[i]);
  }
  assert_true(json_is_boolean(json_object_get(line, "target_reached")));
  assert_string_equal(json_string_value(json_object_get(line, "state")), "delivered");
}

static void test_json(void **state) {
  struct program_run run = render("--json", "-q");
  (void)state;
  assert_string_equal(run.err, "");
  assert_int_equal(count_lines(run.out), 4);
  for (int i = 0; i < 4; i++) {
    json_t *line = cli_json_line(run.out, i);
    check_unit_line(line);
    json_decref(line);
  }
  expect_status(run, 0);
  json_t *report = cli_json(out, "report.json");
  assert_int_equal(json_integer_value(json_object_get(report, "delivered")), 4);
  assert_string_equal(json_string_value(json_object_get(report, "manifest")), manifest);
  assert_true(json_real_value(json_object_get(report, "audio_seconds")) > 0.7);
  json_decref(report);
  run = render("--json");
  assert_non_null(strstr(run.out, "\"state\":\"up to date\""));
  expect_run(run, 0, "up to date", "4 files in");
}

static void test_json_failure(void **state) {
  (void)state;
  cli_text(folder, "two.wav", "no audio");
  struct program_run run = render("--json", "-q", "--jobs", "1");
  json_t *line = cli_json_line(run.out, 0); /* the last to begin may be the first to end */
  for (int i = 1; strcmp(json_string_value(json_object_get(line, "state")), "failed"); i++) {
    json_decref(line);
    line = cli_json_line(run.out, i);
  }
  assert_int_equal(json_integer_value(json_object_get(line, "status")), 65);
  assert_non_null(strstr(json_string_value(json_object_get(line, "error")), "two.wav"));
  json_decref(line);
  expect_status(run, 1);
}

/* Paths need not be UTF-8; JSON must. */
static void test_json_is_utf8(void **state) {
  char latin[4096 + 16], file[4096 + 32];
  (void)state;
  snprintf(latin, sizeof latin, "%s/k\xf6ln", folder);
  snprintf(file, sizeof file, "%s/m.yaml", latin);
  assert_int_equal(mkdir(latin, 0777), 0);
  cli_text(latin, "m.yaml", "lacquer: 1\nvariants: {a: {}}\ntracks: [{source: x.wav}]\n");
  struct program_run run = run_program("render", file, "-o", out, "-d", "cpu", "--json");
  json_t *line = cli_json_line(run.out, 0);
  assert_non_null(strstr(json_string_value(json_object_get(line, "error")), "k?ln/x.wav"));
  json_decref(line);
  expect_run(run, 66, "x.wav");
  json_decref(cli_json(out, "report.json"));
}

static void test_streams(void **state) {
  struct program_run run = render("--verify", "off");
  (void)state;
  assert_string_equal(run.out, "");
  expect_run(run, 0, "device: cpu", "[4/4]", "not checked", "4 files in");
  run = render("--force", "--quiet");
  assert_string_equal(run.out, "");
  assert_string_equal(run.err, "");
  expect_status(run, 0);
  run = run_program("render", manifest, "--dry-run", "-o", fixture_path(folder, "dry"));
  assert_int_equal(count_lines(run.out), 4);
  expect_status(run, 0);
  assert_false(cli_exists(folder, "dry"));
}

/* Neighbouring linear stages run as one, neutral ones not at all; the plan and the receipt
 * say so. */
static void test_linear_neighbours(void **state) {
  const char *const path = fixture_path(folder, "linear.yaml"), *as = "eq+stereo > multiband > eq";
  (void)state;
  cli_text(folder, "linear.yaml",
           "lacquer: 1\noutput: joint/a.{ext}\nvariants: {a: {}}\ntracks:\n"
           "  - source: one.wav\n    chain:\n"
           "      - eq: {bands: [{type: bell, freq: 900, gain: 2}]}\n"
           "      - eq: {phase: minimum, bands: [{type: bell, freq: 900}]}\n"
           "      - stereo: {width: 1.2}\n"
           "      - multiband: {bands: [{threshold: -20, ratio: 2}]}\n"
           "      - stereo: {}\n"
           "      - eq: {phase: minimum, bands: [{type: highpass, freq: 30}]}\n");
  struct program_run run = run_program("render", path, "--dry-run");
  assert_non_null(strstr(run.out, "eq+stereo (rings "));
  assert_non_null(strstr(run.out, " ahead) > multiband > eq > loudness"));
  expect_status(run, 0);
  run = run_program("render", path, "--dry-run", "--json");
  json_t *line = cli_json_line(run.out, 0);
  const json_t *runs = json_object_get(line, "chain_runs_as");
  assert_int_equal(json_array_size(runs), 3);
  assert_string_equal(json_string_value(json_array_get(runs, 0)), "eq+stereo");
  const double ms = json_real_value(json_object_get(line, "filter_pre_ring_ms"));
  assert_true(ms > 0 && ms < 10);
  expect_status(run, 0);
  expect_status(run_program("render", path, "-o", out, "-d", "cpu", "--verify", "full"), 0);
  json_t *receipt = cli_json(out, "joint/a.wav.receipt.json");
  assert_string_equal(json_string_value(json_object_get(receipt, "chain_runs_as")), as);
  const json_t *measured = json_object_get(receipt, "measured");
  const double told = json_real_value(json_object_get(measured, "filter_pre_ring_ms"));
  assert_true(told > ms - 1e-6 && told < ms + 1e-6);
  json_decref(receipt);
  json_decref(line);
}

/* ---- what is up to date ---- */

struct times {
  struct timespec at[4];
};

static const char *const names[] = {"wide/one.wav", "cd/one.flac", "wide/two.wav", "cd/two.flac"};

static struct times times_of_files(void) {
  struct times times;
  for (int i = 0; i < 4; i++) {
    struct stat s;
    assert_int_equal(stat(fixture_path(out, names[i]), &s), 0);
    times.at[i] = s.st_mtim;
  }
  return times;
}

/* Renders; by letter what each file becomes: delivered, retagged, or untouched. */
static void expect_new(const char letters[4]) {
  const struct times before = times_of_files();
  struct program_run run = render("--jobs", "1");
  const struct times after = times_of_files();
  assert_int_equal(run.status, 0);
  for (int i = 0; i < 4; i++) {
    const bool same = !memcmp(&before.at[i], &after.at[i], sizeof after.at[i]);
    char told[64];
    snprintf(told, sizeof told, "%s: %s", names[i],
             letters[i] == 'd' ? "delivered" : letters[i] == 'r' ? "retagged" : "up to date");
    if (same == (letters[i] != '-') || !strstr(run.err, told))
      fail_msg("expected \"%s\", file is %s; messages:\n%s", told, same ? "old" : "new", run.err);
  }
  run_free(&run);
  assert_int_equal(cli_check_receipts(out), 4);
}

static void test_incremental(void **state) {
  (void)state;
  expect_status(render("-q"), 0);
  expect_new("----");
  write_manifest("QZABC2600009", 1); /* tags of track 1 */
  expect_new("rr--");
  expect_new("----");
  write_manifest("QZABC2600009", 1.5); /* sound of track 2 */
  expect_new("--dd");
  expect_new("----");
  cli_text(out, "wide/one.wav", "cut"); /* another length than the receipt's */
  expect_new("d---");
  cli_text(out, "cd/two.flac.receipt.json", "{}"); /* a receipt that says nothing */
  expect_new("---d");
  utime(fixture_path(folder, "one.wav"), NULL); /* the same audio, touched */
  expect_new("----");
  write_manifest("QZABC2600001", 1); /* back: not what the folder holds now */
  expect_new("rrdd");
}

static void test_deleted_file(void **state) {
  (void)state;
  expect_status(render("-q"), 0);
  assert_int_equal(remove(fixture_path(out, names[2])), 0);
  expect_run(render("--jobs", "1"), 0, "wide/two.wav: delivered", "cd/two.flac: up to date",
             "wide/one.wav: up to date");
  assert_int_equal(cli_check_receipts(out), 4);
}

static void test_new_audio(void **state) {
  static const struct cli_sound other = {"one.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2,
                                         9000, 99};
  (void)state;
  expect_status(render("-q"), 0);
  cli_sound(folder, &other); /* of the same length */
  expect_new("dd--");
}

/* ---- whose files ---- */

static void test_foreign_file(void **state) {
  (void)state;
  assert_int_equal(mkdir(out, 0777), 0);
  assert_int_equal(mkdir(fixture_path(out, "cd"), 0777), 0);
  cli_text(out, names[1], "somebody's work");
  struct program_run run = render("-q");
  assert_int_equal(count_lines(run.err), 1);
  expect_run(run, 1, names[1], "no receipt", "--force");
  char *text = cli_read(out, names[1]);
  assert_string_equal(text, "somebody's work");
  free(text);
  assert_int_equal(cli_check_receipts(out), 3);
  expect_status(render("-q", "--force"), 0);
  assert_int_equal(cli_check_receipts(out), 4);
}

/* A template and folder by which deliverables would replace their sources. */
static void test_sources_stay(void **state) {
  struct fixture_bytes before, after;
  (void)state;
  cli_text(folder, "m.yaml", "lacquer: 1\noutput: \"{title}.{ext}\"\nvariants: {a: {}}\ntracks:\n"
                             "  - {source: one.wav, title: two}\n"
                             "  - {source: two.wav, title: c}\n");
  before = fixture_load(fixture_path(folder, "two.wav"));
  expect_run(run_program("render", manifest, "-o", folder, "-d", "cpu", "--force", "-q"), 1,
             "two.wav", "sources are never replaced", "another output folder");
  after = fixture_load(fixture_path(folder, "two.wav"));
  assert_int_equal(before.size, after.size);
  assert_memory_equal(before.data, after.data, after.size);
  assert_true(cli_exists(folder, "c.wav"));
  free(before.data);
  free(after.data);
}

/* A receipt that cannot be written: nothing is published without one. */
static void test_no_file_without_receipt(void **state) {
  (void)state;
  assert_int_equal(mkdir(out, 0777), 0);
  assert_int_equal(mkdir(fixture_path(out, "cd"), 0777), 0);
  assert_int_equal(mkdir(fixture_path(out, "cd/one.flac.receipt.json"), 0777), 0);
  expect_run(render("-q"), 1, "cd/one.flac.receipt.json");
  assert_false(cli_exists(out, "cd/one.flac"));
  assert_int_equal(cli_count(out, ".tmp"), 0);
}

static void test_stale_temporaries(void **state) {
  char host[65] = "", name[256];
  const struct utimbuf old = {1000000000, 1000000000};
  const pid_t gone = fork();
  (void)state;
  if (!gone) _exit(0);
  assert_int_equal(waitpid(gone, NULL, 0), gone);
  gethostname(host, sizeof host - 1);
  assert_int_equal(mkdir(out, 0777), 0);
  assert_int_equal(mkdir(fixture_path(out, "wide"), 0777), 0);
  for (int i = 0; i < 2; i++) {
    snprintf(name, sizeof name, "%s.x.wav.%s.%ld.0.tmp", i ? "wide/" : "", host, (long)gone);
    cli_text(out, name, "half a file");
    assert_int_equal(utime(fixture_path(out, name), &old), 0);
  }
  expect_status(render("-q"), 0);
  assert_int_equal(cli_count(out, ".tmp"), 0);
}

/* Two copies of the program at once: both succeed, and the files are whole. */
static void test_two_at_once(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++) {
    fflush(NULL);
    const pid_t other = fork();
    int status = -1;
    assert_true(other >= 0);
    if (!other) {
      execl(LACQUER_PROGRAM, LACQUER_PROGRAM, "render", manifest, "-o", out, "-d", "cpu", "-q",
            i ? "--force" : "--quiet", (char *)NULL);
      _exit(127);
    }
    struct program_run run = render("-q", i ? "--force" : "--quiet");
    assert_int_equal(waitpid(other, &status, 0), other);
    expect_status(run, 0);
    assert_int_equal(status, 0);
    assert_int_equal(cli_check_receipts(out), 4);
  }
}

/* ---- golden ---- */

static void test_golden(void **state) {
  char golden[4096 + 16];
  (void)state;
  snprintf(golden, sizeof golden, "%s/golden", folder);
  expect_status(run_program("render", manifest, "-o", golden, "-d", "cpu", "-q"), 0);
  expect_run(render("--verify", "golden", "--golden", golden), 0, "golden  ");
  assert_int_equal(cli_same_bits(out, golden), 4);
  expect_status(render("--verify", "golden", "--force", "-q"), 0);
  char *tier = cli_receipt_text(out, names[0], "verification", "tier");
  assert_string_equal(tier, "golden");
  free(tier);
}

static void tamper(const char *file) {
  json_t *receipt = cli_json(out, file);
  json_t *group = json_object_get(receipt, "deliverable");
  char sha256[HASH_TEXT_SIZE];
  snprintf(sha256, sizeof sha256, "%s", json_string_value(json_object_get(group, "pcm_sha256")));
  sha256[10] = sha256[10] == '0' ? '1' : '0';
  json_object_set_new(group, "pcm_sha256", json_string(sha256));
  assert_int_equal(json_dump_file(receipt, fixture_path(out, file), JSON_INDENT(2)), 0);
  json_decref(receipt);
}

static void test_golden_refuses(void **state) {
  (void)state;
  expect_status(render("-q"), 0);
  tamper("wide/one.wav.receipt.json");
  assert_int_equal(remove(fixture_path(out, "cd/two.flac.receipt.json")), 0);
  struct times before = times_of_files();
  char *receipt = cli_read(out, "wide/one.wav.receipt.json");
  struct program_run run = render("--verify", "golden", "--force", "-q");
  assert_int_equal(count_lines(run.err), 2);
  expect_run(run, 1, "wide/one.wav: PCM differs from the golden receipt",
             "cd/two.flac.receipt.json: no golden receipt");
  const struct times after = times_of_files();
  assert_memory_equal(&before.at[0], &after.at[0], sizeof after.at[0]);
  assert_memory_equal(&before.at[3], &after.at[3], sizeof after.at[3]);
  assert_memory_not_equal(&before.at[1], &after.at[1], sizeof after.at[1]);
  char *same = cli_read(out, "wide/one.wav.receipt.json");
  assert_string_equal(receipt, same);
  assert_false(cli_exists(out, "cd/two.flac.receipt.json"));
  assert_int_equal(cli_count(out, ".tmp"), 0);
  free(receipt);
  free(same);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_usage),           TEST(test_help),           TEST(test_devices),
      TEST(test_json),            TEST(test_json_failure),   TEST(test_json_is_utf8),
      TEST(test_streams),         TEST(test_linear_neighbours), TEST(test_incremental),    TEST(test_deleted_file),
      TEST(test_new_audio),       TEST(test_foreign_file),   TEST(test_sources_stay),
      TEST(test_no_file_without_receipt), TEST(test_stale_temporaries), TEST(test_two_at_once),
      TEST(test_golden),          TEST(test_golden_refuses),
#undef TEST
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
