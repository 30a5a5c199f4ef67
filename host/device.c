/* SPDX-License-Identifier: MIT
 * See device.h. */
#include "device.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "dither.h"
#include "band_limit.h"
#include "clip.h"
#include "engine_cpu.h"
#include "eq.h"
#include "gpu.h"
#include "limiter.h"
#include "loudness.h"
#include "memory.h"
#include "multiband.h"
#include "resample.h"

/* ---- the chain test: a short signal through every stage, all bits compared ---- */

enum { TEST_FRAMES = 30000, TEST_RATE = 48000, TEST_OTHER_RATE = 44100, TEST_LANES = 2 };
struct chain_test {
  struct stage_design design[7]; /* eq, multiband, loudness, limiter, dither, band_limit, clip */
  /* at TEST_OTHER_RATE: resample, loudness, band_limit, clip, limiter */
  struct stage_design other[5];
  float *pcm;
  int delivered;
};

static void count_delivery(void *context, int lane, int tail, const int32_t *pcm,
                           const struct tail_result *result) {
  (void)lane, (void)tail, (void)pcm, (void)result;
  ((struct chain_test *)context)->delivered++;
}

static int design_test(struct chain_test *t) {
  const struct stage_format format = {TEST_RATE, 2, NULL, NULL};
  const struct stage_format other = {TEST_OTHER_RATE, 2, NULL, NULL};
  const struct resample_params resample = {TEST_OTHER_RATE};
  struct eq_params eq;
  struct multiband_params multiband;
  struct loudness_params loudness;
  struct limiter_params limiter;
  const struct band_limit_params band_limit = {0};
  const struct clip_params clip = {0};
  struct dither_params dither;
  params_init(stage_eq.rows, &eq);
  params_init(stage_multiband.rows, &multiband);
  params_init(stage_loudness.rows, &loudness);
  params_init(stage_limiter.rows, &limiter);
  params_init(stage_dither.rows, &dither);
  eq.n_bands = 2;
  eq.bands[0] = (struct eq_band)EQ_BAND(EQ_HIGHPASS, EQ_STEREO, 30, 0, 0.7, 24);
  eq.bands[1] = (struct eq_band)EQ_BAND(EQ_BELL, EQ_SIDE, 3000, 4, 1, 12);
  multiband.n_crossovers = 1;
  multiband.crossover_hz[0] = 500;
  multiband.n_bands = 2;
  multiband.bands[0] = (struct multiband_band){-30, 3, 6, 5, 80, 1, MULTIBAND_PLAIN};
  multiband.bands[1] = (struct multiband_band){-35, 2, 0, 1, 50, 0, MULTIBAND_PLAIN};
  limiter.true_peak_db = -1;
  const char *why;
  return stage_eq.design(&eq, &format, &t->design[0], &why) ||
         stage_multiband.design(&multiband, &format, &t->design[1], &why) ||
         stage_loudness.design(&loudness, &format, &t->design[2], &why) ||
         stage_limiter.design(&limiter, &format, &t->design[3], &why) ||
         stage_dither.design(&dither, &format, &t->design[4], &why) ||
         stage_band_limit.design(&band_limit, &format, &t->design[5], &why) ||
         stage_clip.design(&clip, &format, &t->design[6], &why) ||
         stage_resample.design(&resample, &format, &t->other[0], &why) ||
         stage_loudness.design(&loudness, &other, &t->other[1], &why) ||
         stage_band_limit.design(&band_limit, &other, &t->other[2], &why) ||
         stage_clip.design(&clip, &other, &t->other[3], &why) ||
         stage_limiter.design(&limiter, &other, &t->other[4], &why);
}

static void fill_signal(float *x, int n) { /* noise bursts over a slow beat */
  uint32_t s = 1;
  for (int i = 0; i < n; i++) {
    s = s * 1664525u + 1013904223u;
    const float noise = (float)(int32_t)s * 0x1p-31f;
    x[i] = noise * (float)(i / 2000 % 4) * 0.2f;
  }
}

static enum status run_chain_test(const struct engine *engine, struct chain_test *t,
                                  struct failure *why) {
  struct tail tails[2];
  tails[0] = (struct tail){.loudness_lufs = -10, .ceiling = -LIMITER_OCTAVE / 6,
                           .limiter = &t->design[3], .dither = &t->design[4],
                           .band_limit = BAND_LIMIT_ON, .clip_db = 2, .seed = 1,
                           .max_reduction_db = NAN, .drive_db = NAN};
  tails[1] = tails[0];
  tails[1].to = (struct conversion){.rate_hz = TEST_OTHER_RATE, .resample = &t->other[0],
                                    .loudness = &t->other[1], .band_limit = &t->other[2],
                                    .clip = &t->other[3]};
  tails[1].limiter = &t->other[4];
  struct lane_job lanes[TEST_LANES];
  struct batch batch = {.rate_hz = TEST_RATE, .channels = 2, .n_stages = 2,
                        .n_lanes = TEST_LANES, .segment_blocks = 4,
                        .stage = {&stage_eq, &stage_multiband}, .loudness = &t->design[2],
                        .band_limit = &t->design[5],
                        .clip = &t->design[6],
                        .lanes = lanes, .tier = VERIFY_FULL, .deliver = count_delivery,
                        .context = t};
  for (int i = 0; i < TEST_LANES; i++)
    lanes[i] = (struct lane_job){.pcm = {t->pcm, t->pcm + TEST_FRAMES},
                                 .n_frames = TEST_FRAMES - 5000 * i,
                                 .design = {&t->design[0], &t->design[1]}, .n_tails = 2,
                                 .tails = tails};
  if (batch_render(engine, &batch)) {
    char fault[160];
    gpu_engine_fault(engine, fault, sizeof fault);
    return fail(why, STATUS_NO_DEVICE, "%s: the chain test did not run%s%s: device not used",
                engine->name, *fault ? ": " : "", fault);
  }
  for (int i = 0; i < TEST_LANES; i++) {
    const struct mismatch *m = &lanes[i].mismatch;
    if (m->found)
      return fail(why, STATUS_NO_DEVICE,
                  "%s: wrong bits in the chain test (%s %s, channel %d, frame %d: %08x, reference "
                  "%08x): device not used", engine->name, m->stage, m->data, m->channel, m->frame,
                  m->device_word, m->reference_word);
  }
  return t->delivered == 2 * TEST_LANES
             ? STATUS_OK
             : fail(why, STATUS_NO_DEVICE, "%s: the chain test delivered nothing", engine->name);
}

