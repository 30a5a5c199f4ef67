/* SPDX-License-Identifier: MIT
 * See pcm_hash.h. */
#include "pcm_hash.h"

size_t pcm_pack(const int32_t *samples, size_t n, int bits, unsigned char *to) {
  size_t bytes = 0;
  for (size_t i = 0; i < n; i++)
    for (int shift = 32 - encode_container_bits(bits); shift < 32; shift += 8)
      to[bytes++] = (unsigned char)((uint32_t)samples[i] >> shift);
  return bytes;
}

enum status pcm_hash(const struct deliverable *d, char pcm_sha256[HASH_TEXT_SIZE],
                     struct failure *why) {
  enum { BLOCK = 8192 };
  unsigned char packed[4 * BLOCK];
  const size_t n = (size_t)d->n_frames * (size_t)d->channels;
  struct hash hash;
  hash_init(&hash);
  for (size_t at = 0; at < n; at += BLOCK)
    hash_update(&hash, packed,
                pcm_pack(d->pcm + at, n - at < BLOCK ? n - at : BLOCK, d->bits, packed));
  return hash_final(&hash, pcm_sha256)
             ? fail(why, STATUS_INTERNAL, "%s: the SHA-256 library failed", d->path)
             : STATUS_OK;
}
