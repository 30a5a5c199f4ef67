/* SPDX-License-Identifier: MIT
 * Linked into a program (with one worker) in front of the Vulkan loader: counts the calls
 * that can fail, and makes one of them fail as the environment says. The driver and the
 * validation layer behind see what is let through.
 *
 * LACQUER_VK_FAULT=CALL:NUMBER:KIND, the number from 0, among the calls of that name (-1:
 * each of them while the variable is set); several are parted by commas:
 *   host_memory, device_memory, no_map, no_driver  the call does nothing and returns that
 *   lost     likewise, and the device stays lost: so do all later submits and waits
 *   timeout  this wait and all after it never end
 *   slow     this wait ends too late, the next one finds the work done
 *   upload, download  a bit flips in every buffer for that, before this submit, after this wait
 * LACQUER_VK_COUNTS=FILE: "CALL NUMBER" lines, how often each was called, and "struck 1".
 * LACQUER_VK_DISCRETE=1: software devices say that they are discrete GPUs. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "vk_faults.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

enum { TEXT = 64, CALLS = 32, MAPPED = 64, FLIPPED_WORD = 100 };

static struct {
  const char *name;
  atomic_int n;
} counts[CALLS];
static atomic_bool lost, stuck, struck;
/* Held while something is submitted and while the device is being lost: nothing may run on it
 * afterwards. */
static pthread_mutex_t submits = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct {
  void *data;
  VkDeviceMemory memory;
} mapped[MAPPED];
static _Atomic(VkDevice) device;

static const struct kind {
  const char *name;
  VkResult result;
} kinds[] = {
    {"host_memory", VK_ERROR_OUT_OF_HOST_MEMORY}, {"device_memory", VK_ERROR_OUT_OF_DEVICE_MEMORY},
    {"no_map", VK_ERROR_MEMORY_MAP_FAILED},       {"no_driver", VK_ERROR_INITIALIZATION_FAILED},
    {"lost", VK_ERROR_DEVICE_LOST},               {"timeout", VK_TIMEOUT},
    {"slow", VK_TIMEOUT},                         {"upload", VK_SUCCESS},
    {"download", VK_SUCCESS},
};

static void *real(const char *name) {
  void *function = dlsym(RTLD_NEXT, name);
  if (!function) abort();
  return function;
}

/* Workers submit side by side: the first to see a free place takes it. */
static int count(int place, const char *name) {
  counts[place].name = name;
  return atomic_fetch_add(&counts[place].n, 1);
}

int vk_faults_calls(const char *name) {
  for (int i = 0; i < CALLS; i++)
    if (counts[i].name && !strcmp(counts[i].name, name)) return counts[i].n;
  return 0;
}

__attribute__((destructor)) static void write_counts(void) {
  const char *path = getenv("LACQUER_VK_COUNTS");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  for (int i = 0; i < CALLS; i++)
    if (counts[i].name) fprintf(file, "%s %d\n", counts[i].name, counts[i].n);
  fprintf(file, "struck %d\n", struck);
  fclose(file);
}

static const struct kind *find_kind(const char *name) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (!strcmp(kinds[i].name, name)) return &kinds[i];
  fprintf(stderr, "LACQUER_VK_FAULT: %s\n", name);
  abort();
}

/* The kind of fault that the variable has for this call; NULL: none. */
static const struct kind *planned(const char *name, int number) {
  const char *spec = getenv("LACQUER_VK_FAULT");
  for (; spec && *spec; spec += strcspn(spec, ","), spec += *spec == ',') {
    char call[TEXT], kind[TEXT];
    int at;
    if (sscanf(spec, "%63[^:,]:%d:%63[^,]", call, &at, kind) != 3) break;
    if ((at < 0 || at == number) && !strcmp(call, name)) return find_kind(kind);
  }
  return NULL;
}

