/* SPDX-License-Identifier: MIT
 * One opened Vulkan device: instance, queue, pipelines. Private to host/gpu. */
#ifndef LACQUER_GPU_DEVICE_H
#define LACQUER_GPU_DEVICE_H
#include <pthread.h>
#include <stdatomic.h>
#include <vulkan/vulkan.h>

#include "gpu.h"

struct gpu_instance {
  VkInstance handle;
  VkDebugUtilsMessengerEXT messenger;
};
/* LACQUER_VALIDATION=1 switches the validation layer on; its messages are counted and
 * printed on stderr. */
enum status gpu_instance_create(struct gpu_instance *out, struct failure *why);
void gpu_instance_destroy(struct gpu_instance *instance); /* takes a zeroed one */

struct gpu_device {
  struct gpu_instance instance;
  VkPhysicalDevice physical;
  VkDevice handle;
  VkQueue queue; /* under `lock` */
  uint32_t family;
  struct gpu_device_info info;
  VkPhysicalDeviceMemoryProperties memory;
  uint32_t max_groups_x;
  uint8_t cache_uuid[VK_UUID_SIZE];
  VkPipelineCache cache;
  VkPipelineLayout layout;
  VkPipeline *pipelines; /* by index in shader_table, NULL until asked for; under `lock` */
  struct gpu_lockstep *lockstep;
  uint64_t allocated;    /* bytes of all arenas; under `lock` */
  atomic_bool lost;      /* failed or timed out: every session of it fails from now on */
  atomic_bool hung;      /* never came back: its objects may be in use and are left alone */
  pthread_mutex_t lock;
  pthread_mutex_t fault_lock;
  char fault[160];
};

/* Finds and opens the device that `spec` names. *out is NULL on failure. */
enum status gpu_device_create(const char *spec, struct gpu_device **out, struct failure *why);
void gpu_device_destroy(struct gpu_device **device); /* takes NULL */

/* What a driver answered, in words. */
struct gpu_answer {
  bool memory; /* less work may fit */
  char text[48];
};
struct gpu_answer gpu_answer(VkResult result);

/* Every Vulkan call that can fail goes through here: keeps the fault's text (of a lost
 * device the first), and marks the device lost unless only memory is short. */
enum engine_status gpu_check(struct gpu_device *device, VkResult result, const char *call);

/* Physical devices, described. *n is at most GPU_MAX_DEVICES. */
enum status gpu_enumerate(VkInstance instance, VkPhysicalDevice devices[GPU_MAX_DEVICES],
                          struct gpu_device_info list[GPU_MAX_DEVICES], int *n,
                          struct failure *why);
/* Index in list[n] of the device that `spec` names, or -1 and *why. */
int gpu_choose(const char *spec, const struct gpu_device_info *list, int n, struct failure *why);
/* A queue family with compute, or -1. */
int gpu_compute_family(VkPhysicalDevice physical);
#endif
