/* SPDX-License-Identifier: MIT
 * A track held against its references: the match stage of its chain becomes an EQ.
 * References are decoded and measured once per run. */
#ifndef LACQUER_MATCHING_H
#define LACQUER_MATCHING_H
#include <jansson.h>

#include "manifest.h"
#include "match.h"
#include "source_file.h"

struct references; /* measured files; thread-safe */
struct references *references_create(void);
void references_destroy(struct references **references); /* takes NULL; writes NULL */

/* Settings of the match stage of a chain; NULL: there is none, or it does nothing. */
const struct match_params *chain_match(const struct chain *chain);
/* Path to open of a reference, joined to the manifest's folder. Caller frees. */
char *match_path(const struct manifest *manifest, const struct match_reference *reference);

/* Looks for the references of a track. STATUS_NO_INPUT: names the one that is not there. */
enum status references_present(const struct manifest *manifest, const struct track *track,
                               struct failure *why);

/* What the match stage of one track became. */
struct matched {
  const struct match_params *params;             /* the manifest's */
  char sha256[MATCH_REFERENCES][HASH_TEXT_SIZE]; /* of the references' audio */
  struct source_file file[MATCH_REFERENCES];     /* as they were when they were measured */
  struct match_curves curves;
};
/* How the references of a match stage look now. False: one is not there. */
bool match_files(const struct manifest *manifest, const struct match_params *params,
                 struct source_file file[MATCH_REFERENCES]);

/* Measures `source` as it is in its file, and the references. The failure names the
 * reference, or is about the source. */
enum status match_track(struct references *references, const struct manifest *manifest,
                        const struct match_params *params, const struct audio *source,
                        struct matched *out, struct failure *why);
/* The chain with an EQ in the place of its match stage; to be given to chain_release. */
struct chain matched_chain(const struct chain *chain, const struct matched *matched);

/* {"references": [{path, weight, audio_sha256}, ..], "eq": {phase, bands}}: the EQ as a
 * manifest takes it. */
json_t *matched_json(const struct matched *matched);
#endif
