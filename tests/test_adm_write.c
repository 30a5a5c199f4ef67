/* SPDX-License-Identifier: MIT
 * Writing ADM: round trips in both flavours, layouts of the common definitions, masters of 118
 * objects beyond 4 GiB, and what a flavour cannot carry. */
#include "adm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adm_fixture.h"
#include "adm_profile.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { FRAMES = 5 * 512 + 77, SEED = 7012 };

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

static void expect_same_bytes(const char *one, const char *other) {
  struct fixture_bytes a = fixture_load(one), b = fixture_load(other);
  assert_int_equal(a.size, b.size);
  assert_memory_equal(a.data, b.data, a.size);
  free(a.data);
  free(b.data);
}

/* The chunks, and the audio of a file that is open. */
static void copy_audio(const struct riff_file *file, const struct adm_chunks *chunks,
                       enum adm_flavour flavour, const char *to) {
  const struct riff_layout layout = adm_layout(chunks, flavour, &file->format, file->n_frames);
  const size_t frame = (size_t)(file->format.channels * file->format.bits / 8);
  const int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  struct riff_writer writer;
  struct failure why = {0};
  unsigned char *bytes = malloc(frame);
  assert_true(fd >= 0 && bytes);
  enum status status = riff_begin(&writer, fd, to, &layout, &why);
  for (int64_t i = 0; i < file->n_frames && !status; i++) {
    status = riff_read(file, file->data_at + i * (int64_t)frame, bytes, frame, &why);
    if (!status) status = riff_samples(&writer, bytes, frame, &why);
  }
  if (!status) status = riff_end(&writer, &why);
  if (status) fail_msg("%s", why.text);
  assert_int_equal(close(fd), 0);
  free(bytes);
}

/* The file again: its chunks as they are, or written anew from what was read of them. */
static void write_again(const char *from, const char *to, enum adm_flavour flavour, bool anew) {
  struct adm_fixture_file f = adm_fixture_read(from);
  struct adm_chunks chunks = f.chunks;
  struct failure why = {0};
  if (anew && adm_write(f.adm, flavour, to, &f.file.format, f.file.n_frames, &chunks, &why))
    fail_msg("%s", why.text);
  copy_audio(&f.file, &chunks, flavour, to);
  if (anew) adm_chunks_free(&chunks);
  adm_fixture_free(&f);
}

static void test_round_trip(void **state) {
  const char *first = fixture_path(folder, "first.wav"), *again = fixture_path(folder, "again.wav");
  struct adm *adm = adm_fixture_master(4, 5, FRAMES);
  (void)state;
  for (int flavour = ADM_DOLBY; flavour <= ADM_ITU; flavour++) {
    adm_fixture_write(first, adm, (enum adm_flavour)flavour, FRAMES, SEED);
    struct adm_fixture_file f = adm_fixture_read(first);
    if (flavour == ADM_DOLBY) assert_string_equal(f.adm->dbmd.tool, "lacquer"); /* ours */
    adm_fixture_free(&f);
    write_again(first, again, (enum adm_flavour)flavour, false);
    expect_same_bytes(first, again);
    write_again(first, again, (enum adm_flavour)flavour, true);
    expect_same_bytes(first, again);
  }
  adm_destroy(&adm);
}

