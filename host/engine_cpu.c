/* SPDX-License-Identifier: MIT
 * See engine_cpu.h. */
#define _GNU_SOURCE /* MAP_ANONYMOUS, O_TMPFILE */
#include "engine_cpu.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
  SPILL_LEAST = 1 << 20,      /* bytes; what is smaller stays in RAM */
  SPILL_BLOCKS = 1024,        /* as many at a time are in RAM */
  SPILL_FRAMES = SPILL_BLOCKS * BLOCK_FRAMES,
};

struct mapping {
  void *data;
  size_t bytes;
  bool spilled;
};
struct session {
  int n_slots, channels;
  int32_t n_frames, stride;
  int file; /* of the spilled mappings; -1: none */
  off_t file_bytes;
  struct mapping buffer[BUFFER_COUNT];
  struct {
    const struct stage *stage;
    const struct stage_design *design;
    struct mapping ring, control;
    struct stage_io io;
  } slot[MAX_SLOTS];
};

/* A file without a name. */
static int open_spill(const char *folder) {
  int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) return file;
  char path[4096];
  if (snprintf(path, sizeof path, "%s/.lacquer.XXXXXX", folder) >= (int)sizeof path) return -1;
  file = mkostemp(path, O_CLOEXEC);
  if (file >= 0) unlink(path);
  return file;
}

/* The file's space is taken at once: a full disk is told here, not by a signal later. */
static void map_spilled(struct session *s, struct mapping *m) {
  const off_t at = s->file_bytes, page = 1 << 16;
  s->file_bytes += ((off_t)m->bytes + page - 1) / page * page;
  m->data = posix_fallocate(s->file, at, s->file_bytes - at)
                ? MAP_FAILED
                : mmap(NULL, m->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->file, at);
  m->spilled = true;
}

static bool map(struct session *s, struct mapping *m, size_t bytes) {
  m->bytes = bytes ? bytes : 1;
  if (s->file >= 0 && bytes >= SPILL_LEAST) map_spilled(s, m);
  else m->data = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (m->data == MAP_FAILED) m->data = NULL;
  return m->data != NULL;
}

/* What is in the file need not be in this process's memory, too. */
static void leave(const struct mapping *m) {
  if (m->spilled) madvise(m->data, m->bytes, MADV_DONTNEED);
}

static void leave_all(const struct session *s) {
  for (int b = 0; b < BUFFER_COUNT; b++) leave(&s->buffer[b]);
  for (int i = 0; i < s->n_slots; i++) {
    leave(&s->slot[i].ring);
    leave(&s->slot[i].control);
  }
}

static void unmap(struct mapping *m) {
  if (m->data) munmap(m->data, m->bytes);
  m->data = NULL;
}

static void cpu_close(struct session *s) {
  if (!s) return;
  for (int b = 0; b < BUFFER_COUNT; b++) unmap(&s->buffer[b]);
  for (int i = 0; i < s->n_slots; i++) {
    unmap(&s->slot[i].ring);
    unmap(&s->slot[i].control);
  }
  if (s->file >= 0) close(s->file);
  free(s);
}

static void *buffer_data(const struct session *s, enum lane_buffer b) {
  return b == BUFFER_NONE ? NULL : s->buffer[b].data;
}

