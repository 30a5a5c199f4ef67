/* SPDX-License-Identifier: MIT
 * Tracks of stems through the whole program: what is delivered, planned, kept and proved. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */
#include "decode.h"
#include "detmath.h"

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
#include <utime.h>

enum { RATE = 48000, DRUMS = 60000, BASS = 50000, BASS_START = 9600, PAD = 30000, N = 60000 };
static const struct cli_sound drums = {"drums.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, RATE, 2,
                                       DRUMS, 1},
                              bass = {"bass.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, RATE, 1, BASS,
                                      2},
                              pad = {"pad.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_24, RATE, 2, PAD,
                                     3};
static char *folder;

static void put_track(const char *gain, const char *more) {
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: \"{number} {variant}.{ext}\"\n"
           "variants: {raw: {bits: 32}, cd: {layout: 2.0, loudness: -16, true_peak: -1, "
           "bits: 16}}\n"
           "tracks:\n"
           "  - title: Mixed\n"
           "    layout: 5.1\n"
           "    stems:\n"
           "      - {file: drums.wav, channels: [L, R], gain: %s}\n"
           "      - {file: bass.flac, channels: C, start: 0.2, role: music}\n"
           "      - {file: pad.aiff, channels: [Ls, Rs]}\n"
           "      - {file: pad.aiff, channels: [L, C], gain: -12, name: pad in front}\n%s", gain,
           more);
}

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  cli_sound(folder, &drums);
  cli_sound(folder, &bass);
  cli_sound(folder, &pad);
  put_track("-3", "");
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

