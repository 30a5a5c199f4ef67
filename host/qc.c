/* SPDX-License-Identifier: MIT
 * See qc.h. */
#define _XOPEN_SOURCE 700 /* open_memstream */
#include "qc.h"

#include <stdlib.h>
#include <string.h>

#include "file_tree.h"
#include "junit.h"
#include "memory.h"
#include "parallel.h"

/* ---- the list ---- */

struct qc_file *qc_list_add(struct qc_list *list, const char *path) {
  if (!(list->n & (list->n - 1))) /* 0, 1, 2, 4, ... are full */
    list->files = memory_grow(list->files, list->n ? 2 * (size_t)list->n : 1,
                              sizeof *list->files);
  struct qc_file *f = &list->files[list->n++];
  *f = (struct qc_file){.path = memory_text(path, strlen(path))};
  return f;
}

struct qc_companion *qc_add_companion(struct qc_file *f, const char *path) {
  f->companions = memory_grow(f->companions, (size_t)f->n_companions + 1, sizeof *f->companions);
  struct qc_companion *c = &f->companions[f->n_companions++];
  *c = (struct qc_companion){.path = memory_text(path, strlen(path))};
  return c;
}

static void free_list(struct qc_list *list) {
  for (int i = 0; i < list->n; i++) {
    struct qc_file *f = &list->files[i];
    for (int k = 0; k < f->n_companions; k++) {
      free(f->companions[k].path);
      free(f->companions[k].error);
    }
    free(f->companions);
    qc_results_free(f);
    free(f->error);
    free(f->path);
  }
  free(list->files);
}

/* ---- one file ---- */

struct work {
  struct qc_list list;
  const struct qc_options *options;
  double *limits;
  const struct layout *stated; /* or NULL */
  char **texts; /* by file; owned */
};

static enum status measure_companion(struct qc_file *f, struct qc_companion *c,
                                     const struct qc_settings *settings, struct failure *why) {
  struct qc_source source;
  struct qc_scene scene = {0};
  struct qc_measured measured = {0};
  enum status status = qc_source_open(c->path, NULL, &source, why);
  if (status) return status;
  if (source.adm || source.channels > 2)
    status = fail(why, STATUS_BAD_DATA, "%s: %d channels (a stereo companion has 1 or 2)", c->path,
                  source.channels);
  qc_scene_open(&source, &scene);
  if (!status) status = qc_measure(&source, &scene, settings, &measured, why);
  if (!status) {
    c->rate_hz = source.rate_hz;
    c->bits = source.bits;
    c->channels = source.channels;
    c->n_frames = source.n_frames;
    memcpy(c->format, source.format, sizeof c->format);
    c->first_sound = measured.first_sound;
    c->end_sound = measured.end_sound;
    c->loudness = measured.native;
    status = qc_sync_measure(&f->source, &f->scene, &f->measured, &source, &c->sync, why);
  }
  qc_measured_free(&measured);
  qc_scene_close(&scene);
  qc_source_close(&source);
  return status;
}

static enum status measure_file(struct qc_file *f, const struct layout *stated,
                                const struct qc_settings *settings, struct failure *why) {
  enum status status = qc_source_open(f->path, stated, &f->source, why);
  if (status) return status;
  qc_scene_open(&f->source, &f->scene);
  status = qc_measure(&f->source, &f->scene, settings, &f->measured, why);
  for (int i = 0; i < f->n_companions && !status; i++) {
    struct qc_companion *c = &f->companions[i];
    struct failure reason = {0};
    c->status = measure_companion(f, c, settings, &reason);
    if (c->status) c->error = memory_text(reason.text, strlen(reason.text));
  }
  return status;
}

/* Its text is made here: what was measured is not kept. */
static void examine(void *context, int item) {
  struct work *w = context;
  struct qc_file *f = &w->list.files[item];
  const struct qc_settings settings = qc_settings_of(w->limits);
  struct failure why = {0};
  size_t size = 0;
  f->status = measure_file(f, w->stated, &settings, &why);
  if (f->status) f->error = memory_text(why.text, strlen(why.text));
  else qc_judge(f, w->limits);
  FILE *out = f->status ? NULL : open_memstream(&w->texts[item], &size);
  if (out && w->options->json) qc_print_json(f, out);
  else if (out) qc_print(f, w->options->quiet, out);
  if (out) fclose(out);
  qc_measured_free(&f->measured);
  qc_scene_close(&f->scene);
  qc_source_close(&f->source);
}