static void expect_same_scene(const struct adm *a, const struct adm *b) {
  assert_int_equal(a->n_objects, b->n_objects);
  assert_int_equal(a->n_contents, b->n_contents);
  for (int i = 0; i < a->n_contents; i++) {
    assert_string_equal(a->contents[i].name, b->contents[i].name);
    assert_int_equal(a->contents[i].objects.n, b->contents[i].objects.n);
  }
  for (int i = 0; i < a->n_objects; i++) {
    const struct adm_object *x = &a->objects[i], *y = &b->objects[i];
    assert_string_equal(x->name, y->name);
    assert_int_equal(x->tracks.n, y->tracks.n);
    for (int t = 0; t < x->tracks.n; t++) {
      const struct adm_track *p = &a->tracks[x->tracks.items[t]];
      const struct adm_track *q = &b->tracks[y->tracks.items[t]];
      const struct adm_channel *c = &a->channels[p->channel], *d = &b->channels[q->channel];
      assert_int_equal(p->index, q->index);
      assert_string_equal(c->label, d->label);
      assert_int_equal(c->n_blocks, d->n_blocks);
      for (int k = 0; k < c->n_blocks; k++) {
        const struct adm_block *m = &c->blocks[k], *n = &d->blocks[k];
        assert_int_equal(adm_time_in(m->rtime, 100000), adm_time_in(n->rtime, 100000));
        for (int axis = 0; axis < 3; axis++) /* ten decimals are written */
          assert_true(fabs(m->position[axis] - n->position[axis]) <= 0.5e-10);
        assert_true(m->gain == n->gain && m->importance == n->importance && m->zones == n->zones);
        assert_true(m->width == n->width && m->diffuse == n->diffuse && m->lock == n->lock);
      }
    }
  }
}

/* From one flavour to the other and back: the scene is the same. */
static void test_between_flavours(void **state) {
  const char *path = fixture_path(folder, "other.wav");
  struct adm *adm = adm_fixture_master(4, 5, FRAMES);
  (void)state;
  adm_fixture_write(path, adm, ADM_ITU, FRAMES, SEED);
  struct adm_fixture_file itu = adm_fixture_read(path);
  expect_same_scene(adm, itu.adm);
  const struct adm_channel *moves = &itu.adm->channels[itu.adm->tracks[10].channel];
  const struct adm_time last = moves->blocks[4].duration; /* derived: none was stated */
  assert_true(last.n == 512 + 77 && last.per == 48000);
  assert_true(moves->blocks[0].duration.n == 512 && moves->blocks[0].duration.per == 48000);
  assert_false(itu.adm->has_dbmd); /* only the other flavour has it */
  dbmd_init(&itu.adm->dbmd, itu.adm->n_tracks);
  itu.adm->has_dbmd = true;
  adm_fixture_write(path, itu.adm, ADM_DOLBY, FRAMES, SEED);
  struct adm_fixture_file dolby = adm_fixture_read(path);
  expect_same_scene(adm, dolby.adm);
  struct fixture_bytes bytes = fixture_load(path);
  struct profile_report report;
  profile_check(bytes.data, bytes.size, &report);
  assert_int_equal(report.n, 0);
  free(bytes.data);
  adm_fixture_free(&dolby);
  adm_fixture_free(&itu);
  adm_destroy(&adm);
}

/* Times that each were rounded for itself, as other tools do: blocks overlap by 10 us. What is
 * written anew tiles. */
static void test_rounded_times(void **state) {
  static const struct adm_edit edits[] = {
      {"duration=\"00:00:00.01067\"", "duration=\"00:00:00.01068\"", 0},
      {"rtime=\"00:00:00.02133\" duration=\"00:00:00.01067\"",
       "rtime=\"00:00:00.02133\" duration=\"00:00:00.01066\"", 0}};
  const char *path = fixture_path(folder, "rounded.wav");
  const char *again = fixture_path(folder, "tiled.wav");
  struct adm *adm = adm_fixture_master(4, 5, FRAMES);
  struct profile_report report;
  struct problems problems = {0};
  (void)state;
  adm_fixture_write(path, adm, ADM_DOLBY, FRAMES, SEED);
  struct fixture_bytes bytes = fixture_load(path);
  for (size_t i = 0; i < COUNT(edits); i++) bytes = adm_fixture_edit(bytes, &edits[i]);
  profile_check(bytes.data, bytes.size, &report);
  assert_true(profile_broke(&report, "block-tiling"));
  fixture_save(path, bytes.data, bytes.size);
  struct adm_fixture_file f = adm_fixture_read(path);
  adm_check_dolby(f.adm, &f.file, &problems);
  assert_int_equal(problems.n, 0);
  adm_fixture_free(&f);
  free(bytes.data);
  write_again(path, again, ADM_DOLBY, true);
  bytes = fixture_load(again);
  profile_check(bytes.data, bytes.size, &report);
  assert_int_equal(report.n, 0);
  free(bytes.data);
  adm_destroy(&adm);
}

