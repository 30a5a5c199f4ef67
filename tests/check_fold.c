/* SPDX-License-Identifier: MIT
 * Fold-downs against the published matrices, written out here, in double precision; objects
 * against sums of what the panner (check_panner) gives for their places. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"
#include "layout.h"
#include "oracle.h"
#include "panner.h"
#include "scene_fixture.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
#define S 0.70710678118654752
enum { RATE = 48000, N = 5000 };

/* Left outputs; the right ones are their mirror image. Columns: as the source's channels. */
static const struct {
  const char *from, *to;
  int mode;
  struct {
    const char *out;
    double gain[LAYOUT_MOST_SPEAKERS];
  } row[5];
} matrices[] = {
    {"5.1", "2.0", FOLD_LO_RO, {{"L", {1, 0, S, 0, S}}}}, /* BS.775-3 */
    {"7.1", "2.0", FOLD_LO_RO, {{"L", {1, 0, S, 0, S, 0, S}}}}, /* from here on BS.2127 */
    {"5.1.4", "2.0", FOLD_LO_RO, {{"L", {1, 0, S, 0, S, 0, 1, 0, S}}}},
    {"7.1.4", "2.0", FOLD_LO_RO, {{"L", {1, 0, S, 0, S, 0, S, 0, 1, 0, S}}}},
    {"7.1.4", "5.1", FOLD_LO_RO,
     {{"L", {1, 0, 0, 0, S, 0, 0, 0, 1}}, {"C", {0, 0, 1}}, {"LFE", {0, 0, 0, 1}},
      {"Ls", {0, 0, 0, 0, S, 0, 1, 0, 0, 0, 1}}}},
    {"7.1.2", "7.1.4", FOLD_LO_RO, /* the top sides by their place in the room */
     {{"L", {1}}, {"Lss", {0, 0, 0, 0, 1}}, {"Lrs", {0, 0, 0, 0, 0, 0, 1}},
      {"Ltf", {0, 0, 0, 0, 0, 0, 0, 0, S}}, {"Ltr", {0, 0, 0, 0, 0, 0, 0, 0, S}}}},
    {"7.1.2", "5.1.4", FOLD_LO_RO,
     {{"L", {1, 0, 0, 0, S}}, {"C", {0, 0, 1}}, {"Ls", {0, 0, 0, 0, S, 0, 1}},
      {"Ltf", {0, 0, 0, 0, 0, 0, 0, 0, S}}, {"Ltr", {0, 0, 0, 0, 0, 0, 0, 0, S}}}},
    {"7.1.2", "7.1", FOLD_LO_RO,
     {{"L", {1}}, {"C", {0, 0, 1}}, {"LFE", {0, 0, 0, 1}}, {"Lss", {0, 0, 0, 0, 1, 0, 0, 0, 1}},
      {"Lrs", {0, 0, 0, 0, 0, 0, 1}}}},
    {"7.1.2", "5.1", FOLD_LO_RO,
     {{"L", {1, 0, 0, 0, S, 0, 0, 0, S}}, {"C", {0, 0, 1}}, {"LFE", {0, 0, 0, 1}},
      {"Ls", {0, 0, 0, 0, S, 0, 1, 0, S}}}},
    {"7.1.2", "2.0", FOLD_LO_RO, {{"L", {1, 0, S, 0, S, 0, S, 0, 1}}}},
    {"7.1.2", "1.0", FOLD_LO_RO, {{"M", {S, S, 1, 0, 0.5, 0.5, 0.5, 0.5, S, S}}}},
    {"7.1.2", "2.0", FOLD_LT_RT,
     {{"L", {1, 0, S, 0, S - 0.5, -0.5, -S, -S, S - 0.5, -0.5}},
      {"R", {0, 1, S, 0, 0.5, S + 0.5, S, S, 0.5, S + 0.5}}}},
    {"7.1", "5.1", FOLD_LO_RO,
     {{"L", {1, 0, 0, 0, S}}, {"C", {0, 0, 1}}, {"LFE", {0, 0, 0, 1}},
      {"Ls", {0, 0, 0, 0, S, 0, 1}}}},
    {"5.1.4", "5.1", FOLD_LO_RO,
     {{"L", {1, 0, 0, 0, 0, 0, 1}}, {"C", {0, 0, 1}}, {"LFE", {0, 0, 0, 1}},
      {"Ls", {0, 0, 0, 0, 1, 0, 0, 0, 1}}}},
    {"7.1.4", "7.1", FOLD_LO_RO,
     {{"L", {1, 0, 0, 0, 0, 0, 0, 0, 1}}, {"C", {0, 0, 1}}, {"LFE", {0, 0, 0, 1}},
      {"Lss", {0, 0, 0, 0, 1}}, {"Lrs", {0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}}}},
    {"7.1.4", "5.1.4", FOLD_LO_RO,
     {{"L", {1, 0, 0, 0, S}}, {"C", {0, 0, 1}}, {"Ls", {0, 0, 0, 0, S, 0, 1}},
      {"Ltf", {0, 0, 0, 0, 0, 0, 0, 0, 1}}, {"Ltr", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}}},
    {"2.0", "1.0", FOLD_LO_RO, {{"M", {S, S}}}}, /* BS.775-3 */
    {"5.1", "1.0", FOLD_LO_RO, {{"M", {S, S, 1, 0, 0.5, 0.5}}}},
    {"5.1", "2.0", FOLD_LT_RT, {{"L", {1, 0, S, 0, -S, -S}}, {"R", {0, 1, S, 0, S, S}}}}, /* A/52 */
    {"7.1", "2.0", FOLD_LT_RT,
     {{"L", {1, 0, S, 0, S - 0.5, -0.5, -S, -S}}, {"R", {0, 1, S, 0, 0.5, S + 0.5, S, S}}}},
};

