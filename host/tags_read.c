/* SPDX-License-Identifier: MIT
 * The reading half of tags.h. */
#include <FLAC/metadata.h>
#include <fcntl.h>
#include <sndfile.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container.h"
#include "tags.h"

enum { MAX_CHUNK_BYTES = 1 << 20 };

/* Keeps the first text of a kind. */
static void keep(char **to, const char *text, size_t n) {
  if (!*to && n > 0)
    *to = strndup(text, n);
}
static void keep_number(int *to, const char *text, size_t n) {
  char digits[16] = "";
  memcpy(digits, text, n < sizeof digits - 1 ? n : sizeof digits - 1);
  if (!*to)
    *to = atoi(digits);
}

/* One tag by its name in Vorbis comments or ID3. Unknown names are passed over. */
static void keep_named(struct tags *tags, const char *name, const char *text, size_t n) {
  const struct {
    const char *vorbis, *id3;
    char **text;
    int *number;
  } places[] = {
      {"TITLE", "TIT2", &tags->title, NULL},   {"ARTIST", "TPE1", &tags->artist, NULL},
      {"ALBUM", "TALB", &tags->album, NULL},   {"ISRC", "TSRC", &tags->isrc, NULL},
      {"GENRE", "TCON", &tags->genre, NULL},   {"BARCODE", "TXXX", &tags->upc, NULL},
      {"TRACKNUMBER", "TRCK", NULL, &tags->track_number},
      {"DISCNUMBER", "TPOS", NULL, &tags->disc_number},
      {"DATE", "TDRC", NULL, &tags->year},
  };
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    if (strcasecmp(name, places[i].vorbis) && strcmp(name, places[i].id3))
      continue;
    if (places[i].text)
      keep(places[i].text, text, n);
    else
      keep_number(places[i].number, text, n);
  }
}

static size_t load_size(const unsigned char from[4]) {
  return (size_t)(from[0] & 127) << 21 | (size_t)(from[1] & 127) << 14 |
         (size_t)(from[2] & 127) << 7 | (size_t)(from[3] & 127);
}

/* UTF-8 text frames of an ID3v2.4 tag. */
static void read_id3(struct tags *tags, const unsigned char *bytes, size_t size) {
  static const char barcode[] = "BARCODE"; /* its closing zero stands in the frame */
  if (size < 10 || memcmp(bytes, "ID3\4", 4) != 0)
    return;
  for (size_t at = 10; at + 11 <= size && bytes[at];) {
    char id[5] = {0};
    memcpy(id, bytes + at, 4);
    size_t n = load_size(bytes + at + 4);
    if (n < 1 || n > size - at - 10)
      return;
    const char *text = (const char *)bytes + at + 11;
    size_t text_bytes = n - 1;
    int is_other = strcmp(id, "TXXX") == 0;
    if (is_other && text_bytes > sizeof barcode && !memcmp(text, barcode, sizeof barcode))
      keep_named(tags, id, text + sizeof barcode, text_bytes - sizeof barcode);
    else if (!is_other && bytes[at + 10] == 3)
      keep_named(tags, id, text, text_bytes);
    at += 10 + n;
  }
}

/* The text between "ISRC:" and the next tag. */
static void read_axml(struct tags *tags, const unsigned char *bytes, size_t size) {
  static const char mark[] = "ISRC:";
  const char *text = (const char *)bytes, *end = text + size;
  for (const char *at = text; at + sizeof mark - 1 <= end; at++) {
    if (memcmp(at, mark, sizeof mark - 1) != 0)
      continue;
    at += sizeof mark - 1;
    const char *close = memchr(at, '<', (size_t)(end - at));
    keep(&tags->isrc, at, (size_t)((close ? close : end) - at));
    return;
  }
}

static void read_chunk(SNDFILE *file, struct tags *tags, const char *id,
                       void (*read)(struct tags *, const unsigned char *, size_t)) {
  SF_CHUNK_INFO chunk = {.id_size = 4};
  memcpy(chunk.id, id, 4);
  SF_CHUNK_ITERATOR *at = sf_get_chunk_iterator(file, &chunk);
  if (!at || sf_get_chunk_size(at, &chunk) != SF_ERR_NO_ERROR || chunk.datalen < 1 ||
      chunk.datalen > MAX_CHUNK_BYTES)
    return;
  chunk.data = calloc(1, chunk.datalen);
  if (chunk.data && sf_get_chunk_data(at, &chunk) == SF_ERR_NO_ERROR)
    read(tags, chunk.data, chunk.datalen);
  free(chunk.data);
}

static void read_string(SNDFILE *file, struct tags *tags, const char *name, int type) {
  const char *text = sf_get_string(file, type);
  if (text)
    keep_named(tags, name, text, strlen(text));
}

static void read_flac(const char *path, struct tags *tags) {
  FLAC__StreamMetadata *comments;
  if (!FLAC__metadata_get_tags(path, &comments))
    return;
  const FLAC__StreamMetadata_VorbisComment *list = &comments->data.vorbis_comment;
  for (uint32_t i = 0; i < list->num_comments; i++) {
    const char *entry = (const char *)list->comments[i].entry;
    const char *equals = entry ? memchr(entry, '=', list->comments[i].length) : NULL;
    char *name = equals ? strndup(entry, (size_t)(equals - entry)) : NULL;
    if (name)
      keep_named(tags, name, equals + 1, list->comments[i].length - (size_t)(equals + 1 - entry));
    free(name);
  }
  FLAC__metadata_object_delete(comments);
}

/* libsndfile goes round for minutes in a chunk that claims more than there is. */
static enum status check_chunks(const char *path, struct failure *why) {
  struct container container;
  struct stat info;
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat(fd, &info) || !S_ISREG(info.st_mode)) {
    if (fd >= 0)
      close(fd);
    return fail(why, STATUS_NO_INPUT, "%s: cannot open", path);
  }
  enum status status = container_check(fd, path, info.st_size, &container, why);
  close(fd);
  if (status == STATUS_OK && !container.whole)
    status = fail(why, STATUS_BAD_DATA, "%s: damaged or cut off behind its audio", path);
  return status;
}

enum status tags_read(const char *path, struct tags *out, struct failure *why) {
  *out = (struct tags){0};
  enum status status = check_chunks(path, why);
  if (status != STATUS_OK)
    return status;
  SF_INFO info = {0};
  SNDFILE *file = sf_open(path, SFM_READ, &info);
  if (!file)
    return fail(why, STATUS_BAD_DATA, "%s: not readable audio", path);
  int container = info.format & SF_FORMAT_TYPEMASK;
  if (container == SF_FORMAT_AIFF)
    read_chunk(file, out, "ID3 ", read_id3);
  else if (container != SF_FORMAT_FLAC)
    read_chunk(file, out, "axml", read_axml);
  if (container != SF_FORMAT_FLAC) {
    read_string(file, out, "TITLE", SF_STR_TITLE);
    read_string(file, out, "ARTIST", SF_STR_ARTIST);
    read_string(file, out, "ALBUM", SF_STR_ALBUM);
    read_string(file, out, "GENRE", SF_STR_GENRE);
    read_string(file, out, "DATE", SF_STR_DATE);
    read_string(file, out, "TRACKNUMBER", SF_STR_TRACKNUMBER);
  }
  sf_close(file);
  if (container == SF_FORMAT_FLAC)
    read_flac(path, out);
  return STATUS_OK;
}
