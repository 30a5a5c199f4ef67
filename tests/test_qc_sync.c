/* SPDX-License-Identifier: MIT
 * Stereo companions of a master: offsets to the sample, drift, polarity, sides, durations; and
 * those of a folder, by its receipts. */
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

#define SEED UINT64_C(99001)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
enum { WAV = SF_FORMAT_WAV | SF_FORMAT_PCM_24, FLAC = SF_FORMAT_FLAC | SF_FORMAT_PCM_24 };
static char *folder;
static struct qc_master master;

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  master = qc_master_make(SEED);
  qc_master_write(&master, ADM_DOLBY, fixture_path(folder, "master.wav"));
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  qc_master_free(&master);
  fixture_folder_remove(folder);
  return 0;
}

static json_t *look(const char *companion, int *status) {
  const char *words[] = {fixture_path(folder, "master.wav"), "--companion",
                         fixture_path(folder, companion), NULL};
  return qc_json(words, status);
}

static double figure(const json_t *line, const char *name) {
  const json_t *c = json_array_get(json_object_get(line, "companions"), 0);
  if (!json_is_number(json_object_get(c, name))) fail_msg("no %s: %s", name, json_dumps(c, 0));
  return json_number_value(json_object_get(c, name));
}

/* ---- what is done to a companion ---- */

static void as_it_is(struct qc_stereo *s) { (void)s; }
static void early(struct qc_stereo *s) { qc_stereo_cut(s, 777, s->n_frames - 777); }
static void late(struct qc_stereo *s) { qc_stereo_cut(s, -4800, s->n_frames + 4800); }
static void one_late(struct qc_stereo *s) { qc_stereo_cut(s, -1, s->n_frames); }
static void a_frame_late(struct qc_stereo *s) { qc_stereo_cut(s, -1000, s->n_frames); }
static void more_late(struct qc_stereo *s) { qc_stereo_cut(s, -1001, s->n_frames); }
static void far_late(struct qc_stereo *s) { qc_stereo_cut(s, -95000, s->n_frames + 95000); }
static void longer(struct qc_stereo *s) { qc_stereo_cut(s, 0, s->n_frames + 2401); }
static void just_longer(struct qc_stereo *s) { qc_stereo_cut(s, 0, s->n_frames + 2400); }
static void invert(struct qc_stereo *s) {
  for (int32_t i = 0; i < s->n_frames; i++) s->pcm[0][i] *= -1, s->pcm[1][i] *= -1;
}
static void invert_right(struct qc_stereo *s) {
  for (int32_t i = 0; i < s->n_frames; i++) s->pcm[1][i] *= -1;
}
static void swap(struct qc_stereo *s) {
  double *left = s->pcm[0];
  s->pcm[0] = s->pcm[1];
  s->pcm[1] = left;
}
static void drift(struct qc_stereo *s) { qc_stereo_resample(s, 1 + 100e-6, s->rate_hz); }
static void at_44(struct qc_stereo *s) { qc_stereo_resample(s, 48000 / 44100.0, 44100); }
static void at_96(struct qc_stereo *s) { qc_stereo_resample(s, 0.5, 96000); }
static void at_44_late(struct qc_stereo *s) {
  qc_stereo_cut(s, -4800, s->n_frames);
  at_44(s);
}

/* A shelf of 6 dB around 2 kHz, then 12 dB of drive into a soft clipper. */
static void master_loud(struct qc_stereo *s) {
  for (int c = 0; c < 2; c++) {
    double low = 0;
    for (int32_t i = 0; i < s->n_frames; i++) {
      low += 0.23 * (s->pcm[c][i] - low);
      s->pcm[c][i] = 0.8 * tanh(4 * (2 * s->pcm[c][i] - low) / 0.8);
    }
  }
}
static void loud_late(struct qc_stereo *s) {
  master_loud(s);
  late(s);
}

