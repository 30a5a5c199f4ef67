/* SPDX-License-Identifier: MIT
 * WAV, RF64 and AIFF out, and the read-back of every format, by libsndfile. */
#ifndef LACQUER_SNDFILE_WRITE_H
#define LACQUER_SNDFILE_WRITE_H
#include "encode.h"
#include "failure.h"

/* Writes the deliverable (WAV or AIFF; WAV as RF64 when its audio is longer than
 * `riff_limit` bytes) to `fd`, open for writing and empty; leaves it open. STATUS_IO
 * when a write fails, STATUS_AGAIN without memory, STATUS_INTERNAL otherwise. */
enum status sndfile_write(int fd, const struct deliverable *deliverable, int64_t riff_limit,
                          struct failure *why);

/* Decodes the file at `temp_path` and compares every sample with the deliverable;
 * `pcm_sha256` receives the hash of the packed samples. STATUS_IO when they differ. */
enum status sndfile_read_back(const char *temp_path, const struct deliverable *deliverable,
                              char pcm_sha256[HASH_TEXT_SIZE], struct failure *why);

/* The samples of a file, as those of a deliverable of `bits` bits and that layout (NULL: up to
 * two channels); frees with free(). */
struct sndfile_samples {
  int rate_hz, channels;
  int32_t n_frames;
  int32_t *pcm; /* interleaved, left-justified; of 32 bits: the bits of floats */
  char pcm_sha256[HASH_TEXT_SIZE]; /* as of struct encoded */
};
/* STATUS_NO_INPUT, STATUS_BAD_DATA when it cannot be decoded; STATUS_AGAIN. */
enum status sndfile_load(const char *path, int bits, const struct layout *layout,
                         struct sndfile_samples *out, struct failure *why);
/* The same hash of a file that stands somewhere, block by block. STATUS_NO_INPUT,
 * STATUS_BAD_DATA. Thread-safe. */
enum status sndfile_pcm_hash(const char *path, char pcm_sha256[HASH_TEXT_SIZE],
                             struct failure *why);
#endif
