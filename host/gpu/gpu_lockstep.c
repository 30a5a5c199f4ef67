/* SPDX-License-Identifier: MIT
 * See gpu_lockstep.h. Batches of steps are submitted by whichever thread finds that one may
 * be; one of those that cannot go on waits for the device on behalf of all. */
#include "gpu_lockstep.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gpu_memory.h"
#include "gpu_pass.h"
#include "gpu_queue.h"

enum {
  SEQUENTIAL_LANES = 8,   /* as in shaders/io.glsl */
  SEQUENTIAL_BLOCKS = 64, /* lavapipe: 65,535 loop iterations per invocation, not more */
  BATCHES = 2,            /* in flight */
  BATCH_LANES = 2048,     /* table entries of a batch; MAX_LANES at least */
  BATCH_STEPS = 8,       /* more, and who needs few waits long for the others */
  BATCH_GROUPS = 1 << 20, /* workgroups after which no step begins, for the same reason */
  MOST_RUNS = 256,        /* of a session that wait */
  GRACE_SHARE = 8,        /* see may_submit */
  UPDATE_BYTES = 65536,   /* vkCmdUpdateBuffer takes no more */
};

/* Struct Lane of shaders/io.glsl. */
struct lane_entry {
  struct stage_io io;
  int32_t first, count, columns, pad;
};
struct dispatch {
  VkPipeline pipeline;
  bool begins_step, sequential;
  int first_lane, n_lanes; /* in the table */
  int32_t count, columns;  /* the most that a lane has */
  bool is_spread;          /* its lanes are not all at the same unit */
};
struct batch {
  VkCommandBuffer commands;
  struct gpu_chunk table; /* on the device */
  int64_t begun_ns;
};
struct gpu_lockstep {
  struct gpu_device *device;
  pthread_mutex_t lock; /* of all that follows, and of all members; device->lock inside */
  pthread_cond_t changed;
  struct gpu_member *members;
  VkCommandPool pool;
  VkSemaphore timeline;
  uint64_t submitted, done; /* batches: its values */
  struct batch batch[BATCHES];
  bool watched;         /* a thread waits for batch done + 1 */
  int64_t grace_end_ns; /* see may_submit */
  struct gpu_stats stats;
  /* the batch in the making */
  struct lane_entry table[BATCH_LANES];
  struct dispatch dispatches[BATCH_LANES];
  int n_entries, n_dispatches;
};

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static enum engine_status state(const struct gpu_member *m) {
  return m->failed ? m->failed : m->lockstep->device->lost ? ENGINE_DEVICE_LOST : ENGINE_OK;
}

/* ---- a batch in the making ---- */

static int32_t most_units(const struct gpu_lockstep *q, const struct gpu_run *run) {
  const uint32_t groups = q->device->max_groups_x;
  return run->sequential ? SEQUENTIAL_BLOCKS : groups < INT32_MAX ? (int32_t)groups : INT32_MAX;
}

/* This step's part of a member's first run, as lanes of the last dispatch. */
static void enter(struct gpu_lockstep *q, struct gpu_member *m) {
  struct dispatch *d = &q->dispatches[q->n_dispatches - 1];
  struct gpu_run *run = m->runs;
  const int32_t most = most_units(q, run), count = run->count < most ? run->count : most;
  for (int i = 0; i < run->n_lanes; i++)
    q->table[q->n_entries++] = (struct lane_entry){run->lanes[i], run->first, count,
                                                   run->columns, 0};
  d->n_lanes += run->n_lanes;
  if (count > d->count) d->count = count;
  if (run->columns > d->columns) d->columns = run->columns;
  d->is_spread |= q->table[d->first_lane].first != run->first;
  run->first += count;
  run->count -= count;
  m->step = q->stats.steps;
  m->value = q->submitted + 1;
  if (run->count) return;
  m->runs = run->next;
  if (!m->runs) m->end = &m->runs;
  m->n_runs--;
  free(run);
}

static bool may_enter(const struct gpu_lockstep *q, const struct gpu_member *m) {
  return m->runs && m->step != q->stats.steps && !m->failed &&
         q->n_entries + m->runs->n_lanes <= BATCH_LANES;
}

/* The next part of every session's first run; adds the workgroups. False: there is none, or
 * no room. */
static bool gather_step(struct gpu_lockstep *q, int64_t *groups) {
  const int first = q->n_dispatches;
  q->stats.steps++;
  for (struct gpu_member *m = q->members; m; m = m->next) {
    if (!may_enter(q, m)) continue;
    struct dispatch *d = &q->dispatches[q->n_dispatches];
    *d = (struct dispatch){.pipeline = m->runs->pipeline, .sequential = m->runs->sequential,
                           .begins_step = q->n_dispatches == first, .first_lane = q->n_entries};
    q->n_dispatches++;
    for (struct gpu_member *n = m; n; n = n->next)
      if (may_enter(q, n) && n->runs->pipeline == d->pipeline) enter(q, n);
    *groups += (int64_t)d->count * d->columns * d->n_lanes;
  }
  if (q->n_dispatches > first) return true;
  q->stats.steps--;
  return false;
}

