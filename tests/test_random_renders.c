/* SPDX-License-Identifier: MIT
 * Whole renders with random chains and tails of real music: device against CPU, every
 * delivered word and every result. Exit 77: no Vulkan driver here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio_fixture.h"
#include "batch_fixture.h"
#include "decode.h"
#include "engine_cpu.h"
#include "gpu.h"
#include "gpu_fixture.h"
#include "loudness.h"
#include "multiband.h"
#include "random_params.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

enum { CASES = 12, MAX_STAGES = 3 };
#define MUSIC_DIR "/usr/share/sonic-pi/samples/"

static struct engine device;
static uint64_t base_seed;

/* ---- music ---- */

static const char *const music[] = {
    "loop_amen_full", "loop_garzul", "ambi_sauna",  "guit_em9",   "loop_tabla", "bass_voxy_c",
    "loop_mika",      "drum_roll",   "perc_bell2",  "vinyl_hiss", "misc_cineboom",
    "ambi_lunar_land"};

struct excerpt {
  char name[64];
  int rate_hz, channels;
  int32_t n_frames;
  float *pcm[MAX_CHANNELS]; /* owned */
};

static void copy_part(struct excerpt *e, const struct audio *audio, uint64_t *state) {
  const int32_t longest = audio->n_frames < e->n_frames ? audio->n_frames : e->n_frames;
  const int32_t first = (int32_t)random_below(state, (uint32_t)(audio->n_frames - longest) + 1);
  e->n_frames = longest;
  for (int c = 0; c < e->channels; c++) {
    e->pcm[c] = malloc((size_t)longest * sizeof(float));
    assert_non_null(e->pcm[c]);
    memcpy(e->pcm[c], audio->pcm[c % audio->channels] + first, (size_t)longest * sizeof(float));
  }
}

static void synthesise(struct excerpt *e, uint64_t seed) {
  const struct fixture_shape shape = {e->rate_hz, e->channels, e->n_frames, 24};
  int32_t *pcm = fixture_programme(&shape, seed);
  snprintf(e->name, sizeof e->name, "synthetic programme");
  for (int c = 0; c < e->channels; c++) {
    e->pcm[c] = malloc((size_t)e->n_frames * sizeof(float));
    assert_non_null(e->pcm[c]);
    for (int32_t i = 0; i < e->n_frames; i++)
      e->pcm[c][i] = (float)pcm[(size_t)i * e->channels + c] * 0x1p-31f;
  }
  free(pcm);
}

/* One to three seconds. The samples count as samples of any rate. */
static struct excerpt load_excerpt(int index, uint64_t *state) {
  static const int rates[] = {44100, 48000, 44100, 96000, 48000, 44100, 88200, 192000};
  struct excerpt e = {.rate_hz = rates[index % (int)(sizeof rates / sizeof *rates)]};
  struct audio audio;
  char path[160];
  e.channels = random_below(state, 3) ? 2 : 1;
  const double seconds = e.rate_hz > 96000 ? 1 : 1 + 2 * random_unit(state);
  e.n_frames = (int32_t)(seconds * e.rate_hz);
  snprintf(e.name, sizeof e.name, "%s.flac", music[index % (int)(sizeof music / sizeof *music)]);
  snprintf(path, sizeof path, MUSIC_DIR "%s", e.name);
  if (decode_file(path, &audio, NULL) == STATUS_OK) {
    copy_part(&e, &audio, state);
    audio_free(&audio);
  } else {
    printf("%s is not installed: ", path);
    synthesise(&e, *state);
  }
  return e;
}

/* ---- a render ---- */

struct plan {
  struct excerpt music;
  struct batch batch;
  struct stage_design chain[MAX_STAGES], loudness;
  struct batch_tail tails[2];
  int n_tails;
};

/* A gentler draw than the rows allow: what a mastering engineer might write. */
static void draw_multiband(struct multiband_params *p, uint64_t *state) {
  for (int b = 0; b < p->n_bands; b++) {
    p->bands[b].threshold_db = -50 + 40 * random_unit(state);
    p->bands[b].makeup_db = 4 * random_unit(state);
  }
}

static void draw_stage(struct plan *p, const struct stage_format *format, uint64_t *state) {
  const struct stage *stage = stage_find(random_below(state, 2) ? "eq" : "multiband");
  const int i = p->batch.n_stages++;
  const char *why = "";
  void *params = malloc(stage->params_size);
  assert_non_null(params);
  assert_true(random_params(stage, format->rate_hz, state, params));
  if (stage == &stage_multiband) draw_multiband(params, state);
  if (stage->design(params, format, &p->chain[i], &why)) fail_msg("%s: %s", stage->name, why);
  p->batch.stage[i] = stage;
  free(params);
}

/* The highest ones seldom, for the time they take. */
static const int delivered_hz[] = {44100, 48000, 88200, 96000, 44100, 48000, 176400, 192000};

