/* SPDX-License-Identifier: MIT
 * See container.h. RIFF/WAVE and RF64 (EBU Tech 3306), AIFF and AIFF-C (Apple 1989,
 * 1991). */
#include "container.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_CHUNKS = 10000, SNIFF_BYTES = 12 };

/* An open file under inspection. */
struct scan {
  int fd;
  const char *path;
  int64_t file_bytes;
};
struct chunk {
  char id[4];
  int64_t size, at; /* of the body */
};

static uint32_t le32(const unsigned char *b) {
  return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}
static uint32_t be32(const unsigned char *b) {
  return b[3] | (uint32_t)b[2] << 8 | (uint32_t)b[1] << 16 | (uint32_t)b[0] << 24;
}

/* Exactly n bytes at `at`: 1, or 0 when the file ends before. -1: the disk failed. */
static int read_at(const struct scan *scan, int64_t at, void *bytes, size_t n) {
  char *to = bytes;
  while (n > 0) {
    ssize_t got = pread(scan->fd, to, n, (off_t)at);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return (int)got;
    to += got;
    at += got;
    n -= (size_t)got;
  }
  return 1;
}

static enum status fail_read(const struct scan *scan, struct failure *why) {
  return fail(why, STATUS_IO, "%s: cannot read: %s", scan->path, strerror(errno));
}

static enum status fail_cut_off(const struct scan *scan, int64_t claimed, int64_t present,
                                struct failure *why) {
  return fail(why, STATUS_BAD_DATA,
              "%s: cut off: its header claims %lld bytes of audio, the file holds %lld (a "
              "truncated copy, or a writer that did not finish the header)",
              scan->path, (long long)claimed, (long long)present);
}

/* The chunk at `at`: as read_at. */
static int next_chunk(const struct scan *scan, int64_t at, int big_endian, struct chunk *chunk) {
  unsigned char head[8];
  int got = read_at(scan, at, head, sizeof head);
  if (got > 0) {
    memcpy(chunk->id, head, 4);
    chunk->size = big_endian ? be32(head + 4) : le32(head + 4);
    chunk->at = at + 8;
  }
  return got;
}
static int chunk_is(const struct chunk *chunk, const char *id) {
  return memcmp(chunk->id, id, 4) == 0;
}
static int64_t after_chunk(const struct chunk *chunk) {
  return chunk->at + chunk->size + (chunk->size & 1);
}

/* The size of RF64's data chunk. */
static int read_ds64(const struct scan *scan, const struct chunk *chunk, int64_t *data_bytes) {
  unsigned char body[16]; /* RIFF size, data size */
  int got = chunk->size < 16 ? 0 : read_at(scan, chunk->at, body, sizeof body);
  if (got > 0)
    *data_bytes = (int64_t)le32(body + 8) | (int64_t)(le32(body + 12) & 0x7fffffffu) << 32;
  return got;
}

/* The channel mask of an extensible fmt chunk. */
static int read_mask(const struct scan *scan, const struct chunk *chunk, uint32_t *mask) {
  unsigned char body[24];
  if (chunk->size < (int64_t)sizeof body) return 1;
  const int got = read_at(scan, chunk->at, body, sizeof body);
  if (got > 0 && body[0] == 0xfe && body[1] == 0xff) *mask = le32(body + 20);
  return got;
}

/* A master's tracks are told by this chunk, with at least one row. */
static void note_chna(const struct chunk *chunk, struct container *out) {
  if (chunk_is(chunk, "chna") && chunk->size > 4)
    out->kind = CONTAINER_RIFF;
}

/* Whether the chunks from `at` on lie within the file, but for a rest too short to be one. */
static int chunks_fit(const struct scan *scan, int64_t at, int big_endian,
                      struct container *out) {
  struct chunk chunk;
  for (int i = 0; i < MAX_CHUNKS && next_chunk(scan, at, big_endian, &chunk) > 0; i++) {
    if (!big_endian)
      note_chna(&chunk, out);
    if (chunk.at + chunk.size > scan->file_bytes)
      return 0;
    at = after_chunk(&chunk);
  }
  return 1;
}