/* As fixture_path, whose buffers the helpers use up. */
static const char *below(const char *name) {
  static char paths[8][4096];
  static int next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static struct program_run render(const char *out, const char *device) {
  return run_program("render", below("m.yaml"), "-o", below(out),
                     "--device", device, "--verify", "full");
}

static void add(float *sum, const struct cli_sound *s, int channel, float gain) {
  const struct fixture_shape shape = {s->rate_hz, s->channels, s->n_frames,
                                      strstr(s->name, "flac") ? 16 : 24};
  int32_t *pcm = fixture_programme(&shape, s->seed);
  for (int32_t i = 0; i < s->n_frames; i++) {
    const float x = gain * ((float)pcm[i * s->channels + channel] * 0x1p-31f);
    sum[i * 6] = sum[i * 6] + x;
    if (fabsf(sum[i * 6]) < 0x1p-50f) sum[i * 6] = 0;
  }
  free(pcm);
}

/* Nothing acts on the variant `raw`: its samples are the sums. */
static void expect_sums(const char *name) {
  SF_INFO info = {0};
  SNDFILE *file = sf_open(below(name), SFM_READ, &info);
  float *sum = calloc((size_t)N * 6, sizeof *sum), *is = calloc((size_t)N * 6, sizeof *is);
  assert_true(file && sum && is);
  assert_int_equal(info.channels, 6);
  assert_int_equal(info.frames, N);
  assert_int_equal(sf_readf_float(file, is, N), N);
  sf_close(file);
  const float down = (float)det_db_to_gain(-3), far = (float)det_db_to_gain(-12);
  add(sum + 0, &drums, 0, down);
  add(sum + 1, &drums, 1, down);
  add(sum + BASS_START * 6 + 2, &bass, 0, 1);
  add(sum + 4, &pad, 0, 1);
  add(sum + 5, &pad, 1, 1);
  add(sum + 0, &pad, 0, far);
  add(sum + 2, &pad, 1, far);
  assert_memory_equal(is, sum, (size_t)N * 6 * sizeof *sum);
  free(is), free(sum);
}

static void test_samples(void **state) {
  (void)state;
  expect_status(render("cpu", "cpu"), 0);
  expect_sums("cpu/01 raw.wav");
  assert_int_equal(cli_check_receipts(below("cpu")), 2);
  json_t *receipt = cli_receipt(below("cpu"), "01 cd.wav");
  const json_t *stems = json_object_get(receipt, "stems");
  assert_int_equal(json_array_size(stems), 4);
  static const char *const names[] = {"drums", "bass", "pad", "pad in front"};
  for (size_t i = 0; i < 4; i++) {
    const json_t *stem = json_array_get(stems, i);
    assert_string_equal(json_string_value(json_object_get(stem, "name")), names[i]);
    assert_int_equal(json_string_length(json_object_get(stem, "audio_sha256")), 64);
  }
  json_decref(receipt);
  if (!cli_has_device(LACQUER_PROGRAM)) return;
  expect_status(render("gpu", "index:0"), 0);
  expect_sums("gpu/01 raw.wav");
  assert_int_equal(cli_same_bits(below("gpu"), below("cpu")), 2);
}

static void test_dry_run(void **state) {
  (void)state;
  const char *manifest = below("m.yaml");
  struct program_run data = run_program("render", manifest, "--dry-run", "--json");
  json_t *unit = cli_json_line(data.out, 0);
  assert_int_equal(json_array_size(json_object_get(unit, "stems")), 4);
  json_decref(unit);
  run_free(&data);
  struct program_run people = run_program("render", manifest, "--dry-run");
  assert_int_equal(people.status, 0);
  assert_non_null(strstr(people.out, "4 stems to 5.1 > fold 2.0 > "));
  run_free(&people);
}

static int64_t written(const char *name) {
  struct stat s;
  assert_int_equal(stat(below(name), &s), 0);
  return (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec;
}

static void set_time(const char *name, long long time_s) {
  assert_int_equal(utime(below(name), &(struct utimbuf){time_s, time_s}), 0);
}

/* What is up to date is left alone: without decoding, or, where a file's time is another, once it
 * was decoded. Settings of a stem are the track's. */
static void test_incremental(void **state) {
  (void)state;
  expect_status(render("again", "cpu"), 0);
  const int64_t receipt = written("again/01 cd.wav.receipt.json");
  set_time("again/01 cd.wav", 1000000000); /* seen when it is replaced */
  expect_run(render("again", "cpu"), 0, "up to date");
  assert_int_equal(written("again/01 cd.wav.receipt.json"), receipt);
  set_time("bass.flac", 1100000000);
  expect_run(render("again", "cpu"), 0, "up to date");
  assert_int_not_equal(written("again/01 cd.wav.receipt.json"), receipt); /* learnt the time */
  json_t *learnt = cli_receipt(below("again"), "01 cd.wav");
  const json_t *stem = json_array_get(json_object_get(learnt, "stems"), 1);
  assert_non_null(json_object_get(stem, "audio_sha256"));
  json_decref(learnt);
  const int64_t second = written("again/01 cd.wav.receipt.json");
  expect_run(render("again", "cpu"), 0, "up to date");
  assert_int_equal(written("again/01 cd.wav.receipt.json"), second);
  assert_int_equal(written("again/01 cd.wav"), 1000000000000000000);
  put_track("-3.5", "");
  expect_run(render("again", "cpu"), 0, "delivered");
  assert_int_not_equal(written("again/01 cd.wav"), 1000000000000000000);
  put_track("-3", "    artist: Someone\n"); /* a tag: from receipts alone the rest is known */
  expect_run(render("cpu", "cpu"), 0, "retagged");
  json_t *tagged = cli_receipt(below("cpu"), "01 cd.wav");
  stem = json_array_get(json_object_get(tagged, "stems"), 1);
  assert_non_null(json_object_get(stem, "audio_sha256"));
  json_decref(tagged);
  put_track("-3", "");
}

static struct program_run verify(const char *out) {
  return run_program("verify", below(out), "--device", "cpu");
}

static void test_verify(void **state) {
  (void)state;
  struct program_run run = render("kept", "cpu");
  expect_status(run, 0);
  run = verify("kept");
  assert_non_null(strstr(run.out, "2 equal"));
  expect_status(run, 0);
  put_track("-2", "");
  run = verify("kept");
  assert_non_null(strstr(run.out, ": the settings changed\n"));
  expect_status(run, 1);
  put_track("-3", "");
  struct cli_sound other = bass;
  other.seed = 99;
  cli_sound(folder, &other);
  run = verify("kept");
  assert_non_null(strstr(run.out, ": the source changed: stem 2 (bass)\n"));
  expect_status(run, 1);
  put_track("-2", "");
  run = verify("kept");
  assert_non_null(strstr(run.out, ": source and settings changed: stem 2 (bass)\n"));
  expect_status(run, 1);
  put_track("-3", "");
  cli_sound(folder, &bass);
  run = verify("kept");
  assert_non_null(strstr(run.out, "2 equal"));
  expect_status(run, 0);
}

/* A plan knows every stem's size and time; shards render what a whole run does. */
static void test_plan(void **state) {
  (void)state;
  const char *plan = below("plan.jsonl"), *out = below("planned");
  struct program_run run = run_program("plan", below("m.yaml"));
  assert_int_equal(run.status, 0);
  fixture_save(plan, run.out, strlen(run.out));
  json_t *line = cli_json_line(run.out, 1);
  assert_int_equal(json_array_size(json_object_get(line, "stems")), 4);
  assert_int_equal(json_integer_value(json_object_get(line, "frames")), N);
  assert_int_equal(json_integer_value(json_object_get(line, "channels")), 6);
  json_decref(line);
  run_free(&run);
  for (int i = 1; i <= 2; i++) {
    char shard[8];
    snprintf(shard, sizeof shard, "%d/2", i);
    expect_status(run_program("render", plan, "-o", out, "--device", "cpu", "--shard", shard), 0);
  }
  assert_int_equal(cli_same_bits(out, below("kept")), 2);
  set_time("pad.aiff", 1200000000);
  expect_run(run_program("render", plan, "-o", out), 65, "pad.aiff\" has changed since it was");
  put_track("-4", "");
  expect_run(run_program("render", plan, "-o", out), 65, "asks for something else");
  put_track("-3", "");
}

/* What fails alone, why, and again. */
static void test_failures(void **state) {
  (void)state;
  cli_text(folder, "fail.yaml",
           "lacquer: 1\noutput: \"{number} {variant}.{ext}\"\n"
           "variants: {cd: {bits: 16}, up: {layout: 7.1.4}}\n"
           "tracks:\n"
           "  - {source: drums.wav, title: Plain, variants: [up]}\n"
           "  - {title: Gone, layout: 2.0, variants: [cd], stems: [{file: later.wav, channels: "
           "2.0}]}\n"
           "  - {title: There, layout: 2.0, variants: [cd], stems: [{file: bass.flac, channels: "
           "L}]}\n");
  expect_run(run_program("render", below("fail.yaml"), "-o",
                         below("fails"), "--device", "cpu"), 1,
             "none are made up", "or stems", "fail.yaml:6: tracks[2].stems[1]: ",
             "later.wav: No such file", "03 cd.wav: delivered");
  struct cli_sound later = drums;
  later.name = "later.wav";
  cli_sound(folder, &later);
  expect_run(run_program("render", below("fails/failed.yaml"), "-o",
                         below("fails"), "--device", "cpu"), 1,
             "02 cd.wav: delivered", "none are made up");
}

/* A stem is a source, and sources are never replaced. */
static void test_never_replaced(void **state) {
  (void)state;
  struct fixture_bytes before = fixture_load(below("drums.wav"));
  cli_text(folder, "over.yaml",
           "lacquer: 1\noutput: \"{title}.{ext}\"\nvariants: {a: {}}\ntracks: [{title: drums, "
           "layout: 2.0, stems: [{file: bass.flac, channels: L}, {file: drums.wav, channels: "
           "2.0}]}]\n");
  expect_run(run_program("render", below("over.yaml"), "-o", folder, "--force",
                         "--device", "cpu"), 73, "sources are never replaced");
  struct fixture_bytes after = fixture_load(below("drums.wav"));
  assert_int_equal(before.size, after.size);
  assert_memory_equal(before.data, after.data, after.size);
  free(before.data), free(after.data);
}

/* Cut, faded, auditioned, out of little memory, and through a chain on a stereo bed. */
static void test_edits(void **state) {
  (void)state;
  cli_text(folder, "edits.yaml",
           "lacquer: 1\noutput: \"{variant}.{ext}\"\nvariants: {raw: {bits: 32}}\n"
           "tracks:\n"
           "  - {title: T, layout: 2.0, start_frame: 1000, end_frame: 41000, fade_out: 10,\n"
           "     chain: [eq: {bands: [{type: bell, freq: 1000, gain: 3}]}],\n"
           "     stems: [{file: drums.wav, channels: 2.0}, {file: bass.flac, channels: L, "
           "start: 0.2}]}\n");
  expect_status(run_program("render", below("edits.yaml"), "-o",
                            below("edits"), "--device", "cpu", "--verify", "full",
                            "--memory", "1", "--audition", below("heard")), 0);
  json_t *receipt = cli_receipt(below("edits"), "raw.wav");
  const json_t *edit = json_object_get(receipt, "edit");
  assert_int_equal(json_integer_value(json_object_get(edit, "first_frame")), 1000);
  assert_int_equal(json_integer_value(json_object_get(edit, "frames")), 40000);
  json_decref(receipt);
  assert_true(cli_count(below("heard"), ".wav") >= 2);
}

/* ---- objects ---- */

/* A channel of a delivered file of floats. */
static float *load_channel(const char *name, int channel, int channels) {
  SF_INFO info = {0};
  SNDFILE *file = sf_open(below(name), SFM_READ, &info);
  float *all = calloc((size_t)N * (size_t)channels, sizeof *all), *one = calloc(N, sizeof *one);
  assert_true(file && all && one);
  assert_int_equal(info.channels, channels);
  assert_int_equal(info.frames, N);
  assert_int_equal(sf_readf_float(file, all, N), N);
  sf_close(file);
  for (int32_t i = 0; i < N; i++) one[i] = all[i * channels + channel];
  free(all);
  return one;
}

/* One object stands in the right loudspeaker, the other goes from the left to the right one:
 * before it leaves and once it is there all of it is in one of them, and nothing is elsewhere. */
static void expect_movement(const char *folder_name, const char *variant, int channels) {
  enum { LEAVES = 9600, THERE = 38400, RAMP = 250, STEP = 512 }; /* 0.2 s, 0.8 s */
  const struct fixture_shape shape = {RATE, 1, BASS, 16};
  int32_t *pcm = fixture_programme(&shape, bass.seed);
  float *bed = calloc((size_t)N * 6, sizeof *bed);
  assert_non_null(bed);
  add(bed + PAD * 6, &pad, 0, 1);
  add(bed + PAD * 6 + 1, &pad, 1, 1);
  char name[64];
  snprintf(name, sizeof name, "%s/%s.wav", folder_name, variant);
  for (int c = 0; c < channels; c++) {
    float *is = load_channel(name, c, channels);
    for (int32_t i = 0; i < N; i++) {
      const float x = i < BASS ? (float)pcm[i] * 0x1p-31f : 0;
      float wanted = c < 2 ? bed[i * 6 + c] : 0;
      const bool before = i < LEAVES - STEP - RAMP, behind = i >= THERE + STEP + RAMP;
      if (!before && !behind) continue;
      if (before ? c == 0 : c == 1) wanted += x;
      if (c == 1) wanted += 0.5f * x;
      if (is[i] != wanted)
        fail_msg("%s, channel %d, frame %d: %a, not %a", name, c, i, (double)is[i],
                 (double)wanted);
    }
    free(is);
  }
  free(bed);
  free(pcm);
}

static void test_objects(void **state) {
  (void)state;
  const struct {
    const char *variant;
    int channels;
  } all[] = {{"room", 12}, {"surround", 6}, {"stereo", 2}};
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: \"{variant}.{ext}\"\n"
           "variants: {room: {layout: 7.1.4, bits: 32}, surround: {layout: 5.1, bits: 32},\n"
           "           stereo: {layout: 2.0, bits: 32}}\n"
           "tracks:\n  - title: Mixed\n    stems:\n"
           "      - {file: pad.aiff, channels: [L, R], start_frame: %d}\n"
           "      - file: bass.flac\n"
           "        automation:\n"
           "          - {time: 0.2, position: [-1, 1, 0]}\n"
           "          - {time: 0.8, position: [1, 1, 0]}\n"
           "      - {file: bass.flac, position: [1, 1, 0], gain: -6.020599913279624}\n", N - PAD);
  expect_status(render("objects", "cpu"), 0);
  for (int i = 0; i < 3; i++) expect_movement("objects", all[i].variant, all[i].channels);
  expect_run(render("objects", "cpu"), 0, "up to date");
  expect_status(verify("objects"), 0);
  if (!cli_has_device(LACQUER_PROGRAM)) return;
  expect_status(render("objects-gpu", "index:0"), 0);
  assert_int_equal(cli_same_bits(below("objects-gpu"), below("objects")), 3);
}

static bool holds(const char *name, const char *text) {
  struct fixture_bytes file = fixture_load(below(name));
  const size_t n = strlen(text);
  bool found = false;
  for (size_t i = 0; i + n <= file.size && !found; i++) found = !memcmp(file.data + i, text, n);
  free(file.data);
  return found;
}

static void put_scene(const char *name) {
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: \"{variant}.{ext}\"\n"
           "variants: {dolby: {format: adm}, itu: {format: adm, adm: itu}}\n"
           "tracks:\n  - title: Mixed\n    stems:\n"
           "      - {file: pad.aiff, channels: [L, R], role: music}\n"
           "      - {file: bass.flac, name: %s, role: voiceover, automation: [{time: 0.2, "
           "position: [-1, 1, 0]}, {time: 0.8, position: [1, 1, 0]}]}\n"
           "      - {file: pad.aiff, name: Pad, positions: [[-1, -1, 0], [1, -1, 0]]}\n", name);
}

