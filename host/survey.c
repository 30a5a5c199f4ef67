/* SPDX-License-Identifier: MIT
 * See survey.h. */
#include "survey.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "track_source.h"

enum { READERS = 8, AT_ONCE = 64 }; /* a network's file system answers many at a time */

struct survey {
  const struct manifest *manifest;
  struct surveyed *sources;
  atomic_int next;
};

static void read_headers(const struct track *track, struct surveyed *out) {
  struct failure why = {0};
  struct audio audio;
  int64_t extra_bytes;
  *out = (struct surveyed){.n_stems = track->stems ? track->stems->n : 0};
  if (out->n_stems) out->stems = memory_new((size_t)out->n_stems, sizeof *out->stems);
  enum status status = out->n_stems ? stems_stat(track, &out->file, out->stems, &why)
                                    : source_file_stat(track->source, "", &out->file, &why);
  if (!status) status = track_source_headers(track, &audio, &extra_bytes, &why);
  if (status) {
    free(out->stems);
    *out = (struct surveyed){.error = memory_text(why.text, strlen(why.text)),
                             .status = (int)status};
    return;
  }
  out->rate_hz = audio.rate_hz;
  out->channels = audio.channels;
  out->n_frames = audio.n_frames;
}

static void *reader(void *context) {
  struct survey *s = context;
  const int n = s->manifest->n_tracks;
  for (int first; (first = atomic_fetch_add(&s->next, AT_ONCE)) < n;)
    for (int t = first; t < n && t < first + AT_ONCE; t++)
      read_headers(&s->manifest->tracks[t], &s->sources[t]);
  return NULL;
}

struct surveyed *survey_sources(const struct manifest *m) {
  struct survey s = {.manifest = m,
                     .sources = memory_new((size_t)m->n_tracks, sizeof(struct surveyed))};
  pthread_t threads[READERS];
  int started = 0;
  while (started < READERS && started * AT_ONCE < m->n_tracks &&
         !pthread_create(&threads[started], NULL, reader, &s))
    started++;
  reader(&s);
  for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
  return s.sources;
}

void survey_free(struct surveyed *sources, int n_tracks) {
  for (int i = 0; sources && i < n_tracks; i++) free(sources[i].error), free(sources[i].stems);
  free(sources);
}

int64_t survey_weight(const struct surveyed *source, const struct track *track) {
  if (source->error || !source->rate_hz) return 0;
  return (int64_t)source->n_frames * 1000000 / source->rate_hz * track->n_variants;
}