/* Beds of the ITU flavour: the packs and channels that BS.2094 numbers so. */
static void test_layouts(void **state) {
  static const struct {
    const char *layout, *pack, *channels;
  } layouts[] = {
      {"2.0", "AP_00010002", "1 2"},
      {"5.1", "AP_00010003", "1 2 3 4 5 6"},
      {"7.1", "AP_0001000f", "1 2 3 4 a b 1c 1d"},
      {"5.1.4", "AP_00010005", "1 2 3 4 5 6 d f 10 12"},
      {"7.1.4", "AP_00010017", "1 2 3 4 a b 1c 1d 22 23 1e 1f"},
      {"7.1.2", "AP_00011001", "1001 1002 1003 1004 1005 1006 1007 1008 1009 100a"},
  };
  const char *path = fixture_path(folder, "itu.wav");
  (void)state;
  for (size_t i = 0; i < COUNT(layouts); i++) {
    const struct adm_shape shape = {ADM_ITU, layouts[i].layout, 1, 44100, 1000};
    struct adm *adm;
    char channels[200] = "";
    assert_int_equal(adm_make(&shape, &adm, NULL), 0);
    adm_fixture_write(path, adm, ADM_ITU, 1000, SEED);
    adm_destroy(&adm);
    struct fixture_bytes bytes = fixture_load(path);
    assert_true(adm_fixture_chunk(bytes, "chna") < adm_fixture_chunk(bytes, "data"));
    assert_true(adm_fixture_chunk(bytes, "axml") > adm_fixture_chunk(bytes, "data"));
    free(bytes.data);
    struct adm_fixture_file f = adm_fixture_read(path);
    assert_null(f.chunks.dbmd);
    assert_null(strstr((char *)f.chunks.axml, "AP_00010016"));
    const bool common = strcmp(layouts[i].layout, "7.1.2") != 0;
    assert_true(common == !strstr((char *)f.chunks.axml, "DirectSpeakers"));
    const struct adm_object *bed = &f.adm->objects[0];
    assert_string_equal(f.adm->packs[bed->packs.items[0]].id, layouts[i].pack);
    for (int k = 0; k < bed->tracks.n; k++) {
      const char *id = f.adm->channels[f.adm->tracks[bed->tracks.items[k]].channel].id;
      char one[16];
      snprintf(one, sizeof one, "%s%lx", k ? " " : "", strtol(id + 7, NULL, 16));
      strcat(channels, one);
    }
    assert_string_equal(channels, layouts[i].channels);
    const int lfe = bed->tracks.n > 3 ? bed->tracks.items[3] : -1;
    if (lfe >= 0) assert_true(f.adm->channels[f.adm->tracks[lfe].channel].high_hz == 120);
    assert_int_equal(adm_object_kind(f.adm, &f.adm->objects[1]), ADM_OBJECTS);
    assert_true(f.adm->objects[1].duration.n == 1000 && f.adm->objects[1].duration.per == 44100);
    adm_fixture_free(&f);
  }
}

/* 118 objects of 540 blocks are 20 MB of axml; with 128 tracks of silence beyond 4 GiB. */
static void test_large(void **state) {
  const char *path = fixture_path(folder, "large.wav");
  const int64_t n_frames = 11500000;
  struct adm *adm = adm_fixture_master(118, 540, n_frames);
  (void)state;
  for (int flavour = ADM_DOLBY; flavour <= ADM_ITU; flavour++) {
    adm_fixture_write(path, adm, (enum adm_flavour)flavour, n_frames, 0);
    struct adm_fixture_file f = adm_fixture_read(path);
    assert_int_equal((int)f.file.form, flavour == ADM_DOLBY ? RIFF_RF64 : RIFF_BW64);
    assert_true(f.file.n_frames == n_frames && f.file.format.channels == 128);
    assert_true(f.file.n_frames * 128 * 3 > INT64_C(0xFFFFFFFF));
    assert_in_range(f.chunks.axml_bytes, 20000000, 60000000);
    expect_same_scene(adm, f.adm);
    adm_fixture_free(&f);
  }
  adm_destroy(&adm);
}