static enum status check_data_chunk(const struct scan *scan, const struct chunk *data,
                                    int64_t ds64_bytes, struct container *out,
                                    struct failure *why) {
  int is_rf64 = strcmp(out->format, "RF64") == 0;
  out->data_bytes = data->size;
  if (data->size == UINT32_MAX && !is_rf64)
    return fail(why, STATUS_BAD_DATA,
                "%s: its header does not state the length of the audio (data chunk size "
                "0xFFFFFFFF, left by a writer to a pipe): the end cannot be checked; write the "
                "file again with a tool that finishes the header, or as RF64",
                scan->path);
  if (data->size == UINT32_MAX) {
    if (ds64_bytes < 0)
      return fail(why, STATUS_BAD_DATA, "%s: damaged: an RF64 file without a ds64 chunk",
                  scan->path);
    out->data_bytes = ds64_bytes;
  }
  int64_t present = scan->file_bytes - data->at;
  if (out->data_bytes > present)
    return fail_cut_off(scan, out->data_bytes, present, why);
  if (out->data_bytes == 0)
    return fail(why, STATUS_BAD_DATA,
                "%s: holds no audio: the length in its header is 0 (an empty recording, or a "
                "writer that did not finish the header)",
                scan->path);
  out->end = data->at + out->data_bytes;
  out->whole = chunks_fit(scan, out->end + (out->end & 1), 0, out);
  return STATUS_OK;
}

static enum status check_riff(const struct scan *scan, struct container *out,
                              struct failure *why) {
  int64_t at = SNIFF_BYTES, ds64_bytes = -1;
  struct chunk chunk;
  for (int i = 0; i < MAX_CHUNKS; i++, at = after_chunk(&chunk)) {
    int got = next_chunk(scan, at, 0, &chunk);
    if (got > 0 && chunk_is(&chunk, "data"))
      return check_data_chunk(scan, &chunk, ds64_bytes, out, why);
    if (got > 0 && chunk_is(&chunk, "ds64") && ds64_bytes < 0)
      got = read_ds64(scan, &chunk, &ds64_bytes);
    if (got > 0)
      note_chna(&chunk, out);
    if (got > 0 && chunk_is(&chunk, "fmt ") && !out->mask)
      got = read_mask(scan, &chunk, &out->mask);
    if (got < 0)
      return fail_read(scan, why);
    if (got == 0)
      break;
  }
  return fail(why, STATUS_BAD_DATA, "%s: damaged or cut off: no data chunk", scan->path);
}

/* Reads what COMM or SSND claims. As read_at; *found counts the two. */
static int read_aiff_chunk(const struct scan *scan, const struct chunk *chunk,
                           struct container *out, int *found) {
  unsigned char body[8];
  int is_comm = chunk_is(chunk, "COMM"), is_ssnd = chunk_is(chunk, "SSND");
  if ((!is_comm || out->frames >= 0) && (!is_ssnd || out->data_bytes >= 0))
    return 1;
  int got = chunk->size < 8 ? 0 : read_at(scan, chunk->at, body, sizeof body);
  if (got <= 0)
    return got;
  ++*found;
  if (chunk->at + chunk->size > out->end)
    out->end = chunk->at + chunk->size;
  if (is_comm)
    out->frames = be32(body + 2); /* channels (2 bytes), frames (4), bits (2) */
  else
    out->data_bytes = chunk->size - 8 - be32(body); /* offset (4), block size (4) */
  return is_comm || out->data_bytes >= 0;
}

static enum status check_aiff(const struct scan *scan, struct container *out,
                              struct failure *why) {
  int64_t at = SNIFF_BYTES;
  int found = 0;
  struct chunk chunk;
  out->data_bytes = -1;
  for (int i = 0; i < MAX_CHUNKS && found < 2; i++, at = after_chunk(&chunk)) {
    int got = next_chunk(scan, at, 1, &chunk);
    if (got > 0)
      got = read_aiff_chunk(scan, &chunk, out, &found);
    if (got < 0)
      return fail_read(scan, why);
    if (got == 0)
      break;
    if (chunk_is(&chunk, "SSND") && chunk.at + chunk.size > scan->file_bytes)
      return fail_cut_off(scan, chunk.size - 8, scan->file_bytes - chunk.at - 8, why);
  }
  if (found < 2)
    return fail(why, STATUS_BAD_DATA, "%s: damaged or cut off: no %s chunk", scan->path,
                out->frames < 0 ? "COMM" : "SSND");
  if (out->frames == 0)
    return fail(why, STATUS_BAD_DATA,
                "%s: holds no audio: the length in its header is 0 (an empty recording, or a "
                "writer that did not finish the header)",
                scan->path);
  out->whole = chunks_fit(scan, at, 1, out);
  return STATUS_OK;
}

