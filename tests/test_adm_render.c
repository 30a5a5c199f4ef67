/* SPDX-License-Identifier: MIT
 * Masters with objects through the whole program: what goes in comes out, at other rates and in
 * the other flavour; what is put together anew follows the rules of the Dolby profile. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sndfile.h>

#include "adm_file.h"
#include "adm_fixture.h"
#include "adm_scene.h"
#include "cli_fixture.h"
#include "decode.h"
#include "manifest.h"
#include "publish.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

#define SEED UINT64_C(2076)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
enum { RATE = 48000, FRAMES = 30011 };
static char *folder;

static struct audio decoded(const char *path) {
  struct audio audio;
  struct failure why = {0};
  if (decode_file(path, &audio, &why)) fail_msg("%s", why.text);
  return audio;
}

static void put_master(const char *name, int n_objects, int n_blocks) {
  struct adm *adm = adm_fixture_master(n_objects, n_blocks, FRAMES);
  adm_fixture_write(fixture_path(folder, name), adm, ADM_DOLBY, FRAMES, SEED);
  adm_destroy(&adm);
}

/* Variants of every form in one manifest. `track`: further keys. */
static void render(const char *out, const char *variants, const char *source, const char *track,
                   const char *what) {
  cli_text(folder, "m.yaml", "lacquer: 1\noutput: \"{variant}.{ext}\"\nvariants:\n%s"
           "tracks:\n  - {source: %s%s}\n", variants, source, track);
  expect_run(run_program("render", fixture_path(folder, "m.yaml"), "-o", out, "--device", "cpu"),
             0, what);
}

#define PLAIN "bits: 24, dither: none"

static void expect_same_samples(const struct audio *a, const struct audio *b) {
  assert_ptr_equal(a->layout, b->layout);
  assert_int_equal(a->n_frames, b->n_frames);
  for (int c = 0; c < a->channels; c++)
    assert_memory_equal(a->pcm[c], b->pcm[c], sizeof(float) * (size_t)a->n_frames);
}

/* Times may differ by `slack` frames. */
static void expect_same_scene(const struct scene *a, const struct scene *b, int slack) {
  assert_int_equal(a->n_objects, b->n_objects);
  for (int o = 0; o < a->n_objects; o++) {
    assert_string_equal(a->objects[o].name, b->objects[o].name);
    assert_int_equal(a->objects[o].n_blocks, b->objects[o].n_blocks);
    for (int i = 0; i < a->objects[o].n_blocks; i++) {
      const struct scene_block *x = &a->objects[o].blocks[i], *y = &b->objects[o].blocks[i];
      assert_in_range(x->frame - y->frame + slack, 0, 2 * slack);
      assert_in_range(x->ramp_frames - y->ramp_frames + slack, 0, 2 * slack);
      for (int k = 0; k < 3; k++) assert_float_equal(x->position[k], y->position[k], 1e-9);
      assert_float_equal(x->gain, y->gain, 1e-9);
    }
  }
}

/* ---- unprocessed ---- */

