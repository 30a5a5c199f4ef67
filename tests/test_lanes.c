/* SPDX-License-Identifier: MIT
 * Several tracks in one session of the device: each must come out as if it were alone on
 * the CPU, whatever its neighbours, segments, variants, tier and their faults. Exit 77: no
 * Vulkan driver here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio_fixture.h"
#include "batch_fixture.h"
#include "engine_cpu.h"
#include "eq.h"
#include "gpu.h"
#include "band_limit.h"
#include "clip.h"
#include "gpu_fixture.h"
#include "loudness.h"
#include "multiband.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

enum { RATE = 44100, CHANNELS = 2, TRACKS = 5, STAGES = 2, DESIGNS = 2 };

static struct engine device;

/* Lengths, settings and variants (indices of `tails`) of the tracks. */
static const struct track {
  int32_t n_frames;
  int eq, multiband; /* which of two designs */
  int n_tails, tails[BATCH_TAILS];
} tracks[TRACKS] = {
    {30000, 0, 0, 2, {0, 1}},       {7, 1, 0, 2, {2, 4}},
    {20481, 0, 1, 4, {1, 0, 3, 5}}, {6 * BLOCK_FRAMES, 1, 1, 2, {3, 2}},
    {45000, 1, 0, 6, {0, 4, 3, 5, 2, 1}},
};

static struct {
  float *pcm[TRACKS];
  struct stage_design eq[DESIGNS], multiband[DESIGNS], loudness, band_limit, clip;
  struct batch_tail tails[BATCH_TAILS];
  /* of each track and tail, from a render of that alone on the CPU */
  struct batch_lane want[TRACKS][BATCH_TAILS];
} set;

/* ---- the set ---- */

static void design(const struct stage *stage, const void *params, struct stage_design *out) {
  const struct stage_format format = {RATE, CHANNELS, NULL, NULL};
  const char *why = "";
  if (stage->design(params, &format, out, &why)) fail_msg("%s: %s", stage->name, why);
}

/* Lanes may differ in their designs, not in the sizes of them. */
static void assert_same_sizes(const struct stage_design *d) {
  assert_int_equal(d[0].size, d[1].size);
  assert_int_equal(d[0].ring_words, d[1].ring_words);
  assert_int_equal(d[0].ring_history, d[1].ring_history);
  assert_int_equal(d[0].control_words, d[1].control_words);
  assert_memory_equal(d[0].shape, d[1].shape, sizeof d[0].shape);
}

static void design_chains(void) {
  static const struct multiband_band bands[DESIGNS][2] = {
      {{-40, 3, 6, 20, 150, 2, MULTIBAND_PLAIN}, {-30, 2, 6, 5, 80, 1, MULTIBAND_PLAIN}},
      {{-20, 1.5, 12, 50, 400, 0, MULTIBAND_PLAIN}, {-50, 6, 0, 1, 60, 6, MULTIBAND_PLAIN}}};
  const struct loudness_params none = {.loudness_lufs = NAN, .max_reduction_db = NAN};
  for (int i = 0; i < DESIGNS; i++) {
    const struct eq_params eq = {
        .n_bands = 1, .bands = {EQ_BAND(EQ_BELL, EQ_STEREO, 1000, i ? -6 : 6, 1, 12)}};
    struct multiband_params m = {.n_crossovers = 1, .crossover_hz = {800}, .slope_db_oct = 24,
                                 .rms_ms = 10, .n_bands = 2, .link_percent = NAN};
    memcpy(m.bands, bands[i], sizeof bands[i]);
    design(&stage_eq, &eq, &set.eq[i]);
    design(&stage_multiband, &m, &set.multiband[i]);
  }
  assert_same_sizes(set.eq);
  assert_same_sizes(set.multiband);
  design(&stage_loudness, &none, &set.loudness);
  design(&stage_band_limit, &(struct band_limit_params){0}, &set.band_limit);
  design(&stage_clip, &(struct clip_params){0}, &set.clip);
}

/* The fourth shares the limited signal of the first where it follows it; the last two are
 * delivered at other rates. */
static void design_tails(void) {
  static const struct {
    double loudness_lufs, true_peak_db;
    struct dither_params dither;
    int rate_hz;
  } rows[BATCH_TAILS] = {{-14, -1, {16, DITHER_TPDF, 0}, 0},
                         {-9, -0.5, {24, DITHER_NONE, 0}, 0},
                         {NAN, NAN, {24, DITHER_TPDF, 0}, 0},
                         {-14, -1, {24, DITHER_TPDF, 0}, 0},
                         {-12, -1, {24, DITHER_TPDF, 0}, 48000},
                         {-9, -1, {16, DITHER_TPDF, 0}, 88200}};
  const struct stage_format format = {RATE, CHANNELS, NULL, NULL};
  for (int i = 0; i < BATCH_TAILS; i++) {
    struct batch_tail *t = &set.tails[i];
    *t = (struct batch_tail){.shares = i == 3 ? &set.tails[0] : NULL,
                             .loudness_lufs = rows[i].loudness_lufs, .dither = rows[i].dither,
                             .seed = 77u + (uint32_t)i, .rate_hz = rows[i].rate_hz};
    params_init(stage_limiter.rows, &t->limiter);
    t->limiter.true_peak_db = rows[i].true_peak_db;
    if (i == 1) { /* everything that stands before and in the limiter */
      t->limiter.style = STYLE_LOUD;
      t->limiter.band_limit = BAND_LIMIT_ON;
      t->limiter.link_percent = 60;
    }
    batch_tail_design(t, &format);
  }
}

