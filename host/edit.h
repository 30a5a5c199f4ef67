/* SPDX-License-Identifier: MIT
 * Edits of a track: how its source is read, what is cut off it, fades, and silence around it. */
#ifndef LACQUER_EDIT_H
#define LACQUER_EDIT_H
#include "decode.h"
#include "fade.h"

enum edit_trim { TRIM_NONE, TRIM_HEAD, TRIM_TAIL, TRIM_BOTH };

/* As in the manifest; every key may be left out. */
struct edit {
  int layout;                 /* of the source: index into layout_choices, 0: as it says */
  double start_s, end_s;      /* NAN: not set */
  int start_frame, end_frame; /* of the source, the end not included; -1: not set */
  int trim;                   /* enum edit_trim */
  double trim_threshold_db;   /* a sample above it sounds */
  double trim_keep_ms;        /* of the silence beside what sounds */
  double fade_in_ms, fade_out_ms;
  int fade_in_shape, fade_out_shape; /* enum fade_shape */
  double gap_before_s, gap_after_s;  /* digital silence */
};
extern const struct param_row edit_rows[];
/* Cross-field check: NULL, or a message and the key at fault. */
const char *edit_check(const struct edit *edit, const char **row);

const struct layout *edit_layout(const struct edit *edit); /* NULL: none is stated */
bool edit_cuts(const struct edit *edit); /* start, end or trim is set */
bool edit_gaps(const struct edit *edit);
/* The settings of the fade stage that follows the chain. */
struct fade_params edit_fades(const struct edit *edit);

/* What the edits came to, in frames at the source's rate. */
struct edit_span {
  int32_t first_frame, n_frames; /* kept of the source */
};
/* Cuts the audio and its scene to what start, end and trim leave, in place. STATUS_BAD_DATA, the
 * message beginning with the key at fault: a time beyond the end, nothing left, fades
 * longer than what is left. */
enum status edit_cut(const struct edit *edit, struct audio *audio, struct edit_span *out,
                     struct failure *why);

/* Interleaved words of `channels` channels with the silences before and after them; the
 * caller frees. *n_frames grows by both. NULL: STATUS_AGAIN, or STATUS_BAD_DATA when that
 * is longer than MAX_FRAMES. */
int32_t *edit_add_gaps(const struct edit *edit, int rate_hz, int channels, const int32_t *pcm,
                       int32_t *n_frames, struct failure *why);
/* The frame at which a source of so many frames is to end; it may have less. */
int32_t edit_end(const struct edit *edit, int rate_hz, int32_t n_frames);
int32_t edit_frames(double seconds, int rate_hz); /* to the nearest */
#endif
