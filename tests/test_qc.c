/* SPDX-License-Identifier: MIT
 * lacquer qc: a master that keeps every rule, and for every rule a change that it sees; what is
 * told, exit statuses, limits. */
#include "qc_fixture.h" /* before cmocka, whose fail() is a macro */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>

#include "cli_fixture.h"

#define SEED UINT64_C(4711)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
enum { LFE = 3, OBJECT = 10 };
static char *folder;
static struct qc_master clean;

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  clean = qc_master_make(SEED);
  qc_master_write(&clean, ADM_DOLBY, fixture_path(folder, "clean.wav"));
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  qc_master_free(&clean);
  fixture_folder_remove(folder);
  return 0;
}

static json_t *look(const char *path, int *status) {
  const char *const words[] = {path, NULL};
  return qc_json(words, status);
}

static void test_clean(void **state) {
  int status;
  (void)state;
  json_t *line = look(fixture_path(folder, "clean.wav"), &status);
  const json_t *rules = json_object_get(line, "rules");
  assert_int_equal(status, 0);
  assert_string_equal(json_string_value(json_object_get(line, "verdict")), "pass");
  for (size_t i = 0; i < json_array_size(rules); i++) {
    const json_t *rule = json_array_get(rules, i);
    if (strcmp(json_string_value(json_object_get(rule, "state")), "ok"))
      fail_msg("%s", json_dumps(rule, 0));
  }
  assert_true(json_array_size(rules) == 26);
  assert_int_equal(json_integer_value(json_object_get(line, "objects")), QC_OBJECTS);
  assert_int_equal(json_integer_value(json_object_get(line, "objects_that_move")),
                   QC_OBJECTS - 1);
  assert_int_equal(json_array_size(json_object_get(line, "tracks")), QC_TRACKS);
  json_decref(line);
}

/* ---- the sound ---- */

static void mute_all(struct qc_master *m) {
  for (int c = 0; c < QC_TRACKS; c++) memset(m->pcm[c], 0, sizeof **m->pcm * QC_FRAMES);
}
static void mute_object(struct qc_master *m) {
  for (int32_t i = 0; i < QC_FRAMES; i++) m->pcm[OBJECT][i] *= 1e-5;
}
static void mute_left_side(struct qc_master *m) {
  memset(m->pcm[4], 0, sizeof **m->pcm * QC_FRAMES);
}
static void clip(struct qc_master *m) {
  for (int i = 0; i < 3; i++) m->pcm[5][100000 + i] = -1;
}
static void offset_dc(struct qc_master *m) {
  for (int32_t i = 0; i < QC_FRAMES; i++) m->pcm[0][i] += 0.002;
}
static void full_range_lfe(struct qc_master *m) {
  for (int32_t i = 0; i < QC_FRAMES; i++) m->pcm[LFE][i] += 0.3 * m->pcm[0][i];
}
static void high_lfe(struct qc_master *m) {
  for (int32_t i = 0; i < QC_FRAMES; i++)
    m->pcm[LFE][i] += 0.04 * sin(2 * 3.14159265358979 * 200 / QC_RATE * i);
}
static void louder(struct qc_master *m) {
  for (int c = 0; c < QC_TRACKS; c++)
    for (int32_t i = 0; i < QC_FRAMES && c != LFE; i++) m->pcm[c][i] *= 3;
}
static void one_peak(struct qc_master *m) {
  for (int c = 0; c < 6; c++) m->pcm[c][150000] = 0.95;
}

/* ---- the metadata ---- */

static void unset_mode(struct qc_master *m) { m->adm->dbmd.binaural[7] = DBMD_BINAURAL_UNSET; }
static void all_modes(struct qc_master *m, int mode) {
  for (int c = 0; c < QC_TRACKS; c++)
    if (c != LFE) m->adm->dbmd.binaural[c] = (uint8_t)mode;
}
static void all_off(struct qc_master *m) { all_modes(m, 0); }
static void all_mid(struct qc_master *m) { all_modes(m, 3); }
static void other_fps(struct qc_master *m) { m->adm->dbmd.fps = 3; }
static void first_action(struct qc_master *m) { m->adm->dbmd.first_hours = 1; }
static void downmix(struct qc_master *m) { m->adm->dbmd.warp = 3; }
static void trim(struct qc_master *m) { m->adm->dbmd.trims[4].height_db = -3; }

