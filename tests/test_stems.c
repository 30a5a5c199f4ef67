/* SPDX-License-Identifier: MIT
 * Stems: what they add up to, where their objects are, and cuts of a scene, against sums and
 * places that the test itself computes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sndfile.h>

#include "audio_fixture.h"
#include "detmath.h"
#include "ingest.h"
#include "manifest.h"
#include "memory.h"
#include "track_source.h"

#include <cmocka.h> /* after failure.h: it defines a macro named fail */

static char *folder;

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

/* A 24-bit file of noise; its samples as floats, planar, to be freed. */
static float *put_noise(const char *name, int rate_hz, int channels, int32_t n, uint64_t seed) {
  const struct fixture_shape shape = {rate_hz, channels, n, 24};
  int32_t *pcm = fixture_noise(&shape, seed);
  float *planar = calloc((size_t)n * (size_t)channels, sizeof *planar);
  assert_non_null(planar);
  for (int32_t i = 0; i < n; i++)
    for (int c = 0; c < channels; c++) planar[c * n + i] = (float)pcm[i * channels + c] * 0x1p-31f;
  const int form = strstr(name, ".flac") ? SF_FORMAT_FLAC : SF_FORMAT_WAV;
  fixture_write(fixture_path(folder, name), form | SF_FORMAT_PCM_24, &shape, pcm);
  free(pcm);
  return planar;
}

/* A manifest of one track with the keys that are given. */
static struct manifest *read_track(const char *keys) {
  const char *path = fixture_path(folder, "m.yaml");
  char *text = memory_print("lacquer: 1\nvariants: {a: {}}\ntracks:\n  - title: T\n%s", keys);
  struct manifest *m;
  fixture_save(path, text, strlen(text));
  free(text);
  assert_int_equal(manifest_read(path, stderr, &m), 0);
  return m;
}

static void decode(const char *keys, struct audio *out) {
  struct manifest *m = read_track(keys);
  struct failure why = {0};
  struct audio headers;
  int64_t extra;
  if (track_source_decode(m->tracks, out, &why)) fail_msg("%s", why.text);
  assert_int_equal(track_source_headers(m->tracks, &headers, &extra, NULL), 0);
  assert_int_equal(headers.rate_hz, out->rate_hz);
  assert_int_equal(headers.n_frames, out->n_frames);
  assert_int_equal(headers.channels, out->channels);
  assert_ptr_equal(headers.layout, out->layout);
  manifest_destroy(&m);
}

static void expect_failure(const char *keys, const char *const words[]) {
  struct manifest *m = read_track(keys);
  struct failure why = {0}, by_headers = {0};
  struct audio audio;
  int64_t extra;
  assert_int_not_equal(track_source_decode(m->tracks, &audio, &why), 0);
  assert_null(audio.pcm[0]);
  assert_null(audio.scene);
  assert_null(audio.stem_sha256);
  for (; *words; words++)
    if (!strstr(why.text, *words)) fail_msg("\"%s\" is not in: %s", *words, why.text);
  assert_int_equal(track_source_headers(m->tracks, &audio, &extra, &by_headers), why.status);
  assert_string_equal(by_headers.text, why.text);
  manifest_destroy(&m);
}
#define EXPECT_FAILURE(keys, ...) \
  expect_failure(keys, (const char *const[]){"m.yaml:", "tracks[1].stems[", __VA_ARGS__, NULL})

/* ---- adding up ---- */

static void add(float *sum, const float *x, int32_t n, float gain) {
  for (int32_t i = 0; i < n; i++) {
    const float product = gain * x[i];
    const float s = sum[i] + product;
    sum[i] = fabsf(s) < 0x1p-50f ? 0 : s;
  }
}

