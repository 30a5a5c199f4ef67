/* SPDX-License-Identifier: MIT
 * Every pass of every stage in the registry, on the device and on the CPU reference, word
 * by word: chosen and random settings, hostile audio, sizes around every border, poisoned
 * guard zones. Exit 77: no Vulkan driver here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "binaural.h"
#include "engine_cpu.h"
#include "eq.h"
#include "fold.h"
#include "gpu.h"
#include "gpu_fixture.h"
#include "layout.h"
#include "limiter.h"
#include "multiband.h"
#include "random_params.h"
#include "resample.h"
#include "scene_fixture.h"
#include "twin_run.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

enum { MAX_STAGES = 16, RATES = 6, RANDOM_CASES = 60, LOW_RATES = 2 };

static struct engine device;
static uint64_t base_seed;
static const int rates[RATES] = {44100, 48000, 88200, 96000, 176400, 192000};
static struct {
  int runs[MAX_STAGES][MAX_STAGE_PASSES][RATES], cases, failures;
  int64_t words;
} total;

/* ---- what a case is made of ---- */

struct recipe {
  int stage, rate; /* indices */
  int variant;     /* of chosen_params; -1: random settings */
  int channels;
  const struct layout *layout; /* NULL: drawn from the seed */
  int32_t n_frames;
  int segment_blocks;
  enum twin_fill fill;
  bool used;
  uint64_t seed;
};

static int stage_count(void) {
  int n = 0;
  while (stage_registry[n]) n++;
  assert_true(n <= MAX_STAGES);
  return n;
}

static bool has_grid(const struct stage *stage, enum pass_grid grid) {
  for (int p = 0; p < MAX_STAGE_PASSES && stage->passes[p].name; p++)
    if (stage->passes[p].grid == grid) return true;
  return false;
}

static const int32_t short_lengths[] = {1,    7,    8,    9,    255,  256,  257,  2047,
                                        2048, 2049, 4095, 4096, 4097, 6143, 6144, 10000};
static const int segments[] = {1, 2, 3, 7, 64};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Around the first loudness hops. */
static int32_t hop_length(int rate_hz, uint64_t *state) {
  return rate_hz / 10 * (1 + (int32_t)random_below(state, 3)) - 1 + (int32_t)random_below(state, 3);
}

static int32_t draw_length(const struct stage *stage, int rate_hz, uint64_t *state) {
  static const int32_t lengths[] = {30000, 65535, 65536, 65537};
  if (has_grid(stage, GRID_HOPS) && random_below(state, 2)) return hop_length(rate_hz, state);
  if (random_below(state, 12) == 0) return lengths[random_below(state, COUNT(lengths))];
  return short_lengths[random_below(state, COUNT(short_lengths))];
}

/* ---- running a case ---- */

static struct stage_design design_stage(const struct stage *stage, const void *params,
                                        const struct stage_format *format) {
  struct stage_design design;
  const char *why = "";
  if (stage->design(params, format, &design, &why)) fail_msg("%s: %s", stage->name, why);
  return design;
}

/* One of the layouts of so many channels, or none. Only beds are rendered for headphones. */
static struct stage_format format_of(const struct recipe *r) {
  struct stage_format format = {rates[r->rate], r->channels, r->layout, NULL};
  const bool bed = stage_registry[r->stage] == &stage_binaural;
  for (const struct layout *l = layouts; l->name && !r->layout; l++)
    if (l->channels <= r->channels && r->channels <= l->channels + (bed ? 0 : SCENE_MAX_OBJECTS) &&
        (bed || (r->seed >> (l - layouts)) % 4))
      format.layout = layout_with_objects(l, r->channels - l->channels);
  return format;
}

static struct recipe with_bed(struct recipe r) {
  static const int beds[] = {6, 8, 10, 12};
  if (stage_registry[r.stage] == &stage_binaural) r.channels = beds[r.channels % 4];
  return r;
}

/* What not every layout has. */
static void mend_for_layout(const struct stage *stage, const struct stage_format *format,
                            void *params) {
  struct multiband_params *p = params;
  struct fold_params *fold = params;
  if (stage == &stage_fold && fold->layout &&
      (!format->layout || fold_refusal(format->layout, fold_target(fold, format->layout))))
    *fold = (struct fold_params){0};
  if (stage != &stage_multiband || format->channels <= 2 || !p->mid_side) return;
  p->mid_side = 0;
  for (int i = 0; i < p->n_bands; i++)
    if (p->bands[i].target != MULTIBAND_STEREO)
      p->bands[i].target -= MULTIBAND_MID - MULTIBAND_LEFT;
}

