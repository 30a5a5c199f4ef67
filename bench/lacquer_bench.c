/* SPDX-License-Identifier: MIT
 * How fast: every pass of the standard chain, and the program end to end, on the
 * reference and on a Vulkan device. Prints one JSON object; see bench/README.md. */
#define _DEFAULT_SOURCE
#include <jansson.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chain.h"
#include "decode.h"
#include "device.h"
#include "engine_cpu.h"
#include "manifest.h"
#include "memory.h"
#include "plan.h"

enum { MAX_REPEATS = 50 };
extern char **environ;

/* ---- clocks ---- */

struct clocks {
  double wall, cpu; /* seconds; cpu: of this process and its waited-for children */
};

static double seconds_of(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

static struct clocks clocks_now(void) {
  struct timespec t;
  struct rusage own, children;
  clock_gettime(CLOCK_MONOTONIC, &t);
  getrusage(RUSAGE_SELF, &own);
  getrusage(RUSAGE_CHILDREN, &children);
  return (struct clocks){(double)t.tv_sec + 1e-9 * (double)t.tv_nsec,
                         seconds_of(own.ru_utime) + seconds_of(own.ru_stime) +
                             seconds_of(children.ru_utime) + seconds_of(children.ru_stime)};
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Median and spread of the samples as x real time. */
static json_t *rating(double *seconds, int n, double audio_seconds) {
  qsort(seconds, (size_t)n, sizeof *seconds, by_size);
  return json_pack("{s:f, s:f, s:f}", "x_real_time", audio_seconds / seconds[n / 2], "slowest",
                   audio_seconds / seconds[n - 1], "fastest", audio_seconds / seconds[0]);
}

/* ---- passes: an engine that measures another one ---- */

/* A render at another rate than the source's has a second session: its slots follow those
 * of the first. */
enum { SESSIONS = 2, ALL_SLOTS = SESSIONS * MAX_SLOTS };
struct meter {
  const struct engine *engine;
  const struct stage *stage[ALL_SLOTS];
  struct session *session[SESSIONS];
  int first_slot[SESSIONS], n_sessions; /* that are open */
  int n_slots, n_runs; /* repetition in progress */
  double cpu[ALL_SLOTS][MAX_STAGE_PASSES][MAX_REPEATS];
};
static struct meter meter; /* the engine interface has no room for a context in run() */

static enum engine_status measured_run(struct session *s, int slot, int pass, int32_t first,
                                       int32_t count, const uint64_t *mask) {
  const struct clocks before = clocks_now();
  const int session = s == meter.session[0] ? 0 : 1;
  enum engine_status status = meter.engine->run(s, slot, pass, first, count, mask);
  if (!status) status = meter.engine->finish(s);
  meter.cpu[meter.first_slot[session] + slot][pass][meter.n_runs] += clocks_now().cpu - before.cpu;
  return status;
}

static enum engine_status measured_open(void *self, const struct session_plan *plan,
                                        struct session **out) {
  const enum engine_status status = meter.engine->open(self, plan, out);
  if (status) return status;
  if (!meter.n_sessions) meter.n_slots = 0;
  meter.session[meter.n_sessions] = *out;
  meter.first_slot[meter.n_sessions++] = meter.n_slots;
  for (int i = 0; i < plan->n_slots; i++) meter.stage[meter.n_slots++] = plan->slots[i].stage;
  return status;
}

static void measured_close(struct session *s) {
  meter.engine->close(s);
  meter.n_sessions--;
}

static void ignore(void *context, int lane, int tail, const int32_t *pcm,
                   const struct tail_result *result) {
  (void)context, (void)lane, (void)tail, (void)pcm, (void)result;
}

static json_t *passes_of(int repeats, double audio_seconds) {
  json_t *list = json_array();
  for (int s = 0; s < meter.n_slots; s++)
    for (int p = 0; meter.stage[s]->passes[p].name; p++) {
      double sum = 0;
      for (int i = 0; i < repeats; i++) sum += meter.cpu[s][p][i];
      if (sum <= 0) continue;
      json_t *row = json_pack("{s:i, s:s, s:s}", "slot", s, "stage", meter.stage[s]->name, "pass",
                              meter.stage[s]->passes[p].name);
      json_object_set_new(row, "per_core", rating(meter.cpu[s][p], repeats, audio_seconds));
      json_array_append_new(list, row);
    }
  return list;
}

/* The chain on one engine: all passes (times of every call added up), then as a whole. */
static json_t *bench_engine(const struct engine *engine, struct batch *batch, int repeats,
                            double audio_seconds) {
  struct engine measured = *engine;
  double whole[MAX_REPEATS];
  memset(&meter, 0, sizeof meter);
  meter.engine = engine;
  measured.run = measured_run;
  measured.open = measured_open;
  measured.close = measured_close;
  batch_render(engine, batch); /* warm-up */
  for (meter.n_runs = 0; meter.n_runs < repeats; meter.n_runs++)
    if (batch_render(&measured, batch)) return json_null();
  for (int i = 0; i < repeats; i++) {
    const double before = clocks_now().cpu;
    batch_render(engine, batch);
    whole[i] = clocks_now().cpu - before;
  }
  json_t *object = json_pack("{s:s, s:s}", "engine", engine->name, "driver", engine->driver);
  json_object_set_new(object, "chain_and_one_variant_per_core",
                      rating(whole, repeats, audio_seconds));
  json_object_set_new(object, "passes", passes_of(repeats, audio_seconds));
  return object;
}

/* ---- end to end: the program itself ---- */

static int run_program(const char *manifest, const char *device, const char *verify) {
  char *folder = memory_print("%s.out", manifest);
  char *argv[] = {LACQUER_PROGRAM, "render", (char *)manifest, "-o", folder, "--device",
                  (char *)device,  "--verify", (char *)verify, "--force", "-q", NULL};
  pid_t pid;
  int status = -1;
  if (!posix_spawn(&pid, argv[0], NULL, NULL, argv, environ)) waitpid(pid, &status, 0);
  free(folder);
  return status;
}

static json_t *bench_program(const char *manifest, const char *device, const char *verify,
                             int repeats, double delivered_seconds) {
  double cpu[MAX_REPEATS], wall[MAX_REPEATS];
  for (int i = -1; i < repeats; i++) { /* the first is the warm-up */
    const struct clocks before = clocks_now();
    if (run_program(manifest, device, verify)) return json_null();
    const struct clocks after = clocks_now();
    if (i < 0) continue;
    cpu[i] = after.cpu - before.cpu;
    wall[i] = after.wall - before.wall;
  }
  json_t *object = json_pack("{s:s, s:s}", "device", device, "verify", verify);
  json_object_set_new(object, "per_core", rating(cpu, repeats, delivered_seconds));
  json_object_set_new(object, "wall", rating(wall, repeats, delivered_seconds));
  return object;
}

/* ---- one track and the first variant of a manifest ---- */

struct setup {
  struct manifest *manifest;
  struct plan *plan;
  struct audio audio;
  struct track_plan track;
  struct lane_job lane;
  struct batch batch;
  double delivered_seconds; /* of audio, all tracks and variants */
};

static int prepare(struct setup *s, const char *path) {
  struct failure why = {0};
  struct source_identity id = {0};
  if (manifest_read(path, stderr, &s->manifest)) return -1;
  enum status status = plan_create(s->manifest, "unused", NULL, &s->plan, &why);
  for (int t = s->manifest->n_tracks - 1; t >= 0 && !status; t--) {
    audio_free(&s->audio);
    status = decode_file(s->manifest->tracks[t].source, &s->audio, &why);
    if (!status)
      s->delivered_seconds +=
          (double)s->audio.n_frames / s->audio.rate_hz * s->manifest->tracks[t].n_variants;
  }
  if (!status) {
    id = source_identity_of(&s->audio);
    status = track_plan_make(s->plan, 0, &id, &s->track, &why);
  }
  if (status) {
    fprintf(stderr, "lacquer_bench: %s\n", why.text);
    return -1;
  }
  s->lane = (struct lane_job){.pcm = {s->audio.pcm[0], s->audio.pcm[1]},
                              .n_frames = s->audio.n_frames, .n_tails = 1,
                              .tails = &s->track.units[0].tail};
  memcpy(s->lane.design, s->track.design, sizeof s->lane.design);
  s->batch = (struct batch){.rate_hz = s->audio.rate_hz, .channels = s->audio.channels,
                            .n_stages = s->track.n_stages, .n_lanes = 1, .segment_blocks = 64,
                            .loudness = s->track.loudness,
                            .band_limit = s->track.band_limit, .clip = s->track.clip,
                            .lanes = &s->lane, .tier = VERIFY_OFF,
                            .deliver = ignore};
  memcpy(s->batch.stage, s->track.stage, sizeof s->batch.stage);
  return 0;
}

static void bench_device(const struct setup *s, const char *path, const char *spec, int repeats,
                         json_t *engines, json_t *programs) {
  static const char *const tiers[] = {"off", "sample", "full"};
  struct device device;
  struct failure why = {0};
  struct batch batch = s->batch;
  if (device_open(spec, &device, &why)) {
    fprintf(stderr, "lacquer_bench: %s\n", why.text);
    return;
  }
  fprintf(stderr, "%s: passes\n", device.engine.name);
  json_array_append_new(engines, bench_engine(&device.engine, &batch, repeats,
                                              (double)s->audio.n_frames / s->audio.rate_hz));
  device_close(&device);
  for (int i = 0; i < 3; i++) {
    fprintf(stderr, "%s: end to end, --verify %s\n", spec, tiers[i]);
    json_array_append_new(programs,
                          bench_program(path, spec, tiers[i], repeats, s->delivered_seconds));
  }
}

int main(int argc, char **argv) {
  struct setup s = {0};
  if (argc < 3) {
    fprintf(stderr, "usage: lacquer_bench REPEATS MANIFEST [DEVICE ...]\n");
    return 64;
  }
  const int repeats = atoi(argv[1]) < 1 ? 1 : atoi(argv[1]) > MAX_REPEATS ? MAX_REPEATS
                                                                          : atoi(argv[1]);
  if (prepare(&s, argv[2])) return 65;
  json_t *engines = json_array(), *programs = json_array();
  bench_device(&s, argv[2], "cpu", repeats, engines, programs);
  for (int i = 3; i < argc; i++) bench_device(&s, argv[2], argv[i], repeats, engines, programs);
  json_t *root = json_pack("{s:i, s:i, s:f, s:f, s:o, s:o}", "lacquer_bench", 1, "repeats", repeats,
                           "audio_seconds", (double)s.audio.n_frames / s.audio.rate_hz,
                           "delivered_seconds", s.delivered_seconds, "engines", engines,
                           "programs", programs);
  json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
  putchar('\n');
  json_decref(root);
  track_plan_free(&s.track);
  audio_free(&s.audio);
  plan_destroy(&s.plan);
  manifest_destroy(&s.manifest);
  return 0;
}
