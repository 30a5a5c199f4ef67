/* SPDX-License-Identifier: MIT
 * How fast: every pass of the standard chain, and the program end to end, on the
 * reference and on a Vulkan device. Prints one JSON object; see bench/README.md. */
#define _DEFAULT_SOURCE
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "chain.h"
#include "clocks.h"
#include "decode.h"
#include "device.h"
#include "manifest.h"
#include "memory.h"
#include "pass_meter.h"
#include "plan.h"

enum {
  DEVICE_LANES = 32,    /* of a device that is no software: one track cannot fill it */
  DEVICE_SEGMENT = 512, /* as render.c has it */
};
extern char **environ;

static void ignore(void *context, int lane, int tail, const int32_t *pcm,
                   const struct tail_result *result) {
  (void)context, (void)lane, (void)tail, (void)pcm, (void)result;
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
  json_object_set_new(object, "per_core", clocks_rating(cpu, repeats, delivered_seconds));
  json_object_set_new(object, "wall", clocks_rating(wall, repeats, delivered_seconds));
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
  struct lane_job lanes[DEVICE_LANES];
  if (device_open(spec, &device, &why)) {
    fprintf(stderr, "lacquer_bench: %s\n", why.text);
    return;
  }
  if (device.engine.is_gpu && !device.is_software) {
    for (int i = 0; i < DEVICE_LANES; i++) lanes[i] = s->lane;
    batch.lanes = lanes;
    batch.n_lanes = DEVICE_LANES;
    batch.segment_blocks = DEVICE_SEGMENT;
  }
  fprintf(stderr, "%s: passes\n", device.engine.name);
  json_array_append_new(engines, pass_meter(&device.engine, &batch, repeats,
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
  json_t *root = json_pack("{s:i, s:i, s:i, s:f, s:f, s:o, s:o}", "lacquer_bench", 2, "repeats",
                           repeats, "rate_hz", s.audio.rate_hz, "audio_seconds",
                           (double)s.audio.n_frames / s.audio.rate_hz, "delivered_seconds",
                           s.delivered_seconds, "engines", engines, "programs", programs);
  json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
  putchar('\n');
  json_decref(root);
  track_plan_free(&s.track);
  audio_free(&s.audio);
  plan_destroy(&s.plan);
  manifest_destroy(&s.manifest);
  return 0;
}
