/* SPDX-License-Identifier: MIT
 * What identifies a unit: hashes of everything that decides its samples and its file. */
#ifndef LACQUER_PLAN_KEYS_H
#define LACQUER_PLAN_KEYS_H
#include "hash.h"
#include "matching.h"

struct plan;
struct unit;
struct unit_plan;
struct source_identity;

/* What goes into a key and takes decoding or designing to find out. A receipt keeps it: with
 * the same inputs and engine it is the same again. */
struct key_parts {
  char chain_sha256[HASH_TEXT_SIZE];  /* the chain's settings as they run, and the audio of the
                                         references of its match stage */
  char tables_sha256[HASH_TEXT_SIZE]; /* of all designs */
  char match_sha256[HASH_TEXT_SIZE];  /* of all that the match stage's curves were found from;
                                         "": it has none */
};

/* What the keys of a track's units have in common. */
struct track_keys {
  int track;
  char *chain, *edit; /* settings as text, owned; edit: NULL when there are none */
  char chain_sha256[HASH_TEXT_SIZE];   /* as of key_parts; "": the match stage is not known */
  char written_sha256[HASH_TEXT_SIZE]; /* of the chain with its match stage; "": it has none */
  char files_sha256[HASH_TEXT_SIZE];   /* of its references' files as they look; "": unknown */
};
/* Of a chain as it runs; `matched`: what its match stage became, or NULL. */
void track_keys_make(const struct plan *plan, int track, const struct chain *chain,
                     const struct matched *matched, struct track_keys *out);
/* Of a track that was not decoded, for plan_recall. */
void track_keys_recall(const struct plan *plan, int track, struct track_keys *out);
void track_keys_free(struct track_keys *keys);

/* Settings alone, without engine and tables: what seeds the dither. */
uint32_t plan_dither_seed(const struct plan *plan, const struct track_keys *keys,
                          const struct source_identity *source, int variant);
/* Writes parts and keys of u->unit. `tables`: hashes of the designs. */
void plan_unit_keys(const struct plan *plan, const struct track_keys *keys,
                    const struct source_identity *source, const char *tables,
                    struct unit_plan *u);

/* The keys of a unit by the parts that a receipt of it kept, for its tables as they were
 * designed then. False: its match stage would find other curves, or may. */
bool plan_recall(const struct plan *plan, const struct track_keys *keys, const struct unit *unit,
                 const struct source_identity *source, const struct key_parts *parts,
                 struct unit_plan *out);

/* Settings of the variants as text, of plan->variant_settings. */
void plan_settings_create(struct plan *plan);
void plan_settings_free(struct plan *plan);
#endif