static void gather(struct gpu_lockstep *q) {
  int64_t groups = 0;
  q->n_entries = q->n_dispatches = 0;
  for (int i = 0; i < BATCH_STEPS && groups < BATCH_GROUPS; i++)
    if (!gather_step(q, &groups)) break;
}

static void record_dispatch(const struct gpu_lockstep *q, const struct batch *b,
                            const struct dispatch *d) {
  const struct gpu_push push = {
      .lanes = b->table.address + (uint64_t)d->first_lane * sizeof *q->table,
      .n_lanes = d->n_lanes};
  const uint32_t lanes = (uint32_t)d->n_lanes, columns = (uint32_t)d->columns;
  if (d->begins_step) gpu_barrier(b->commands);
  vkCmdBindPipeline(b->commands, VK_PIPELINE_BIND_POINT_COMPUTE, d->pipeline);
  vkCmdPushConstants(b->commands, q->device->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push,
                     &push);
  if (d->sequential)
    vkCmdDispatch(b->commands, (lanes + SEQUENTIAL_LANES - 1) / SEQUENTIAL_LANES, columns, 1);
  else
    vkCmdDispatch(b->commands, (uint32_t)d->count, columns, lanes);
}

static enum engine_status record(const struct gpu_lockstep *q, const struct batch *b) {
  const char *table = (const char *)q->table;
  const uint64_t bytes = (uint64_t)q->n_entries * sizeof *q->table;
  enum engine_status status = gpu_commands_begin(q->device, b->commands);
  if (status) return status;
  gpu_barrier(b->commands); /* the table's last batch may still run */
  for (uint64_t at = 0; at < bytes; at += UPDATE_BYTES)
    vkCmdUpdateBuffer(b->commands, b->table.buffer, at,
                      bytes - at < UPDATE_BYTES ? bytes - at : UPDATE_BYTES, table + at);
  for (int i = 0; i < q->n_dispatches; i++) record_dispatch(q, b, &q->dispatches[i]);
  return ENGINE_OK;
}

static void count_dispatches(struct gpu_lockstep *q) {
  struct gpu_stats *s = &q->stats;
  s->batches++;
  s->dispatches += q->n_dispatches;
  s->lanes += q->n_entries;
  for (int i = 0; i < q->n_dispatches; i++) {
    s->shared += q->dispatches[i].n_lanes > 1;
    s->spread += q->dispatches[i].is_spread;
  }
}

/* Of the members that have runs in the batch that was not submitted. */
static void fail_batch(struct gpu_lockstep *q, enum engine_status status) {
  for (struct gpu_member *m = q->members; m; m = m->next) {
    if (m->value <= q->submitted) continue;
    m->value = q->submitted;
    m->failed = status;
  }
}

static void submit_batch(struct gpu_lockstep *q) {
  const uint64_t value = q->submitted + 1;
  struct batch *b = &q->batch[value % BATCHES];
  gather(q);
  enum engine_status status = record(q, b);
  if (!status) status = gpu_submit(q->device, b->commands, q->timeline, value);
  if (status) {
    fail_batch(q, status);
    if (!q->device->lost) vkResetCommandBuffer(b->commands, 0); /* it may still be recording */
  } else {
    b->begun_ns = now_ns();
    q->submitted = value;
    count_dispatches(q);
  }
  pthread_cond_broadcast(&q->changed);
}

/* ---- when ---- */

static uint64_t in_flight(const struct gpu_lockstep *q) { return q->submitted - q->done; }

/* When the device is idle: but those whose runs it has just done come back soon with more,
 * and are worth a short part of the time that these took. Or when all that is in flight is
 * of sessions that wait for more, so that there is no pause between the batches. */
static bool may_submit(const struct gpu_lockstep *q) {
  if (in_flight(q) == BATCHES) return false;
  if (!in_flight(q) && now_ns() >= q->grace_end_ns) return true;
  const uint64_t last = in_flight(q) ? q->done + 1 : q->done;
  for (const struct gpu_member *m = q->members; m; m = m->next)
    if (m->value >= last && !(m->flushing && m->runs)) return false;
  return true;
}

/* Waits for the oldest batch in flight. */
static void watch(struct gpu_lockstep *q, struct gpu_member *me) {
  const uint64_t value = q->done + 1;
  q->watched = true;
  pthread_mutex_unlock(&q->lock);
  const VkResult result = gpu_wait(q->device, q->timeline, value);
  const enum engine_status status = gpu_check(q->device, result, "vkWaitSemaphores");
  pthread_mutex_lock(&q->lock);
  q->watched = false;
  if (status) {
    me->failed = status;
  } else {
    const int64_t now = now_ns();
    q->done = value;
    q->grace_end_ns = now + (now - q->batch[value % BATCHES].begun_ns) / GRACE_SHARE;
  }
  pthread_cond_broadcast(&q->changed);
}