static void make_audio(int track, uint64_t seed) {
  const struct fixture_shape shape = {RATE, CHANNELS, tracks[track].n_frames, 24};
  int32_t *pcm = fixture_programme(&shape, seed);
  const size_t n = (size_t)shape.n_frames;
  set.pcm[track] = malloc(n * CHANNELS * sizeof(float));
  assert_non_null(set.pcm[track]);
  for (size_t i = 0; i < n * CHANNELS; i++)
    set.pcm[track][i % CHANNELS * n + i / CHANNELS] = (float)pcm[i] * 0x1p-31f;
  free(pcm);
}

static struct batch_lane lane_of(int track) {
  const struct track *t = &tracks[track];
  struct batch_lane lane = {.job = {.pcm = {set.pcm[track], set.pcm[track] + t->n_frames},
                                    .n_frames = t->n_frames,
                                    .design = {&set.eq[t->eq], &set.multiband[t->multiband]},
                                    .n_tails = t->n_tails, .seed = (uint64_t)track}};
  for (int i = 0; i < t->n_tails; i++) lane.tails[i] = &set.tails[t->tails[i]];
  return lane;
}

static struct batch batch_of(int segment_blocks, enum verify_tier tier) {
  return (struct batch){.rate_hz = RATE, .channels = CHANNELS, .n_stages = STAGES,
                        .segment_blocks = segment_blocks,
                        .stage = {&stage_eq, &stage_multiband}, .loudness = &set.loudness,
                        .band_limit = &set.band_limit, .clip = &set.clip,
                        .tier = tier};
}

static int make_set(void **state) {
  (void)state;
  const uint64_t seed = gpu_fixture_seed(4004);
  design_chains();
  design_tails();
  for (int i = 0; i < TRACKS; i++) {
    make_audio(i, seed + (uint64_t)i);
    for (int t = 0; t < tracks[i].n_tails; t++) {
      struct batch_lane *lane = &set.want[i][t];
      *lane = lane_of(i);
      lane->job.n_tails = 1;
      lane->tails[0] = &set.tails[tracks[i].tails[t]];
      assert_int_equal(batch_fixture_render(&engine_cpu, batch_of(64, VERIFY_OFF), lane, 1),
                       ENGINE_OK);
    }
  }
  return 0;
}

static int free_set(void **state) {
  (void)state;
  for (int i = 0; i < TRACKS; i++) {
    free(set.pcm[i]);
    for (int t = 0; t < BATCH_TAILS; t++) batch_lane_clear(&set.want[i][t]);
  }
  for (int i = 0; i < DESIGNS; i++) {
    stage_design_free(&set.eq[i]);
    stage_design_free(&set.multiband[i]);
  }
  for (int i = 0; i < BATCH_TAILS; i++) batch_tail_free(&set.tails[i]);
  stage_design_free(&set.loudness);
  stage_design_free(&set.band_limit);
  stage_design_free(&set.clip);
  return 0;
}

/* ---- batches ---- */

struct lanes {
  int n, track[BATCH_LANES];
  struct batch_lane lane[BATCH_LANES];
};

static struct lanes render(const char *list, int segment_blocks, enum verify_tier tier) {
  struct lanes l = {.n = (int)strlen(list)};
  for (int i = 0; i < l.n; i++) {
    l.track[i] = list[i] - '0';
    l.lane[i] = lane_of(l.track[i]);
  }
  assert_int_equal(batch_fixture_render(&device, batch_of(segment_blocks, tier), l.lane, l.n),
                   ENGINE_OK);
  return l;
}

static void drop(struct lanes *l) {
  for (int i = 0; i < l->n; i++) batch_lane_clear(&l->lane[i]);
}

/* Every tail of a lane as it should be. */
static void assert_sound(const struct lanes *l, int i) {
  const int track = l->track[i];
  const struct mismatch *m = &l->lane[i].job.mismatch;
  char text[160];
  if (m->found)
    fail_msg("lane %d, track %d: mismatch in %s, %s channel %d frame %d: %08x, reference %08x", i,
             track, m->stage, m->data, m->channel, (int)m->frame, (unsigned)m->device_word,
             (unsigned)m->reference_word);
  for (int t = 0; t < tracks[track].n_tails; t++)
    if (batch_difference(&set.want[track][t], 0, &l->lane[i], t, CHANNELS, text)[0])
      fail_msg("lane %d, track %d, tail %d: alone on the CPU and here: %s", i, track, t, text);
}