static enum status prove_chain(const struct engine *engine, struct failure *why) {
  if (getenv(TEST_FLIP_VARIABLE)) return STATUS_OK; /* the hook is for renders */
  if (gpu_proof_known(engine, "chain")) return STATUS_OK;
  struct chain_test t = {.pcm = malloc(2 * TEST_FRAMES * sizeof(float))};
  enum status status = STATUS_AGAIN;
  if (t.pcm && !design_test(&t)) {
    fill_signal(t.pcm, 2 * TEST_FRAMES);
    status = run_chain_test(engine, &t, why);
    if (!status) gpu_proof_record(engine, "chain");
  } else {
    fail(why, status, "chain test: out of memory");
  }
  for (int i = 0; i < 7; i++) stage_design_free(&t.design[i]);
  for (int i = 0; i < 5; i++) stage_design_free(&t.other[i]);
  free(t.pcm);
  return status;
}

/* ---- opening ---- */

static enum status open_vulkan(const char *spec, struct device *out, struct failure *why) {
  const struct gpu_choice choice = {spec};
  enum status status = gpu_engine_create(&choice, &out->engine, why);
  if (status) return status;
  out->is_software = gpu_engine_info(&out->engine)->is_software;
  status = prove_chain(&out->engine, why);
  if (status) gpu_engine_destroy(&out->engine);
  return status;
}

enum status device_open(const char *spec, struct device *out, struct failure *why) {
  struct failure failure = {0};
  *out = (struct device){0};
  if (!strcmp(spec, "cpu")) {
    out->engine = engine_cpu;
    return STATUS_OK;
  }
  enum status status = open_vulkan(spec, out, &failure);
  if (status == STATUS_NO_DEVICE && !strcmp(spec, "auto")) {
    out->engine = engine_cpu;
    snprintf(out->note, sizeof out->note, "no GPU used (%.180s): rendering on the CPU reference",
             failure.text);
    return STATUS_OK;
  }
  return status ? fail(why, status, "%s", failure.text) : STATUS_OK;
}

void device_close(struct device *device) {
  if (device->engine.is_gpu) gpu_engine_destroy(&device->engine);
  *device = (struct device){0};
}

/* ---- listing ---- */

static void print_device(FILE *out, bool json, const struct gpu_device_info *d,
                         const char *result) {
  if (!json) {
    fprintf(out, "index:%d  %s  (%s)\n         %s\n         uuid:%s%s%s\n         self-test: %s\n",
            d->index, d->name, d->type, d->driver, d->uuid, *d->pci ? "  pci:" : "", d->pci,
            result);
    return;
  }
  json_t *line = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:b, s:s}", "index", d->index, "name",
                           d->name, "type", d->type, "driver", d->driver, "uuid", d->uuid, "pci",
                           d->pci, "usable", d->usable, "self_test", result);
  json_dumpf(line, out, JSON_COMPACT);
  fputc('\n', out);
  json_decref(line);
}

int device_list(FILE *out, bool json) {
  struct gpu_device_info *list = memory_new(GPU_MAX_DEVICES, sizeof *list);
  struct failure why = {0};
  int n = 0;
  if (gpu_list_devices(list, &n, &why)) fprintf(stderr, "lacquer: %s\n", why.text);
  for (int i = 0; i < n; i++) {
    struct device device;
    char spec[32], result[1024];
    snprintf(spec, sizeof spec, "index:%d", list[i].index);
    if (device_open(spec, &device, &why)) {
      snprintf(result, sizeof result, "FAILED: %s", why.text);
    } else {
      snprintf(result, sizeof result, "%s; whole chain equal to the reference",
               gpu_engine_info(&device.engine)->selftest);
      device_close(&device);
    }
    print_device(out, json, &list[i], result);
  }
  free(list);
  if (json) fprintf(out, "{\"index\":null,\"name\":\"cpu\",\"type\":\"cpu\",\"usable\":true}\n");
  else fprintf(out, "cpu      the reference itself, on every core\n");
  return STATUS_OK;
}
