/* SPDX-License-Identifier: MIT
 * See verify.h. */
#include "verify.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "adm_file.h"
#include "file_tree.h"
#include "memory.h"
#include "parallel.h"
#include "shaders.h"
#include "sndfile_write.h"

struct verification {
  const char *folder;
  const struct verify_options *options;
  const struct device *device; /* NULL: quick */
  int n, n_rendered;
  struct verify_unit *units;
  int status; /* why there is nothing to render from */
};

/* The first problem decides the state; the words are joined. */
__attribute__((format(printf, 3, 4)))
static void note(struct verify_unit *u, enum verify_state state, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  char *all = memory_print("%s%s%s", u->problem ? u->problem : "", u->problem ? "; " : "", text);
  if (!u->problem) u->state = state;
  free(u->problem);
  u->problem = all;
}

/* ---- the files ---- */

/* Other bytes: are at least the samples those of the receipt? */
static void check_samples(struct verify_unit *u, const char *path, bool same_bytes) {
  char sha256[HASH_TEXT_SIZE];
  struct failure why = {0};
  const enum status unread = adm_file_is(path) ? adm_file_pcm_hash(path, sha256, &why)
                                               : sndfile_pcm_hash(path, sha256, &why);
  if (unread) note(u, VERIFY_DAMAGED, "%s", why.text);
  else if (strcmp(sha256, u->pcm_sha256))
    note(u, VERIFY_DAMAGED, "the file holds other samples than its receipt says");
  else if (!same_bytes)
    note(u, VERIFY_RETAGGED, "the file holds other bytes than its receipt says, but the same "
         "samples");
}

static void check_file(struct verify_unit *u, const struct receipt *r) {
  char *path = memory_text(u->receipt, strlen(u->receipt) - strlen(RECEIPT_ENDING));
  char sha256[HASH_TEXT_SIZE];
  int64_t bytes;
  struct failure why = {0};
  if (hash_file(path, sha256, &bytes, &why)) note(u, VERIFY_MISSING, "%s", why.text);
  else check_samples(u, path, bytes == r->file_bytes && !strcmp(sha256, r->file_sha256));
  free(path);
}

static void check_unit(void *context, int item) {
  const struct verification *v = context;
  struct verify_unit *u = &v->units[item];
  struct receipt r;
  if (!receipt_read_all(u->receipt, &r, &u->origin)) {
    note(u, VERIFY_BAD_RECEIPT, "the receipt cannot be read");
  } else if (!receipt_is_finished(&r)) {
    note(u, VERIFY_BAD_RECEIPT, "the render was interrupted");
  } else {
    memcpy(u->key, r.key, sizeof u->key);
    memcpy(u->source_sha256, r.source.audio_sha256, sizeof u->source_sha256);
    memcpy(u->hrtf_sha256, r.hrtf_sha256, sizeof u->hrtf_sha256);
    memcpy(u->pcm_sha256, r.pcm_sha256, sizeof u->pcm_sha256);
    u->other_engine = strcmp(u->origin.engine_sha256, lacquer_engine_hash);
    check_file(u, &r);
  }
  if (u->state == VERIFY_BAD_RECEIPT) receipt_origin_free(&u->origin); /* of no use */
}

/* ---- rendering again ---- */

struct group { /* units of one manifest, ascending by their files */
  struct verification *v;
  const struct plan *plan;
  int n;
  struct verify_unit *units;
};

static const char *file_of(const struct verify_unit *u) {
  return u->origin.file ? u->origin.file : "";
}
static const char *manifest_of(const struct verify_unit *u) {
  return u->origin.manifest ? u->origin.manifest : "";
}
static int by_manifest(const void *a, const void *b) {
  const int order = strcmp(manifest_of(a), manifest_of(b));
  return order ? order : strcmp(file_of(a), file_of(b));
}

/* The first unit that is this file; NULL: none. */
static struct verify_unit *find(const struct group *g, const char *file) {
  int low = 0, high = g->n;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (strcmp(file_of(&g->units[middle]), file) < 0) low = middle + 1;
    else high = middle;
  }
  return low < g->n && !strcmp(file_of(&g->units[low]), file) ? &g->units[low] : NULL;
}

