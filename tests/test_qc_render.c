/* SPDX-License-Identifier: MIT
 * The render that quality control measures: beds against the matrices of BS.2127, moves of
 * objects to the sample, any order of blocks, and the meter that it feeds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"
#include "loudness_check.h"
#include "qc_fixture.h"
#include "qc_measure.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

#define SEED UINT64_C(31)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
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

static struct qc_source open_source(const char *path, const char *layout) {
  struct qc_source source;
  struct failure why = {0};
  if (qc_source_open(path, layout ? layout_find(layout) : NULL, &source, &why))
    fail_msg("%s", why.text);
  return source;
}

/* A bed's channels, each alone, come out by the matrix of the fold. */
static void test_matrices(void **state) {
  static const char *const pairs[][2] = {{"7.1.4", "5.1"}, {"7.1", "5.1"},     {"7.1.4", "7.1"},
                                         {"5.1.4", "5.1"}, {"7.1.4", "5.1.4"}, {"5.1", "5.1"},
                                         {"7.1.4", "7.1.4"}};
  (void)state;
  for (int p = 0; p < COUNT(pairs); p++) {
    const struct layout *from = layout_find(pairs[p][0]), *to = layout_find(pairs[p][1]);
    const struct fixture_shape shape = {48000, from->channels, 64, 24};
    const char *path = fixture_path(folder, "bed.wav");
    int32_t *pcm = fixture_noise(&shape, SEED);
    fixture_write(path, 0x10003 /* WAV, 24 bits */, &shape, pcm);
    struct qc_source source = open_source(path, pairs[p][0]);
    struct qc_scene scene;
    qc_scene_open(&source, &scene);
    struct qc_render *render = qc_render_create(&scene, to, 48000);
    float *in = calloc(QC_BLOCK, sizeof *in * (size_t)from->channels);
    float *out = calloc(QC_BLOCK, sizeof *out * (size_t)to->channels);
    for (int c = 0; c < from->channels; c++) {
      memset(in, 0, sizeof *in * QC_BLOCK * (size_t)from->channels);
      in[c * QC_BLOCK + 7] = 1;
      qc_render_block(render, 0, 64, in, out);
      for (int o = 0; o < to->channels; o++)
        if (fabs((double)out[o * QC_BLOCK + 7] - fold_gain(from, to, FOLD_LO_RO, o, c)) > 1e-7)
          fail_msg("%s to %s: %s in %s is %g", pairs[p][0], pairs[p][1], from->speaker[c]->label,
                   to->speaker[o]->label, (double)out[o * QC_BLOCK + 7]);
    }
    free(in);
    free(out);
    free(pcm);
    qc_render_destroy(&render);
    qc_scene_close(&scene);
    qc_source_close(&source);
  }
}

/* From the left to the right at frame 4800: 250 frames of a line, then the new place; whichever
 * way the blocks are asked for. */
static void test_moves(void **state) {
  const struct adm_shape shape = {ADM_DOLBY, "7.1.2", 1, 48000, 9600};
  const char *path = fixture_path(folder, "moves.wav");
  struct adm *adm;
  struct adm_block *block;
  (void)state;
  assert_int_equal(adm_make(&shape, &adm, NULL), 0);
  struct adm_channel *c = &adm->channels[adm->tracks[10].channel];
  assert_true(adm_add_block(c, &block));
  memcpy(c->blocks[0].position, (const double[]){-1, 1, 0}, sizeof c->blocks[0].position);
  *block = c->blocks[0];
  block->position[0] = 1;
  block->rtime = (struct adm_time){4800, 48000};
  adm_fixture_write(path, adm, ADM_DOLBY, 9600, 0);
  adm_destroy(&adm);
  struct qc_source source = open_source(path, NULL);
  struct qc_scene scene;
  qc_scene_open(&source, &scene);
  assert_null(scene.refusal);
  assert_int_equal(scene.n_moving, 1);
  struct qc_render *render = qc_render_create(&scene, layout_find("5.1"), 48000);
  float *in = calloc(QC_BLOCK * 11, sizeof *in), *out = calloc(QC_BLOCK * 6, sizeof *out);
  for (int32_t i = 0; i < QC_BLOCK; i++) in[10 * QC_BLOCK + i] = 1;
  static const int32_t begins[] = {0, 5000, 4700, 4799, 4800, 4925, 5049, 5050, 9500, 3000, 1};
  for (int k = 0; k < COUNT(begins); k++) {
    qc_render_block(render, begins[k], 100, in, out);
    for (int32_t i = 0; i < 100; i++) {
      const double after = begins[k] + i - 4800, t = fmax(0, fmin(1, after / 249.984));
      assert_float_equal(out[i], (float)(1 - t), 1e-5);
      assert_float_equal(out[QC_BLOCK + i], (float)t, 1e-5);
      for (int o = 2; o < 6; o++) assert_true(out[o * QC_BLOCK + i] == 0);
    }
  }
  free(in);
  free(out);
  qc_render_destroy(&render);
  qc_scene_close(&scene);
  qc_source_close(&source);
}