/* The hash that decode.h promises, from the text of it. */
static void expect_hash(const struct audio *a) {
  struct hash hash;
  char text[HASH_TEXT_SIZE];
  const int32_t shape[3] = {a->rate_hz, a->channels, a->n_frames};
  hash_init(&hash);
  hash_update(&hash, "lacquer audio 1\n", 16);
  hash_update(&hash, shape, sizeof shape);
  if (a->channels > 2) hash_update(&hash, a->layout->name, strlen(a->layout->name));
  for (int32_t i = 0; i < a->n_frames; i++)
    for (int c = 0; c < a->channels; c++) hash_update(&hash, &a->pcm[c][i], 4);
  for (int k = 0; a->scene && k < a->scene->n_objects; k++) {
    const struct scene_object *o = &a->scene->objects[k];
    const uint64_t counts[2] = {(uint64_t)a->scene->n_objects, (uint64_t)o->n_blocks};
    hash_update(&hash, k ? counts + 1 : counts, k ? 8 : 16);
    for (int32_t b = 0; b < o->n_blocks; b++) {
      const uint64_t whole[2] = {(uint64_t)o->blocks[b].frame, (uint64_t)o->blocks[b].ramp_frames};
      hash_update(&hash, whole, 16);
      hash_update(&hash, o->blocks[b].position, 24);
      hash_update(&hash, &o->blocks[b].gain, 8);
    }
  }
  assert_int_equal(hash_final(&hash, text), 0);
  assert_string_equal(a->sha256, text);
}

static void test_bed(void **state) {
  (void)state;
  enum { N = 5000, START = 1234, SECOND = 480, END = START + 7000 };
  float *stereo = put_noise("stereo.wav", 48000, 2, N, 1);
  float *mono = put_noise("mono.flac", 48000, 1, 7000, 2);
  float *wide = put_noise("wide.wav", 48000, 6, 3000, 3); /* in the order of 5.1 */
  float *three = put_noise("three.wav", 48000, 3, 1000, 4);
  struct audio a;
  decode("    layout: 7.1.4\n"
         "    stems:\n"
         "      - {file: stereo.wav, channels: [R, Ltr]}\n"
         "      - {file: mono.flac, channels: R, gain: -6.5, start_frame: 1234, name: Bass}\n"
         "      - {file: stereo.wav, channels: [Ltr, R], gain: 3.25}\n"
         "      - {file: three.wav, channels: [LFE, Lss, C], start: 0.01}\n", &a);
  assert_string_equal(a.layout->name, "7.1.4");
  assert_int_equal(a.channels, 12);
  assert_int_equal(a.rate_hz, 48000);
  assert_int_equal(a.n_frames, END);
  assert_int_equal(a.bits, 24);
  assert_null(a.scene);
  float *sum = calloc((size_t)END * 12, sizeof *sum);
  assert_non_null(sum);
  enum { R = 1, C = 2, LFE = 3, LSS = 4, LTR = 10 };
  add(sum + R * END, stereo, N, 1);
  add(sum + LTR * END, stereo + N, N, 1);
  add(sum + R * END + START, mono, 7000, (float)det_db_to_gain(-6.5));
  add(sum + LTR * END, stereo, N, (float)det_db_to_gain(3.25));
  add(sum + R * END, stereo + N, N, (float)det_db_to_gain(3.25));
  add(sum + LFE * END + SECOND, three, 1000, 1);
  add(sum + LSS * END + SECOND, three + 1000, 1000, 1);
  add(sum + C * END + SECOND, three + 2000, 1000, 1);
  for (int c = 0; c < 12; c++) assert_memory_equal(a.pcm[c], sum + c * END, END * sizeof *sum);
  expect_hash(&a);
  struct audio file;
  assert_int_equal(decode_file(fixture_path(folder, "mono.flac"), &file, NULL), 0);
  assert_string_equal(a.stem_sha256[1], file.sha256);
  audio_free(&file);
  audio_free(&a);
  free(sum);
  /* a file of a layout: each channel to the speaker of its name; alone it keeps its bits */
  decode("    layout: 5.1.4\n    stems: [{file: wide.wav, channels: 5.1}]\n", &a);
  for (int c = 0; c < 10; c++)
    for (int32_t i = 0; i < 3000; i++)
      assert_true(a.pcm[c][i] == (c < 6 ? wide[c * 3000 + i] : 0));
  audio_free(&a);
  free(stereo), free(mono), free(wide), free(three);
}

