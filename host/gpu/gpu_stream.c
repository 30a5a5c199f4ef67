/* SPDX-License-Identifier: MIT
 * See gpu_stream.h. */
#include "gpu_stream.h"

#include <string.h>

/* A batch that takes longer has hung. Software devices share the CPU with everyone. */
static const uint64_t TIMEOUT_NS = 60000000000u, SOFTWARE_TIMEOUT_NS = 1800000000000u;

static enum engine_status keep(struct gpu_stream *stream, enum engine_status status) {
  if (status && !stream->failed) stream->failed = status;
  return status;
}
static enum engine_status check(struct gpu_stream *stream, VkResult result, const char *call) {
  return keep(stream, gpu_check(stream->device, result, call));
}
static enum engine_status state(const struct gpu_stream *stream) {
  return stream->failed ? stream->failed : stream->device->lost ? ENGINE_DEVICE_LOST : ENGINE_OK;
}

static enum engine_status create_batches(struct gpu_stream *s) {
  VkDevice device = s->device->handle;
  VkCommandBuffer commands[STREAM_BATCHES];
  VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                      .commandPool = s->pool,
                                      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                      .commandBufferCount = STREAM_BATCHES};
  enum engine_status status =
      check(s, vkAllocateCommandBuffers(device, &info, commands), "vkAllocateCommandBuffers");
  for (int i = 0; i < STREAM_BATCHES && !status; i++) {
    struct gpu_batch *b = &s->batch[i];
    void *mapped = NULL;
    b->commands = commands[i];
    status = keep(s, gpu_buffer_create(s->device, STREAM_STAGING_BYTES,
                                       VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                           VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                                       VK_MEMORY_PROPERTY_HOST_CACHED_BIT, false, &b->staging));
    if (!status)
      status = check(s, vkMapMemory(device, b->staging.memory, 0, VK_WHOLE_SIZE, 0, &mapped),
                     "vkMapMemory");
    b->mapped = mapped;
  }
  return status;
}

enum engine_status stream_create(struct gpu_device *device, struct gpu_stream *s) {
  VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                  .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                  .queueFamilyIndex = device->family};
  VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                    .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
  VkSemaphoreCreateInfo semaphore = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
                                     .pNext = &type};
  memset(s, 0, sizeof *s);
  s->device = device;
  if (state(s)) return state(s);
  enum engine_status status = check(
      s, vkCreateCommandPool(device->handle, &pool, NULL, &s->pool), "vkCreateCommandPool");
  if (!status)
    status = check(s, vkCreateSemaphore(device->handle, &semaphore, NULL, &s->timeline),
                   "vkCreateSemaphore");
  return status ? status : create_batches(s);
}

static VkResult wait_for(struct gpu_stream *s, uint64_t value) {
  VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                              .semaphoreCount = 1,
                              .pSemaphores = &s->timeline,
                              .pValues = &value};
  return vkWaitSemaphores(s->device->handle, &info,
                          s->device->info.is_software ? SOFTWARE_TIMEOUT_NS : TIMEOUT_NS);
}

void stream_destroy(struct gpu_stream *s) {
  if (!s->device) return;
  /* After a time-out, here or before, it may only be slow: once more. Then it may use all of this
   * for ever. */
  VkResult result = s->submitted ? wait_for(s, s->submitted) : VK_SUCCESS;
  if (result == VK_TIMEOUT && !s->failed) result = wait_for(s, s->submitted);
  if (result == VK_TIMEOUT) atomic_store(&s->device->hung, true);
  if (s->device->hung) return;
  for (int i = 0; i < STREAM_BATCHES; i++) gpu_buffer_destroy(s->device, &s->batch[i].staging);
  vkDestroySemaphore(s->device->handle, s->timeline, NULL);
  vkDestroyCommandPool(s->device->handle, s->pool, NULL);
  memset(s, 0, sizeof *s);
}

enum engine_status stream_wait(struct gpu_stream *s, uint64_t value) {
  return check(s, wait_for(s, value), "vkWaitSemaphores");
}

/* The current batch, ready to record. */
static enum engine_status open_batch(struct gpu_stream *s) {
  struct gpu_batch *b = &s->batch[s->current];
  VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                   .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
  enum engine_status status = state(s);
  if (status || b->recording) return status;
  if (b->value) status = stream_wait(s, b->value);
  if (!status)
    status = check(s, vkBeginCommandBuffer(b->commands, &info), "vkBeginCommandBuffer");
  b->recording = !status;
  b->used = 0;
  b->n_commands = 0;
  return status;
}

enum engine_status stream_stage(struct gpu_stream *s, uint64_t bytes, struct gpu_staging *out) {
  uint64_t value;
  enum engine_status status = open_batch(s);
  if (!status && s->batch[s->current].used == STREAM_STAGING_BYTES) {
    status = stream_flush(s, &value);
    if (!status) status = open_batch(s);
  }
  if (status) return status;
  struct gpu_batch *b = &s->batch[s->current];
  uint64_t left = STREAM_STAGING_BYTES - b->used;
  out->bytes = bytes < left ? bytes : left;
  out->buffer = b->staging.buffer;
  out->offset = b->used;
  out->data = b->mapped + b->used;
  b->used += (out->bytes + 15) / 16 * 16;
  return ENGINE_OK;
}

enum engine_status stream_begin(struct gpu_stream *s, VkCommandBuffer *commands) {
  enum engine_status status = open_batch(s);
  if (status) return status;
  const VkPipelineStageFlags stages =
      VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  VkMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                       VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT};
  *commands = s->batch[s->current].commands;
  vkCmdPipelineBarrier(*commands, stages, stages, 0, 1, &barrier, 0, NULL, 0, NULL);
  return ENGINE_OK;
}

enum engine_status stream_end(struct gpu_stream *s) {
  uint64_t value;
  if (++s->batch[s->current].n_commands < STREAM_BATCH_COMMANDS) return ENGINE_OK;
  return stream_flush(s, &value);
}

static enum engine_status submit(struct gpu_stream *s, struct gpu_batch *b) {
  uint64_t value = s->submitted + 1;
  VkTimelineSemaphoreSubmitInfo timeline = {
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .signalSemaphoreValueCount = 1,
      .pSignalSemaphoreValues = &value};
  VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                       .pNext = &timeline,
                       .commandBufferCount = 1,
                       .pCommandBuffers = &b->commands,
                       .signalSemaphoreCount = 1,
                       .pSignalSemaphores = &s->timeline};
  pthread_mutex_lock(&s->device->lock);
  VkResult result = vkQueueSubmit(s->device->queue, 1, &info, VK_NULL_HANDLE);
  pthread_mutex_unlock(&s->device->lock);
  enum engine_status status = check(s, result, "vkQueueSubmit");
  if (!status) s->submitted = b->value = value;
  return status;
}

enum engine_status stream_flush(struct gpu_stream *s, uint64_t *value) {
  struct gpu_batch *b = &s->batch[s->current];
  *value = s->submitted;
  enum engine_status status = state(s);
  if (status || !b->recording) return status;
  /* What copies have written becomes visible to the host that waits. */
  VkMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                             .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                             .dstAccessMask = VK_ACCESS_HOST_READ_BIT};
  vkCmdPipelineBarrier(b->commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0,
                       1, &barrier, 0, NULL, 0, NULL);
  b->recording = false;
  status = check(s, vkEndCommandBuffer(b->commands), "vkEndCommandBuffer");
  if (!status) status = submit(s, b);
  s->current = (s->current + 1) % STREAM_BATCHES;
  *value = s->submitted;
  return status;
}