static const struct companion {
  const char *name;
  void (*spoil)(struct qc_stereo *);
  int sf_format;
  int offset, drift;
  const char *not_kept; /* rules, with their states */
} companions[] = {
    {"same", as_it_is, FLAC, 0, 0, ""},
    {"early", early, WAV, -777, 0, "sync_exact=warning duration_exact=warning"},
    {"late", late, WAV, 4800, 0, "sync_exact=warning sync_start=error head=warning "
     "duration=error duration_exact=warning"},
    {"one", one_late, WAV, 1, 0, "sync_exact=warning"},
    {"frame", a_frame_late, WAV, 1000, 0, "sync_exact=warning"},
    {"more", more_late, WAV, 1001, 0, "sync_exact=warning sync_start=error"},
    {"far", far_late, WAV, 95000, 0, "sync_exact=warning sync_start=error head=warning "
     "duration=error duration_exact=warning"},
    {"longer", longer, FLAC, 0, 0, "duration=error duration_exact=warning"},
    {"just", just_longer, FLAC, 0, 0, "duration_exact=warning"},
    {"inverted", invert, WAV, 0, 0, "sync_polarity=error"},
    {"right", invert_right, WAV, 0, 0, "sync_polarity=error"},
    {"swapped", swap, WAV, 0, 0, "sync_sides=error"},
    {"drift", drift, WAV, 0, -20, "sync_exact=warning sync_drift=error duration_exact=warning"},
    {"loud", master_loud, WAV, 0, 0, ""},
    {"loudlate", loud_late, WAV, 4800, 0, "sync_exact=warning sync_start=error head=warning "
     "duration=error duration_exact=warning"},
    {"cd", at_44, WAV, 0, 0, ""},
    {"cdlate", at_44_late, FLAC, 4800, 0, "sync_exact=warning sync_start=error head=warning"},
    {"hires", at_96, FLAC, 0, 0, ""},
};

static void expect_rules(const json_t *line, const struct companion *c) {
  static const char *const rules[] = {"sync_found", "sync_start", "sync_exact", "sync_drift",
                                      "sync_polarity", "sync_sides", "head", "duration",
                                      "duration_exact"};
  for (int i = 0; i < COUNT(rules); i++) {
    char state[40], pair[80];
    snprintf(state, sizeof state, "%s", qc_state(line, rules[i]));
    snprintf(pair, sizeof pair, "%s=%s", rules[i], state);
    if (!strstr(c->not_kept, rules[i])) snprintf(pair, sizeof pair, "%s=ok", rules[i]);
    if (strcmp(pair + strlen(rules[i]) + 1, state) ||
        (*c->not_kept && strcmp(state, "ok") && !strstr(c->not_kept, pair)) ||
        (strcmp(state, "ok") == 0 && strstr(c->not_kept, pair)))
      fail_msg("%s: %s is %s", c->name, rules[i], state);
  }
}

static void test_companions(void **state) {
  (void)state;
  for (int i = 0; i < COUNT(companions); i++) {
    const struct companion *c = &companions[i];
    struct qc_stereo s = qc_stereo_of(&master);
    int status;
    c->spoil(&s);
    qc_stereo_write(&s, c->sf_format, fixture_path(folder, c->name));
    qc_stereo_free(&s);
    json_t *line = look(c->name, &status);
    if (figure(line, "offset_frames") != c->offset && !c->drift)
      fail_msg("%s: offset %g", c->name, figure(line, "offset_frames"));
    if (fabs(figure(line, "drift_frames") - c->drift) > (c->drift ? 4 : 0))
      fail_msg("%s: drift %g", c->name, figure(line, "drift_frames"));
    if (c->drift) assert_float_equal(figure(line, "drift_ppm"), -100, 15);
    assert_int_equal(status, strstr(c->not_kept, "error") != NULL);
    expect_rules(line, c);
    json_decref(line);
  }
}

/* Two runs of one seed never differ; of another seed it is another programme. */
static void test_other_programme(void **state) {
  struct qc_master other = qc_master_make(SEED + 1);
  struct qc_stereo s = qc_stereo_of(&other);
  int status;
  (void)state;
  qc_stereo_write(&s, WAV, fixture_path(folder, "other.wav"));
  qc_stereo_free(&s);
  qc_master_free(&other);
  json_t *line = look("other.wav", &status);
  assert_int_equal(status, 1);
  assert_string_equal(qc_state(line, "sync_found"), "error");
  assert_string_equal(qc_state(line, "sync_exact"), "idle");
  json_decref(line);
}

/* A companion that is none, or is not there, fails without hiding the rest. */
static void test_unread(void **state) {
  const char *path = fixture_path(folder, "master.wav");
  (void)state;
  struct program_run run = run_program("qc", path, "--companion", path);
  assert_int_equal(run.status, 65);
  assert_non_null(strstr(run.err, "a stereo companion has 1 or 2"));
  assert_non_null(strstr(run.out, "master.wav: fail"));
  run_free(&run);
  expect_run(run_program("qc", path, "--companion", fixture_path(folder, "none.wav")), 66,
             "none.wav");
}

