/* SPDX-License-Identifier: MIT
 * Audio files out: integers to WAV (RF64 when large), AIFF, FLAC and ADM masters, floats to
 * WAV and AIFF (as AIFC), with tags,
 * into a temporary file that has been read back and compared. */
#ifndef LACQUER_ENCODE_H
#define LACQUER_ENCODE_H
#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "hash.h"
#include "layout.h"

struct adm;
struct adm_source;
struct scene;
/* Of format FILE_ADM: where the layout's objects are, and what a master says of them beside. */
struct deliverable_scene {
  const struct scene *scene;       /* NULL: there are no objects */
  int rate_hz;                     /* of its frames */
  int32_t lead_frames;             /* delivered ones before its first */
  const struct adm_source *master; /* that the source was; NULL: none */
  int32_t first_frame;             /* of the master, where the scene begins */
  struct adm *model; /* instead of all these: of the same deliverable under other tags; NULL */
  bool keeps_names; /* names are the model's, not the title */
};

/* What to deliver. Nothing in it is owned. Texts are UTF-8; NULL or "" is no tag. */
struct deliverable {
  const char *path; /* the final path; missing folders are made */
  int format;       /* enum file_format */
  int adm;          /* enum adm_flavour, of FILE_ADM */
  int bits;         /* 16, 20, 24; 32: float, not in FLAC */
  int rate_hz, channels;
  const struct layout *layout; /* of more than two channels; else it may be NULL */
  int32_t n_frames;
  const int32_t *pcm; /* interleaved in the layout's order, left-justified: the low 32 - bits
                         bits are 0; of 32 bits: the bits of floats */
  const char *title, *artist, *album, *isrc, *genre, *upc;
  struct deliverable_scene scene;
  int track_number, disc_number, year; /* 0: not set; WAV has no tag for the disc */
};
/* Bits that a sample takes in the file: 20 stand in 24, the lowest 4 are 0. */
static inline int encode_container_bits(int bits) { return bits == 20 ? 24 : bits; }

/* Why files of a format hold no such layout, and what does; NULL: they do. */
const char *encode_refusal(int format, const struct layout *layout);

/* The longest text; a longer one is STATUS_BAD_DATA. libsndfile, and what is built on
 * it, drops texts of 2,048 bytes and more when it reads WAV. */
enum { MAX_TAG_BYTES = 2000 };

struct encoded {
  char *temp_path;                  /* owned; publish_file moves it to the final path */
  int lock;                         /* keeps it locked (publish.h), while temp_path is set */
  int64_t file_bytes;
  char file_sha256[HASH_TEXT_SIZE]; /* of every byte of the file */
  int n_objects, n_blocks;          /* of an ADM master */
  char pcm_sha256[HASH_TEXT_SIZE];  /* of the samples packed to 2, 3 or 4 bytes, little-endian,
                                       interleaved in the file's order: the data chunk of a WAV
                                       file; of an ADM master with its silent tracks */
};

/* Writes the deliverable beside its final path as a temporary file, flushes it to the
 * disk, reads it back and compares every sample. The same deliverable gives the same
 * bytes each time. On failure nothing is left behind and *out is empty.
 *
 * STATUS_CANT_CREATE: folder or file cannot be made. STATUS_IO: a write failed (disk
 * full) or the file read back differs. STATUS_BAD_DATA: does not fit the format.
 * Thread-safe. */
enum status encode_file(const struct deliverable *deliverable, struct encoded *out,
                        struct failure *why);
/* Frees, and removes the temporary file if it has not been published. */
void encoded_discard(struct encoded *encoded);

/* As encode_file; a WAV with more audio bytes than `riff_limit` becomes RF64, an ADM master of
 * more bytes RF64 or BW64. Tests make small files of these forms with it. */
enum status encode_file_limited(const struct deliverable *deliverable, int64_t riff_limit,
                                struct encoded *out, struct failure *why);
#endif