static int channel_of(const struct layout *l, const char *label) {
  int c = 0;
  while (strcmp(l->speaker[c]->label, label)) c++;
  return c;
}

/* The channel on the other side. */
static int mirrored(const struct layout *l, int channel) {
  return l->speaker[channel]->azimuth_deg ? channel ^ 1 : channel;
}

static void test_matrices(void **state) {
  (void)state;
  for (int m = 0; m < COUNT(matrices); m++) {
    const struct layout *from = layout_find(matrices[m].from), *to = layout_find(matrices[m].to);
    assert_null(fold_refusal(from, to));
    for (int k = 0; k < 5 && matrices[m].row[k].out; k++) {
      const int out = channel_of(to, matrices[m].row[k].out);
      for (int i = 0; i < from->channels; i++) {
        const double wanted = matrices[m].row[k].gain[i];
        assert_float_equal(fold_gain(from, to, matrices[m].mode, out, i), wanted, 1e-15);
        if (matrices[m].mode == FOLD_LO_RO)
          assert_float_equal(fold_gain(from, to, 0, mirrored(to, out), mirrored(from, i)), wanted,
                             1e-15);
      }
    }
  }
}

/* Nothing is made up: which layout may become which, for beds. Columns: as layouts. */
static void test_refusals(void **state) {
  (void)state;
  static const char *const ways[] = {
      /* to: 1.0 2.0 5.1 7.1 5.1.4 7.1.2 7.1.4 */
      "1.0:   yes no  no  no  no  no  no",  "2.0:   yes yes no  no  no  no  no",
      "5.1:   yes yes yes no  no  no  no",  "7.1:   yes yes yes yes no  no  no",
      "5.1.4: yes yes yes no  yes no  no",  "7.1.2: yes yes yes yes yes yes yes",
      "7.1.4: yes yes yes yes yes no  yes",
  };
  for (int f = 0; f < COUNT(ways); f++)
    for (int t = 0; t < COUNT(ways); t++) {
      const bool may = ways[f][7 + 4 * t] == 'y';
      const struct layout *from = &layouts[f], *to = &layouts[t];
      const char *why = fold_refusal(from, to);
      if (may == (why != NULL)) fail_msg("%s to %s", from->name, to->name);
      if (why) assert_non_null(strstr(why, "made up"));
      assert_null(fold_refusal(layout_with_objects(from, 3), to)); /* a scene may go anywhere */
    }
}

