/* SPDX-License-Identifier: MIT
 * Immersive masters as sources: the channels and the scene that decode_file makes of them, and
 * BW64 files without a scene. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adm_fixture.h"
#include "adm_scene.h"
#include "decode.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

#define SEED UINT64_C(2127)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
enum { RATE = 48000, FRAMES = 5003 };
static char *folder;

static void decode_ok(const char *path, struct audio *audio) {
  struct failure why = {0};
  if (decode_file(path, audio, &why)) fail_msg("%s", why.text);
}

static void expect_refusal(const char *path, const struct layout *stated, const char *words) {
  struct audio audio;
  struct failure why[2] = {{0}};
  assert_int_equal(decode_stated(path, stated, &audio, &why[0]), STATUS_BAD_DATA);
  if (!strstr(why[0].text, words) || !strstr(why[0].text, path))
    fail_msg("%s: expected %s", why[0].text, words);
  assert_null(audio.scene);
  assert_int_equal(decode_headers(path, stated, &audio, &why[1]), STATUS_BAD_DATA);
  assert_string_equal(why[0].text, why[1].text);
}

/* Channel c of the audio is track k of the file; k -1: silence. */
static void expect_track(const char *path, const struct audio *audio, int c, int k, float gain) {
  struct riff_file file;
  assert_int_equal(riff_open(path, &file, NULL), 0);
  for (int32_t i = 0; i < audio->n_frames; i++) {
    unsigned char b[3] = {0};
    const int64_t at = file.data_at + ((int64_t)i * file.format.channels + k) * 3;
    if (k >= 0) assert_int_equal(riff_read(&file, at, b, 3, NULL), 0);
    const int32_t word =
        (int32_t)((uint32_t)b[0] << 8 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 24);
    if (audio->pcm[c][i] != (float)word * 0x1p-31f * gain)
      fail_msg("channel %d, frame %d", c, (int)i);
  }
  riff_close(&file);
}

/* ---- a Dolby master ---- */

static void test_master(void **state) {
  const char *path = fixture_path(folder, "master.wav");
  (void)state;
  for (int large = 0; large < 2; large++) {
    struct adm *adm = adm_fixture_master(3, 6, FRAMES);
    struct riff_format format = adm_fixture_format;
    struct adm_chunks chunks;
    struct audio audio, headers;
    format.channels = 13;
    assert_int_equal(adm_write(adm, ADM_DOLBY, path, &format, FRAMES, &chunks, NULL), 0);
    adm_fixture_write_chunks(path, &chunks, ADM_DOLBY, &format, FRAMES, SEED,
                             large ? 0 : RIFF_MOST_BYTES);
    adm_chunks_free(&chunks);
    adm_destroy(&adm);
    decode_ok(path, &audio);
    assert_string_equal(audio.layout->name, "7.1.2+3");
    assert_string_equal(audio.format, "ADM");
    for (int c = 0; c < 13; c++) expect_track(path, &audio, c, c, 1);
    assert_int_equal(audio.scene->n_objects, 3);
    for (int o = 0; o < 3; o++) {
      char name[16];
      snprintf(name, sizeof name, "Object %d", o + 1);
      assert_string_equal(audio.scene->objects[o].name, name);
      assert_int_equal(audio.scene->objects[o].n_blocks, 6);
      for (int i = 0; i < 6; i++) { /* as adm_fixture_master places them */
        const struct scene_block *b = &audio.scene->objects[o].blocks[i];
        assert_int_equal(b->frame, 512 * i);
        assert_int_equal(b->ramp_frames, i ? 250 : 0);
        assert_float_equal(b->position[0], i * 0.037 - 1, 1e-9);
        assert_float_equal(b->position[1], 1 - (i + o) * 0.053, 1e-9);
        assert_float_equal(b->position[2], o == 1 ? i * 0.01 : 0, 1e-9);
        assert_true(b->gain == (o != 1 ? 1 : i % 2 ? 0 : 0.5));
      }
    }
    assert_string_equal(audio.master->note, "kept in ADM masters, but not rendered: size of 1 "
                        "object, channel lock of 1 object, zones of 1 object");
    assert_int_equal(decode_headers(path, layout_find("7.1.2"), &headers, NULL), 0);
    assert_ptr_equal(headers.layout, audio.layout);
    assert_int_equal(headers.n_frames, FRAMES);
    audio_free(&audio);
    expect_refusal(path, layout_find("5.1.4"), "the bed is 7.1.2, the track's layout 5.1.4");
  }
}