/* Why the samples are others; `stems`: which are, NULL: none is. What is made of stems is another
 * source also when only their settings are others. */
static const char *cause(const struct verify_unit *u, const struct receipt *now,
                         const char *settings, const char *stems) {
  const bool source =
      u->origin.stems ? stems != NULL : strcmp(u->source_sha256, now->source.audio_sha256) != 0;
  const bool set = strcmp(u->origin.settings, settings);
  if (!strcmp(u->key, now->key))
    return "everything that decides them is the same: this machine or the one that rendered it "
           "computes wrong";
  if (strcmp(u->hrtf_sha256, now->hrtf_sha256) && !source && !set)
    return u->other_engine ? "impulse responses and engine changed"
                           : "the impulse responses changed";
  if (u->other_engine && !source && !set) return "only the engine changed";
  if (source && set) return u->other_engine ? "source, settings and engine changed"
                                            : "source and settings changed";
  if (source) return u->other_engine ? "source and engine changed" : "the source changed";
  if (set) return u->other_engine ? "settings and engine changed" : "the settings changed";
  return "references, or other tracks of the album, changed";
}

static void judge(const struct group *g, int unit, struct verify_unit *u,
                  const struct unit_result *result) {
  if (result->state != UNIT_DELIVERED) {
    note(u, VERIFY_FAILED, "%s", result->state == UNIT_FAILED ? result->failure.text
                                                              : "not reached");
  } else if (strcmp(result->receipt.pcm_sha256, u->pcm_sha256)) {
    const struct track *track = &g->plan->manifest->tracks[g->plan->units[unit].track];
    char *settings = receipt_settings(g->plan->manifest, &g->plan->units[unit]);
    char *stems = track->stems ? stems_changed(track->stems, u->origin.stems) : NULL;
    note(u, VERIFY_DIFFERS, "renders to other samples (%.12s, receipt %.12s): %s%s%s",
         result->receipt.pcm_sha256, u->pcm_sha256, cause(u, &result->receipt, settings, stems),
         stems ? ": " : "", stems ? stems : "");
    free(settings);
    free(stems);
  }
}

static void on_unit(void *context, int unit, const struct unit_result *result) {
  const struct group *g = context;
  const char *file = g->plan->units[unit].name;
  struct verify_unit *u = find(g, file);
  g->v->n_rendered++;
  for (; u < g->units + g->n && !strcmp(file_of(u), file); u++) judge(g, unit, u, result);
  if (*result->receipt.note) fprintf(stderr, "lacquer: %s: %s\n", file, result->receipt.note);
  if (!g->v->options->quiet)
    fprintf(stderr, "[%d/%d] %s: %s\n", g->v->n_rendered, g->v->n, file,
            verify_state_name(find(g, file)->state, false));
}

static void fail_group(const struct group *g, enum verify_state state, int status,
                       const char *text) {
  for (int i = 0; i < g->n; i++) note(&g->units[i], state, "%s", text);
  g->v->status = status;
}

static void render_units(struct group *g, struct plan *plan) {
  bool *keep = memory_new((size_t)plan->n_units + 1, sizeof *keep);
  bool *known = memory_new((size_t)g->n + 1, sizeof *known);
  for (int i = 0; i < plan->n_units; i++) {
    struct verify_unit *u = find(g, plan->units[i].name);
    keep[i] = u != NULL;
    for (; u && u < g->units + g->n && !strcmp(file_of(u), plan->units[i].name); u++)
      known[u - g->units] = true;
  }
  for (int i = 0; i < g->n; i++)
    if (!known[i])
      note(&g->units[i], VERIFY_UNKNOWN, "%s has no such unit", plan->manifest->path);
  plan_keep(plan, keep);
  struct render_options options = g->v->options->render;
  const struct render_watch watch = {.finished = on_unit, .context = g};
  struct unit_result *results = memory_new((size_t)plan->n_units + 1, sizeof *results);
  options.force = options.rehearse = true;
  if (options.tier == VERIFY_GOLDEN) options.tier = VERIFY_OFF; /* that is what follows */
  if (plan->n_units) render_plan(plan, g->v->device, &options, results, &watch);
  free(results);
  free(known);
  free(keep);
}

