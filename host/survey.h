/* SPDX-License-Identifier: MIT
 * The sources of a catalogue by their headers: how long they are, without decoding. */
#ifndef LACQUER_SURVEY_H
#define LACQUER_SURVEY_H
#include "manifest.h"
#include "receipt.h"

struct surveyed { /* one track's source */
  char *error;    /* NULL: its headers are in order; else the rest is 0 */
  int status;     /* enum status of the error */
  struct source_file file;
  int n_stems;    /* 0: it is one file */
  struct source_file *stems; /* owned; bytes and times */
  int rate_hz, channels;
  int32_t n_frames;
};
/* By track; several are read at once. survey_free: the same n_tracks. */
struct surveyed *survey_sources(const struct manifest *manifest);
void survey_free(struct surveyed *sources, int n_tracks);

/* Microseconds of audio to be delivered of a track: what a shard is measured by. */
int64_t survey_weight(const struct surveyed *source, const struct track *track);
#endif
