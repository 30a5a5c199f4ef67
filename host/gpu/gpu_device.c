/* SPDX-License-Identifier: MIT
 * Opens and closes a Vulkan device. */
#include "gpu_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_lockstep.h"
#include "gpu_pass.h"

struct gpu_answer gpu_answer(VkResult result) {
  static const struct {
    VkResult result;
    struct gpu_answer answer;
  } known[] = {
      {VK_ERROR_OUT_OF_HOST_MEMORY, {true, "out of host memory"}},
      {VK_ERROR_OUT_OF_DEVICE_MEMORY, {true, "out of device memory"}},
      {VK_ERROR_MEMORY_MAP_FAILED, {true, "memory cannot be mapped"}},
      {VK_ERROR_TOO_MANY_OBJECTS, {true, "too many objects"}},
      {VK_TIMEOUT, {false, "timed out"}},
      {VK_ERROR_DEVICE_LOST, {false, "device lost"}},
      {VK_ERROR_INITIALIZATION_FAILED, {false, "initialization failed"}},
      {VK_ERROR_FEATURE_NOT_PRESENT, {false, "not supported"}},
  };
  struct gpu_answer answer = {.memory = false};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].result == result) return known[i].answer;
  snprintf(answer.text, sizeof answer.text, "VkResult %d", result);
  return answer;
}

enum engine_status gpu_check(struct gpu_device *device, VkResult result, const char *call) {
  if (result == VK_SUCCESS) return ENGINE_OK;
  const struct gpu_answer answer = gpu_answer(result);
  pthread_mutex_lock(&device->fault_lock);
  if (!device->lost) snprintf(device->fault, sizeof device->fault, "%s: %s", call, answer.text);
  if (!answer.memory) atomic_store(&device->lost, true);
  pthread_mutex_unlock(&device->fault_lock);
  return answer.memory ? ENGINE_NO_MEMORY : ENGINE_DEVICE_LOST;
}

static enum engine_status open_device(struct gpu_device *device) {
  float priority = 1;
  device->family = (uint32_t)gpu_compute_family(device->physical);
  VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                   .queueFamilyIndex = device->family,
                                   .queueCount = 1,
                                   .pQueuePriorities = &priority};
  VkPhysicalDeviceVulkan12Features features = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
      .bufferDeviceAddress = VK_TRUE,
      .timelineSemaphore = VK_TRUE};
  VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                             .pNext = &features,
                             .queueCreateInfoCount = 1,
                             .pQueueCreateInfos = &queue};
  enum engine_status status = gpu_check(
      device, vkCreateDevice(device->physical, &info, NULL, &device->handle), "vkCreateDevice");
  if (status) return status;
  vkGetDeviceQueue(device->handle, device->family, 0, &device->queue);
  status = gpu_passes_create(device);
  return status ? status : lockstep_create(device);
}

static void read_limits(struct gpu_device *device) {
  VkPhysicalDeviceProperties properties;
  vkGetPhysicalDeviceProperties(device->physical, &properties);
  vkGetPhysicalDeviceMemoryProperties(device->physical, &device->memory);
  device->max_groups_x = properties.limits.maxComputeWorkGroupCount[0];
  memcpy(device->cache_uuid, properties.pipelineCacheUUID, VK_UUID_SIZE);
}

static enum status find_device(struct gpu_device *device, const char *spec, struct failure *why) {
  VkPhysicalDevice physical[GPU_MAX_DEVICES];
  struct gpu_device_info list[GPU_MAX_DEVICES];
  struct failure local = {.status = STATUS_NO_DEVICE};
  int n;
  enum status status = gpu_instance_create(&device->instance, why);
  if (!status) status = gpu_enumerate(device->instance.handle, physical, list, &n, why);
  if (status) return status;
  int chosen = gpu_choose(spec, list, n, &local);
  if (chosen < 0) return fail(why, local.status, "%s", local.text);
  device->physical = physical[chosen];
  device->info = list[chosen];
  return STATUS_OK;
}

enum status gpu_device_create(const char *spec, struct gpu_device **out, struct failure *why) {
  struct gpu_device *device = calloc(1, sizeof *device);
  *out = NULL;
  if (!device) return fail(why, STATUS_INTERNAL, "out of memory");
  pthread_mutex_init(&device->lock, NULL);
  pthread_mutex_init(&device->fault_lock, NULL);
  enum status status = find_device(device, spec, why);
  if (!status) {
    read_limits(device);
    if (open_device(device))
      status = fail(why, STATUS_NO_DEVICE, "%s cannot be opened: %s", device->info.name,
                    device->fault[0] ? device->fault : "out of memory");
  }
  if (status) gpu_device_destroy(&device);
  *out = device;
  return status;
}

void gpu_device_destroy(struct gpu_device **device_at) {
  struct gpu_device *device = *device_at;
  *device_at = NULL;
  if (!device || device->hung) return; /* work may still run: leave it to the process's end */
  lockstep_destroy(device);
  if (device->handle) gpu_passes_destroy(device);
  vkDestroyDevice(device->handle, NULL);
  gpu_instance_destroy(&device->instance);
  pthread_mutex_destroy(&device->lock);
  pthread_mutex_destroy(&device->fault_lock);
  free(device);
}
