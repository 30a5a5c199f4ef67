/* SPDX-License-Identifier: MIT
 * See qc_source.h. */
#include "qc_source.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* ---- opening ---- */

static bool says_atmos(const struct adm *adm) {
  for (int i = 0; i < adm->n_programmes; i++)
    if (adm->programmes[i].name && !strcmp(adm->programmes[i].name, "Atmos_Master")) return true;
  return false;
}

static enum status read_scene(struct qc_source *s, struct failure *why) {
  struct adm_chunks chunks = {0};
  enum status status = adm_chunks_load(&s->file, &chunks, why);
  if (!status) status = adm_read(&chunks, &s->file, &s->adm, why);
  adm_chunks_free(&chunks);
  if (status) return status;
  s->is_atmos = says_atmos(s->adm);
  if (s->is_atmos) adm_check_dolby(s->adm, &s->file, &s->departures);
  return STATUS_OK;
}

/* Its samples are read from the disk. */
static enum status take_file(struct qc_source *s, struct failure *why) {
  const struct riff_format *f = &s->file.format;
  if (f->channels > QC_MOST_CHANNELS || s->file.n_frames < 1 || s->file.n_frames > MAX_FRAMES ||
      f->rate_hz < 8000 || f->rate_hz > 192000)
    return fail(why, STATUS_BAD_DATA, "%s: %d channels of %lld frames at %d Hz (accepted: 1 to %d, "
                "of 1 to %d, at 8000 to 192000)", s->path, f->channels, (long long)s->file.n_frames,
                f->rate_hz, QC_MOST_CHANNELS, MAX_FRAMES);
  s->rate_hz = f->rate_hz;
  s->bits = f->bits;
  s->channels = f->channels;
  s->n_frames = (int32_t)s->file.n_frames;
  s->packed = malloc((size_t)QC_BLOCK * (size_t)f->channels * (size_t)(f->bits / 8));
  return s->packed ? STATUS_OK : fail(why, STATUS_AGAIN, "%s: out of memory", s->path);
}

static void describe(struct qc_source *s, const struct audio *audio) {
  s->rate_hz = audio->rate_hz;
  s->bits = audio->bits;
  s->channels = audio->channels;
  s->is_float = audio->is_float;
  s->n_frames = audio->n_frames;
  s->layout = audio->layout;
  snprintf(s->format, sizeof s->format, "%s", audio->format);
  layout_file_order(s->layout, s->order);
}

static enum status open_master(struct qc_source *s, struct failure *why) {
  const enum status status = take_file(s, why);
  snprintf(s->format, sizeof s->format, "ADM in %s", riff_form_names[s->file.form]);
  return status ? status : read_scene(s, why);
}

/* BW64 without a scene: nothing in it says what more than two channels are for. */
static enum status open_bw64(struct qc_source *s, const struct layout *stated,
                             struct failure *why) {
  const enum status status = take_file(s, why);
  if (status) return status;
  s->layout = stated && stated->channels == s->channels ? stated
                                                        : layout_of_mask(s->channels, 0);
  snprintf(s->format, sizeof s->format, "%s", riff_form_names[s->file.form]);
  if (!s->layout)
    return fail(why, STATUS_BAD_DATA, "%s: %d channels in BW64, and no scene that says what "
                "they are (accepted: 1, 2, a master, or a layout that is stated)", s->path,
                s->channels);
  layout_file_order(s->layout, s->order);
  return STATUS_OK;
}

/* `is_riff`: the chunks were found sound. */
static enum status open_audio(struct qc_source *s, const struct layout *stated, bool is_riff,
                              struct failure *why) {
  struct audio head;
  enum status status = decode_headers(s->path, stated, &head, why);
  if (status) return status;
  s->is_open = is_riff && !head.is_float && s->file.n_frames == head.n_frames;
  if (!s->is_open) {
    status = decode_stated(s->path, stated, &s->audio, why);
    if (!status) describe(s, &s->audio);
    return status;
  }
  status = take_file(s, why);
  if (!status) describe(s, &head);
  return status;
}

enum status qc_source_open(const char *path, const struct layout *stated, struct qc_source *s,
                           struct failure *why) {
  struct failure unread = {0};
  *s = (struct qc_source){.path = memory_text(path, strlen(path))};
  enum status status = riff_open(path, &s->file, &unread);
  const bool is_riff = !status, is_bw64 = s->file.form == RIFF_BW64;
  s->is_open = is_riff;
  if (status && (s->file.is_adm || is_bw64)) {
    if (why) *why = unread;
  } else {
    status = is_riff && s->file.is_adm ? open_master(s, why)
             : is_riff && is_bw64      ? open_bw64(s, stated, why)
                                       : open_audio(s, stated, is_riff, why);
  }
  if (status) qc_source_close(s);
  return status;
}

void qc_source_close(struct qc_source *s) {
  riff_close(&s->file);
  adm_destroy(&s->adm);
  problems_release(&s->departures);
  audio_free(&s->audio);
  free(s->packed);
  free(s->path);
  *s = (struct qc_source){0};
}

/* ---- reading ---- */

float qc_source_full_scale(const struct qc_source *s) {
  return s->is_float ? 1 : s->bits == 16 ? 1 - 0x1p-15F : 1 - 0x1p-23F;
}

static float sample_of(const unsigned char *b, int bits) {
  uint32_t word = 0;
  for (int i = 0; i < bits / 8; i++) word |= (uint32_t)b[i] << (32 - bits + 8 * i);
  return (float)(int32_t)word * 0x1p-31F;
}

static void unpack(const struct qc_source *s, int32_t n, float *planar) {
  const size_t word = (size_t)s->bits / 8, frame = word * (size_t)s->channels;
  for (int c = 0; c < s->channels; c++) {
    const unsigned char *from = s->packed + word * (size_t)c;
    float *to = planar + (size_t)(s->layout ? s->order[c] : c) * QC_BLOCK;
    for (int32_t i = 0; i < n; i++, from += frame) to[i] = sample_of(from, s->bits);
  }
}

static enum status read_inside(struct qc_source *s, int64_t at, int32_t n, float *planar,
                               struct failure *why) {
  if (!s->is_open) {
    for (int c = 0; c < s->channels; c++)
      memcpy(planar + (size_t)c * QC_BLOCK, s->audio.pcm[c] + at, (size_t)n * sizeof *planar);
    return STATUS_OK;
  }
  const size_t frame = (size_t)s->channels * (size_t)(s->bits / 8);
  const enum status status = riff_read(&s->file, s->file.data_at + at * (int64_t)frame, s->packed,
                                       (size_t)n * frame, why);
  if (!status) unpack(s, n, planar);
  return status;
}

enum status qc_source_read(struct qc_source *s, int64_t at, int32_t n, float *planar,
                           struct failure *why) {
  const int64_t begin = at < 0 ? 0 : at, end = at + n > s->n_frames ? s->n_frames : at + n;
  if (begin == at && end == at + n) return read_inside(s, at, n, planar, why);
  for (int c = 0; c < s->channels; c++)
    memset(planar + (size_t)c * QC_BLOCK, 0, (size_t)n * sizeof *planar);
  return begin < end ? read_inside(s, begin, (int32_t)(end - begin), planar + (begin - at), why)
                     : STATUS_OK;
}
