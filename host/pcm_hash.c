/* SPDX-License-Identifier: MIT
 * See pcm_hash.h. */
#include "pcm_hash.h"

#include "adm_file.h"
#include "manifest.h"

static inline __attribute__((always_inline)) size_t pack(const int32_t *samples, size_t n,
                                                          size_t bytes, unsigned char *to) {
  for (size_t i = 0; i < n; i++)
    for (size_t b = 0; b < bytes; b++)
      to[bytes * i + b] = (unsigned char)((uint32_t)samples[i] >> (32 - 8 * bytes + 8 * b));
  return n * bytes;
}

/* A loop for each width: so that the compiler knows it. */
size_t pcm_pack(const int32_t *samples, size_t n, int bits, unsigned char *to) {
  switch (encode_container_bits(bits)) {
  case 16: return pack(samples, n, 2, to);
  case 24: return pack(samples, n, 3, to);
  default: return pack(samples, n, 4, to);
  }
}

enum status pcm_hash(const struct deliverable *d, char pcm_sha256[HASH_TEXT_SIZE],
                     struct failure *why) {
  enum { BLOCK = 128 }; /* frames */
  unsigned char packed[4 * BLOCK * ADM_FILE_ROOM];
  int32_t ordered[BLOCK * ADM_FILE_ROOM];
  const size_t channels = (size_t)d->channels;
  struct adm_tracks tracks = {.n = d->channels};
  if (d->format == FILE_ADM) tracks = adm_tracks_of(d->adm, d->layout);
  struct hash hash;
  hash_init(&hash);
  for (int32_t at = 0, n; at < d->n_frames; at += n) {
    const int32_t *pcm = d->pcm + (size_t)at * channels;
    n = d->n_frames - at < BLOCK ? d->n_frames - at : BLOCK;
    if (d->format == FILE_ADM) adm_tracks_fill(&tracks, d->channels, pcm, n, ordered);
    else if (channels > 2) layout_reorder(d->layout, pcm, n, ordered);
    hash_update(&hash, packed, pcm_pack(channels > 2 ? ordered : pcm,
                                        (size_t)n * (size_t)tracks.n, d->bits, packed));
  }
  return hash_final(&hash, pcm_sha256)
             ? fail(why, STATUS_INTERNAL, "%s: the SHA-256 library failed", d->path)
             : STATUS_OK;
}
