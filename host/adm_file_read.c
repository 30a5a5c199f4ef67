/* SPDX-License-Identifier: MIT
 * See adm_file.h: reading. */
#include <stdlib.h>
#include <string.h>

#include "adm.h"
#include "adm_file.h"
#include "pcm_hash.h"

enum { BLOCK = 4096 };

bool adm_file_is(const char *path) {
  struct riff_file file;
  struct failure unread = {0};
  if (riff_open(path, &file, &unread)) return false;
  const bool is = riff_find(&file, "chna");
  riff_close(&file);
  return is;
}

/* ---- frame by frame ---- */

struct frames { /* of an open file, a block at a time */
  const struct riff_file *file;
  unsigned char *packed; /* owned; BLOCK frames */
  struct hash hash;
};
static size_t frame_bytes(const struct riff_file *file) {
  return (size_t)file->format.channels * (size_t)(file->format.bits / 8);
}
static enum status frames_begin(struct frames *f, const struct riff_file *file,
                                struct failure *why) {
  *f = (struct frames){.file = file};
  if (file->format.channels > ADM_FILE_TRACKS)
    return fail(why, STATUS_BAD_DATA, "%s: %d tracks (accepted: up to %d)",
                file->path, file->format.channels, ADM_FILE_TRACKS);
  f->packed = malloc(BLOCK * frame_bytes(file));
  if (!f->packed) return fail(why, STATUS_AGAIN, "%s: out of memory", file->path);
  hash_init(&f->hash);
  return STATUS_OK;
}
/* The frames from `at` on, *n of them; 0 at the end. */
static enum status frames_next(struct frames *f, int64_t at, int32_t *n, struct failure *why) {
  const int64_t left = f->file->n_frames - at;
  *n = left < BLOCK ? (int32_t)left : BLOCK;
  const size_t bytes = (size_t)*n * frame_bytes(f->file);
  const enum status status =
      riff_read(f->file, f->file->data_at + at * (int64_t)frame_bytes(f->file), f->packed, bytes,
                why);
  if (!status) hash_update(&f->hash, f->packed, bytes);
  return status;
}
/* `status`: of what came before. */
static enum status frames_end(struct frames *f, enum status status,
                              char pcm_sha256[HASH_TEXT_SIZE], struct failure *why) {
  if (f->packed && hash_final(&f->hash, pcm_sha256) && !status)
    status = fail(why, STATUS_INTERNAL, "%s: the SHA-256 library failed", f->file->path);
  free(f->packed);
  return status;
}

static int32_t word_24(const unsigned char *b) {
  return (int32_t)((uint32_t)b[0] << 8 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 24);
}

enum status adm_file_pcm_hash(const char *path, char pcm_sha256[HASH_TEXT_SIZE],
                              struct failure *why) {
  struct riff_file file;
  struct frames f;
  *pcm_sha256 = 0;
  enum status status = riff_open(path, &file, why);
  if (status) return status;
  status = frames_begin(&f, &file, why);
  int32_t n = 0;
  for (int64_t at = 0; at < file.n_frames && !status; at += n)
    status = frames_next(&f, at, &n, why);
  status = frames_end(&f, status, pcm_sha256, why);
  riff_close(&file);
  return status;
}

/* ---- what was written ---- */

static enum status compare(const struct riff_file *file, const struct deliverable *d,
                           const struct adm_tracks *t, char pcm_sha256[HASH_TEXT_SIZE],
                           struct failure *why) {
  int32_t *ordered = malloc(sizeof *ordered * BLOCK * (size_t)t->n), n = 0;
  unsigned char *wanted = malloc(sizeof *ordered * BLOCK * (size_t)t->n);
  struct frames f;
  enum status status = frames_begin(&f, file, why);
  if (!status && (!ordered || !wanted))
    status = fail(why, STATUS_AGAIN, "%s: out of memory", d->path);
  for (int32_t at = 0; at < d->n_frames && !status; at += n) {
    status = frames_next(&f, at, &n, why);
    if (status) break;
    adm_tracks_fill(t, d->channels, d->pcm + (size_t)at * (size_t)d->channels, n, ordered);
    const size_t bytes = pcm_pack(ordered, (size_t)n * (size_t)t->n, d->bits, wanted);
    if (memcmp(f.packed, wanted, bytes))
      status = fail(why, STATUS_IO, "%s: the file, read back, differs from what was written at or "
                    "after frame %d: a fault of the disk or the memory", d->path, at);
  }
  free(ordered);
  free(wanted);
  return frames_end(&f, status, pcm_sha256, why);
}

