/* SPDX-License-Identifier: MIT
 * See album.h. */
#include "album.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "detmath.h"
#include "limiter.h"
#include "loudness.h"
#include "memory.h"

struct work { /* of one drive, shared by the threads */
  const struct probe *const *tracks;
  int n_tracks;
  double drive_db;
  int pace;
  struct loudness_part *parts; /* by track */
  float **hops;
  pthread_mutex_t lock; /* of what follows */
  int next;
  enum engine_status status;
};

static void *measure_tracks(void *context) {
  struct work *w = context;
  for (;;) {
    pthread_mutex_lock(&w->lock);
    const int track = w->status ? w->n_tracks : w->next++;
    pthread_mutex_unlock(&w->lock);
    if (track >= w->n_tracks) return NULL;
    const enum engine_status status =
        probe_hops(w->tracks[track], w->drive_db, w->pace, w->hops[track]);
    if (!status) continue;
    pthread_mutex_lock(&w->lock);
    w->status = status;
    pthread_mutex_unlock(&w->lock);
  }
}

/* Loudness of all tracks at w->drive_db and w->pace; w->status: whether it could be had. */
static double measure_album(struct work *w, int n_threads, double *scratch) {
  pthread_t *threads = memory_new((size_t)n_threads, sizeof *threads);
  int started = 0;
  w->next = 0;
  while (started < n_threads - 1 &&
         !pthread_create(&threads[started], NULL, measure_tracks, w))
    started++;
  measure_tracks(w);
  for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
  free(threads);
  return w->status ? -HUGE_VAL : loudness_of_parts(w->parts, w->n_tracks, scratch);
}

/* What the correction of a ceiling may add to one track cannot be taken back for it alone. */
static const double SPARE_DB = 0.04;

static double max_drive(const struct probe *const *tracks, int n_tracks, double max_reduction_db) {
  double most = SOLVE_MAX_DRIVE_DB;
  for (int i = 0; i < n_tracks; i++) {
    const double ceiling_db = (double)tracks[i]->ceiling / LIMITER_OCTAVE * det_gain_to_db(2);
    const double drive = solve_max_drive(max_reduction_db - SPARE_DB, ceiling_db,
                                         tracks[i]->true_peak_db);
    if (drive < most) most = drive;
  }
  return most;
}

static void search(struct work *w, const struct album_goal *goal, double *scratch,
                   struct album_result *out) {
  struct solve solve;
  struct pace_choice choice;
  *out = (struct album_result){.loudness_lufs = -HUGE_VAL, .limit = SOLVE_NO_LOUDNESS};
  w->drive_db = NAN;
  out->start_lufs = measure_album(w, goal->threads, scratch);
  if (w->status || out->start_lufs == -HUGE_VAL) return;
  const struct solve_goal bounds = {goal->target_lufs,
                                    max_drive(w->tracks, w->n_tracks, goal->max_reduction_db)};
  const struct limiter_design *limiter = w->tracks[0]->limiter->data;
  pace_begin(&choice, goal->slowest_pace, limiter->n_paces);
  do {
    solve_begin(&solve, &bounds, out->start_lufs);
    if (!isnan(choice.fastest_drive_db)) solve.drive_db = choice.fastest_drive_db;
    w->pace = choice.pace;
    do {
      w->drive_db = solve.drive_db;
    } while (!w->status && solve_next(&solve, measure_album(w, goal->threads, scratch)) &&
             !pace_decided(&choice, &solve));
  } while (!w->status && pace_next(&choice, &solve));
  out->pace = choice.pace;
  out->drive_db = solve.drive_db;
  out->loudness_lufs = solve.loudness_lufs;
  out->reached = solve.reached;
  out->limit = solve.limit;
}

enum engine_status album_solve(const struct probe *const *tracks, int n_tracks,
                               const struct album_goal *goal, struct album_result *out) {
  struct work w = {.tracks = tracks, .n_tracks = n_tracks};
  size_t n_hops = 1;
  w.parts = memory_new((size_t)n_tracks + 1, sizeof *w.parts);
  w.hops = memory_new((size_t)n_tracks + 1, sizeof *w.hops);
  for (int i = 0; i < n_tracks; i++) {
    const int32_t n = probe_n_hops(tracks[i]);
    w.hops[i] = memory_new((size_t)n + 1, sizeof **w.hops);
    w.parts[i] = (struct loudness_part){w.hops[i], n, tracks[i]->rate_hz};
    n_hops += (size_t)n;
  }
  double *scratch = memory_new(n_hops, sizeof *scratch);
  pthread_mutex_init(&w.lock, NULL);
  search(&w, goal, scratch, out);
  pthread_mutex_destroy(&w.lock);
  for (int i = 0; i < n_tracks; i++) free(w.hops[i]);
  free(scratch);
  free(w.hops);
  free(w.parts);
  return w.status;
}
