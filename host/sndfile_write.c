/* SPDX-License-Identifier: MIT
 * See sndfile_write.h. */
#include "sndfile_write.h"

#include <errno.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest.h"
#include "stage.h"
#include "pcm_hash.h"
#include "tags.h"

enum { BLOCK_OF_FRAMES = 8192 };

/* libsndfile's names of the bits of a channel mask, from 0x1 on. */
static const int speaker_of_bit[] = {
    SF_CHANNEL_MAP_LEFT,                 SF_CHANNEL_MAP_RIGHT,
    SF_CHANNEL_MAP_CENTER,               SF_CHANNEL_MAP_LFE,
    SF_CHANNEL_MAP_REAR_LEFT,            SF_CHANNEL_MAP_REAR_RIGHT,
    SF_CHANNEL_MAP_FRONT_LEFT_OF_CENTER, SF_CHANNEL_MAP_FRONT_RIGHT_OF_CENTER,
    SF_CHANNEL_MAP_REAR_CENTER,          SF_CHANNEL_MAP_SIDE_LEFT,
    SF_CHANNEL_MAP_SIDE_RIGHT,           SF_CHANNEL_MAP_TOP_CENTER,
    SF_CHANNEL_MAP_TOP_FRONT_LEFT,       SF_CHANNEL_MAP_TOP_FRONT_CENTER,
    SF_CHANNEL_MAP_TOP_FRONT_RIGHT,      SF_CHANNEL_MAP_TOP_REAR_LEFT,
    SF_CHANNEL_MAP_TOP_REAR_CENTER,      SF_CHANNEL_MAP_TOP_REAR_RIGHT,
};

/* Before the audio; up to two channels have no mask. 0, or not. */
static int set_mask(SNDFILE *file, const struct deliverable *d) {
  int map[MAX_CHANNELS], n = 0;
  if (d->channels <= 2)
    return 0;
  for (size_t bit = 0; bit < sizeof speaker_of_bit / sizeof *speaker_of_bit; bit++)
    if (layout_mask(d->layout) >> bit & 1)
      map[n++] = speaker_of_bit[bit];
  return !sf_command(file, SFC_SET_CHANNEL_MAP_INFO, map, n * (int)sizeof *map);
}

/* `n` frames of the deliverable in the file's order: as they are, or in `room`. */
static const int32_t *in_file_order(const struct deliverable *d, int32_t first, int32_t n,
                                    int32_t *room) {
  const int32_t *pcm = d->pcm + (size_t)first * (size_t)d->channels;
  if (d->channels <= 2)
    return pcm;
  layout_reorder(d->layout, pcm, n, room);
  return room;
}

static sf_count_t write_frames(SNDFILE *file, const struct deliverable *d) {
  int32_t *room = d->channels > 2 ? malloc(sizeof *room * BLOCK_OF_FRAMES * (size_t)d->channels)
                                  : NULL;
  const int32_t most = d->channels > 2 ? BLOCK_OF_FRAMES : d->n_frames;
  sf_count_t done = 0;
  while (done < d->n_frames && (room || d->channels <= 2)) {
    const int32_t n = d->n_frames - done < most ? (int32_t)(d->n_frames - done) : most;
    const int32_t *pcm = in_file_order(d, (int32_t)done, n, room);
    const sf_count_t got = d->bits == 32
                               ? sf_writef_float(file, (const float *)(const void *)pcm, n)
                               : sf_writef_int(file, pcm, n);
    done += got;
    if (got != n)
      break;
  }
  free(room);
  return done;
}

/* libsndfile writes through these, so that the first errno is known. */
struct sink {
  int fd, error;
};

static sf_count_t sink_length(void *user) {
  struct sink *sink = user;
  struct stat info;
  return fstat(sink->fd, &info) == 0 ? info.st_size : -1;
}
static sf_count_t sink_seek(sf_count_t offset, int whence, void *user) {
  struct sink *sink = user;
  off_t at = lseek(sink->fd, offset, whence);
  if (at < 0 && !sink->error)
    sink->error = errno;
  return at;
}
static sf_count_t sink_read(void *bytes, sf_count_t n, void *user) {
  (void)bytes, (void)n, (void)user;
  return 0; /* writing only */
}
static sf_count_t sink_write(const void *bytes, sf_count_t n, void *user) {
  struct sink *sink = user;
  const char *from = bytes;
  sf_count_t left = n;
  while (left > 0 && !sink->error) {
    ssize_t done = write(sink->fd, from, (size_t)left);
    if (done > 0) {
      from += done;
      left -= done;
    } else if (done == 0 || errno != EINTR) {
      sink->error = done == 0 ? ENOSPC : errno;
    }
  }
  return n - left;
}
static sf_count_t sink_tell(void *user) { return sink_seek(0, SEEK_CUR, user); }

