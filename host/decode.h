/* SPDX-License-Identifier: MIT
 * Audio files in: WAV, RF64, BW64, AIFF, AIFC, FLAC and ADM masters to planar float, or a
 * clear refusal. Truncated and corrupt files are refused, never shortened. */
#ifndef LACQUER_DECODE_H
#define LACQUER_DECODE_H
#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "hash.h"
#include "layout.h"
#include "scene.h"

enum { MAX_FRAMES = INT32_MAX - 65536 }; /* the longest track, 3.1 hours at 192 kHz */

struct adm_source;
struct audio {
  int rate_hz;  /* 44100, 48000, 88200, 96000, 176400 or 192000 */
  int channels; /* 1 .. MAX_CHANNELS */
  const struct layout *layout; /* never NULL */
  int32_t n_frames;         /* 1 .. MAX_FRAMES */
  float *pcm[MAX_CHANNELS]; /* planar, owned, n_frames each, in the layout's order; full
                               scale is 1.0 */
  int bits;                 /* word length in the file: 16, 24 or 32 */
  bool is_float;
  struct scene *scene; /* where the layout's objects are, owned; NULL: it has none */
  struct adm_source *master; /* that the file is (adm_scene.h), owned; NULL: it is none */
  char sha256[HASH_TEXT_SIZE]; /* of the audio alone, see decode_file */
  char (*stem_sha256)[HASH_TEXT_SIZE]; /* of each of its stems, owned; NULL: it has none */
  char format[32]; /* "WAV", "RF64", "BW64", "AIFF", "AIFC", "FLAC", "ADM" or "stems" */
};

/* Reads a whole file. Accepted: integers of 16, 24 and 32 bits (read as x * 2^-31 of
 * the left-justified word: exact for 16 and 24 bits, rounded once to nearest even
 * for 32) and 32-bit float. Then |x| < 2^-50 becomes +0; NaN, infinities and |x| > 64
 * are refused. On success *out is to be given to audio_free; on failure it is empty.
 *
 * out->sha256 is over "lacquer audio 1\n", then rate, channels and frames as
 * little-endian int32, of more than two channels the layout's name, then the interleaved
 * little-endian float32 samples as returned: the same audio has the same hash in every
 * container. Then the bytes of axml, chna and dbmd of a master, and scene_bytes of a scene.
 *
 * `stated`: the layout of a file that does not say it (source_layout.h), or NULL.
 *
 * STATUS_NO_INPUT: missing, unreadable, not a file. STATUS_BAD_DATA: anything wrong
 * inside. STATUS_AGAIN: no memory. STATUS_IO: the disk failed. Thread-safe. */
enum status decode_stated(const char *path, const struct layout *stated, struct audio *out,
                          struct failure *why);
static inline enum status decode_file(const char *path, struct audio *out, struct failure *why) {
  return decode_stated(path, NULL, out, why);
}
/* What a file's headers say of its audio, checked as decode_file does before it decodes;
 * pcm and sha256 stay empty. Statuses as decode_file. Thread-safe. */
enum status decode_headers(const char *path, const struct layout *stated, struct audio *out,
                           struct failure *why);
/* Fills sha256 of audio that was not decoded from one file: as decode_file and, where there is a
 * scene, its bytes behind it. 0, or -1 when the library failed. */
int audio_identify(struct audio *audio);
void audio_free(struct audio *audio); /* takes an empty one; leaves it empty */
void audio_free_pcm(struct audio *audio); /* the samples alone */

#endif
