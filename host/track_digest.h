/* SPDX-License-Identifier: MIT
 * Digests of what a manifest asks for a track, to tell whether it still asks the same. */
#ifndef LACQUER_TRACK_DIGEST_H
#define LACQUER_TRACK_DIGEST_H
#include "hash.h"
#include "manifest.h"

struct track_digests; /* of one manifest; for one thread */
struct track_digests *track_digests_create(const struct manifest *manifest);
void track_digests_destroy(struct track_digests **digests);
/* Of everything but the source's audio that decides the files of a track, and of the sizes
 * and times of its match references and impulse responses. 0, or -1 when the hash failed. */
int track_digest(struct track_digests *digests, const struct track *track,
                 char text[HASH_TEXT_SIZE]);
#endif