static void test_audio(void **state) {
  (void)state;
  float *in[LAYOUT_MOST_SPEAKERS], *out[LAYOUT_MOST_SPEAKERS];
  for (int c = 0; c < LAYOUT_MOST_SPEAKERS; c++) {
    in[c] = oracle_alloc(N * sizeof(float));
    out[c] = oracle_alloc(N * sizeof(float));
    oracle_noise(in[c], N, 1, 800 + (uint64_t)c);
  }
  for (int m = 0; m < COUNT(matrices); m++) {
    const struct layout *from = layout_find(matrices[m].from), *to = layout_find(matrices[m].to);
    const struct stage_format format = {RATE, from->channels, from, NULL};
    struct fold_params p = {.mode = matrices[m].mode};
    struct oracle_stage s = {.stage = &stage_fold, .rate_hz = RATE, .channels = from->channels};
    const char *why;
    while (strcmp(layout_choices[p.layout], to->name)) p.layout++;
    assert_int_equal(stage_fold.design(&p, &format, &s.design, &why), 0);
    oracle_render(&s, N, (const float *const *)in, out, 2);
    for (int o = 0; o < from->channels; o++)
      for (int i = 0; i < N; i++) {
        double wanted = 0, size = 0;
        for (int c = 0; c < from->channels && o < to->channels; c++) {
          const double term = fold_gain(from, to, p.mode, o, c) * in[c][i];
          wanted += term, size += fabs(term);
        }
        /* The gain, the product and up to 8 sums round. */
        assert_float_equal(out[o][i], wanted, 10 * 0x1p-24 * size);
      }
    oracle_close(&s);
  }
  for (int c = 0; c < LAYOUT_MOST_SPEAKERS; c++) free(in[c]), free(out[c]);
}

/* Without a target every channel keeps its bits. */
static void test_neutral(void **state) {
  (void)state;
  const struct fold_params p = {0};
  float *in[3], *out[3];
  for (int c = 0; c < 3; c++) {
    in[c] = oracle_alloc(N * sizeof(float));
    out[c] = oracle_alloc(N * sizeof(float));
    oracle_noise(in[c], N, 1, 900 + (uint64_t)c);
  }
  assert_int_equal(oracle_run_stage(&stage_fold, &p, RATE, 3, N, (const float *const *)in, out, 1),
                   0);
  for (int c = 0; c < 3; c++) {
    assert_memory_equal(in[c], out[c], N * sizeof(float));
    free(in[c]);
    free(out[c]);
  }
}

/* ---- objects ---- */

/* The gain of each block's place in an output, without that of the block. */
static double *places_in(const struct scene_object *object, const struct layout *to, int mode,
                         int out) {
  double *gain = oracle_alloc((size_t)object->n_blocks * sizeof *gain), in[LAYOUT_MOST_SPEAKERS];
  for (int32_t k = 0; k < object->n_blocks; k++) {
    const double *position = object->blocks[k].position;
    const char *way = mode == FOLD_LT_RT ? "5.1" : to->channels == 1 ? "2.0" : to->name;
    panner_gains(layout_find(way), position, in);
    gain[k] = in[out];
    if (to->channels == 1) gain[k] = S * (in[0] + in[1]);
    else if (mode == FOLD_LT_RT)
      gain[k] = in[out] + S * in[2] + (out ? S : -S) * (in[4] + in[5]);
  }
  return gain;
}