static void test_round_trip(void **state) {
  char *out = fixture_folder();
  (void)state;
  put_master("in.wav", 3, 40);
  render(out, "  dolby: {" PLAIN ", format: adm}\n  itu: {" PLAIN ", format: adm, adm: itu}\n",
         "in.wav", ", title: Another", "kept in ADM masters, but not rendered: size of 1 object");
  const struct audio in = decoded(fixture_path(folder, "in.wav"));
  struct audio dolby = decoded(fixture_path(out, "dolby.wav")),
               itu = decoded(fixture_path(out, "itu.wav"));
  expect_same_samples(&in, &dolby);
  expect_same_samples(&in, &itu);
  expect_same_scene(in.scene, dolby.scene, 0);
  expect_same_scene(in.scene, itu.scene, 0);
  struct adm_fixture_file a = adm_fixture_read(fixture_path(folder, "in.wav")),
                          b = adm_fixture_read(fixture_path(out, "dolby.wav"));
  adm_fixture_expect_same_model(a.adm, b.adm);
  adm_fixture_expect_same_dbmd(&a, &b);
  assert_int_equal(a.chunks.chna_bytes, b.chunks.chna_bytes);
  assert_memory_equal(a.chunks.chna, b.chunks.chna, a.chunks.chna_bytes);
  adm_fixture_expect_profile(fixture_path(out, "dolby.wav"));
  adm_fixture_free(&b);
  b = adm_fixture_read(fixture_path(out, "itu.wav"));
  assert_int_equal(b.adm->n_contents, 2);
  assert_string_equal(b.adm->contents[1].name, "Effects & <more>");
  assert_true(b.adm->channels[10].blocks[3].width == 0.25f);
  assert_true(b.adm->channels[11].blocks[3].lock && b.adm->channels[11].blocks[3].zones == 6);
  adm_fixture_free(&b);
  adm_fixture_free(&a);
  json_t *receipt = cli_receipt(out, "dolby.wav");
  const json_t *said = json_object_get(receipt, "deliverable");
  assert_int_equal(json_integer_value(json_object_get(said, "objects")), 3);
  assert_int_equal(json_integer_value(json_object_get(said, "blocks")), 120);
  assert_string_equal(json_string_value(json_object_get(said, "layout")), "7.1.2+3");
  json_decref(receipt);
  expect_run(run_program("verify", out, "--device", "cpu"), 0, "dolby.wav: equal",
             "itu.wav: equal");
  const char *moved = fixture_path(folder, "moved.wav");
  struct fixture_bytes bytes =
      adm_fixture_edit(fixture_load(fixture_path(folder, "in.wav")),
                       &(struct adm_edit){"0.947", "0.948", 0});
  fixture_save(moved, bytes.data, bytes.size);
  free(bytes.data);
  expect_status(run_program("compare", fixture_path(folder, "in.wav"),
                            fixture_path(out, "dolby.wav")), 0);
  struct program_run run = run_program("compare", fixture_path(out, "itu.wav"), moved);
  assert_int_equal(run.status, 1);
  assert_non_null(strstr(run.out, "the objects of B are at other places than those of A"));
  run_free(&run);
  struct audio parts[] = {in, dolby, itu};
  for (int i = 0; i < 3; i++) audio_free(&parts[i]);
  fixture_folder_remove(out);
}

/* A 7.1.4 as delivered: a 7.1.2 and four objects from then on. */
static void test_corners(void **state) {
  char *out = fixture_folder();
  (void)state;
  cli_sound(folder, &(struct cli_sound){"bed.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, RATE, 12,
                                        20000, SEED});
  render(out, "  m: {" PLAIN ", format: adm}\n", "bed.wav", ", layout: 7.1.4, title: Corners",
         "delivered");
  struct audio first = decoded(fixture_path(out, "m.wav"));
  assert_string_equal(first.layout->name, "7.1.2+4");
  assert_string_equal(first.scene->objects[3].name, "Corners Rtr");
  assert_true(first.scene->objects[3].blocks[0].position[1] == -1);
  const struct fixture_bytes bytes = fixture_load(fixture_path(out, "m.wav"));
  fixture_save(fixture_path(folder, "again.wav"), bytes.data, bytes.size);
  render(out, "  m: {" PLAIN ", format: adm}\n", "again.wav", ", title: Other", "delivered");
  const struct fixture_bytes again = fixture_load(fixture_path(out, "m.wav"));
  assert_int_equal(bytes.size, again.size);
  assert_memory_equal(bytes.data, again.data, again.size); /* lacquer's own: to the byte */
  free(bytes.data);
  free(again.data);
  audio_free(&first);
  fixture_folder_remove(out);
}

/* ---- other rates ---- */

