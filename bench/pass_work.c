/* SPDX-License-Identifier: MIT
 * See pass_work.h. */
#include "pass_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_memory.h"
#include "gpu_pass.h"
#include "memory.h"
#include "pipeline.h"
#include "shaders.h"

struct pass_work {
  struct gpu_device *device;
  struct gpu_chunk counters;
  uint32_t *mapped;
  struct spirv_counted *shader; /* as in shader_table */
  int *first;                   /* counter of each shader */
};

static int block_count(const struct shader_binary *shader, struct spirv_counted *out) {
  spirv_count(shader->code, shader->size / 4, 0, out);
  const int n = out->n_blocks;
  spirv_counted_free(out);
  return n;
}

static enum engine_status make_counters(struct pass_work *w, int n) {
  const VkMemoryPropertyFlags host =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  void *mapped = NULL;
  enum engine_status status =
      gpu_buffer_create(w->device, 4 * (uint64_t)n, host, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, true,
                        &w->counters);
  if (!status)
    status = gpu_check(w->device, vkMapMemory(w->device->handle, w->counters.memory, 0,
                                              VK_WHOLE_SIZE, 0, &mapped), "vkMapMemory");
  w->mapped = mapped;
  if (mapped) memset(mapped, 0, 4 * (size_t)n);
  return status;
}

/* In the place of the pipelines that the device has, or would make when they are needed. */
static enum engine_status replace_pipelines(struct pass_work *w) {
  enum engine_status status = ENGINE_OK;
  for (int i = 0; i < shader_count && !status; i++) {
    VkPipeline pipeline = VK_NULL_HANDLE;
    spirv_count(shader_table[i].code, shader_table[i].size / 4,
                w->counters.address + 4 * (uint64_t)w->first[i], &w->shader[i]);
    status = pipeline_make(w->device, w->shader[i].code, w->shader[i].words, &pipeline);
    if (status) break;
    vkDestroyPipeline(w->device->handle, w->device->pipelines[i], NULL);
    w->device->pipelines[i] = pipeline;
  }
  return status;
}

struct pass_work *pass_work_create(const struct engine *engine) {
  struct pass_work *w = memory_new(1, sizeof *w);
  int n = 0;
  w->device = engine->self;
  w->shader = memory_new((size_t)shader_count, sizeof *w->shader);
  w->first = memory_new((size_t)shader_count, sizeof *w->first);
  for (int i = 0; i < shader_count; i++) {
    w->first[i] = n;
    n += block_count(&shader_table[i], &w->shader[i]);
  }
  enum engine_status status = make_counters(w, n);
  if (!status) status = replace_pipelines(w);
  if (status) pass_work_destroy(&w);
  return w;
}

void pass_work_destroy(struct pass_work **work) {
  struct pass_work *w = *work;
  if (!w) return;
  gpu_buffer_destroy(w->device, &w->counters); /* ends the mapping, too */
  for (int i = 0; i < shader_count; i++) spirv_counted_free(&w->shader[i]);
  free(w->shader);
  free(w->first);
  free(w);
  *work = NULL;
}

void pass_work_take(struct pass_work *w, const struct stage *stage, int pass, struct work *sum) {
  char name[96];
  snprintf(name, sizeof name, "%s_%s", stage->shaders ? stage->shaders : stage->name,
           stage->passes[pass].name);
  for (int i = 0; i < shader_count; i++) {
    if (strcmp(shader_table[i].name, name)) continue;
    for (int b = 0; b < w->shader[i].n_blocks; b++) {
      work_add(sum, &w->shader[i].block[b], w->mapped[w->first[i] + b]);
      w->mapped[w->first[i] + b] = 0;
    }
  }
}
