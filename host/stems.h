/* SPDX-License-Identifier: MIT
 * Stems: the files that a track is mixed from, as channels of its bed and as objects behind it.
 * See stems.md. */
#ifndef LACQUER_STEMS_H
#define LACQUER_STEMS_H
#include <jansson.h>
#include <stdbool.h>

#include "decode.h"
#include "params.h"
#include "source_file.h"

enum { STEMS_MOST = 512, STEM_POINTS = 100000 };

/* Where an object is, and where the second one of a pair is: X right, Y front, Z up. */
struct stem_place {
  double xyz[3];
  int n; /* 3; 0: not given */
};
struct stem_places {
  struct stem_place one;
  struct stem_place both[2];
  int n_both; /* 2; 0: not given */
};
extern const struct param_row stem_place_rows[]; /* struct stem_places */

struct stem_point { /* of an automation */
  double time_s;    /* of the track */
  double gain_db;
  struct stem_places places;
};
extern const struct param_row stem_point_rows[]; /* struct stem_point, without its places */

struct stem {
  char *text;  /* as source_text of a track */
  char *path;  /* to open */
  char *name;  /* never NULL: the file's name unless given */
  int role;    /* enum scene_role */
  double gain_db;
  double start_s;  /* in the track; NAN: not set */
  int start_frame; /* -1: not set */
  int line;        /* of the track's file */
  /* A part of the bed: the track's channels that its own go to. */
  const struct layout *layout; /* of the file, as stated; NULL: channels in the file's order */
  int n_channels;              /* 0: it is one object, or two */
  unsigned char channel[MAX_CHANNELS];
  /* Objects: one point, or an automation with ascending times. */
  int n_objects, n_points;
  struct stem_point *points; /* owned */
};
extern const struct param_row stem_rows[]; /* struct stem: what one value says */

struct stems {
  int n;
  struct stem *items;          /* owned */
  const struct layout *layout; /* of the track: the bed and all objects */
};
void stems_destroy(struct stems **stems); /* takes NULL; writes NULL */

struct track;
/* Adds up the stems of a track, in their order: sum = flush_tiny(sum + gain * sample) in float,
 * from zeros. Only one stem is in memory beside the sum. out->scene: the objects; out->stem_sha256:
 * what each stem's own audio is; out->sha256: audio_identify. Messages name the stem's place.
 * Statuses as decode_file. */
enum status stems_decode(const struct track *track, struct audio *out, struct failure *why);
/* The same by the headers: pcm, scene and sha256 stay empty. *extra_bytes: what decoding takes
 * beside the sum. */
enum status stems_headers(const struct track *track, struct audio *out, int64_t *extra_bytes,
                          struct failure *why);
/* How they look from outside: the sum of the sizes, the latest time, and in place of a path's
 * hash a digest of all settings, sizes and times. `each`: of every stem; NULL: not wanted. */
enum status stems_stat(const struct track *track, struct source_file *out,
                       struct source_file *each, struct failure *why);
/* "file:line: tracks[2].stems[3]: ". Caller frees. */
char *stems_place(const struct track *track, int stem);

/* The objects' blocks for a track of so many frames. Between two points an object goes in a
 * straight line, and its gain in one in dB: a block every 512 frames at 48 kHz, of the place where
 * it is a ramp (SCENE_RAMP_S) later; none while it rests. NULL in *out: there are no objects.
 * STATUS_AGAIN, STATUS_BAD_DATA (scene_fault). */
enum status stems_scene(const struct stems *stems, int rate_hz, int32_t n_frames,
                        struct scene **out, struct failure *why);
int64_t stems_scene_bytes(const struct stems *stems, int rate_hz, int32_t n_frames); /* at most */

/* ---- settings ---- */

/* [{file, gain, channels, ...}]; of an automation the number of its points and a hash. With
 * `sha256`, one a stem, audio_sha256, too. A new reference. */
json_t *stems_json(const struct stems *stems, const char (*sha256)[HASH_TEXT_SIZE]);
/* Which stems are not those that a receipt lists, by decoding every one of them; NULL: none.
 * Caller frees. */
char *stems_changed(const struct stems *stems, const json_t *listed);
#endif
