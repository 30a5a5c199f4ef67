/* SPDX-License-Identifier: MIT
 * FLAC in, by libFLAC itself: it checks every frame's CRC and the MD5 of the audio,
 * which libsndfile does not. */
#ifndef LACQUER_FLAC_READ_H
#define LACQUER_FLAC_READ_H
#include "ingest.h"

/* Reads the open file of `file_bytes` bytes from its start into `audio`. The ingest is
 * begun and ended here; the caller drops it. `stated` and statuses as of decode_stated. */
enum status flac_read(int fd, const char *path, const struct layout *stated, int64_t file_bytes,
                      struct ingest *ingest, struct audio *audio, struct failure *why);
/* What the file's header says of its audio, without the name; `reserve` is 0. STATUS_BAD_DATA:
 * it has none. */
enum status flac_format(const char *path, const struct layout *stated, struct ingest_format *out,
                        struct failure *why);
#endif