static void test_lanes_are_alone(void **state) {
  (void)state;
  static const struct {
    const char *list; /* tracks */
    int segment_blocks;
    enum verify_tier tier;
  } batches[] = {
      {"4", 3, VERIFY_OFF},      {"1", 1, VERIFY_FULL},      {"01", 1, VERIFY_OFF},
      {"10", 64, VERIFY_SAMPLE}, {"33", 3, VERIFY_OFF},      {"243", 3, VERIFY_OFF},
      {"124", 1, VERIFY_SAMPLE}, {"01234", 64, VERIFY_FULL}, {"43210", 3, VERIFY_OFF},
  };
  for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
    struct lanes l = render(batches[b].list, batches[b].segment_blocks, batches[b].tier);
    for (int i = 0; i < l.n; i++) {
      assert_sound(&l, i);
      assert_true((l.lane[i].job.verified_words > 0) == (batches[b].tier != VERIFY_OFF));
    }
    printf("tracks %s, segments of %d, tier %d: equal\n", batches[b].list,
           batches[b].segment_blocks, (int)batches[b].tier);
    drop(&l);
  }
}

static void test_tiers_cover(void **state) {
  (void)state;
  struct lanes full = render("4", 64, VERIFY_FULL), sample = render("4", 64, VERIFY_SAMPLE);
  const struct lane_job *f = &full.lane[0].job, *s = &sample.lane[0].job;
  assert_sound(&full, 0);
  assert_sound(&sample, 0);
  printf("words verified: %lld in the full tier, %lld in the sample tier\n",
         (long long)f->verified_words, (long long)s->verified_words);
  assert_true(s->verified_words > 0 && s->verified_words < f->verified_words);
  drop(&full);
  drop(&sample);
}

/* ---- a lane with a fault ---- */

static void check_flip(const char *list, enum verify_tier tier, const char *flip,
                       struct mismatch expected, int bit) {
  setenv(TEST_FLIP_VARIABLE, flip, 1);
  struct lanes l = render(list, 3, tier);
  unsetenv(TEST_FLIP_VARIABLE);
  const int faulty = l.n - 1; /* the only one that has the frame */
  for (int i = 0; i < faulty; i++) assert_sound(&l, i);
  const struct mismatch *m = &l.lane[faulty].job.mismatch;
  assert_true(m->found);
  assert_string_equal(m->stage, expected.stage);
  assert_string_equal(m->data, expected.data);
  assert_int_equal(m->channel, expected.channel);
  assert_int_equal(m->frame, expected.frame);
  assert_int_equal(m->device_word ^ m->reference_word, 1u << bit);
  for (int t = 0; t < BATCH_TAILS; t++) assert_int_equal(l.lane[faulty].delivered[t], 0);
  drop(&l);
}

static void test_fault_stays_in_its_lane(void **state) {
  (void)state;
  check_flip("014", VERIFY_FULL, "eq:1:40000:7",
             (struct mismatch){.stage = "eq", .data = "audio", .channel = 1, .frame = 40000}, 7);
  check_flip("24", VERIFY_FULL, "multiband:0:44999:31",
             (struct mismatch){.stage = "multiband", .data = "audio", .frame = 44999}, 31);
  check_flip("10", VERIFY_FULL, "limiter:0:29000:3",
             (struct mismatch){.stage = "limiter", .data = "audio", .frame = 29000}, 3);
  check_flip("13", VERIFY_SAMPLE, "limiter:1:12000:0", /* so short that all is sampled */
             (struct mismatch){.stage = "limiter", .data = "audio", .channel = 1, .frame = 12000},
             0);
  check_flip("14", VERIFY_FULL, "resample:1:48000:12", /* of 48,980 frames at 48 kHz */
             (struct mismatch){.stage = "resample", .data = "audio", .channel = 1, .frame = 48000},
             12);
  check_flip("304", VERIFY_FULL, "dither:1:35000:20",
             (struct mismatch){.stage = "dither", .data = "pcm", .channel = 1, .frame = 35000}, 20);
}

/* The flip itself works: without a check it is delivered. */
static void test_fault_unchecked(void **state) {
  (void)state;
  setenv(TEST_FLIP_VARIABLE, "dither:0:28000:9", 1);
  struct lanes l = render("130", 64, VERIFY_OFF);
  unsetenv(TEST_FLIP_VARIABLE);
  for (int i = 0; i < 2; i++) assert_sound(&l, i);
  for (int t = 0; t < tracks[0].n_tails; t++) {
    assert_int_equal(l.lane[2].delivered[t], 1);
    l.lane[2].pcm[t][28000 * CHANNELS] ^= 1 << 9;
  }
  assert_sound(&l, 2);
  drop(&l);
}

static void test_validation_silent(void **state) {
  (void)state;
  assert_int_equal(gpu_validation_messages(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lanes_are_alone),
      cmocka_unit_test(test_tiers_cover),
      cmocka_unit_test(test_fault_stays_in_its_lane),
      cmocka_unit_test(test_fault_unchecked),
      cmocka_unit_test(test_validation_silent),
  };
  if (!gpu_fixture_open(&device)) return GPU_FIXTURE_SKIP;
  const int failed = cmocka_run_group_tests(tests, make_set, free_set);
  gpu_engine_destroy(&device);
  return failed;
}
