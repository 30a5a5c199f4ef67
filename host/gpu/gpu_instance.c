/* SPDX-License-Identifier: MIT
 * The Vulkan instance and the validation layer's messages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_device.h"

static const char validation_layer[] = "VK_LAYER_KHRONOS_validation";
static atomic_int validation_messages; /* of all instances of this process */

int gpu_validation_messages(void) { return atomic_load(&validation_messages); }

static VKAPI_ATTR VkBool32 VKAPI_CALL take_message(
    VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
    const VkDebugUtilsMessengerCallbackDataEXT *data, void *user) {
  (void)severity, (void)types, (void)user;
  atomic_fetch_add(&validation_messages, 1);
  fprintf(stderr, "lacquer: Vulkan validation: %s\n", data->pMessage);
  return VK_FALSE;
}

static bool layer_present(void) {
  uint32_t n = 0;
  if (vkEnumerateInstanceLayerProperties(&n, NULL) || n == 0) return false;
  VkLayerProperties *layers = calloc(n, sizeof *layers);
  bool found = false;
  if (layers && vkEnumerateInstanceLayerProperties(&n, layers) >= 0)
    for (uint32_t i = 0; i < n; i++) found |= !strcmp(layers[i].layerName, validation_layer);
  free(layers);
  return found;
}

enum status gpu_instance_create(struct gpu_instance *out, struct failure *why) {
  const char *wanted = getenv("LACQUER_VALIDATION");
  bool validate = wanted && !strcmp(wanted, "1");
  const char *layer = validation_layer, *extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  VkDebugUtilsMessengerCreateInfoEXT messenger = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
      .pfnUserCallback = take_message};
  VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                   .pApplicationName = "lacquer",
                                   .apiVersion = VK_API_VERSION_1_2};
  VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                               .pNext = validate ? &messenger : NULL,
                               .pApplicationInfo = &application,
                               .enabledLayerCount = validate,
                               .ppEnabledLayerNames = &layer,
                               .enabledExtensionCount = validate,
                               .ppEnabledExtensionNames = &extension};
  memset(out, 0, sizeof *out);
  if (validate && !layer_present())
    return fail(why, STATUS_NO_DEVICE, "LACQUER_VALIDATION=1 but %s is not installed",
                validation_layer);
  VkResult result = vkCreateInstance(&info, NULL, &out->handle);
  if (result)
    return fail(why, STATUS_NO_DEVICE, "no Vulkan driver (vkCreateInstance: %s)",
                gpu_answer(result).text);
  if (!validate) return STATUS_OK;
  PFN_vkCreateDebugUtilsMessengerEXT create =
      (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(out->handle,
                                                                "vkCreateDebugUtilsMessengerEXT");
  if (create && create(out->handle, &messenger, NULL, &out->messenger) == VK_SUCCESS)
    return STATUS_OK;
  gpu_instance_destroy(out);
  return fail(why, STATUS_NO_DEVICE, "LACQUER_VALIDATION=1 but its messages cannot be read");
}

void gpu_instance_destroy(struct gpu_instance *instance) {
  if (instance->messenger) {
    PFN_vkDestroyDebugUtilsMessengerEXT destroy =
        (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(
            instance->handle, "vkDestroyDebugUtilsMessengerEXT");
    if (destroy) destroy(instance->handle, instance->messenger, NULL);
  }
  vkDestroyInstance(instance->handle, NULL);
  memset(instance, 0, sizeof *instance);
}