static enum status read_scene(const struct riff_file *file, struct adm **adm,
                              struct failure *why) {
  struct adm_chunks chunks = {0};
  enum status status = adm_chunks_load(file, &chunks, why);
  *adm = NULL;
  if (!status) status = adm_read(&chunks, file, adm, why);
  adm_chunks_free(&chunks);
  return status;
}

static enum status check_scene(const struct riff_file *file, const struct deliverable *d,
                               struct encoded *out, struct failure *why) {
  struct problems problems = {0};
  struct adm *adm;
  enum status status = read_scene(file, &adm, why);
  if (!status && d->adm == ADM_DOLBY) adm_check_dolby(adm, file, &problems);
  if (problems.n)
    status = fail(why, STATUS_INTERNAL, "%s: departs from the Dolby Atmos Master ADM profile: %s",
                  d->path, problems.items[0].text);
  for (int i = 0; i < (status ? 0 : adm->n_objects); i++) {
    const struct adm_object *o = &adm->objects[i];
    if (adm_object_kind(adm, o) != ADM_OBJECTS || o->tracks.n != 1) continue;
    out->n_objects++;
    out->n_blocks += adm->channels[adm->tracks[o->tracks.items[0]].channel].n_blocks;
  }
  problems_release(&problems);
  adm_destroy(&adm);
  return status;
}

enum status adm_file_read_back(const char *temp_path, const struct deliverable *d,
                               struct encoded *out, struct failure *why) {
  const struct adm_tracks t = adm_tracks_of(d->adm, d->layout);
  struct riff_file file;
  enum status status = riff_open(temp_path, &file, why);
  if (status) return status;
  if (file.n_frames != d->n_frames || file.format.channels != t.n ||
      file.format.rate_hz != d->rate_hz || file.format.bits != d->bits)
    status = fail(why, STATUS_IO, "%s: the file, read back, has another form than was written",
                  d->path);
  if (!status) status = compare(&file, d, &t, out->pcm_sha256, why);
  if (!status) status = check_scene(&file, d, out, why);
  riff_close(&file);
  return status;
}

/* ---- back to a layout ---- */

/* Fewer than MAX_FRAMES frames of ADM_FILE_BITS. */
static enum status check_form(const struct riff_file *file, struct failure *why) {
  if (file->n_frames >= 1 && file->n_frames <= MAX_FRAMES && file->format.bits == ADM_FILE_BITS)
    return STATUS_OK;
  return fail(why, STATUS_BAD_DATA, "%s: %lld frames of %d bits (accepted: 1 to %d of 24)",
              file->path, (long long)file->n_frames, file->format.bits, MAX_FRAMES);
}

static enum status load(const struct riff_file *file, const struct adm_tracks *t,
                        struct sndfile_samples *out, struct failure *why) {
  struct frames f;
  int32_t n = 0;
  enum status status = frames_begin(&f, file, why);
  for (int32_t at = 0; at < out->n_frames && !status; at += n) {
    status = frames_next(&f, at, &n, why);
    const unsigned char *word = f.packed;
    for (int32_t i = at; i < at + n && !status; i++)
      for (int k = 0; k < t->n && !status; k++, word += ADM_FILE_BITS / 8) {
        if (t->channel[k] >= 0)
          out->pcm[(size_t)i * (size_t)out->channels + (size_t)t->channel[k]] = word_24(word);
        else if (word_24(word))
          status = fail(why, STATUS_BAD_DATA, "%s: track %d is not silent", file->path, k + 1);
      }
  }
  return frames_end(&f, status, out->pcm_sha256, why);
}

static enum status load_tracks(const struct riff_file *file, const struct adm_tracks *t,
                               const struct layout *layout, struct sndfile_samples *out,
                               struct failure *why) {
  *out = (struct sndfile_samples){.rate_hz = file->format.rate_hz, .channels = layout->channels};
  enum status status = check_form(file, why);
  if (!status && t->n != file->format.channels)
    status = fail(why, STATUS_BAD_DATA, "%s: %d tracks (a master of %s has %d)", file->path,
                  file->format.channels, layout->name, t->n);
  if (status) return status;
  out->n_frames = (int32_t)file->n_frames;
  out->pcm = malloc(sizeof *out->pcm * (size_t)out->n_frames * (size_t)out->channels);
  status = out->pcm ? load(file, t, out, why)
                    : fail(why, STATUS_AGAIN, "%s: out of memory", file->path);
  if (!status) return STATUS_OK;
  free(out->pcm);
  *out = (struct sndfile_samples){0};
  return status;
}