/* A 44.1 kHz master of BS.2076: blocks 1000 frames apart, ramps of 220. */
static void put_cd(const char *name) {
  const struct adm_shape shape = {ADM_ITU, "5.1", 2, 44100, FRAMES};
  struct riff_format format = {8, 44100, 24};
  struct adm_chunks chunks;
  struct adm *adm;
  assert_int_equal(adm_make(&shape, &adm, NULL), 0);
  for (int o = 0; o < 2; o++) {
    struct adm_channel *c = &adm->channels[6 + o];
    for (int i = 0; i < 30; i++) {
      struct adm_block *b;
      if (i) assert_true(adm_add_block(c, &b));
      b = &c->blocks[i];
      b->rtime = (struct adm_time){1000 * i + o, 44100};
      if (!i) b->rtime.n = 0;
      b->cartesian = true;
      b->position[0] = i / 32.0 - (o ? 1 : 0);
      b->position[1] = 1;
      b->has = ADM_JUMP | ADM_INTERPOLATION;
      b->jump = true;
      b->interpolation_s = i ? 220 / 44100.0f : 0;
    }
  }
  assert_int_equal(adm_write(adm, ADM_ITU, "", &format, FRAMES, &chunks, NULL), 0);
  adm_fixture_write_chunks(fixture_path(folder, name), &chunks, ADM_ITU, &format, FRAMES, SEED,
                           RIFF_MOST_BYTES);
  adm_chunks_free(&chunks);
  adm_destroy(&adm);
}

static void test_rates(void **state) {
  static const struct {
    const char *name;
    int rate_hz, ramp, slack; /* 10 us are a frame at 96 kHz */
  } cases[] = {{"d", 48000, 250, 0}, {"h", 96000, 500, 1}, {"i", 44100, 220, 0},
               {"j", 48000, 239, 0}};
  char *out = fixture_folder();
  (void)state;
  put_cd("cd.wav");
  render(out, "  d: {" PLAIN ", format: adm, rate: 48000}\n"
         "  h: {" PLAIN ", format: adm, rate: 96000}\n"
         "  i: {" PLAIN ", format: adm, adm: itu}\n"
         "  j: {" PLAIN ", format: adm, adm: itu, rate: 48000}\n", "cd.wav", "", "delivered");
  adm_fixture_expect_profile(fixture_path(out, "d.wav"));
  adm_fixture_expect_profile(fixture_path(out, "h.wav"));
  for (int n = 0; n < COUNT(cases); n++) {
    char name[16];
    snprintf(name, sizeof name, "%s.wav", cases[n].name);
    struct audio audio = decoded(fixture_path(out, name));
    assert_int_equal(audio.rate_hz, cases[n].rate_hz);
    assert_string_equal(audio.layout->name, n < 2 ? "7.1.2+2" : "5.1+2");
    for (int o = 0; o < 2; o++) {
      assert_int_equal(audio.scene->objects[o].n_blocks, 30);
      for (int i = 0; i < 30; i++) {
        const struct scene_block *b = &audio.scene->objects[o].blocks[i];
        const double frame = i ? (1000 * i + o) * (cases[n].rate_hz / 44100.0) : 0;
        assert_true(fabs(b->frame - frame) <= 0.5 + cases[n].slack);
        assert_in_range(b->ramp_frames, i ? cases[n].ramp : 0, i ? cases[n].ramp + 1 : 0);
        assert_float_equal(b->position[0], i / 32.0 - (o ? 1 : 0), 1e-9);
      }
    }
    audio_free(&audio);
  }
  fixture_folder_remove(out);
}

/* Silence before the track moves all but the first place. */
static void test_gap(void **state) {
  char *out = fixture_folder();
  (void)state;
  put_master("in.wav", 2, 10);
  render(out, "  m: {" PLAIN ", format: adm}\n", "in.wav", ", gap_before: 0.5, gap_after: 0.25",
         "delivered");
  adm_fixture_expect_profile(fixture_path(out, "m.wav"));
  struct audio audio = decoded(fixture_path(out, "m.wav"));
  assert_int_equal(audio.n_frames, FRAMES + 36000);
  for (int i = 0; i < 10; i++) {
    const struct scene_block *b = &audio.scene->objects[0].blocks[i];
    assert_int_equal(b->frame, i ? 24000 + 512 * i : 0);
    assert_float_equal(b->position[0], i * 0.037 - 1, 1e-9);
  }
  audio_free(&audio);
  fixture_folder_remove(out);
}

