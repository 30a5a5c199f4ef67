/* SPDX-License-Identifier: MIT
 * SOFA files, sound and damaged, and beds rendered for headphones from end to end. Exit 77:
 * libmysofa's default set is not here. */
#define _XOPEN_SOURCE 700 /* mkfifo */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */
#include "hrtf.h"
#include "hrtf_child.h"

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

static char *folder, *default_path;
static struct fixture_bytes sofa; /* the default set */

/* ---- files ---- */

static enum status read_bytes(const void *data, size_t size, struct failure *why) {
  struct hrtf *hrtf;
  const char *path = fixture_path(folder, "some.sofa");
  fixture_save(path, data, size);
  *why = (struct failure){0};
  const enum status status = hrtf_read(path, &hrtf, why);
  if (status) {
    assert_null(hrtf);
    assert_int_equal(why->status, status);
    if (strncmp(why->text, path, strlen(path))) fail_msg("%s", why->text);
  }
  hrtf_destroy(&hrtf);
  return status;
}

static void test_default(void **state) {
  (void)state;
  struct hrtf *hrtf;
  char sha256[HASH_TEXT_SIZE];
  assert_int_equal(hrtf_read(default_path, &hrtf, NULL), STATUS_OK);
  const struct hrir_set *set = &hrtf->set;
  assert_int_equal(hash_bytes(sofa.data, sofa.size, sha256), 0);
  assert_string_equal(hrtf->sha256, sha256);
  assert_true(set->n_directions > 100 && set->n_taps >= 64 && set->rate_hz >= 44100);
  assert_true(*hrtf->title != 0);
  /* Measured all around, and a sound from the left is at the left ear first, and louder. */
  const struct layout *bed = layout_find("7.1.4");
  assert_true(hrtf_largest_angle(hrtf, bed) < 10);
  const int left = hrir_nearest(set, bed->speaker[4]);
  int first[2];
  double energy[2] = {0};
  for (int ear = 0; ear < 2; ear++) {
    const float *h = set->taps + (2 * left + ear) * set->n_taps;
    for (int i = 0; i < set->n_taps; i++) energy[ear] += h[i] * h[i];
    for (first[ear] = 0; h[first[ear]] * h[first[ear]] < 0.01 * energy[ear];) first[ear]++;
  }
  assert_true(energy[0] > 4 * energy[1]);
  assert_true(first[1] - first[0] > 0.4e-3 * set->rate_hz);
  assert_true(first[1] - first[0] < 0.9e-3 * set->rate_hz);
  hrtf_destroy(&hrtf);
  hrtf_destroy(&hrtf);
}

static void expect_fault(const char *path, enum status status, const char *words) {
  struct hrtf *hrtf;
  struct failure why = {0};
  assert_int_equal(hrtf_read(path, &hrtf, &why), status);
  if (!strstr(why.text, words)) fail_msg("\"%s\" is not about \"%s\"", why.text, words);
}

static void test_no_sofa(void **state) {
  (void)state;
  struct failure why;
  static const char text[] = "Positions and impulse responses";
  assert_int_equal(read_bytes(text, sizeof text, &why), STATUS_BAD_DATA);
  assert_non_null(strstr(why.text, "no SOFA file"));
  assert_int_equal(read_bytes("", 0, &why), STATUS_BAD_DATA);
  expect_fault(fixture_path(folder, "absent.sofa"), STATUS_NO_INPUT, "absent.sofa: cannot be");
  expect_fault(folder, STATUS_BAD_DATA, "is no file");
  const char *pipe = fixture_path(folder, "pipe.sofa");
  assert_int_equal(mkfifo(pipe, 0600), 0);
  expect_fault(pipe, STATUS_BAD_DATA, "is no file");
  const char *large = fixture_path(folder, "large.sofa");
  fixture_save(large, text, sizeof text);
  assert_int_equal(truncate(large, ((off_t)256 << 20) + 1), 0);
  expect_fault(large, STATUS_BAD_DATA, "up to 256 MiB");
  unlink(large);
}

static void replace(unsigned char *data, size_t size, const void *from, const void *to, size_t n) {
  for (size_t i = 0; i + n <= size; i++)
    if (!memcmp(data + i, from, n)) memcpy(data + i, to, n);
}