/* Of a stereo track from stems the hash is that of a file with the same samples. */
static void test_same_as_file(void **state) {
  (void)state;
  struct audio a, file;
  free(put_noise("pair.wav", 44100, 2, 3000, 5));
  decode("    layout: 2.0\n    stems: [{file: pair.wav, channels: 2.0}]\n", &a);
  assert_int_equal(decode_file(fixture_path(folder, "pair.wav"), &file, NULL), 0);
  assert_string_equal(a.sha256, file.sha256);
  audio_free(&a);
  audio_free(&file);
}

/* A mask orders the channels of a file; a list of speakers takes them as they stand. */
static void test_order(void **state) {
  (void)state;
  enum { N = 100 };
  const struct fixture_shape shape = {48000, 8, N, 16};
  int32_t *pcm = fixture_noise(&shape, 6);
  SF_INFO info = {.samplerate = 48000, .channels = 8, .format = SF_FORMAT_WAVEX | SF_FORMAT_PCM_16};
  SNDFILE *file = sf_open(fixture_path(folder, "eight.wav"), SFM_WRITE, &info);
  int map[8] = {SF_CHANNEL_MAP_LEFT, SF_CHANNEL_MAP_RIGHT, SF_CHANNEL_MAP_CENTER,
                SF_CHANNEL_MAP_LFE, SF_CHANNEL_MAP_REAR_LEFT, SF_CHANNEL_MAP_REAR_RIGHT,
                SF_CHANNEL_MAP_SIDE_LEFT, SF_CHANNEL_MAP_SIDE_RIGHT};
  struct audio a;
  assert_non_null(file);
  assert_int_equal(sf_command(file, SFC_SET_CHANNEL_MAP_INFO, map, sizeof map), 1);
  assert_int_equal(sf_writef_int(file, pcm, N), N);
  sf_close(file);
  decode("    layout: 7.1\n    stems:\n"
         "      - {file: eight.wav, channels: [Lss, L, C, R, Rss, LFE, Rrs, Lrs]}\n", &a);
  static const int taken[8] = {1, 3, 2, 5, 0, 4, 7, 6}; /* of the file, for L R C LFE Lss ... */
  for (int c = 0; c < 8; c++)
    for (int32_t i = 0; i < N; i++)
      assert_true(a.pcm[c][i] == (float)pcm[i * 8 + taken[c]] * 0x1p-31f);
  audio_free(&a);
  decode("    layout: 7.1\n    stems: [{file: eight.wav, channels: 7.1}]\n", &a);
  static const int ordered[8] = {0, 1, 2, 3, 6, 7, 4, 5}; /* the mask's: rears before sides */
  for (int c = 0; c < 8; c++)
    assert_true(a.pcm[c][7] == (float)pcm[7 * 8 + ordered[c]] * 0x1p-31f);
  audio_free(&a);
  free(pcm);
}

/* ---- places ---- */

static void expect_at(const struct scene_block *b, double x, double y, double z) {
  assert_true(b->position[0] == x && b->position[1] == y && b->position[2] == z);
}

static void test_objects(void **state) {
  (void)state;
  float *mono = put_noise("voice.wav", 48000, 1, 4000, 7);
  float *pair = put_noise("room.wav", 48000, 2, 3000, 8);
  struct audio a;
  decode("    stems:\n"
         "      - {file: voice.wav, position: [0.25, -1, 1], role: dialogue, gain: -20}\n"
         "      - {file: room.wav, channels: [L, R]}\n"
         "      - {file: room.wav, positions: [[-1, 0, 0.5], [1, 0, 0.5]], name: Room}\n", &a);
  assert_string_equal(a.layout->name, "7.1.2+3");
  assert_int_equal(a.channels, 13);
  const struct scene *s = a.scene;
  assert_non_null(s);
  assert_int_equal(s->n_objects, 3);
  assert_null(scene_fault(s, a.n_frames));
  static const char *const names[] = {"voice", "Room left", "Room right"};
  static const int roles[] = {ROLE_DIALOGUE, ROLE_UNSTATED, ROLE_UNSTATED};
  for (int i = 0; i < 3; i++) {
    assert_string_equal(s->objects[i].name, names[i]);
    assert_int_equal(s->objects[i].role, roles[i]);
    assert_int_equal(s->objects[i].n_blocks, 1);
    assert_true(s->objects[i].blocks[0].gain == 1);
  }
  expect_at(s->objects[0].blocks, 0.25, -1, 1);
  expect_at(s->objects[1].blocks, -1, 0, 0.5);
  expect_at(s->objects[2].blocks, 1, 0, 0.5);
  const float gain = (float)det_db_to_gain(-20);
  for (int32_t i = 0; i < 4000; i++) {
    assert_true(a.pcm[10][i] == gain * mono[i]);
    assert_true(a.pcm[11][i] == (i < 3000 ? pair[i] : 0));
    assert_true(a.pcm[12][i] == (i < 3000 ? pair[3000 + i] : 0));
    assert_true(a.pcm[0][i] == a.pcm[11][i] && a.pcm[5][i] == 0);
  }
  expect_hash(&a);
  audio_free(&a);
  free(mono), free(pair);
}