/* Masters hold the objects with their names, and where there is a place for it their roles; they
 * are sources again. Another name is another file. */
static void test_masters(void **state) {
  (void)state;
  put_scene("Deep");
  expect_status(render("masters", "cpu"), 0);
  for (int i = 0; i < 2; i++) {
    const char *name = i ? "masters/itu.wav" : "masters/dolby.wav";
    struct audio audio;
    assert_true(holds(name, "\"Deep\"") && holds(name, "\"Pad left\"") &&
                holds(name, "\"Pad right\""));
    assert_int_equal(holds(name, "dialogueContentKind=\"2\""), i);
    assert_int_equal(decode_file(below(name), &audio, NULL), 0);
    assert_string_equal(audio.layout->name, "7.1.2+3");
    assert_int_equal(audio.scene->n_objects, 3);
    for (int k = 0; k < 3; k++) { /* in the order of the contents */
      const struct scene_object *o = &audio.scene->objects[k];
      if (!strcmp(o->name, "Deep")) assert_in_range(o->n_blocks, 55, 61); /* 0.6 s, 93.75 a s */
      else assert_int_equal(o->n_blocks, 1);
    }
    audio_free(&audio);
  }
  expect_run(render("masters", "cpu"), 0, "up to date");
  put_scene("Deeper");
  expect_run(render("masters", "cpu"), 0, "dolby.wav: delivered", "itu.wav: delivered");
  assert_true(holds("masters/dolby.wav", "\"Deeper\""));
  assert_true(holds("masters/itu.wav", "\"Deeper\""));
  expect_status(verify("masters"), 0);
  cli_text(folder, "nested.yaml", "lacquer: 1\nvariants: {a: {layout: 2.0}}\ntracks: [{title: T, "
           "stems: [{file: masters/itu.wav, position: [0, 0, 0]}]}]\n");
  expect_run(run_program("render", below("nested.yaml"), "-o", below("nested"), "--device", "cpu"),
             65, "masters/itu.wav is a scene of its own, 7.1.2+3");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_samples), cmocka_unit_test(test_dry_run),
      cmocka_unit_test(test_incremental), cmocka_unit_test(test_verify),
      cmocka_unit_test(test_plan), cmocka_unit_test(test_failures),
      cmocka_unit_test(test_never_replaced), cmocka_unit_test(test_edits),
      cmocka_unit_test(test_objects), cmocka_unit_test(test_masters),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