/* Sound files of another kind. */
static void test_other_kinds(void **state) {
  (void)state;
  static const struct {
    const char *from, *to;
    const char *words; /* NULL: it is read */
  } cases[] = {
      {"SimpleFreeFieldHRIR", "SimpleFreeFieldHRTF", "accepted: SOFA convention"},
      {"FIR", "FIX", "accepted: SOFA convention"},
      {"free field", "open field", "accepted: SOFA convention"},
      {"spherical", "spherifix", "SourcePosition is of another type"},
      {"KEMAR", "K\033M\377R", NULL},
  };
  unsigned char *copy = malloc(sofa.size);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct failure why;
    memcpy(copy, sofa.data, sofa.size);
    replace(copy, sofa.size, cases[i].from, cases[i].to, strlen(cases[i].from));
    if (!memcmp(copy, sofa.data, sofa.size)) skip(); /* another set than MIT's */
    const enum status status = read_bytes(copy, sofa.size, &why);
    if (!cases[i].words != !status || (status && !strstr(why.text, cases[i].words)))
      fail_msg("case %zu: %d %s", i, (int)status, why.text);
  }
  free(copy);
  struct hrtf *hrtf; /* the last one: what it says of itself is made fit to print */
  assert_int_equal(hrtf_read(fixture_path(folder, "some.sofa"), &hrtf, NULL), STATUS_OK);
  assert_non_null(strstr(hrtf->title, "K?M?R"));
  hrtf_destroy(&hrtf);
}

static void test_sizes(void **state) {
  (void)state;
  const struct hrtf_reply sound = {.rate_hz = 44100, .n_taps = 512, .n_directions = 710};
  static const int32_t sizes[][4] = { /* rate, taps, directions, whether they are sound */
      {8000, 1, 1, 1},       {192000, 8192, 4096, 1}, {44100, 512, 65536, 1},
      {7999, 512, 710, 0},   {192001, 512, 710, 0},   {0, 512, 710, 0},
      {44100, 0, 710, 0},    {44100, -1, 710, 0},     {44100, 8193, 710, 0},
      {44100, 512, 0, 0},    {44100, 512, 65537, 0},  {44100, 8192, 4097, 0},
      {44100, 512, INT32_MIN, 0}};
  assert_true(hrtf_reply_is_sound(&sound));
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct hrtf_reply r = sound;
    r.rate_hz = sizes[i][0], r.n_taps = sizes[i][1], r.n_directions = sizes[i][2];
    assert_int_equal(hrtf_reply_is_sound(&r), sizes[i][3]);
  }
}

/* libmysofa crashes on some of these: in its own process, whose end is an error of the file. */
static void test_damaged(void **state) {
  (void)state;
  enum { ROUNDS = 120 };
  unsigned char *copy = malloc(sofa.size);
  uint64_t random = 51;
  int refused = 0;
  for (int i = 0; i < ROUNDS; i++) {
    const size_t size = i % 4 ? sofa.size : (size_t)(fixture_random(&random) % sofa.size);
    struct failure why;
    memcpy(copy, sofa.data, sofa.size);
    for (int k = 0; k <= i % 8; k++) {
      const uint64_t at = fixture_random(&random) % (i % 2 ? 20000 : sofa.size);
      copy[at] = (unsigned char)(fixture_random(&random) >> 40);
    }
    const enum status status = read_bytes(copy, size, &why);
    assert_true(status == STATUS_OK || status == STATUS_BAD_DATA);
    refused += status != STATUS_OK;
  }
  assert_in_range(refused, ROUNDS / 4, ROUNDS);
  free(copy);
}

/* ---- renders ---- */

static const char *manifest(const char *variants) {
  cli_text(folder, "m.yaml", "lacquer: 1\nchains: {none: []}\ndefaults: {chain: none}\n"
           "output: \"{source}.{variant}.{ext}\"\nvariants:\n%s"
           "tracks: [{source: bed.wav, layout: 7.1.4}, {source: small.wav, layout: 5.1}]\n",
           variants);
  static char path[300]; /* outlives fixture_path's */
  snprintf(path, sizeof path, "%s/m.yaml", folder);
  return path;
}

#define HEADPHONES "  headphones: {layout: binaural, loudness: -18, true_peak: -1}\n"
#define OWN "  own: {layout: binaural, hrtf: own.sofa, rate: 44100, loudness: -18, bits: 16}\n"