/* An ID3v2 tag may stand before a FLAC stream. */
static int is_flac_behind_id3(const struct scan *scan) {
  unsigned char head[10];
  char magic[4];
  if (read_at(scan, 0, head, sizeof head) <= 0)
    return 0;
  int64_t size = (int64_t)(head[6] & 127) << 21 | (head[7] & 127) << 14 | (head[8] & 127) << 7 |
                 (head[9] & 127);
  return read_at(scan, 10 + size, magic, 4) > 0 && memcmp(magic, "fLaC", 4) == 0;
}

/* Kinds of file, told by their first bytes; `at_8`, when given, must stand at byte 8. */
static const struct magic {
  const char *start, *at_8, *name;
  /* NULL: FLAC checks itself; the rest is refused */
  enum status (*check)(const struct scan *, struct container *, struct failure *);
  enum container_kind kind;
} magics[] = {
    {"RIFF", "WAVE", "WAV", check_riff, CONTAINER_PCM},
    {"RF64", "WAVE", "RF64", check_riff, CONTAINER_PCM},
    {"FORM", "AIFF", "AIFF", check_aiff, CONTAINER_PCM},
    {"FORM", "AIFC", "AIFC", check_aiff, CONTAINER_PCM},
    {"fLaC", NULL, "FLAC", NULL, CONTAINER_FLAC},
    {"BW64", "WAVE", "BW64", NULL, CONTAINER_RIFF},
    {"RIFX", "WAVE", "a big-endian WAV file", NULL, CONTAINER_PCM},
    {"riff", NULL, "a Wave64 file", NULL, CONTAINER_PCM},
    {"OggS", NULL, "an Ogg file (Vorbis, Opus or Ogg FLAC)", NULL, CONTAINER_PCM},
    {"ID3", NULL, "an MP3 file", NULL, CONTAINER_PCM},
    {"\xff\xfb", NULL, "an MP3 file", NULL, CONTAINER_PCM},
    {"caff", NULL, "a Core Audio file", NULL, CONTAINER_PCM},
    {".snd", NULL, "a Sun audio file", NULL, CONTAINER_PCM},
    {"wvpk", NULL, "a WavPack file", NULL, CONTAINER_PCM},
    {"MAC ", NULL, "a Monkey's Audio file", NULL, CONTAINER_PCM},
    {"DSD ", NULL, "a DSD file", NULL, CONTAINER_PCM},
    {"FRM8", NULL, "a DSD file", NULL, CONTAINER_PCM},
};

static const struct magic *find_magic(const unsigned char head[SNIFF_BYTES]) {
  for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
    if (memcmp(head, magics[i].start, strlen(magics[i].start)) == 0 &&
        (!magics[i].at_8 || memcmp(head + 8, magics[i].at_8, 4) == 0))
      return &magics[i];
  return NULL;
}

enum status container_check(int fd, const char *path, int64_t file_bytes, struct container *out,
                            struct failure *why) {
  const struct scan scan = {.fd = fd, .path = path, .file_bytes = file_bytes};
  unsigned char head[SNIFF_BYTES] = {0};
  *out = (struct container){.frames = -1, .whole = 1};
  if (file_bytes == 0)
    return fail(why, STATUS_BAD_DATA, "%s: an empty file; " ACCEPTED_FILES, path);
  size_t n = file_bytes < SNIFF_BYTES ? (size_t)file_bytes : SNIFF_BYTES;
  if (read_at(&scan, 0, head, n) < 0)
    return fail_read(&scan, why);
  const struct magic *magic = find_magic(head);
  if (memcmp(head, "ID3", 3) == 0 && is_flac_behind_id3(&scan))
    magic = find_magic((const unsigned char *)"fLaC........");
  if (!magic)
    return fail(why, STATUS_BAD_DATA, "%s: not an audio file that lacquer knows; " ACCEPTED_FILES,
                path);
  out->kind = magic->kind;
  snprintf(out->format, sizeof out->format, "%s", magic->name);
  if (magic->check)
    return magic->check(&scan, out, why);
  if (magic->kind != CONTAINER_PCM)
    return STATUS_OK;
  return fail(why, STATUS_BAD_DATA, "%s: %s; " ACCEPTED_FILES, path, magic->name);
}
