/* SPDX-License-Identifier: MIT
 * See flac_read.h. */
#include "flac_read.h"

#include <FLAC/metadata.h>
#include <FLAC/stream_decoder.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct flac_source {
  int fd, read_error;       /* errno */
  const char *path;
  const struct layout *stated;
  int64_t file_bytes;
  struct ingest *ingest;
  struct audio *audio;
  struct failure *why;
  bool begun;               /* STREAMINFO has come and was accepted */
  enum status status;       /* the first failure; *why is written */
};

static FLAC__StreamDecoderReadStatus read_bytes(const FLAC__StreamDecoder *decoder,
                                                FLAC__byte bytes[], size_t *n, void *user) {
  struct flac_source *source = user;
  (void)decoder;
  ssize_t got;
  do
    got = read(source->fd, bytes, *n);
  while (got < 0 && errno == EINTR);
  *n = got > 0 ? (size_t)got : 0;
  if (got < 0) {
    source->read_error = errno;
    return FLAC__STREAM_DECODER_READ_STATUS_ABORT;
  }
  return got == 0 ? FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM
                  : FLAC__STREAM_DECODER_READ_STATUS_CONTINUE;
}

/* The channel mask: that of a comment, as some encoders leave it, or the format's own,
 * RFC 9639, section 9.1.3. */
static uint32_t mask_of(const char *path, unsigned channels) {
  static const char comment[] = "WAVEFORMATEXTENSIBLE_CHANNEL_MASK";
  FLAC__StreamMetadata *tags = NULL;
  uint32_t mask = channels == 6 ? 0x3f : channels == 8 ? 0x63f : 0;
  if (!mask || !FLAC__metadata_get_tags(path, &tags))
    return mask;
  const FLAC__StreamMetadata_VorbisComment *all = &tags->data.vorbis_comment;
  const int at = FLAC__metadata_object_vorbiscomment_find_entry_from(tags, 0, comment);
  if (at >= 0)
    mask = (uint32_t)strtoul((const char *)all->comments[at].entry + sizeof comment, NULL, 0);
  FLAC__metadata_object_delete(tags);
  return mask;
}

static enum status format_of(const char *path, const struct layout *stated,
                             const FLAC__StreamMetadata_StreamInfo *info,
                             struct ingest_format *out, struct failure *why) {
  if (info->total_samples == 0)
    return fail(why, STATUS_BAD_DATA,
                "%s: its header does not state the length of the audio (left by a writer to a "
                "pipe, or an empty recording): the end cannot be checked; write the file again "
                "with the flac tool", path);
  *out = (struct ingest_format){
      .rate_hz = info->sample_rate,
      .channels = info->channels,
      .n_frames = (int64_t)info->total_samples, /* 36 bits */
      .bits = (int)info->bits_per_sample,
      .name = "FLAC",
      .mask = mask_of(path, info->channels),
      .stated = stated,
  };
  return STATUS_OK;
}

enum status flac_format(const char *path, const struct layout *stated, struct ingest_format *out,
                        struct failure *why) {
  FLAC__StreamMetadata header;
  if (!FLAC__metadata_get_streaminfo(path, &header))
    return fail(why, STATUS_BAD_DATA, "%s: damaged or cut off: no FLAC stream header", path);
  return format_of(path, stated, &header.data.stream_info, out, why);
}

static enum status begin(struct flac_source *source, const FLAC__StreamMetadata_StreamInfo *info) {
  struct ingest_format format;
  const enum status status = format_of(source->path, source->stated, info, &format, source->why);
  if (status != STATUS_OK)
    return status;
  format.reserve = source->file_bytes; /* a frame rarely takes less than a byte */
  return ingest_begin(source->ingest, source->path, &format, source->audio, source->why);
}

static void take_metadata(const FLAC__StreamDecoder *decoder, const FLAC__StreamMetadata *metadata,
                          void *user) {
  struct flac_source *source = user;
  (void)decoder;
  if (metadata->type != FLAC__METADATA_TYPE_STREAMINFO || source->begun ||
      source->status != STATUS_OK)
    return;
  source->status = begin(source, &metadata->data.stream_info);
  source->begun = source->status == STATUS_OK;
}

static enum status fail_damaged(struct flac_source *source, const char *what) {
  return fail(source->why, STATUS_BAD_DATA, "%s: damaged or cut off after frame %d of %d: %s",
              source->path, source->ingest->filled, source->audio->n_frames, what);
}

