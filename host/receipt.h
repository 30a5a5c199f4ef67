/* SPDX-License-Identifier: MIT
 * The receipt beside every deliverable: what was rendered from what, by whom, how it was
 * checked and what it measures. */
#ifndef LACQUER_RECEIPT_H
#define LACQUER_RECEIPT_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hash.h"
#include "plan.h"

struct source_file { /* of the track, to recognise it without decoding */
  int64_t bytes, modified_ns;
};
/* STATUS_NO_INPUT when it is not there. */
enum status source_file_stat(const char *path, struct source_file *out, struct failure *why);

struct receipt {
  char key[HASH_TEXT_SIZE], file_key[HASH_TEXT_SIZE];
  char pcm_sha256[HASH_TEXT_SIZE], file_sha256[HASH_TEXT_SIZE];
  int64_t file_bytes;
  struct source_identity source;
  struct source_file source_file;
  int bits;
  double seconds;          /* of audio */
  double source_lufs;      /* of the source; -HUGE_VAL: silence (libebur128) */
  double loudness_lufs;    /* of the deliverable (libebur128) */
  double own_lufs;         /* of the limited signal (lacquer's meter) */
  double true_peak_dbtp;   /* of the limited signal, as the 16x meter reads it */
  double true_peak_with_dither; /* the same and the most that dither can add, dBTP */
  double gain_db, reduction_db;
  double filter_error_db;  /* of the chain's filters against the wanted responses */
  bool reached;
  int64_t clipped;
  char device[256], driver[560];
  char tier[16];           /* "full", "sample", "golden", "off" */
  double coverage;         /* share of all intermediate results compared, 0..1 */
  char note[512];          /* why it was rendered twice, warnings; else "" */
};
enum status receipt_write(const struct unit *unit, const struct manifest *manifest,
                          const struct receipt *receipt, struct failure *why);
/* False when there is none, or it cannot be read. */
bool receipt_read(const char *path, struct receipt *out);
#endif