static int set_text(SNDFILE *file, int type, const char *text) {
  return text && text[0] ? sf_set_string(file, type, text) : 0;
}
static int set_number(SNDFILE *file, int type, int number) {
  char text[16] = "";
  if (number > 0)
    snprintf(text, sizeof text, "%d", number);
  return set_text(file, type, text);
}
static int set_chunk(SNDFILE *file, const char *id, struct tag_block *block) {
  if (!block->bytes)
    return 0;
  SF_CHUNK_INFO chunk = {.id_size = 4, .datalen = (unsigned)block->size, .data = block->bytes};
  memcpy(chunk.id, id, 4);
  return sf_set_chunk(file, &chunk);
}

/* Tags, before any audio: libsndfile loses a chunk set later. 0, or not. */
static int set_tags(SNDFILE *file, const struct deliverable *d) {
  struct tag_block block = {0};
  int is_wav = d->format == FILE_WAV;
  int failed = set_text(file, SF_STR_TITLE, d->title) || set_text(file, SF_STR_ARTIST, d->artist);
  if (is_wav)
    failed = failed || set_text(file, SF_STR_ALBUM, d->album) ||
             set_number(file, SF_STR_TRACKNUMBER, d->track_number) ||
             set_number(file, SF_STR_DATE, d->year) || set_text(file, SF_STR_GENRE, d->genre);
  failed = failed || (is_wav ? tags_axml(d, &block) : tags_id3(d, &block)) ||
           set_chunk(file, is_wav ? "axml" : "ID3 ", &block);
  free(block.bytes);
  return failed;
}

enum status sndfile_write(int fd, const struct deliverable *d, int64_t riff_limit,
                          struct failure *why) {
  struct sink sink = {.fd = fd};
  SF_VIRTUAL_IO io = {sink_length, sink_seek, sink_read, sink_write, sink_tell};
  int64_t audio_bytes =
      (int64_t)d->n_frames * d->channels * (encode_container_bits(d->bits) / 8);
  int container = d->format == FILE_AIFF     ? SF_FORMAT_AIFF
                  : audio_bytes > riff_limit ? SF_FORMAT_RF64
                  : d->channels > 2          ? SF_FORMAT_WAVEX
                                             : SF_FORMAT_WAV;
  SF_INFO info = {.samplerate = d->rate_hz,
                  .channels = d->channels,
                  .format = container | (d->bits == 16   ? SF_FORMAT_PCM_16
                                         : d->bits == 32 ? SF_FORMAT_FLOAT
                                                         : SF_FORMAT_PCM_24)};
  SNDFILE *file = sf_open_virtual(&io, SFM_WRITE, &info, &sink);
  if (!file && sink.error)
    return fail(why, STATUS_IO, "%s: cannot write: %s", d->path, strerror(sink.error));
  if (!file)
    return fail(why, STATUS_INTERNAL, "%s: the audio file library refused %d bits, %d channels, "
                "%d Hz", d->path, d->bits, d->channels, d->rate_hz);
  /* its peaks come with the time of writing: not the same bytes each time */
  sf_command(file, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE);
  int tags_failed = set_mask(file, d) || set_tags(file, d);
  sf_count_t done = tags_failed ? 0 : write_frames(file, d);
  int close_failed = sf_close(file); /* writes the final header */
  if (sink.error)
    return fail(why, STATUS_IO, "%s: cannot write: %s", d->path, strerror(sink.error));
  if (tags_failed)
    return fail(why, STATUS_INTERNAL, "%s: the audio file library refused the tags or the "
                "channel mask", d->path);
  if (done != d->n_frames || close_failed)
    return fail(why, STATUS_IO, "%s: cannot write: %lld of %d frames were taken", d->path,
                (long long)done, d->n_frames);
  return STATUS_OK;
}