/* Until something has happened, or the grace is over. */
static void wait_for_change(struct gpu_lockstep *q) {
  const int64_t end = q->grace_end_ns;
  const struct timespec until = {end / 1000000000, end % 1000000000};
  if (in_flight(q)) pthread_cond_wait(&q->changed, &q->lock);
  else pthread_cond_timedwait(&q->changed, &q->lock, &until);
}

/* ---- members ---- */

static enum engine_status flush(struct gpu_member *me) {
  struct gpu_lockstep *q = me->lockstep;
  me->flushing = true;
  while (me->runs && !state(me)) {
    if (may_submit(q)) submit_batch(q);
    else if (in_flight(q) && !q->watched) watch(q, me);
    else wait_for_change(q);
  }
  me->flushing = false;
  return state(me);
}

enum engine_status lockstep_flush(struct gpu_member *me) {
  pthread_mutex_lock(&me->lockstep->lock);
  const enum engine_status status = flush(me);
  pthread_mutex_unlock(&me->lockstep->lock);
  return status;
}

enum engine_status lockstep_wait(struct gpu_member *me) {
  struct gpu_lockstep *q = me->lockstep;
  pthread_mutex_lock(&q->lock);
  enum engine_status status = flush(me);
  while (!status && q->done < me->value) {
    if (!q->watched) watch(q, me);
    else pthread_cond_wait(&q->changed, &q->lock);
    status = state(me);
  }
  pthread_mutex_unlock(&q->lock);
  return status;
}

enum engine_status lockstep_add(struct gpu_member *me, struct gpu_run *run) {
  struct gpu_lockstep *q = me->lockstep;
  pthread_mutex_lock(&q->lock);
  run->next = NULL;
  *me->end = run;
  me->end = &run->next;
  const enum engine_status status = ++me->n_runs < MOST_RUNS ? state(me) : flush(me);
  pthread_mutex_unlock(&q->lock);
  return status;
}

void lockstep_join(struct gpu_device *device, struct gpu_member *me) {
  struct gpu_lockstep *q = device->lockstep;
  *me = (struct gpu_member){.lockstep = q, .end = &me->runs};
  pthread_mutex_lock(&q->lock);
  me->next = q->members;
  q->members = me;
  pthread_mutex_unlock(&q->lock);
}

void lockstep_leave(struct gpu_member *me) {
  struct gpu_lockstep *q = me->lockstep;
  if (!q) return;
  pthread_mutex_lock(&q->lock);
  struct gpu_member **at = &q->members;
  while (*at != me) at = &(*at)->next;
  *at = me->next;
  for (struct gpu_run *run = me->runs, *next; run; run = next) {
    next = run->next;
    free(run);
  }
  const bool is_done = me->value <= q->done;
  pthread_cond_broadcast(&q->changed); /* nobody waits for this one any more */
  pthread_mutex_unlock(&q->lock);
  if (!is_done && !q->device->hung)
    gpu_settle(q->device, q->timeline, me->value, q->device->lost);
  memset(me, 0, sizeof *me);
}

void lockstep_stats(struct gpu_device *device, struct gpu_stats *out) {
  struct gpu_lockstep *q = device->lockstep;
  pthread_mutex_lock(&q->lock);
  *out = q->stats;
  pthread_mutex_unlock(&q->lock);
}

/* ---- the whole ---- */

enum engine_status lockstep_create(struct gpu_device *device) {
  struct gpu_lockstep *q = device->lockstep = calloc(1, sizeof *q);
  VkCommandBuffer commands[BATCHES];
  pthread_condattr_t monotonic;
  if (!q) return ENGINE_NO_MEMORY;
  q->device = device;
  pthread_mutex_init(&q->lock, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&q->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  enum engine_status status = gpu_timeline_create(device, &q->timeline);
  if (!status) status = gpu_commands_create(device, BATCHES, &q->pool, commands);
  for (int i = 0; i < BATCHES && !status; i++) {
    q->batch[i].commands = commands[i];
    status = gpu_buffer_create(device, sizeof q->table, 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                               true, &q->batch[i].table);
  }
  return status;
}

void lockstep_destroy(struct gpu_device *device) {
  struct gpu_lockstep *q = device->lockstep;
  if (!q) return;
  for (int i = 0; i < BATCHES; i++) gpu_buffer_destroy(device, &q->batch[i].table);
  vkDestroySemaphore(device->handle, q->timeline, NULL);
  vkDestroyCommandPool(device->handle, q->pool, NULL);
  pthread_cond_destroy(&q->changed);
  pthread_mutex_destroy(&q->lock);
  free(q);
  device->lockstep = NULL;
}
