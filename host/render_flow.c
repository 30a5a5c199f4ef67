/* SPDX-License-Identifier: MIT
 * See render_run.h: who does what when. Workers load tracks and, on the CPU, render them, one
 * each. Every lane of a Vulkan device has a thread of its own, a driver, which takes the next
 * track as soon as one is over. What is finished is delivered by further threads: it costs
 * little time of a core, but must wait for the disk again and again. */
#define _DEFAULT_SOURCE /* sysconf */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gpu.h"
#include "memory.h"
#include "render_run.h"
#include "track_source.h"

enum { PUBLISHERS = 4 }; /* and one per worker */

struct queue {
  struct job *first, **end;
  int n;
};
struct flow {
  struct work *work;
  pthread_mutex_t lock; /* of all that follows; work.lock may be taken inside */
  pthread_cond_t changed;
  int next_track;
  int n_drivers, n_publishers;
  int most_lanes; /* tracks that may be on the device: fewer while its memory is short */
  int taking, loading, rendering; /* threads at it; on the CPU, who loads renders */
  struct queue waiting; /* taken, not loaded: for memory or a place among the ready ones */
  struct queue ready;   /* loaded, for a driver */
  struct queue again;   /* begun, but the device failed or had too little memory */
  int n_parcels; /* from flow_reserve to delivered */
  struct parcel *parcels, **parcels_end; /* handed on */
  int64_t booked; /* bytes, of the jobs and of the parcels */
};

static void queue_init(struct queue *q) {
  q->first = NULL;
  q->end = &q->first;
  q->n = 0;
}

static void queue_put(struct queue *q, struct job *job) {
  job->flow.next = NULL;
  *q->end = job;
  q->end = &job->flow.next;
  q->n++;
}

/* Takes the job that *at points to. */
static struct job *queue_take(struct queue *q, struct job **at) {
  struct job *job = *at;
  *at = job->flow.next;
  if (q->end == &job->flow.next) q->end = at;
  q->n--;
  return job;
}

/* ---- memory ---- */

int64_t flow_memory(void) {
  int64_t bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
  FILE *file = fopen("/sys/fs/cgroup/memory.max", "r");
  long long most;
  if (file && fscanf(file, "%lld", &most) == 1 && most < bytes) bytes = most;
  if (file) fclose(file);
  return bytes / 4 * 3;
}

/* A session: four buffers of the track's length (A, B, C, PCM), and control data, which for
 * four bands, limiter and two meters are 90,000 words for a second of a channel. */
static int64_t session_bytes(const struct audio *shape, int rate_hz) {
  const double seconds = (double)shape->n_frames / shape->rate_hz;
  return (int64_t)(seconds * shape->channels * sizeof(float) * (4.0 * rate_hz + 90000));
}

/* What the track takes on the CPU: a session of its own and a converted one, twice when all is
 * compared. */
static int64_t cpu_bytes(const struct work *w, int track, const struct audio *shape) {
  const struct manifest *m = w->plan->manifest;
  struct audio widest = *shape; /* fold.h: a scene of few channels is rendered to more */
  if (shape->layout->n_objects && shape->channels < LAYOUT_MOST_SPEAKERS)
    widest.channels = LAYOUT_MOST_SPEAKERS;
  int64_t other = 0;
  for (int i = 0; i < m->tracks[track].n_variants; i++) {
    const struct variant *v = &m->variants[m->tracks[track].variants[i]];
    const int rate_hz = v->resample.rate_hz ? v->resample.rate_hz : shape->rate_hz;
    struct audio folded = *shape;
    folded.layout = fold_target(&v->fold, shape->layout);
    folded.channels = folded.layout->channels;
    const bool converted = rate_hz != shape->rate_hz || folded.layout != shape->layout;
    const int64_t bytes = converted ? session_bytes(&folded, rate_hz) : 0;
    if (bytes > other) other = bytes;
  }
  return (session_bytes(&widest, shape->rate_hz) + other) *
         (w->options.tier == VERIFY_FULL ? 2 : 1);
}

/* A device holds the sessions, up to two a track; a software one in the same memory.
 * Auditioning keeps the source, the chain's output and two files in the making. */
