/* SPDX-License-Identifier: MIT
 * See ingest.h. */
#include "ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "twin.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the audio hash is over little-endian words: swap them here for this machine"
#endif

static const float max_sample = 64.0f; /* +36 dBFS */

static int rate_is_accepted(int64_t rate_hz) {
  static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
    if (rates[i] == rate_hz)
      return 1;
  return 0;
}

enum status ingest_check(const char *path, const struct ingest_format *format,
                         struct source_layout *layout, struct failure *why) {
  if (!rate_is_accepted(format->rate_hz))
    return fail(why, STATUS_BAD_DATA,
                "%s: %lld Hz; accepted are 44100, 48000, 88200, 96000, 176400 and 192000 Hz", path,
                (long long)format->rate_hz);
  if (format->n_frames < 1)
    return fail(why, STATUS_BAD_DATA, "%s: holds no audio", path);
  if (format->n_frames > MAX_FRAMES)
    return fail(why, STATUS_BAD_DATA, "%s: %lld frames; accepted are up to %d", path,
                (long long)format->n_frames, MAX_FRAMES);
  if (format->is_float ? format->bits != 32
                       : format->bits != 16 && format->bits != 24 && format->bits != 32)
    return fail(why, STATUS_BAD_DATA, "%s: %d-bit %s; " ACCEPTED_FILES, path, format->bits,
                format->is_float ? "float" : "integers");
  if (format->known) {
    layout->layout = format->known;
    for (int c = 0; c < format->known->channels; c++) layout->order[c] = c;
    return STATUS_OK;
  }
  return source_layout_find(path, format->channels, format->mask, format->stated, layout, why);
}

/* Makes room for `frames` frames in every channel. */
static enum status make_room(struct ingest *ingest, int64_t frames, struct failure *why) {
  struct audio *audio = ingest->audio;
  if (frames <= ingest->capacity)
    return STATUS_OK;
  if (frames < (int64_t)ingest->capacity * 2)
    frames = (int64_t)ingest->capacity * 2;
  if (frames > audio->n_frames)
    frames = audio->n_frames;
  for (int c = 0; c < audio->channels; c++) {
    float *grown = realloc(audio->pcm[c], (size_t)frames * sizeof(float));
    if (!grown)
      return fail(why, STATUS_AGAIN, "%s: out of memory for %lld frames", ingest->path,
                  (long long)frames);
    audio->pcm[c] = grown;
  }
  ingest->capacity = (int32_t)frames;
  return STATUS_OK;
}

/* Everything but the samples. */
static void begin_hash(struct hash *hash, const struct audio *audio) {
  static const char header[] = "lacquer audio 1\n";
  const int32_t shape[3] = {audio->rate_hz, audio->channels, audio->n_frames};
  hash_init(hash);
  hash_update(hash, header, sizeof header - 1);
  hash_update(hash, shape, sizeof shape);
  if (audio->channels > 2) hash_update(hash, audio->layout->name, strlen(audio->layout->name));
}

enum status ingest_begin(struct ingest *ingest, const char *path,
                         const struct ingest_format *format, struct audio *audio,
                         struct failure *why) {
  enum status status = ingest_check(path, format, &ingest->layout, why);
  if (status != STATUS_OK)
    return status;
  audio->rate_hz = (int)format->rate_hz;
  audio->channels = (int)format->channels;
  audio->layout = ingest->layout.layout;
  audio->n_frames = (int32_t)format->n_frames;
  audio->bits = format->bits;
  audio->is_float = format->is_float;
  snprintf(audio->format, sizeof audio->format, "%s", format->name);
  ingest->path = path;
  ingest->audio = audio;
  ingest->filled = ingest->capacity = 0;
  begin_hash(&ingest->hash, audio);
  return make_room(ingest, format->reserve < 1 ? 1 : format->reserve, why);
}

/* Frames of ingest->floats from the file's order to the layout's. */
static void reorder(struct ingest *ingest, int32_t n) {
  const int channels = ingest->audio->channels, *order = ingest->layout.order;
  float frame[MAX_CHANNELS];
  float *at = ingest->floats;
  if (channels <= 2)
    return;
  for (int32_t i = 0; i < n; i++, at += channels) {
    memcpy(frame, at, (size_t)channels * sizeof *at);
    for (int c = 0; c < channels; c++)
      at[order[c]] = frame[c];
  }
}

