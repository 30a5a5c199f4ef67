/* SPDX-License-Identifier: MIT
 * A session's copies and their staging memory: recorded in order, submitted in batches,
 * host and device overlap. Every command waits for the ones before it. Private to
 * host/gpu; a stream belongs to one thread. After the first failure every call fails
 * with the same status. */
#ifndef LACQUER_GPU_STREAM_H
#define LACQUER_GPU_STREAM_H
#include "gpu_memory.h"

enum {
  STREAM_BATCHES = 3,
  STREAM_STAGING_BYTES = GPU_SESSION_BYTES / STREAM_BATCHES, /* per batch */
  STREAM_BATCH_COMMANDS = 64,
};

struct gpu_batch {
  VkCommandBuffer commands;
  struct gpu_chunk staging;
  uint8_t *mapped;  /* the staging memory */
  uint64_t used;    /* bytes of it */
  uint64_t value;   /* the timeline has this value when the batch is done */
  int n_commands;
  bool recording;
};
struct gpu_stream {
  struct gpu_device *device;
  VkCommandPool pool;
  VkSemaphore timeline;
  uint64_t submitted; /* last value that was submitted */
  int current;
  enum engine_status failed;
  struct gpu_batch batch[STREAM_BATCHES];
};
struct gpu_staging {
  VkBuffer buffer;
  uint64_t offset, bytes;
  uint8_t *data;
};

enum engine_status stream_create(struct gpu_device *device, struct gpu_stream *out);
void stream_destroy(struct gpu_stream *stream); /* waits; takes zeroed and half-built ones */

/* Staging memory for one command, which must be the next that is recorded: at most
 * `bytes`, at least 1. It keeps its content until STREAM_BATCHES - 1 further flushes. */
enum engine_status stream_stage(struct gpu_stream *stream, uint64_t bytes,
                                struct gpu_staging *out);
/* Begins a command: *commands may be recorded into until stream_end. */
enum engine_status stream_begin(struct gpu_stream *stream, VkCommandBuffer *commands);
enum engine_status stream_end(struct gpu_stream *stream);
/* Submits what is recorded; *value is what to wait for. */
enum engine_status stream_flush(struct gpu_stream *stream, uint64_t *value);
enum engine_status stream_wait(struct gpu_stream *stream, uint64_t value);
#endif
