/* SPDX-License-Identifier: MIT
 * The plan: every unit (track x variant) with its file, and, once the track's audio is
 * known, its designed stages and its key. */
#ifndef LACQUER_PLAN_H
#define LACQUER_PLAN_H
#include "chain.h"
#include "designs.h"
#include "manifest.h"
#include "matching.h"

struct unit {
  int track, variant; /* indices in the manifest */
  char *name;         /* below the output folder */
  char *path, *receipt_path;
};
struct plan {
  const struct manifest *manifest; /* not owned */
  struct designs *designs;
  struct references *references;
  char *folder;
  int n_units;
  struct unit *units;
  int *first_unit; /* of each track; n_tracks + 1 entries */
};

/* `only`: NULL, or "NUMBER" or "NUMBER:VARIANT" to leave the rest out (NUMBER: a track's
 * number). STATUS_USAGE when nothing fits it; STATUS_NO_INPUT when a match reference that is
 * needed is not there. */
enum status plan_create(const struct manifest *manifest, const char *folder, const char *only,
                        struct plan **out, struct failure *why);
void plan_destroy(struct plan **plan);

/* What a track's audio is: from decoding it, or from an earlier receipt. */
struct source_identity {
  int rate_hz, channels;
  char audio_sha256[HASH_TEXT_SIZE];
  const struct audio *audio; /* NULL: not decoded; a track with a match stage wants it */
};

/* A track ready to be rendered: stages that do something, designed. */
struct track_plan {
  int n_stages; /* neighbouring linear stages count as one, run as the first of them */
  const struct stage *stage[MAX_CHAIN];
  const struct stage_design *design[MAX_CHAIN];
  char *label[MAX_CHAIN]; /* as the manifest names them: "eq", "match+stereo", ... */
  const struct stage_design *loudness, *band_limit;
  uint64_t seed;
  struct matched *matched;             /* NULL: the chain has no match stage */
  struct stage_design matched_design;  /* of the EQ in its place, with its neighbours */
  double filter_error_db; /* largest stage_design.response_error_db of the chain */
  double pre_ring_ms;     /* sum of stage_design.pre_ring_ms of the chain */
  int n_units;
  struct unit_plan {
    const struct unit *unit;
    const struct matched *matched; /* the track's */
    struct tail tail;
    char key[HASH_TEXT_SIZE];        /* of everything that decides the samples */
    char file_key[HASH_TEXT_SIZE];   /* the same and the tags: of the file */
  } *units;
};
enum status track_plan_make(const struct plan *plan, int track,
                            const struct source_identity *source, struct track_plan *out,
                            struct failure *why);
void track_plan_free(struct track_plan *track);

/* edit_cut on a track's decoded audio; messages name the place in the manifest. */
enum status plan_edit(const struct manifest *manifest, int track, struct audio *audio,
                      struct edit_span *out, struct failure *why);

/* Prints the plan of all tracks (decodes every source for its identity): a table on
 * `people`, JSON Lines on `data`; either may be NULL. Returns a status. */
int plan_print(const struct plan *plan, FILE *people, FILE *data);
#endif