static const struct mutation {
  const char *rule, *state;
  void (*spoil)(struct qc_master *);
  struct adm_edit edit; /* of the file's axml; from NULL: none */
  double worst;         /* NAN: not looked at */
} mutations[] = {
    {"silence", "error", mute_all, {0}, 0},
    {"silent_object", "warning", mute_object, {0}, 0},
    {"lone_channel", "warning", mute_left_side, {0}, 0},
    {"clipped", "warning", clip, {0}, 3},
    {"dc", "warning", offset_dc, {0}, NAN},
    {"lfe_full_range", "error", full_range_lfe, {0}, NAN},
    {"lfe_corner", "warning", high_lfe, {0}, NAN},
    {"loudness", "error", louder, {0}, NAN},
    {"true_peak", "error", one_peak, {0}, NAN},
    {"binaural_unset", "warning", unset_mode, {0}, 1},
    {"binaural_off", "warning", all_off, {0}, 0},
    {"binaural_mid", "warning", all_mid, {0}, 0},
    {"frame_rate", "warning", other_fps, {0}, 25},
    {"first_action", "note", first_action, {0}, 1},
    {"downmix", "note", downmix, {0}, 1},
    {"trims", "note", trim, {0}, 1},
    {"profile", "error", NULL, {"audioProgrammeName=\"Atmos_Master\" start", 
     "audioProgrammeLanguage=\"en\" audioProgrammeName=\"Atmos_Master\" start", 0}, 1},
    {"length", "error", NULL, {"end=\"00:00:06.00000\"", "end=\"00:00:06.01000\"", 0}, 10},
    {"object_length", "warning", NULL, {"duration=\"00:00:06.00000\"",
     "duration=\"00:00:05.50000\"", 1}, 500},
    {"position", "error", NULL, {"coordinate=\"Y\">-0.007", "coordinate=\"Y\">-1.007", 0}, 1.007},
};

/* A copy, spoilt and written; the clean one stays. */
static const char *spoilt(const struct mutation *mutation) {
  const char *path = fixture_path(folder, "spoilt.wav");
  struct qc_master m = qc_master_make(SEED);
  if (mutation->spoil) mutation->spoil(&m);
  qc_master_write(&m, ADM_DOLBY, path);
  qc_master_free(&m);
  if (!mutation->edit.from) return path;
  struct fixture_bytes bytes = adm_fixture_edit(fixture_load(path), &mutation->edit);
  fixture_save(path, bytes.data, bytes.size);
  free(bytes.data);
  return path;
}

static void test_mutations(void **state) {
  (void)state;
  for (int i = 0; i < COUNT(mutations); i++) {
    const struct mutation *m = &mutations[i];
    int status;
    json_t *line = look(spoilt(m), &status);
    if (strcmp(qc_state(line, m->rule), m->state))
      fail_msg("%s: %s, %s was wanted", m->rule, qc_state(line, m->rule), m->state);
    const bool fails = json_integer_value(json_object_get(line, "errors"));
    assert_int_equal(status, fails);
    assert_true(fails || strcmp(m->state, "error"));
    if (!isnan(m->worst) && fabs(qc_worst(line, m->rule) - m->worst) > 1e-6)
      fail_msg("%s: %g, %g was wanted", m->rule, qc_worst(line, m->rule), m->worst);
    json_decref(line);
  }
}

/* Counts of files of other shapes. */
static void test_counts(void **state) {
  static const struct {
    const char *rule, *state, *layout;
    int n_objects;
    enum adm_flavour flavour;
    double worst;
  } cases[] = {{"tracks", "error", "5.1", 130, ADM_ITU, 136},
               {"objects", "error", "5.1", 119, ADM_ITU, 119},
               {"tracks", "ok", "5.1", 118, ADM_ITU, 124},
               {"objects", "ok", "7.1.2", 118, ADM_DOLBY, 118},
               {"bed_tracks", "note", "2.0", 1, ADM_DOLBY, 2},
               {"bed_tracks", "note", NULL, 1, ADM_DOLBY, 0}};
  const char *path = fixture_path(folder, "counts.wav");
  (void)state;
  for (int i = 0; i < COUNT(cases); i++) {
    const struct adm_shape shape = {cases[i].flavour, cases[i].layout, cases[i].n_objects, QC_RATE,
                                    4800};
    struct adm *adm;
    int status;
    assert_int_equal(adm_make(&shape, &adm, NULL), 0);
    adm_fixture_write(path, adm, cases[i].flavour, 4800, SEED);
    adm_destroy(&adm);
    json_t *line = look(path, &status);
    assert_string_equal(qc_state(line, cases[i].rule), cases[i].state);
    assert_true(qc_worst(line, cases[i].rule) == cases[i].worst);
    json_decref(line);
  }
}