static void book(const struct work *w, struct job *job) {
  struct audio shape;
  const struct track *track = &w->plan->manifest->tracks[job->track];
  int64_t extra; /* while it is decoded */
  if (track_source_headers(track, &shape, &extra, NULL)) return;
  const int64_t source = (int64_t)sizeof(float) * shape.channels * shape.n_frames;
  const bool on_host = !w->device->engine.is_gpu || w->device->is_software;
  job->flow.source_bytes = w->device->engine.is_gpu ? source : 0; /* before there is a session */
  job->flow.bytes = job->flow.source_bytes;
  if (w->device->engine.is_gpu) job->flow.bytes += 2 * GPU_SESSION_BYTES;
  job->flow.cpu_bytes = cpu_bytes(w, job->track, &shape);
  if (on_host || w->options.tier == VERIFY_FULL) job->flow.bytes += job->flow.cpu_bytes;
  if (source + extra > job->flow.bytes) job->flow.bytes = source + extra;
  if (w->options.audition) job->flow.bytes += 4 * source;
}

static bool fits(const struct flow *f, int64_t bytes) {
  return !f->booked || f->booked + bytes <= f->work->options.memory_bytes;
}

/* ---- what is next ---- */

static bool begins(const struct flow *f) {
  return f->next_track < f->work->plan->manifest->n_tracks && !work_stops(f->work);
}

/* Workers render: there is no device, or none any more. */
static bool workers_render(const struct flow *f) {
  pthread_mutex_lock(&f->work->lock);
  const bool failed = f->work->device_failed;
  pthread_mutex_unlock(&f->work->lock);
  return !f->n_drivers || failed;
}

static int most_ready(const struct flow *f) {
  return f->n_drivers ? f->n_drivers + f->work->options.jobs : INT_MAX;
}

static bool may_load(const struct flow *f) {
  return f->waiting.n && f->ready.n + f->loading < most_ready(f) &&
         fits(f, f->waiting.first->flow.bytes);
}

static bool may_take(const struct flow *f) {
  return f->waiting.n + f->taking < f->work->options.jobs && begins(f);
}

/* No job will become ready any more. */
static bool all_loaded(const struct flow *f) {
  return !f->waiting.n && !f->taking && !f->loading && !begins(f);
}

static void watch_track(struct work *w, int track, bool begins_now) {
  if (!w->watch->track) return;
  pthread_mutex_lock(&w->lock);
  w->watch->track(w->watch->context, track, begins_now);
  pthread_mutex_unlock(&w->lock);
}

/* Nothing begins any more: what waits is left out. */
static void drop_waiting(struct flow *f) {
  if (!work_stops(f->work)) return;
  while (f->waiting.n) job_free(queue_take(&f->waiting, &f->waiting.first));
  while (f->ready.n) {
    struct job *job = queue_take(&f->ready, &f->ready.first);
    f->booked -= job->flow.bytes;
    watch_track(f->work, job->track, false);
    job_free(job);
  }
}

/* What was begun comes first. */
static struct job *take_loaded(struct flow *f) {
  struct queue *q = f->again.n ? &f->again : &f->ready;
  return queue_take(q, &q->first);
}

static bool all_rendered(const struct flow *f) {
  return all_loaded(f) && !f->ready.n && !f->again.n && !f->rendering;
}

enum step_kind { STEP_END, STEP_DELIVER, STEP_RENDER, STEP_LOAD, STEP_TAKE };
struct step {
  enum step_kind kind;
  struct job *job;
  struct parcel *parcel;
};

static bool find_parcel(struct flow *f, struct step *out) {
  if (!f->parcels) return false;
  *out = (struct step){STEP_DELIVER, NULL, f->parcels};
  f->parcels = f->parcels->next;
  if (!f->parcels) f->parcels_end = &f->parcels;
  return true;
}