/* What call number `number` of this name is to return instead; VK_SUCCESS: what it does. */
static VkResult fault_of(const char *name, int number) {
  const bool waits = !strcmp(name, "vkWaitSemaphores");
  if (lost && (waits || !strcmp(name, "vkQueueSubmit"))) return VK_ERROR_DEVICE_LOST;
  if (stuck && waits) return VK_TIMEOUT;
  const struct kind *kind = planned(name, number);
  if (!kind) return VK_SUCCESS;
  struck = true;
  stuck = !strcmp(kind->name, "timeout");
  /* a lost device does nothing any more: whoever sees that it is may destroy what it was given */
  pthread_mutex_lock(&submits);
  const bool loses = kind->result == VK_ERROR_DEVICE_LOST;
  if (loses && device) ((PFN_vkDeviceWaitIdle)real("vkDeviceWaitIdle"))(device);
  lost = loses;
  pthread_mutex_unlock(&submits);
  for (int i = 0; !kind->result && i < MAPPED; i++)
    if (mapped[i].data) ((uint32_t *)mapped[i].data)[FLIPPED_WORD] ^= 1u << 9;
  return kind->result;
}

/* A call, the parameters by which it is passed on, and what a failure leaves behind. */
#define CALL(place, name, parameters, arguments, cleared)                         \
  VKAPI_ATTR VkResult VKAPI_CALL name parameters {                                \
    const VkResult fault = fault_of(#name, count(place, #name));                  \
    if (!fault) return ((PFN_##name)real(#name)) arguments;                       \
    cleared;                                                                      \
    return fault;                                                                 \
  }
/* vkCreate...(device, info, allocator, &handle) */
#define CREATE(place, name, info_type, handle_type)                                       \
  CALL(place, name,                                                                       \
       (VkDevice on, const info_type *info, const VkAllocationCallbacks *allocator,       \
        handle_type *out), (on, info, allocator, out), *out = VK_NULL_HANDLE)

CALL(0, vkCreateInstance,
     (const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *out),
     (info, allocator, out), *out = VK_NULL_HANDLE)
CALL(1, vkEnumeratePhysicalDevices, (VkInstance on, uint32_t *n, VkPhysicalDevice *out),
     (on, n, out), (void)out)
CALL(2, vkEnumerateDeviceExtensionProperties,
     (VkPhysicalDevice on, const char *layer, uint32_t *n, VkExtensionProperties *out),
     (on, layer, n, out), (void)out)
CREATE(3, vkCreatePipelineLayout, VkPipelineLayoutCreateInfo, VkPipelineLayout)
CREATE(4, vkCreatePipelineCache, VkPipelineCacheCreateInfo, VkPipelineCache)
CREATE(5, vkCreateShaderModule, VkShaderModuleCreateInfo, VkShaderModule)
CREATE(6, vkCreateBuffer, VkBufferCreateInfo, VkBuffer)
CREATE(7, vkAllocateMemory, VkMemoryAllocateInfo, VkDeviceMemory)
CREATE(8, vkCreateCommandPool, VkCommandPoolCreateInfo, VkCommandPool)
CREATE(9, vkCreateSemaphore, VkSemaphoreCreateInfo, VkSemaphore)
CALL(10, vkCreateComputePipelines,
     (VkDevice on, VkPipelineCache cache, uint32_t n, const VkComputePipelineCreateInfo *info,
      const VkAllocationCallbacks *allocator, VkPipeline *out),
     (on, cache, n, info, allocator, out), *out = VK_NULL_HANDLE)
CALL(11, vkGetPipelineCacheData, (VkDevice on, VkPipelineCache cache, size_t *size, void *data),
     (on, cache, size, data), (void)data)
CALL(12, vkBindBufferMemory,
     (VkDevice on, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize at),
     (on, buffer, memory, at), (void)at)
CALL(14, vkAllocateCommandBuffers,
     (VkDevice on, const VkCommandBufferAllocateInfo *info, VkCommandBuffer *out),
     (on, info, out), *out = VK_NULL_HANDLE)
CALL(15, vkBeginCommandBuffer, (VkCommandBuffer on, const VkCommandBufferBeginInfo *info),
     (on, info), (void)info)
CALL(16, vkEndCommandBuffer, (VkCommandBuffer on), (on), (void)on)

VKAPI_ATTR VkResult VKAPI_CALL vkQueueSubmit(VkQueue on, uint32_t n, const VkSubmitInfo *info,
                                             VkFence fence) {
  pthread_mutex_lock(&submits);
  VkResult result = fault_of("vkQueueSubmit", count(17, "vkQueueSubmit"));
  if (!result) result = ((PFN_vkQueueSubmit)real("vkQueueSubmit"))(on, n, info, fence);
  pthread_mutex_unlock(&submits);
  return result;
}

VKAPI_ATTR VkResult VKAPI_CALL vkWaitSemaphores(VkDevice on, const VkSemaphoreWaitInfo *info,
                                                uint64_t timeout_ns) {
  PFN_vkWaitSemaphores wait = (PFN_vkWaitSemaphores)real("vkWaitSemaphores");
  VkResult result = VK_SUCCESS; /* the work is done before anything flips in what it wrote */
  if (!stuck && !lost) result = wait(on, info, timeout_ns);
  const VkResult fault = fault_of("vkWaitSemaphores", count(18, "vkWaitSemaphores"));
  return fault ? fault : result;
}

VKAPI_ATTR VkResult VKAPI_CALL vkMapMemory(VkDevice on, VkDeviceMemory memory, VkDeviceSize at,
                                           VkDeviceSize size, VkMemoryMapFlags flags, void **out) {
  VkResult result = fault_of("vkMapMemory", count(13, "vkMapMemory"));
  *out = NULL;
  if (!result) result = ((PFN_vkMapMemory)real("vkMapMemory"))(on, memory, at, size, flags, out);
  for (int i = 0; *out && i < MAPPED; i++) {
    if (mapped[i].data) continue;
    mapped[i].data = *out;
    mapped[i].memory = memory;
    break;
  }
  return result;
}

VKAPI_ATTR void VKAPI_CALL vkFreeMemory(VkDevice on, VkDeviceMemory memory,
                                        const VkAllocationCallbacks *allocator) {
  for (int i = 0; i < MAPPED; i++)
    if (memory && mapped[i].memory == memory) mapped[i].data = NULL;
  ((PFN_vkFreeMemory)real("vkFreeMemory"))(on, memory, allocator);
}

VKAPI_ATTR VkResult VKAPI_CALL vkCreateDevice(VkPhysicalDevice physical,
                                              const VkDeviceCreateInfo *info,
                                              const VkAllocationCallbacks *allocator,
                                              VkDevice *out) {
  PFN_vkCreateDevice create = (PFN_vkCreateDevice)real("vkCreateDevice");
  VkResult result = fault_of("vkCreateDevice", count(19, "vkCreateDevice"));
  *out = VK_NULL_HANDLE;
  if (!result) result = create(physical, info, allocator, out);
  device = *out;
  return result;
}

VKAPI_ATTR void VKAPI_CALL vkDestroyDevice(VkDevice on, const VkAllocationCallbacks *allocator) {
  device = VK_NULL_HANDLE;
  ((PFN_vkDestroyDevice)real("vkDestroyDevice"))(on, allocator);
}

VKAPI_ATTR void VKAPI_CALL vkGetPhysicalDeviceProperties(VkPhysicalDevice physical,
                                                         VkPhysicalDeviceProperties *out) {
  const char *discrete = getenv("LACQUER_VK_DISCRETE");
  ((PFN_vkGetPhysicalDeviceProperties)real("vkGetPhysicalDeviceProperties"))(physical, out);
  if (discrete && out->deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU)
    out->deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
}

VKAPI_ATTR void VKAPI_CALL vkGetPhysicalDeviceProperties2(VkPhysicalDevice physical,
                                                          VkPhysicalDeviceProperties2 *out) {
  const char *discrete = getenv("LACQUER_VK_DISCRETE");
  ((PFN_vkGetPhysicalDeviceProperties2)real("vkGetPhysicalDeviceProperties2"))(physical, out);
  if (discrete && out->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU)
    out->properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
}