static struct stage_design design_recipe(const struct recipe *r) {
  const struct stage *stage = stage_registry[r->stage];
  struct stage_format format = format_of(r);
  struct scene *scene = NULL;
  if (format.layout && format.layout->n_objects)
    format.scene = scene = scene_fixture_random(format.layout->n_objects, r->n_frames, r->seed);
  uint64_t state = r->seed;
  void *params = malloc(stage->params_size);
  assert_non_null(params);
  if (r->variant >= 0)
    chosen_params(stage, r->variant, params);
  else if (!random_params(stage, rates[r->rate], &state, params))
    fail_msg("%s: no sound random settings; see random_params.h", stage->name);
  mend_for_layout(stage, &format, params);
  const struct stage_design design = design_stage(stage, params, &format);
  scene_destroy(&scene);
  free(params);
  return design;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + t.tv_nsec * 1e-9;
}

static struct twin_report run_recipe(const struct recipe *asked, const struct engine *on,
                                     const struct twin_flip *flip) {
  const struct recipe adapted = with_bed(*asked), *r = &adapted;
  const struct stage_format format = format_of(r);
  struct limiter_params limiter;
  struct twin_report report;
  params_init(stage_limiter.rows, &limiter);
  struct stage_design aux = design_stage(&stage_limiter, &limiter, &format);
  const double begin = seconds();
  struct stage_design design = design_recipe(r);
  const struct twin_case c = {.stage = stage_registry[r->stage], .design = &design,
                              .limiter = &aux, .rate_hz = rates[r->rate],
                              .channels = r->channels, .n_frames = r->n_frames,
                              .segment_blocks = r->segment_blocks, .fill = r->fill,
                              .used = r->used, .seed = r->seed};
  const double start = seconds();
  twin_run_flipped(&engine_cpu, on, &c, flip, &report);
  if (getenv("LACQUER_TEST_VERBOSE"))
    printf("%6.2f s design, %6.2f s: %s variant %d, %d Hz, %d channels, %d frames, "
           "segments of %d, %s%s\n",
           start - begin, seconds() - start, c.stage->name, r->variant, c.rate_hz, c.channels,
           (int)c.n_frames, c.segment_blocks, twin_fill_names[c.fill], c.used ? ", used" : "");
  stage_design_free(&design);
  stage_design_free(&aux);
  return report;
}

static void count(const struct recipe *r, const struct twin_report *report) {
  for (int p = 0; p < MAX_STAGE_PASSES; p++) total.runs[r->stage][p][r->rate] += report->runs[p];
  total.cases++;
  total.words += report->words;
  if (!report->differs) return;
  total.failures++;
  printf("DIFFERS: seed %llu, variant %d: %s\n", (unsigned long long)r->seed, r->variant,
         report->text);
}

static void check(const struct recipe *r) {
  const struct twin_report report = run_recipe(r, &device, NULL);
  count(r, &report);
}

/* ---- the cases ---- */

/* Long filters take long to design, the longer the higher the rate. */
static bool quick_design(const struct stage *stage, int variant) {
  const int quick = chosen_params_quick(stage);
  return variant < 0 ? quick == chosen_params_count(stage) : variant < quick;
}

/* The rest of a recipe, drawn from its seed. */
static struct recipe draw(int stage, int rate, int variant, uint64_t seed) {
  uint64_t state = seed;
  struct recipe r = {.stage = stage, .rate = rate, .variant = variant, .seed = seed};
  if (!quick_design(stage_registry[stage], variant)) r.rate %= LOW_RATES;
  r.channels = 1 + (int)random_below(&state, LAYOUT_MOST_SPEAKERS);
  r.n_frames = draw_length(stage_registry[stage], rates[rate], &state);
  r.segment_blocks = segments[random_below(&state, COUNT(segments))];
  r.fill = (enum twin_fill)random_below(&state, TWIN_FILLS);
  r.used = random_below(&state, 4) == 0;
  return r;
}

static uint64_t seed_of(int index) { return base_seed * 1000003 + (uint64_t)index * 7919; }