/* What a master says is part of what it is. */
static void test_identity(void **state) {
  static const struct adm_edit edits[] = {
      {"0.947", "0.948", 0}, {"Object 2", "Object 4", 0}, {"<gain>0.5", "<gain>0.6", 0}};
  const char *path = fixture_path(folder, "identity.wav");
  char sha256[COUNT(edits) + 2][HASH_TEXT_SIZE];
  struct adm *adm = adm_fixture_master(3, 6, FRAMES);
  (void)state;
  for (int i = 0; i < COUNT(edits) + 2; i++) {
    struct audio audio;
    adm_fixture_write(path, adm, ADM_DOLBY, FRAMES, SEED);
    if (i > 1) {
      const struct fixture_bytes bytes = adm_fixture_edit(fixture_load(path), &edits[i - 2]);
      fixture_save(path, bytes.data, bytes.size);
      free(bytes.data);
    }
    decode_ok(path, &audio);
    memcpy(sha256[i], audio.sha256, HASH_TEXT_SIZE);
    audio_free(&audio);
    for (int k = 0; k < i; k++)
      assert_int_equal(!strcmp(sha256[i], sha256[k]), i == 1 && k == 0);
  }
  adm_destroy(&adm);
}

/* ---- what BS.2076 allows beside ---- */

static struct adm_block *block(struct adm *adm, int object, int i) {
  const int track = adm->objects[1 + object].tracks.items[0];
  return &adm->channels[adm->tracks[track].channel].blocks[i];
}
static struct adm_channel *bed_channel(struct adm *adm, int i) {
  return &adm->channels[adm->tracks[adm->objects[0].tracks.items[i]].channel];
}

/* 5.1 and two objects of `n_blocks` blocks, 1000 frames apart. */
static struct adm *make_itu(int n_blocks) {
  const struct adm_shape shape = {ADM_ITU, "5.1", 2, RATE, FRAMES};
  struct adm *adm;
  assert_int_equal(adm_make(&shape, &adm, NULL), 0);
  for (int o = 0; o < 2; o++) {
    struct adm_channel *c = &adm->channels[adm->tracks[6 + o].channel];
    for (int i = 0; i < n_blocks; i++) {
      struct adm_block *b;
      if (i) assert_true(adm_add_block(c, &b));
      b = block(adm, o, i);
      b->rtime = (struct adm_time){1000 * i, RATE};
      b->cartesian = true;
      b->position[0] = i * 0.125;
      b->position[1] = 1;
    }
  }
  return adm;
}

static void expect_blocks(const struct scene_object *o, const int expected[][3], int n) {
  assert_int_equal(o->n_blocks, n);
  for (int i = 0; i < n; i++) {
    assert_int_equal(o->blocks[i].frame, expected[i][0]);
    assert_int_equal(o->blocks[i].ramp_frames, expected[i][1]);
    assert_float_equal(o->blocks[i].gain, expected[i][2] / 100.0, 1e-12);
  }
}

