/* SPDX-License-Identifier: MIT
 * A device's one queue: what is submitted first is done first. Private to host/gpu. */
#ifndef LACQUER_GPU_QUEUE_H
#define LACQUER_GPU_QUEUE_H
#include "gpu_device.h"

/* A timeline semaphore at 0. */
enum engine_status gpu_timeline_create(struct gpu_device *device, VkSemaphore *out);
/* A pool, and n command buffers of it that can be recorded again and again. */
enum engine_status gpu_commands_create(struct gpu_device *device, uint32_t n, VkCommandPool *pool,
                                       VkCommandBuffer *commands);
enum engine_status gpu_commands_begin(struct gpu_device *device, VkCommandBuffer commands);

/* What follows, here and in later submissions, sees what shaders and copies before it wrote. */
void gpu_barrier(VkCommandBuffer commands);

/* Submits; `timeline` gets `value` when that and everything before it is done. Thread-safe. */
enum engine_status gpu_submit(struct gpu_device *device, VkCommandBuffer commands,
                              VkSemaphore timeline, uint64_t value);
/* VK_TIMEOUT: the device has hung. */
VkResult gpu_wait(struct gpu_device *device, VkSemaphore timeline, uint64_t value);
/* Waits before what the device uses until then is destroyed. After a time-out, here or before
 * (`timed_out`), it may only be slow: once more. Then it may use it for ever, and has `hung`. */
void gpu_settle(struct gpu_device *device, VkSemaphore timeline, uint64_t value, bool timed_out);
#endif