/* A cut: what is left of the scene, with the sizes that belong there. */
static void test_cut(void **state) {
  enum { FIRST = 512 * 3 + 100, END = 20000 };
  char *out = fixture_folder(), track[80];
  (void)state;
  put_master("in.wav", 2, 20);
  snprintf(track, sizeof track, ", start_frame: %d, end_frame: %d", FIRST, END);
  render(out, "  d: {" PLAIN ", format: adm}\n  i: {" PLAIN ", format: adm, adm: itu}\n", "in.wav",
         track, "delivered");
  adm_fixture_expect_profile(fixture_path(out, "d.wav"));
  struct audio in = decoded(fixture_path(folder, "in.wav")),
               dolby = decoded(fixture_path(out, "d.wav")), itu = decoded(fixture_path(out, "i.wav"));
  assert_int_equal(dolby.n_frames, END - FIRST);
  for (int c = 0; c < in.channels; c++)
    assert_memory_equal(in.pcm[c] + FIRST, dolby.pcm[c], sizeof(float) * (END - FIRST));
  scene_cut(in.scene, FIRST, END - FIRST);
  expect_same_scene(in.scene, itu.scene, 0);
  for (int o = 0; o < 2; o++) { /* ramps are the profile's again */
    const struct scene_object *x = &in.scene->objects[o], *y = &dolby.scene->objects[o];
    assert_int_equal(x->n_blocks, y->n_blocks);
    for (int k = 0; k < x->n_blocks; k++) {
      assert_float_equal(x->blocks[k].position[0], y->blocks[k].position[0], 1e-9);
      assert_int_equal(x->blocks[k].frame, y->blocks[k].frame);
    }
  }
  struct adm_fixture_file f = adm_fixture_read(fixture_path(out, "d.wav"));
  assert_true(f.adm->channels[10].blocks[2].width == 0.25f);
  assert_int_equal(f.adm->channels[11].blocks[2].zones, 6);
  adm_fixture_free(&f);
  struct audio parts[] = {in, dolby, itu};
  for (int i = 0; i < 3; i++) audio_free(&parts[i]);
  fixture_folder_remove(out);
}

/* ---- places put into blocks ---- */

struct put { /* of a scene */
  int32_t frame, ramp;
  double x;
};

static struct scene *scene_of(const struct put *puts, int n) {
  struct scene *s = calloc(1, sizeof *s);
  s->objects = calloc(1, sizeof *s->objects);
  s->n_objects = 1;
  s->objects[0].name = strdup("One");
  s->objects[0].n_blocks = n;
  s->objects[0].blocks = calloc((size_t)n, sizeof *s->objects[0].blocks);
  for (int i = 0; i < n; i++)
    s->objects[0].blocks[i] =
        (struct scene_block){puts[i].frame, puts[i].ramp, {puts[i].x, 1, 0}, 1};
  return s;
}

static struct audio delivered(const struct deliverable *d) {
  struct encoded encoded;
  struct failure why = {0};
  if (encode_file(d, &encoded, &why) || publish_file(encoded.temp_path, d->path, &why))
    fail_msg("%s", why.text);
  encoded_discard(&encoded);
  return decoded(d->path);
}

/* Where the object is at a frame. */
static double place_at(const struct scene_object *o, int32_t frame) {
  int k = o->n_blocks - 1;
  while (k && o->blocks[k].frame > frame) k--;
  const struct scene_block *b = &o->blocks[k];
  if (!k || frame >= b->frame + b->ramp_frames) return b->position[0];
  const double share = (double)(frame - b->frame) / b->ramp_frames;
  return b[-1].position[0] + share * (b->position[0] - b[-1].position[0]);
}

/* Whether there is a time within `reach` frames at which `o` is where `place` is now. */
static bool was_near(const struct scene_object *o, int32_t frame, int32_t reach, double place) {
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (int32_t at = frame - reach; at <= frame + reach; at++) {
    const double x = place_at(o, at < 0 ? 0 : at);
    low = fmin(low, x), high = fmax(high, x);
  }
  return place >= low - 1e-6 && place <= high + 1e-6;
}