/* Ramps over whole blocks; a gap; an end before the audio's; gains of objects. */
static void test_blocks(void **state) {
  const char *path = fixture_path(folder, "blocks.wav");
  struct adm *adm = make_itu(4);
  struct audio audio;
  (void)state;
  block(adm, 0, 2)->has |= ADM_JUMP; /* at once */
  block(adm, 0, 2)->jump = true;
  block(adm, 0, 3)->has |= ADM_JUMP | ADM_INTERPOLATION | ADM_GAIN;
  block(adm, 0, 3)->jump = true;
  block(adm, 0, 3)->interpolation_s = 0.01f;
  block(adm, 0, 3)->gain = 0.5;
  adm->objects[1].gain = 0.5;
  block(adm, 1, 1)->duration = (struct adm_time){400, RATE}; /* then nothing until the third */
  adm->objects[2].start = (struct adm_time){1500, RATE};
  adm->objects[2].duration = (struct adm_time){3000, RATE};
  block(adm, 1, 3)->rtime = (struct adm_time){3100, RATE};
  block(adm, 1, 3)->duration = (struct adm_time){200, RATE};
  adm_fixture_write(path, adm, ADM_ITU, FRAMES, SEED);
  adm_destroy(&adm);
  decode_ok(path, &audio);
  assert_string_equal(audio.layout->name, "5.1+2");
  for (int c = 0; c < 7; c++) expect_track(path, &audio, c, c, 1);
  for (int32_t i = 0; i < FRAMES; i++) /* silent before and behind the object */
    if (i < 1500 || i >= 4500) assert_true(audio.pcm[7][i] == 0);
  assert_true(audio.pcm[7][1500] != 0 || audio.pcm[7][1501] != 0);
  expect_blocks(&audio.scene->objects[0],
                (const int[][3]){{0, 0, 50}, {1000, 1000, 50}, {2000, 0, 50}, {3000, 480, 25}}, 4);
  expect_blocks(&audio.scene->objects[1],
                (const int[][3]){{0, 0, 100}, {2500, 400, 100}, {2900, 0, 0}, {3500, 0, 100},
                                 {4600, 200, 100}, {4800, 0, 0}}, 6);
  assert_string_equal(audio.master->note, "");
  audio_free(&audio);
}

/* BS.2127-0, 10.1, with the functions of libm. */
static void by_the_book(double az, double el, double d, double to[3]) {
  static const double walls[][2] = {{30, 0}, {0, -30}, {-30, -110}, {-110, -250}, {-250, -330}};
  static const double ends[][2][2] = {
      {{-1, 1}, {0, 1}}, {{0, 1}, {1, 1}}, {{1, 1}, {1, -1}}, {{1, -1}, {-1, -1}},
      {{-1, -1}, {-1, 1}}};
  const double deg = acos(-1) / 180;
  const double tilted = fabs(el) > 30 ? 45 + 45 * (fabs(el) - 30) / 60 : 45 * el / 30;
  const double r = fabs(el) > 30 ? d * tan((90 - tilted) * deg) : d;
  to[2] = fabs(el) > 30 ? (el > 0 ? d : -d) : d * tan(tilted * deg);
  for (int i = 0; i < 5; i++)
    for (int turn = -360; turn <= 0; turn += 360) {
      if (az + turn > walls[i][0] || az + turn < walls[i][1]) continue;
      const double middle = (walls[i][0] + walls[i][1]) / 2;
      const double g = 0.5 + 0.5 * tan((az + turn - middle) * deg) /
                                 tan((walls[i][1] - middle) * deg);
      const double p = atan2(g, 1 - g) / (90 * deg);
      for (int k = 0; k < 2; k++) to[k] = r * (ends[i][0][k] + (ends[i][1][k] - ends[i][0][k]) * p);
    }
}

static void test_polar(void **state) {
  static const double fixed[][6] = {
      {30, 0, 1, -1, 1, 0},   {-30, 0, 1, 1, 1, 0},    {0, 0, 1, 0, 1, 0},  {110, 0, 1, -1, -1, 0},
      {-110, 0, 1, 1, -1, 0}, {180, 0, 1, 0, -1, 0},   {0, 90, 1, 0, 0, 1}, {-30, 30, 1, 1, 1, 1},
      {0, -90, 1, 0, 0, -1},  {30, 0, 0.5, -.5, .5, 0}, {390, 0, 1, -1, 1, 0}};
  double got[3], want[3];
  (void)state;
  for (int i = 0; i < COUNT(fixed); i++) {
    adm_polar_to_room(fixed[i], got);
    for (int k = 0; k < 3; k++) assert_float_equal(got[k], fixed[i][3 + k], 1e-14);
  }
  for (int az = -180; az <= 180; az++)
    for (int el = -90; el <= 90; el += 3) {
      adm_polar_to_room((const double[]){az, el, 0.75}, got);
      by_the_book(az, el, 0.75, want);
      for (int k = 0; k < 3; k++)
        if (!(fabs(got[k] - want[k]) < 1e-13)) fail_msg("%d, %d: %g, %g", az, el, got[k], want[k]);
    }
}

