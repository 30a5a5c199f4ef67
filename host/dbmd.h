/* SPDX-License-Identifier: MIT
 * The dbmd chunk of an Atmos master: frame rate, first action, downmix, trims and binaural
 * modes. Framing: EBU Tech 3285 supplement 6. The layout of segments 9 and 10 as the public
 * parsers of Dolby Laboratories (dbmd-atmos-parser) and MediaArea (MediaInfoLib) have it. */
#ifndef LACQUER_DBMD_H
#define LACQUER_DBMD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

/* By value; NULL after the last. */
extern const char *const dbmd_fps_names[];      /* "not indicated", "23.976", "24", ... */
extern const char *const dbmd_downmix_names[];  /* of 5.1 to stereo */
extern const char *const dbmd_phase_names[];    /* 90 degrees on the surrounds of it */
extern const char *const dbmd_warp_names[];     /* of 7.1 to 5.1 */
extern const char *const dbmd_binaural_names[]; /* "off", "near", "far", "mid", ... */
extern const char *const dbmd_trim_names[];     /* the layouts that trims are for */

enum {
  DBMD_MOST_BYTES = 1 << 20,
  DBMD_TRIMS = 9,
  DBMD_NO_FIRST_ACTION = 0xFF,
  DBMD_FPS_24 = 2,
  DBMD_BINAURAL_UNSET = 0x84, /* as Dolby's tools write "not indicated" */
  DBMD_MOST_TRACKS = 128,     /* to be written */
};
#define DBMD_BINAURAL_MODE(byte) ((byte) & 7)

struct dbmd_trim { /* of one layout that the master is folded to */
  bool automatic;  /* else: */
  float centre_db, surround_db, height_db;
  uint8_t balance[2]; /* front to back: over head and floor, listener; direction in bit 7 */
};
struct dbmd {
  bool has_ddp, has_atmos, has_tracks; /* segments 7, 9, 10: the parts below */
  /* has_atmos */
  char tool[65];       /* that created it */
  uint8_t version[3];  /* of the tool */
  int fps, downmix, phase, warp; /* rows of the names above */
  int first_hours;     /* or DBMD_NO_FIRST_ACTION */
  int first_minutes;
  uint32_t first_10us; /* seconds, in 10 us */
  /* has_tracks */
  struct dbmd_trim trims[DBMD_TRIMS];
  int n_tracks;              /* all tracks, those of beds included */
  uint8_t *bypass, *binaural; /* owned, by track, as they stand in the file; bits 6-7 of
                                 `binaural`: head tracking, bits 0-2: the mode */
};

/* All three parts: 24 fps, no first action, automatic trims, direct rendering to 5.1, the
 * rest not indicated. */
void dbmd_init(struct dbmd *dbmd, int n_tracks);
/* Segments of other kinds are passed over. Told with `path`: wrong sizes and checksums,
 * an unknown major version, a segment behind the end. STATUS_BAD_DATA; *dbmd is empty. */
enum status dbmd_read(const unsigned char *bytes, size_t size, const char *path,
                      struct dbmd *dbmd, struct failure *why);
/* The chunk's body, of even size; the caller frees it. The free text of segment 9 stays
 * empty: it states an origin. */
unsigned char *dbmd_write(const struct dbmd *dbmd, size_t *size);
void dbmd_free(struct dbmd *dbmd); /* takes an empty one */
#endif