/* The meter in pieces of any size reads what the meter of whole files reads. */
static void test_meter(void **state) {
  enum { N = 5 * 48000 + 77 };
  const struct fixture_shape shape = {48000, 12, N, 24};
  const struct layout *layout = layout_find("7.1.4");
  const struct pcm_shape whole = {48000, 12, N, layout};
  int32_t *pcm = fixture_programme(&shape, SEED);
  float *planar = malloc(sizeof *planar * 12 * (size_t)N);
  struct loudness_figures a, b;
  double peak[2];
  struct loudness_meter *meter;
  uint64_t seed = SEED;
  (void)state;
  for (int32_t i = 0; i < N; i++)
    for (int c = 0; c < 12; c++)
      planar[(size_t)c * N + (size_t)i] = (float)pcm[(size_t)i * 12 + (size_t)c] * 0x1p-31F;
  const float *channels[12];
  for (int c = 0; c < 12; c++) channels[c] = planar + (size_t)c * N;
  assert_int_equal(loudness_measure_planar(&whole, channels, &a, &peak[0], NULL), 0);
  assert_int_equal(loudness_meter_open(layout, 48000, N, &meter, NULL), 0);
  for (int32_t at = 0, n; at < N; at += n) {
    n = (int32_t)(fixture_random(&seed) % 3000);
    if (n > N - at) n = N - at;
    assert_int_equal(loudness_meter_add(meter, planar + at, N, n, NULL), 0);
  }
  assert_int_equal(loudness_meter_read(meter, &b, &peak[1], NULL), 0);
  loudness_meter_close(&meter);
  assert_true(a.integrated_lufs == b.integrated_lufs && a.range_lu == b.range_lu);
  assert_true(a.momentary_lufs == b.momentary_lufs && a.short_term_lufs == b.short_term_lufs);
  assert_true(peak[0] == peak[1]);
  free(planar);
  free(pcm);
}

/* Every block of a file, and beyond both ends, is what was written, however it is stored. */
static void test_source(void **state) {
  static const struct {
    const char *name;
    int sf_format, bits;
  } files[] = {{"a.wav", 0x10002, 16}, {"b.wav", 0x10003, 24}, {"c.wav", 0x10004, 32},
               {"d.wav", 0x10006, 24}, {"e.flac", 0x170003, 24}, {"f.aiff", 0x20002, 16}};
  static float planar[2 * QC_BLOCK];
  (void)state;
  for (int k = 0; k < COUNT(files); k++) {
    const struct fixture_shape shape = {48000, 2, 3 * QC_BLOCK + 5, files[k].bits};
    int32_t *pcm = fixture_noise(&shape, SEED);
    fixture_write(fixture_path(folder, files[k].name), files[k].sf_format, &shape, pcm);
    struct qc_source source = open_source(fixture_path(folder, files[k].name), NULL);
    assert_int_equal(source.n_frames, shape.n_frames);
    for (int32_t at = -QC_BLOCK - 9; at < shape.n_frames + 99; at += 1000) {
      assert_int_equal(qc_source_read(&source, at, 1000, planar, NULL), 0);
      for (int32_t i = 0; i < 1000; i++)
        for (int c = 0; c < 2; c++) {
          const bool inside = at + i >= 0 && at + i < shape.n_frames;
          const float want = inside ? (float)pcm[2 * (at + i) + c] * 0x1p-31F : 0;
          assert_true(planar[c * QC_BLOCK + i] == want);
        }
    }
    qc_source_close(&source);
    free(pcm);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_matrices), cmocka_unit_test(test_moves),
      cmocka_unit_test(test_meter),    cmocka_unit_test(test_source),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