/* Files that are no masters of anyone end in a message or a reason. */
static void test_most(void **state) {
  struct adm_shape shape = {ADM_ITU, "5.1", 1019, QC_RATE, 480};
  const char *path = fixture_path(folder, "most.wav");
  struct adm *adm;
  int status;
  (void)state;
  assert_int_equal(adm_make(&shape, &adm, NULL), 0);
  adm_fixture_write(path, adm, ADM_ITU, 480, SEED);
  adm_destroy(&adm);
  expect_run(run_program("qc", path), 65, "1025 channels", "1 to 1024");
  shape.n_objects = 1;
  assert_int_equal(adm_make(&shape, &adm, NULL), 0);
  const int track = adm->objects[1].tracks.items[0];
  for (int i = 0; i < 4096; i++) adm_list_add(&adm->objects[1].tracks, track);
  adm_fixture_write(path, adm, ADM_ITU, 480, SEED);
  adm_destroy(&adm);
  json_t *line = look(path, &status);
  assert_non_null(strstr(json_string_value(json_object_get(line, "no_render")), "4095"));
  json_decref(line);
}

/* Polar objects are measured track by track; no render of theirs is made up. */
static void test_polar(void **state) {
  const struct adm_shape shape = {ADM_ITU, "5.1", 1, QC_RATE, 48000};
  const char *path = fixture_path(folder, "polar.wav");
  struct adm *adm;
  int status;
  (void)state;
  assert_int_equal(adm_make(&shape, &adm, NULL), 0);
  struct adm_block *block = adm->channels[adm->tracks[6].channel].blocks;
  block->cartesian = false;
  memcpy(block->position, (const double[]){30, 0, 1}, sizeof block->position);
  adm_fixture_write(path, adm, ADM_ITU, 48000, SEED);
  adm_destroy(&adm);
  json_t *line = look(path, &status);
  assert_non_null(strstr(json_string_value(json_object_get(line, "no_render")), "polar"));
  assert_string_equal(qc_state(line, "loudness"), "idle");
  assert_string_equal(qc_state(line, "position"), "idle");
  assert_string_equal(qc_state(line, "silent_object"), "ok");
  json_decref(line);
}

/* ---- files without a scene ---- */

static void test_beds(void **state) {
  static const struct {
    const char *name, *layout;
    int sf_format, rate_hz, channels;
    const char *rate, *bits, *loudness;
  } cases[] = {
      {"a.wav", "5.1", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 48000, 6, "ok", "ok", "error"},
      {"b.wav", "7.1.4", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 12, "warning", "warning",
       "error"},
      {"c.flac", "7.1", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 96000, 8, "warning", "ok", "error"},
      {"d.wav", "5.1.4", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 48000, 10, "ok", "ok", "error"},
      {"e.flac", "2.0", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 2, "idle", "idle", "idle"},
  };
  (void)state;
  for (int i = 0; i < COUNT(cases); i++) {
    int status;
    cli_sound(folder, &(struct cli_sound){cases[i].name, cases[i].sf_format, cases[i].rate_hz,
                                          cases[i].channels, 2 * cases[i].rate_hz, SEED});
    const char *words[] = {"--layout", cases[i].layout, fixture_path(folder, cases[i].name), NULL};
    json_t *line = qc_json(words, &status);
    assert_string_equal(qc_state(line, "rate"), cases[i].rate);
    assert_string_equal(qc_state(line, "bits"), cases[i].bits);
    assert_string_equal(qc_state(line, "loudness"), cases[i].loudness);
    assert_string_equal(qc_state(line, "lfe_full_range"),
                        cases[i].channels > 2 ? "error" : "idle");
    assert_string_equal(qc_state(line, "profile"), "idle");
    json_decref(line);
  }
}

/* Floats beyond full scale. */
static void test_over(void **state) {
  const float samples[4] = {0, 1.25F, -0.5F, 0};
  const struct fixture_wave wave = {3, 1, 48000, 32, samples, sizeof samples, 0};
  struct fixture_bytes bytes = fixture_wave(&wave);
  const char *path = fixture_path(folder, "over.wav");
  int status;
  (void)state;
  fixture_save(path, bytes.data, bytes.size);
  free(bytes.data);
  json_t *line = look(path, &status);
  assert_int_equal(status, 1);
  assert_string_equal(qc_state(line, "peak"), "error");
  assert_float_equal(qc_worst(line, "peak"), 20 * log10(1.25), 1e-9);
  json_decref(line);
}

/* ---- figures ---- */

/* A sine of 100 Hz and one of 1000 Hz, 20 dB below, in the LFE: 20 log10(0.1) / sqrt(1.01). */
static void test_lfe_figures(void **state) {
  struct qc_master m = qc_master_make(SEED);
  int status;
  (void)state;
  for (int32_t i = 0; i < QC_FRAMES; i++) {
    const double t = 2 * 3.14159265358979 * i / QC_RATE;
    m.pcm[LFE][i] = 0.1 * sin(60 * t) + 0.01 * sin(1000 * t);
  }
  qc_master_write(&m, ADM_DOLBY, fixture_path(folder, "lfe.wav"));
  qc_master_free(&m);
  json_t *line = look(fixture_path(folder, "lfe.wav"), &status);
  assert_float_equal(qc_worst(line, "lfe_full_range"), 10 * log10(0.01 / 1.01), 0.02);
  assert_float_equal(qc_worst(line, "lfe_corner"), 10 * log10(0.01 / 1.01), 0.02);
  json_decref(line);
}

