/* SPDX-License-Identifier: MIT
 * Files to listen by: a deliverable and its source at one loudness, and what lies between. */
#ifndef LACQUER_AUDITION_H
#define LACQUER_AUDITION_H
#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "layout.h"

/* What was rendered. Nothing in it is owned. Without gaps: everything begins with the
 * first frame that was kept of the source. */
struct audition {
  const char *folder; /* of the files */
  const char *name;   /* the deliverable's, below its own folder */
  const struct layout *layout;
  int source_rate_hz, rate_hz;
  int32_t source_frames, n_frames;
  const float *const *source; /* planar; at the source's rate */
  const float *const *chain;  /* the same after the chain */
  const int32_t *pcm;         /* the deliverable: interleaved, left-justified */
  bool is_float;              /* pcm: the bits of floats */
  double source_lufs, delivered_lufs;
  double drive_db;            /* gain between chain and limiter */
};

/* Writes below the folder, as 32-bit float WAV, beside each other:
 *   NAME.before.wav            the source, at the loudness of the deliverable by one gain
 *   NAME.after.wav             the deliverable
 *   NAME.limiter_residual.wav  after less the chain's output with the drive: what limiter,
 *                              clipper, low pass and dither changed
 *   NAME.total_residual.wav    after less before: what the whole house changed
 *   NAME.audition.json         rates, lengths and gains
 * All have the same length and lie frame on frame; where the deliverable has another rate
 * than its source there are no residuals. STATUS_CANT_CREATE, STATUS_IO, STATUS_AGAIN. */
enum status audition_write(const struct audition *audition, struct failure *why);
#endif
