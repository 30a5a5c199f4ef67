/* SPDX-License-Identifier: MIT
 * Masters as other tools write them (tests/masters): read, held against the profile, written anew,
 * and through the program unprocessed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "adm_fixture.h"
#include "cli_fixture.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

#define SEED UINT64_C(2076)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
static char *folder;

static const struct master {
  const char *name, *tool;
  int channels;
  int64_t n_frames;
  bool has_bed;
  int n_objects, n_blocks; /* of the objects */
} masters[] = {
    {"protools", "Pro Tools", 14, 48048, true, 4, 95 + 77 + 96 + 96},
    {"conversion_tool_1_8", "Dolby Atmos Conversion Tool", 2, 240000, false, 2, 2},
    {"conversion_tool_1_9", "Dolby Atmos Conversion Tool", 2, 240000, false, 2, 2},
};

static unsigned char *load(const struct master *m, const char *chunk, size_t *bytes) {
  char path[4096];
  snprintf(path, sizeof path, TEST_DIR "/masters/%s.%s", m->name, chunk);
  const struct fixture_bytes file = fixture_load(path);
  *bytes = file.size;
  return file.data;
}

/* The master around noise, at a path that lasts. */
static const char *put(const struct master *m) {
  const struct riff_format format = {m->channels, 48000, 24};
  const char *path = fixture_path(folder, "master.wav");
  struct adm_chunks chunks = {0};
  chunks.axml = load(m, "axml", &chunks.axml_bytes);
  chunks.chna = load(m, "chna", &chunks.chna_bytes);
  chunks.dbmd = load(m, "dbmd", &chunks.dbmd_bytes);
  adm_fixture_write_chunks(path, &chunks, ADM_DOLBY, &format, m->n_frames, SEED, RIFF_MOST_BYTES);
  adm_chunks_free(&chunks);
  return path;
}

static void test_what_is_read(void **state) {
  (void)state;
  for (int i = 0; i < COUNT(masters); i++) {
    const struct master *m = &masters[i];
    struct adm_fixture_file f = adm_fixture_read(put(m));
    const struct adm *adm = f.adm;
    int objects = 0, blocks = 0;
    for (int o = 0; o < adm->n_objects; o++)
      objects += adm_object_kind(adm, &adm->objects[o]) == ADM_OBJECTS;
    for (int c = 0; c < adm->n_channels; c++)
      if (adm->channels[c].kind == ADM_OBJECTS) blocks += adm->channels[c].n_blocks;
    assert_int_equal(objects, m->n_objects);
    assert_int_equal(adm->n_objects - objects, m->has_bed);
    assert_int_equal(blocks, m->n_blocks);
    assert_string_equal(adm->dbmd.tool, m->tool);
    struct problems problems = {0};
    problems_enter(&problems, "master.wav");
    adm_check_dolby(adm, &f.file, &problems);
    assert_int_equal(problems.n, 0);
    problems_release(&problems);
    adm_fixture_free(&f);
  }
}

/* Written anew from what was read: the same to the byte but for what a writer chooses. */
static void test_written_anew(void **state) {
  (void)state;
  for (int i = 0; i < COUNT(masters); i++) {
    const char *anew = fixture_path(folder, "anew.wav");
    struct adm_fixture_file a = adm_fixture_read(put(&masters[i])), b;
    struct adm_chunks chunks;
    struct failure why = {0};
    if (adm_write(a.adm, ADM_DOLBY, anew, &a.file.format, a.file.n_frames, &chunks, &why))
      fail_msg("%s", why.text);
    adm_fixture_write_chunks(anew, &chunks, ADM_DOLBY, &a.file.format, a.file.n_frames, SEED,
                             RIFF_MOST_BYTES);
    b = adm_fixture_read(anew);
    adm_fixture_expect_same_model(a.adm, b.adm);
    adm_fixture_expect_same_dbmd(&a, &b);
    assert_int_equal(a.chunks.chna_bytes, b.chunks.chna_bytes);
    assert_memory_equal(a.chunks.chna, b.chunks.chna, a.chunks.chna_bytes);
    adm_fixture_expect_profile(anew);
    adm_chunks_free(&chunks);
    adm_fixture_free(&a);
    adm_fixture_free(&b);
  }
}

/* Without a chain and a loudness the program changes no sample and no place. A master without a
 * bed gets a silent one. */
static void test_rendered(void **state) {
  (void)state;
  for (int i = 0; i < COUNT(masters); i++) {
    const struct master *m = &masters[i];
    char *out = fixture_folder();
    cli_text(folder, "m.yaml", "lacquer: 1\noutput: \"{variant}.{ext}\"\nvariants:\n"
             "  again: {format: adm, bits: 24, dither: none}\n"
             "  room: {layout: 7.1.4, bits: 24, dither: none}\n"
             "tracks: [{source: master.wav}]\n");
    struct adm_fixture_file a = adm_fixture_read(put(m)), b;
    expect_run(run_program("render", fixture_path(folder, "m.yaml"), "-o", out, "--device", "cpu"),
               0, "again.wav");
    b = adm_fixture_read(fixture_path(out, "again.wav"));
    const int before = m->has_bed ? 0 : 10;
    assert_int_equal(b.file.format.channels, before + m->channels);
    assert_int_equal(b.file.n_frames, m->n_frames);
    const size_t wide = 3 * (size_t)b.file.format.channels, narrow = 3 * (size_t)m->channels;
    unsigned char *x = malloc(narrow), *y = malloc(wide), silence[3 * 10] = {0};
    for (int64_t k = 0; k < m->n_frames; k += 101) {
      struct failure why = {0};
      assert_int_equal(riff_read(&a.file, a.file.data_at + k * (int64_t)narrow, x, narrow, &why), 0);
      assert_int_equal(riff_read(&b.file, b.file.data_at + k * (int64_t)wide, y, wide, &why), 0);
      assert_memory_equal(y, silence, 3 * (size_t)before);
      assert_memory_equal(x, y + 3 * before, narrow);
    }
    free(x);
    free(y);
    if (m->has_bed) {
      adm_fixture_expect_same_model(a.adm, b.adm);
      adm_fixture_expect_same_dbmd(&a, &b);
      assert_memory_equal(a.chunks.chna, b.chunks.chna, a.chunks.chna_bytes);
    }
    adm_fixture_expect_profile(fixture_path(out, "again.wav"));
    adm_fixture_free(&a);
    adm_fixture_free(&b);
    fixture_folder_remove(out);
  }
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
      cmocka_unit_test(test_what_is_read),
      cmocka_unit_test(test_written_anew),
      cmocka_unit_test(test_rendered),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