static void test_limits(void **state) {
  static const struct {
    const char *limit, *rule, *state;
  } cases[] = {{"clipped=off", "clipped", "ok"},        {"clipped=3", "clipped", "ok"},
               {"clipped=2", "clipped", "warning"},     {"loudness=-40", "loudness", "error"},
               {"silence_dbfs=-3", "silent_object", "warning"},
               {"lfe_corner_hz=20", "lfe_corner", "warning"}};
  struct qc_master m = qc_master_make(SEED);
  const char *path = fixture_path(folder, "limits.wav");
  int status;
  (void)state;
  clip(&m);
  qc_master_write(&m, ADM_DOLBY, path);
  qc_master_free(&m);
  for (int i = 0; i < COUNT(cases); i++) {
    const char *words[] = {"--limit", cases[i].limit, path, NULL};
    json_t *line = qc_json(words, &status);
    if (strcmp(qc_state(line, cases[i].rule), cases[i].state)) fail_msg("%s", cases[i].limit);
    json_decref(line);
  }
  static const char *const wrong[] = {"clipped", "clipped=", "clipped=x", "clip=1", "=1",
                                      "lfe_corner_hz=0", "silence_dbfs=off", "clipped=nan"};
  for (int i = 0; i < COUNT(wrong); i++)
    expect_run(run_program("qc", "--limit", wrong[i], path), 64, "--limit", "NAME=VALUE");
  expect_run(run_program("qc", "--layout", "6.1", path), 64, "--layout 6.1");
}

/* ---- what is told ---- */

static void test_words(void **state) {
  static const char *const words[] = {
      "clean.wav: pass: ADM in RIFF, 48000 Hz, 24 bits, 13 tracks, 288000 frames (6.000 s)",
      "scene      1 bed, 3 objects, 2 of them move; contents: 2 mixed\n",
      "loudness   5.1 (a render by BS.2127: an estimate): -", "loudness   7.1.4",
      "binaural   off 1 near 4 far 4 mid 4", "sound      from 0.300 to ",
      "\n  ok       loudness ", "rules: 26 kept, 9 without a case\n"};
  (void)state;
  struct program_run run = run_program("qc", fixture_path(folder, "clean.wav"));
  assert_int_equal(run.status, 0);
  for (int i = 0; i < COUNT(words); i++)
    if (!strstr(run.out, words[i])) fail_msg("\"%s\" is not in:\n%s", words[i], run.out);
  run_free(&run);
  run = run_program("qc", "--quiet", fixture_path(folder, "clean.wav"));
  assert_int_equal(count_lines(run.out), 2);
  run_free(&run);
}

static void test_unread(void **state) {
  const char *clean_path = fixture_path(folder, "clean.wav");
  const char *none = fixture_path(folder, "none.wav"), *bad = fixture_path(folder, "bad.wav");
  const char *junit = fixture_path(folder, "out.xml");
  (void)state;
  fixture_save(bad, "RIFF\0\0\0\0WAVE", 12);
  expect_run(run_program("qc", none), 66, "none.wav");
  expect_run(run_program("qc", bad), 65, "bad.wav");
  struct program_run run = run_program("qc", "--junit", junit, bad, clean_path, none);
  assert_int_equal(run.status, 65);
  assert_int_equal(count_lines(run.err), 2);
  assert_non_null(strstr(run.out, "clean.wav: pass"));
  run_free(&run);
  char *xml = cli_read(folder, "out.xml");
  assert_non_null(strstr(xml, "<testsuite name=\"lacquer qc\""));
  assert_non_null(strstr(xml, "clean.wav: loudness"));
  assert_non_null(strstr(xml, "failures=\"2\""));
  free(xml);
  expect_run(run_program("qc"), 64, "qc needs a file or folder");
  expect_run(run_program("qc", "--companion", clean_path, clean_path, bad), 64, "one FILE");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_clean),  cmocka_unit_test(test_mutations),
      cmocka_unit_test(test_counts), cmocka_unit_test(test_most),
      cmocka_unit_test(test_polar),
      cmocka_unit_test(test_beds),
      cmocka_unit_test(test_over),   cmocka_unit_test(test_lfe_figures),
      cmocka_unit_test(test_limits), cmocka_unit_test(test_words),
      cmocka_unit_test(test_unread),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