static void test_render(void **state) {
  (void)state;
  const char *path = manifest(HEADPHONES OWN);
  char out[300], sha256[HASH_TEXT_SIZE];
  snprintf(out, sizeof out, "%s/out", folder);
  expect_run(run_program("render", path, "-o", out, "--device", "cpu", "--verify", "full"), 0,
             "bed.own.wav: delivered, -18.0", "small.headphones.wav: delivered, -18.0");
  assert_int_equal(cli_check_receipts(out), 4);
  json_t *receipt = cli_receipt(out, "bed.own.wav");
  const json_t *binaural = json_object_get(receipt, "binaural");
  assert_string_equal(json_string_value(json_object_get(binaural, "hrtf")), "own.sofa");
  assert_int_equal(hash_file(fixture_path(folder, "own.sofa"), sha256, NULL, NULL), 0);
  assert_string_equal(json_string_value(json_object_get(binaural, "hrtf_sha256")), sha256);
  assert_true(json_is_string(json_object_get(binaural, "hrtf_title")));
  assert_true(json_number_value(json_object_get(binaural, "largest_angle_deg")) < 10);
  const json_t *file = json_object_get(receipt, "deliverable");
  assert_string_equal(json_string_value(json_object_get(file, "layout")), "2.0");
  assert_int_equal(json_integer_value(json_object_get(file, "rate_hz")), 44100);
  json_decref(receipt);
  SF_INFO info = {0};
  SNDFILE *sound = sf_open(fixture_path(out, "bed.headphones.wav"), SFM_READ, &info);
  assert_non_null(sound);
  sf_close(sound);
  assert_int_equal(info.channels, 2);
  assert_int_equal(info.frames, 60000); /* as the source */
  expect_run(run_program("verify", out), 0, "bed.headphones.wav: equal", "bed.own.wav: equal");
  /* Another file of impulse responses is another unit, and only that one. */
  expect_run(run_program("render", path, "-o", out, "--device", "cpu"), 0,
             "bed.own.wav: up to date", "bed.headphones.wav: up to date");
  fixture_save(fixture_path(folder, "own.sofa"), sofa.data, sofa.size);
  expect_run(run_program("render", path, "-o", out, "--device", "cpu"), 0,
             "bed.own.wav: delivered", "bed.headphones.wav: up to date");
}

/* A byte of the set that changes what is read of it, which is then saved as own.sofa. */
static bool change_responses(void) {
  struct hrtf *before, *after;
  uint64_t random = 67;
  bool other = false;
  assert_int_equal(hrtf_read(default_path, &before, NULL), STATUS_OK);
  const struct hrir_set *set = &before->set;
  const size_t size = 2 * (size_t)set->n_directions * (size_t)set->n_taps * sizeof *set->taps;
  for (int i = 0; i < 300 && !other; i++) {
    const size_t at = fixture_random(&random) % sofa.size;
    sofa.data[at] ^= 0x10;
    fixture_save(fixture_path(folder, "own.sofa"), sofa.data, sofa.size);
    sofa.data[at] ^= 0x10;
    if (hrtf_read(fixture_path(folder, "own.sofa"), &after, NULL)) continue;
    other = after->set.n_taps == set->n_taps && after->set.n_directions == set->n_directions &&
            memcmp(after->set.taps, set->taps, size);
    hrtf_destroy(&after);
  }
  hrtf_destroy(&before);
  return other;
}

static void test_changed(void **state) {
  (void)state;
  char out[300];
  const char *path = manifest(OWN);
  snprintf(out, sizeof out, "%s/changed", folder);
  fixture_save(fixture_path(folder, "own.sofa"), sofa.data, sofa.size);
  expect_status(run_program("render", path, "-o", out, "--device", "cpu", "--only", "1"), 0);
  if (!change_responses()) skip();
  struct program_run run = run_program("verify", out, "--device", "cpu");
  assert_int_equal(run.status, 1);
  assert_non_null(strstr(run.out, "the impulse responses changed"));
  run_free(&run);
}

static void test_plan(void **state) {
  (void)state;
  const char *path = manifest(HEADPHONES OWN);
  struct program_run people = run_program("render", path, "--dry-run");
  struct program_run data = run_program("render", path, "--dry-run", "--json");
  assert_int_equal(people.status, 0);
  assert_non_null(strstr(people.out, "degrees) > loudness > limiter > dither"));
  assert_non_null(strstr(people.out, "degrees) > resample 44100 Hz > loudness"));
  json_t *line = cli_json_line(data.out, 0);
  const json_t *hrtf = json_object_get(line, "hrtf");
  assert_string_equal(json_string_value(json_object_get(hrtf, "path")), default_path);
  assert_int_equal(json_string_length(json_object_get(hrtf, "sha256")), 64);
  json_decref(line);
  run_free(&people);
  run_free(&data);
}