/* Close to each other, jumps, a long way, to the end: never off by more than a ramp and a step. */
static void test_blocks(void **state) {
  static const struct put close[] = {{0, 0, -1}, {100, 0, 0}, {150, 20, 0.5}, {260, 250, 0.25},
                                     {900, 0, 0.75}, {1100, 3000, -1}, {4200, 700, 1},
                                     {4990, 10, 0}};
  enum { N = 5003 };
  struct scene *scene = scene_of(close, COUNT(close));
  const struct layout *layout = layout_with_objects(layout_find("7.1.2"), 1);
  const struct fixture_shape shape = {RATE, 11, N, 24};
  int32_t *pcm = fixture_noise(&shape, SEED);
  (void)state;
  for (int flavour = 0; flavour < 2; flavour++) {
    const struct deliverable d = {.path = fixture_path(folder, "blocks.wav"), .format = FILE_ADM,
                                  .adm = flavour, .bits = 24, .rate_hz = RATE, .channels = 11,
                                  .layout = layout, .n_frames = N, .pcm = pcm,
                                  .scene = {.scene = scene, .rate_hz = RATE}};
    struct audio audio = delivered(&d);
    const struct scene_object *o = &audio.scene->objects[0];
    if (flavour == ADM_ITU) {
      expect_same_scene(scene, audio.scene, 0);
    } else {
      adm_fixture_expect_profile(d.path);
      assert_int_equal(o->blocks[1].frame, 100);
      assert_int_equal(o->blocks[2].frame, 350); /* the next one after its ramp, */
      assert_float_equal(o->blocks[2].position[0], 0.25, 1e-9); /* to the last place before that */
      for (int k = 1; k < o->n_blocks; k++) {
        assert_int_equal(o->blocks[k].ramp_frames, fmin(250, N - o->blocks[k].frame));
        assert_true(k < 2 || o->blocks[k].frame - o->blocks[k - 1].frame >= 250);
      }
      for (int32_t i = 0; i < N; i++)
        if (!was_near(&scene->objects[0], i, 512, place_at(o, i)))
          fail_msg("frame %d: at %g", (int)i, place_at(o, i));
    }
    audio_free(&audio);
  }
  free(pcm);
  scene_destroy(&scene);
}

/* What objects are said to be: contents of their own. */
static void test_roles(void **state) {
  static const struct put stands[] = {{0, 0, 0.5}};
  static const int32_t pcm[11 * 300];
  struct scene *scene = scene_of(stands, 1);
  (void)state;
  scene->objects[0].role = ROLE_DIALOGUE;
  for (int flavour = 0; flavour < 2; flavour++) {
    const struct deliverable d = {.path = fixture_path(folder, "role.wav"), .format = FILE_ADM,
                                  .adm = flavour, .bits = 24, .rate_hz = RATE, .channels = 11,
                                  .layout = layout_find("7.1.2+1"), .n_frames = 300, .pcm = pcm,
                                  .title = "Song", .scene = {.scene = scene, .rate_hz = RATE}};
    struct audio audio = delivered(&d);
    audio_free(&audio);
    struct adm_fixture_file f = adm_fixture_read(d.path);
    assert_int_equal(f.adm->n_contents, 2);
    assert_string_equal(f.adm->contents[0].name, "Song");
    assert_string_equal(f.adm->contents[1].name, "Dialogue");
    assert_int_equal(f.adm->contents[1].objects.items[0], 1);
    assert_int_equal(f.adm->contents[1].dialogue, flavour == ADM_ITU ? 1 : 2);
    assert_int_equal(f.adm->contents[1].kind, flavour == ADM_ITU ? 1 : 0);
    adm_fixture_free(&f);
    if (flavour == ADM_DOLBY) adm_fixture_expect_profile(d.path);
  }
  scene_destroy(&scene);
}