/* The first of these that there is; false: wait. */
static bool find_step(struct flow *f, bool publishes, struct step *out) {
  *out = (struct step){STEP_END, NULL, NULL};
  drop_waiting(f);
  if (!publishes && (f->again.n || f->ready.n) && workers_render(f)) {
    out->kind = STEP_RENDER;
    out->job = take_loaded(f);
    f->rendering++;
  } else if (!publishes && may_load(f)) {
    out->kind = STEP_LOAD;
    out->job = queue_take(&f->waiting, &f->waiting.first);
    f->booked += out->job->flow.bytes;
    f->loading++;
  } else if (!publishes && may_take(f)) {
    out->kind = STEP_TAKE;
    out->job = memory_new(1, sizeof *out->job);
    out->job->track = f->next_track++;
    f->taking++;
  } else {
    return find_parcel(f, out) || all_rendered(f);
  }
  return true;
}

static struct step next_step(struct flow *f, bool publishes) {
  struct step step;
  pthread_mutex_lock(&f->lock);
  while (!find_step(f, publishes, &step)) pthread_cond_wait(&f->changed, &f->lock);
  pthread_mutex_unlock(&f->lock);
  return step;
}

/* The counter goes down, and whoever waits looks again. */
static void step_done(struct flow *f, int *counter) {
  pthread_mutex_lock(&f->lock);
  --*counter;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->lock);
}

/* ---- the steps ---- */

void flow_job_done(struct work *w, struct job *job) {
  struct flow *f = w->flow;
  pthread_mutex_lock(&f->lock);
  const bool last = --job->flow.holders == 0;
  if (last) f->booked -= job->flow.bytes;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->lock);
  if (!last) return;
  watch_track(w, job->track, false);
  job_free(job);
}

void flow_source_freed(struct work *w, struct job *job) {
  struct flow *f = w->flow;
  pthread_mutex_lock(&f->lock);
  f->booked -= job->flow.source_bytes;
  job->flow.bytes -= job->flow.source_bytes;
  job->flow.source_bytes = 0;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->lock);
}

static int64_t parcel_bytes(const struct parcel *p) {
  return (int64_t)sizeof *p->pcm * p->result.n_frames * p->result.channels;
}

static bool has_room(const struct flow *f, int64_t bytes) {
  return !f->n_parcels || (f->n_parcels < f->n_publishers + f->work->options.jobs &&
                           fits(f, bytes));
}

bool flow_reserve(struct work *w, struct parcel *parcel, bool wait) {
  struct flow *f = w->flow;
  const int64_t bytes = parcel_bytes(parcel);
  pthread_mutex_lock(&f->lock);
  while (wait && !has_room(f, bytes)) pthread_cond_wait(&f->changed, &f->lock);
  const bool room = wait || (f->n_publishers && has_room(f, bytes) && fits(f, bytes));
  if (room) {
    f->booked += bytes;
    f->n_parcels++;
    parcel->job->flow.holders++;
  }
  pthread_mutex_unlock(&f->lock);
  return room;
}

void flow_hand_on(struct work *w, struct parcel *parcel) {
  struct flow *f = w->flow;
  pthread_mutex_lock(&f->lock);
  *f->parcels_end = parcel;
  f->parcels_end = &parcel->next;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->lock);
}

static void do_deliver(struct flow *f, struct parcel *parcel) {
  struct job *job = parcel->job;
  const int64_t bytes = parcel_bytes(parcel);
  deliver_parcel(f->work, parcel);
  pthread_mutex_lock(&f->lock);
  f->booked -= bytes;
  f->n_parcels--;
  pthread_mutex_unlock(&f->lock);
  flow_job_done(f->work, job);
}

/* Its session is closed; what is left of the job are parcels. */
static void rendered(struct flow *f, struct job *job) {
  pthread_mutex_lock(&f->lock);
  f->booked -= job->flow.bytes;
  job->flow.bytes = 0;
  if (job->flow.crowded) f->most_lanes = f->n_drivers;
  pthread_mutex_unlock(&f->lock);
  flow_job_done(f->work, job);
}

static void render_here(struct flow *f, struct job *job) {
  render_on_cpu(f->work, job);
  rendered(f, job);
}

static void do_load(struct flow *f, struct job *job) {
  job->flow.holders = 1;
  watch_track(f->work, job->track, true);
  load(f->work, job);
  if (!job->loaded) {
    flow_job_done(f->work, job);
  } else if (!f->n_drivers) {
    render_here(f, job);
  } else {
    pthread_mutex_lock(&f->lock);
    queue_put(&f->ready, job);
    pthread_mutex_unlock(&f->lock);
  }
  step_done(f, &f->loading);
}

