/* SPDX-License-Identifier: MIT
 * RIFF/WAVE, RF64 (EBU Tech 3306) and BW64 (ITU-R BS.2088) by their chunks: files with
 * chunks of any size, which audio libraries lose or damage. Integer PCM alone. */
#ifndef LACQUER_RIFF_H
#define LACQUER_RIFF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

enum riff_form { RIFF_RIFF, RIFF_RF64, RIFF_BW64 };
extern const char *const riff_form_names[]; /* "RIFF", ...; NULL after the last */

struct riff_format {
  int channels, rate_hz, bits; /* bits: 16, 24 or 32 */
};
struct riff_chunk {
  char id[5];
  int64_t at, size; /* of the body */
};
struct riff_file { /* an open file whose chunks were found sound */
  int fd;
  char *path; /* owned */
  enum riff_form form;
  struct riff_format format;
  struct riff_chunk *chunks; /* owned, in the order of the file; "data" and "fmt " are there */
  int n_chunks;
  int64_t data_at, n_frames;
  uint32_t mask;      /* of the channels, from WAVEFORMATEXTENSIBLE; 0: none */
  int64_t n_trailing; /* bytes behind the end that the header states: no chunk of the file */
  bool is_adm;        /* there is an axml or chna chunk */
};
/* Accepted: one fmt chunk (16, 18 or 40 bytes, PCM, 16, 24 or 32 bits) before one data
 * chunk of whole frames; all chunks within the file, padded to even. RF64 and BW64: ds64
 * first. STATUS_NO_INPUT, STATUS_BAD_DATA, STATUS_IO; *file is then closed, but says what was
 * seen of form and is_adm. */
enum status riff_open(const char *path, struct riff_file *file, struct failure *why);
void riff_close(struct riff_file *file); /* takes a closed one */

/* The first chunk of that name; NULL: there is none. */
const struct riff_chunk *riff_find(const struct riff_file *file, const char *id);
/* Exactly n bytes from `at`. STATUS_IO. Thread-safe. */
enum status riff_read(const struct riff_file *file, int64_t at, void *bytes, size_t n,
                      struct failure *why);
/* A whole chunk of at most `most` bytes; the caller frees *bytes, closed by NUL. No such
 * chunk: *bytes is NULL. STATUS_BAD_DATA: larger; STATUS_AGAIN: no memory; STATUS_IO. */
enum status riff_load(const struct riff_file *file, const char *id, int64_t most,
                      unsigned char **bytes, size_t *size, struct failure *why);

/* ---- writing ---- */

struct riff_part { /* a chunk to be written */
  const char *id;
  const void *bytes; /* NULL: the part is left out */
  size_t size;
};
enum { RIFF_MOST_PARTS = 4 };
#define RIFF_MOST_BYTES INT64_C(0xFFFFFFFF) /* of a file in RIFF form */
struct riff_layout { /* everything but the samples */
  struct riff_format format;
  int64_t n_frames;
  enum riff_form large; /* RIFF_RF64 or RIFF_BW64: the form of more than most_bytes */
  int64_t most_bytes;   /* RIFF_MOST_BYTES, or fewer */
  struct riff_part before[RIFF_MOST_PARTS], after[RIFF_MOST_PARTS]; /* the data chunk */
};
/* A file is written once, from the first byte to the last: riff_begin, samples and silence
 * in any pieces that come to n_frames, riff_end. The caller opens fd (at its start, empty)
 * and closes it. For one thread. STATUS_IO; sizes that do not fit: STATUS_INTERNAL. */
struct riff_writer {
  int fd;
  const char *path; /* of messages */
  const struct riff_layout *layout; /* both must live until riff_end */
  int64_t left; /* bytes of audio to come */
};
enum status riff_begin(struct riff_writer *writer, int fd, const char *path,
                       const struct riff_layout *layout, struct failure *why);
/* Interleaved little-endian samples of format.bits. */
enum status riff_samples(struct riff_writer *writer, const void *packed, size_t n_bytes,
                         struct failure *why);
/* Digital silence, as a hole where the file system has them. */
enum status riff_silence(struct riff_writer *writer, int64_t n_frames, struct failure *why);
enum status riff_end(struct riff_writer *writer, struct failure *why);
/* Bytes that the file will have; *form (may be NULL): its form. */
int64_t riff_bytes(const struct riff_layout *layout, enum riff_form *form);
#endif