/* From 0.1 s to 0.3 s across the room, at rest, then quieter and quieter. */
static void check_movement(int rate_hz, int32_t step, int32_t ramp) {
  const int32_t n = rate_hz;
  free(put_noise("moving.wav", rate_hz, 1, n, 9));
  struct audio a;
  decode("    stems:\n"
         "      - file: moving.wav\n"
         "        automation:\n"
         "          - {time: 0.1, position: [-1, 1, 0]}\n"
         "          - {time: 0.3, position: [1, 0.5, 0]}\n"
         "          - {time: 0.6, position: [1, 0.5, 0]}\n"
         "          - {time: 0.7, position: [1, 0.5, 0], gain: -12}\n", &a);
  assert_null(scene_fault(a.scene, n));
  const struct scene_object *o = a.scene->objects;
  expect_at(o->blocks, -1, 1, 0);
  int32_t k = 1, moving = 0;
  for (int32_t f = step; f < n; f += step) {
    const double t = (double)(f + ramp) / rate_hz, before = (double)(f - step + ramp) / rate_hz;
    const bool moves = t > 0.1 && before < 0.3, fades = t > 0.6 && before < 0.7;
    if (!moves && !fades) continue;
    const struct scene_block *b = &o->blocks[k++];
    const double share = fmin(1, (t - 0.1) / 0.2), db = -12 * fmin(1, fmax(0, (t - 0.6) / 0.1));
    assert_int_equal(b->frame, f);
    assert_int_equal(b->ramp_frames, ramp);
    /* a double's rounding, some steps of it */
    assert_true(fabs(b->position[0] - (-1 + 2 * share)) < 1e-14);
    assert_true(fabs(b->position[1] - (1 - 0.5 * share)) < 1e-14);
    assert_true(fabs(b->gain - pow(10, db / 20)) < 1e-13);
    moving++;
  }
  assert_int_equal(k, o->n_blocks);
  assert_in_range(moving, 26, 32); /* 0.3 s at 93.75 a second, and the ends */
  expect_at(&o->blocks[k - 1], 1, 0.5, 0);
  assert_true(o->blocks[k - 1].gain == det_db_to_gain(-12));
  expect_hash(&a);
  audio_free(&a);
}

static void test_movement(void **state) {
  (void)state;
  check_movement(48000, 512, 250);
  check_movement(44100, 470, 230);
  check_movement(96000, 1024, 500);
}

/* ---- cutting ---- */

/* Where the object is at a frame, by scene.h. */
static struct scene_block place_at(const struct scene_object *o, int32_t frame) {
  int32_t k = 0;
  while (k + 1 < o->n_blocks && o->blocks[k + 1].frame <= frame) k++;
  struct scene_block b = o->blocks[k];
  const double share = b.ramp_frames ? fmin(1, (double)(frame - b.frame) / b.ramp_frames) : 1;
  for (int i = 0; k && i < 3; i++)
    b.position[i] = b.position[i] * share + o->blocks[k - 1].position[i] * (1 - share);
  if (k) b.gain = b.gain * share + o->blocks[k - 1].gain * (1 - share);
  return b;
}

