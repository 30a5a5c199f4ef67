/* SPDX-License-Identifier: MIT
 * Scenes through plan and batch: rendered to layouts against sums in double, on a Vulkan device
 * the reference's bits; what the plan keys and refuses; meters on scenes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio_fixture.h"
#include "cli_fixture.h"
#include "engine_cpu.h"
#include "gpu.h"
#include "gpu_fixture.h"
#include "loudness_check.h"
#include "oracle.h"
#include "panner.h"
#include "plan.h"
#include "scene_fixture.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
enum { RATE = 48000, N = 24000, MAX_UNITS = 12 };
static char *folder;

/* ---- a track that was decoded ---- */

static struct audio scene_audio(const char *layout, uint64_t seed) {
  struct audio a = {.rate_hz = RATE, .layout = layout_find(layout), .n_frames = N, .bits = 24};
  a.channels = a.layout->channels;
  for (int c = 0; c < a.channels; c++) {
    a.pcm[c] = oracle_alloc(N * sizeof(float));
    oracle_noise(a.pcm[c], N, 0.02, seed + (uint64_t)c);
  }
  if (a.layout->n_objects) a.scene = scene_fixture_random(a.layout->n_objects, N, seed);
  hash_bytes("audio", 5, a.sha256);
  return a;
}

struct planned {
  struct manifest *manifest;
  struct plan *plan;
  struct track_plan track;
};

static enum status plan_open(struct planned *p, const char *variants, const struct audio *audio,
                             struct failure *why) {
  cli_text(folder, "scene.yaml", "lacquer: 1\nvariants:\n%s"
           "tracks:\n  - {source: scene.wav}\n", variants);
  *p = (struct planned){0};
  assert_int_equal(manifest_read(fixture_path(folder, "scene.yaml"), stderr, &p->manifest), 0);
  assert_int_equal(plan_create(p->manifest, folder, NULL, &p->plan, why), 0);
  const struct source_identity id = source_identity_of(audio);
  const enum status status = track_plan_make(p->plan, 0, &id, &p->track, why);
  if (status || !p->track.n_refused) return status;
  *why = p->track.refused[0].why;
  return why->status;
}

static void plan_close(struct planned *p) {
  track_plan_free(&p->track);
  plan_destroy(&p->plan);
  manifest_destroy(&p->manifest);
}

/* ---- renders ---- */

struct made {
  int n; /* units delivered */
  struct {
    int32_t *pcm;
    struct tail_result result;
  } unit[MAX_UNITS];
  struct mismatch mismatch;
};

static void keep(void *context, int lane, int tail, const int32_t *pcm,
                 const struct tail_result *result) {
  struct made *m = context;
  const size_t bytes = sizeof *pcm * (size_t)result->n_frames * (size_t)result->channels;
  (void)lane;
  assert_null(m->unit[tail].pcm);
  m->unit[tail].pcm = oracle_alloc(bytes);
  memcpy(m->unit[tail].pcm, pcm, bytes);
  m->unit[tail].result = *result;
  m->n++;
}

static struct made make(const struct planned *p, const struct audio *audio,
                        const struct engine *engine, enum verify_tier tier) {
  const struct track_plan *t = &p->track;
  struct made made = {0};
  struct tail tails[MAX_UNITS];
  struct lane_job lane = {.n_frames = N, .n_tails = t->n_units, .tails = tails, .seed = t->seed};
  struct batch batch = {.rate_hz = RATE, .channels = audio->channels, .n_stages = t->n_stages,
                        .n_lanes = 1, .loudness = t->loudness, .band_limit = t->band_limit,
                        .clip = t->clip, .lanes = &lane, .segment_blocks = 3, .tier = tier,
                        .deliver = keep, .context = &made};
  memcpy(batch.stage, t->stage, sizeof batch.stage);
  memcpy(lane.design, t->design, sizeof lane.design);
  for (int i = 0; i < t->n_units; i++) tails[i] = t->units[i].tail;
  for (int c = 0; c < audio->channels; c++) lane.pcm[c] = audio->pcm[c];
  assert_int_equal(batch_render(engine, &batch), ENGINE_OK);
  made.mismatch = lane.mismatch;
  return made;
}

