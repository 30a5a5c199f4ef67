/* SPDX-License-Identifier: MIT
 * The one way by which decoded samples become a struct audio: checked, flushed,
 * hashed and made planar, block by block. */
#ifndef LACQUER_INGEST_H
#define LACQUER_INGEST_H
#include <stdint.h>

#include "decode.h"
#include "source_layout.h"

enum { INGEST_FRAMES = 8192 }; /* temporary memory: one block */

/* One file being read, by one thread. Plain; owned by the caller. */
struct ingest {
  const char *path;
  struct audio *audio;
  struct source_layout layout;
  int32_t filled, capacity; /* frames */
  struct hash hash;
  int32_t ints[INGEST_FRAMES * MAX_CHANNELS];  /* for the reader's use, interleaved */
  float floats[INGEST_FRAMES * MAX_CHANNELS];  /* likewise */
};
struct ingest_format {
  int64_t rate_hz, channels, n_frames; /* as the header claims */
  int64_t reserve; /* frames to make room for at once, see ingest_begin */
  int bits;
  bool is_float;
  const char *name;
  uint32_t mask;               /* of its channels; 0: none */
  const struct layout *known;  /* the file has its channels, in its order; NULL: it is found */
  const struct layout *stated; /* see decode_stated */
};

/* Whether audio of this format is accepted, and its layout: STATUS_BAD_DATA when not. */
enum status ingest_check(const char *path, const struct ingest_format *format,
                         struct source_layout *layout, struct failure *why);
/* Checks the format and starts. Room is made for `reserve` frames and doubled when
 * needed, so that a header alone cannot claim gigabytes. In failure, as everywhere
 * below, audio_free and ingest_drop clean up. */
enum status ingest_begin(struct ingest *ingest, const char *path,
                         const struct ingest_format *format, struct audio *audio,
                         struct failure *why);
/* Takes n <= INGEST_FRAMES frames that stand in ingest->ints (left-justified) or
 * ingest->floats, in the file's order. More frames than the header claims are refused. */
enum status ingest_ints(struct ingest *ingest, int32_t n, struct failure *why);
enum status ingest_floats(struct ingest *ingest, int32_t n, struct failure *why);
/* Ends: as many frames as claimed must have come. */
enum status ingest_end(struct ingest *ingest, struct failure *why);
void ingest_drop(struct ingest *ingest); /* takes an ended one */
#endif
