/* SPDX-License-Identifier: MIT
 * See decode.h. WAV, RF64, AIFF and AIFC by libsndfile, FLAC by libFLAC, masters and BW64 by
 * riff.h. */
#include "decode.h"

#include <FLAC/metadata.h>
#include <errno.h>
#include <fcntl.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adm_scene.h"
#include "container.h"
#include "flac_read.h"
#include "ingest.h"
#include "riff_source.h"

/* One open input. */
struct input {
  int fd;
  const char *path;
  const struct layout *stated;
  int64_t bytes;
  struct container container;
  int64_t at;     /* of the library's next read */
  int read_error; /* errno */
};

/* The library sees the file up to container.end: of the chunks behind the audio some make
 * it go round for minutes (a LIST that claims gigabytes). */
static sf_count_t visible_bytes(void *user) {
  const struct input *input = user;
  return input->container.end < input->bytes ? input->container.end : input->bytes;
}
static sf_count_t seek_in(sf_count_t offset, int whence, void *user) {
  struct input *input = user;
  const int64_t from = whence == SEEK_SET   ? 0
                       : whence == SEEK_CUR ? input->at
                                            : visible_bytes(user);
  if (offset < -from)
    return -1;
  input->at = from + offset;
  return input->at;
}
static sf_count_t read_from(void *to, sf_count_t n, void *user) {
  struct input *input = user;
  const int64_t left = visible_bytes(user) - input->at;
  sf_count_t done = 0;
  if (n > left)
    n = left;
  while (done < n) {
    const ssize_t got = pread(input->fd, (char *)to + done, (size_t)(n - done), input->at);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      input->read_error = errno;
    if (got <= 0)
      break;
    input->at += got;
    done += got;
  }
  return done;
}
static sf_count_t position_in(void *user) { return ((struct input *)user)->at; }

static const struct encoding {
  int subtype, bits;
  bool is_float;
} encodings[] = {
    {SF_FORMAT_PCM_16, 16, false},
    {SF_FORMAT_PCM_24, 24, false},
    {SF_FORMAT_PCM_32, 32, false},
    {SF_FORMAT_FLOAT, 32, true},
};

static const struct encoding *find_encoding(int format) {
  for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++)
    if (encodings[i].subtype == (format & SF_FORMAT_SUBMASK))
      return &encodings[i];
  return NULL;
}

static enum status fail_encoding(const char *path, int format, struct failure *why) {
  SF_FORMAT_INFO info = {.format = format & SF_FORMAT_SUBMASK};
  int unknown = sf_command(NULL, SFC_GET_FORMAT_INFO, &info, sizeof info);
  return fail(why, STATUS_BAD_DATA, "%s: the audio is coded as %s; " ACCEPTED_FILES, path,
              unknown || !info.name ? "an unknown kind" : info.name);
}

/* The library's view of the length must be the header's. */
static enum status check_length(const struct input *input, const SF_INFO *info, int bits,
                                struct failure *why) {
  const struct container *container = &input->container;
  int64_t frame_bytes = (int64_t)info->channels * (bits / 8);
  int64_t frames = container->data_bytes / frame_bytes;
  if (container->frames < 0 && frames * frame_bytes != container->data_bytes)
    return fail(why, STATUS_BAD_DATA,
                "%s: damaged: its %lld bytes of audio are no whole number of frames of %lld bytes",
                input->path, (long long)container->data_bytes, (long long)frame_bytes);
  if (container->frames >= 0)
    frames = container->frames;
  if (frames != info->frames)
    return fail(why, STATUS_BAD_DATA,
                "%s: cut off or damaged: its header claims %lld frames, the file holds %lld",
                input->path, (long long)frames, (long long)info->frames);
  return STATUS_OK;
}

static enum status read_blocks(SNDFILE *file, struct ingest *ingest, struct failure *why) {
  struct audio *audio = ingest->audio;
  enum status status = STATUS_OK;
  while (status == STATUS_OK && ingest->filled < audio->n_frames) {
    int32_t left = audio->n_frames - ingest->filled;
    int32_t n = left < INGEST_FRAMES ? left : INGEST_FRAMES;
    sf_count_t got = audio->is_float ? sf_readf_float(file, ingest->floats, n)
                                     : sf_readf_int(file, ingest->ints, n);
    if (got <= 0)
      break; /* ingest_end counts */
    status = audio->is_float ? ingest_floats(ingest, (int32_t)got, why)
                             : ingest_ints(ingest, (int32_t)got, why);
  }
  return status == STATUS_OK ? ingest_end(ingest, why) : status;
}

static enum status check_info(const struct input *input, const SF_INFO *info,
                              struct ingest_format *format, struct failure *why) {
  const struct encoding *encoding = find_encoding(info->format);
  if (!encoding)
    return fail_encoding(input->path, info->format, why);
  if (info->channels < 1)
    return fail(why, STATUS_BAD_DATA, "%s: damaged: no channels", input->path);
  *format = (struct ingest_format){
      .rate_hz = info->samplerate,
      .channels = info->channels,
      .n_frames = info->frames,
      .reserve = info->frames, /* present in the file: check_length */
      .bits = encoding->bits,
      .is_float = encoding->is_float,
      .name = input->container.format,
      .mask = input->container.mask,
      .stated = input->stated,
  };
  return check_length(input, info, encoding->bits, why);
}