static void made_free(struct made *m) {
  for (int i = 0; i < MAX_UNITS; i++) free(m->unit[i].pcm);
}

#define PLAIN "bits: 24, dither: none"
static const char renders[] =
    "  a2: {" PLAIN ", layout: 2.0}\n  a714: {" PLAIN ", layout: 7.1.4}\n"
    "  a512: {" PLAIN ", layout: 5.1.4}\n  a71: {" PLAIN ", layout: 7.1}\n"
    "  a51: {" PLAIN ", layout: 5.1}\n"
    "  loud: {layout: 5.1, loudness: -18, true_peak: -1}\n"
    "  ltrt: {layout: 2.0, downmix: lt_rt, loudness: -20, true_peak: -1}\n"
    "  other: {layout: 7.1.4, rate: 44100, loudness: -18, true_peak: -1}\n"
    "  mono: {layout: 1.0, bits: 16}\n  ears: {" PLAIN ", layout: binaural}\n";
enum { N_PLAIN = 5, IN_7_1_4 = 1, EARS = 9 };

/* Words of the units that nothing but the render touches, in double: half a step of 24 bits, and
 * what floats of up to 30 sums leave. */
static void expect_render(const struct audio *a, const struct unit_plan *u, const struct made *m,
                          int unit) {
  const struct layout *to = u->layout;
  const int n_bed = a->channels - a->layout->n_objects;
  double *sum = oracle_alloc(N * sizeof *sum), *gain = oracle_alloc(N * sizeof *gain);
  for (int o = 0; o < to->channels; o++) {
    memset(sum, 0, N * sizeof *sum);
    for (int c = 0; c < n_bed; c++) {
      const double fold = fold_gain(a->layout, to, FOLD_LO_RO, o, c);
      for (int i = 0; i < N; i++) sum[i] += fold * a->pcm[c][i];
    }
    for (int k = 0; k < a->layout->n_objects; k++) {
      const struct scene_object *object = &a->scene->objects[k];
      double *of = oracle_alloc((size_t)object->n_blocks * sizeof *of), in[LAYOUT_MOST_SPEAKERS];
      for (int32_t b = 0; b < object->n_blocks; b++) {
        panner_gains(to, object->blocks[b].position, in);
        of[b] = in[o];
      }
      scene_fixture_gains(object, N, of, gain);
      for (int i = 0; i < N; i++) sum[i] += gain[i] * a->pcm[n_bed + k][i];
      free(of);
    }
    for (int i = 0; i < N; i++)
      assert_float_equal(m->unit[unit].pcm[i * to->channels + o] * 0x1p-31, sum[i],
                         0x1p-24 + 40 * 0x1p-24 * 0.5);
  }
  free(sum);
  free(gain);
}

/* Headphones: the render to 7.1.4, delivered, as if it were the track. */
static void expect_ears(const struct made *m) {
  struct audio bed = {.rate_hz = RATE, .channels = 12, .n_frames = N, .bits = 24,
                      .layout = layout_find("7.1.4")};
  struct planned p;
  struct failure why = {0};
  for (int c = 0; c < bed.channels; c++) {
    bed.pcm[c] = oracle_alloc(N * sizeof(float));
    for (int i = 0; i < N; i++)
      bed.pcm[c][i] = (float)m->unit[IN_7_1_4].pcm[i * bed.channels + c] * 0x1p-31f;
  }
  assert_int_equal(plan_open(&p, "  ears: {" PLAIN ", layout: binaural}\n", &bed, &why), 0);
  struct made ears = make(&p, &bed, &engine_cpu, VERIFY_OFF);
  assert_int_equal(ears.n, 1);
  for (int i = 0; i < 2 * N; i++) /* twelve channels' half steps through filters of few dB */
    assert_float_equal(m->unit[EARS].pcm[i] * 0x1p-31, ears.unit[0].pcm[i] * 0x1p-31, 20 * 0x1p-24);
  made_free(&ears);
  plan_close(&p);
  audio_free(&bed);
}