static void do_take(struct flow *f, struct job *job) {
  const bool done = track_is_done(f->work, job->track);
  if (!done) book(f->work, job);
  pthread_mutex_lock(&f->lock);
  if (!done) queue_put(&f->waiting, job);
  pthread_mutex_unlock(&f->lock);
  if (done) job_free(job);
  step_done(f, &f->taking);
}

static void work(struct flow *f, bool publishes) {
  for (;;) {
    const struct step step = next_step(f, publishes);
    switch (step.kind) {
      case STEP_END: return;
      case STEP_DELIVER: do_deliver(f, step.parcel); break;
      case STEP_RENDER:
        render_here(f, step.job);
        step_done(f, &f->rendering);
        break;
      case STEP_LOAD: do_load(f, step.job); break;
      case STEP_TAKE: do_take(f, step.job); break;
    }
  }
}

static void *worker(void *context) {
  work(context, false);
  return NULL;
}

static void *publisher(void *context) {
  work(context, true);
  return NULL;
}

/* ---- drivers ---- */

/* The next track for a lane; NULL: there is none any more, or no device. */
static struct job *take_for_lane(struct flow *f) {
  struct job *job = NULL;
  pthread_mutex_lock(&f->lock);
  for (;; pthread_cond_wait(&f->changed, &f->lock)) {
    drop_waiting(f);
    if (workers_render(f) || all_rendered(f)) break;
    if (!(f->again.n || f->ready.n) || f->rendering >= f->most_lanes) continue;
    job = take_loaded(f);
    job->flow.alone = f->most_lanes == 1;
    f->rendering++;
    break;
  }
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->lock);
  return job;
}

/* For a worker, or, where memory was short, for the next lane that becomes free: until it is
 * rendered there are no more of them at once than there are now besides it. */
static void render_again(struct flow *f, struct job *job) {
  pthread_mutex_lock(&f->lock);
  f->most_lanes = f->rendering > 2 ? f->rendering - 1 : 1;
  job->flow.crowded = true;
  queue_put(&f->again, job);
  pthread_mutex_unlock(&f->lock);
}

static void *driver(void *context) {
  struct flow *f = context;
  for (struct job *job; (job = take_for_lane(f)); step_done(f, &f->rendering)) {
    if (render_on_device(f->work, job)) rendered(f, job);
    else render_again(f, job);
  }
  return NULL;
}

/* ---- threads ---- */

/* Starts up to `n` threads; returns how many. */
static int start(pthread_t *threads, int n, void *(*run)(void *), struct flow *f) {
  int started = 0;
  while (started < n && !pthread_create(&threads[started], NULL, run, f)) started++;
  return started;
}

/* The calling thread is the first worker: one at least there is. */
void run_workers(struct work *w) {
  struct flow f = {.work = w};
  const int jobs = w->options.jobs;
  const int drivers = w->device->engine.is_gpu ? w->options.lanes : 0;
  const size_t most = 2 * (size_t)jobs + PUBLISHERS + (size_t)drivers;
  pthread_t *threads = memory_new(most, sizeof *threads);
  queue_init(&f.waiting);
  queue_init(&f.ready);
  queue_init(&f.again);
  f.parcels_end = &f.parcels;
  pthread_mutex_init(&f.lock, NULL);
  pthread_cond_init(&f.changed, NULL);
  w->flow = &f;
  pthread_mutex_lock(&f.lock); /* until it is known how many there are */
  f.n_drivers = f.most_lanes = start(threads, drivers, driver, &f);
  f.n_publishers = start(threads + f.n_drivers, jobs + PUBLISHERS, publisher, &f);
  int started = f.n_drivers + f.n_publishers;
  started += start(threads + started, jobs - 1, worker, &f);
  pthread_mutex_unlock(&f.lock);
  worker(&f);
  for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
  pthread_cond_destroy(&f.changed);
  pthread_mutex_destroy(&f.lock);
  w->flow = NULL;
  free(threads);
}
