/* SPDX-License-Identifier: MIT
 * See gpu_session.h. */
#include "gpu_session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_lockstep.h"
#include "gpu_pass.h"
#include "gpu_stream.h"

struct gpu_slot {
  struct slot_plan plan;
  VkPipeline pipelines[MAX_STAGE_PASSES];
  struct stage_design shape; /* sizes and shapes, the same in all lanes; data is NULL */
  int ring_blocks;
};
struct gpu_lane {
  int32_t n_frames, n_blocks, stride;
  struct gpu_region buffers[BUFFER_COUNT];
  enum lane_buffer src[MAX_SLOTS], dst[MAX_SLOTS];
  struct gpu_region control[MAX_SLOTS], ring[MAX_SLOTS], design[MAX_SLOTS];
  int32_t args[MAX_SLOTS][5];
};
/* A design that is on the device. */
struct gpu_design {
  const struct stage_design *host;
  uint64_t sum;
  struct gpu_region region;
};
struct session {
  struct gpu_device *device;
  int channels, n_slots, n_lanes, segment_blocks;
  struct gpu_slot *slots;
  struct gpu_lane *lanes;
  struct gpu_design *designs;
  int n_designs;
  struct gpu_arena arena;
  struct gpu_stream stream;   /* copies */
  struct gpu_member lockstep; /* runs */
};

static enum engine_status reserve(struct session *s, int64_t words, struct gpu_region *out) {
  return arena_reserve(&s->arena, 4 * (uint64_t)words, out);
}

static uint64_t sum_design(const struct stage_design *design) {
  const uint32_t *words = design->data;
  uint64_t sum = 0xcbf29ce484222325u; /* FNV-1a on words */
  for (uint32_t i = 0; i < design->size / 4; i++) sum = (sum ^ words[i]) * 0x100000001b3u;
  return sum;
}

/* The entry with the same bytes, or a new one, whose region is still empty. */
static struct gpu_design *find_design(struct session *s, const struct stage_design *design,
                                      bool *is_new) {
  *is_new = false;
  for (int i = 0; i < s->n_designs; i++)
    if (s->designs[i].host == design) return &s->designs[i];
  const uint64_t sum = sum_design(design);
  for (int i = 0; i < s->n_designs; i++) {
    const struct stage_design *known = s->designs[i].host;
    if (s->designs[i].sum == sum && known->size == design->size &&
        !memcmp(known->data, design->data, design->size))
      return &s->designs[i];
  }
  struct gpu_design *more = realloc(s->designs, (size_t)(s->n_designs + 1) * sizeof *more);
  if (!more) return NULL;
  s->designs = more;
  more[s->n_designs] = (struct gpu_design){.host = design, .sum = sum};
  *is_new = true;
  return &more[s->n_designs++];
}

static enum engine_status reserve_design(struct session *s, const struct stage_design *design,
                                         struct gpu_region *out) {
  bool is_new;
  struct gpu_design *d = find_design(s, design, &is_new);
  if (!d) return ENGINE_NO_MEMORY;
  enum engine_status status =
      is_new ? arena_reserve(&s->arena, design->size, &d->region) : ENGINE_OK;
  *out = d->region;
  return status;
}