/* ---- what an Atmos master cannot carry ---- */

static void two_programmes(struct adm *adm) { adm_add(adm, ADM_PROGRAMMES); }
static void programme_without(struct adm *adm) { adm->programmes[0].contents.n = 1; }
static void other_dialogue(struct adm *adm) { adm->contents[0].dialogue = 1; }
static void two_owners(struct adm *adm) { adm_list_add(&adm->contents[1].objects, 0); }
static void no_owner(struct adm *adm) { adm->contents[1].objects.n = 0; }
static void no_name(struct adm *adm) { adm->objects[1].name = ""; }
static void long_name(struct adm *adm) {
  adm->objects[1].name = "sixty-five bytes of a name, which is one more than the profile has";
}
static void control_name(struct adm *adm) { adm->objects[1].name = "a\tname"; }
static void broken_name(struct adm *adm) { adm->objects[1].name = "\xff"; }
static void object_gain(struct adm *adm) { adm->objects[1].gain = 0.5; }
static void two_packs(struct adm *adm) { adm_list_add(&adm->objects[1].packs, 0); }
static void later(struct adm *adm) { adm->objects[1].start = (struct adm_time){1, 2}; }
static void shorter(struct adm *adm) { adm->objects[1].duration = (struct adm_time){1, 100}; }
static void other_order(struct adm *adm) { adm->tracks[10].index = 11; }
static void no_channel(struct adm *adm) { adm->tracks[10].channel = -1; }
static void other_bed(struct adm *adm) { memcpy(adm->channels[4].label, "RC_Ls", 6); }
static void other_modes(struct adm *adm) { adm->dbmd.n_tracks--; }
static void matrix(struct adm *adm) { adm->packs[0].kind = ADM_MATRIX; }
static struct adm_block *block(struct adm *adm, int i) {
  return &adm->channels[adm->tracks[10].channel].blocks[i];
}
static void far_out(struct adm *adm) { block(adm, 1)->position[1] = 1.001; }
static void no_number(struct adm *adm) { block(adm, 1)->position[1] = NAN; }
static void polar(struct adm *adm) { block(adm, 1)->cartesian = false; }
static void flat(struct adm *adm) { block(adm, 1)->depth = 0.5f; }
static void half_size(struct adm *adm) { block(adm, 1)->has &= ~(uint32_t)ADM_DEPTH; }
static void part_diffuse(struct adm *adm) {
  block(adm, 1)->has |= ADM_DIFFUSE;
  block(adm, 1)->diffuse = 0.5f;
}
static void unimportant(struct adm *adm) {
  block(adm, 1)->has |= ADM_IMPORTANCE;
  block(adm, 1)->importance = 0;
}
static void distance(struct adm *adm) { block(adm, 1)->has |= ADM_LOCK_DISTANCE; }
static void glide(struct adm *adm) { block(adm, 1)->has |= ADM_JUMP; }
static void ramp(struct adm *adm) {
  block(adm, 1)->has |= ADM_INTERPOLATION;
  block(adm, 1)->interpolation_s = 0.1f;
}
static void late_block(struct adm *adm) { block(adm, 0)->rtime = (struct adm_time){1, 1000}; }
static void empty_block(struct adm *adm) { block(adm, 1)->rtime = block(adm, 2)->rtime; }
static void gap(struct adm *adm) { block(adm, 1)->duration = (struct adm_time){1, 1000}; }
static void beyond_end(struct adm *adm) { block(adm, 4)->rtime = (struct adm_time){1, 1}; }