/* A gain of the bed, tracks in another order, a polar object, one object of two tracks, an
 * alternative that is left out. */
static void test_objects(void **state) {
  const char *path = fixture_path(folder, "objects.wav");
  struct adm *adm = make_itu(1);
  struct audio audio;
  (void)state;
  adm->objects[0].gain = 0.25;
  for (int i = 0; i < 8; i++) adm->tracks[i].index = (i + 3) % 8;
  block(adm, 0, 0)->cartesian = false;
  block(adm, 0, 0)->position[0] = -110;
  block(adm, 0, 0)->position[1] = 0;
  block(adm, 0, 0)->position[2] = 1;
  adm_list_add(&adm->objects[1].tracks, adm->objects[2].tracks.items[0]);
  adm_list_add(&adm->objects[1].complementary, 2);
  adm_fixture_write(path, adm, ADM_ITU, FRAMES, SEED);
  adm_destroy(&adm);
  decode_ok(path, &audio);
  assert_string_equal(audio.layout->name, "5.1+2");
  for (int c = 0; c < 8; c++) expect_track(path, &audio, c, (c + 3) % 8, c < 6 ? 0.25f : 1);
  assert_float_equal(audio.scene->objects[0].blocks[0].position[0], 1, 1e-14);
  assert_float_equal(audio.scene->objects[0].blocks[0].position[1], -1, 1e-14);
  assert_string_equal(audio.scene->objects[1].name, "Object 1");
  audio_free(&audio);
}

/* ---- beds ---- */

static void label(struct adm *adm, int i, const char *text) {
  struct adm_channel *c = bed_channel(adm, i);
  memset(c->label, 0, sizeof c->label);
  memcpy(c->label, text, strlen(text));
}

/* Which layout a bed is that has these labels in the order of its tracks. */
static void test_beds(void **state) {
  static const struct {
    const char *layout, *labels[10]; /* of the first tracks */
  } cases[] = {
      {"7.1.2", {"RC_L", "RC_R", "RC_C", "RC_LFE", "RC_Lss", "RC_Rss", "RC_Lrs", "RC_Rrs", "RC_Lts",
                 "RC_Rts"}},
      {"5.1", {"M+030", "M-030", "M+000", "LFE", "M+110", "M-110"}},
      {"5.1", {"RC_L", "RC_R", "RC_C", "RC_LFE", "RC_Ls", "RC_Rs"}},
      {"5.1", {"RC_R", "RC_L", "RC_C"}},
      {"2.0", {"urn:itu:bs:2051:0:speaker:M-030", "M+030"}},
      {"1.0", {"M+000"}},
      {"7.1", {"RC_L", "RC_R", "RC_C", "RC_Lss", "RC_Rss", "RC_Lrs", "RC_Rrs"}},
      {"7.1.4", {"M+030", "M-030", "U+045", "U-045", "M+135", "M-135", "U+135", "U-135"}},
      {"5.1.4", {"LFE1", "M+030", "U+030", "U-030", "U+110", "U-110"}},
  };
  const char *path = fixture_path(folder, "bed.wav");
  (void)state;
  for (int i = 0; i < COUNT(cases); i++) {
    const struct adm_shape shape = {ADM_ITU, "7.1.2", 0, RATE, 300};
    struct adm *adm;
    struct audio audio;
    int n = 0;
    assert_int_equal(adm_make(&shape, &adm, NULL), 0);
    while (n < 10 && cases[i].labels[n]) label(adm, n, cases[i].labels[n]), n++;
    adm->objects[0].tracks.n = n;
    adm_fixture_write(path, adm, ADM_ITU, 300, SEED + (uint64_t)i);
    adm_destroy(&adm);
    decode_ok(path, &audio);
    assert_string_equal(audio.layout->name, cases[i].layout);
    assert_null(audio.scene);
    if (i == 3) { /* what it does not have is silent */
      static const int tracks[] = {1, 0, 2, -1, -1, -1};
      for (int c = 0; c < 6; c++) expect_track(path, &audio, c, tracks[c], 1);
    }
    audio_free(&audio);
  }
}

