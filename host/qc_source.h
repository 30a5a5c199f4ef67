/* SPDX-License-Identifier: MIT
 * A file under quality control: a master or ordinary audio, read a block at a time from
 * anywhere. Integer PCM in WAV, RF64 and BW64 stays on the disk; what else there is is decoded
 * into memory. For one thread. */
#ifndef LACQUER_QC_SOURCE_H
#define LACQUER_QC_SOURCE_H
#include "adm.h"
#include "decode.h"

enum { QC_BLOCK = 4096, QC_MOST_CHANNELS = 1024 };
struct qc_source {
  char *path;                  /* owned */
  char format[32];             /* "WAV", "ADM in RF64", ... */
  int rate_hz, bits, channels; /* channels: tracks of a master */
  bool is_float;
  int32_t n_frames;
  const struct layout *layout; /* of the channels; NULL: a master, whose scene says what they are */
  struct adm *adm;             /* owned; NULL: no master */
  bool is_atmos;               /* a master that says so: to be held against the Dolby profile */
  struct problems departures;  /* from that profile */
  /* of the reader alone */
  struct riff_file file;
  bool is_open;
  unsigned char *packed; /* owned; a block */
  struct audio audio;
  int order[MAX_CHANNELS]; /* layout_file_order */
};
/* `stated`: the layout of a file that does not say it, or NULL. STATUS_NO_INPUT, STATUS_BAD_DATA,
 * STATUS_AGAIN, STATUS_IO; then *source is closed. */
enum status qc_source_open(const char *path, const struct layout *stated,
                           struct qc_source *source, struct failure *why);
void qc_source_close(struct qc_source *source); /* takes a closed one */
/* Frames [at, at + n), n <= QC_BLOCK: frame i of channel c goes to planar[c * QC_BLOCK + i]; full
 * scale is 1. Before the beginning and behind the end is silence. */
enum status qc_source_read(struct qc_source *source, int64_t at, int32_t n, float *planar,
                           struct failure *why);
/* Full scale of its words: the largest sample that is none too large. */
float qc_source_full_scale(const struct qc_source *source);
#endif
