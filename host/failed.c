/* SPDX-License-Identifier: MIT
 * See failed.h. The file:
 *   lacquer: 1
 *   retry: "../album.yaml"
 *   units:
 *     - {file: "cd/03 Dusk.aiff", reason: "..."} */
#define _DEFAULT_SOURCE /* realpath */
#include "failed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "publish.h"
#include "row_reader.h"
#include "utf8.h"


/* ---- writing ---- */

/* In double quotes; what YAML would break or refuse is escaped, what is no UTF-8 is "?". */
static void put_quoted(FILE *out, const char *text) {
  size_t left = strlen(text);
  fputc('"', out);
  while (left) {
    uint32_t code;
    size_t n = utf8_decode(text, left, &code);
    if (!n) code = '?';
    if (code == '"' || code == '\\') fprintf(out, "\\%c", (int)code);
    else if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
             code == 0xfeff)
      fprintf(out, "\\u%04x", (unsigned)code);
    else if (!n) fputc('?', out);
    else fwrite(text, 1, n, out);
    if (!n) n = 1;
    text += n;
    left -= n;
  }
  fputc('"', out);
}

/* The way from a folder to a file, both absolute and without symbolic links. */
static char *relative(const char *folder, const char *file) {
  const size_t n = strlen(folder);
  size_t common = 0;
  int up = 0;
  for (size_t i = 0; i <= n && (folder[i] == file[i] || (i == n && file[i] == '/')); i++)
    if (file[i] == '/') common = i + 1;
  for (size_t i = common; i < n; i++) up += i == common || folder[i] == '/';
  char *way = memory_new(3 * (size_t)up + strlen(file + common) + 1, 1);
  for (int i = 0; i < up; i++) memcpy(way + 3 * i, "../", 3);
  memcpy(way + 3 * up, file + common, strlen(file + common));
  return way;
}

/* The manifest as seen from the folder; its own folder's links are followed, it is not. */
static char *way_to_manifest(const struct plan *plan) {
  const char *path = plan->manifest->path, *slash = strrchr(path, '/');
  char *beside = slash ? memory_text(path, (size_t)(slash - path) + 1) : memory_text(".", 1);
  char *from = realpath(plan->folder, NULL), *to = realpath(beside, NULL), *way = NULL;
  if (from && to) {
    char *file = memory_print("%s/%s", strcmp(to, "/") ? to : "", slash ? slash + 1 : path);
    way = relative(from, file);
    free(file);
  }
  free(beside);
  free(from);
  free(to);
  return way ? way : memory_text(path, strlen(path));
}

static void print_failed(const struct plan *plan, const struct unit_result *results, FILE *out) {
  char *way = way_to_manifest(plan);
  fprintf(out, "# What failed, and why. When the cause is gone, \"lacquer render\" takes this\n"
               "# file like any manifest, and renders these units alone.\nlacquer: 1\nretry: ");
  put_quoted(out, way);
  fprintf(out, "\nunits:\n");
  for (int i = 0; i < plan->n_units; i++) {
    if (results[i].state != UNIT_FAILED) continue;
    fprintf(out, "  - {file: ");
    put_quoted(out, plan->units[i].name);
    fprintf(out, ", reason: ");
    put_quoted(out, results[i].failure.text);
    fprintf(out, "}\n");
  }
  free(way);
}

enum status failed_write(const struct plan *plan, const struct unit_result *results,
                         struct failure *why) {
  char *path = plan->n_shards ? memory_print("%s/failed.%d-of-%d.yaml", plan->folder, plan->shard,
                                             plan->n_shards)
                              : memory_print("%s/failed.yaml", plan->folder);
  char *text = NULL;
  size_t size = 0;
  int n = 0;
  enum status status = STATUS_OK;
  for (int i = 0; i < plan->n_units; i++) n += results[i].state == UNIT_FAILED;
  FILE *out = n ? open_memstream(&text, &size) : NULL;
  if (out) {
    print_failed(plan, results, out);
    status = fclose(out) ? fail(why, STATUS_AGAIN, "%s: out of memory", path)
                         : write_file_atomic(path, text, size, why);
  } else if (n) {
    status = fail(why, STATUS_AGAIN, "%s: out of memory", path);
  } else if (unlink(path) && errno != ENOENT) {
    status = fail(why, STATUS_IO, "%s: cannot remove: %s", path, strerror(errno));
  }
  free(text);
  free(path);
  return status;
}

/* ---- reading ---- */

struct retry {
  int version;
  char *manifest;
  struct failed_units units;
};
static const struct param_row unit_rows[] = {
    {.name = "file", .type = PARAM_TEXT, .offset = offsetof(struct failed_unit, file), .min = 1,
     .max = 4000, .required = 1, .help = "deliverable, below the output folder"},
    {.name = "reason", .type = PARAM_TEXT, .offset = offsetof(struct failed_unit, reason), .min = 0,
     .max = 4000, .help = "why it failed"},
    {0},
};
static const struct param_row retry_rows[] = {
    {.name = "lacquer", .type = PARAM_INTEGER, .offset = offsetof(struct retry, version), .min = 1,
     .max = 1, .required = 1, .help = "version of the manifest's form"},
    {.name = "retry", .type = PARAM_TEXT, .offset = offsetof(struct retry, manifest), .min = 1,
     .max = 4000, .required = 1, .help = "manifest, relative to this file"},
    {0},
};