/* Two beds that have a layout together; objects alone, behind a bed of silence. */
static void test_bed_count(void **state) {
  const char *path = fixture_path(folder, "beds.wav");
  const struct adm_shape shape = {ADM_ITU, "7.1.2", 1, RATE, 300}, none = {ADM_DOLBY, NULL, 2, RATE,
                                                                           300};
  struct adm *adm;
  struct audio audio;
  (void)state;
  assert_int_equal(adm_make(&shape, &adm, NULL), 0);
  const int second = adm_add(adm, ADM_OBJECT_TABLE); /* the tops */
  adm_list_add(&adm->objects[second].packs, adm->objects[0].packs.items[0]);
  for (int i = 8; i < 10; i++)
    adm_list_add(&adm->objects[second].tracks, adm->objects[0].tracks.items[i]);
  adm->objects[0].tracks.n = 8;
  adm_list_add(&adm->contents[0].objects, second);
  adm_fixture_write(path, adm, ADM_ITU, 300, SEED);
  adm_destroy(&adm);
  decode_ok(path, &audio);
  assert_string_equal(audio.layout->name, "7.1.2+1");
  for (int c = 0; c < 11; c++) expect_track(path, &audio, c, c, 1);
  audio_free(&audio);
  assert_int_equal(adm_make(&none, &adm, NULL), 0);
  adm_fixture_write(path, adm, ADM_DOLBY, 300, SEED);
  adm_destroy(&adm);
  decode_ok(path, &audio);
  assert_string_equal(audio.layout->name, "7.1.2+2");
  for (int c = 0; c < 12; c++) expect_track(path, &audio, c, c < 10 ? -1 : c - 10, 1);
  audio_free(&audio);
}

/* ---- refusals ---- */

static void no_place(struct adm *adm) { label(adm, 4, "M+060"); }
static void twice(struct adm *adm) { label(adm, 8, "M+030"); }
static void no_layout(struct adm *adm) { label(adm, 4, "M+110"); }
static void outside(struct adm *adm) { block(adm, 0, 1)->position[2] = -1.01; }
static void loud(struct adm *adm) {
  block(adm, 0, 1)->has |= ADM_GAIN;
  block(adm, 0, 1)->gain = 65;
}
static void overlap(struct adm *adm) {
  block(adm, 0, 0)->duration = (struct adm_time){1010, RATE};
}
static void late(struct adm *adm) { adm->objects[1].start = (struct adm_time){1, 1}; }
static void nothing(struct adm *adm) { adm->programmes[0].contents.n = 0; }

static void test_refused(void **state) {
  static const struct {
    void (*edit)(struct adm *);
    const char *words;
  } cases[] = {
      {no_place, "has the speakerLabel \"M+060\", a place that no layout has"},
      {twice, "two channels of its beds are L, the second one in \"Bed\""},
      {no_layout, "no layout has all loudspeakers of its bed: L R C LFE Ls Rss Lrs Rrs Lts Rts"},
      {outside, "block 2 of the object \"Object 1\" is at Z -1.01 (accepted: -1 to 1)"},
      {loud, "block 2 of the object \"Object 1\" has a gain of 65 (accepted: 0 to 64)"},
      {overlap, "block 1 of the object \"Object 1\" lasts until 0.02104 s, the next one begins at "
                "0.02083 s"},
      {late, "the object \"Object 1\" begins behind the end of the audio"},
      {nothing, "a master without tracks"},
  };
  const char *path = fixture_path(folder, "refused.wav");
  (void)state;
  for (int i = 0; i < COUNT(cases); i++) {
    const struct adm_shape shape = {ADM_ITU, "7.1.2", 1, RATE, FRAMES};
    struct adm_block *b;
    struct adm *adm;
    assert_int_equal(adm_make(&shape, &adm, NULL), 0);
    assert_true(adm_add_block(&adm->channels[adm->tracks[10].channel], &b));
    b->rtime = (struct adm_time){1000, RATE};
    b->cartesian = true;
    cases[i].edit(adm);
    adm_fixture_write(path, adm, ADM_ITU, FRAMES, SEED);
    adm_destroy(&adm);
    expect_refusal(path, NULL, cases[i].words);
  }
}

