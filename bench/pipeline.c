/* SPDX-License-Identifier: MIT
 * See pipeline.h. */
#include "pipeline.h"

#include <stdlib.h>

#include "gpu_pass.h"
#include "memory.h"

enum engine_status pipeline_make(struct gpu_device *device, const uint32_t *code, size_t words,
                                 VkPipeline *out) {
  uint32_t *own = memory_new(words, sizeof *own);
  const size_t n = gpu_strip_modes(code, words, device->info.rounds_to_nearest,
                                   device->info.keeps_signed_zero, own);
  const VkShaderModuleCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                         .codeSize = 4 * n, .pCode = own};
  VkShaderModule module = VK_NULL_HANDLE;
  enum engine_status status = gpu_check(
      device, vkCreateShaderModule(device->handle, &info, NULL, &module), "vkCreateShaderModule");
  free(own);
  if (status) return status;
  const VkComputePipelineCreateInfo pipeline = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT, .module = module, .pName = "main"},
      .layout = device->layout};
  status = gpu_check(device, vkCreateComputePipelines(device->handle, VK_NULL_HANDLE, 1, &pipeline,
                                                      NULL, out), "vkCreateComputePipelines");
  vkDestroyShaderModule(device->handle, module, NULL);
  return status;
}
