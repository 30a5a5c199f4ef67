/* SPDX-License-Identifier: MIT
 * See riff.h. Writing. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "riff.h"

enum {
  JUNK_BYTES = 64, /* what Dolby's and other tools reserve in RIFF form */
  DS64_BYTES = 28, /* without a table */
  FORMAT_BYTES = 16,
};

static unsigned char *put16(unsigned char *to, uint32_t value) {
  *to++ = (unsigned char)value;
  *to++ = (unsigned char)(value >> 8);
  return to;
}
static unsigned char *put32(unsigned char *to, uint32_t value) {
  return put16(put16(to, value), value >> 16);
}
static unsigned char *put64(unsigned char *to, int64_t value) {
  return put32(put32(to, (uint32_t)value), (uint32_t)(value >> 32));
}
static unsigned char *put_text(unsigned char *to, const char *text) {
  memcpy(to, text, 4);
  return to + 4;
}

static int64_t frame_bytes(const struct riff_format *format) {
  return (int64_t)format->channels * format->bits / 8;
}

static int64_t parts_bytes(const struct riff_part parts[RIFF_MOST_PARTS]) {
  int64_t n = 0;
  for (int i = 0; i < RIFF_MOST_PARTS; i++)
    if (parts[i].bytes) n += 8 + (int64_t)(parts[i].size + (parts[i].size & 1));
  return n;
}

int64_t riff_bytes(const struct riff_layout *layout, enum riff_form *form) {
  const int64_t audio = layout->n_frames * frame_bytes(&layout->format);
  const int64_t rest = 12 + 8 + FORMAT_BYTES + 8 + audio + (audio & 1) +
                       parts_bytes(layout->before) + parts_bytes(layout->after);
  const int small = rest + 8 + JUNK_BYTES <= layout->most_bytes;
  if (form) *form = small ? RIFF_RIFF : layout->large;
  return rest + 8 + (small ? JUNK_BYTES : DS64_BYTES);
}

static enum status fail_write(const struct riff_writer *w, struct failure *why) {
  return fail(why, STATUS_IO, "%s: cannot write: %s", w->path, strerror(errno));
}

static enum status put(const struct riff_writer *w, const void *bytes, size_t n,
                       struct failure *why) {
  const char *from = bytes;
  while (n) {
    const ssize_t done = write(w->fd, from, n);
    if (done < 0 && errno == EINTR) continue;
    if (!done) errno = ENOSPC;
    if (done <= 0) return fail_write(w, why);
    from += done;
    n -= (size_t)done;
  }
  return STATUS_OK;
}

static enum status put_parts(const struct riff_writer *w,
                             const struct riff_part parts[RIFF_MOST_PARTS], struct failure *why) {
  enum status status = STATUS_OK;
  for (int i = 0; i < RIFF_MOST_PARTS && !status; i++) {
    unsigned char head[8];
    if (!parts[i].bytes) continue;
    put32(put_text(head, parts[i].id), (uint32_t)parts[i].size);
    status = put(w, head, 8, why);
    if (!status) status = put(w, parts[i].bytes, parts[i].size, why);
    if (!status && (parts[i].size & 1)) status = put(w, "", 1, why);
  }
  return status;
}

/* Everything up to the first part. */
static enum status put_head(const struct riff_writer *w, struct failure *why) {
  const struct riff_layout *l = w->layout;
  unsigned char head[12 + 8 + JUNK_BYTES + 8 + FORMAT_BYTES] = {0};
  enum riff_form form;
  const int64_t n_bytes = riff_bytes(l, &form);
  unsigned char *to = put_text(head, riff_form_names[form]);
  to = put_text(put32(to, form ? UINT32_MAX : (uint32_t)(n_bytes - 8)), "WAVE");
  if (form) {
    to = put64(put32(put_text(to, "ds64"), DS64_BYTES), n_bytes - 8);
    /* BS.2088 has no use for the number of frames; what it has elsewhere is 0 */
    to = put32(put64(put64(to, w->left), form == RIFF_RF64 ? l->n_frames : 0), 0);
  } else {
    to = put32(put_text(to, "JUNK"), JUNK_BYTES) + JUNK_BYTES;
  }
  const uint32_t frame = (uint32_t)frame_bytes(&l->format);
  to = put32(put_text(to, "fmt "), FORMAT_BYTES);
  to = put16(put16(to, 1), (uint32_t)l->format.channels);
  to = put32(put32(to, (uint32_t)l->format.rate_hz), (uint32_t)l->format.rate_hz * frame);
  to = put16(put16(to, frame), (uint32_t)l->format.bits);
  return put(w, head, (size_t)(to - head), why);
}

/* Sizes that a field of the header cannot hold. */
static enum status check_sizes(const struct riff_writer *w, struct failure *why) {
  const struct riff_layout *l = w->layout;
  int fits = l->format.channels > 0 && frame_bytes(&l->format) <= UINT16_MAX && l->n_frames >= 0 &&
             l->format.rate_hz > 0 && l->most_bytes <= RIFF_MOST_BYTES &&
             (int64_t)l->format.rate_hz * frame_bytes(&l->format) <= UINT32_MAX &&
             l->n_frames < INT64_MAX / 2 / frame_bytes(&l->format);
  for (int i = 0; i < RIFF_MOST_PARTS; i++)
    if (l->before[i].size >= UINT32_MAX || l->after[i].size >= UINT32_MAX) fits = 0;
  if (fits) return STATUS_OK;
  return fail(why, STATUS_INTERNAL, "%s: cannot be written: %d channels of %d bits at %d Hz, or a "
              "chunk of 4 GiB", w->path, l->format.channels, l->format.bits, l->format.rate_hz);
}

enum status riff_begin(struct riff_writer *w, int fd, const char *path,
                       const struct riff_layout *layout, struct failure *why) {
  unsigned char head[8];
  enum riff_form form;
  *w = (struct riff_writer){.fd = fd, .path = path, .layout = layout};
  enum status status = check_sizes(w, why);
  if (status) return status;
  w->left = layout->n_frames * frame_bytes(&layout->format);
  riff_bytes(layout, &form);
  status = put_head(w, why);
  if (!status) status = put_parts(w, layout->before, why);
  put32(put_text(head, "data"), form ? UINT32_MAX : (uint32_t)w->left);
  return status ? status : put(w, head, 8, why);
}

static enum status fail_length(const struct riff_writer *w, struct failure *why) {
  return fail(why, STATUS_INTERNAL, "%s: other audio was written than its header states", w->path);
}

enum status riff_samples(struct riff_writer *w, const void *packed, size_t n_bytes,
                         struct failure *why) {
  if ((int64_t)n_bytes > w->left) return fail_length(w, why);
  w->left -= (int64_t)n_bytes;
  return put(w, packed, n_bytes, why);
}

enum status riff_silence(struct riff_writer *w, int64_t n_frames, struct failure *why) {
  const int64_t frame = frame_bytes(&w->layout->format);
  if (n_frames < 0 || n_frames > w->left / frame) return fail_length(w, why);
  w->left -= n_frames * frame;
  const off_t at = lseek(w->fd, (off_t)(n_frames * frame), SEEK_CUR);
  return at < 0 || ftruncate(w->fd, at) ? fail_write(w, why) : STATUS_OK;
}

enum status riff_end(struct riff_writer *w, struct failure *why) {
  const int64_t audio = w->layout->n_frames * frame_bytes(&w->layout->format);
  if (w->left) return fail_length(w, why);
  const enum status status = audio & 1 ? put(w, "", 1, why) : STATUS_OK;
  return status ? status : put_parts(w, w->layout->after, why);
}
