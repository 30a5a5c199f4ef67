/* SPDX-License-Identifier: MIT
 * Device memory of a session: few large buffers, laid out first, allocated at once.
 * Private to host/gpu; an arena belongs to one thread. */
#ifndef LACQUER_GPU_MEMORY_H
#define LACQUER_GPU_MEMORY_H
#include "gpu_device.h"

struct gpu_chunk {
  VkBuffer buffer;
  VkDeviceMemory memory;
  VkDeviceAddress address;
  uint64_t size; /* bytes */
};
struct gpu_arena {
  struct gpu_device *device;
  struct gpu_chunk *chunks;
  int n_chunks;
  uint64_t counted; /* bytes in device->allocated */
  uint64_t spare;   /* bytes at the end of the last chunk that arena_grow may give out */
};
struct gpu_region {
  int chunk;
  uint64_t offset; /* bytes, a multiple of 256 */
};

/* Reserves `bytes` (may be 0). Fails when no allocation can be that large. */
enum engine_status arena_reserve(struct gpu_arena *arena, uint64_t bytes, struct gpu_region *out);
/* Allocates everything reserved; fails when the device's memory is too small. The
 * content is undefined. */
enum engine_status arena_commit(struct gpu_arena *arena);
/* Allocates one more region of a committed arena. */
enum engine_status arena_grow(struct gpu_arena *arena, uint64_t bytes, struct gpu_region *out);
void arena_destroy(struct gpu_arena *arena); /* takes zeroed and half-built arenas */
VkDeviceAddress arena_address(const struct gpu_arena *arena, struct gpu_region region);

/* One buffer in memory that has all of `wanted`, and `hoped` if there is such a kind.
 * Destroys what it made when it fails. `address`: with a device address. */
enum engine_status gpu_buffer_create(struct gpu_device *device, uint64_t size,
                                     VkMemoryPropertyFlags wanted, VkMemoryPropertyFlags hoped,
                                     bool address, struct gpu_chunk *out);
void gpu_buffer_destroy(struct gpu_device *device, struct gpu_chunk *buffer);
#endif