static void render_group(struct group *g, const char *path) {
  struct manifest *manifest;
  struct plan *plan;
  struct failure why = {0};
  if (!*path) {
    fail_group(g, VERIFY_NO_MANIFEST, STATUS_NO_INPUT,
               "the receipt does not name its manifest (--manifest FILE does)");
    return;
  }
  int status = manifest_read(path, stderr, &manifest);
  if (status) {
    fail(&why, (enum status)status, "the manifest %s cannot be read (--manifest FILE names "
         "another)", path);
    fail_group(g, VERIFY_NO_MANIFEST, status, why.text);
    return;
  }
  if (plan_create(manifest, g->v->folder, NULL, &plan, &why)) {
    fail_group(g, VERIFY_NO_MANIFEST, (int)why.status, why.text);
  } else {
    g->plan = plan;
    render_units(g, plan);
    plan_destroy(&plan);
  }
  manifest_destroy(&manifest);
}

static void render_all(struct verification *v) {
  const char *manifest = v->options->manifest;
  for (int i = 0; i < v->n; i++) {
    struct verify_unit *u = &v->units[i];
    if (!manifest || !u->origin.file) continue;
    free(u->origin.manifest);
    u->origin.manifest = memory_text(manifest, strlen(manifest));
  }
  qsort(v->units, (size_t)v->n, sizeof *v->units, by_manifest);
  for (int first = 0, end; first < v->n; first = end) {
    const char *path = manifest_of(&v->units[first]);
    for (end = first + 1; end < v->n && !strcmp(manifest_of(&v->units[end]), path);) end++;
    struct group g = {.v = v, .n = end - first, .units = &v->units[first]};
    while (g.n && !g.units->origin.file) g.units++, g.n--; /* no sound receipts */
    if (g.n) render_group(&g, path);
  }
}

/* ---- the whole ---- */

static bool is_receipt(const char *name) { return name_ends_in(name, RECEIPT_ENDING); }

static int exit_status(const struct verification *v) {
  int status = STATUS_OK;
  for (int i = 0; i < v->n; i++) {
    if (v->units[i].state == VERIFY_EQUAL) continue;
    if (v->units[i].state != VERIFY_NO_MANIFEST) return STATUS_UNIT_FAILED;
    status = v->status;
  }
  return status;
}

static int run(struct verification *v, const struct file_tree *tree, FILE *out) {
  struct failure why = {0};
  v->n = tree->n;
  v->units = memory_new((size_t)v->n, sizeof *v->units);
  for (int i = 0; i < v->n; i++)
    v->units[i].receipt = memory_print("%s/%s", v->folder, tree->names[i]);
  parallel_run(v->options->render.jobs, v->n, check_unit, v);
  if (v->device) render_all(v);
  verify_print(v->units, v->n, v->options, out);
  int status = exit_status(v);
  if (v->options->junit && verify_write_junit(v->units, v->n, v->options->junit, &why)) {
    fprintf(stderr, "lacquer: %s\n", why.text);
    status = (int)why.status;
  }
  for (int i = 0; i < v->n; i++) {
    free(v->units[i].receipt);
    free(v->units[i].problem);
    receipt_origin_free(&v->units[i].origin);
  }
  free(v->units);
  return status;
}

int verify_run(const char *folder, const struct verify_options *options, FILE *out) {
  struct verification v = {.folder = folder, .options = options};
  struct failure why = {0};
  struct file_tree tree;
  struct device device;
  if (!file_tree_list(folder, is_receipt, &tree, &why) && !tree.n)
    fail(&why, STATUS_NO_INPUT, "%s: no receipts in it", folder);
  if (!why.status && !options->quick && !device_open(options->device, &device, &why)) {
    v.device = &device;
    if (*device.note && !options->quiet) fprintf(stderr, "lacquer: %s\n", device.note);
  }
  if (why.status) fprintf(stderr, "lacquer: %s\n", why.text);
  const int status = why.status ? (int)why.status : run(&v, &tree, out);
  if (v.device) device_close(&device);
  file_tree_free(&tree);
  return status;
}