static double unit(uint64_t *seed) { return (double)(fixture_random(seed) >> 11) * 0x1p-53; }

static struct scene random_scene(uint64_t *seed, int32_t n_frames) {
  const int32_t n = 1 + (int32_t)(fixture_random(seed) % 12);
  struct scene scene = {1, memory_new(1, sizeof(struct scene_object))};
  struct scene_object *o = scene.objects;
  *o = (struct scene_object){.blocks = memory_new((size_t)n, sizeof *o->blocks)};
  for (int32_t at = 0; o->n_blocks < n && at < n_frames;) {
    struct scene_block *b = &o->blocks[o->n_blocks++];
    *b = (struct scene_block){.frame = at, .gain = unit(seed)};
    for (int i = 0; i < 3; i++) b->position[i] = 2 * unit(seed) - 1;
    if (at && fixture_random(seed) % 3) b->ramp_frames = 1 + (int32_t)(fixture_random(seed) % 40);
    at += b->ramp_frames ? b->ramp_frames : 1;
    if (fixture_random(seed) % 2) at += (int32_t)(fixture_random(seed) % 60);
  }
  return scene;
}

static void test_cut(void **state) {
  (void)state;
  uint64_t seed = 20261126;
  for (int round = 0; round < 4000; round++) {
    enum { N = 300 };
    struct scene scene = random_scene(&seed, N);
    struct scene_object *o = scene.objects, before = *o;
    before.blocks = memory_new((size_t)o->n_blocks, sizeof *o->blocks);
    memcpy(before.blocks, o->blocks, (size_t)o->n_blocks * sizeof *o->blocks);
    const int32_t first = round % 4 ? (int32_t)(fixture_random(&seed) % N) : 0;
    const int32_t n = 1 + (int32_t)(fixture_random(&seed) % (uint64_t)(N - first));
    assert_null(scene_fault(&scene, N));
    scene_cut(&scene, first, n);
    const char *fault = scene_fault(&scene, n);
    if (fault) fail_msg("round %d: %s", round, fault);
    if (!first && n == N) assert_int_equal(o->n_blocks, before.n_blocks);
    for (int32_t f = 0; f < n; f++) {
      const struct scene_block is = place_at(o, f), was = place_at(&before, first + f);
      /* the rest of a way begins a frame late, or, where it is one frame, is left out: no
       * further off than a frame's part of the way */
      int32_t k = 0;
      while (k + 1 < before.n_blocks && before.blocks[k + 1].frame <= first + f) k++;
      const struct scene_block *w = &before.blocks[k];
      const bool late = w->frame <= first && first + f < w->frame + w->ramp_frames;
      for (int i = 0; i < 3; i++) {
        const double way = k ? fabs(w->position[i] - w[-1].position[i]) : 0;
        assert_true(fabs(is.position[i] - was.position[i]) <=
                    (late ? way / w->ramp_frames : 0) + 1e-14);
      }
      if (!late) assert_true(fabs(is.gain - was.gain) < 1e-14);
    }
    free(before.blocks);
    free(o->blocks);
    free(o);
  }
}

static void test_cut_track(void **state) {
  (void)state;
  float *mono = put_noise("cut.wav", 48000, 1, 48000, 10);
  struct manifest *m = read_track(
      "    start_frame: 10001\n    end_frame: 30000\n    stems:\n"
      "      - file: cut.wav\n"
      "        automation: [{time: 0.1, position: [-1, 0, 0]}, {time: 0.9, position: [1, 0, 0]}]\n");
  struct audio a;
  struct edit_span span;
  assert_int_equal(track_source_decode(m->tracks, &a, NULL), 0);
  const struct scene_block was = place_at(a.scene->objects, 10001);
  assert_int_equal(edit_cut(&m->tracks->edit, &a, &span, NULL), 0);
  assert_int_equal(a.n_frames, 19999);
  assert_null(scene_fault(a.scene, a.n_frames));
  assert_true(fabs(a.scene->objects->blocks[0].position[0] - was.position[0]) < 1e-14);
  assert_memory_equal(a.pcm[10], mono + 10001, 19999 * sizeof *mono);
  audio_free(&a);
  manifest_destroy(&m);
  free(mono);
}