struct rendered {
  const struct layout *from, *to;
  int mode;
  const struct scene *scene;
  int32_t n_frames;
  float *in[MAX_CHANNELS], *out[MAX_CHANNELS];
};

static void rendered_open(struct rendered *r, uint64_t seed) {
  for (int c = 0; c < r->from->channels || c < LAYOUT_MOST_SPEAKERS; c++) {
    r->in[c] = oracle_alloc((size_t)r->n_frames * sizeof(float));
    r->out[c] = oracle_alloc((size_t)r->n_frames * sizeof(float));
    oracle_noise(r->in[c], r->n_frames, 1, seed + (uint64_t)c);
  }
}

static void rendered_close(struct rendered *r) {
  for (int c = 0; c < MAX_CHANNELS; c++) free(r->in[c]), free(r->out[c]);
}

static struct stage_design design_render(const struct rendered *r) {
  const struct stage_format format = {RATE, r->from->channels, r->from, r->scene};
  struct fold_params p = {.mode = r->mode};
  struct stage_design design;
  const char *why;
  while (strcmp(layout_choices[p.layout], r->to->name)) p.layout++;
  assert_int_equal(stage_fold.design(&p, &format, &design, &why), 0);
  assert_int_equal(design.size % 16, 0);
  return design;
}

static void render(struct rendered *r, int segment_blocks) {
  struct oracle_stage s = {.stage = &stage_fold, .rate_hz = RATE, .channels = r->from->channels};
  s.design = design_render(r);
  s.room = s.design.shape->columns;
  oracle_render(&s, r->n_frames, (const float *const *)r->in, r->out, segment_blocks);
  oracle_close(&s);
}

/* Every frame of every output. A gain on its way rounds four times in units of the larger of its
 * ends, then the product and every sum of up to all channels round. */
static void expect_sums(const struct rendered *r) {
  const struct layout *from = r->from, *to = r->to;
  const int n_bed = from->channels - from->n_objects;
  double *sum = oracle_alloc((size_t)r->n_frames * sizeof *sum);
  double *size = oracle_alloc((size_t)r->n_frames * sizeof *size);
  double *gain = oracle_alloc((size_t)r->n_frames * sizeof *gain);
  for (int o = 0; o < to->channels; o++) {
    for (int32_t i = 0; i < r->n_frames; i++) sum[i] = size[i] = 0;
    for (int c = 0; c < n_bed; c++)
      for (int32_t i = 0; i < r->n_frames; i++) {
        const double term = fold_gain(from, to, r->mode, o, c) * r->in[c][i];
        sum[i] += term, size[i] += fabs(term);
      }
    for (int k = 0; k < from->n_objects; k++) {
      const struct scene_object *object = &r->scene->objects[k];
      double *of = places_in(object, to, r->mode, o), most = 0;
      for (int32_t b = 0; b < object->n_blocks; b++)
        most = fmax(most, fabs(of[b]) * object->blocks[b].gain);
      scene_fixture_gains(object, r->n_frames, of, gain);
      for (int32_t i = 0; i < r->n_frames; i++) {
        const double x = r->in[n_bed + k][i];
        sum[i] += gain[i] * x, size[i] += most * fabs(x);
      }
      free(of);
    }
    for (int32_t i = 0; i < r->n_frames; i++)
      if (!(fabs(r->out[o][i] - sum[i]) <= (from->channels + 5) * 0x1p-24 * size[i] + 0x1p-50))
        fail_msg("%s to %s, output %d, frame %d: %.9g, wanted %.9g", from->name, to->name, o, i,
                 (double)r->out[o][i], sum[i]);
  }
  for (int c = to->channels; c < from->channels || c < LAYOUT_MOST_SPEAKERS; c++)
    for (int32_t i = 0; i < r->n_frames; i++) assert_true(r->out[c][i] == 0);
  free(sum);
  free(size);
  free(gain);
}