static enum status fail_difference(const struct deliverable *d, int32_t frame,
                                   struct failure *why) {
  return fail(why, STATUS_IO,
              "%s: the file, read back, differs from what was written at or after frame %d: a "
              "fault of the disk, the memory or the encoder",
              d->path, frame);
}

/* Every block holds BLOCK_OF_FRAMES frames. */
struct blocks {
  int32_t *read, *wanted;
  unsigned char *packed;
};
static enum status compare(SNDFILE *file, const struct deliverable *d, const struct blocks *b,
                           struct hash *hash, struct failure *why) {
  size_t channels = (size_t)d->channels;
  for (int32_t at = 0, n; at < d->n_frames; at += n) {
    n = d->n_frames - at < BLOCK_OF_FRAMES ? d->n_frames - at : BLOCK_OF_FRAMES;
    size_t samples = (size_t)n * channels;
    sf_count_t got = d->bits == 32 ? sf_readf_float(file, (float *)(void *)b->read, n)
                                   : sf_readf_int(file, b->read, n);
    if (got != n ||
        memcmp(b->read, in_file_order(d, at, n, b->wanted), samples * sizeof *b->read) != 0)
      return fail_difference(d, at, why);
    hash_update(hash, b->packed, pcm_pack(b->read, samples, d->bits, b->packed));
  }
  return STATUS_OK;
}

enum status sndfile_read_back(const char *temp_path, const struct deliverable *d,
                              char pcm_sha256[HASH_TEXT_SIZE], struct failure *why) {
  SF_INFO info = {0};
  size_t samples = (size_t)BLOCK_OF_FRAMES * (size_t)d->channels;
  const struct blocks blocks = {malloc(samples * sizeof *blocks.read),
                                malloc(samples * sizeof *blocks.wanted),
                                malloc(samples * sizeof *blocks.read)};
  SNDFILE *file = sf_open(temp_path, SFM_READ, &info);
  struct hash hash;
  hash_init(&hash);
  enum status status;
  if (!blocks.read || !blocks.wanted || !blocks.packed)
    status = fail(why, STATUS_AGAIN, "%s: out of memory", d->path);
  else if (!file || info.frames != d->n_frames || info.channels != d->channels ||
           info.samplerate != d->rate_hz)
    status = fail_difference(d, 0, why);
  else
    status = compare(file, d, &blocks, &hash, why);
  if (hash_final(&hash, pcm_sha256) != 0 && status == STATUS_OK)
    status = fail(why, STATUS_INTERNAL, "%s: the SHA-256 library failed", d->path);
  if (file)
    sf_close(file);
  free(blocks.read);
  free(blocks.wanted);
  free(blocks.packed);
  return status;
}

static bool load(SNDFILE *file, int bits, struct sndfile_samples *out) {
  const size_t channels = (size_t)out->channels;
  const size_t block_bytes = BLOCK_OF_FRAMES * channels * sizeof *out->pcm;
  unsigned char *packed = malloc(block_bytes);
  struct hash hash;
  bool whole = packed != NULL;
  hash_init(&hash);
  for (int32_t at = 0, n; at < out->n_frames && whole; at += n) {
    int32_t *to = out->pcm + (size_t)at * channels;
    n = out->n_frames - at < BLOCK_OF_FRAMES ? out->n_frames - at : BLOCK_OF_FRAMES;
    const sf_count_t got = bits == 32 ? sf_readf_float(file, (float *)(void *)to, n)
                                      : sf_readf_int(file, to, n);
    whole = got == n;
    if (whole) hash_update(&hash, packed, pcm_pack(to, (size_t)n * channels, bits, packed));
  }
  free(packed);
  return !hash_final(&hash, out->pcm_sha256) && whole;
}

/* From the file's order to the layout's. */
static bool reorder(const struct layout *layout, struct sndfile_samples *s) {
  int32_t *block = malloc(sizeof *block * BLOCK_OF_FRAMES * (size_t)s->channels);
  for (int32_t at = 0, n; at < s->n_frames && block; at += n) {
    n = s->n_frames - at < BLOCK_OF_FRAMES ? s->n_frames - at : BLOCK_OF_FRAMES;
    int32_t *pcm = s->pcm + (size_t)at * (size_t)s->channels;
    memcpy(block, pcm, sizeof *block * (size_t)n * (size_t)s->channels);
    layout_reorder(layout, block, n, pcm);
  }
  free(block);
  return block != NULL;
}

