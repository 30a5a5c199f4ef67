/* SPDX-License-Identifier: MIT
 * What must hold between tracks: names of deliverables, and numbers. */
#include <stdlib.h>
#include <string.h>

#include "manifest_parts.h"
#include "memory.h"
#include "output_name.h"

char *manifest_track_place(const struct track *t) {
  if (t->item) return memory_print("%s:%d: tracks[%d].", t->file, t->line, t->item);
  return memory_print("%s:%d: ", t->file, t->line);
}

/* Tells a problem of a track, "tracks[2]: message". */
static void tell(struct problems *problems, const struct track *t, const char *message) {
  const int before = problems_enter(problems, t->file);
  char item[32] = "";
  if (t->item) snprintf(item, sizeof item, "tracks[%d]: ", t->item);
  problems_add(problems, t->line, "%s%s", item, message);
  problems_leave(problems, before);
}

/* Where a track stands, as told in the line of another. Caller frees. */
static char *place_beside(const struct track *t, const struct track *other) {
  if (t->file == other->file && t->line == other->line)
    return memory_print("%s", name_quote(t->source_text, strlen(t->source_text)).text);
  if (t->file != other->file) return memory_print("%s, line %d", t->file, t->line);
  return t->item ? memory_print("tracks[%d] in line %d", t->item, t->line)
                 : memory_print("line %d", t->line);
}

/* ---- names ---- */

/* A deliverable by the hash of its name: 400,000 names at once would be too many. */
struct deliverable {
  uint64_t hash;
  int track, variant;
  char *name, *folded; /* NULL until another has the hash */
};

static uint64_t hash_of(const char *text) { /* FNV-1a */
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (; *text; text++) hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
  return hash;
}

static int by_track(const struct deliverable *x, const struct deliverable *y) {
  if (x->track != y->track) return x->track < y->track ? -1 : 1;
  return (x->variant > y->variant) - (x->variant < y->variant);
}

static int by_hash(const void *a, const void *b) {
  const struct deliverable *x = a, *y = b;
  return x->hash != y->hash ? (x->hash < y->hash ? -1 : 1) : by_track(x, y);
}

static int by_name(const void *a, const void *b) {
  const struct deliverable *x = a, *y = b;
  const int order = strcmp(x->folded, y->folded);
  return order ? order : by_track(x, y);
}

static void tell_same_name(const struct manifest *manifest, const struct deliverable *first,
                           const struct deliverable *second, struct problems *problems) {
  const struct track *track = &manifest->tracks[second->track];
  const char *variant = manifest->variants[track->variants[second->variant]].name;
  const struct track *other = &manifest->tracks[first->track];
  const struct name_text name = name_quote(second->name, strlen(second->name));
  char *message;
  if (track == other) {
    message = memory_print("variants \"%s\" and \"%s\" would both be %s (accepted: one name "
                           "each, use {variant} in \"output\")",
                           manifest->variants[track->variants[first->variant]].name, variant,
                           name.text);
  } else {
    char *place = place_beside(other, track);
    message = memory_print("variant \"%s\" would be %s, as would %s (accepted: one name each, "
                           "see \"output\")", variant, name.text, place);
    free(place);
  }
  tell(problems, track, message);
  free(message);
}

static char *name_of(const struct manifest *m, const struct deliverable *d) {
  const struct track *track = &m->tracks[d->track];
  return manifest_output_name(m, track, &m->variants[track->variants[d->variant]]);
}

/* Moves those whose hash another has to the front; returns how many. */
static size_t keep_equal_hashes(struct deliverable *all, size_t n) {
  size_t kept = 0;
  for (size_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && all[end].hash == all[i].hash; end++) {
    }
    for (size_t k = i; k < end && end - i > 1; k++) all[kept++] = all[k];
  }
  return kept;
}