static bool open_slot(struct session *s, const struct session_plan *plan, int i) {
  const struct slot_plan *p = &plan->slots[i];
  const struct stage_design *d = plan->lanes[0].design[i];
  const int32_t n_blocks = (s->n_frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
  const int ring_blocks = engine_ring_blocks(p->stage, d, plan->segment_blocks);
  s->slot[i].stage = p->stage;
  s->slot[i].design = d;
  if (!map(s, &s->slot[i].ring, (size_t)ring_blocks * d->ring_words * sizeof(float))) return false;
  if (!map(s, &s->slot[i].control, (size_t)n_blocks * d->control_words * sizeof(int32_t)))
    return false;
  s->slot[i].io = (struct stage_io){
      .n_frames = s->n_frames,
      .n_blocks = n_blocks,
      .channels = s->channels,
      .ring_blocks = ring_blocks,
      .stride = s->stride,
      .design = d->data,
      .src = buffer_data(s, p->src),
      .dst = buffer_data(s, p->dst),
      .ring = s->slot[i].ring.data,
      .control = s->slot[i].control.data,
      .aux = p->aux_slot < 0 ? NULL : s->slot[p->aux_slot].control.data,
  };
  return true;
}

static enum engine_status cpu_open(void *self, const struct session_plan *plan,
                                   struct session **out) {
  (void)self;
  struct session *s = calloc(1, sizeof *s);
  if (!s) return ENGINE_NO_MEMORY;
  s->file = plan->spill ? open_spill(plan->spill) : -1;
  if (plan->spill && s->file < 0) goto fail;
  s->n_slots = plan->n_slots;
  s->channels = plan->channels;
  s->n_frames = plan->lanes[0].n_frames;
  s->stride = lane_buffer_frames(&plan->lanes[0]) / 64 * 64 + 64;
  const size_t bytes = (size_t)plan_room(plan) * s->stride * sizeof(float);
  for (int b = 0; b < BUFFER_COUNT; b++)
    if (!map(s, &s->buffer[b], bytes)) goto fail;
  for (int i = 0; i < s->n_slots; i++)
    if (!open_slot(s, plan, i)) goto fail;
  *out = s;
  return ENGINE_OK;
fail:
  cpu_close(s);
  return ENGINE_NO_MEMORY;
}

static char *at_frame(const struct session *s, enum lane_buffer b, int channel, int64_t first) {
  return (char *)s->buffer[b].data + ((size_t)channel * s->stride + (size_t)first) * sizeof(float);
}

static enum engine_status cpu_write(struct session *s, int lane, enum lane_buffer b, int channel,
                                    int64_t first, int64_t frames, const void *data) {
  (void)lane;
  for (int64_t done = 0, n; done < frames; done += n) {
    n = frames - done;
    if (s->file >= 0 && n > SPILL_FRAMES) n = SPILL_FRAMES;
    memcpy(at_frame(s, b, channel, first) + (size_t)done * sizeof(float),
           (const char *)data + (size_t)done * sizeof(float), (size_t)n * sizeof(float));
    leave(&s->buffer[b]);
  }
  return ENGINE_OK;
}

static enum engine_status cpu_read(struct session *s, int lane, enum lane_buffer b, int channel,
                                   int64_t first, int64_t frames, void *data) {
  (void)lane;
  memcpy(data, at_frame(s, b, channel, first), (size_t)frames * sizeof(float));
  return ENGINE_OK;
}

static const void *cpu_view(struct session *s, int lane, enum lane_buffer b) {
  (void)lane;
  return s->buffer[b].data;
}

static enum engine_status cpu_read_control(struct session *s, int lane, int slot, int64_t first,
                                           int64_t words, int32_t *data) {
  (void)lane;
  memcpy(data, s->slot[slot].io.control + first, (size_t)words * sizeof *data);
  return ENGINE_OK;
}

static enum engine_status cpu_write_control(struct session *s, int lane, int slot, int64_t first,
                                            int64_t words, const int32_t *data) {
  (void)lane;
  memcpy(s->slot[slot].io.control + first, data, (size_t)words * sizeof *data);
  return ENGINE_OK;
}

static void cpu_set_args(struct session *s, int lane, int slot, const int32_t args[5]) {
  (void)lane;
  memcpy(s->slot[slot].io.args, args, sizeof s->slot[slot].io.args);
}

static void cpu_set_buffers(struct session *s, int lane, int slot, enum lane_buffer src,
                            enum lane_buffer dst) {
  (void)lane;
  s->slot[slot].io.src = buffer_data(s, src);
  s->slot[slot].io.dst = buffer_data(s, dst);
}

static enum engine_status cpu_set_design(struct session *s, int lane, int slot,
                                         const struct stage_design *design) {
  (void)lane;
  s->slot[slot].design = design;
  s->slot[slot].io.design = design->data;
  return ENGINE_OK;
}

static enum engine_status cpu_run(struct session *s, int slot, int pass, int32_t first,
                                  int32_t count, const uint64_t *mask) {
  if (mask && !(mask[0] & 1)) return ENGINE_OK;
  const struct stage_pass *p = &s->slot[slot].stage->passes[pass];
  const struct stage_io *io = &s->slot[slot].io;
  if (p->grid != GRID_HOPS) {
    const int32_t end = io->n_blocks + s->slot[slot].design->shape[pass].extra;
    if (count > end - first) count = end - first;
  }
  if (s->file < 0 || p->grid == GRID_HOPS) {
    if (count > 0) p->reference(io, first, count);
    return ENGINE_OK;
  }
  for (int32_t n; count > 0; first += n, count -= n) {
    n = count < SPILL_BLOCKS ? count : SPILL_BLOCKS;
    p->reference(io, first, n);
    leave_all(s);
  }
  return ENGINE_OK;
}

static enum engine_status cpu_finish(struct session *s) {
  (void)s;
  return ENGINE_OK;
}

const struct engine engine_cpu = {
    .name = "cpu",
    .driver = "lacquer reference",
    .open = cpu_open,
    .close = cpu_close,
    .write = cpu_write,
    .read = cpu_read,
    .view = cpu_view,
    .read_control = cpu_read_control,
    .write_control = cpu_write_control,
    .set_args = cpu_set_args,
    .set_design = cpu_set_design,
    .set_buffers = cpu_set_buffers,
    .run = cpu_run,
    .finish = cpu_finish,
};
