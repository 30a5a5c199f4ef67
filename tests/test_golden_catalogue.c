/* SPDX-License-Identifier: MIT
 * A small catalogue whose samples are frozen: golden/catalogue.pcm has the PCM hash of every
 * unit, and the program must give them on the reference and on a Vulkan device (index:0).
 *
 * A change of the sound is made deliberately, with "test_golden_catalogue renew": it writes
 * the file anew, and the diff shows which units changed. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */
#include "file_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN TEST_DIR "/golden/catalogue.pcm"

static char *folder;

/* ---- sources, from integers alone: no library decides a bit of them ---- */

static int32_t noise(uint32_t *s) { return (int32_t)(*s = *s * 1664525u + 1013904223u); }

/* Noise bursts over a square wave, and a silent end. */
static int32_t bursts(int32_t i, int channel, uint32_t *s) {
  const int32_t burst = noise(s) / 64 * (i / 3000 % 5);
  const int32_t square = i / (83 + 7 * channel) % 2 ? 1 << 28 : -(1 << 28);
  return i > 38000 ? 0 : burst + (i / 9000 % 2 ? square : 0);
}

/* Two saws, a bass and a treble, that decay. */
static int32_t saw(int32_t i, int channel, uint32_t *s) {
  const int32_t bass = i % (601 + channel) * 1600000 - (1 << 28) * 3 / 2;
  const int32_t treble = i % 11 * 20000000 - 100000000;
  return bass / (1 + i % 12000 / 1500) + treble / (1 + i % 5000 / 300) + noise(s) / 4096;
}

/* Steps from quiet to full scale, with the extremes of the word. */
static int32_t steps(int32_t i, int channel, uint32_t *s) {
  const int shift = 7 - i / 6000 % 8;
  if (i % 997 == 0) return i % 2 ? INT32_MAX : INT32_MIN;
  return noise(s) / 2 / (1 << shift) * (channel ? 1 : -1);
}

static const struct source {
  const char *name;
  int sf_format;
  struct fixture_shape shape;
  int32_t (*sample)(int32_t frame, int channel, uint32_t *state);
} sources[] = {
    {"bursts.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, {44100, 2, 44000, 24}, bursts},
    {"saw.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, {48000, 1, 36001, 16}, saw},
    {"steps.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, {96000, 2, 60000, 24}, steps},
    {"wide.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, {44100, 2, 40000, 16}, bursts},
    {"reference.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, {44100, 2, 50000, 16}, saw},
};

static void put_source(const struct source *source) {
  const struct fixture_shape *shape = &source->shape;
  const size_t n = (size_t)shape->n_frames * (size_t)shape->channels;
  int32_t *pcm = malloc(n * sizeof *pcm);
  uint32_t state = 12345;
  assert_non_null(pcm);
  for (size_t i = 0; i < n; i++) {
    const int32_t x = source->sample((int32_t)(i / (size_t)shape->channels),
                                     (int)(i % (size_t)shape->channels), &state);
    pcm[i] = x & (int32_t)(UINT32_MAX << (32 - shape->bits));
  }
  fixture_write(fixture_path(folder, source->name), source->sf_format, shape, pcm);
  free(pcm);
}

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) put_source(&sources[i]);
  struct fixture_bytes yaml = fixture_load(TEST_DIR "/golden/catalogue.yaml");
  fixture_save(fixture_path(folder, "m.yaml"), yaml.data, yaml.size);
  free(yaml.data);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

/* ---- hashes ---- */

static bool is_audio(const char *name) { return !name_ends_in(name, ".json"); }

/* Renders on a device: a line "hash  file" per unit, ascending; owned by the caller. */
static char *render(const char *device) {
  char manifest[4096], out[4096];
  struct file_tree files;
  char *text;
  size_t size;
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(out, sizeof out, "%s/%s", folder, device);
  expect_status(run_program("render", manifest, "-o", out, "-d", device, "-q"), 0);
  assert_int_equal(file_tree_list(out, is_audio, &files, NULL), 0);
  assert_int_equal(cli_check_receipts(out), files.n);
  FILE *lines = open_memstream(&text, &size);
  for (int i = 0; i < files.n; i++) {
    char sha256[HASH_TEXT_SIZE];
    cli_pcm_hash(fixture_path(out, files.names[i]), sha256);
    fprintf(lines, "%s  %s\n", sha256, files.names[i]);
  }
  assert_int_equal(fclose(lines), 0);
  file_tree_free(&files);
  return text;
}

/* Prints the lines of `text` that are not in `other`. */
static void print_news(const char *label, const char *text, const char *other) {
  for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
    char *line = strndup(text, (size_t)(end - text) + 1);
    if (!strstr(other, line)) printf("%s %s", label, line);
    free(line);
  }
}

static void check(const char *device) {
  struct fixture_bytes golden = fixture_load(GOLDEN);
  char *now = render(device);
  golden.data[golden.size] = 0;
  if (strcmp(now, (char *)golden.data)) {
    print_news("golden", (char *)golden.data, now);
    print_news("now   ", now, (char *)golden.data);
    fail_msg("other samples than " GOLDEN " has; if that is meant: test_golden_catalogue renew");
  }
  free(golden.data);
  free(now);
}

static void test_reference(void **state) {
  (void)state;
  check("cpu");
}

static void test_device(void **state) {
  (void)state;
  if (!cli_has_device(LACQUER_PROGRAM)) skip();
  check("index:0");
}

static void renew(void **state) {
  char *now = render("cpu");
  (void)state;
  fixture_save(GOLDEN, now, strlen(now));
  printf("%d units in " GOLDEN "\n", count_lines(now));
  free(now);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference),
                                     cmocka_unit_test(test_device)};
  const struct CMUnitTest renewal[] = {cmocka_unit_test(renew)};
  if (argc > 1 && !strcmp(argv[1], "renew"))
    return cmocka_run_group_tests(renewal, set_up, tear_down);
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
