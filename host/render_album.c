/* SPDX-License-Identifier: MIT
 * See render_run.h: the common gain of an album, found before anything of it is rendered. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deliver.h"
#include "incremental.h"
#include "limiter.h"
#include "memory.h"
#include "render_run.h"
#include "verdict.h"

static int n_variants(const struct work *w) { return w->plan->manifest->n_variants; }

/* ---- what is known without decoding ---- */

/* The keys that the track has in its albums, by its receipts there. */
static void recognise(const struct work *w, int track, const struct track_keys *keys) {
  const struct plan *plan = w->plan;
  const struct track *t = &plan->manifest->tracks[track];
  struct unit *units;
  const int n = plan_album_units(plan, track, &units);
  for (int i = 0; i < n; i++) {
    struct unit unit = units[i];
    struct receipt r;
    struct unit_plan u;
    char *name = manifest_output_name(plan->manifest, t, &plan->manifest->variants[unit.variant]);
    unit.receipt_path = memory_print("%s/%s.receipt.json", plan->folder, name);
    if (incremental_receipt(plan, &unit, &r) &&
        plan_recall(plan, keys, &unit, &r.source, &r.parts, &u))
      plan_album_note(plan, &(struct track_plan){.n_units = 1, .units = &u});
    free(unit.receipt_path);
    free(name);
  }
  free(units);
}

/* Nothing of any album is to be rendered. */
static bool all_current(const struct work *w) {
  const struct plan *plan = w->plan;
  const int n = plan->manifest->n_tracks;
  if (w->options.force) return false;
  struct track_keys *keys = memory_new((size_t)n + 1, sizeof *keys);
  for (int t = 0; t < n; t++) {
    if (!album_visits(w, t)) continue;
    track_keys_recall(plan, t, &keys[t]);
    recognise(w, t, &keys[t]);
  }
  plan_album_digests(plan);
  bool current = true;
  for (int i = 0; i < plan->n_units && current; i++) {
    const struct unit *unit = &plan->units[i];
    const struct plan_album *album = plan_album_of(plan, unit);
    if (album) current = *album->digest && incremental_current(plan, &keys[unit->track], unit);
  }
  for (int t = 0; t < n; t++) track_keys_free(&keys[t]);
  free(keys);
  return current;
}

/* ---- the visit ---- */

bool album_visits(const struct work *w, int track) {
  for (int v = 0; v < n_variants(w); v++)
    if (plan_album_member(&w->plan->albums[v], track) >= 0) return true;
  return false;
}

enum status album_plan_track(const struct work *w, struct job *job,
                             const struct source_identity *source, struct failure *why) {
  const int n = plan_album_units(w->plan, job->track, &job->probe_units);
  enum status status = track_plan_make_units(w->plan, job->track, job->probe_units, n, source,
                                             &job->plan, why);
  if (!status) plan_album_note(w->plan, &job->plan);
  return status;
}

bool album_stops(const struct work *w, const struct unit_plan *u, struct failure *why) {
  const struct plan_album *album = plan_album_of(w->plan, u->unit);
  if (!album) return false;
  if (album->failure.status) *why = album->failure;
  else if (strcmp(album->keys[plan_album_member(album, u->unit->track)], u->own_key))
    fail(why, STATUS_AGAIN, "%s: its source changed while the album was rendered",
         u->unit->name);
  return why->status;
}

bool album_unknown(const struct work *w, const struct unit_plan *u, struct failure *why) {
  const struct plan_album *album = plan_album_of(w->plan, u->unit);
  if (!album || album->solved) return false;
  fail(why, STATUS_AGAIN, "%s: its file changed while the program ran", u->unit->name);
  return true;
}

void album_on_probe(void *context, int lane, int tail, struct probe *probe) {
  (void)lane;
  const struct rendering *g = context;
  struct job *job = g->job;
  const struct unit *unit = job->plan.units[job->unit_of_tail[tail]].unit;
  struct plan_album *album = plan_album_of(g->work->plan, unit);
  struct probe *mine = &album->probes[plan_album_member(album, job->track)];
  probe_free(mine);
  *mine = *probe;
  job->delivered[tail] = true;
}

/* Of several tracks the last one is named, whatever order they come in. */
void album_fail_track(struct work *w, int track, const struct failure *why) {
  const struct manifest *m = w->plan->manifest;
  pthread_mutex_lock(&w->lock);
  for (int v = 0; v < n_variants(w); v++) {
    struct plan_album *album = &w->plan->albums[v];
    if (plan_album_member(album, track) < 0 || album->failed_track > track) continue;
    album->failed_track = track;
    fail(&album->failure, why->status, "album \"%s\" has no common gain without track %d: %s",
         m->variants[v].name, m->tracks[track].number, why->text);
  }
  pthread_mutex_unlock(&w->lock);
}