static void check_renders(const char *layout) {
  struct audio audio = scene_audio(layout, 900);
  struct planned p;
  struct failure why = {0};
  if (plan_open(&p, renders, &audio, &why)) fail_msg("%s: %s", layout, why.text);
  struct made cpu = make(&p, &audio, &engine_cpu, VERIFY_OFF);
  assert_int_equal(cpu.n, p.track.n_units);
  for (int i = 0; i < p.track.n_units; i++)
    assert_int_equal(cpu.unit[i].result.channels, p.track.units[i].layout->channels);
  for (int i = 0; i < N_PLAIN; i++) expect_render(&audio, &p.track.units[i], &cpu, i);
  expect_ears(&cpu);
  struct engine device;
  if (gpu_fixture_open(&device)) {
    for (int tier = 0; tier < 2; tier++) {
      struct made gpu = make(&p, &audio, &device, tier ? VERIFY_SAMPLE : VERIFY_FULL);
      assert_false(gpu.mismatch.found);
      assert_int_equal(gpu.n, cpu.n);
      for (int i = 0; i < cpu.n; i++)
        assert_memory_equal(gpu.unit[i].pcm, cpu.unit[i].pcm,
                            sizeof(int32_t) * (size_t)cpu.unit[i].result.n_frames *
                                (size_t)cpu.unit[i].result.channels);
      made_free(&gpu);
    }
    gpu_engine_destroy(&device);
  }
  made_free(&cpu);
  plan_close(&p);
  audio_free(&audio);
}

static void test_renders(void **state) {
  (void)state;
  check_renders("7.1.2+16");
  check_renders("2.0+1"); /* more channels come out than go in */
}

static void test_all_objects(void **state) {
  (void)state;
  check_renders("7.1.2+118");
}

/* ---- the plan ---- */

static void test_plan(void **state) {
  (void)state;
  struct audio audio = scene_audio("5.1+3", 910);
  struct planned p, again;
  struct failure why = {0};
  assert_int_equal(plan_open(&p, renders, &audio, &why), 0);
  const struct unit_plan *u = p.track.units;
  assert_ptr_equal(u[4].tail.to.fold, u[5].tail.to.fold); /* variants share a render */
  assert_ptr_not_equal(u[0].tail.to.fold, u[6].tail.to.fold);
  assert_int_equal(p.track.n_scene_folds, 7);
  assert_int_equal(plan_open(&again, renders, &audio, &why), 0);
  for (int i = 0; i < p.track.n_units; i++)
    assert_string_equal(u[i].own_key, again.track.units[i].own_key);
  plan_close(&again);
  audio.scene->objects[1].blocks[0].position[0] += audio.scene->objects[1].blocks[0].position[0] < 0
                                                       ? 0.25 : -0.25;
  assert_int_equal(plan_open(&again, renders, &audio, &why), 0);
  for (int i = 0; i < p.track.n_units; i++) /* a place is part of what a render is */
    assert_string_not_equal(u[i].own_key, again.track.units[i].own_key);
  plan_close(&again);
  plan_close(&p);
  audio_free(&audio);
}

static void test_refusals(void **state) {
  (void)state;
  static const struct {
    const char *layout, *variant;
  } cases[] = {{"5.1+3", "  v: {format: wav}\n"}, {"5.1+3", "  v: {format: flac}\n"},
               {"1.0+1", "  v: {format: wav}\n"}, {"2.0+1", "  v: {format: aiff}\n"}};
  for (int i = 0; i < COUNT(cases); i++) {
    struct audio audio = scene_audio(cases[i].layout, 920);
    struct planned p;
    struct failure why = {0};
    assert_int_equal(plan_open(&p, cases[i].variant, &audio, &why), STATUS_BAD_DATA);
    if (!strstr(why.text, cases[i].layout) || !strstr(why.text, "(variant \"v\")") ||
        !strstr(why.text, "layout: 7.1.4"))
      fail_msg("%s", why.text);
    plan_close(&p);
    audio_free(&audio);
  }
}

/* ---- meters ---- */

static int32_t *interleaved(const struct audio *a) {
  int32_t *pcm = oracle_alloc(sizeof *pcm * N * (size_t)a->channels);
  for (int i = 0; i < N; i++)
    for (int c = 0; c < a->channels; c++)
      pcm[i * a->channels + c] = (int32_t)(a->pcm[c][i] * 0x1p23) * 256;
  return pcm;
}

/* What a scene's render to 5.1 measures is what the render itself does; the render has 24
 * bits. */