static void test_cannot_carry(void **state) {
  static const struct {
    void (*change)(struct adm *);
    const char *words;
  } changes[] = {
      {two_programmes, "2 programmes (accepted: 1)"},
      {programme_without, "a programme of 1 of 2 contents"},
      {other_dialogue, "content 1 is of a kind"}, {two_owners, "object 1 is of 2 contents"},
      {no_owner, "object 5 is of 0 contents"}, {no_name, "an object has no name"},
      {long_name, "more than 64 bytes"}, {control_name, "a character that XML cannot hold"},
      {broken_name, "a character that XML cannot hold"}, {object_gain, "Object 1 has other packs"},
      {two_packs, "Object 1 has other packs"}, {later, "not as long as the programme"},
      {shorter, "not as long as the programme"},
      {other_order, "Object 1 is channel 12 of the file (accepted: 11"},
      {no_channel, "has no channel of its kind"}, {other_bed, "the bed Bed has 10 channels"},
      {other_modes, "dbmd with the modes of 14 tracks"}, {matrix, "other packs"},
      {far_out, "block 2 of Object 1 is at Y 1.001 (accepted: cartesian, -1 to 1)"},
      {no_number, "block 2 of Object 1 is at Y nan"}, {polar, "block 2 of Object 1 is at X"},
      {flat, "width, height and depth 0.25, 0.25, 0.5"}, {half_size, "width, height and depth"},
      {part_diffuse, "diffuse by 0.5"}, {unimportant, "importance 0 (accepted: with gain 0)"},
      {distance, "a maxDistance"}, {glide, "does not jump"}, {ramp, "a ramp of 0.1 s"},
      {late_block, "no block at 0 s"}, {empty_block, "block 2 of Object 1 begins at 21330 us, the"},
      {gap, "block 2 of Object 1 ends at 11660 us"}, {beyond_end, "block 5 of Object 1 begins"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(changes); i++) {
    struct adm *adm = adm_fixture_master(4, 5, FRAMES);
    struct riff_format format = {14, 48000, 24};
    struct adm_chunks chunks;
    struct failure why = {0};
    changes[i].change(adm);
    assert_int_equal(adm_write(adm, ADM_DOLBY, "x.wav", &format, FRAMES, &chunks, &why),
                     STATUS_BAD_DATA);
    if (!strstr(why.text, changes[i].words)) fail_msg("%zu: %s", i, why.text);
    assert_true(strstr(why.text, "x.wav: ") == why.text);
    assert_null(chunks.axml);
    assert_null(chunks.dbmd);
    adm_destroy(&adm);
  }
}

static void test_formats(void **state) {
  static const struct riff_format formats[] = {{14, 44100, 24}, {14, 48000, 16}, {13, 48000, 24},
                                               {15, 48000, 24}, {129, 48000, 24}};
  struct adm *adm = adm_fixture_master(4, 5, FRAMES);
  struct adm_chunks chunks;
  (void)state;
  for (size_t i = 0; i < COUNT(formats); i++)
    assert_int_equal(adm_write(adm, ADM_DOLBY, "x.wav", &formats[i], FRAMES, &chunks, NULL),
                     STATUS_BAD_DATA);
  adm_destroy(&adm);
}

static void test_shapes(void **state) {
  static const struct {
    struct adm_shape shape;
    const char *words;
  } shapes[] = {{{ADM_DOLBY, "7.1.4", 0, 48000, 1}, "no bed of 7.1.4 can be made (accepted: 2.0"},
                {{ADM_ITU, "9.1", 0, 48000, 1}, "2.0, 5.1, 7.1, 5.1.4, 7.1.4, 7.1.2"},
                {{ADM_DOLBY, NULL, 119, 48000, 1}, "119 objects (accepted: up to 118)"},
                {{ADM_ITU, NULL, -1, 48000, 1}, "-1 objects"}};
  (void)state;
  for (size_t i = 0; i < COUNT(shapes); i++) {
    struct adm *adm;
    struct failure why = {0};
    assert_int_equal(adm_make(&shapes[i].shape, &adm, &why), STATUS_BAD_DATA);
    if (!strstr(why.text, shapes[i].words)) fail_msg("%s", why.text);
    assert_null(adm);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_between_flavours),
      cmocka_unit_test(test_rounded_times), cmocka_unit_test(test_layouts),
      cmocka_unit_test(test_large),         cmocka_unit_test(test_cannot_carry),
      cmocka_unit_test(test_formats),       cmocka_unit_test(test_shapes),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