/* ---- the schema ---- */

static void test_schema(void **state) {
  (void)state;
  char *text;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  assert_int_equal(manifest_write_schema(out), 0);
  fclose(out);
  json_t *schema = json_loads(text, 0, NULL);
  json_t *track, *stem, *labels, *point;
  assert_int_equal(json_unpack(schema, "{s:{s:{s:o}}}", "properties", "tracks", "items", &track),
                   0);
  json_unpack(track, "{s:{s:{s:o}}}", "properties", "stems", "items", &stem);
  json_unpack(stem, "{s:{s:{s:{s:o}}}}", "properties", "automation", "items", "properties", &point);
  const json_t *keys = json_object_get(stem, "properties");
  const struct param_row *const tables[] = {stem_rows, stem_place_rows, stem_point_rows};
  for (int t = 0; t < 3; t++)
    for (const struct param_row *row = tables[t]; row->type != PARAM_END; row++)
      assert_non_null(json_object_get(t == 2 ? point : keys, row->name));
  assert_int_equal(json_array_size(json_object_get(track, "oneOf")), 2);
  assert_int_equal(json_array_size(json_object_get(stem, "oneOf")), 4);
  json_unpack(json_object_get(keys, "channels"), "{s:[{}, {s:o}]}", "anyOf", "enum", &labels);
  assert_int_equal(json_array_size(labels), 17); /* M L R C LFE, 6 around, 6 above */
  json_decref(schema);
  free(text);
}

/* ---- what is refused ---- */

static void test_errors(void **state) {
  (void)state;
  free(put_noise("mono.wav", 48000, 1, 1000, 11));
  free(put_noise("stereo.wav", 48000, 2, 1000, 12));
  free(put_noise("other.wav", 44100, 1, 1000, 13));
  EXPECT_FAILURE("    stems: [{file: stereo.wav, position: [0, 0, 0]}]\n",
                 "stereo.wav is stereo", "\"positions\"", "\"channels\"");
  EXPECT_FAILURE("    stems: [{file: mono.wav, positions: [[0, 0, 0], [0, 0, 0]]}]\n",
                 "mono.wav has 1 channel", "a stereo file");
  EXPECT_FAILURE("    layout: 2.0\n    stems: [{file: stereo.wav, channels: L}]\n",
                 "has 2 channels, and \"channels\" names 1 speaker ");
  EXPECT_FAILURE("    layout: 2.0\n    stems: [{file: mono.wav, channels: [L, R]}]\n",
                 "has 1 channel, and \"channels\" names 2 speakers");
  EXPECT_FAILURE("    stems:\n      - {file: mono.wav, position: [0, 0, 0]}\n"
                 "      - {file: other.wav, position: [0, 0, 0]}\n", "stems[2]",
                 "other.wav has 44100 Hz", "mono.wav 48000 Hz");
  EXPECT_FAILURE("    stems: [{file: gone.wav, position: [0, 0, 0]}]\n", "gone.wav: cannot open");
  EXPECT_FAILURE("    end: 1\n    stems:\n      - {file: mono.wav, position: [0, 0, 0]}\n"
                 "      - {file: mono.wav, position: [0, 0, 0], start: 2}\n",
                 "stems[2]", "starts at frame 96000 (2 s), behind the end of the track, frame 48000");
  EXPECT_FAILURE("    stems: [{file: mono.wav, position: [0, 0, 0], start_frame: 2147418111}]\n",
                 "would end at frame 2147419111");
}

static void test_too_loud(void **state) {
  (void)state;
  free(put_noise("loud.wav", 48000, 1, 1000, 14));
  struct manifest *m = read_track(
      "    layout: 2.0\n    stems:\n      - {file: loud.wav, channels: R, gain: 36}\n"
      "      - {file: loud.wav, channels: R, gain: 36}\n");
  struct failure why = {0};
  struct audio a;
  assert_int_equal(track_source_decode(m->tracks, &a, &why), STATUS_BAD_DATA);
  assert_non_null(strstr(why.text, "the stems add up to"));
  assert_non_null(strstr(why.text, "channel 2 (R), frame "));
  manifest_destroy(&m);
}