/* ---- all files ---- */

static enum status make_list(char *const *paths, int n_paths, struct work *w,
                             struct failure *why) {
  const struct qc_options *o = w->options;
  enum status status = STATUS_OK;
  for (int i = 0; i < o->n_limits && !status; i++)
    status = qc_limit_set(w->limits, o->limits[i], why);
  if (status) return status;
  w->stated = o->layout ? layout_find(o->layout) : NULL;
  if (o->layout && !w->stated)
    return fail(why, STATUS_USAGE, "--layout %s: expected 1.0, 2.0, 5.1, 7.1, 5.1.4, 7.1.2 or "
                "7.1.4", o->layout);
  if (o->n_companions && (n_paths != 1 || file_is_folder(paths[0])))
    return fail(why, STATUS_USAGE, "--companion is of one file (accepted: one FILE; a folder's "
                "companions are found by its receipts)");
  for (int i = 0; i < n_paths && !status; i++) {
    if (file_is_folder(paths[i])) status = qc_list_folder(paths[i], &w->list, why);
    else qc_list_add(&w->list, paths[i]);
  }
  for (int i = 0; i < o->n_companions && !status; i++)
    qc_add_companion(&w->list.files[0], o->companions[i]);
  return status;
}

static char *failure_text(const struct qc_file *f, int rule) {
  const struct qc_result *r = &f->results[rule];
  char *text = memory_print("%s", qc_rules[rule].help);
  for (int i = 0; i < QC_MOST_TEXTS && r->texts[i]; i++) {
    char *more = memory_print("%s%s%s", text, i ? "; " : ": ", r->texts[i]);
    free(text);
    text = more;
  }
  return text;
}

/* A case for every rule that something falls under; notes and warnings are no failures. */
static void junit_file(struct junit *junit, const struct qc_file *f) {
  for (int i = 0; i < f->n_companions; i++)
    if (f->companions[i].error)
      junit_case(junit, f->companions[i].path, f->companions[i].error);
  if (f->error) junit_case(junit, f->path, f->error);
  for (int i = 0; f->results && qc_rules[i].name; i++) {
    if (!f->results[i].n_values) continue;
    char *name = memory_print("%s: %s", f->path, qc_rules[i].name);
    char *text = f->results[i].state == QC_ERROR ? failure_text(f, i) : NULL;
    junit_case(junit, name, text);
    free(text);
    free(name);
  }
}

static enum status write_junit(const struct work *w, struct failure *why) {
  struct junit *junit = junit_open(w->options->junit, "lacquer qc");
  for (int i = 0; i < w->list.n; i++) junit_file(junit, &w->list.files[i]);
  return junit_close(&junit, why);
}

static void tell_unread(const struct qc_file *f, int *unread) {
  if (f->error) fprintf(stderr, "lacquer: %s\n", f->error);
  if (f->error && !*unread) *unread = (int)f->status;
  for (int i = 0; i < f->n_companions; i++) {
    const struct qc_companion *c = &f->companions[i];
    if (c->error) fprintf(stderr, "lacquer: %s\n", c->error);
    if (c->error && !*unread) *unread = (int)c->status;
  }
}

static int tell(const struct work *w, FILE *out) {
  int failed = 0, unread = 0;
  for (int i = 0; i < w->list.n; i++) {
    const struct qc_file *f = &w->list.files[i];
    if (w->texts[i]) fputs(w->texts[i], out);
    failed += f->results && qc_count(f).by_severity[QC_ERROR];
    tell_unread(f, &unread);
  }
  return failed ? STATUS_UNIT_FAILED : unread;
}

int qc_run(char *const *paths, int n_paths, const struct qc_options *options, FILE *out) {
  struct work w = {.options = options, .limits = qc_limits_new()};
  struct failure why = {0};
  int status = (int)make_list(paths, n_paths, &w, &why);
  w.texts = memory_new((size_t)w.list.n + 1, sizeof *w.texts);
  if (!status) {
    parallel_run(options->jobs, w.list.n, examine, &w);
    status = tell(&w, out);
    if (options->junit && write_junit(&w, &why)) status = (int)why.status;
  }
  if (why.status) fprintf(stderr, "lacquer: %s\n", why.text);
  for (int i = 0; i < w.list.n; i++) free(w.texts[i]);
  free(w.texts);
  free_list(&w.list);
  free(w.limits);
  return status;
}