static void test_estimate(void **state) {
  (void)state;
  struct audio audio = scene_audio("7.1.2+16", 930);
  struct planned p;
  struct failure why = {0};
  struct loudness_figures got, wanted;
  double got_dbtp, wanted_dbtp;
  int32_t *pcm = interleaved(&audio);
  const struct pcm_shape shape = {RATE, audio.channels, N, audio.layout};
  const struct pcm_shape rendered = {RATE, 6, N, layout_find("5.1")};
  assert_int_equal(plan_open(&p, "  v: {" PLAIN ", layout: 5.1}\n", &audio, &why), 0);
  struct made made = make(&p, &audio, &engine_cpu, VERIFY_OFF);
  const struct scene_at at = {audio.scene, RATE}, nowhere = {NULL, RATE};
  const struct scene_at twice = {audio.scene, 2 * RATE};
  assert_int_equal(loudness_measure_folded(&shape, &at, pcm, rendered.layout, &got, &got_dbtp,
                                           &why), 0);
  assert_int_equal(loudness_measure_pcm(&rendered, made.unit[0].pcm, false, &wanted, &wanted_dbtp,
                                        &why), 0);
  assert_true(wanted.integrated_lufs > -60);
  assert_float_equal(got.integrated_lufs, wanted.integrated_lufs, 1e-3);
  assert_float_equal(got.momentary_lufs, wanted.momentary_lufs, 1e-3);
  assert_float_equal(got_dbtp, wanted_dbtp, 1e-2);
  for (int i = 0; i < audio.scene->n_objects; i++) /* the same scene, told at twice the rate */
    for (int32_t k = 0; k < audio.scene->objects[i].n_blocks; k++) {
      audio.scene->objects[i].blocks[k].frame *= 2;
      audio.scene->objects[i].blocks[k].ramp_frames *= 2;
    }
  assert_int_equal(loudness_measure_folded(&shape, &twice, pcm, rendered.layout, &wanted,
                                           &wanted_dbtp, &why), 0);
  assert_true(wanted.integrated_lufs == got.integrated_lufs && wanted_dbtp == got_dbtp);
  assert_int_equal(loudness_measure_folded(&shape, &nowhere, pcm, rendered.layout, &got,
                                           &got_dbtp, &why), STATUS_INTERNAL);
  made_free(&made);
  plan_close(&p);
  free(pcm);
  audio_free(&audio);
}

/* More channels than one meter takes: the energies of all of them, which have a weight of 1. */
static void test_many_channels(void **state) {
  (void)state;
  struct audio audio = scene_audio("2.0+118", 940);
  struct loudness_figures all, pair, ints;
  double all_dbtp, pair_dbtp, ints_dbtp;
  for (int c = 2; c < audio.channels; c++)
    memcpy(audio.pcm[c], audio.pcm[c % 2], N * sizeof(float));
  int32_t *pcm = interleaved(&audio);
  const struct pcm_shape shape = {RATE, audio.channels, N, audio.layout};
  const struct pcm_shape two = {RATE, 2, N, layout_find("2.0")};
  const float *const *planar = (const float *const *)audio.pcm;
  assert_int_equal(loudness_measure_planar(&shape, planar, &all, &all_dbtp, NULL), 0);
  assert_int_equal(loudness_measure_pcm(&shape, pcm, false, &ints, &ints_dbtp, NULL), 0);
  assert_int_equal(loudness_measure_planar(&two, planar, &pair, &pair_dbtp, NULL), 0);
  const double more_db = 10 * log10(60);
  assert_float_equal(all.integrated_lufs, pair.integrated_lufs + more_db, 1e-3);
  assert_float_equal(all.momentary_lufs, pair.momentary_lufs + more_db, 1e-3);
  assert_float_equal(all_dbtp, pair_dbtp, 0);
  assert_float_equal(ints.integrated_lufs, all.integrated_lufs, 1e-3);
  assert_float_equal(ints_dbtp, all_dbtp, 1e-2);
  free(pcm);
  audio_free(&audio);
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
      cmocka_unit_test(test_renders),  cmocka_unit_test(test_all_objects),
      cmocka_unit_test(test_plan),     cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_estimate), cmocka_unit_test(test_many_channels),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