/* Packs of other types; more objects than a scene has. */
static void test_kinds(void **state) {
  const char *path = fixture_path(folder, "kinds.wav");
  struct adm *adm = make_itu(1);
  (void)state;
  adm_fixture_write(path, adm, ADM_ITU, FRAMES, SEED);
  adm_destroy(&adm);
  struct fixture_bytes bytes = fixture_load(path);
  for (int n = 0; n < 2; n++) { /* of its pack and its channel */
    const struct adm_edit edit = {"typeDefinition=\"Objects\" typeLabel=\"0003\"",
                                  "typeDefinition=\"HOA\" typeLabel=\"0004\"", n};
    bytes = adm_fixture_edit(bytes, &edit);
  }
  bytes = adm_fixture_edit(
      bytes, &(struct adm_edit){"typeDefinition=\"Objects\" typeLabel=\"0003\"",
                                "typeDefinition=\"HOA\" typeLabel=\"0004\"", 0});
  fixture_save(path, bytes.data, bytes.size);
  free(bytes.data);
  expect_refusal(path, NULL, "is of type HOA (accepted: DirectSpeakers, Objects)");
  const struct adm_shape many = {ADM_ITU, NULL, 119, RATE, 300};
  assert_int_equal(adm_make(&many, &adm, NULL), 0);
  adm_fixture_write(path, adm, ADM_ITU, 300, SEED);
  adm_destroy(&adm);
  expect_refusal(path, NULL, "more objects than 118");
  const struct adm_shape wide = {ADM_ITU, "7.1.4", 117, RATE, 300};
  assert_int_equal(adm_make(&wide, &adm, NULL), 0);
  adm_fixture_write(path, adm, ADM_ITU, 300, SEED);
  adm_destroy(&adm);
  expect_refusal(path, NULL, "129 tracks; accepted are up to 128");
}

/* ---- BW64 without a scene ---- */

static void test_plain(void **state) {
  static const struct adm_chunks none = {0};
  const char *path = fixture_path(folder, "plain.wav");
  (void)state;
  for (int bits = 16; bits <= 32; bits += 8) {
    const struct riff_format format = {6, RATE, bits};
    struct audio wave, bw64;
    adm_fixture_write_chunks(path, &none, ADM_ITU, &format, FRAMES, SEED, RIFF_MOST_BYTES);
    assert_int_equal(decode_stated(path, layout_find("5.1"), &wave, NULL), 0);
    adm_fixture_write_chunks(path, &none, ADM_ITU, &format, FRAMES, SEED, 0);
    assert_int_equal(decode_stated(path, layout_find("5.1"), &bw64, NULL), 0);
    assert_string_equal(bw64.format, "BW64");
    assert_string_equal(bw64.sha256, wave.sha256); /* by libsndfile */
    audio_free(&wave);
    audio_free(&bw64);
  }
  expect_refusal(path, NULL, "6 channels without a channel mask");
}

/* The same bytes as RF64 and as BW64, under masks: one audio. */
static void test_masks(void **state) {
  static const struct {
    const char *form;
    uint32_t mask;
    int channels;
  } cases[] = {{"RF64", 0x63f, 8}, {"BW64", 0x63f, 8}, {"RF64", 0x2d63f, 12},
               {"BW64", 0x2d63f, 12}};
  enum { N = 100 };
  const char *path = fixture_path(folder, "mask.wav");
  char sha256[COUNT(cases)][HASH_TEXT_SIZE];
  (void)state;
  for (int i = 0; i < COUNT(cases); i++) {
    const int channels = cases[i].channels, audio_bytes = N * channels * 3;
    unsigned char file[12 + 36 + 48 + 8 + N * 12 * 3] = "....\xff\xff\xff\xffWAVE" "ds64\x1c";
    const int total = 104 + audio_bytes;
    unsigned char *at = file + 20;
    uint64_t seed = SEED;
    struct audio audio;
    memcpy(file, cases[i].form, 4);
    at[0] = (unsigned char)(total - 8), at[1] = (unsigned char)((total - 8) >> 8);
    at[8] = (unsigned char)audio_bytes, at[9] = (unsigned char)(audio_bytes >> 8);
    at[16] = N;
    at = file + 48;
    memcpy(at, "fmt \x28\0\0\0\xfe\xff", 10);
    at[10] = (unsigned char)channels;
    at[12] = 0x80, at[13] = 0xbb;
    at[20] = (unsigned char)(channels * 3);
    at[22] = 24, at[24] = 22, at[26] = 24;
    for (int k = 0; k < 4; k++) at[28 + k] = (unsigned char)(cases[i].mask >> 8 * k);
    memcpy(at + 32, "\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71", 16);
    memcpy(file + 96, "data\xff\xff\xff\xff", 8);
    for (int k = 0; k < audio_bytes; k++) file[104 + k] = (unsigned char)fixture_random(&seed);
    fixture_save(path, file, (size_t)total);
    decode_ok(path, &audio);
    assert_string_equal(audio.layout->name, channels == 8 ? "7.1" : "7.1.4");
    assert_string_equal(audio.format, cases[i].form);
    memcpy(sha256[i], audio.sha256, HASH_TEXT_SIZE);
    audio_free(&audio);
    if (i % 2) assert_string_equal(sha256[i], sha256[i - 1]);
  }
}

