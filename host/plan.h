/* SPDX-License-Identifier: MIT
 * The plan: every unit (track x variant) with its file, and, once the track's audio is
 * known, its designed stages and its key. */
#ifndef LACQUER_PLAN_H
#define LACQUER_PLAN_H
#include "album.h"
#include "chain.h"
#include "designs.h"
#include "manifest.h"
#include "plan_keys.h"

struct unit {
  int track, variant; /* indices in the manifest */
  char *name;         /* below the output folder */
  char *path, *receipt_path; /* of the plan's own memory, as the name is */
};
/* The tracks of a variant whose loudness_mode is album: all that have it, selected or not. */
struct plan_album {
  int n_tracks; /* 0: the variant is no album, or none of its units is selected */
  int *tracks;  /* ascending */
  char (*keys)[HASH_TEXT_SIZE]; /* by member: unit_plan.own_key; "": not known yet */
  int *order;   /* the members by their keys: not the manifest's order */
  char digest[HASH_TEXT_SIZE];  /* of all keys; "" until all are known */
  struct probe *probes;         /* by member, while the gain is sought; else NULL */
  bool solved;
  struct album_result result;   /* once it is found */
  int visits;                   /* behind a clipper: so far, and the last one's drive and */
  double last_drive_db, last_step_db; /* by how much what was found differed from it */
  struct loudness_part *delivered; /* by member: libebur128's hops of the files of this run */
  double delivered_lufs; /* of all these files together; NAN: not all are of this run */
  struct failure failure;       /* its status: no unit of the album can be delivered */
  int failed_track;             /* the last track that stands in its way */
};
struct plan {
  const struct manifest *manifest; /* not owned */
  struct designs *designs;
  struct references *references;
  struct source_set *sources;
  char *folder;
  int n_units;
  struct unit *units;
  int *first_unit; /* of each track; n_tracks + 1 entries */
  struct texts *texts; /* of the units */
  int shard, n_shards; /* from 1, for the report's name; 0: not a shard */
  struct plan_album *albums; /* by variant */
  struct hrtf **hrtfs;       /* by variant: of layout binaural and selected, else NULL */
  char *(*variant_settings)[2]; /* by variant, as text: at the source's rate, and converted */
};

/* What of a manifest is planned. */
struct plan_part {
  const char *only;    /* NULL, or "NUMBER" or "NUMBER:VARIANT" to leave the rest out (NUMBER:
                          a track's number) */
  const bool *tracks;  /* by track; NULL: all */
  int shard, n_shards; /* which these are; 0: no shard */
};
/* STATUS_USAGE when nothing fits `only`; STATUS_NO_INPUT when a match reference that is needed
 * is not there. A shard may be empty. */
enum status plan_create_part(const struct manifest *manifest, const char *folder,
                             const struct plan_part *part, struct plan **out,
                             struct failure *why);
/* Of all tracks. */
enum status plan_create(const struct manifest *manifest, const char *folder, const char *only,
                        struct plan **out, struct failure *why);
void plan_destroy(struct plan **plan);
/* Leaves the plan only the units with keep[unit]; an album's gain still is that of all its
 * tracks. */
void plan_keep(struct plan *plan, const bool *keep);

/* What a track's audio is: from decoding it, or from an earlier receipt. */
struct source_identity {
  int rate_hz, channels;
  char layout[12]; /* its name; "": as many channels as there are, and up to two */
  char audio_sha256[HASH_TEXT_SIZE];
  const struct scene *scene; /* of its objects; NULL: it has none */
  const struct adm_source *master; /* that it was; NULL: it was none */
  const struct audio *audio; /* NULL: not decoded; a track with a match stage wants it */
};

struct source_identity source_identity_of(const struct audio *audio);

