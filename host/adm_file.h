/* SPDX-License-Identifier: MIT
 * Deliverables of format FILE_ADM: a rendered bed and its objects as an ADM BWF master, and such
 * a file back. */
#ifndef LACQUER_ADM_FILE_H
#define LACQUER_ADM_FILE_H
#include <stdbool.h>

#include "decode.h"
#include "encode.h"
#include "sndfile_write.h"

enum { ADM_FILE_BITS = 24, ADM_FILE_TRACKS = 128 /* the most */, ADM_FILE_ROOM = 144 };
extern const char *const adm_flavour_names[]; /* "dolby", "itu": by enum adm_flavour; NULL */
/* What a receipt calls such a file. */
const char *adm_file_form(int flavour);

/* The tracks of the file of a bed. ADM_ITU: the layout's own. ADM_DOLBY: the ten of 7.1.2, as
 * other tools expect them, silent where the layout has no such speaker, Ls and Rs on the sides;
 * then its four upper corners, if it has them, as objects that stand there. Then the layout's
 * objects. */
struct adm_tracks {
  const char *bed; /* its layout in the file */
  int n, n_bed;    /* tracks: the bed's, then one for each object */
  int n_corners;   /* of these objects, the first ones */
  int channel[ADM_FILE_ROOM]; /* of the layout; -1: silence */
};
struct adm_tracks adm_tracks_of(int flavour, const struct layout *layout);
/* Interleaved words of the layout as those of the file; `from` is not `to`. */
void adm_tracks_fill(const struct adm_tracks *tracks, int channels, const int32_t *from,
                     int64_t n_frames, int32_t *to);

/* Corner i of ADM_DOLBY: "Ltf", ..., and where it stands: X, Y, Z. */
const char *adm_file_corner_name(int i);
const double *adm_file_corner(int i);
/* The model of a deliverable; the caller destroys it. STATUS_AGAIN, STATUS_BAD_DATA. */
enum status adm_file_model(const struct deliverable *deliverable, const struct adm_tracks *tracks,
                           struct adm **adm, struct failure *why);
/* Gives the deliverable's own model its names, unless it keeps them. */
void adm_file_rename(const struct deliverable *deliverable, const struct adm_tracks *tracks);

/* Why there is no such file, static storage; NULL: there is. `layout` NULL: no bed. */
const char *adm_file_refusal(int flavour, const struct layout *layout, int rate_hz, int bits);

/* Writes the deliverable to `fd`, open for writing and empty, in the large form of its flavour
 * beyond `most_bytes`; leaves it open. Names come from the title, its first 64 bytes, or stay those
 * of the master that the source was.
 * STATUS_IO, STATUS_AGAIN, STATUS_BAD_DATA. */
enum status adm_file_write(int fd, const struct deliverable *deliverable, int64_t most_bytes,
                           struct failure *why);
/* As sndfile_read_back, into out->pcm_sha256; the scene is read and its objects counted, too, and
 * ADM_DOLBY held against the profile: STATUS_INTERNAL. */
enum status adm_file_read_back(const char *temp_path, const struct deliverable *deliverable,
                               struct encoded *out, struct failure *why);

/* Whether the file says which of its tracks is what (chna). */
bool adm_file_is(const char *path);
/* As sndfile_pcm_hash and sndfile_load, in all three forms of file; what is loaded stands in the
 * order of `layout`. STATUS_BAD_DATA: not the tracks of that layout. `model` may be NULL; else what
 * the file says, to be destroyed. */
enum status adm_file_pcm_hash(const char *path, char pcm_sha256[HASH_TEXT_SIZE],
                              struct failure *why);
enum status adm_file_load(const char *path, const struct layout *layout,
                          struct sndfile_samples *out, struct adm **model, struct failure *why);
/* As decode_file, but for sha256, which stays empty: of masters whose tracks are those above
 * alone. A bed without tops is read as the 7.1.2 that it is padded to. */
enum status adm_file_decode(const char *path, struct audio *out, struct failure *why);
#endif
