/* SPDX-License-Identifier: MIT
 * See encode.h. */
#include "encode.h"

#include <FLAC/format.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adm_file.h"
#include "flac_write.h"
#include "manifest.h"
#include "publish.h"
#include "sndfile_write.h"
#include "stage.h"

/* RIFF and AIFF sizes are 32-bit; the margin is for headers and tags. */
static const int64_t largest_riff_audio = INT64_C(0xffffffff) - (1 << 20);

static enum status check_text(const struct deliverable *d, const char *key, const char *text,
                              struct failure *why) {
  size_t bytes = text ? strlen(text) : 0;
  if (bytes > MAX_TAG_BYTES)
    return fail(why, STATUS_BAD_DATA, "%s: the %s is %zu bytes long (accepted: up to %d)", d->path,
                key, bytes, MAX_TAG_BYTES);
  if (text && !FLAC__format_vorbiscomment_entry_value_is_legal((const FLAC__byte *)text,
                                                               (uint32_t)bytes))
    return fail(why, STATUS_BAD_DATA, "%s: the %s is not UTF-8 text", d->path, key);
  return STATUS_OK;
}

static enum status check_texts(const struct deliverable *d, struct failure *why) {
  const struct {
    const char *key, *text;
  } texts[] = {{"title", d->title}, {"artist", d->artist}, {"album", d->album},
               {"isrc", d->isrc},   {"genre", d->genre},   {"upc", d->upc}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (check_text(d, texts[i].key, texts[i].text, why) != STATUS_OK)
      return STATUS_BAD_DATA;
  return STATUS_OK;
}

const char *encode_refusal(int format, const struct layout *layout) {
  if (!layout || format == FILE_ADM) return NULL; /* adm_file_refusal */
  if (layout->n_objects)
    return "such a file has no place for objects (accepted: a \"layout\" of the variant that they "
           "are rendered to, as layout: 7.1.4; format: adm)";
  if (layout->channels <= 2) return NULL;
  if (format == FILE_AIFF)
    return "an AIFF file does not say which channel is which (accepted: wav, up to 7.1 flac)";
  if (!layout_mask(layout))
    return "the channel mask of WAV files and FLAC have no place for its tops (accepted: format: "
           "adm, or sources of another layout)";
  if (format == FILE_FLAC && layout->channels > 8)
    return "FLAC holds up to 8 channels (accepted: wav)";
  return NULL;
}

static enum status check(const struct deliverable *d, struct failure *why) {
  if (d->bits != 16 && d->bits != 20 && d->bits != 24 && d->bits != 32)
    return fail(why, STATUS_BAD_DATA, "%s: %d bits (accepted: 16, 20, 24, and 32 for float)",
                d->path, d->bits);
  if (d->bits == 32 && d->format == FILE_FLAC)
    return fail(why, STATUS_BAD_DATA, "%s: FLAC holds no 32-bit float (accepted: wav, aiff)",
                d->path);
  if (d->channels < 1 || d->channels > MAX_CHANNELS || d->n_frames < 1)
    return fail(why, STATUS_BAD_DATA, "%s: %d channels of %d frames (accepted: 1 to %d channels, "
                "at least 1 frame)", d->path, d->channels, d->n_frames, MAX_CHANNELS);
  if (d->channels > 2 && (!d->layout || d->layout->channels != d->channels))
    return fail(why, STATUS_INTERNAL, "%s: %d channels without a layout", d->path, d->channels);
  if (d->format == FILE_ADM && adm_file_refusal(d->adm, d->layout, d->rate_hz, d->bits))
    return fail(why, STATUS_BAD_DATA, "%s: %s", d->path,
                adm_file_refusal(d->adm, d->layout, d->rate_hz, d->bits));
  if (encode_refusal(d->format, d->layout))
    return fail(why, STATUS_BAD_DATA, "%s: %s: %s", d->path, d->layout->name,
                encode_refusal(d->format, d->layout));
  if (d->format == FILE_AIFF &&
      (int64_t)d->n_frames * d->channels * (encode_container_bits(d->bits) / 8) >
          largest_riff_audio)
    return fail(why, STATUS_BAD_DATA,
                "%s: %d frames of %d channels and %d bits are more than an AIFF file can hold "
                "(4 GiB); choose wav or flac",
                d->path, d->n_frames, d->channels, d->bits);
  return check_texts(d, why);
}

/* Writes, flushes and closes. */
static enum status write_temp(int fd, const struct deliverable *d, int64_t riff_limit,
                              struct failure *why) {
  enum status status = d->format == FILE_FLAC  ? flac_write(fd, d, why)
                       : d->format == FILE_ADM ? adm_file_write(fd, d, riff_limit, why)
                                               : sndfile_write(fd, d, riff_limit, why);
  int error = status == STATUS_OK && fsync(fd) != 0 ? errno : 0;
  if (close(fd) != 0 && !error)
    error = errno; /* network file systems report a full disk here */
  if (status == STATUS_OK && error)
    status = fail(why, STATUS_IO, "%s: cannot write: %s", d->path, strerror(error));
  return status;
}

enum status encode_file(const struct deliverable *d, struct encoded *out, struct failure *why) {
  return encode_file_limited(d, largest_riff_audio, out, why);
}

enum status encode_file_limited(const struct deliverable *d, int64_t riff_limit,
                                struct encoded *out, struct failure *why) {
  int fd;
  *out = (struct encoded){0};
  enum status status = check(d, why);
  if (status == STATUS_OK)
    status = temp_open(d->path, &fd, &out->temp_path, why);
  if (status == STATUS_OK)
    out->lock = dup(fd);
  if (status == STATUS_OK)
    status = write_temp(fd, d, riff_limit, why);
  if (status == STATUS_OK)
    status = d->format == FILE_ADM
                 ? adm_file_read_back(out->temp_path, d, out, why)
                 : sndfile_read_back(out->temp_path, d, out->pcm_sha256, why);
  if (status == STATUS_OK &&
      hash_file(out->temp_path, out->file_sha256, &out->file_bytes, why) != STATUS_OK)
    status = STATUS_IO;
  if (status != STATUS_OK)
    encoded_discard(out);
  return status;
}

void encoded_discard(struct encoded *encoded) {
  if (encoded->temp_path) {
    unlink(encoded->temp_path); /* absent once published */
    if (encoded->lock >= 0)
      close(encoded->lock);
  }
  free(encoded->temp_path);
  *encoded = (struct encoded){0};
}