/* One FLAC frame, at most 65,535 audio frames. */
static enum status take_frame(struct flac_source *source, const FLAC__Frame *frame,
                              const FLAC__int32 *const pcm[]) {
  struct ingest *ingest = source->ingest;
  int channels = source->audio->channels, shift = 32 - source->audio->bits;
  if ((int)frame->header.channels != channels ||
      (int)frame->header.bits_per_sample != source->audio->bits ||
      (int)frame->header.sample_rate != source->audio->rate_hz)
    return fail_damaged(source, "the format changes in the middle");
  int32_t total = (int32_t)frame->header.blocksize;
  enum status status = STATUS_OK;
  for (int32_t at = 0, n; at < total && status == STATUS_OK; at += n) {
    n = total - at < INGEST_FRAMES ? total - at : INGEST_FRAMES;
    for (int c = 0; c < channels; c++)
      for (int32_t i = 0; i < n; i++)
        ingest->ints[i * channels + c] = (int32_t)((uint32_t)pcm[c][at + i] << shift);
    status = ingest_ints(ingest, n, source->why);
  }
  return status;
}

static FLAC__StreamDecoderWriteStatus take_audio(const FLAC__StreamDecoder *decoder,
                                                 const FLAC__Frame *frame,
                                                 const FLAC__int32 *const pcm[], void *user) {
  struct flac_source *source = user;
  (void)decoder;
  if (source->status == STATUS_OK && source->begun)
    source->status = take_frame(source, frame, pcm);
  return source->status == STATUS_OK && source->begun
             ? FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE
             : FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
}

static void take_error(const FLAC__StreamDecoder *decoder,
                       FLAC__StreamDecoderErrorStatus error, void *user) {
  struct flac_source *source = user;
  (void)decoder;
  if (source->status == STATUS_OK && source->begun)
    source->status = fail_damaged(source, FLAC__StreamDecoderErrorStatusString[error]);
}

/* Decodes until every claimed frame has come; what follows (an ID3v1 tag) is ignored. */
static void decode_all(FLAC__StreamDecoder *decoder, struct flac_source *source) {
  FLAC__bool going = FLAC__stream_decoder_process_until_end_of_metadata(decoder);
  while (going && source->begun && source->status == STATUS_OK &&
         source->ingest->filled < source->audio->n_frames &&
         FLAC__stream_decoder_get_state(decoder) != FLAC__STREAM_DECODER_END_OF_STREAM)
    going = FLAC__stream_decoder_process_single(decoder);
}

static enum status conclude(struct flac_source *source, bool md5_is_right) {
  if (source->status != STATUS_OK)
    return source->status;
  if (source->read_error)
    return fail(source->why, STATUS_IO, "%s: cannot read: %s", source->path,
                strerror(source->read_error));
  if (!source->begun)
    return fail(source->why, STATUS_BAD_DATA, "%s: damaged or cut off: no FLAC stream header",
                source->path);
  enum status status = ingest_end(source->ingest, source->why);
  if (status == STATUS_OK && !md5_is_right)
    status = fail(source->why, STATUS_BAD_DATA,
                  "%s: damaged: the audio differs from the MD5 sum in its header", source->path);
  return status;
}

enum status flac_read(int fd, const char *path, const struct layout *stated, int64_t file_bytes,
                      struct ingest *ingest, struct audio *audio, struct failure *why) {
  struct flac_source source = {.fd = fd, .path = path, .stated = stated,
                               .file_bytes = file_bytes, .why = why, .ingest = ingest,
                               .audio = audio};
  FLAC__StreamDecoder *decoder = FLAC__stream_decoder_new();
  if (!decoder)
    return fail(why, STATUS_AGAIN, "%s: out of memory", path);
  FLAC__stream_decoder_set_md5_checking(decoder, true);
  enum status status = STATUS_OK;
  if (FLAC__stream_decoder_init_stream(decoder, read_bytes, NULL, NULL, NULL, NULL, take_audio,
                                       take_metadata, take_error, &source) !=
      FLAC__STREAM_DECODER_INIT_STATUS_OK)
    status = fail(why, STATUS_AGAIN, "%s: the FLAC decoder did not start", path);
  else
    decode_all(decoder, &source);
  bool md5_is_right = FLAC__stream_decoder_finish(decoder);
  FLAC__stream_decoder_delete(decoder);
  return status == STATUS_OK ? conclude(&source, md5_is_right) : status;
}
