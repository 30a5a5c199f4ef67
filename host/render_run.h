/* SPDX-License-Identifier: MIT
 * Inside render*.c: a catalogue in progress. */
#ifndef LACQUER_RENDER_RUN_H
#define LACQUER_RENDER_RUN_H
#include <pthread.h>

#include "decode.h"
#include "render.h"

struct work { /* shared by the workers */
  const struct plan *plan;
  const struct device *device;
  struct render_options options;
  struct unit_result *results;
  unit_finished *finished;
  void *context;
  bool visiting; /* tracks of albums are only probed for their common gain */
  pthread_mutex_t lock; /* of everything below, and of `finished` */
  int next_track;
  bool stop, device_failed;
};

/* One track in a worker's hands. */
struct job {
  int track;
  bool loaded;
  struct audio audio;
  struct source_file file;
  struct edit_span span;
  struct loudness_figures source; /* libebur128 */
  struct track_plan plan;
  struct unit *probe_units; /* of a visit: what `plan` is of, one per album; owned */
  int n_tails;
  struct tail *tails;
  int *unit_of_tail; /* index in plan.units */
  bool *delivered;   /* by tail */
  char note[512];    /* for the receipts: why the CPU rendered it */
};

struct group { /* jobs that render side by side */
  struct work *work;
  const struct engine *engine;
  enum verify_tier tier;
  int n;
  struct job *job[MAX_LANES];
  struct lane_job *lanes;
};

void run_workers(struct work *w); /* over all tracks */

/* ---- render_album.c ---- */

/* Digests of the albums, and, unless all their units are up to date, their gains: visits
 * every track of theirs. */
void prepare_albums(struct work *w);
void measure_albums(struct work *w); /* what was delivered of them, by libebur128 */
bool album_visits(const struct work *w, int track); /* the track is part of an album */
/* A unit's album has no gain, or one that was found with something else than this unit. */
bool album_stops(const struct work *w, const struct unit_plan *unit, struct failure *why);
/* A unit is to be rendered, and its album's gain was not sought: nothing was to be. */
bool album_unknown(const struct work *w, const struct unit_plan *unit, struct failure *why);
/* A visit's plan of a track, with the units of its albums. */
enum status album_plan_track(const struct work *w, struct job *job,
                             const struct source_identity *source, struct failure *why);
/* batch.probe; context: struct group. */
void album_on_probe(void *context, int lane, int tail, struct probe *probe);
/* A track could not be probed: no unit of its albums can be delivered. */
void album_fail_track(struct work *w, int track, const struct failure *why);
#endif