static void check_scene(const char *bed, const char *to, int mode, const struct scene *scene,
                        int32_t n_frames) {
  struct rendered r = {.from = layout_with_objects(layout_find(bed), scene->n_objects),
                       .to = layout_find(to), .mode = mode, .scene = scene, .n_frames = n_frames};
  rendered_open(&r, 5000);
  render(&r, 2);
  expect_sums(&r);
  rendered_close(&r);
}

static const char *const targets[] = {"1.0", "2.0", "5.1", "7.1", "5.1.4", "7.1.2", "7.1.4"};

static void test_objects(void **state) {
  (void)state;
  for (int t = 0; t < COUNT(targets); t++)
    for (int b = 0; b < COUNT(targets); b++) {
      const int n = 1 + (5 * t + b) % 7;
      struct scene *scene = scene_fixture_random(n, N, 600 + (uint64_t)(9 * t + b));
      if (strcmp(targets[t], "1.0") || !strcmp(targets[b], "7.1.2"))
        check_scene(targets[b], targets[t], FOLD_LO_RO, scene, N);
      if (!strcmp(targets[t], "2.0") && layout_find(targets[b])->channels > 2)
        check_scene(targets[b], "2.0", FOLD_LT_RT, scene, N);
      scene_destroy(&scene);
    }
}

static void test_many_objects(void **state) {
  (void)state;
  struct scene *scene = scene_fixture_random(SCENE_MAX_OBJECTS, N, 650);
  check_scene("7.1.2", "7.1.4", FOLD_LO_RO, scene, N);
  check_scene("7.1.2", "2.0", FOLD_LT_RT, scene, N);
  scene_destroy(&scene);
}

static float gain_heard(struct rendered *r, int channel, int32_t frame) {
  return r->out[channel][frame] / r->in[r->from->channels - 1][frame];
}

/* What the reference renderer of BS.2127 was seen to do with a block at 48000 and 250 frames. */
static void test_ramp(void **state) {
  (void)state;
  struct scene *scene = scene_fixture(1);
  scene_fixture_add(scene, 0, 0, 0, (double[3]){-1, 1, 0}, 1);
  scene_fixture_add(scene, 0, 48000, 250, (double[3]){1, 1, 0}, 1);
  struct rendered r = {.from = layout_find("2.0+1"), .to = layout_find("2.0"), .scene = scene,
                       .n_frames = 48300};
  rendered_open(&r, 5100);
  for (int c = 0; c < 2; c++) memset(r.in[c], 0, (size_t)r.n_frames * sizeof(float));
  for (int32_t i = 0; i < r.n_frames; i++) r.in[2][i] = 1;
  render(&r, 1);
  assert_true(gain_heard(&r, 0, 47999) == 1 && gain_heard(&r, 1, 47999) == 0);
  assert_true(gain_heard(&r, 0, 48000) == 1 && gain_heard(&r, 1, 48000) == 0);
  assert_float_equal(gain_heard(&r, 0, 48001), 0.996, 1e-7);
  assert_float_equal(gain_heard(&r, 1, 48125), 0.5, 1e-7);
  assert_float_equal(gain_heard(&r, 0, 48249), 0.004, 1e-7);
  assert_true(gain_heard(&r, 0, 48250) == 0 && gain_heard(&r, 1, 48250) == 1);
  assert_true(gain_heard(&r, 0, 48299) == 0 && gain_heard(&r, 1, 48299) == 1);
  rendered_close(&r);
  scene_destroy(&scene);
}

/* A ramp that is longer than floats count, and one that ends behind the last frame there can
 * be. */