enum status adm_file_load(const char *path, const struct layout *layout,
                          struct sndfile_samples *out, struct adm **model, struct failure *why) {
  struct riff_file file;
  *out = (struct sndfile_samples){0};
  if (model) *model = NULL;
  enum status status = riff_open(path, &file, why);
  if (status) return status;
  const int flavour = riff_find(&file, "dbmd") ? ADM_DOLBY : ADM_ITU;
  const char *refusal = adm_file_refusal(flavour, layout, file.format.rate_hz, file.format.bits);
  if (refusal) {
    status = fail(why, STATUS_BAD_DATA, "%s: %s", path, refusal);
  } else {
    const struct adm_tracks t = adm_tracks_of(flavour, layout);
    status = load_tracks(&file, &t, layout, out, why);
  }
  if (!status && model && (status = read_scene(&file, model, why))) {
    free(out->pcm);
    *out = (struct sndfile_samples){0};
  }
  riff_close(&file);
  return status;
}

/* Whether track k is what it would be in a master of lacquer's. */
static bool is_track(const struct adm *adm, int flavour, const struct adm_tracks *t, int k) {
  int i = 0;
  while (i < adm->n_tracks && adm->tracks[i].index != k) i++;
  if (i == adm->n_tracks || adm->tracks[i].channel < 0) return false;
  const struct adm_channel *channel = &adm->channels[adm->tracks[i].channel];
  const struct adm_speaker *speaker = adm_speaker((enum adm_flavour)flavour, t->bed, k);
  if (speaker) return !strcmp(channel->label, speaker->label);
  const double *corner = adm_file_corner(k - t->n_bed);
  const double *at = channel->n_blocks == 1 ? channel->blocks[0].position : NULL;
  return at && channel->kind == ADM_OBJECTS && at[0] == corner[0] && at[1] == corner[1] &&
         at[2] == corner[2];
}

/* The largest layout whose tracks these are; NULL: none. */
static const struct layout *layout_of(const struct adm *adm, int n_channels,
                                      struct adm_tracks *tracks) {
  int last = 0;
  while (layouts[last + 1].name) last++;
  for (int i = last; i >= 0 && layouts[i].channels > 2; i--)
    for (int flavour = ADM_DOLBY; flavour <= ADM_ITU; flavour++) {
      *tracks = adm_tracks_of(flavour, &layouts[i]);
      bool same = tracks->n == n_channels;
      for (int k = 0; k < tracks->n && same; k++) same = is_track(adm, flavour, tracks, k);
      if (same) return &layouts[i];
    }
  return NULL;
}

static enum status spread(const struct sndfile_samples *s, const struct layout *layout,
                          struct audio *out) {
  *out = (struct audio){.rate_hz = s->rate_hz, .channels = s->channels, .layout = layout,
                        .n_frames = s->n_frames, .bits = ADM_FILE_BITS, .format = "ADM"};
  for (int c = 0; c < s->channels; c++) {
    out->pcm[c] = malloc(sizeof **out->pcm * (size_t)s->n_frames);
    if (!out->pcm[c]) return STATUS_AGAIN;
    const int32_t *from = s->pcm + c;
    for (int32_t i = 0; i < s->n_frames; i++, from += s->channels)
      out->pcm[c][i] = (float)*from * 0x1p-31F;
  }
  return STATUS_OK;
}

enum status adm_file_decode(const char *path, struct audio *out, struct failure *why) {
  struct riff_file file;
  struct adm *adm = NULL;
  struct adm_tracks t;
  struct sndfile_samples samples = {0};
  *out = (struct audio){0};
  enum status status = riff_open(path, &file, why);
  if (status) return status;
  status = read_scene(&file, &adm, why);
  const struct layout *layout = status ? NULL : layout_of(adm, file.format.channels, &t);
  if (!status && !layout)
    status = fail(why, STATUS_BAD_DATA, "%s: a master of other tracks than those of a bed "
                  "(accepted: 5.1 to 7.1.4, as lacquer delivers them)", path);
  if (!status) status = load_tracks(&file, &t, layout, &samples, why);
  if (!status && spread(&samples, layout, out)) {
    audio_free(out);
    status = fail(why, STATUS_AGAIN, "%s: out of memory", path);
  }
  free(samples.pcm);
  adm_destroy(&adm);
  riff_close(&file);
  return status;
}
