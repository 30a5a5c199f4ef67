/* SPDX-License-Identifier: MIT
 * See faulty_engine.h. */
#include "faulty_engine.h"

#include <stdlib.h>
#include <string.h>

#include "engine_cpu.h"

struct session {
  struct faulty_engine *owner;
  int n_lanes, ordinal;
  enum lane_buffer dst[MAX_LANES][MAX_SLOTS];
  struct session *lane[MAX_LANES]; /* of the CPU engine */
};

/* Counts a call, and tells what it returns if the fault is this one's. */
static enum engine_status count_call(struct faulty_engine *f) {
  const int call = f->calls++;
  if (f->fault.kind != FAULT_STATUS || call < f->fault.call) return ENGINE_OK;
  if (call > f->fault.call && f->fault.status != ENGINE_DEVICE_LOST) return ENGINE_OK;
  f->hits++;
  return f->fault.status;
}

/* Whether the copy that was counted last is the one that goes wrong. */
static bool spoils_copy(struct faulty_engine *f) {
  const bool spoils = f->fault.kind == FAULT_COPY && f->calls - 1 == f->fault.call;
  f->hits += spoils;
  return spoils;
}

/* Flips a bit of one of n words. */
static void spoil(const struct fault *f, int64_t n, void *data) {
  uint32_t *word = (uint32_t *)data + f->at % n;
  *word ^= 1u << f->bit;
}

/* A spoilt copy of n words; the caller frees. */
static void *spoilt(const struct fault *f, int64_t n, const void *data) {
  void *copy = malloc((size_t)n * 4);
  if (!copy) abort();
  memcpy(copy, data, (size_t)n * 4);
  spoil(f, n, copy);
  return copy;
}

static void faulty_close(struct session *s) {
  if (!s) return;
  for (int i = 0; i < s->n_lanes; i++) engine_cpu.close(s->lane[i]);
  s->owner->opens--;
  free(s);
}

static enum engine_status faulty_open(void *self, const struct session_plan *plan,
                                      struct session **out) {
  const enum engine_status fault = count_call(self);
  struct session *s = fault ? NULL : calloc(1, sizeof *s);
  *out = NULL;
  if (!s) return fault ? fault : ENGINE_NO_MEMORY;
  s->owner = self;
  s->ordinal = s->owner->opens++;
  for (int l = 0; l < plan->n_lanes; l++)
    for (int i = 0; i < plan->n_slots; i++) s->dst[l][i] = plan->slots[i].dst;
  for (; s->n_lanes < plan->n_lanes; s->n_lanes++) {
    struct session_plan one = *plan;
    one.n_lanes = 1;
    one.lanes = &plan->lanes[s->n_lanes];
    if (!engine_cpu.open(NULL, &one, &s->lane[s->n_lanes])) continue;
    faulty_close(s);
    return ENGINE_NO_MEMORY;
  }
  *out = s;
  return ENGINE_OK;
}

static enum engine_status faulty_write(struct session *s, int lane, enum lane_buffer b,
                                       int channel, int64_t first, int64_t frames,
                                       const void *data) {
  enum engine_status status = count_call(s->owner);
  void *copy = spoils_copy(s->owner) ? spoilt(&s->owner->fault, frames, data) : NULL;
  if (!status)
    status = engine_cpu.write(s->lane[lane], 0, b, channel, first, frames, copy ? copy : data);
  free(copy);
  return status;
}

static enum engine_status faulty_read(struct session *s, int lane, enum lane_buffer b, int channel,
                                      int64_t first, int64_t frames, void *data) {
  enum engine_status status = count_call(s->owner);
  if (!status) status = engine_cpu.read(s->lane[lane], 0, b, channel, first, frames, data);
  if (!status && spoils_copy(s->owner)) spoil(&s->owner->fault, frames, data);
  return status;
}

static enum engine_status faulty_read_control(struct session *s, int lane, int slot, int64_t first,
                                              int64_t words, int32_t *data) {
  enum engine_status status = count_call(s->owner);
  if (!status) status = engine_cpu.read_control(s->lane[lane], 0, slot, first, words, data);
  if (!status && spoils_copy(s->owner)) spoil(&s->owner->fault, words, data);
  return status;
}

