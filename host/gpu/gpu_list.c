/* SPDX-License-Identifier: MIT
 * Physical devices: what they are, whether they will do, which one a spec names. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gpu_device.h"

/* What the shaders and the session rely on; all within the minima of Vulkan 1.2 but
 * the first two, which lavapipe and every desktop GPU exceed. */
enum { NEED_SHARED_BYTES = 32768, NEED_INVOCATIONS = 1024, NEED_PUSH_BYTES = 128 };

static const char *type_name(VkPhysicalDeviceType type) {
  switch (type) {
  case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return "discrete";
  case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return "integrated";
  case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return "virtual";
  case VK_PHYSICAL_DEVICE_TYPE_CPU: return "software";
  default: return "other";
  }
}

int gpu_compute_family(VkPhysicalDevice physical) {
  VkQueueFamilyProperties families[32];
  uint32_t n = 32;
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &n, families);
  int best = -1; /* a family without graphics is often a queue of its own */
  for (uint32_t i = 0; i < n; i++) {
    if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT)) continue;
    if (best < 0 || !(families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT)) best = (int)i;
    if (!(families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT)) break;
  }
  return best;
}

/* The first thing that `physical` lacks, or NULL. */
static const char *find_lack(VkPhysicalDevice physical, const VkPhysicalDeviceProperties *p) {
  VkPhysicalDeviceVulkan12Features f12 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                        .pNext = &f12};
  if (p->apiVersion < VK_API_VERSION_1_2) return "Vulkan 1.2";
  vkGetPhysicalDeviceFeatures2(physical, &features);
  if (!f12.bufferDeviceAddress) return "bufferDeviceAddress";
  if (!f12.timelineSemaphore) return "timelineSemaphore";
  if (gpu_compute_family(physical) < 0) return "a compute queue";
  if (p->limits.maxComputeSharedMemorySize < NEED_SHARED_BYTES) return "32 KiB shared memory";
  if (p->limits.maxComputeWorkGroupInvocations < NEED_INVOCATIONS) return "1024 invocations";
  if (p->limits.maxComputeWorkGroupSize[0] < NEED_INVOCATIONS) return "local size 1024";
  if (p->limits.maxPushConstantsSize < NEED_PUSH_BYTES) return "128 bytes of push constants";
  return NULL;
}

static void describe_pci(VkPhysicalDevice physical, char *text, size_t size) {
  uint32_t n = 0;
  bool known = false;
  if (vkEnumerateDeviceExtensionProperties(physical, NULL, &n, NULL)) return;
  VkExtensionProperties *list = calloc(n ? n : 1, sizeof *list);
  if (list && vkEnumerateDeviceExtensionProperties(physical, NULL, &n, list) >= 0)
    for (uint32_t i = 0; i < n; i++)
      known |= !strcmp(list[i].extensionName, VK_EXT_PCI_BUS_INFO_EXTENSION_NAME);
  free(list);
  if (!known) return;
  VkPhysicalDevicePCIBusInfoPropertiesEXT pci = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT};
  VkPhysicalDeviceProperties2 properties = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &pci};
  vkGetPhysicalDeviceProperties2(physical, &properties);
  snprintf(text, size, "%04x:%02x:%02x.%x", pci.pciDomain & 0xffff, pci.pciBus & 0xff,
           pci.pciDevice & 0xff, pci.pciFunction & 0xf);
}

static uint64_t local_memory(VkPhysicalDevice physical) {
  VkPhysicalDeviceMemoryProperties memory;
  uint64_t most = 0;
  vkGetPhysicalDeviceMemoryProperties(physical, &memory);
  for (uint32_t i = 0; i < memory.memoryHeapCount; i++)
    if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT &&
        memory.memoryHeaps[i].size > most)
      most = memory.memoryHeaps[i].size;
  return most;
}

static void describe(VkPhysicalDevice physical, int index, struct gpu_device_info *info) {
  VkPhysicalDeviceVulkan12Properties p12 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES};
  VkPhysicalDeviceVulkan11Properties p11 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES, .pNext = &p12};
  VkPhysicalDeviceProperties2 p2 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
  const VkPhysicalDeviceProperties *p = &p2.properties;
  memset(info, 0, sizeof *info);
  vkGetPhysicalDeviceProperties(physical, &p2.properties);
  bool current = p->apiVersion >= VK_API_VERSION_1_2;
  if (current) {
    p2.pNext = &p11;
    vkGetPhysicalDeviceProperties2(physical, &p2);
    describe_pci(physical, info->pci, sizeof info->pci);
  }
  info->index = index;
  snprintf(info->name, sizeof info->name, "%s", p->deviceName);
  snprintf(info->driver, sizeof info->driver, "%s %s (%u), Vulkan %u.%u.%u",
           current ? p12.driverName : "driver", current ? p12.driverInfo : "", p->driverVersion,
           VK_API_VERSION_MAJOR(p->apiVersion), VK_API_VERSION_MINOR(p->apiVersion),
           VK_API_VERSION_PATCH(p->apiVersion));
  for (int i = 0; current && i < (int)VK_UUID_SIZE; i++)
    snprintf(info->uuid + 2 * i, 3, "%02x", p11.deviceUUID[i]);
  info->type = type_name(p->deviceType);
  info->is_software = p->deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
  info->rounds_to_nearest = p12.shaderRoundingModeRTEFloat32;
  info->keeps_signed_zero = p12.shaderSignedZeroInfNanPreserveFloat32;
  info->memory_bytes = local_memory(physical);
  info->max_allocation = p11.maxMemoryAllocationSize;
  const char *lack = find_lack(physical, p);
  info->usable = !lack;
  if (lack) snprintf(info->reason, sizeof info->reason, "lacks %s", lack);
}