/* All rates, fills and short lengths of a stage, and all chosen settings. */
static void check_stage(int s) {
  const struct stage *stage = stage_registry[s];
  const int quick = chosen_params_quick(stage), others = chosen_params_count(stage) - quick;
  const int rounds = (int)COUNT(short_lengths);
  for (int i = 0; i < rounds + others; i++) {
    const int variant = i < rounds ? i % quick : quick + i - rounds;
    struct recipe r = draw(s, (i + i / RATES) % RATES, variant, seed_of(100 * s + i));
    r.channels = 1 + (i + i / 2) % LAYOUT_MOST_SPEAKERS;
    r.fill = (enum twin_fill)(i % TWIN_FILLS);
    r.n_frames = short_lengths[i % rounds];
    check(&r);
    if (!has_grid(stage, GRID_HOPS) || i >= RATES) continue;
    r.n_frames = rates[r.rate] / 10 * 3 - 1 + i % 3; /* two hops or three */
    check(&r);
  }
}

static void test_stages(void **state) {
  (void)state;
  for (int s = 0; s < stage_count(); s++) check_stage(s);
}

/* Segments do not show: one length, cut in every way. */
static void test_segments(void **state) {
  (void)state;
  for (int s = 0; s < stage_count(); s++)
    for (size_t i = 0; i < COUNT(segments); i++) {
      const int variants = chosen_params_count(stage_registry[s]);
      struct recipe r = draw(s, (int)i % 2, (int)i % variants, seed_of(10000 + 100 * s + (int)i));
      r.n_frames = 60000;
      r.segment_blocks = segments[i];
      r.fill = i % 2 ? TWIN_WIDE : TWIN_NOISE;
      check(&r);
    }
}

/* A dispatch of a sequential pass ends after 64 blocks: the state goes on in the next. */
static void test_long_sequences(void **state) {
  (void)state;
  for (int s = 0; s < stage_count(); s++) {
    if (!has_grid(stage_registry[s], GRID_SEQUENTIAL)) continue;
    struct recipe r = draw(s, s % 2, 0, seed_of(20000 + s));
    r.n_frames = 66 * BLOCK_FRAMES + 1;
    r.channels = 1;
    r.segment_blocks = 70;
    r.fill = TWIN_NOISE;
    check(&r);
  }
}

/* A master of a bed and 118 objects. */
static void test_many_channels(void **state) {
  (void)state;
  for (int s = 0; s < stage_count(); s++) {
    struct recipe r = draw(s, s % 2, 0, seed_of(24000 + s));
    r.n_frames = BLOCK_FRAMES + 100;
    r.channels = MAX_CHANNELS;
    r.segment_blocks = 2;
    r.fill = TWIN_NOISE;
    check(&r);
  }
}

/* Objects of every kind in every layout. */
static void test_scenes(void **state) {
  (void)state;
  static const int32_t lengths[] = {1, 250, 2047, 2048, 2049, 4097, 6143, 30000};
  int s = 0;
  while (stage_registry[s] != &stage_fold) s++;
  const int variants = chosen_params_count(&stage_fold);
  for (int i = 0; i < 8 * variants; i++) {
    struct recipe r = draw(s, i % RATES, i % variants, seed_of(28000 + i));
    r.layout = layout_with_objects(&layouts[i % 7], i % 5 ? 1 + i % 23 : 116 - i % 3);
    r.channels = r.layout->channels;
    r.n_frames = lengths[i / variants];
    r.fill = TWIN_NOISE;
    check(&r);
  }
}

/* 128 partitions: the most that the reference has room for. */
static void test_longest_filter(void **state) {
  (void)state;
  struct recipe r = draw(0, 0, chosen_params_count(&stage_eq) - 1, seed_of(25000));
  assert_ptr_equal(stage_registry[r.stage], &stage_eq);
  r.rate = RATES - 1;
  r.channels = 1;
  r.n_frames = 65537;
  r.fill = TWIN_NOISE;
  check(&r);
}

/* Every pair of rates, over blocks with every phase. */
static void test_all_rates(void **state) {
  (void)state;
  int s = 0;
  while (stage_registry[s] != &stage_resample) s++;
  for (int i = 0; i < RATES * chosen_params_count(&stage_resample); i++) {
    struct recipe r = draw(s, i % RATES, i / RATES, seed_of(27000 + i));
    r.rate = i % RATES;
    r.channels = 1 + i % LAYOUT_MOST_SPEAKERS;
    r.n_frames = 4097 + i;
    r.fill = (enum twin_fill)(i % TWIN_FILLS);
    check(&r);
  }
}

