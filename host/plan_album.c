/* SPDX-License-Identifier: MIT
 * See plan.h: the albums of a plan, their members and what identifies them. */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "plan.h"

void plan_albums_create(struct plan *plan) {
  const struct manifest *m = plan->manifest;
  plan->albums = memory_new((size_t)m->n_variants + 1, sizeof *plan->albums);
  const size_t n = (size_t)m->n_tracks;
  for (int i = 0; i < plan->n_units; i++) {
    const int variant = plan->units[i].variant;
    struct plan_album *album = &plan->albums[variant];
    if (m->variants[variant].loudness.mode != LOUDNESS_ALBUM || album->n_tracks) continue;
    album->tracks = memory_new(n, sizeof *album->tracks);
    album->keys = memory_new(n, sizeof *album->keys);
    album->order = memory_new(n, sizeof *album->order);
    for (int t = 0; t < m->n_tracks; t++)
      for (int v = 0; v < m->tracks[t].n_variants; v++)
        if (m->tracks[t].variants[v] == variant) album->tracks[album->n_tracks++] = t;
  }
}

void plan_albums_free(struct plan *plan) {
  for (int v = 0; plan->albums && v < plan->manifest->n_variants; v++) {
    free(plan->albums[v].tracks);
    free(plan->albums[v].keys);
    free(plan->albums[v].order);
    for (int i = 0; plan->albums[v].delivered && i < plan->albums[v].n_tracks; i++)
      free((float *)plan->albums[v].delivered[i].hops);
    free(plan->albums[v].delivered);
  }
  free(plan->albums);
}

struct plan_album *plan_album_of(const struct plan *plan, const struct unit *unit) {
  struct plan_album *album = &plan->albums[unit->variant];
  return album->n_tracks ? album : NULL;
}

int plan_album_member(const struct plan_album *album, int track) {
  int low = 0, high = album->n_tracks;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (album->tracks[middle] < track) low = middle + 1;
    else high = middle;
  }
  return low < album->n_tracks && album->tracks[low] == track ? low : -1;
}

int plan_album_units(const struct plan *plan, int track, struct unit **units) {
  const struct manifest *m = plan->manifest;
  int n = 0;
  *units = memory_new((size_t)m->n_variants + 1, sizeof **units);
  for (int v = 0; v < m->n_variants; v++)
    if (plan_album_member(&plan->albums[v], track) >= 0)
      (*units)[n++] = (struct unit){.track = track, .variant = v, .name = m->variants[v].name};
  return n;
}

void plan_album_note(const struct plan *plan, const struct track_plan *track) {
  for (int i = 0; i < track->n_units; i++) {
    const struct unit_plan *u = &track->units[i];
    struct plan_album *album = plan_album_of(plan, u->unit);
    if (album)
      memcpy(album->keys[plan_album_member(album, u->unit->track)], u->own_key,
             sizeof u->own_key);
  }
}

struct member {
  const char *key;
  int place;
};

static int by_key(const void *a, const void *b) {
  const struct member *x = a, *y = b;
  const int order = strcmp(x->key, y->key);
  return order ? order : x->place - y->place;
}

void plan_album_digests(const struct plan *plan) {
  for (int v = 0; v < plan->manifest->n_variants; v++) {
    struct plan_album *album = &plan->albums[v];
    struct member *members = memory_new((size_t)album->n_tracks + 1, sizeof *members);
    struct hash hash;
    bool known = album->n_tracks > 0;
    for (int i = 0; i < album->n_tracks; i++) {
      members[i] = (struct member){album->keys[i], i};
      known = known && *album->keys[i];
    }
    qsort(members, (size_t)album->n_tracks, sizeof *members, by_key);
    hash_init(&hash);
    for (int i = 0; i < album->n_tracks; i++) {
      album->order[i] = members[i].place;
      hash_update(&hash, members[i].key, strlen(members[i].key));
    }
    if (hash_final(&hash, album->digest) || !known) *album->digest = 0;
    free(members);
  }
}
