/* SPDX-License-Identifier: MIT
 * See flac_write.h. */
#include "flac_write.h"

#include <FLAC/metadata.h>
#include <FLAC/stream_encoder.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stage.h"

enum { FEED_FRAMES = 1024, COMPRESSION_LEVEL = 5 };

struct flac_sink {
  int fd, error; /* errno of the first fault */
};

static FLAC__StreamEncoderWriteStatus put_bytes(const FLAC__StreamEncoder *encoder,
                                                const FLAC__byte bytes[], size_t n,
                                                uint32_t samples, uint32_t frame, void *user) {
  struct flac_sink *sink = user;
  (void)encoder, (void)samples, (void)frame;
  while (n > 0 && !sink->error) {
    ssize_t done = write(sink->fd, bytes, n);
    if (done > 0) {
      bytes += done;
      n -= (size_t)done;
    } else if (done == 0 || errno != EINTR) {
      sink->error = done == 0 ? ENOSPC : errno;
    }
  }
  return sink->error ? FLAC__STREAM_ENCODER_WRITE_STATUS_FATAL_ERROR
                     : FLAC__STREAM_ENCODER_WRITE_STATUS_OK;
}

static FLAC__StreamEncoderSeekStatus seek_to(const FLAC__StreamEncoder *encoder, FLAC__uint64 at,
                                             void *user) {
  struct flac_sink *sink = user;
  (void)encoder;
  if (lseek(sink->fd, (off_t)at, SEEK_SET) >= 0)
    return FLAC__STREAM_ENCODER_SEEK_STATUS_OK;
  sink->error = errno;
  return FLAC__STREAM_ENCODER_SEEK_STATUS_ERROR;
}

static FLAC__StreamEncoderTellStatus tell(const FLAC__StreamEncoder *encoder, FLAC__uint64 *at,
                                          void *user) {
  struct flac_sink *sink = user;
  (void)encoder;
  off_t offset = lseek(sink->fd, 0, SEEK_CUR);
  if (offset < 0) {
    sink->error = errno;
    return FLAC__STREAM_ENCODER_TELL_STATUS_ERROR;
  }
  *at = (FLAC__uint64)offset;
  return FLAC__STREAM_ENCODER_TELL_STATUS_OK;
}

/* Appends one comment; an empty text is none. */
static bool add_comment(FLAC__StreamMetadata *comments, const char *name, const char *text) {
  FLAC__StreamMetadata_VorbisComment_Entry entry;
  if (!text || !text[0])
    return true;
  return FLAC__metadata_object_vorbiscomment_entry_from_name_value_pair(&entry, name, text) &&
         FLAC__metadata_object_vorbiscomment_append_comment(comments, entry, false);
}
static bool add_number(FLAC__StreamMetadata *comments, const char *name, int number) {
  char text[16] = "";
  if (number > 0)
    snprintf(text, sizeof text, "%d", number);
  return add_comment(comments, name, text);
}

static FLAC__StreamMetadata *make_comments(const struct deliverable *d) {
  FLAC__StreamMetadata *comments = FLAC__metadata_object_new(FLAC__METADATA_TYPE_VORBIS_COMMENT);
  if (comments && add_comment(comments, "TITLE", d->title) &&
      add_comment(comments, "ARTIST", d->artist) && add_comment(comments, "ALBUM", d->album) &&
      add_number(comments, "TRACKNUMBER", d->track_number) &&
      add_number(comments, "DISCNUMBER", d->disc_number) &&
      add_comment(comments, "ISRC", d->isrc) && add_number(comments, "DATE", d->year) &&
      add_comment(comments, "GENRE", d->genre) && add_comment(comments, "BARCODE", d->upc))
    return comments;
  if (comments)
    FLAC__metadata_object_delete(comments);
  return NULL;
}

/* True when every sample has been taken. */
static bool feed(FLAC__StreamEncoder *encoder, const struct deliverable *d) {
  FLAC__int32 block[FEED_FRAMES * FLAC__MAX_CHANNELS], ordered[FEED_FRAMES * FLAC__MAX_CHANNELS];
  bool ok = true;
  const int unit = 1 << (32 - encode_container_bits(d->bits));
  for (int32_t at = 0, n; at < d->n_frames && ok; at += n) {
    n = d->n_frames - at < FEED_FRAMES ? d->n_frames - at : FEED_FRAMES;
    const int32_t *from = d->pcm + (size_t)at * (size_t)d->channels;
    if (d->channels > 2) { /* FLAC's channels stand as WAV's */
      layout_reorder(d->layout, from, n, ordered);
      from = ordered;
    }
    for (int32_t i = 0; i < n * d->channels; i++)
      block[i] = from[i] / unit; /* exact: the low bits are 0 */
    ok = FLAC__stream_encoder_process_interleaved(encoder, block, (uint32_t)n);
  }
  return ok;
}

static bool set_up(FLAC__StreamEncoder *encoder, const struct deliverable *d,
                   FLAC__StreamMetadata **comments) {
  return FLAC__stream_encoder_set_channels(encoder, (uint32_t)d->channels) &&
         FLAC__stream_encoder_set_bits_per_sample(
             encoder, (uint32_t)encode_container_bits(d->bits)) &&
         FLAC__stream_encoder_set_sample_rate(encoder, (uint32_t)d->rate_hz) &&
         FLAC__stream_encoder_set_compression_level(encoder, COMPRESSION_LEVEL) &&
         FLAC__stream_encoder_set_total_samples_estimate(encoder, (FLAC__uint64)d->n_frames) &&
         FLAC__stream_encoder_set_metadata(encoder, comments, 1);
}

enum status flac_write(int fd, const struct deliverable *d, struct failure *why) {
  struct flac_sink sink = {.fd = fd};
  FLAC__StreamMetadata *comments = make_comments(d);
  FLAC__StreamEncoder *encoder = comments ? FLAC__stream_encoder_new() : NULL;
  enum status status = STATUS_OK;
  if (!encoder)
    status = fail(why, STATUS_AGAIN, "%s: out of memory for the FLAC encoder", d->path);
  bool ok = encoder && set_up(encoder, d, &comments) &&
            FLAC__stream_encoder_init_stream(encoder, put_bytes, seek_to, tell, NULL, &sink) ==
                FLAC__STREAM_ENCODER_INIT_STATUS_OK &&
            feed(encoder, d);
  if (encoder) {
    ok = FLAC__stream_encoder_finish(encoder) && ok; /* writes the final header */
    FLAC__stream_encoder_delete(encoder);
  }
  if (comments)
    FLAC__metadata_object_delete(comments);
  if (sink.error)
    return fail(why, STATUS_IO, "%s: cannot write: %s", d->path, strerror(sink.error));
  if (status == STATUS_OK && !ok)
    status = fail(why, STATUS_INTERNAL, "%s: the FLAC encoder refused %d bits, %d channels, %d Hz",
                  d->path, d->bits, d->channels, d->rate_hz);
  return status;
}