/* 118 objects, 480 blocks each: axml of 20 MB, and all of it back. */
static void test_most(void **state) {
  enum { N = 480 * 250, BLOCKS = 480, OBJECTS = 118 };
  const struct layout *layout = layout_with_objects(layout_find("7.1.2"), OBJECTS);
  struct scene *scene = calloc(1, sizeof *scene);
  int32_t *pcm = calloc((size_t)N * 128, sizeof *pcm);
  (void)state;
  scene->n_objects = OBJECTS;
  scene->objects = calloc(OBJECTS, sizeof *scene->objects);
  for (int o = 0; o < OBJECTS; o++) {
    struct scene_object *object = &scene->objects[o];
    char name[16];
    snprintf(name, sizeof name, "Voice %d", o);
    object->name = strdup(name);
    object->n_blocks = BLOCKS;
    object->blocks = calloc(BLOCKS, sizeof *object->blocks);
    for (int i = 0; i < BLOCKS; i++)
      object->blocks[i] = (struct scene_block){
          250 * i, i ? 250 : 0, {i / 480.0, 1 - o / 60.0, (i + o) % 100 / 100.0}, 1 + i / 480.0};
    for (int32_t i = o; i < N; i += 1000) pcm[(size_t)i * 128 + 10 + (size_t)o] = i << 8;
  }
  for (int flavour = 0; flavour < 2; flavour++) {
    const struct deliverable d = {.path = fixture_path(folder, "most.wav"), .format = FILE_ADM,
                                  .adm = flavour, .bits = 24, .rate_hz = RATE, .channels = 128,
                                  .layout = layout, .n_frames = N, .pcm = pcm,
                                  .scene = {.scene = scene, .rate_hz = RATE}};
    struct audio audio = delivered(&d);
    expect_same_scene(scene, audio.scene, 0);
    for (int c = 0; c < 128; c++)
      for (int32_t i = 0; i < N; i++)
        assert_true(audio.pcm[c][i] == (float)pcm[(size_t)i * 128 + (size_t)c] * 0x1p-31f);
    audio_free(&audio);
    if (flavour == ADM_DOLBY) {
      struct adm_fixture_file f = adm_fixture_read(d.path);
      assert_true(f.chunks.axml_bytes > 20000000);
      adm_fixture_free(&f);
      adm_fixture_expect_profile(d.path);
    }
  }
  scene_destroy(&scene);
  free(pcm);
}

/* ---- runs ---- */

/* Other tags: the file anew from itself, as a render would write it; another form: a render. */
static void test_second_run(void **state) {
  static const struct {
    const char *variant, *title, *what;
  } runs[] = {{"format: adm", "One", "delivered"},
              {"format: adm", "One", "up to date"},
              {"format: adm", "Two", "retagged"},
              {"format: adm, adm: itu", "Two", "delivered"},
              {"format: adm, adm: itu", "One", "retagged"},
              {"format: adm, layout: 7.1.4", "One", "delivered"}, /* rendered: it has a title */
              {"format: adm, layout: 7.1.4", "Two", "retagged"}};
  char *out = fixture_folder(), *fresh = fixture_folder();
  (void)state;
  put_master("in.wav", 2, 10);
  for (int i = 0; i < COUNT(runs); i++) {
    char variant[80], title[40];
    snprintf(variant, sizeof variant, "  m: {" PLAIN ", %s}\n", runs[i].variant);
    snprintf(title, sizeof title, ", title: %s", runs[i].title);
    render(out, variant, "in.wav", title, runs[i].what);
    fixture_folder_remove(fresh);
    fresh = fixture_folder();
    render(fresh, variant, "in.wav", title, "delivered");
    const struct fixture_bytes a = fixture_load(fixture_path(out, "m.wav")),
                               b = fixture_load(fixture_path(fresh, "m.wav"));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    free(a.data);
    free(b.data);
    expect_run(run_program("verify", out, "--device", "cpu"), 0, "equal");
  }
  /* another place of an object is another master */
  struct fixture_bytes bytes =
      adm_fixture_edit(fixture_load(fixture_path(folder, "in.wav")),
                       &(struct adm_edit){"0.947", "0.948", 0});
  fixture_save(fixture_path(folder, "in.wav"), bytes.data, bytes.size);
  free(bytes.data);
  render(out, "  m: {" PLAIN ", format: adm, adm: itu}\n", "in.wav", ", title: One", "delivered");
  fixture_folder_remove(fresh);
  fixture_folder_remove(out);
}