static void test_long_ramps(void **state) {
  (void)state;
  enum { LONG = 2600000 };
  struct scene *scene = scene_fixture(2);
  for (int i = 0; i < 2; i++) scene_fixture_add(scene, i, 0, 0, (double[3]){-1, 1, 1}, 1);
  scene_fixture_add(scene, 0, 3000, 2500000, (double[3]){1, -1, 0}, 0.25);
  scene_fixture_add(scene, 0, 2503000, 0, (double[3]){0, 0, 0}, 1);
  scene_fixture_add(scene, 1, LONG - 10, INT32_MAX, (double[3]){1, 1, 1}, 1);
  check_scene("2.0", "5.1", FOLD_LO_RO, scene, LONG);
  scene_destroy(&scene);
}

/* Corners are where the loudspeakers are that the matrices know; what differs is in fold.md. */
static void test_corners(void **state) {
  (void)state;
  static const struct {
    const char *to;
    double rear; /* gain of an upper rear corner over that of the matrix */
  } cases[] = {{"7.1.4", 1}, {"5.1.4", 1}, {"7.1", 1}, {"5.1", 1}, {"2.0", 1 / S}, {"1.0", 1 / S}};
  const struct layout *bed = layout_find("7.1.4");
  for (int k = 0; k < COUNT(cases); k++)
    for (int c = channel_of(bed, "Ltf"); c < bed->channels; c++) {
      const struct layout *to = layout_find(cases[k].to);
      double place[3], gain[LAYOUT_MOST_SPEAKERS];
      panner_place(bed->speaker[c], place);
      fold_place_gains(to, FOLD_LO_RO, place, gain);
      for (int o = 0; o < to->channels; o++)
        assert_float_equal(gain[o], fold_gain(bed, to, FOLD_LO_RO, o, c) *
                                        (place[1] < 0 ? cases[k].rear : 1), 1e-15);
    }
}

/* Pieces of any length and place have the bits of the stage. */
static void test_pieces(void **state) {
  (void)state;
  struct scene *scene = scene_fixture_random(9, N, 660);
  struct rendered r = {.from = layout_find("5.1+9"), .to = layout_find("7.1.4"), .scene = scene,
                       .n_frames = N};
  float *planar = oracle_alloc((size_t)r.from->channels * N * sizeof(float));
  float piece[BLOCK_FRAMES];
  uint64_t seed = 661;
  rendered_open(&r, 5200);
  render(&r, 3);
  struct stage_design design = design_render(&r);
  for (int c = 0; c < r.from->channels; c++)
    memcpy(planar + (size_t)c * N, r.in[c], N * sizeof(float));
  for (int o = 0; o < r.to->channels; o++)
    for (int32_t at = 0, n; at < N; at += n) {
      n = 1 + (int32_t)(oracle_next(&seed) % BLOCK_FRAMES);
      if (n > N - at) n = N - at;
      fold_frames(design.data, planar + at, N, at, n, o, piece);
      assert_memory_equal(piece, r.out[o] + at, (size_t)n * sizeof(float));
    }
  stage_design_free(&design);
  rendered_close(&r);
  scene_destroy(&scene);
  free(planar);
}

static void test_without_places(void **state) {
  (void)state;
  const struct layout *from = layout_find("5.1+2");
  struct scene *scene = scene_fixture_random(3, N, 670);
  struct stage_format format = {RATE, from->channels, from, NULL};
  const struct fold_params p = {.layout = 2};
  struct stage_design design;
  const char *why;
  assert_int_equal(stage_fold.design(&p, &format, &design, &why), -1);
  assert_non_null(strstr(why, "not known"));
  format.scene = scene; /* another number of them */
  assert_int_equal(stage_fold.design(&p, &format, &design, &why), -1);
  scene_destroy(&scene);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_matrices),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_audio),
      cmocka_unit_test(test_neutral),
      cmocka_unit_test(test_objects),
      cmocka_unit_test(test_many_objects),
      cmocka_unit_test(test_ramp),
      cmocka_unit_test(test_long_ramps),
      cmocka_unit_test(test_corners),
      cmocka_unit_test(test_pieces),
      cmocka_unit_test(test_without_places),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
