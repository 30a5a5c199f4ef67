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
  const struct render_watch *watch;
  bool visiting; /* tracks of albums are only probed for their common gain */
  struct flow *flow; /* render_flow.c, while the workers run */
  pthread_mutex_t lock; /* of everything below, and of `watch` */
  bool stop, device_failed;
  int n_finished; /* units, without those that were up to date */
};

/* One track in a worker's hands. */
struct job {
  int track;
  bool loaded;
  struct audio audio; /* its samples are freed once a session has them */
  struct source_file file;
  struct edit_span span;
  struct loudness_figures source; /* libebur128 */
  struct track_plan plan;
  struct unit *probe_units; /* of a visit: what `plan` is of, one per album; owned */
  int n_tails;
  struct tail *tails;
  int *unit_of_tail; /* index in plan.units */
  bool *delivered;   /* by tail */
  int n_delivered;   /* or on their way */
  char note[512];    /* for the receipts: why the CPU rendered it */
  struct flow_part { /* of render_flow.c */
    struct job *next;
    int64_t bytes, source_bytes; /* booked; of these, of the source's samples */
    int64_t cpu_bytes;           /* what it takes on the CPU */
    int holders;                 /* the render and every parcel */
    bool alone;   /* no other track is on the device */
    bool crowded; /* once there was too little memory for it beside others */
  } flow;
};

/* A finished unit on its way to its file. */
struct parcel {
  struct parcel *next;
  struct job *job;
  const struct unit_plan *unit;
  const int32_t *pcm;
  int32_t *owned; /* the same; NULL: not to be freed */
  struct tail_result result;
  struct receipt receipt;
};

struct rendering { /* of a job on an engine */
  struct work *work;
  const struct engine *engine;
  enum verify_tier tier;
  struct job *job;
  struct lane_job lane;
  bool drives; /* parcels are left to the publishers */
};

/* ---- render.c ---- */

/* Nothing of the track is to be made; what is up to date is told. */
bool track_is_done(struct work *w, int track);
void load(struct work *w, struct job *job); /* not loaded: its failure is told, or it is done */
void job_free(struct job *job);
/* In a lane of the device; what that spoils is rendered again on the CPU. False: the device was
 * lost, or its memory was too small beside other lanes; what is left is to be rendered again. */
bool render_on_device(struct work *w, struct job *job);
void render_on_cpu(struct work *w, struct job *job);
void deliver_parcel(struct work *w, struct parcel *parcel); /* frees it */
/* No track begins any more, and none of its units once one was delivered. */
bool work_stops(struct work *w);

/* ---- render_flow.c: threads, order and memory ---- */

void run_workers(struct work *w); /* over all tracks */
/* Makes room for a parcel among those that wait to be delivered; false: there is none, and it
 * was not to be waited for. */
bool flow_reserve(struct work *w, struct parcel *parcel, bool wait);
void flow_hand_on(struct work *w, struct parcel *parcel); /* it was reserved, and has `owned` */
void flow_job_done(struct work *w, struct job *job); /* by one holder; frees it by the last */
void flow_source_freed(struct work *w, struct job *job);
int64_t flow_memory(void); /* three quarters of what this process may use */

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
/* batch.probe; context: struct rendering. */
void album_on_probe(void *context, int lane, int tail, struct probe *probe);
/* A track could not be probed: no unit of its albums can be delivered. */
void album_fail_track(struct work *w, int track, const struct failure *why);
#endif