/* Every stage on a bed and objects; the same bits on a device. */
static void test_chain(void **state) {
  static const char chain[] =
      "lacquer: 1\noutput: \"{variant}.{ext}\"\nchains:\n  c:\n"
      "    - eq: {bands: [{type: bell, freq: 2000, gain: 2, q: 1, target: bed},\n"
      "                   {type: bell, freq: 3000, gain: -3, q: 1, target: objects},\n"
      "                   {type: lowpass, freq: 120, slope: 24, target: lfe}]}\n"
      "    - multiband: {crossovers: [300], bands: [{threshold: -30, ratio: 2},\n"
      "                                             {threshold: -30, ratio: 3}]}\n"
      "variants:\n  d: {format: adm, loudness: -20, true_peak: -3}\n"
      "  i: {format: adm, adm: itu, true_peak: -6, bits: 24, rate: 96000}\n"
      "defaults: {chain: c}\ntracks:\n  - {source: in.wav}\n";
  char *out = fixture_folder();
  (void)state;
  put_master("in.wav", 4, 10);
  cli_text(folder, "chain.yaml", "%s", chain);
  const char *path = fixture_path(folder, "chain.yaml");
  expect_run(run_program("render", path, "-o", out, "--device", "cpu", "--verify", "full"), 0,
             "full");
  adm_fixture_expect_profile(fixture_path(out, "d.wav"));
  struct audio in = decoded(fixture_path(folder, "in.wav")),
               audio = decoded(fixture_path(out, "d.wav"));
  assert_ptr_equal(audio.layout, in.layout);
  expect_same_scene(in.scene, audio.scene, 0);
  audio_free(&audio);
  audio_free(&in);
  if (cli_has_device(LACQUER_PROGRAM)) {
    char *other = fixture_folder();
    expect_status(run_program("render", path, "-o", other, "--device", "index:0", "--verify",
                              "full"), 0);
    assert_int_equal(cli_same_bits(other, out), 2);
    fixture_folder_remove(other);
  }
  fixture_folder_remove(out);
}

/* ---- refusals ---- */

static void test_refused(void **state) {
  static const struct {
    const char *bed;
    int n_objects;
    const char *variant, *words;
  } cases[] = {
      {"7.1.4", 116, "format: adm", "an Atmos master holds 118 objects, the corners of a .4 bed"},
      {"5.1", 2, "format: adm, adm: dolby", "profile has 48000 and 96000 Hz"},
  };
  char *out = fixture_folder();
  (void)state;
  for (int i = 0; i < COUNT(cases); i++) {
    const struct adm_shape shape = {ADM_ITU, cases[i].bed, cases[i].n_objects,
                                    i ? 44100 : RATE, 3000};
    struct riff_format format = {0, shape.rate_hz, 24};
    struct adm_chunks chunks;
    struct adm *adm;
    assert_int_equal(adm_make(&shape, &adm, NULL), 0);
    format.channels = adm->n_tracks;
    assert_int_equal(adm_write(adm, ADM_ITU, "", &format, 3000, &chunks, NULL), 0);
    adm_fixture_write_chunks(fixture_path(folder, "bad.wav"), &chunks, ADM_ITU, &format, 3000, SEED,
                             RIFF_MOST_BYTES);
    adm_chunks_free(&chunks);
    adm_destroy(&adm);
    cli_text(folder, "bad.yaml", "lacquer: 1\nvariants: {m: {%s}}\ntracks:\n"
             "  - {source: bad.wav}\n", cases[i].variant);
    expect_run(run_program("render", fixture_path(folder, "bad.yaml"), "--dry-run"), 65,
               cases[i].words);
  }
  fixture_folder_remove(out);
}

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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip), cmocka_unit_test(test_corners),
      cmocka_unit_test(test_rates),      cmocka_unit_test(test_gap),
      cmocka_unit_test(test_cut),        cmocka_unit_test(test_roles),
      cmocka_unit_test(test_blocks),     cmocka_unit_test(test_most),
      cmocka_unit_test(test_second_run), cmocka_unit_test(test_chain),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
