/* SPDX-License-Identifier: MIT
 * A search for a loudness takes the slowest pace that meets it, on every device. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>

static char *folder;

/* Hits of 5 ms, every 150 ms, over noise: what lies between them sinks the less, the shorter
 * the attack is. */
static void write_hits(const char *path) {
  enum { FRAMES = 300000, EVERY = 6615, HIT = 220 };
  SF_INFO info = {.samplerate = 44100, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
  SNDFILE *file = sf_open(path, SFM_WRITE, &info);
  uint32_t seed = 78;
  assert_non_null(file);
  for (int i = 0; i < FRAMES; i++) {
    seed = seed * 1664525u + 1013904223u;
    const float noise = (float)((int32_t)seed >> 8) * 0x1p-23f;
    const float x = noise * (i % EVERY < HIT ? 0.8f : 0.05f);
    assert_int_equal(sf_write_float(file, &x, 1), 1);
  }
  sf_close(file);
}

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  write_hits(fixture_path(folder, "a.wav"));
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: '{variant}.{ext}'\nvariants:\n"
           "  soft: {loudness: -24, true_peak: -1}\n"
           "  loud: {loudness: -10, true_peak: -1}\n"
           "  too_loud: {loudness: -5, true_peak: -1}\n"
           "  given: {loudness: -16, true_peak: -1, look_ahead: 20, release: 60}\n"
           "  punchy: {loudness: -16, true_peak: -1, style: punchy}\n"
           "  no_loudness: {true_peak: -12}\n"
           "  album: {loudness: -12, true_peak: -1, loudness_mode: album}\n"
           "  track: {loudness: -12, true_peak: -1}\n"
           "tracks: [{source: a.wav}]\n");
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

static void render_on(const char *device, const char *verify, char out[4096]) {
  snprintf(out, 4096, "%s/%s", folder, device);
  expect_status(run_program("render", fixture_path(folder, "m.yaml"), "-o", out, "-d", device,
                            "--verify", verify), 0);
}

struct attack {
  double look_ahead_ms, release_ms;
  bool met;
};

static struct attack attack_of(const char *out, const char *name) {
  json_t *receipt = cli_receipt(out, name), *measured = json_object_get(receipt, "measured");
  const struct attack a = {
      json_number_value(json_object_get(measured, "limiter_look_ahead_ms")),
      json_number_value(json_object_get(measured, "limiter_release_ms")),
      json_is_true(json_object_get(measured, "target_reached"))};
  print_message("%s: attack %g ms, release %g ms, %s\n", name, a.look_ahead_ms, a.release_ms,
                a.met ? "met" : "not met");
  json_decref(receipt);
  return a;
}

static void expect_attack(const char *out, const char *name, double ms, bool met) {
  const struct attack a = attack_of(out, name);
  if (fabs(a.look_ahead_ms - ms) > 0.1 || a.met != met) fail_msg("%s: %g ms, met %d", name, ms, met);
}

/* Renders to -12 LUFS with a pace that is given. */
static bool meets(double look_ahead_ms, double release_ms) {
  char text[500], out[4096];
  snprintf(text, sizeof text,
           "lacquer: 1\noutput: 'one.{ext}'\ntracks: [{source: a.wav}]\n"
           "variants: {one: {loudness: -12, true_peak: -1, look_ahead: %g, release: %g}}\n",
           look_ahead_ms, release_ms);
  cli_text(folder, "one.yaml", "%s", text);
  snprintf(out, sizeof out, "%s/one", folder);
  expect_status(run_program("render", fixture_path(folder, "one.yaml"), "-o", out, "-d", "cpu",
                            "-f"), 0);
  return attack_of(out, "one.wav").met;
}

static void slowest_that_meets(void **state) {
  (void)state;
  char out[4096];
  render_on("cpu", "off", out);
  expect_attack(out, "soft.wav", 240, true);    /* the slowest there is */
  expect_attack(out, "too_loud.wav", 10, false); /* the fastest */
  expect_attack(out, "given.wav", 20, true);
  expect_attack(out, "no_loudness.wav", 50, true);
  const struct attack track = attack_of(out, "track.wav"), loud = attack_of(out, "loud.wav");
  const struct attack punchy = attack_of(out, "punchy.wav");
  assert_true(track.met && track.release_ms < 1200);
  assert_true(loud.met && loud.release_ms < track.release_ms);
  assert_true(punchy.met && punchy.release_ms < 150);
  const struct attack album = attack_of(out, "album.wav");
  assert_true(album.met && album.release_ms == track.release_ms && album.release_ms < 1200);
  assert_true(meets(track.look_ahead_ms, track.release_ms));
  assert_false(meets(track.look_ahead_ms * 1.2, track.release_ms * 1.2)); /* not even the next */
}

static void same_on_a_device(void **state) {
  (void)state;
  char cpu[4096], device[4096];
  if (!cli_has_device(LACQUER_PROGRAM)) skip();
  render_on("cpu", "off", cpu);
  render_on("index:0", "full", device);
  assert_int_equal(cli_same_bits(device, cpu), 8);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(slowest_that_meets),
                                     cmocka_unit_test(same_on_a_device)};
  return cmocka_run_group_tests_name("attacks", tests, set_up, tear_down);
}