static enum engine_status reserve_lane(struct session *s, const struct session_plan *plan,
                                       int lane) {
  struct gpu_lane *l = &s->lanes[lane];
  l->n_frames = plan->lanes[lane].n_frames;
  l->n_blocks = (int32_t)(((int64_t)l->n_frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES);
  const int64_t frames = lane_buffer_frames(&plan->lanes[lane]);
  int64_t stride = (frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES * BLOCK_FRAMES;
  if (stride > INT32_MAX) return ENGINE_NO_MEMORY;
  l->stride = (int32_t)stride;
  const int64_t words = stride * plan_room(plan);
  enum engine_status status = reserve(s, words, &l->buffers[BUFFER_A]);
  if (!status) status = reserve(s, words, &l->buffers[BUFFER_B]);
  if (!status) status = reserve(s, words, &l->buffers[BUFFER_PCM]);
  if (!status && plan_uses(plan, BUFFER_C)) status = reserve(s, words, &l->buffers[BUFFER_C]);
  for (int i = 0; i < s->n_slots && !status; i++) {
    const struct gpu_slot *slot = &s->slots[i];
    l->src[i] = slot->plan.src, l->dst[i] = slot->plan.dst;
    status = reserve(s, (int64_t)slot->shape.control_words * l->n_blocks, &l->control[i]);
    if (!status)
      status = reserve(s, (int64_t)slot->shape.ring_words * slot->ring_blocks, &l->ring[i]);
    if (!status) status = reserve_design(s, plan->lanes[lane].design[i], &l->design[i]);
  }
  return status;
}

/* Copies `bytes` (a multiple of 4) to `offset` bytes into a region, after the runs before. */
static enum engine_status upload(struct session *s, struct gpu_region to, uint64_t offset,
                                 const void *data, uint64_t bytes) {
  enum engine_status status = lockstep_flush(&s->lockstep);
  for (uint64_t done = 0, piece; done < bytes && !status; done += piece) {
    struct gpu_staging staging;
    VkCommandBuffer commands;
    status = stream_stage(&s->stream, bytes - done, &staging);
    if (!status) status = stream_begin(&s->stream, &commands);
    if (status) return status;
    piece = staging.bytes;
    memcpy(staging.data, (const char *)data + done, piece);
    VkBufferCopy copy = {staging.offset, to.offset + offset + done, piece};
    vkCmdCopyBuffer(commands, staging.buffer, s->arena.chunks[to.chunk].buffer, 1, &copy);
    status = stream_end(&s->stream);
  }
  return status;
}

/* A piece of a download on its way. */
struct arriving {
  struct gpu_staging staging;
  uint64_t value;
  char *to;
};
static enum engine_status receive(struct session *s, struct arriving *piece) {
  if (!piece->to) return ENGINE_OK;
  enum engine_status status = stream_wait(&s->stream, piece->value);
  if (!status) memcpy(piece->to, piece->staging.data, piece->staging.bytes);
  piece->to = NULL;
  return status;
}

/* The opposite of upload. The next piece is on its way while one is copied out. */
static enum engine_status download(struct session *s, struct gpu_region from, uint64_t offset,
                                   void *data, uint64_t bytes) {
  struct arriving before = {.to = NULL};
  enum engine_status status = lockstep_flush(&s->lockstep);
  for (uint64_t done = 0; done < bytes && !status;) {
    struct arriving now = {.to = (char *)data + done};
    VkCommandBuffer commands;
    status = stream_stage(&s->stream, bytes - done, &now.staging);
    if (!status) status = stream_begin(&s->stream, &commands);
    if (status) break;
    VkBufferCopy copy = {from.offset + offset + done, now.staging.offset, now.staging.bytes};
    vkCmdCopyBuffer(commands, s->arena.chunks[from.chunk].buffer, now.staging.buffer, 1, &copy);
    status = stream_end(&s->stream);
    if (!status) status = stream_flush(&s->stream, &now.value);
    if (!status) status = receive(s, &before);
    done += now.staging.bytes;
    before = now;
  }
  return status ? status : receive(s, &before);
}

/* Fresh memory is zero, and every design is in place. */
static enum engine_status fill(struct session *s) {
  enum engine_status status = ENGINE_OK;
  for (int i = 0; i < s->arena.n_chunks && !status; i++) {
    VkCommandBuffer commands;
    status = stream_begin(&s->stream, &commands);
    if (status) return status;
    vkCmdFillBuffer(commands, s->arena.chunks[i].buffer, 0, VK_WHOLE_SIZE, 0);
    status = stream_end(&s->stream);
  }
  for (int i = 0; i < s->n_designs && !status; i++)
    status = upload(s, s->designs[i].region, 0, s->designs[i].host->data, s->designs[i].host->size);
  return status;
}

static enum engine_status prepare_slot(struct session *s, const struct session_plan *plan,
                                       int index) {
  struct gpu_slot *slot = &s->slots[index];
  slot->plan = plan->slots[index];
  slot->shape = *plan->lanes[0].design[index];
  slot->shape.data = NULL;
  const struct stage *stage = slot->plan.stage;
  slot->ring_blocks = engine_ring_blocks(stage, &slot->shape, plan->segment_blocks);
  enum engine_status status = ENGINE_OK;
  for (int p = 0; p < MAX_STAGE_PASSES && stage->passes[p].name && !status; p++) {
    char name[64];
    snprintf(name, sizeof name, "%s_%s", stage->shaders ? stage->shaders : stage->name,
             stage->passes[p].name);
    status = gpu_pass_find(s->device, name, &slot->pipelines[p]);
  }
  return status;
}

static void session_close(struct session *s) {
  if (!s) return;
  lockstep_leave(&s->lockstep);
  stream_destroy(&s->stream);
  if (!s->device->hung) arena_destroy(&s->arena);
  free(s->slots);
  free(s->lanes);
  free(s->designs);
  free(s);
}

static enum engine_status session_open(void *self, const struct session_plan *plan,
                                       struct session **out) {
  assert(plan->n_lanes >= 1 && plan->n_lanes <= MAX_LANES && plan->n_slots <= MAX_SLOTS);
  struct session *s = calloc(1, sizeof *s);
  *out = NULL;
  if (!s) return ENGINE_NO_MEMORY;
  s->device = s->arena.device = self;
  s->channels = plan->channels;
  s->n_slots = plan->n_slots;
  s->n_lanes = plan->n_lanes;
  s->segment_blocks = plan->segment_blocks;
  s->slots = calloc(MAX_SLOTS, sizeof *s->slots);
  s->lanes = calloc((size_t)plan->n_lanes, sizeof *s->lanes);
  enum engine_status status = s->slots && s->lanes ? ENGINE_OK : ENGINE_NO_MEMORY;
  for (int i = 0; i < s->n_slots && !status; i++) status = prepare_slot(s, plan, i);
  for (int i = 0; i < s->n_lanes && !status; i++) status = reserve_lane(s, plan, i);
  if (!status) status = arena_commit(&s->arena);
  if (!status) status = stream_create(s->device, &s->stream);
  lockstep_join(s->device, &s->lockstep);
  if (!status) status = fill(s);
  if (status) {
    session_close(s);
    return status;
  }
  *out = s;
  return ENGINE_OK;
}

/* Byte offset of a frame in a lane's buffer. */
static uint64_t frame_offset(const struct gpu_lane *lane, enum lane_buffer buffer, int channel,
                             int64_t first) {
  uint64_t row = buffer == BUFFER_PCM ? 0 : (uint64_t)channel * (uint64_t)lane->stride;
  return 4 * (row + (uint64_t)first);
}

static enum engine_status session_write(struct session *s, int lane, enum lane_buffer buffer,
                                        int channel, int64_t first, int64_t frames,
                                        const void *data) {
  const struct gpu_lane *l = &s->lanes[lane];
  return upload(s, l->buffers[buffer], frame_offset(l, buffer, channel, first), data,
                4 * (uint64_t)frames);
}

static enum engine_status session_read(struct session *s, int lane, enum lane_buffer buffer,
                                       int channel, int64_t first, int64_t frames, void *data) {
  const struct gpu_lane *l = &s->lanes[lane];
  return download(s, l->buffers[buffer], frame_offset(l, buffer, channel, first), data,
                  4 * (uint64_t)frames);
}

static enum engine_status session_read_control(struct session *s, int lane, int slot,
                                               int64_t first, int64_t words, int32_t *data) {
  return download(s, s->lanes[lane].control[slot], 4 * (uint64_t)first, data,
                  4 * (uint64_t)words);
}

static enum engine_status session_write_control(struct session *s, int lane, int slot,
                                                int64_t first, int64_t words,
                                                const int32_t *data) {
  return upload(s, s->lanes[lane].control[slot], 4 * (uint64_t)first, data, 4 * (uint64_t)words);
}

static void session_set_args(struct session *s, int lane, int slot, const int32_t args[5]) {
  memcpy(s->lanes[lane].args[slot], args, 5 * sizeof *args);
}

static void session_set_buffers(struct session *s, int lane, int slot, enum lane_buffer src,
                                enum lane_buffer dst) {
  s->lanes[lane].src[slot] = src;
  s->lanes[lane].dst[slot] = dst;
}

static enum engine_status session_set_design(struct session *s, int lane, int slot,
                                             const struct stage_design *design) {
  bool is_new;
  struct gpu_design *d = find_design(s, design, &is_new);
  if (!d) return ENGINE_NO_MEMORY;
  enum engine_status status = ENGINE_OK;
  if (is_new) {
    status = arena_grow(&s->arena, design->size, &d->region);
    if (!status) status = upload(s, d->region, 0, design->data, design->size);
  }
  if (status) {
    s->n_designs--; /* it is the last */
    return status;
  }
  s->lanes[lane].design[slot] = d->region;
  return ENGINE_OK;
}

/* The device reads this struct: its pointers hold device addresses. */
static struct stage_io lane_io(const struct session *s, int lane, int index) {
  const struct gpu_slot *slot = &s->slots[index];
  const struct gpu_lane *l = &s->lanes[lane];
  const struct gpu_arena *arena = &s->arena;
  struct stage_io io = {.n_frames = l->n_frames,
                        .n_blocks = l->n_blocks,
                        .channels = s->channels,
                        .ring_blocks = slot->ring_blocks,
                        .stride = l->stride};
  memcpy(io.args, l->args[index], sizeof io.args);
  io.design = (const void *)(uintptr_t)arena_address(arena, l->design[index]);
  io.ring = (float *)(uintptr_t)arena_address(arena, l->ring[index]);
  io.control = (int32_t *)(uintptr_t)arena_address(arena, l->control[index]);
  if (l->src[index] != BUFFER_NONE)
    io.src = (const float *)(uintptr_t)arena_address(arena, l->buffers[l->src[index]]);
  if (l->dst[index] != BUFFER_NONE)
    io.dst = (float *)(uintptr_t)arena_address(arena, l->buffers[l->dst[index]]);
  if (slot->plan.aux_slot >= 0)
    io.aux = (const int32_t *)(uintptr_t)arena_address(arena, l->control[slot->plan.aux_slot]);
  return io;
}

/* Enters the lanes in `mask` that have any of the run's units, and cuts the run where the longest
 * of them ends. There is room for all lanes. */
static void enter_lanes(const struct session *s, int slot, int pass, const uint64_t *mask,
                        struct gpu_run *run) {
  const bool hops = s->slots[slot].plan.stage->passes[pass].grid == GRID_HOPS;
  const int32_t extra = s->slots[slot].shape.shape[pass].extra;
  int32_t most_blocks = 0;
  for (int lane = 0; lane < s->n_lanes; lane++) {
    const int32_t blocks = s->lanes[lane].n_blocks;
    if (mask && !(mask[lane / 64] >> (lane % 64) & 1)) continue;
    if (blocks == 0 || (!hops && run->first >= blocks + extra)) continue;
    if (blocks > most_blocks) most_blocks = blocks;
    run->lanes[run->n_lanes++] = lane_io(s, lane, slot);
  }
  if (!hops && run->count > most_blocks + extra - run->first)
    run->count = most_blocks + extra - run->first;
}

static enum engine_status session_run(struct session *s, int slot, int pass, int32_t first,
                                      int32_t count, const uint64_t *mask) {
  const struct gpu_slot *sl = &s->slots[slot];
  uint64_t value;
  enum engine_status status = stream_flush(&s->stream, &value); /* copies before it */
  if (status) return status;
  struct gpu_run *run = malloc(sizeof *run + (size_t)s->n_lanes * sizeof *run->lanes);
  if (!run) return ENGINE_NO_MEMORY;
  *run = (struct gpu_run){.pipeline = sl->pipelines[pass],
                          .sequential = sl->plan.stage->passes[pass].grid == GRID_SEQUENTIAL,
                          .first = first,
                          .count = count,
                          .columns = sl->shape.shape[pass].columns};
  enter_lanes(s, slot, pass, mask, run);
  if (run->n_lanes && run->count > 0 && run->columns > 0) return lockstep_add(&s->lockstep, run);
  free(run);
  return ENGINE_OK;
}

static enum engine_status session_finish(struct session *s) {
  uint64_t value;
  enum engine_status status = lockstep_wait(&s->lockstep);
  if (!status) status = stream_flush(&s->stream, &value);
  return status || value == 0 ? status : stream_wait(&s->stream, value);
}

void gpu_session_bind(struct gpu_device *device, struct engine *out) {
  *out = (struct engine){.name = device->info.name,
                         .driver = device->info.driver,
                         .is_gpu = true,
                         .self = device,
                         .open = session_open,
                         .close = session_close,
                         .write = session_write,
                         .read = session_read,
                         .read_control = session_read_control,
                         .write_control = session_write_control,
                         .set_args = session_set_args,
                         .set_design = session_set_design,
                         .set_buffers = session_set_buffers,
                         .run = session_run,
                         .finish = session_finish};
}