static void tell_equal_names(const struct manifest *m, struct deliverable *all, size_t n,
                             struct problems *problems) {
  for (size_t i = 0; i < n; i++) {
    all[i].name = name_of(m, &all[i]);
    all[i].folded = output_name_fold(all[i].name);
  }
  if (n) qsort(all, n, sizeof *all, by_name);
  for (size_t i = 1, first = 0; i < n; i++) {
    if (strcmp(all[first].folded, all[i].folded)) first = i;
    else tell_same_name(m, &all[first], &all[i], problems);
  }
  for (size_t i = 0; i < n; i++) free(all[i].name), free(all[i].folded);
}

void manifest_check_names(const struct draft *draft, struct problems *problems) {
  const struct manifest *m = draft->manifest;
  size_t n = 0, room = 0;
  for (int i = 0; i < m->n_tracks; i++) room += (size_t)m->tracks[i].n_variants;
  struct deliverable *all = memory_new(room, sizeof *all);
  for (int i = 0; i < m->n_tracks; i++)
    for (int v = 0; draft->sound[i] && v < m->tracks[i].n_variants; v++) {
      struct deliverable *d = &all[n++];
      *d = (struct deliverable){.track = i, .variant = v};
      char *name = name_of(m, d), *folded = output_name_fold(name);
      d->hash = hash_of(folded);
      free(folded);
      free(name);
    }
  if (n) qsort(all, n, sizeof *all, by_hash);
  tell_equal_names(m, all, keep_equal_hashes(all, n), problems);
  free(all);
}

/* ---- numbers ---- */

struct place { /* of a track in an album */
  int disc, number, variant, track;
};

static int by_place(const void *a, const void *b) {
  const struct place *x = a, *y = b;
  if (x->disc != y->disc) return x->disc < y->disc ? -1 : 1;
  if (x->number != y->number) return x->number < y->number ? -1 : 1;
  if (x->variant != y->variant) return x->variant < y->variant ? -1 : 1;
  return (x->track > y->track) - (x->track < y->track);
}

static void tell_same_number(const struct manifest *m, const struct place *first,
                             const struct place *second, struct problems *problems) {
  const struct track *track = &m->tracks[second->track];
  char disc[32] = "";
  if (second->disc) snprintf(disc, sizeof disc, " of disc %d", second->disc);
  char *place = place_beside(&m->tracks[first->track], track);
  char *message = memory_print("number %d%s stands twice in variant \"%s\", as in %s (accepted: "
                               "once in an album, which a catalogue with a title is)",
                               second->number, disc, m->variants[second->variant].name, place);
  tell(problems, track, message);
  free(message);
  free(place);
}

/* Only numbers that are given: each is the track's place on an album. */
static void check_numbers(const struct draft *draft, struct problems *problems) {
  const struct manifest *m = draft->manifest;
  size_t n = 0, room = 0;
  for (int i = 0; i < m->n_tracks; i++) room += (size_t)m->tracks[i].n_variants;
  struct place *all = memory_new(room, sizeof *all);
  for (int i = 0; i < m->n_tracks; i++)
    for (int v = 0; draft->sound[i] && m->tracks[i].number && v < m->tracks[i].n_variants; v++)
      all[n++] = (struct place){m->tracks[i].disc, m->tracks[i].number, m->tracks[i].variants[v],
                                i};
  if (n) qsort(all, n, sizeof *all, by_place);
  bool *told = memory_new((size_t)m->n_tracks, sizeof *told); /* in one variant is enough */
  for (size_t i = 1; i < n; i++) {
    const struct place *x = &all[i - 1], *y = &all[i];
    if (x->disc != y->disc || x->number != y->number || x->variant != y->variant) continue;
    if (!told[y->track]) tell_same_number(m, x, y, problems);
    told[y->track] = true;
  }
  free(told);
  free(all);
}

void manifest_number_tracks(const struct draft *draft, struct problems *problems) {
  const struct manifest *m = draft->manifest;
  if (m->catalogue.title) check_numbers(draft, problems);
  int *on_disc = memory_new(MANIFEST_DISCS + 1, sizeof *on_disc);
  for (int i = 0; i < m->n_tracks; i++) {
    const int position = ++on_disc[m->tracks[i].disc];
    if (!m->tracks[i].number) m->tracks[i].number = position;
  }
  free(on_disc);
}