enum { MAX_SCENE_FOLDS = 16 }; /* to every layout, both ways to 2.0 */
/* A track ready to be rendered: stages that do something, designed. */
struct track_plan {
  int n_stages; /* neighbouring linear stages count as one, run as the first of them */
  const struct stage *stage[MAX_CHAIN];
  const struct stage_design *design[MAX_CHAIN];
  char *label[MAX_CHAIN]; /* as the manifest names them: "eq", "match+stereo", ... */
  const struct stage_design *loudness, *band_limit, *clip; /* clip: NULL if no variant clips */
  uint64_t seed;
  struct matched *matched;             /* NULL: the chain has no match stage */
  struct stage_design matched_design;  /* of the EQ in its place, with its neighbours */
  int n_scene_folds; /* of its objects: what they are rendered to, and how */
  struct scene_fold {
    const struct layout *to;
    int mode, by_way_of; /* of fold_params */
    struct stage_design design;
    char sha256[HASH_TEXT_SIZE];
  } scene_folds[MAX_SCENE_FOLDS];
  int n_refused; /* units that cannot be made of this source, and why */
  struct refused_unit {
    const struct unit *unit;
    struct failure why;
  } *refused;
  double filter_error_db; /* largest stage_design.response_error_db of the chain */
  double pre_ring_ms;     /* sum of stage_design.pre_ring_ms of the linear stages */
  int n_units;
  struct unit_plan {
    const struct unit *unit;
    const struct matched *matched; /* the track's */
    const struct layout *source;   /* the track's */
    const struct layout *layout;   /* delivered */
    double hrtf_angle_deg; /* hrtf_largest_angle, of layout binaural */
    const char (*stem_sha256)[HASH_TEXT_SIZE]; /* of the track's audio, while it lasts; NULL */
    const struct scene *scene;     /* the track's, while its audio lasts; NULL */
    const struct adm_source *master; /* likewise */
    struct tail tail;
    struct key_parts parts;
    char own_key[HASH_TEXT_SIZE];    /* of everything of the track that decides the samples */
    char key[HASH_TEXT_SIZE];        /* the same and, in an album, the album's digest */
    char file_key[HASH_TEXT_SIZE];   /* the same and the tags: of the file */
  } *units;
};
/* Whether its objects become channels of loudspeakers. */
static inline bool unit_renders(const struct unit_plan *u) {
  return u->source && u->source->n_objects && u->layout != u->source;
}
enum status track_plan_make(const struct plan *plan, int track,
                            const struct source_identity *source, struct track_plan *out,
                            struct failure *why);
/* The same for `n` units of the track that need not be of the plan; they must outlive it. One that
 * is refused is a failure of all. */
enum status track_plan_make_units(const struct plan *plan, int track, const struct unit *units,
                                  int n, const struct source_identity *source,
                                  struct track_plan *out, struct failure *why);
void track_plan_free(struct track_plan *track);

/* Inside plan*.c: reads the impulse responses of the variants that any selected unit has. */
enum status plan_hrtfs_create(struct plan *plan, struct failure *why);
void plan_hrtfs_free(struct plan *plan);
/* Inside plan*.c: the albums of the variants that any selected unit has. */
void plan_albums_create(struct plan *plan);
void plan_albums_free(struct plan *plan);
/* The album that a unit is part of; NULL: its loudness is its own. */
struct plan_album *plan_album_of(const struct plan *plan, const struct unit *unit);
int plan_album_member(const struct plan_album *album, int track); /* its place; -1: none */
/* One unit per album that the track is part of, named as the variant; returns how many.
 * *units is to be freed, and holds as long as the manifest. */
int plan_album_units(const struct plan *plan, int track, struct unit **units);
/* Notes the keys of units in their albums: different members from different threads. */
void plan_album_note(const struct plan *plan, const struct track_plan *track);
/* Digests of the albums whose members' keys are all known. */
void plan_album_digests(const struct plan *plan);

/* track_source_decode */
enum status plan_decode(const struct manifest *manifest, int track, struct audio *out,
                        struct failure *why);
/* edit_cut on a track's decoded audio; messages name the place in the manifest. */
enum status plan_edit(const struct manifest *manifest, int track, struct audio *audio,
                      struct edit_span *out, struct failure *why);

/* Prints the plan of all tracks (decodes every source for its identity): a table on
 * `people`, JSON Lines on `data`; either may be NULL. Returns a status. */
int plan_print(const struct plan *plan, FILE *people, FILE *data);
#endif