static void read_units(struct row_reader *reader, yaml_node_t *node, void *context) {
  struct failed_units *units = context;
  if (node->type != YAML_SEQUENCE_NODE) {
    row_reader_problem(reader, node, "%s where units are wanted (accepted: a list)",
                       row_reader_kind(node));
    return;
  }
  const yaml_node_item_t *items = node->data.sequence.items.start;
  const long n = node->data.sequence.items.top - items;
  units->items = memory_new((size_t)n + 1, sizeof *units->items);
  for (; units->n < n; units->n++) {
    const struct row_table tables[] = {{unit_rows, &units->items[units->n]}, {0}};
    const size_t length = row_reader_enter_item(reader, units->n + 1);
    row_reader_mapping(reader, row_reader_node(reader, items[units->n]),
                       &(struct row_mapping){.tables = tables});
    row_reader_leave(reader, length);
  }
}
static const struct row_section retry_sections[] = {
    {"units", "a list of {file, reason}", true, read_units, NULL}, {0}};

/* A line near the beginning starts with the key. */
static bool is_retry(const char *path) {
  char text[4096];
  FILE *file = fopen(path, "r");
  if (!file) return false;
  const size_t n = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[n] = 0;
  for (const char *line = text; line; line = strchr(line, '\n')) {
    line += line != text;
    if (!strncmp(line, "retry:", 6)) return true;
  }
  return false;
}

void failed_units_free(struct failed_units *units) {
  for (int i = 0; i < units->n; i++) {
    free(units->items[i].file);
    free(units->items[i].reason);
  }
  free(units->items);
  *units = (struct failed_units){0};
}

int failed_read(const char *path, FILE *errors, struct manifest **out, struct failed_units *units) {
  struct problems problems = {0};
  struct retry retry = {0};
  yaml_document_t document;
  *units = (struct failed_units){0};
  if (!is_retry(path)) return manifest_read(path, errors, out);
  *out = NULL;
  problems_enter(&problems, path);
  int status = (int)yaml_file_load(path, &problems, &document);
  if (!status) {
    const struct row_table tables[] = {{retry_rows, &retry}, {0}};
    struct row_reader reader = {.document = &document, .problems = &problems};
    row_reader_mapping(&reader, yaml_document_get_root_node(&document),
                       &(struct row_mapping){.tables = tables, .sections = retry_sections,
                                             .context = &retry.units});
    yaml_document_delete(&document);
    if (problems.n) status = STATUS_BAD_DATA;
  }
  problems_print(&problems, errors);
  problems_release(&problems);
  if (!status) {
    char *manifest = manifest_beside(path, retry.manifest);
    status = manifest_read(manifest, errors, out);
    free(manifest);
  }
  if (!status) *units = retry.units;
  else failed_units_free(&retry.units);
  free(retry.manifest);
  return status;
}

/* ---- keeping ---- */

static int by_file(const void *a, const void *b) {
  return strcmp(((const struct failed_unit *)a)->file, ((const struct failed_unit *)b)->file);
}

/* The units in order of their names, each once; the caller frees the array. */
static struct failed_unit *sort_units(const struct failed_units *units, int *n) {
  struct failed_unit *sorted = memory_new((size_t)units->n + 1, sizeof *sorted);
  memcpy(sorted, units->items, (size_t)units->n * sizeof *sorted);
  qsort(sorted, (size_t)units->n, sizeof *sorted, by_file);
  *n = 0;
  for (int i = 0; i < units->n; i++)
    if (!*n || by_file(&sorted[*n - 1], &sorted[i])) sorted[(*n)++] = sorted[i];
  return sorted;
}

enum status failed_keep(struct plan *plan, const struct failed_units *units, const char *only,
                        struct failure *why) {
  int n_wanted;
  struct failed_unit *wanted = sort_units(units, &n_wanted);
  bool *found = memory_new((size_t)n_wanted + 1, sizeof *found);
  bool *keep = memory_new((size_t)plan->n_units + 1, sizeof *keep);
  enum status status = STATUS_OK;
  for (int i = 0; i < plan->n_units; i++) {
    const struct failed_unit key = {.file = plan->units[i].name};
    const struct failed_unit *at =
        bsearch(&key, wanted, (size_t)n_wanted, sizeof *wanted, by_file);
    keep[i] = at != NULL;
    if (at) found[at - wanted] = true;
  }
  plan_keep(plan, keep);
  plan_albums_free(plan);
  plan_albums_create(plan);
  if (only && !plan->n_units)
    status = fail(why, STATUS_USAGE, "--only %s: nothing of the list is left", only);
  for (int i = 0; i < n_wanted && !status; i++)
    if (!found[i] && !only)
      status = fail(why, STATUS_BAD_DATA, "%s: no unit of %s has this name", wanted[i].file,
                    plan->manifest->path);
  free(keep);
  free(found);
  free(wanted);
  return status;
}
