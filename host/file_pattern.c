/* SPDX-License-Identifier: MIT
 * See file_pattern.h. */
#include "file_pattern.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "memory.h"
#include "name_list.h"
#include "utf8.h"

static const char receipt_ending[] = ".receipt.json";

bool file_pattern_is(const char *text) { return strpbrk(text, "*?"); }

void file_matches_release(struct file_matches *matches) {
  for (int i = 0; i < matches->n; i++) free(matches->paths[i]);
  free(matches->paths);
  *matches = (struct file_matches){0};
}

static bool is_audio(const char *name) {
  static const char *const endings[] = {".wav", ".wave", ".bwf",  ".rf64",
                                        ".aif", ".aiff", ".aifc", ".flac"};
  const char *dot = strrchr(name, '.');
  for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
    if (!strcasecmp(dot, endings[i])) return true;
  return false;
}

/* ---- the order ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static int lower(char c) {
  if (c == '/') return 0; /* a folder's files before those of a longer name */
  return c >= 'A' && c <= 'Z' ? c + 32 : (unsigned char)c;
}

/* Compares the numbers at *a and *b and passes them. */
static int compare_numbers(const char **a, const char **b) {
  while (**a == '0') ++*a;
  while (**b == '0') ++*b;
  const size_t n = strspn(*a, "0123456789"), m = strspn(*b, "0123456789");
  const int order = n != m ? (n < m ? -1 : 1) : memcmp(*a, *b, n);
  *a += n;
  *b += m;
  return order;
}

int file_name_order(const char *a, const char *b) {
  const char *x = a, *y = b;
  while (*x && *y) {
    int order;
    if (is_digit(*x) && is_digit(*y)) order = compare_numbers(&x, &y);
    else order = lower(*x++) - lower(*y++);
    if (order) return order;
  }
  return *x ? 1 : *y ? -1 : strcmp(a, b);
}

static int by_name(const void *a, const void *b) {
  return file_name_order(*(char *const *)a, *(char *const *)b);
}
static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- matching ---- */

/* One name against one component. The last * is enough to go back to. */
static bool matches(const char *name, const char *pattern, size_t n) {
  const char *end = pattern + n, *star = NULL, *star_name = NULL;
  if (*name == '.' && *pattern != '.') return false;
  while (*name) {
    uint32_t code;
    size_t step = utf8_decode(name, strlen(name), &code);
    if (!step) step = 1;
    if (pattern < end && *pattern == '*') {
      star = ++pattern;
      star_name = name;
    } else if (pattern < end && *pattern == '?') {
      pattern++;
      name += step;
    } else if (pattern < end && *pattern == *name) {
      pattern++;
      name++;
    } else if (star) {
      pattern = star;
      name = ++star_name;
    } else {
      return false;
    }
  }
  while (pattern < end && *pattern == '*') pattern++;
  return pattern == end;
}

struct search {
  const char *folder;
  struct file_matches *out;
  struct failure *why;
};

static char *join(const char *a, const char *b, size_t n) {
  return memory_print("%s%.*s", a, (int)n, b);
}

enum kind { KIND_NONE, KIND_FILE, KIND_FOLDER, KIND_LINKED_FOLDER };

static enum kind kind_of(const struct search *s, const char *path) {
  struct stat info;
  char *full = join(s->folder, path, strlen(path));
  enum kind kind = KIND_NONE;
  if (!stat(full, &info))
    kind = S_ISREG(info.st_mode) ? KIND_FILE : S_ISDIR(info.st_mode) ? KIND_FOLDER : KIND_NONE;
  if (kind == KIND_FOLDER && !lstat(full, &info) && S_ISLNK(info.st_mode))
    kind = KIND_LINKED_FOLDER;
  free(full);
  return kind;
}

/* The names in a folder, sorted by bytes; a folder that is not there has none. */
static enum status list_folder(const struct search *s, const char *path,
                               struct file_matches *names) {
  char *full = join(s->folder, path, strlen(path));
  DIR *entries = opendir(*full ? full : ".");
  enum status status = STATUS_OK;
  size_t room = 0;
  *names = (struct file_matches){0};
  if (!entries && errno != ENOENT && errno != ENOTDIR)
    status = fail(s->why, STATUS_NO_INPUT, "leads to the folder %s, which cannot be listed: %s",
                  full, strerror(errno));
  for (struct dirent *entry; entries && (entry = readdir(entries));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    if ((size_t)names->n == room)
      names->paths = memory_grow(names->paths, room = room ? 2 * room : 64, sizeof *names->paths);
    names->paths[names->n++] = memory_text(entry->d_name, strlen(entry->d_name));
  }
  if (entries) closedir(entries);
  if (names->n) qsort(names->paths, (size_t)names->n, sizeof *names->paths, by_bytes);
  free(full);
  return status;
}

