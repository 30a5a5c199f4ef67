/* SPDX-License-Identifier: MIT
 * See pass_work.h: what a core and a device can do at most. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clones.h"
#include "gpu_memory.h"
#include "gpu_pass.h"
#include "gpu_queue.h"
#include "memory.h"
#include "pass_work.h"
#include "pipeline.h"

enum { TRIES = 5 };

static double seconds_of(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- a core ---- */

enum { CORE_BYTES = 128 << 20, CORE_STEPS = 1 << 20, CHAINS = 8, WIDTH = 16 };
typedef float wide __attribute__((vector_size(WIDTH * sizeof(float))));

LACQUER_CLONES
static float multiply_add(float seed) {
  wide x[CHAINS], a, b, sum = {0};
  for (int i = 0; i < WIDTH; i++) a[i] = 0.5f + 0.01f * (float)i, b[i] = seed;
  for (int c = 0; c < CHAINS; c++) x[c] = b + (float)c;
  for (int i = 0; i < CORE_STEPS; i++)
    for (int c = 0; c < CHAINS; c++) x[c] = x[c] * a + b;
  for (int c = 0; c < CHAINS; c++) sum += x[c];
  return sum[0];
}

struct ceilings cpu_ceilings(void) {
  char *from = malloc(CORE_BYTES), *to = malloc(CORE_BYTES);
  double copy_s = 1e9, arithmetic_s = 1e9;
  volatile float seed = 1;
  for (int i = 0; i <= TRIES && from && to; i++) { /* the first touches the pages */
    const double before = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    if (!i) memset(from, 1, CORE_BYTES);
    memcpy(to, from, CORE_BYTES);
    const double copied = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    seed = multiply_add(seed);
    const double done = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    if (i && copied - before < copy_s) copy_s = copied - before;
    if (i && done - copied < arithmetic_s) arithmetic_s = done - copied;
    from[i] = to[i]; /* the copy is used */
  }
  free(from);
  free(to);
  return (struct ceilings){2.0 * CORE_BYTES / copy_s,
                           2.0 * CORE_STEPS * CHAINS * WIDTH / arithmetic_s};
}

/* ---- a device ---- */

enum {
  GROUP = 256,
  COPY_GROUP_BYTES = 64 << 10, /* as in copy.comp */
  ARITHMETIC_OPS = 64,         /* of a step and invocation, as in multiply_add.comp */
  ARITHMETIC_GROUPS = 2048,
  MOST_STEPS = 1 << 15,        /* lavapipe: 65,535 loop iterations, not more */
};
static const double LONG_ENOUGH_S = 0.02;

struct rig {
  struct gpu_device *device;
  clockid_t clock; /* of a device that is software the CPU's, as for its passes */
  struct gpu_chunk buffer;
  VkCommandPool pool;
  VkCommandBuffer commands;
  VkSemaphore timeline;
  uint64_t value;
};

static enum engine_status make_named(struct gpu_device *device, const char *name,
                                     VkPipeline *out) {
  char *path = memory_print("%s/%s.spv", BENCH_SHADERS, name);
  uint32_t *code = memory_new(1 << 16, 1);
  FILE *f = fopen(path, "rb");
  const size_t words = f ? fread(code, 4, (1 << 16) / 4, f) : 0;
  enum engine_status status =
      words ? pipeline_make(device, code, words, out)
            : gpu_check(device, VK_ERROR_FEATURE_NOT_PRESENT, "shader of the bench");
  if (f) fclose(f);
  free(code);
  free(path);
  return status;
}

/* One dispatch, `times` over, in seconds; 0 when it failed. */
static double dispatch(struct rig *r, VkPipeline pipeline, int32_t argument, uint32_t groups,
                       int times) {
  const struct gpu_push push = {r->buffer.address, argument, 0};
  if (gpu_commands_begin(r->device, r->commands)) return 0;
  vkCmdBindPipeline(r->commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  vkCmdPushConstants(r->commands, r->device->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push,
                     &push);
  for (int i = 0; i < times; i++) {
    vkCmdDispatch(r->commands, groups, 1, 1);
    gpu_barrier(r->commands);
  }
  const double before = seconds_of(r->clock);
  if (gpu_submit(r->device, r->commands, r->timeline, ++r->value)) return 0;
  if (gpu_wait(r->device, r->timeline, r->value)) return 0;
  return seconds_of(r->clock) - before;
}

/* Of one dispatch, the best; as many at once as make a time that can be measured. */
static double best_of(struct rig *r, const char *name, int32_t argument, uint32_t groups) {
  VkPipeline pipeline = VK_NULL_HANDLE;
  double best = 0;
  if (make_named(r->device, name, &pipeline)) return 0;
  int times = 1;
  while (dispatch(r, pipeline, argument, groups, times) < LONG_ENOUGH_S && times < 1 << 12)
    times *= 2;
  for (int i = 0; i < TRIES; i++) {
    const double s = dispatch(r, pipeline, argument, groups, times) / times;
    if (s > 0 && (best <= 0 || s < best)) best = s;
  }
  vkDestroyPipeline(r->device->handle, pipeline, NULL);
  return best;
}

struct ceilings gpu_ceilings(const struct engine *engine) {
  struct rig r = {.device = engine->self};
  const bool software = r.device->info.is_software;
  const uint64_t bytes = (uint64_t)(software ? 128 : 1024) << 20;
  r.clock = software ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
  const int32_t steps = software ? 256 : MOST_STEPS / 8;
  struct ceilings out = {0};
  enum engine_status status = gpu_buffer_create(
      r.device, bytes, 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, true, &r.buffer);
  if (!status) status = gpu_timeline_create(r.device, &r.timeline);
  if (!status) status = gpu_commands_create(r.device, 1, &r.pool, &r.commands);
  if (!status) {
    const uint32_t copy_groups = (uint32_t)(bytes / 2 / COPY_GROUP_BYTES);
    const double copy_s = best_of(&r, "copy", (int32_t)(bytes / 2 / 16), copy_groups);
    const double arithmetic_s = best_of(&r, "multiply_add", steps, ARITHMETIC_GROUPS);
    if (copy_s > 0) out.copy_bytes_per_s = (double)bytes / copy_s;
    if (arithmetic_s > 0)
      out.float_ops_per_s =
          (double)ARITHMETIC_GROUPS * GROUP * steps * ARITHMETIC_OPS / arithmetic_s;
  }
  gpu_buffer_destroy(r.device, &r.buffer);
  vkDestroySemaphore(r.device->handle, r.timeline, NULL);
  vkDestroyCommandPool(r.device->handle, r.pool, NULL);
  return out;
}
