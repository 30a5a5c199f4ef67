/* SPDX-License-Identifier: MIT
 * See plan.h: which units a plan has. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "plan.h"
#include "source_set.h"
#include "texts.h"

struct selection {
  const struct plan_part *part;
  int number;       /* 0: every track */
  const char *variant; /* NULL: every variant */
  bool any;            /* something fitted, of this shard or another */
};

static enum status read_only(const char *only, struct selection *out, struct failure *why) {
  if (!only) return STATUS_OK;
  char *end;
  const long number = strtol(only, &end, 10);
  if (*end == ':') out->variant = end + 1;
  if (end == only || number < 1 || number > INT_MAX || (*end && *end != ':'))
    return fail(why, STATUS_USAGE, "--only %s: expected NUMBER or NUMBER:VARIANT", only);
  out->number = (int)number;
  return STATUS_OK;
}

static bool selected(struct selection *s, const struct manifest *m, int track, int variant) {
  if (s->number && m->tracks[track].number != s->number) return false;
  if (s->variant && strcmp(s->variant, m->variants[variant].name)) return false;
  s->any = true;
  return !s->part->tracks || s->part->tracks[track];
}

/* "FOLDER/NAME" and "FOLDER/NAME.receipt.json", in one piece. */
static void add_unit(struct plan *plan, int track, int variant) {
  static const char ending[] = ".receipt.json";
  const struct manifest *m = plan->manifest;
  struct unit *u = &plan->units[plan->n_units++];
  char *name = manifest_output_name(m, &m->tracks[track], &m->variants[variant]);
  const size_t folder = strlen(plan->folder) + 1, length = folder + strlen(name);
  *u = (struct unit){.track = track, .variant = variant};
  u->path = texts_room(plan->texts, 2 * length + sizeof ending + 1);
  u->name = u->path + folder;
  u->receipt_path = u->path + length + 1;
  sprintf(u->path, "%s/%s", plan->folder, name);
  sprintf(u->receipt_path, "%s%s", u->path, ending);
  free(name);
}

static void add_units(struct plan *plan, struct selection *selection) {
  const struct manifest *m = plan->manifest;
  size_t room = 0;
  for (int t = 0; t < m->n_tracks; t++) {
    plan->first_unit[t] = plan->n_units;
    for (int v = 0; v < m->tracks[t].n_variants; v++) {
      if (!selected(selection, m, t, m->tracks[t].variants[v])) continue;
      if ((size_t)plan->n_units == room)
        plan->units = memory_grow(plan->units, room = room ? 2 * room : 16, sizeof *plan->units);
      add_unit(plan, t, m->tracks[t].variants[v]);
    }
  }
  plan->first_unit[m->n_tracks] = plan->n_units;
}

enum status plan_create_part(const struct manifest *manifest, const char *folder,
                             const struct plan_part *part, struct plan **out,
                             struct failure *why) {
  struct selection selection = {.part = part};
  enum status status = read_only(part->only, &selection, why);
  if (status) return status;
  struct plan *plan = memory_new(1, sizeof *plan);
  plan->manifest = manifest;
  plan->designs = designs_create();
  plan->references = references_create();
  plan->sources = source_set_create(manifest);
  plan->texts = texts_create();
  plan->folder = memory_text(folder, strlen(folder));
  plan->shard = part->shard;
  plan->n_shards = part->n_shards;
  plan->first_unit = memory_new((size_t)manifest->n_tracks + 1, sizeof *plan->first_unit);
  add_units(plan, &selection);
  plan_settings_create(plan);
  plan_albums_create(plan);
  *out = plan;
  if (!selection.any && part->only)
    status = fail(why, STATUS_USAGE, "--only %s: no such track or variant in %s", part->only,
                  manifest->path);
  for (int t = 0; t < manifest->n_tracks && !status; t++)
    if (plan->first_unit[t] < plan->first_unit[t + 1])
      status = references_present(manifest, &manifest->tracks[t], why);
  if (!status) status = plan_hrtfs_create(plan, why);
  if (status) plan_destroy(out);
  return status;
}

enum status plan_create(const struct manifest *manifest, const char *folder, const char *only,
                        struct plan **out, struct failure *why) {
  return plan_create_part(manifest, folder, &(struct plan_part){.only = only}, out, why);
}

void plan_destroy(struct plan **plan) {
  if (!*plan) return;
  plan_settings_free(*plan);
  texts_destroy(&(*plan)->texts);
  source_set_destroy(&(*plan)->sources);
  plan_albums_free(*plan);
  plan_hrtfs_free(*plan);
  designs_destroy(&(*plan)->designs);
  references_destroy(&(*plan)->references);
  free((*plan)->units);
  free((*plan)->first_unit);
  free((*plan)->folder);
  free(*plan);
  *plan = NULL;
}

void plan_keep(struct plan *plan, const bool *keep) {
  int left = 0;
  for (int t = 0; t < plan->manifest->n_tracks; t++) {
    const int first = plan->first_unit[t];
    plan->first_unit[t] = left;
    for (int i = first; i < plan->first_unit[t + 1]; i++)
      if (keep[i]) plan->units[left++] = plan->units[i];
  }
  plan->first_unit[plan->manifest->n_tracks] = plan->n_units = left;
}