static enum status fail_read(const struct input *input, struct failure *why) {
  return fail(why, STATUS_IO, "%s: cannot read: %s", input->path, strerror(input->read_error));
}

/* Opens by the headers; NULL: *status tells. The caller closes. */
static SNDFILE *open_pcm(struct input *input, struct ingest_format *format,
                         enum status *status, struct failure *why) {
  SF_INFO info = {0};
  SF_VIRTUAL_IO io = {.get_filelen = visible_bytes, .seek = seek_in, .read = read_from,
                      .tell = position_in};
  SNDFILE *file = sf_open_virtual(&io, SFM_READ, &info, input);
  *status = file                ? check_info(input, &info, format, why)
            : input->read_error ? fail_read(input, why)
                                : fail(why, STATUS_BAD_DATA, "%s: its %s header is damaged or of "
                                       "an unknown kind; " ACCEPTED_FILES, input->path,
                                       input->container.format);
  if (*status == STATUS_OK || !file)
    return file;
  sf_close(file);
  return NULL;
}

static enum status read_pcm(struct input *input, struct ingest *ingest, struct audio *audio,
                            struct failure *why) {
  struct ingest_format format;
  enum status status;
  SNDFILE *file = open_pcm(input, &format, &status, why);
  if (!file)
    return status;
  status = ingest_begin(ingest, input->path, &format, audio, why);
  if (status == STATUS_OK)
    status = read_blocks(file, ingest, why);
  sf_close(file);
  return input->read_error ? fail_read(input, why) : status;
}

/* Opens without waiting for the other end of a pipe, and accepts files only. */
static enum status open_input(const char *path, struct input *input, struct failure *why) {
  struct stat info;
  input->path = path;
  input->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (input->fd < 0)
    return fail(why, STATUS_NO_INPUT, "%s: cannot open: %s", path, strerror(errno));
  if (fstat(input->fd, &info) != 0)
    return fail(why, STATUS_NO_INPUT, "%s: cannot open: %s", path, strerror(errno));
  if (!S_ISREG(info.st_mode))
    return fail(why, STATUS_NO_INPUT, "%s: %s; an audio file is needed", path,
                S_ISDIR(info.st_mode) ? "is a folder" : "is a pipe or device");
  input->bytes = info.st_size;
  return container_check(input->fd, path, input->bytes, &input->container, why);
}

enum status decode_stated(const char *path, const struct layout *stated, struct audio *out,
                          struct failure *why) {
  struct input input = {.fd = -1, .stated = stated};
  struct ingest *ingest = NULL;
  *out = (struct audio){0};
  enum status status = open_input(path, &input, why);
  if (status == STATUS_OK && !(ingest = calloc(1, sizeof *ingest)))
    status = fail(why, STATUS_AGAIN, "%s: out of memory", path);
  if (status == STATUS_OK)
    status = input.container.kind == CONTAINER_FLAC
                 ? flac_read(input.fd, path, stated, input.bytes, ingest, out, why)
             : input.container.kind == CONTAINER_RIFF
                 ? riff_source_read(path, stated, ingest, out, why)
                 : read_pcm(&input, ingest, out, why);
  if (input.fd >= 0)
    close(input.fd);
  if (ingest)
    ingest_drop(ingest);
  free(ingest);
  if (status != STATUS_OK)
    audio_free(out);
  return status;
}

enum status decode_headers(const char *path, const struct layout *stated, struct audio *out,
                           struct failure *why) {
  struct input input = {.fd = -1, .stated = stated};
  struct ingest_format format;
  struct source_layout layout;
  *out = (struct audio){0};
  enum status status = open_input(path, &input, why);
  if (status == STATUS_OK && input.container.kind == CONTAINER_FLAC) {
    status = flac_format(path, stated, &format, why);
  } else if (status == STATUS_OK && input.container.kind == CONTAINER_RIFF) {
    status = riff_source_format(path, stated, &format, why);
  } else if (status == STATUS_OK) {
    SNDFILE *file = open_pcm(&input, &format, &status, why);
    if (file)
      sf_close(file);
  }
  if (status == STATUS_OK)
    status = ingest_check(path, &format, &layout, why);
  if (status == STATUS_OK) {
    out->rate_hz = (int)format.rate_hz;
    out->channels = (int)format.channels;
    out->layout = layout.layout;
    out->n_frames = (int32_t)format.n_frames;
    out->bits = format.bits;
    out->is_float = format.is_float;
    snprintf(out->format, sizeof out->format, "%s", format.name);
  }
  if (input.fd >= 0)
    close(input.fd);
  return status;
}

void audio_free_pcm(struct audio *audio) {
  for (int c = 0; c < MAX_CHANNELS; c++) {
    free(audio->pcm[c]);
    audio->pcm[c] = NULL;
  }
}

void audio_free(struct audio *audio) {
  audio_free_pcm(audio);
  scene_destroy(&audio->scene);
  free(audio->stem_sha256);
  adm_source_destroy(&audio->master);
  *audio = (struct audio){0};
}
