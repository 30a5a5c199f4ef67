/* SPDX-License-Identifier: MIT
 * The receipt beside every deliverable: what was rendered from what, by whom, how it was
 * checked and what it measures. */
#ifndef LACQUER_RECEIPT_H
#define LACQUER_RECEIPT_H
#include <stdbool.h>
#include <stdint.h>

#include "hash.h"
#include "plan.h"
#include "source_file.h"
#include "verdict.h"

struct loudness_reading {
  struct loudness_figures figures;
  double true_peak_db;        /* lacquer's meter; NAN where it does not measure */
  double peak_to_loudness_db; /* PLR: true peak less integrated loudness */
};

struct receipt {
  char key[HASH_TEXT_SIZE], file_key[HASH_TEXT_SIZE];
  char pcm_sha256[HASH_TEXT_SIZE], file_sha256[HASH_TEXT_SIZE];
  int64_t file_bytes;
  struct key_parts parts;
  struct source_identity source;
  struct source_file source_file; /* the track's */
  struct edit_span edit;   /* what of the source was kept, frames */
  int32_t gap_before_frames, gap_after_frames; /* silence, in the deliverable */
  int rate_hz, bits;       /* delivered; 32 bits: float */
  char layout[12];         /* delivered; "": as the source */
  char rendered[32];       /* "7.1.2+5 to 5.1": objects that became loudspeakers; else "" */
  char form[64];           /* adm_file_form of an ADM master, else "" */
  /* Of layout binaural, else "": the file as the manifest names it, its hash and what it says
   * of itself; the largest angle between a loudspeaker and its measurement. */
  char hrtf[256], hrtf_sha256[HASH_TEXT_SIZE], hrtf_title[160], hrtf_license[160];
  double hrtf_angle_deg;
  int n_objects, n_blocks; /* of an ADM master: objects, and the places that they have */
  double seconds;          /* of audio */
  double source_lufs;      /* of the source, as source_reading; -HUGE_VAL: silence */
  double loudness_lufs;    /* of the deliverable, as delivered_reading */
  double own_lufs;         /* of the limited signal (lacquer's meter) */
  struct loudness_reading source_reading;   /* of the source (loudness_measure_fast) */
  struct loudness_reading chain_reading;    /* after the chain (lacquer's meters) */
  struct loudness_reading limited_reading;  /* of the limited signal (lacquer's meters) */
  struct loudness_reading delivered_reading; /* of the deliverable: by libebur128 if it read
                                                the file, else the same as limited_reading */
  bool meters_compared;    /* whether it did (deliver.h); then */
  double meters_differ_lu; /* largest difference of the last two, figure by figure; else NAN */
  double meters_tolerance_lu; /* METERS_TOLERANCE_LU */
  bool meters_agree;
  double immersive_lufs, immersive_peak_dbtp; /* of an Atmos master's fold to 5.1 (libebur128) */
  char immersive[96];      /* verdict of the two; "": no such master, or no such fold */
  double true_peak_dbtp;   /* of the limited signal, as the 16x meter reads it */
  double true_peak_with_dither; /* the same and the most that dither can add, dBTP */
  double gain_db, reduction_db;
  double look_ahead_ms, release_ms; /* of the limiter */
  double filter_error_db;  /* of the chain's filters against the wanted responses */
  double pre_ring_ms;      /* how long its eq, match and stereo stages ring before the
                              sound, in sum */
  bool reached;
  char verdict[VERDICT_SIZE]; /* verdict_text */
  char stopped_by[16];        /* solve_limit_name */
  double clipped_db;       /* by how much the clipper lowered the highest peak */
  bool band_limited;       /* the limiter's low pass next to Nyquist was in the way */
  char album[HASH_TEXT_SIZE]; /* digest of the album's tracks; "": the loudness is its own */
  double album_lufs;          /* of all its tracks under their common gain */
  int64_t clipped;
  char chain[256];         /* as it ran: "eq+stereo > multiband" */
  char device[256], driver[560];
  char tier[16];           /* "full", "sample", "golden", "off" */
  double coverage;         /* share of all intermediate results compared, 0..1 */
  char note[800];          /* why it was rendered twice, warnings; else "" */
};
/* Of lacquer's own figures against libebur128's on the delivered file: between them lie
 * dither, 4 frames at the borders of a window and blocks at a gate. */
#define METERS_TOLERANCE_LU 0.1

/* Of a unit that was recalled (plan_recall) the curves of its match stage are those of the
 * receipt that is replaced. */
enum status receipt_write(const struct unit_plan *plan, const struct manifest *manifest,
                          const struct receipt *receipt, struct failure *why);
/* False when there is none, or it cannot be read. */
bool receipt_read(const char *path, struct receipt *out);

/* What a receipt says beside its figures: what to render it again from. */
struct receipt_origin {
  char *file;     /* the deliverable's name below its output folder */
  char *manifest; /* absolute path; "" when the receipt does not say */
  char *settings; /* of chain, edit, variant and stems: receipt_settings; owned, as all texts */
  int track, disc; /* numbers; disc 0: none */
  json_t *stems;  /* as stems_json with hashes; NULL: it has none; owned */
  char engine_sha256[HASH_TEXT_SIZE];
};
/* Both of them; false as receipt_read, and then there is nothing to free. */
bool receipt_read_all(const char *path, struct receipt *out, struct receipt_origin *origin);
void receipt_origin_free(struct receipt_origin *origin); /* takes an empty one */
/* What a receipt of the unit would have as its settings. Caller frees. */
char *receipt_settings(const struct manifest *manifest, const struct unit *unit);
/* What was delivered; NULL: of a receipt that does not say it, one or two channels. */
const struct layout *receipt_layout(const struct receipt *receipt);
int receipt_channels(const struct receipt *receipt);
/* A run that was killed leaves receipts of what it had in hand. */
static inline bool receipt_is_finished(const struct receipt *r) { return *r->file_sha256 != 0; }
#define RECEIPT_ENDING ".receipt.json"
#endif