/* ---- a folder ---- */

static json_t *line_of(const char *text, const char *ending) {
  for (int i = 0; i < count_lines(text); i++) {
    json_t *line = cli_json_line(text, i);
    if (strstr(json_string_value(json_object_get(line, "file")), ending)) return line;
    json_decref(line);
  }
  fail_msg("no line of %s in %s", ending, text);
  return NULL;
}

static void expect_folder(const char *out, int status, const char *state_of_exact) {
  struct program_run run = run_program("qc", "--json", "--limit", "lfe_full_range=off", out);
  assert_int_equal(run.status, status);
  assert_int_equal(count_lines(run.out), 3);
  json_t *line = line_of(run.out, "one atmos.wav");
  const json_t *all = json_object_get(line, "companions");
  assert_int_equal(json_array_size(all), 3);
  for (size_t i = 0; i < 3; i++) {
    const json_t *c = json_array_get(all, i);
    const char *file = json_string_value(json_object_get(c, "file"));
    const bool spoilt = status && strstr(file, "one fold.flac");
    assert_true(json_is_true(json_object_get(c, "same_source")));
    assert_true(json_is_true(json_object_get(c, "found")));
    assert_int_equal(json_integer_value(json_object_get(c, "offset_frames")), spoilt ? 1 : 0);
  }
  assert_string_equal(qc_state(line, "sync_exact"), state_of_exact);
  assert_string_equal(qc_state(line, "duration_exact"), "ok");
  json_decref(line);
  line = line_of(run.out, "two atmos.wav");
  assert_int_equal(json_array_size(json_object_get(line, "companions")), 1);
  json_decref(line);
  line = line_of(run.out, "two bed.wav");
  assert_string_equal(qc_state(line, "sync_exact"), "ok");
  json_decref(line);
  run_free(&run);
}

static void test_folder(void **state) {
  char *out = fixture_folder();
  (void)state;
  cli_sound(folder, &(struct cli_sound){"one.wav", WAV, 48000, 6, 3 * 48000, SEED});
  cli_sound(folder, &(struct cli_sound){"two.wav", WAV, 48000, 12, 3 * 48000 + 11, SEED + 1});
  cli_sound(folder, &(struct cli_sound){"three.wav", WAV, 48000, 2, 48000, SEED + 2});
  cli_text(folder, "m.yaml",
           "lacquer: 1\noutput: \"{source} {variant}.{ext}\"\nvariants:\n"
           "  atmos: {format: adm, loudness: -28, true_peak: -6}\n"
           "  bed: {format: wav, bits: 24, loudness: -28, true_peak: -6}\n"
           "  fold: {layout: 2.0, format: flac, bits: 24, loudness: -14, true_peak: -1}\n"
           "  cd: {layout: 2.0, rate: 44100, bits: 16, loudness: -9, true_peak: -1}\n"
           "  mono: {layout: 1.0, bits: 24, loudness: -16, true_peak: -1}\n"
           "tracks:\n"
           "  - {source: one.wav, layout: 5.1, variants: [atmos, fold, cd, mono]}\n"
           "  - {source: two.wav, layout: 7.1.4, variants: [atmos, bed, fold], gap_before: 0.5}\n"
           "  - {source: three.wav, variants: [fold]}\n");
  expect_run(run_program("qc", out), 66, "no receipts of immersive deliverables");
  expect_status(run_program("render", fixture_path(folder, "m.yaml"), "-o", out, "--device", "cpu",
                            "--verify", "off"), 0);
  expect_folder(out, 0, "ok");
  struct fixture_bytes bytes = fixture_load(fixture_path(out, "one fold.flac"));
  SF_INFO info = {0};
  SNDFILE *file = sf_open(fixture_path(out, "one fold.flac"), SFM_READ, &info);
  int32_t *pcm = calloc((size_t)info.frames * 2 + 2, sizeof *pcm);
  assert_int_equal(sf_readf_int(file, pcm + 2, info.frames), info.frames);
  sf_close(file);
  const struct fixture_shape shape = {48000, 2, (int32_t)info.frames, 24};
  fixture_write(fixture_path(out, "one fold.flac"), FLAC, &shape, pcm);
  expect_folder(out, 1, "error");
  free(pcm);
  free(bytes.data);
  fixture_folder_remove(out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_companions),
      cmocka_unit_test(test_other_programme),
      cmocka_unit_test(test_unread),
      cmocka_unit_test(test_folder),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
