/* SPDX-License-Identifier: MIT
 * The hash of delivered samples: what every format and every device must agree on. */
#ifndef LACQUER_PCM_HASH_H
#define LACQUER_PCM_HASH_H
#include "encode.h"

/* Packs left-justified samples to the 2, 3 or 4 bytes of their container, little-endian.
 * Returns the bytes. */
size_t pcm_pack(const int32_t *samples, size_t n, int bits, unsigned char *to);

/* encoded.pcm_sha256 (encode.h) of a deliverable that is not written. STATUS_INTERNAL: the
 * SHA-256 library failed. */
enum status pcm_hash(const struct deliverable *deliverable, char pcm_sha256[HASH_TEXT_SIZE],
                     struct failure *why);
#endif