enum status gpu_enumerate(VkInstance instance, VkPhysicalDevice devices[GPU_MAX_DEVICES],
                          struct gpu_device_info list[GPU_MAX_DEVICES], int *n,
                          struct failure *why) {
  uint32_t count = GPU_MAX_DEVICES;
  *n = 0;
  VkResult result = vkEnumeratePhysicalDevices(instance, &count, devices);
  if (result != VK_SUCCESS && result != VK_INCOMPLETE)
    return fail(why, STATUS_NO_DEVICE, "no Vulkan device (vkEnumeratePhysicalDevices: %s)",
                gpu_answer(result).text);
  for (uint32_t i = 0; i < count; i++) describe(devices[i], (int)i, &list[i]);
  *n = (int)count;
  return STATUS_OK;
}

enum status gpu_list_devices(struct gpu_device_info list[GPU_MAX_DEVICES], int *n,
                             struct failure *why) {
  struct gpu_instance instance;
  VkPhysicalDevice devices[GPU_MAX_DEVICES];
  *n = 0;
  enum status status = gpu_instance_create(&instance, why);
  if (status) return status;
  status = gpu_enumerate(instance.handle, devices, list, n, why);
  gpu_instance_destroy(&instance);
  return status;
}

/* "0: NVIDIA H100 (discrete, uuid:...); 1: ..." */
static void name_devices(const struct gpu_device_info *list, int n, char *text, size_t size) {
  size_t used = 0;
  snprintf(text, size, "none");
  for (int i = 0; i < n && used < size; i++) {
    int w = snprintf(text + used, size - used, "%sindex:%d %s (%s, uuid:%s%s%s)", i ? "; " : "",
                     i, list[i].name, list[i].type, list[i].uuid, list[i].usable ? "" : ", ",
                     list[i].reason);
    used += w > 0 ? (size_t)w : size;
  }
}

static int no_device(const struct gpu_device_info *list, int n, const char *spec,
                     struct failure *why) {
  char there[480];
  name_devices(list, n, there, sizeof there);
  fail(why, STATUS_NO_DEVICE, "no usable Vulkan device \"%.64s\"; there is: %s", spec, there);
  return -1;
}

static int choose_best(const struct gpu_device_info *list, int n, struct failure *why) {
  static const char *const order[] = {"discrete", "integrated", "virtual"};
  int best = -1;
  for (size_t t = 0; t < sizeof order / sizeof *order && best < 0; t++)
    for (int i = 0; i < n; i++)
      if (list[i].usable && !strcmp(list[i].type, order[t]) &&
          (best < 0 || list[i].memory_bytes > list[best].memory_bytes))
        best = i;
  return best < 0 ? no_device(list, n, "auto", why) : best;
}

static bool same_uuid(const char *uuid, const char *text) {
  if (!strncasecmp(text, "GPU-", 4)) text += 4; /* as nvidia-smi prints it */
  for (; *text; text++) {
    if (*text == '-') continue;
    if (!*uuid || tolower((unsigned char)*text) != *uuid) return false;
    uuid++;
  }
  return !*uuid;
}

int gpu_choose(const char *spec, const struct gpu_device_info *list, int n, struct failure *why) {
  int found = -1;
  if (!strcmp(spec, "auto")) return choose_best(list, n, why);
  if (!strncmp(spec, "index:", 6) && isdigit((unsigned char)spec[6])) {
    char *end;
    long index = strtol(spec + 6, &end, 10);
    if (!*end && index >= 0 && index < n) found = (int)index;
  } else if (!strncmp(spec, "uuid:", 5) || !strncmp(spec, "pci:", 4)) {
    for (int i = n - 1; i >= 0; i--) {
      bool same = spec[0] == 'u' ? list[i].uuid[0] && same_uuid(list[i].uuid, spec + 5)
                                 : list[i].pci[0] && !strcasecmp(list[i].pci, spec + 4);
      if (same) found = i;
    }
  } else {
    fail(why, STATUS_USAGE,
         "device \"%.64s\": expected auto, cpu, index:N, uuid:HEX or pci:0000:00:00.0", spec);
    return -1;
  }
  return found >= 0 && list[found].usable ? found : no_device(list, n, spec, why);
}