/* Names the first sample that no mastering chain can take. */
static enum status fail_sample(const struct ingest *ingest, struct failure *why) {
  int channels = ingest->audio->channels, i = 0;
  while (abs_bits(ingest->floats[i]) <= max_sample)
    i++;
  return fail(why, STATUS_BAD_DATA,
              "%s: channel %d, frame %d (counted from 0): the sample is %g; accepted are finite "
              "values up to %g (+36 dBFS)",
              ingest->path, i % channels + 1, ingest->filled + i / channels,
              (double)ingest->floats[i], (double)max_sample);
}

enum status ingest_floats(struct ingest *ingest, int32_t n, struct failure *why) {
  struct audio *audio = ingest->audio;
  int32_t n_samples = n * audio->channels;
  int bad = 0;
  if (n > audio->n_frames - ingest->filled)
    return fail(why, STATUS_BAD_DATA, "%s: damaged: holds more audio than the %d frames its "
                "header claims", ingest->path, audio->n_frames);
  for (int32_t i = 0; i < n_samples; i++) {
    ingest->floats[i] = flush_tiny(ingest->floats[i]);
    bad |= !(abs_bits(ingest->floats[i]) <= max_sample); /* true of NaN, too */
  }
  if (bad)
    return fail_sample(ingest, why);
  reorder(ingest, n);
  enum status status = make_room(ingest, (int64_t)ingest->filled + n, why);
  if (status != STATUS_OK)
    return status;
  hash_update(&ingest->hash, ingest->floats, (size_t)n_samples * sizeof(float));
  for (int c = 0; c < audio->channels; c++)
    for (int32_t i = 0; i < n; i++)
      audio->pcm[c][ingest->filled + i] = ingest->floats[i * audio->channels + c];
  ingest->filled += n;
  return STATUS_OK;
}

enum status ingest_ints(struct ingest *ingest, int32_t n, struct failure *why) {
  for (int32_t i = 0; i < n * ingest->audio->channels; i++)
    ingest->floats[i] = (float)ingest->ints[i] * 0x1p-31f; /* the conversion rounds, once */
  return ingest_floats(ingest, n, why);
}

static void hash_scene(void *hash, const void *bytes, size_t n) { hash_update(hash, bytes, n); }

enum status ingest_end(struct ingest *ingest, struct failure *why) {
  struct audio *audio = ingest->audio;
  if (ingest->filled != audio->n_frames)
    return fail(why, STATUS_BAD_DATA,
                "%s: cut off or damaged: its header claims %d frames, %d could be read",
                ingest->path, audio->n_frames, ingest->filled);
  if (audio->scene)
    scene_bytes(audio->scene, hash_scene, &ingest->hash);
  if (hash_final(&ingest->hash, audio->sha256) != 0)
    return fail(why, STATUS_INTERNAL, "%s: the SHA-256 library failed", ingest->path);
  return STATUS_OK;
}

void ingest_drop(struct ingest *ingest) { hash_drop(&ingest->hash); }

/* ---- audio of several files ---- */

static void take_bytes(void *hash, const void *bytes, size_t n) { hash_update(hash, bytes, n); }

int audio_identify(struct audio *audio) {
  enum { AT_ONCE = 64 };
  float block[AT_ONCE * MAX_CHANNELS];
  struct hash hash;
  begin_hash(&hash, audio);
  for (int32_t at = 0, n; at < audio->n_frames; at += n) {
    n = min_int(AT_ONCE, audio->n_frames - at);
    for (int32_t i = 0; i < n; i++)
      for (int c = 0; c < audio->channels; c++)
        block[i * audio->channels + c] = audio->pcm[c][at + i];
    hash_update(&hash, block, (size_t)n * (size_t)audio->channels * sizeof *block);
  }
  if (audio->scene) scene_bytes(audio->scene, take_bytes, &hash);
  return hash_final(&hash, audio->sha256);
}