static void test_random(void **state) {
  (void)state;
  for (int i = 0; i < RANDOM_CASES; i++) {
    uint64_t random = seed_of(30000 + i);
    const int s = i % stage_count();
    const int variant = random_below(&random, 3)
                            ? -1
                            : (int)random_below(&random, (uint32_t)chosen_params_count(
                                                             stage_registry[s]));
    const struct recipe r = draw(s, (int)random_below(&random, RATES), variant, random);
    check(&r);
  }
}

static void test_all_equal(void **state) {
  (void)state;
  printf("%d cases, %lld words compared, %d differ\n", total.cases, (long long)total.words,
         total.failures);
  for (int s = 0; s < stage_count(); s++)
    for (int p = 0; p < MAX_STAGE_PASSES && stage_registry[s]->passes[p].name; p++) {
      printf("%10s %-12s runs compared by rate:", stage_registry[s]->name,
             stage_registry[s]->passes[p].name);
      for (int i = 0; i < RATES; i++) {
        printf(" %4d", total.runs[s][p][i]);
        assert_true(total.runs[s][p][i] > 0);
      }
      printf("\n");
    }
  assert_int_equal(total.failures, 0);
}

/* ---- the test of the test ---- */

static void check_seen(struct recipe r, struct twin_flip flip, const char *what) {
  const struct twin_report report = run_recipe(&r, &device, &flip);
  if (!report.differs || !strstr(report.text, what))
    fail_msg("a flipped bit was not seen in %s: %s", what, report.text);
}

static void test_flips_are_seen(void **state) {
  (void)state;
  for (int s = 0; s < stage_count(); s++) {
    struct recipe r = draw(s, 0, 0, seed_of(40000 + s));
    r.channels = 2;
    r.n_frames = 6143;
    check_seen(r, (struct twin_flip){false, 0, 6143, 0}, "buffer B channel 0 word 6143");
    r.fill = TWIN_SILENCE; /* a stage that reads dst reads no NaN then */
    if (!strcmp(stage_registry[s]->name, "dither")) continue;
    check_seen(r, (struct twin_flip){false, 1, 6142, 31}, "buffer B channel 1 word 6142");
  }
  const struct recipe loud = {.stage = 2, .channels = 1, .n_frames = 5000, .segment_blocks = 1};
  assert_string_equal(stage_registry[loud.stage]->name, "loudness");
  check_seen(loud, (struct twin_flip){true, 0, 767, 3}, "control channel 0 word 767");
}

/* ---- a machine that flushes denormals ---- */

#ifdef __SSE__
static enum engine_status flushing_run(struct session *session, int slot, int pass, int32_t first,
                                       int32_t n, const uint64_t *mask) {
  enum { FTZ_DAZ = 0x8040 };
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | FTZ_DAZ);
  const enum engine_status status = engine_cpu.run(session, slot, pass, first, n, mask);
  _mm_setcsr(before);
  return status;
}

/* Denormals never arise, so that a device may flush them: here the CPU does. */
static void test_flushing_machine(void **state) {
  (void)state;
  struct engine flushing = engine_cpu;
  flushing.run = flushing_run;
  int failures = 0;
  for (int i = 0; i < 20 * stage_count(); i++) {
    const int s = i % stage_count(), quick = chosen_params_quick(stage_registry[s]);
    const struct recipe r = draw(s, i / 5 % RATES, i / 5 % quick, seed_of(50000 + i));
    const struct twin_report report = run_recipe(&r, &flushing, NULL);
    if (!report.differs) continue;
    failures++;
    printf("FLUSHING DIFFERS: variant %d: %s\n", r.variant, report.text);
  }
  assert_int_equal(failures, 0);
}
#endif

static void test_validation_silent(void **state) {
  (void)state;
  assert_int_equal(gpu_validation_messages(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stages),         cmocka_unit_test(test_segments),
      cmocka_unit_test(test_long_sequences), cmocka_unit_test(test_many_channels),
      cmocka_unit_test(test_scenes),         cmocka_unit_test(test_longest_filter),
      cmocka_unit_test(test_all_rates),      cmocka_unit_test(test_random),
      cmocka_unit_test(test_all_equal),
      cmocka_unit_test(test_flips_are_seen),
#ifdef __SSE__
      cmocka_unit_test(test_flushing_machine),
#endif
      cmocka_unit_test(test_validation_silent),
  };
  base_seed = gpu_fixture_seed(20251);
  if (!gpu_fixture_open(&device)) return GPU_FIXTURE_SKIP;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  gpu_engine_destroy(&device);
  return failed;
}