/* Damaged stems are read or refused; the sanitizers watch. */
static void test_damage(void **state) {
  (void)state;
  static const char sound[] =
      "lacquer: 1\nvariants: {a: {}}\ntracks:\n  - title: T\n    layout: 5.1.4\n    stems:\n"
      "      - {file: a.wav, channels: [L, Rs], gain: -1, start: 2, role: music, name: N}\n"
      "      - {file: b.wav, channels: 5.1, start_frame: 7}\n"
      "      - {file: c.wav, positions: [[-1, 0, 1], [1, 0, 1]]}\n"
      "      - {file: d.wav, position: &p [0, 1, 0]}\n"
      "      - {file: e.wav, automation: [{time: 0, position: *p}, {time: 2.5, position: *p, gain: "
      "-3}]}\n";
  static const char marks[] = "{}[],:&*-\"'\n \t#|>?!%@~\0\x80\xFF" "0a";
  uint64_t seed = 20261127;
  int n_read = 0;
  for (int round = 0; round < 4000; round++) {
    char bytes[sizeof sound], *told;
    size_t size = sizeof sound - 1, told_size;
    memcpy(bytes, sound, size);
    for (uint64_t n = fixture_random(&seed) % 4; n; n--) {
      char *place = bytes + fixture_random(&seed) % size;
      const uint64_t kind = fixture_random(&seed);
      if (kind % 3 == 0) *place ^= (char)(1u << kind / 3 % 8);
      else if (kind % 3 == 1) *place = marks[kind / 3 % (sizeof marks - 1)];
      else *place = bytes[kind / 3 % size];
    }
    FILE *errors = open_memstream(&told, &told_size);
    struct manifest *m;
    fixture_save(fixture_path(folder, "m.yaml"), bytes, size);
    const int status = manifest_read(fixture_path(folder, "m.yaml"), errors, &m);
    fclose(errors);
    assert_int_equal(status == 0, told_size == 0);
    n_read += status == 0;
    for (int t = 0; m && t < m->n_tracks; t++) {
      struct audio audio;
      int64_t extra;
      assert_int_not_equal(track_source_headers(&m->tracks[t], &audio, &extra, NULL), 0);
    }
    manifest_destroy(&m);
    free(told);
  }
  assert_in_range(n_read, 1000, 3000); /* a fourth is not damaged */
}

/* Three hours of everything moving are refused before they take memory. */
static void test_too_long(void **state) {
  (void)state;
  struct stem_point points[2] = {{.time_s = 0, .places.one = {{-1, 0, 0}, 3}},
                                 {.time_s = 12000, .places.one = {{1, 0, 0}, 3}}};
  struct stem items[10];
  struct scene *scene;
  struct failure why = {0};
  for (int i = 0; i < 10; i++)
    items[i] = (struct stem){.name = "long", .n_objects = 1, .n_points = 2, .points = points};
  struct stems stems = {10, items, layout_with_objects(layout_find("7.1.2"), 10)};
  assert_int_equal(stems_scene(&stems, 48000, 12000 * 48000, &scene, &why), STATUS_BAD_DATA);
  assert_null(scene);
  assert_non_null(strstr(why.text, "8000000"));
  stems.n = 2;
  stems.layout = layout_with_objects(layout_find("7.1.2"), 2);
  assert_int_equal(stems_scene(&stems, 48000, 12000 * 48000, &scene, &why), 0);
  assert_true((int64_t)scene->objects[0].n_blocks * (int64_t)sizeof(struct scene_block) * 2 <=
              stems_scene_bytes(&stems, 48000, 12000 * 48000));
  scene_destroy(&scene);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bed),       cmocka_unit_test(test_same_as_file),
      cmocka_unit_test(test_order),     cmocka_unit_test(test_objects),
      cmocka_unit_test(test_movement),  cmocka_unit_test(test_cut),
      cmocka_unit_test(test_cut_track), cmocka_unit_test(test_schema),
      cmocka_unit_test(test_errors),    cmocka_unit_test(test_too_loud),
      cmocka_unit_test(test_too_long),  cmocka_unit_test(test_damage),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