/* One of the two files is of another set, so that a session has two designs. */
static void test_device(void **state) {
  (void)state;
  if (!cli_has_device(LACQUER_PROGRAM)) skip();
  char out[2][300];
  const char *path = manifest(HEADPHONES OWN "  fold: {layout: 2.0, loudness: -18}\n");
  for (int i = 0; i < 2; i++) {
    snprintf(out[i], sizeof out[i], "%s/device%d", folder, i);
    expect_status(run_program("render", path, "-o", out[i], "--device", i ? "index:0" : "cpu",
                              "--verify", i ? "full" : "off"), 0);
  }
  assert_int_equal(cli_same_bits(out[1], out[0]), 6);
}

/* A wrong word of the stage on a device is seen, and the reference renders instead. */
static void test_flip(void **state) {
  (void)state;
  if (!cli_has_device(LACQUER_PROGRAM)) skip();
  char out[300];
  const char *path = manifest(HEADPHONES);
  snprintf(out, sizeof out, "%s/flip", folder);
  setenv("LACQUER_TEST_FLIP", "binaural:1:5000:3", 1);
  struct program_run run = run_program("render", path, "-o", out, "--device", "index:0",
                                       "--verify", "full", "--only", "1");
  unsetenv("LACQUER_TEST_FLIP");
  expect_run(run, 0, "gave wrong bits in binaural (audio, channel 1, frame 5000");
}

static void expect_refusal(const char *variants, const char *tracks, int status,
                           const char *words) {
  char out[300];
  snprintf(out, sizeof out, "%s/none", folder);
  cli_text(folder, "no.yaml", "lacquer: 1\nchains: {none: []}\ndefaults: {chain: none}\n"
           "variants: {a: %s}\ntracks: [%s]\n", variants, tracks);
  expect_run(run_program("render", fixture_path(folder, "no.yaml"), "-o", out, "--device", "cpu"),
             status, words);
  assert_int_equal(cli_count(folder, "none"), 0);
}

static void test_refusals(void **state) {
  (void)state;
  static const char bed[] = "{source: bed.wav, layout: 7.1.4}";
  expect_refusal("{layout: binaural}", "{source: pair.wav}", 65,
                 "2.0 cannot become binaural (variant \"a\"): headphones play one and two");
  expect_refusal("{layout: binaural, hrtf: not.sofa}", bed, 66,
                 "variant \"a\": ");
  expect_refusal("{layout: binaural, hrtf: not.sofa}", bed, 66,
                 "not.sofa: cannot be opened: No such file");
  expect_refusal("{layout: binaural, hrtf: bed.wav}", bed, 65, "bed.wav: no SOFA file");
}

static int set_up(void **state) {
  (void)state;
  static const struct cli_sound sounds[] = {
      {"bed.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 48000, 12, 60000, 31},
      {"small.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 6, 50001, 32},
      {"pair.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 30000, 33}};
  folder = fixture_folder();
  for (int i = 0; i < 3; i++) cli_sound(folder, &sounds[i]);
  sofa = fixture_load(default_path);
  unsigned char *own = malloc(sofa.size + 1); /* the same set, another file */
  memcpy(own, sofa.data, sofa.size);
  own[sofa.size] = 0;
  fixture_save(fixture_path(folder, "own.sofa"), own, sofa.size + 1);
  free(own);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  free(sofa.data);
  free(default_path);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_default),     cmocka_unit_test(test_no_sofa),
      cmocka_unit_test(test_other_kinds), cmocka_unit_test(test_damaged),
      cmocka_unit_test(test_plan),        cmocka_unit_test(test_device),
      cmocka_unit_test(test_flip),        cmocka_unit_test(test_render),
      cmocka_unit_test(test_refusals),    cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_changed),
  };
  struct manifest any = {.path = ""};
  struct variant headphones = {0};
  while (!fold_is_binaural(&headphones.fold)) headphones.fold.layout++;
  default_path = hrtf_path(&any, &headphones);
  if (access(default_path, R_OK)) {
    printf("skipped: no %s\n", default_path);
    free(default_path);
    return 77;
  }
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