static void draw_tail(struct batch_tail *t, const struct stage_format *format, uint64_t *state) {
  *t = (struct batch_tail){.loudness_lufs = -18 + 10 * random_unit(state),
                           .seed = (uint32_t)fixture_random(state)};
  if (random_below(state, 5) == 0) t->loudness_lufs = NAN;
  if (random_below(state, 2))
    assert_true(random_params(&stage_limiter, format->rate_hz, state, &t->limiter));
  else
    params_init(stage_limiter.rows, &t->limiter);
  t->limiter.true_peak_db = random_below(state, 6) ? -3 * random_unit(state) : NAN;
  t->dither.bits = random_below(state, 2) ? 16 : 24;
  t->dither.mode = (int)random_below(state, 2);
  if (random_below(state, 3) == 0) t->rate_hz = delivered_hz[random_below(state, 8)];
  if (t->rate_hz == format->rate_hz) t->rate_hz = 0;
  batch_tail_design(t, format);
}

static struct plan draw_plan(int index, uint64_t *state) {
  static const int segments[] = {1, 3, 7, 64};
  static const enum verify_tier tiers[] = {VERIFY_OFF, VERIFY_FULL, VERIFY_SAMPLE};
  struct plan p = {.music = load_excerpt(index, state)};
  const struct stage_format format = {p.music.rate_hz, p.music.channels, NULL, NULL};
  const struct loudness_params none = {.loudness_lufs = NAN, .max_reduction_db = NAN};
  const char *why = "";
  const int n_stages = index % (MAX_STAGES + 1);
  p.batch.rate_hz = format.rate_hz;
  p.batch.channels = format.channels;
  p.batch.segment_blocks = segments[random_below(state, 4)];
  p.batch.tier = tiers[index % 3];
  for (int i = 0; i < n_stages; i++) draw_stage(&p, &format, state);
  assert_int_equal(stage_loudness.design(&none, &format, &p.loudness, &why), 0);
  p.n_tails = 1 + (int)random_below(state, 2);
  for (int i = 0; i < p.n_tails; i++) draw_tail(&p.tails[i], &format, state);
  return p;
}

static void free_plan(struct plan *p) {
  for (int i = 0; i < p->batch.n_stages; i++) stage_design_free(&p->chain[i]);
  stage_design_free(&p->loudness);
  for (int i = 0; i < p->n_tails; i++) batch_tail_free(&p->tails[i]);
  for (int c = 0; c < p->music.channels; c++) free(p->music.pcm[c]);
}

static struct batch_lane render(struct plan *p, const struct engine *engine,
                                enum verify_tier tier) {
  struct batch_lane lane = {.job = {.n_frames = p->music.n_frames, .n_tails = p->n_tails,
                                    .seed = base_seed}};
  struct batch batch = p->batch;
  batch.loudness = &p->loudness;
  batch.tier = tier;
  for (int c = 0; c < p->music.channels; c++) lane.job.pcm[c] = p->music.pcm[c];
  for (int i = 0; i < batch.n_stages; i++) lane.job.design[i] = &p->chain[i];
  for (int i = 0; i < p->n_tails; i++) lane.tails[i] = &p->tails[i];
  assert_int_equal(batch_fixture_render(engine, batch, &lane, 1), ENGINE_OK);
  return lane;
}

static void print_plan(const struct plan *p, int index) {
  static const char *const dithers[] = {"TPDF", "plain", "RPDF", "high-pass TPDF", "shaped"};
  printf("%2d: %s, %d frames, %d Hz, %d channels, segments of %d, tier %d:", index,
         p->music.name, (int)p->music.n_frames, p->music.rate_hz, p->music.channels,
         p->batch.segment_blocks, (int)p->batch.tier);
  for (int i = 0; i < p->batch.n_stages; i++) printf(" %s", p->batch.stage[i]->name);
  for (int t = 0; t < p->n_tails; t++)
    printf(" | %d Hz %.2f LUFS %.2f dBTP %d bit %s", p->tails[t].rate_hz,
           p->tails[t].loudness_lufs, p->tails[t].limiter.true_peak_db, p->tails[t].dither.bits,
           dithers[p->tails[t].dither.mode]);
  printf("\n");
}

static int check_render(int index) {
  uint64_t state = base_seed * 1000003 + (uint64_t)index;
  int failures = 0;
  char text[160];
  struct plan p = draw_plan(index, &state);
  print_plan(&p, index);
  struct batch_lane want = render(&p, &engine_cpu, VERIFY_OFF);
  struct batch_lane got = render(&p, &device, p.batch.tier);
  const struct mismatch *m = &got.job.mismatch;
  if (m->found) {
    printf("    MISMATCH in %s, %s channel %d frame %d: device %08x, reference %08x\n", m->stage,
           m->data, m->channel, (int)m->frame, (unsigned)m->device_word,
           (unsigned)m->reference_word);
    failures++;
  }
  for (int t = 0; t < p.n_tails; t++) {
    if (!batch_difference(&want, t, &got, t, p.music.channels, text)[0]) continue;
    printf("    DIFFERS, tail %d: CPU and device: %s\n", t, text);
    failures++;
  }
  batch_lane_clear(&want);
  batch_lane_clear(&got);
  free_plan(&p);
  return failures;
}

static void test_random_renders(void **state) {
  (void)state;
  int failures = 0;
  for (int i = 0; i < CASES; i++) failures += check_render(i);
  assert_int_equal(failures, 0);
}

static void test_validation_silent(void **state) {
  (void)state;
  assert_int_equal(gpu_validation_messages(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_renders),
      cmocka_unit_test(test_validation_silent),
  };
  base_seed = gpu_fixture_seed(515);
  if (!gpu_fixture_open(&device)) return GPU_FIXTURE_SKIP;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  gpu_engine_destroy(&device);
  return failed;
}
