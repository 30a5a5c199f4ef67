/* SPDX-License-Identifier: MIT
 * See gpu_memory.h. */
#include "gpu_memory.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 256 };
/* A larger region gets its own chunk. */
static const uint64_t CHUNK_BYTES = 1u << 30, GROW_BYTES = 4u << 20;

static int find_memory_type(const struct gpu_device *device, uint32_t types,
                            VkMemoryPropertyFlags flags) {
  for (uint32_t i = 0; i < device->memory.memoryTypeCount; i++)
    if (types >> i & 1 && (device->memory.memoryTypes[i].propertyFlags & flags) == flags)
      return (int)i;
  return -1;
}

enum engine_status gpu_buffer_create(struct gpu_device *device, uint64_t size,
                                     VkMemoryPropertyFlags wanted, VkMemoryPropertyFlags hoped,
                                     bool address, struct gpu_chunk *out) {
  VkBufferCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
      .size = size,
      .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
               (address ? VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                              VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT
                        : 0)};
  VkMemoryAllocateFlagsInfo flags = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                     .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT};
  VkMemoryAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                   .pNext = address ? &flags : NULL};
  VkMemoryRequirements need;
  *out = (struct gpu_chunk){.size = size};
  enum engine_status status = gpu_check(
      device, vkCreateBuffer(device->handle, &info, NULL, &out->buffer), "vkCreateBuffer");
  if (status) return status;
  vkGetBufferMemoryRequirements(device->handle, out->buffer, &need);
  int type = find_memory_type(device, need.memoryTypeBits, wanted | hoped);
  if (type < 0) type = find_memory_type(device, need.memoryTypeBits, wanted);
  allocate.allocationSize = need.size;
  allocate.memoryTypeIndex = (uint32_t)type;
  status = type < 0 ? gpu_check(device, VK_ERROR_FEATURE_NOT_PRESENT, "memory type")
                    : gpu_check(device, vkAllocateMemory(device->handle, &allocate, NULL,
                                                         &out->memory), "vkAllocateMemory");
  if (!status)
    status = gpu_check(device, vkBindBufferMemory(device->handle, out->buffer, out->memory, 0),
                       "vkBindBufferMemory");
  if (status) {
    gpu_buffer_destroy(device, out);
    return status;
  }
  VkBufferDeviceAddressInfo where = {.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
                                     .buffer = out->buffer};
  if (address) out->address = vkGetBufferDeviceAddress(device->handle, &where);
  return ENGINE_OK;
}

void gpu_buffer_destroy(struct gpu_device *device, struct gpu_chunk *buffer) {
  vkDestroyBuffer(device->handle, buffer->buffer, NULL);
  vkFreeMemory(device->handle, buffer->memory, NULL);
  memset(buffer, 0, sizeof *buffer);
}

/* One more chunk, without a buffer yet. */
static struct gpu_chunk *append_chunk(struct gpu_arena *arena) {
  struct gpu_chunk *more = realloc(arena->chunks, (size_t)(arena->n_chunks + 1) * sizeof *more);
  if (!more) return NULL;
  arena->chunks = more;
  more[arena->n_chunks] = (struct gpu_chunk){0};
  return &more[arena->n_chunks++];
}

/* Rounds up, by at least one byte; fails when no allocation can be that large. */
static enum engine_status round_up(struct gpu_arena *arena, uint64_t *bytes) {
  if (*bytes > arena->device->info.max_allocation - ALIGNMENT)
    return gpu_check(arena->device, VK_ERROR_OUT_OF_DEVICE_MEMORY, "maxMemoryAllocationSize");
  *bytes = *bytes / ALIGNMENT * ALIGNMENT + ALIGNMENT;
  return ENGINE_OK;
}

enum engine_status arena_reserve(struct gpu_arena *arena, uint64_t bytes, struct gpu_region *out) {
  const uint64_t most = arena->device->info.max_allocation;
  enum engine_status status = round_up(arena, &bytes);
  if (status) return status;
  struct gpu_chunk *last = arena->n_chunks ? &arena->chunks[arena->n_chunks - 1] : NULL;
  if (!last || last->size + bytes > (most < CHUNK_BYTES ? most : CHUNK_BYTES))
    last = append_chunk(arena);
  if (!last) return ENGINE_NO_MEMORY;
  *out = (struct gpu_region){arena->n_chunks - 1, last->size};
  last->size += bytes;
  return ENGINE_OK;
}

/* Books `bytes` against the device's memory: software drivers overcommit otherwise. */
static enum engine_status count_bytes(struct gpu_arena *arena, uint64_t bytes) {
  struct gpu_device *device = arena->device;
  pthread_mutex_lock(&device->lock);
  bool fits = bytes <= device->info.memory_bytes &&
              device->allocated <= device->info.memory_bytes - bytes;
  if (fits) device->allocated += bytes;
  pthread_mutex_unlock(&device->lock);
  if (!fits) return gpu_check(device, VK_ERROR_OUT_OF_DEVICE_MEMORY, "device memory");
  arena->counted += bytes;
  return ENGINE_OK;
}

enum engine_status arena_commit(struct gpu_arena *arena) {
  uint64_t total = 0;
  for (int i = 0; i < arena->n_chunks; i++) total += arena->chunks[i].size;
  enum engine_status status = count_bytes(arena, total);
  for (int i = 0; i < arena->n_chunks && !status; i++)
    status = gpu_buffer_create(arena->device, arena->chunks[i].size, 0,
                               VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, true, &arena->chunks[i]);
  return status;
}

enum engine_status arena_grow(struct gpu_arena *arena, uint64_t bytes, struct gpu_region *out) {
  enum engine_status status = round_up(arena, &bytes);
  if (status) return status;
  if (arena->spare < bytes) {
    const uint64_t size = bytes > GROW_BYTES ? bytes : GROW_BYTES;
    struct gpu_chunk *last = append_chunk(arena);
    status = last ? count_bytes(arena, size) : ENGINE_NO_MEMORY;
    if (!status)
      status = gpu_buffer_create(arena->device, size, 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, true,
                                 last);
    if (status && last) arena->n_chunks--; /* the spare bytes are those of the last chunk */
    if (status) return status;
    arena->spare = size;
  }
  *out = (struct gpu_region){arena->n_chunks - 1,
                             arena->chunks[arena->n_chunks - 1].size - arena->spare};
  arena->spare -= bytes;
  return ENGINE_OK;
}

void arena_destroy(struct gpu_arena *arena) {
  for (int i = 0; i < arena->n_chunks; i++) gpu_buffer_destroy(arena->device, &arena->chunks[i]);
  if (arena->counted) {
    pthread_mutex_lock(&arena->device->lock);
    arena->device->allocated -= arena->counted;
    pthread_mutex_unlock(&arena->device->lock);
  }
  free(arena->chunks);
  memset(arena, 0, sizeof *arena);
}

VkDeviceAddress arena_address(const struct gpu_arena *arena, struct gpu_region region) {
  return arena->chunks[region.chunk].address + region.offset;
}
