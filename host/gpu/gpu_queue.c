/* SPDX-License-Identifier: MIT
 * See gpu_queue.h. */
#include "gpu_queue.h"

/* A batch that takes longer has hung. Software devices share the CPU with everyone. */
static const uint64_t TIMEOUT_NS = 60000000000u, SOFTWARE_TIMEOUT_NS = 1800000000000u;

enum engine_status gpu_timeline_create(struct gpu_device *device, VkSemaphore *out) {
  VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                    .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
  VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
  return gpu_check(device, vkCreateSemaphore(device->handle, &info, NULL, out),
                   "vkCreateSemaphore");
}

enum engine_status gpu_commands_create(struct gpu_device *device, uint32_t n, VkCommandPool *pool,
                                       VkCommandBuffer *commands) {
  VkCommandPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                  .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                  .queueFamilyIndex = device->family};
  VkCommandBufferAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = n};
  enum engine_status status =
      gpu_check(device, vkCreateCommandPool(device->handle, &info, NULL, pool),
                "vkCreateCommandPool");
  if (status) return status;
  allocate.commandPool = *pool;
  return gpu_check(device, vkAllocateCommandBuffers(device->handle, &allocate, commands),
                   "vkAllocateCommandBuffers");
}

enum engine_status gpu_commands_begin(struct gpu_device *device, VkCommandBuffer commands) {
  VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                   .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
  return gpu_check(device, vkBeginCommandBuffer(commands, &info), "vkBeginCommandBuffer");
}

void gpu_barrier(VkCommandBuffer commands) {
  const VkPipelineStageFlags stages =
      VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  VkMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                       VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT};
  vkCmdPipelineBarrier(commands, stages, stages, 0, 1, &barrier, 0, NULL, 0, NULL);
}

enum engine_status gpu_submit(struct gpu_device *device, VkCommandBuffer commands,
                              VkSemaphore timeline, uint64_t value) {
  VkTimelineSemaphoreSubmitInfo values = {
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .signalSemaphoreValueCount = 1,
      .pSignalSemaphoreValues = &value};
  VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                       .pNext = &values,
                       .commandBufferCount = 1,
                       .pCommandBuffers = &commands,
                       .signalSemaphoreCount = 1,
                       .pSignalSemaphores = &timeline};
  enum engine_status status =
      gpu_check(device, vkEndCommandBuffer(commands), "vkEndCommandBuffer");
  if (status) return status;
  pthread_mutex_lock(&device->lock);
  VkResult result = vkQueueSubmit(device->queue, 1, &info, VK_NULL_HANDLE);
  pthread_mutex_unlock(&device->lock);
  return gpu_check(device, result, "vkQueueSubmit");
}

VkResult gpu_wait(struct gpu_device *device, VkSemaphore timeline, uint64_t value) {
  VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                              .semaphoreCount = 1,
                              .pSemaphores = &timeline,
                              .pValues = &value};
  return vkWaitSemaphores(device->handle, &info,
                          device->info.is_software ? SOFTWARE_TIMEOUT_NS : TIMEOUT_NS);
}

void gpu_settle(struct gpu_device *device, VkSemaphore timeline, uint64_t value, bool timed_out) {
  VkResult result = value ? gpu_wait(device, timeline, value) : VK_SUCCESS;
  if (result == VK_TIMEOUT && !timed_out) result = gpu_wait(device, timeline, value);
  if (result == VK_TIMEOUT) atomic_store(&device->hung, true);
}