static bool has_receipt(const struct file_matches *names, const char *name) {
  char *receipt = join(name, receipt_ending, strlen(receipt_ending));
  const bool found =
      bsearch(&receipt, names->paths, (size_t)names->n, sizeof *names->paths, by_bytes);
  free(receipt);
  return found;
}

static bool is_utf8(const char *text) {
  uint32_t code;
  for (size_t size = strlen(text), step; size; text += step, size -= step)
    if (!(step = utf8_decode(text, size, &code))) return false;
  return true;
}

static enum status add_match(const struct search *s, const char *path) {
  struct file_matches *out = s->out;
  if (!is_utf8(path))
    return fail(s->why, STATUS_BAD_DATA, "matches %s, whose name is no UTF-8 text (accepted: "
                "UTF-8; rename it)", name_quote(path, strlen(path)).text);
  if (out->n == FILE_PATTERN_MOST)
    return fail(s->why, STATUS_BAD_DATA, "matches more than %d files (accepted: up to %d)",
                FILE_PATTERN_MOST, FILE_PATTERN_MOST);
  if (!(out->n & (out->n - 1))) /* capacity: the next power of two */
    out->paths = memory_grow(out->paths, out->n ? 2 * (size_t)out->n : 1, sizeof *out->paths);
  out->paths[out->n++] = memory_text(path, strlen(path));
  return STATUS_OK;
}

static enum status walk(const struct search *s, const char *path, const char *pattern);

/* One name of a folder against the component at hand. */
static enum status try_name(const struct search *s, const char *path, const char *name,
                            const struct file_matches *names, const char *pattern) {
  const size_t n = strcspn(pattern, "/");
  const bool any_depth = n == 2 && !strncmp(pattern, "**", 2), last = !pattern[n];
  if (any_depth ? *name == '.' : !matches(name, pattern, n)) return STATUS_OK;
  if (last && (!is_audio(name) || has_receipt(names, name))) return STATUS_OK;
  char *full = join(path, name, strlen(name)), *below = memory_print("%s/", full);
  const enum kind kind = kind_of(s, full);
  enum status status = STATUS_OK;
  if (last && kind == KIND_FILE) status = add_match(s, full);
  else if (any_depth && kind == KIND_FOLDER) status = walk(s, below, pattern);
  else if (!any_depth && !last && (kind == KIND_FOLDER || kind == KIND_LINKED_FOLDER))
    status = walk(s, below, pattern + n + 1);
  free(full);
  free(below);
  return status;
}

/* `path`: "" or ending in "/", of folders that matched what came before `pattern`. */
static enum status walk(const struct search *s, const char *path, const char *pattern) {
  const size_t n = strcspn(pattern, "/");
  char *component = memory_text(pattern, n);
  const bool plain = !file_pattern_is(component) && pattern[n];
  const bool any_depth = !strcmp(component, "**");
  enum status status = STATUS_OK;
  free(component);
  if (plain) {
    char *below = join(path, pattern, n + 1);
    status = walk(s, below, pattern + n + 1);
    free(below);
    return status;
  }
  if (any_depth) status = walk(s, path, pattern + n + 1);
  struct file_matches names;
  if (!status) status = list_folder(s, path, &names);
  else names = (struct file_matches){0};
  for (int i = 0; i < names.n && !status; i++)
    status = try_name(s, path, names.paths[i], &names, pattern);
  file_matches_release(&names);
  return status;
}

/* ** stands once, alone between slashes and not at the end: a search takes every folder
 * at most twice. */
static enum status check_pattern(const char *pattern, struct failure *why) {
  const char *first = strstr(pattern, "**");
  if (!first) return STATUS_OK;
  if ((first == pattern || first[-1] == '/') && first[2] == '/' && !strstr(first + 2, "**"))
    return STATUS_OK;
  return fail(why, STATUS_BAD_DATA, "has \"**\" in a wrong place (accepted: once, as a whole "
              "folder, such as masters/**/*.wav)");
}

enum status file_pattern_find(const char *folder, const char *pattern, struct file_matches *out,
                              struct failure *why) {
  const struct search search = {*pattern == '/' ? "" : folder, out, why};
  *out = (struct file_matches){0};
  enum status status = check_pattern(pattern, why);
  if (!status) status = walk(&search, "", pattern);
  if (!status && !out->n)
    status = fail(why, STATUS_NO_INPUT, "matches no audio file (accepted: a pattern with one "
                  "match or more)");
  if (status) file_matches_release(out);
  else qsort(out->paths, (size_t)out->n, sizeof *out->paths, by_name);
  return status;
}
