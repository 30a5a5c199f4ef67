/* SPDX-License-Identifier: MIT
 * What a file's own headers claim about its audio, held against its length: the
 * decoding library shortens a truncated file without a word. */
#ifndef LACQUER_CONTAINER_H
#define LACQUER_CONTAINER_H
#include <stdint.h>

#include "failure.h"

#define ACCEPTED_FILES                                                                     \
  "accepted are WAV, RF64, BW64, AIFF, AIFC and FLAC with 16, 24 or 32-bit integers or 32-bit float"

enum container_kind { CONTAINER_PCM, CONTAINER_FLAC, CONTAINER_RIFF /* riff_source.h */ };
struct container {
  enum container_kind kind;
  char format[32];    /* "WAV", "RF64", "BW64", "AIFF", "AIFC", "FLAC" */
  int64_t data_bytes; /* audio bytes claimed, and present; FLAC: 0 */
  int64_t frames;     /* frames claimed by AIFF and AIFC, else -1 */
  uint32_t mask;      /* of the channels, from WAVEFORMATEXTENSIBLE; 0: none */
  int whole;          /* what follows the audio is chunks that end within the file */
  int64_t end;        /* what follows this byte is no audio and no claim about it; FLAC: 0 */
};
/* Reads the headers of an open regular file of `file_bytes` bytes; the file's offset
 * is left alone. STATUS_BAD_DATA when it is no audio file of an accepted kind, is cut
 * off, or holds no audio; STATUS_IO. Thread-safe. */
enum status container_check(int fd, const char *path, int64_t file_bytes, struct container *out,
                            struct failure *why);
#endif