/* ---- the gain ---- */

static void solve(const struct work *w, int variant) {
  struct plan_album *album = &w->plan->albums[variant];
  const struct variant *v = &w->plan->manifest->variants[variant];
  const int cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
  const int slowest = album->result.pace ? album->result.pace : 1; /* a visit before took that */
  const struct album_goal goal = {v->loudness.loudness_lufs, v->loudness.max_reduction_db, slowest,
                                  cores};
  const struct probe **tracks = memory_new((size_t)album->n_tracks, sizeof(struct probe *));
  for (int i = 0; i < album->n_tracks; i++) tracks[i] = &album->probes[album->order[i]];
  if (album_solve(tracks, album->n_tracks, &goal, &album->result))
    fail(&album->failure, STATUS_AGAIN, "album \"%s\": out of memory", v->name);
  free(tracks);
}

static bool has_clipper(const struct work *w, int variant) {
  return limiter_resolved(&w->plan->manifest->variants[variant].limiter).clip_db < CLIP_OFF;
}

/* The gain behind a clipper is that for which its tracks were clipped: a secant on the
 * difference of the two. Returns by how much they differ. */
static double agree(struct plan_album *album, double clipped_for_db) {
  const double step_db = album->result.drive_db - clipped_for_db;
  const double rise = (step_db - album->last_step_db) / (clipped_for_db - album->last_drive_db);
  if (album->visits++ && rise < -0.2) album->result.drive_db = clipped_for_db - step_db / rise;
  album->last_drive_db = clipped_for_db;
  album->last_step_db = step_db;
  return fabs(step_db);
}

/* Visits all albums and finds their gains. Returns by how much one of them differs from what
 * its tracks were clipped for. */
static double visit(struct work *w) {
  double most = 0;
  w->visiting = true;
  run_workers(w);
  w->visiting = false;
  if (work_stops(w)) return 0;
  plan_album_digests(w->plan);
  for (int v = 0; v < n_variants(w); v++) {
    struct plan_album *album = &w->plan->albums[v];
    const double before_db = album->result.drive_db;
    if (album->n_tracks && !album->failure.status) {
      solve(w, v);
      if (has_clipper(w, v)) most = fmax(most, agree(album, before_db));
    }
    for (int i = 0; i < album->n_tracks; i++) probe_free(&album->probes[i]);
  }
  return most;
}

/* What is found is taken; or the album fails. */
static void settle(const struct work *w, int variant) {
  struct plan_album *album = &w->plan->albums[variant];
  const struct variant *v = &w->plan->manifest->variants[variant];
  char verdict[VERDICT_SIZE];
  free(album->probes);
  album->probes = NULL;
  album->solved = album->n_tracks && !album->failure.status;
  if (!album->solved) return;
  album->delivered = memory_new((size_t)album->n_tracks, sizeof *album->delivered);
  if (album->result.reached || v->loudness.infeasible != INFEASIBLE_FAIL) return;
  verdict_text(v, album->result.limit, album->result.loudness_lufs, verdict);
  fail(&album->failure, STATUS_UNIT_FAILED,
       "%s; not delivered, as \"infeasible: fail\" asks", verdict);
}

void prepare_albums(struct work *w) {
  enum { VISITS = 6 }; /* a clipper's threshold depends on the gain, which depends on it */
  bool any = false;
  for (int v = 0; v < n_variants(w); v++) any |= w->plan->albums[v].n_tracks > 0;
  if (!any || all_current(w)) return;
  for (int v = 0; v < n_variants(w); v++) {
    struct plan_album *album = &w->plan->albums[v];
    album->probes = memory_new((size_t)album->n_tracks + 1, sizeof *album->probes);
  }
  for (int i = 0; i < VISITS && visit(w) > 0.02; i++) {
  }
  if (work_stops(w)) return; /* nothing of them will begin */
  for (int v = 0; v < n_variants(w); v++) settle(w, v);
}

void measure_albums(struct work *w) {
  for (int v = 0; v < n_variants(w); v++) {
    struct plan_album *album = &w->plan->albums[v];
    int32_t n_hops = 0;
    album->delivered_lufs = NAN;
    bool complete = album->delivered != NULL;
    for (int i = 0; i < album->n_tracks && complete; i++) {
      complete = album->delivered[i].hops != NULL;
      n_hops += album->delivered[i].n;
    }
    if (!complete) continue;
    double *scratch = memory_new((size_t)n_hops + 1, sizeof *scratch);
    album->delivered_lufs = loudness_of_parts(album->delivered, album->n_tracks, scratch);
    free(scratch);
  }
}
