/* SPDX-License-Identifier: MIT
 * See gpu_stream.h. */
#include "gpu_stream.h"

#include <string.h>

#include "gpu_queue.h"

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
  enum engine_status status =
      keep(s, gpu_commands_create(s->device, STREAM_BATCHES, &s->pool, commands));
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
  memset(s, 0, sizeof *s);
  s->device = device;
  if (state(s)) return state(s);
  enum engine_status status = keep(s, gpu_timeline_create(device, &s->timeline));
  return status ? status : create_batches(s);
}

void stream_destroy(struct gpu_stream *s) {
  if (!s->device) return;
  gpu_settle(s->device, s->timeline, s->submitted, s->failed);
  if (s->device->hung) return;
  for (int i = 0; i < STREAM_BATCHES; i++) gpu_buffer_destroy(s->device, &s->batch[i].staging);
  vkDestroySemaphore(s->device->handle, s->timeline, NULL);
  vkDestroyCommandPool(s->device->handle, s->pool, NULL);
  memset(s, 0, sizeof *s);
}

enum engine_status stream_wait(struct gpu_stream *s, uint64_t value) {
  return check(s, gpu_wait(s->device, s->timeline, value), "vkWaitSemaphores");
}

/* The current batch, ready to record. */
static enum engine_status open_batch(struct gpu_stream *s) {
  struct gpu_batch *b = &s->batch[s->current];
  enum engine_status status = state(s);
  if (status || b->recording) return status;
  if (b->value) status = stream_wait(s, b->value);
  if (!status) status = keep(s, gpu_commands_begin(s->device, b->commands));
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
  *commands = s->batch[s->current].commands;
  gpu_barrier(*commands);
  return ENGINE_OK;
}

enum engine_status stream_end(struct gpu_stream *s) {
  uint64_t value;
  if (++s->batch[s->current].n_commands < STREAM_BATCH_COMMANDS) return ENGINE_OK;
  return stream_flush(s, &value);
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
  const uint64_t next = s->submitted + 1;
  status = keep(s, gpu_submit(s->device, b->commands, s->timeline, next));
  if (!status) s->submitted = b->value = next;
  s->current = (s->current + 1) % STREAM_BATCHES;
  *value = s->submitted;
  return status;
}