enum status sndfile_load(const char *path, int bits, const struct layout *layout,
                         struct sndfile_samples *out, struct failure *why) {
  SF_INFO info = {0};
  *out = (struct sndfile_samples){0};
  SNDFILE *file = sf_open(path, SFM_READ, &info);
  if (!file)
    return fail(why, STATUS_BAD_DATA, "%s: cannot be read: %s", path, sf_strerror(NULL));
  enum status status = STATUS_OK;
  if (info.frames < 1 || info.frames > INT32_MAX || info.channels < 1 ||
      info.channels > MAX_CHANNELS ||
      (info.channels > 2 && (!layout || layout->channels != info.channels))) {
    status = fail(why, STATUS_BAD_DATA, "%s: damaged: %lld frames of %d channels", path,
                  (long long)info.frames, info.channels);
  } else {
    *out = (struct sndfile_samples){.rate_hz = info.samplerate, .channels = info.channels,
                                    .n_frames = (int32_t)info.frames};
    out->pcm = malloc((size_t)info.frames * (size_t)info.channels * sizeof *out->pcm);
    if (!out->pcm)
      status = fail(why, STATUS_AGAIN, "%s: out of memory", path);
    else if (!load(file, bits, out))
      status = fail(why, STATUS_BAD_DATA, "%s: damaged: it ends too early", path);
    else if (out->channels > 2 && !reorder(layout, out))
      status = fail(why, STATUS_AGAIN, "%s: out of memory", path);
  }
  sf_close(file);
  if (status != STATUS_OK) {
    free(out->pcm);
    *out = (struct sndfile_samples){0};
  }
  return status;
}

/* Word length of a delivered file; 0: of none. */
static int delivered_bits(int format) {
  switch (format & SF_FORMAT_SUBMASK) {
  case SF_FORMAT_PCM_16: return 16;
  case SF_FORMAT_PCM_24: return 24;
  case SF_FORMAT_FLOAT: return 32;
  }
  return 0;
}

static enum status hash_samples(SNDFILE *file, const char *path, const SF_INFO *info,
                                char pcm_sha256[HASH_TEXT_SIZE], struct failure *why) {
  enum { BLOCK = BLOCK_OF_FRAMES / 8 };
  const int bits = delivered_bits(info->format);
  const size_t channels = (size_t)info->channels;
  int32_t block[BLOCK * MAX_CHANNELS];
  unsigned char packed[4 * BLOCK * MAX_CHANNELS];
  sf_count_t done = 0, got;
  struct hash hash;
  if (!bits || info->channels > MAX_CHANNELS)
    return fail(why, STATUS_BAD_DATA, "%s: not a file of lacquer's: other word length or channels",
                path);
  hash_init(&hash);
  do {
    got = bits == 32 ? sf_readf_float(file, (float *)(void *)block, BLOCK)
                     : sf_readf_int(file, block, BLOCK);
    hash_update(&hash, packed, pcm_pack(block, (size_t)got * channels, bits, packed));
    done += got;
  } while (got > 0);
  if (hash_final(&hash, pcm_sha256))
    return fail(why, STATUS_INTERNAL, "%s: the SHA-256 library failed", path);
  if (done != info->frames || sf_error(file) != SF_ERR_NO_ERROR)
    return fail(why, STATUS_BAD_DATA, "%s: cut off or damaged after frame %lld of %lld", path,
                (long long)done, (long long)info->frames);
  return STATUS_OK;
}

enum status sndfile_pcm_hash(const char *path, char pcm_sha256[HASH_TEXT_SIZE],
                             struct failure *why) {
  SF_INFO info = {0};
  struct stat s;
  *pcm_sha256 = 0;
  if (stat(path, &s)) return fail(why, STATUS_NO_INPUT, "%s: %s", path, strerror(errno));
  SNDFILE *file = sf_open(path, SFM_READ, &info);
  if (!file)
    return fail(why, STATUS_BAD_DATA, "%s: no audio file, or its header is damaged", path);
  const enum status status = hash_samples(file, path, &info, pcm_sha256, why);
  sf_close(file);
  return status;
}
