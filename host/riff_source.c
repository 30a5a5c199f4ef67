/* SPDX-License-Identifier: MIT
 * See riff_source.h. */
#include "riff_source.h"

#include <stdlib.h>
#include <string.h>

#include "adm_scene.h"

struct opened {
  struct riff_file file;
  struct adm_chunks chunks;
  struct adm_source *source; /* NULL: plain audio */
  struct scene *scene;
};

static void shut(struct opened *o) {
  riff_close(&o->file);
  adm_chunks_free(&o->chunks);
  adm_source_destroy(&o->source);
  scene_destroy(&o->scene);
}

static enum status read_master(struct opened *o, struct failure *why) {
  struct adm *adm = NULL;
  enum status status = adm_chunks_load(&o->file, &o->chunks, why);
  if (!status) status = adm_read(&o->chunks, &o->file, &adm, why);
  if (!status) status = adm_source_make(&adm, &o->file, &o->source, &o->scene, why);
  adm_destroy(&adm);
  return status;
}

static enum status check_stated(const struct opened *o, const struct layout *stated,
                                struct failure *why) {
  const struct layout *bed = o->source ? layout_bed(o->source->layout) : NULL;
  if (!bed || !stated || stated == bed || stated == &source_as_it_is) return STATUS_OK;
  return fail(why, STATUS_BAD_DATA, "%s: its master says that the bed is %s, the track's layout %s "
              "(accepted: one that agrees with the file, or none)", o->file.path, bed->name,
              stated->name);
}

/* Opens, with as many frames as a track may have. */
static enum status start(const char *path, const struct layout *stated, struct opened *o,
                         struct ingest_format *format, struct failure *why) {
  *o = (struct opened){.file.fd = -1};
  enum status status = riff_open(path, &o->file, why);
  const struct riff_file *file = &o->file;
  if (!status && (file->n_frames < 1 || file->n_frames > MAX_FRAMES))
    status = fail(why, STATUS_BAD_DATA, "%s: %lld frames; accepted are 1 to %d", path,
                  (long long)file->n_frames, MAX_FRAMES);
  if (!status && file->format.channels > MAX_CHANNELS)
    status = fail(why, STATUS_BAD_DATA, "%s: %d tracks; accepted are up to %d", path,
                  file->format.channels, MAX_CHANNELS);
  if (!status && riff_find(file, "chna")) status = read_master(o, why);
  if (!status) status = check_stated(o, stated, why);
  *format = (struct ingest_format){
      .rate_hz = file->format.rate_hz,
      .channels = o->source ? o->source->layout->channels : file->format.channels,
      .n_frames = file->n_frames,
      .reserve = file->n_frames, /* present in the file: riff_open */
      .bits = file->format.bits,
      .name = o->source ? "ADM" : riff_form_names[file->form],
      .mask = file->mask,
      .known = o->source ? o->source->layout : NULL,
      .stated = stated,
  };
  return status;
}

static int32_t word_of(const unsigned char *at, int bytes) {
  uint32_t word = 0;
  for (int i = 0; i < bytes; i++) word |= (uint32_t)at[i] << (32 - 8 * bytes + 8 * i);
  return (int32_t)word;
}

/* A block of frames in the order of the layout: each channel from the track that it is. */
static void take_tracks(const struct opened *o, const unsigned char *packed, int32_t n,
                        struct ingest *ingest) {
  const struct riff_format *f = &o->file.format;
  const int bytes = f->bits / 8, channels = ingest->audio->channels;
  const size_t frame = (size_t)f->channels * (size_t)bytes;
  for (int c = 0; c < channels; c++) {
    const struct adm_source_channel *from = &o->source->channels[c];
    float *to = ingest->floats + c;
    for (int32_t i = 0; i < n; i++, to += channels) {
      const int32_t at = ingest->filled + i;
      const bool sounds = from->index >= 0 && at >= from->first && at < from->end;
      *to = 0;
      if (!sounds) continue;
      const int32_t word = word_of(packed + (size_t)i * frame + from->index * bytes, bytes);
      *to = (float)word * 0x1p-31f * from->gain; /* exact at 24 bits and a gain of 1 */
    }
  }
}

static enum status read_blocks(const struct opened *o, struct ingest *ingest,
                               struct failure *why) {
  const struct riff_format *f = &o->file.format;
  const int bytes = f->bits / 8;
  const size_t frame = (size_t)f->channels * (size_t)bytes;
  unsigned char *packed = malloc(INGEST_FRAMES * frame);
  enum status status =
      packed ? STATUS_OK : fail(why, STATUS_AGAIN, "%s: out of memory", o->file.path);
  while (!status && ingest->filled < ingest->audio->n_frames) {
    const int32_t left = ingest->audio->n_frames - ingest->filled;
    const int32_t n = left < INGEST_FRAMES ? left : INGEST_FRAMES;
    status = riff_read(&o->file, o->file.data_at + (int64_t)ingest->filled * (int64_t)frame, packed,
                       (size_t)n * frame, why);
    if (status) break;
    if (o->source) {
      take_tracks(o, packed, n, ingest);
      status = ingest_floats(ingest, n, why);
    } else {
      for (int32_t i = 0; i < n * f->channels; i++)
        ingest->ints[i] = word_of(packed + (size_t)i * (size_t)bytes, bytes);
      status = ingest_ints(ingest, n, why);
    }
  }
  free(packed);
  return status;
}

/* What a master says beside its audio is of its identity: new masters keep it. */
static void hash_master(const struct opened *o, struct hash *hash) {
  const struct adm_chunks *c = &o->chunks;
  hash_update(hash, c->axml ? c->axml : (const void *)"", c->axml_bytes);
  hash_update(hash, c->chna ? c->chna : (const void *)"", c->chna_bytes);
  hash_update(hash, c->dbmd ? c->dbmd : (const void *)"", c->dbmd_bytes);
}

enum status riff_source_read(const char *path, const struct layout *stated, struct ingest *ingest,
                             struct audio *audio, struct failure *why) {
  struct opened o;
  struct ingest_format format;
  enum status status = start(path, stated, &o, &format, why);
  if (!status) status = ingest_begin(ingest, path, &format, audio, why);
  if (!status) status = read_blocks(&o, ingest, why);
  if (!status && o.source) {
    audio->scene = o.scene;
    audio->master = o.source;
    hash_master(&o, &ingest->hash);
    o.scene = NULL;
    o.source = NULL;
  }
  if (!status) status = ingest_end(ingest, why);
  shut(&o);
  return status;
}

enum status riff_source_format(const char *path, const struct layout *stated,
                               struct ingest_format *format, struct failure *why) {
  struct opened o;
  const enum status status = start(path, stated, &o, format, why);
  shut(&o);
  return status;
}