/* A chna chunk that says nothing leaves the file what it is. */
static void test_empty_chna(void **state) {
  static unsigned char rows[44] = {2, 0, 1, 0, 1, 0};
  const char *path = fixture_path(folder, "empty.wav");
  const struct riff_format format = {2, RATE, 24};
  struct adm_chunks chunks = {.chna = rows, .chna_bytes = sizeof rows};
  struct audio audio;
  (void)state;
  for (int n = 0; n < 2; n++) { /* a row of a track without references, and none */
    rows[2] = rows[4] = (unsigned char)!n;
    memcpy(rows + 6, n ? "\0\0\0\0\0\0\0\0\0\0\0\0" : "ATU_00000001", 12);
    adm_fixture_write_chunks(path, &chunks, ADM_ITU, &format, 300, SEED, RIFF_MOST_BYTES);
    decode_ok(path, &audio);
    assert_string_equal(audio.layout->name, "2.0");
    assert_null(audio.master);
    audio_free(&audio);
  }
}

/* ---- hostile files ---- */

static void test_mutations(void **state) {
  const char *path = fixture_path(folder, "mutation.wav");
  struct adm *adm = adm_fixture_master(2, 2, 600);
  uint64_t seed = SEED;
  (void)state;
  adm_fixture_write(path, adm, ADM_DOLBY, 600, SEED);
  adm_destroy(&adm);
  const struct fixture_bytes bytes = fixture_load(path);
  const size_t scene = adm_fixture_chunk(bytes, "axml");
  unsigned char *changed = malloc(bytes.size);
  assert_non_null(changed);
  for (int i = 0; i < 1500; i++) {
    struct audio audio;
    struct failure why = {0};
    memcpy(changed, bytes.data, bytes.size);
    for (int k = 0; k < 1 + i % 4; k++)
      changed[i % 9 ? scene + fixture_random(&seed) % (bytes.size - scene)
                    : fixture_random(&seed) % 120] = (unsigned char)fixture_random(&seed);
    fixture_save(path, changed, bytes.size);
    if (decode_file(path, &audio, &why)) {
      assert_int_equal(why.status, STATUS_BAD_DATA);
    } else {
      assert_int_equal(audio.layout->channels, audio.channels);
      assert_int_equal(audio.layout->n_objects, audio.scene ? audio.scene->n_objects : 0);
      if (audio.scene) assert_null(scene_fault(audio.scene, audio.n_frames));
    }
    audio_free(&audio);
  }
  free(changed);
  free(bytes.data);
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
      cmocka_unit_test(test_master),     cmocka_unit_test(test_identity),
      cmocka_unit_test(test_blocks),     cmocka_unit_test(test_polar),
      cmocka_unit_test(test_objects),    cmocka_unit_test(test_beds),
      cmocka_unit_test(test_bed_count),  cmocka_unit_test(test_refused),
      cmocka_unit_test(test_kinds),      cmocka_unit_test(test_plain),
      cmocka_unit_test(test_masks),      cmocka_unit_test(test_empty_chna),
      cmocka_unit_test(test_mutations),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
