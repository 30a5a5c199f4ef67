/* SPDX-License-Identifier: MIT
 * See riff.h. Reading. */
#include "riff.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

enum { MOST_CHUNKS = 10000, MOST_DS64_BYTES = 1 << 16, MOST_RATE_HZ = 768000 };
#define UNSTATED UINT32_C(0xFFFFFFFF) /* a size that ds64 has */

const char *const riff_form_names[] = {"RIFF", "RF64", "BW64", NULL};

struct ds64 { /* body of the chunk; NULL: there is none */
  unsigned char *bytes;
  size_t size;
  int64_t n_sizes; /* rows of its table */
};
struct scan {
  struct riff_file *file;
  int64_t n_bytes, end; /* of the file; of its chunks */
  struct ds64 ds64;
  struct failure *why;
};

static uint32_t le16(const unsigned char *b) { return b[0] | (uint32_t)b[1] << 8; }
static uint32_t le32(const unsigned char *b) { return le16(b) | le16(b + 2) << 16; }
/* A size of more than 2^63 bytes becomes one that no file has. */
static int64_t le64(const unsigned char *b) {
  const uint64_t n = le32(b) | (uint64_t)le32(b + 4) << 32;
  return n > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)n;
}

enum status riff_read(const struct riff_file *file, int64_t at, void *bytes, size_t n,
                      struct failure *why) {
  char *to = bytes;
  while (n) {
    const ssize_t got = pread(file->fd, to, n, (off_t)at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      return fail(why, STATUS_IO, "%s: cannot read %zu bytes from byte %lld: %s", file->path, n,
                  (long long)at, got ? strerror(errno) : "it became shorter");
    to += got;
    at += got;
    n -= (size_t)got;
  }
  return STATUS_OK;
}

const struct riff_chunk *riff_find(const struct riff_file *file, const char *id) {
  for (int i = 0; i < file->n_chunks; i++)
    if (!strcmp(file->chunks[i].id, id)) return &file->chunks[i];
  return NULL;
}

enum status riff_load(const struct riff_file *file, const char *id, int64_t most,
                      unsigned char **bytes, size_t *size, struct failure *why) {
  const struct riff_chunk *chunk = riff_find(file, id);
  *bytes = NULL;
  *size = 0;
  if (!chunk) return STATUS_OK;
  if (chunk->size > most)
    return fail(why, STATUS_BAD_DATA, "%s: its %s chunk has %lld bytes (accepted: up to %lld)",
                file->path, id, (long long)chunk->size, (long long)most);
  *bytes = malloc((size_t)chunk->size + 1);
  if (!*bytes) return fail(why, STATUS_AGAIN, "%s: out of memory", file->path);
  const enum status status = riff_read(file, chunk->at, *bytes, (size_t)chunk->size, why);
  (*bytes)[chunk->size] = 0;
  *size = (size_t)chunk->size;
  if (!status) return STATUS_OK;
  free(*bytes);
  *bytes = NULL;
  return status;
}

/* ---- the chunks ---- */

static bool is_id(const unsigned char id[4]) {
  for (int i = 0; i < 4; i++)
    if (id[i] < 0x20 || id[i] > 0x7e) return false;
  return true;
}

static enum status bad(const struct scan *s, const char *what) {
  return fail(s->why, STATUS_BAD_DATA, "%s: damaged: %s", s->file->path, what);
}

/* The size that ds64's table has for a chunk; -1: none. */
static int64_t tabled_size(const struct ds64 *ds64, const char *id) {
  for (int64_t i = 0; i < ds64->n_sizes; i++) {
    const unsigned char *row = ds64->bytes + 28 + 12 * i;
    if (!memcmp(row, id, 4)) return le64(row + 4);
  }
  return -1;
}

/* Whether a chunk begins at `at`: a name, and a size that stays within the file. */
static bool begins_chunk(const struct scan *s, int64_t at) {
  unsigned char head[8];
  if (at + 8 > s->end || riff_read(s->file, at, head, 8, NULL)) return false;
  const uint32_t size = le32(head + 4);
  if (size == UNSTATED && s->file->form != RIFF_RIFF) return is_id(head);
  return is_id(head) && at + 8 + (int64_t)size <= s->end;
}

static enum status keep(struct scan *s, const unsigned char head[8], int64_t at) {
  struct riff_file *file = s->file;
  struct riff_chunk chunk = {.at = at + 8, .size = le32(head + 4)};
  memcpy(chunk.id, head, 4);
  if (chunk.size == UNSTATED && file->form != RIFF_RIFF) {
    chunk.size = !s->ds64.bytes              ? -1
                 : !strcmp(chunk.id, "data") ? le64(s->ds64.bytes + 8)
                                             : tabled_size(&s->ds64, chunk.id);
    if (chunk.size < 0)
      return fail(s->why, STATUS_BAD_DATA, "%s: damaged: the size of its %s chunk is neither in "
                  "the chunk nor in ds64", file->path, chunk.id);
  }
  if (chunk.size > s->end - chunk.at)
    return fail(s->why, STATUS_BAD_DATA, "%s: damaged or cut off: its %s chunk at byte %lld claims "
                "%lld bytes, %lld are there", file->path, chunk.id, (long long)at,
                (long long)chunk.size, (long long)(s->end - chunk.at));
  if (!(file->n_chunks & (file->n_chunks - 1)))
    file->chunks = memory_grow(file->chunks, 2 * (size_t)file->n_chunks + 1, sizeof chunk);
  file->chunks[file->n_chunks++] = chunk;
  return STATUS_OK;
}

static enum status check_pad(struct scan *s, const struct riff_chunk *chunk, int64_t *at) {
  *at = chunk->at + chunk->size;
  if (!(chunk->size & 1)) return STATUS_OK;
  const bool at_end = *at + 1 > s->end;
  if (at_end && s->file->n_trailing) { /* it is there, but not counted in the file's size */
    s->file->n_trailing--;
    return STATUS_OK;
  }
  if (at_end || (!begins_chunk(s, *at + 1) && *at + 1 < s->end && begins_chunk(s, *at)))
    return fail(s->why, STATUS_BAD_DATA, "%s: damaged: the pad byte behind its %s chunk of %lld "
                "bytes is missing", s->file->path, chunk->id, (long long)chunk->size);
  ++*at;
  return STATUS_OK;
}

static enum status read_ds64(struct scan *s) {
  struct riff_file *file = s->file;
  struct riff_chunk *first = file->chunks;
  if (strcmp(first->id, "ds64"))
    return fail(s->why, STATUS_BAD_DATA, "%s: damaged: %s without a ds64 chunk first (its first "
                "chunk is %s)", file->path, riff_form_names[file->form], first->id);
  if (first->size < 28 || first->size > MOST_DS64_BYTES)
    return fail(s->why, STATUS_BAD_DATA, "%s: damaged: a ds64 chunk of %lld bytes (accepted: 28 to "
                "%d)", file->path, (long long)first->size, MOST_DS64_BYTES);
  const enum status status = riff_load(file, "ds64", MOST_DS64_BYTES, &s->ds64.bytes,
                                       &s->ds64.size, s->why);
  if (status) return status;
  s->ds64.n_sizes = le32(s->ds64.bytes + 24);
  if (28 + 12 * s->ds64.n_sizes > first->size)
    return bad(s, "the table of its ds64 chunk is longer than the chunk");
  return STATUS_OK;
}

/* Where the chunks end: what the header states. */
static enum status find_end(struct scan *s, uint32_t stated) {
  struct riff_file *file = s->file;
  int64_t size = stated;
  if (stated == UNSTATED && s->ds64.bytes) size = le64(s->ds64.bytes);
  else if (stated == UNSTATED && file->form == RIFF_RIFF)
    return bad(s, "its header does not state its length (left by a writer that did not finish)");
  if (size < 4 || size > s->n_bytes - 8)
    return fail(s->why, STATUS_BAD_DATA, "%s: damaged or cut off: its header states %lld bytes, "
                "%lld are there", file->path, (long long)size, (long long)s->n_bytes - 8);
  s->end = size + 8;
  file->n_trailing = s->n_bytes - s->end;
  return STATUS_OK;
}

static enum status scan_chunks(struct scan *s) {
  unsigned char head[12];
  enum status status = riff_read(s->file, 0, head, 12, s->why);
  const uint32_t stated = le32(head + 4);
  s->end = s->n_bytes;
  if (!status && s->file->form == RIFF_RIFF) status = find_end(s, stated);
  for (int64_t at = 12; !status && at < s->end;) {
    if (at + 8 > s->end) return bad(s, "a chunk header is cut off");
    status = riff_read(s->file, at, head, 8, s->why);
    if (!status && !is_id(head))
      return fail(s->why, STATUS_BAD_DATA, "%s: damaged: no chunk begins at byte %lld",
                  s->file->path, (long long)at);
    if (!status) status = keep(s, head, at);
    if (!status && at == 12 && s->file->form != RIFF_RIFF) {
      status = read_ds64(s);
      if (!status) status = find_end(s, stated);
    }
    if (!status) status = check_pad(s, &s->file->chunks[s->file->n_chunks - 1], &at);
    if (!status && s->file->n_chunks > MOST_CHUNKS) return bad(s, "more than 10,000 chunks");
  }
  return status;
}

/* ---- what they say ---- */

static enum status fail_format(const struct scan *s, const char *what, long long value,
                               const char *accepted) {
  return fail(s->why, STATUS_BAD_DATA, "%s: its fmt chunk has %s %lld (accepted: %s)",
              s->file->path, what, value, accepted);
}

static enum status read_format(struct scan *s, const struct riff_chunk *chunk) {
  static const unsigned char pcm[14] = {0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71};
  struct riff_format *format = &s->file->format;
  unsigned char b[40] = {0};
  if (chunk->size != 16 && chunk->size != 18 && chunk->size != 40)
    return fail_format(s, "a size of", chunk->size, "16, 18 or 40 bytes");
  const enum status status = riff_read(s->file, chunk->at, b, (size_t)chunk->size, s->why);
  if (status) return status;
  const bool extensible = chunk->size == 40 && le16(b) == 0xFFFE && !memcmp(b + 26, pcm, 14);
  const uint32_t tag = extensible ? le16(b + 24) : le16(b);
  if (extensible) s->file->mask = le32(b + 20);
  format->channels = (int)le16(b + 2);
  format->bits = (int)le16(b + 14);
  if (tag != 1) return fail_format(s, "format tag", tag, "1, integer PCM");
  if (!format->channels) return fail_format(s, "channels:", 0, "1 to 65535");
  if (le32(b + 4) < 1000 || le32(b + 4) > MOST_RATE_HZ)
    return fail_format(s, "the rate", le32(b + 4), "1000 to 768000 Hz");
  format->rate_hz = (int)le32(b + 4);
  if (format->bits != 16 && format->bits != 24 && format->bits != 32)
    return fail_format(s, "a word length of", format->bits, "16, 24 or 32 bits");
  const uint32_t frame = (uint32_t)format->channels * (uint32_t)format->bits / 8;
  if (le16(b + 12) != (frame & 0xFFFF))
    return fail_format(s, "frames of", le16(b + 12), "channels times bytes of a sample");
  return STATUS_OK;
}

static enum status check_chunks(struct scan *s) {
  static const char *const once[] = {"fmt ", "data", "axml", "chna", "dbmd"};
  struct riff_file *file = s->file;
  const struct riff_chunk *format = riff_find(file, "fmt "), *data = riff_find(file, "data");
  if (!format) return bad(s, "no fmt chunk");
  if (!data) return bad(s, "no data chunk");
  if (data < format) return bad(s, "its data chunk stands before its fmt chunk");
  for (size_t i = 0; i < sizeof once / sizeof *once; i++)
    for (const struct riff_chunk *c = file->chunks; c < file->chunks + file->n_chunks; c++)
      if (!strcmp(c->id, once[i]) && c != riff_find(file, once[i]))
        return fail(s->why, STATUS_BAD_DATA, "%s: damaged: a second %s chunk at byte %lld",
                    file->path, once[i], (long long)c->at - 8);
  const enum status status = read_format(s, format);
  if (status) return status;
  const int64_t frame = (int64_t)file->format.channels * file->format.bits / 8;
  if (data->size % frame)
    return fail(s->why, STATUS_BAD_DATA, "%s: damaged or cut off: %lld bytes of audio are no "
                "whole frames of %lld", file->path, (long long)data->size, (long long)frame);
  file->data_at = data->at;
  file->n_frames = data->size / frame;
  return STATUS_OK;
}

static enum status open_file(const char *path, struct scan *s) {
  struct riff_file *file = s->file;
  struct stat info;
  unsigned char head[12] = {0};
  file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* no wait for a pipe */
  if (file->fd < 0 || fstat(file->fd, &info))
    return fail(s->why, STATUS_NO_INPUT, "%s: %s", path, strerror(errno));
  if (!S_ISREG(info.st_mode)) return fail(s->why, STATUS_NO_INPUT, "%s: not a file", path);
  s->n_bytes = info.st_size;
  const size_t n = s->n_bytes < 12 ? (size_t)s->n_bytes : 12;
  const enum status status = riff_read(file, 0, head, n, s->why);
  if (status) return status;
  for (int i = 0; riff_form_names[i]; i++)
    if (!memcmp(head, riff_form_names[i], 4) && !memcmp(head + 8, "WAVE", 4)) {
      file->form = (enum riff_form)i;
      return STATUS_OK;
    }
  return fail(s->why, STATUS_BAD_DATA, "%s: no WAV, RF64 or BW64 file", path);
}

enum status riff_open(const char *path, struct riff_file *file, struct failure *why) {
  struct scan scan = {.file = file, .why = why};
  *file = (struct riff_file){.fd = -1, .path = memory_text(path, strlen(path))};
  enum status status = open_file(path, &scan);
  if (!status) status = scan_chunks(&scan);
  if (!status) status = check_chunks(&scan);
  free(scan.ds64.bytes);
  file->is_adm = riff_find(file, "axml") || riff_find(file, "chna");
  if (!status) return STATUS_OK;
  const struct riff_file seen = {.fd = -1, .form = file->form, .is_adm = file->is_adm};
  riff_close(file);
  *file = seen;
  return status;
}

void riff_close(struct riff_file *file) {
  if (!file->path) return;
  if (file->fd >= 0) close(file->fd);
  free(file->chunks);
  free(file->path);
  *file = (struct riff_file){.fd = -1};
}