static enum engine_status faulty_write_control(struct session *s, int lane, int slot,
                                               int64_t first, int64_t words,
                                               const int32_t *data) {
  enum engine_status status = count_call(s->owner);
  void *copy = spoils_copy(s->owner) ? spoilt(&s->owner->fault, words, data) : NULL;
  if (!status)
    status = engine_cpu.write_control(s->lane[lane], 0, slot, first, words, copy ? copy : data);
  free(copy);
  return status;
}

static void faulty_set_args(struct session *s, int lane, int slot, const int32_t args[5]) {
  engine_cpu.set_args(s->lane[lane], 0, slot, args);
}

static enum engine_status faulty_set_design(struct session *s, int lane, int slot,
                                            const struct stage_design *design) {
  const enum engine_status status = count_call(s->owner);
  return status ? status : engine_cpu.set_design(s->lane[lane], 0, slot, design);
}

static void faulty_set_buffers(struct session *s, int lane, int slot, enum lane_buffer src,
                               enum lane_buffer dst) {
  s->dst[lane][slot] = dst;
  engine_cpu.set_buffers(s->lane[lane], 0, slot, src, dst);
}

static void strike(struct session *s) {
  const struct fault *f = &s->owner->fault;
  struct session *lane = s->lane[f->lane];
  const enum lane_buffer dst = s->dst[f->lane][f->slot];
  uint32_t word;
  if (f->kind == FAULT_CONTROL) {
    engine_cpu.read_control(lane, 0, f->slot, f->at, 1, (int32_t *)&word);
    word ^= 1u << f->bit;
    engine_cpu.write_control(lane, 0, f->slot, f->at, 1, (const int32_t *)&word);
  } else {
    engine_cpu.read(lane, 0, dst, f->channel, (int32_t)f->at, 1, &word);
    word ^= 1u << f->bit;
    engine_cpu.write(lane, 0, dst, f->channel, (int32_t)f->at, 1, &word);
  }
  s->owner->hits++;
}

static enum engine_status run_lane(struct session *s, int lane, int slot, int pass, int32_t first,
                                   int32_t count) {
  struct fault *f = &s->owner->fault;
  struct session *cpu = s->lane[lane];
  const bool in_pass = f->kind != FAULT_NONE && f->kind < FAULT_STATUS;
  const bool chance = in_pass && s->ordinal == f->session && lane == f->lane &&
                      slot == f->slot && pass == f->pass &&
                      f->block >= first && f->block < first + count;
  const bool struck = chance && f->after-- <= 0;
  if (!struck || f->kind != FAULT_LOST_BLOCK) {
    const enum engine_status status = engine_cpu.run(cpu, slot, pass, first, count, NULL);
    if (struck) strike(s);
    return status;
  }
  s->owner->hits++;
  if (f->block > first) engine_cpu.run(cpu, slot, pass, first, f->block - first, NULL);
  const int32_t rest = first + count - f->block - 1;
  return engine_cpu.run(cpu, slot, pass, f->block + 1, rest, NULL);
}

static enum engine_status faulty_run(struct session *s, int slot, int pass, int32_t first,
                                     int32_t count, const uint64_t *mask) {
  const enum engine_status fault = count_call(s->owner);
  if (fault) return fault;
  for (int i = 0; i < s->n_lanes; i++) {
    if (mask && !(mask[i / 64] >> (i % 64) & 1)) continue;
    const enum engine_status status = run_lane(s, i, slot, pass, first, count);
    if (status) return status;
  }
  return ENGINE_OK;
}

static enum engine_status faulty_finish(struct session *s) { return count_call(s->owner); }

void faulty_engine_init(struct faulty_engine *f) {
  memset(f, 0, sizeof *f);
  f->engine = (struct engine){
      .name = "faulty", .driver = "test", .is_gpu = true, .self = f, .open = faulty_open,
      .close = faulty_close, .write = faulty_write, .read = faulty_read,
      .read_control = faulty_read_control, .write_control = faulty_write_control,
      .set_args = faulty_set_args, .set_design = faulty_set_design,
      .set_buffers = faulty_set_buffers, .run = faulty_run, .finish = faulty_finish,
  };
}
