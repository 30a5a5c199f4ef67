/* SPDX-License-Identifier: MIT
 * See gpu_pass.h. */
#include "gpu_pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_cache.h"
#include "shaders.h"

/* Guards the driver, which trusts what it is given, against a damaged file. */
struct cache_header {
  uint64_t magic, sum;
};
enum { CACHE_MAGIC = 0x4c4b5043 };

static uint64_t fnv1a(const uint8_t *data, size_t size) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * 0x100000001b3u;
  return hash;
}

static void cache_name(const struct gpu_device *device, char name[64]) {
  for (int i = 0; i < (int)VK_UUID_SIZE; i++)
    snprintf(name + 2 * i, 3, "%02x", device->cache_uuid[i]);
  strcpy(name + 2 * VK_UUID_SIZE, ".pipelines");
}

static enum engine_status load_cache(struct gpu_device *device) {
  char name[64];
  size_t size = 0;
  cache_name(device, name);
  uint8_t *file = cache_read(name, &size);
  struct cache_header header = {0};
  VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
  if (file && size > sizeof header) memcpy(&header, file, sizeof header);
  if (header.magic == CACHE_MAGIC &&
      header.sum == fnv1a(file + sizeof header, size - sizeof header)) {
    info.initialDataSize = size - sizeof header;
    info.pInitialData = file + sizeof header;
  }
  VkResult result = vkCreatePipelineCache(device->handle, &info, NULL, &device->cache);
  free(file);
  return gpu_check(device, result, "vkCreatePipelineCache");
}

static void save_cache(struct gpu_device *device) {
  struct cache_header header = {.magic = CACHE_MAGIC};
  char name[64];
  size_t size = 0;
  if (vkGetPipelineCacheData(device->handle, device->cache, &size, NULL) || size == 0) return;
  uint8_t *file = malloc(sizeof header + size);
  if (file && !vkGetPipelineCacheData(device->handle, device->cache, &size, file + sizeof header)) {
    header.sum = fnv1a(file + sizeof header, size);
    memcpy(file, &header, sizeof header);
    cache_name(device, name);
    cache_publish(name, file, sizeof header + size);
  }
  free(file);
}

enum engine_status gpu_passes_create(struct gpu_device *device) {
  VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
                               .size = sizeof(struct gpu_push)};
  VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                       .pushConstantRangeCount = 1,
                                       .pPushConstantRanges = &range};
  device->pipelines = calloc((size_t)shader_count, sizeof *device->pipelines);
  if (!device->pipelines) return ENGINE_NO_MEMORY;
  enum engine_status status = gpu_check(
      device, vkCreatePipelineLayout(device->handle, &layout, NULL, &device->layout),
      "vkCreatePipelineLayout");
  return status ? status : load_cache(device);
}

void gpu_passes_destroy(struct gpu_device *device) {
  if (device->cache && !device->lost) save_cache(device);
  for (int i = 0; device->pipelines && i < shader_count; i++)
    vkDestroyPipeline(device->handle, device->pipelines[i], NULL);
  vkDestroyPipelineCache(device->handle, device->cache, NULL);
  vkDestroyPipelineLayout(device->handle, device->layout, NULL);
  free(device->pipelines);
}

size_t gpu_strip_modes(const uint32_t *code, size_t words, bool rte, bool szinp, uint32_t *out) {
  enum { OP_EXECUTION_MODE = 16, OP_CAPABILITY = 17 };
  size_t n = 5;
  memcpy(out, code, 5 * sizeof *code);
  for (size_t i = 5, length; i < words; i += length) {
    uint32_t op = code[i] & 0xffff;
    length = code[i] >> 16;
    uint32_t value = op == OP_CAPABILITY ? code[i + 1] : op == OP_EXECUTION_MODE ? code[i + 2] : 0;
    if (!rte && ((op == OP_CAPABILITY && value == 4467) ||
                 (op == OP_EXECUTION_MODE && value == 4462)))
      continue;
    if (!szinp && ((op == OP_CAPABILITY && value == 4466) ||
                   (op == OP_EXECUTION_MODE && value == 4461)))
      continue;
    memcpy(out + n, code + i, length * sizeof *code);
    n += length;
  }
  return n;
}

static enum engine_status make_pipeline(struct gpu_device *device,
                                        const struct shader_binary *shader, VkPipeline *out) {
  uint32_t *code = malloc(shader->size);
  if (!code) return ENGINE_NO_MEMORY;
  size_t words = gpu_strip_modes(shader->code, shader->size / 4, device->info.rounds_to_nearest,
                                 device->info.keeps_signed_zero, code);
  VkShaderModuleCreateInfo module_info = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                          .codeSize = 4 * words,
                                          .pCode = code};
  VkShaderModule module = VK_NULL_HANDLE;
  enum engine_status status =
      gpu_check(device, vkCreateShaderModule(device->handle, &module_info, NULL, &module),
                "vkCreateShaderModule");
  free(code);
  if (status) return status;
  VkComputePipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = module,
                .pName = "main"},
      .layout = device->layout};
  status = gpu_check(
      device, vkCreateComputePipelines(device->handle, device->cache, 1, &info, NULL, out),
      "vkCreateComputePipelines");
  vkDestroyShaderModule(device->handle, module, NULL);
  return status;
}

enum engine_status gpu_pass_find(struct gpu_device *device, const char *name, VkPipeline *out) {
  for (int i = 0; i < shader_count; i++) {
    if (strcmp(shader_table[i].name, name)) continue;
    enum engine_status status = ENGINE_OK;
    pthread_mutex_lock(&device->lock);
    if (!device->pipelines[i])
      status = make_pipeline(device, &shader_table[i], &device->pipelines[i]);
    *out = device->pipelines[i];
    pthread_mutex_unlock(&device->lock);
    return status;
  }
  char what[96]; /* a stage without a shader: this build cannot run on any device */
  snprintf(what, sizeof what, "no shader %.64s", name);
  return gpu_check(device, VK_ERROR_FEATURE_NOT_PRESENT, what);
}
