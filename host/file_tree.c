/* SPDX-License-Identifier: MIT
 * See file_tree.h. */
#define _XOPEN_SOURCE 700 /* S_ISLNK */
#include "file_tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "memory.h"

static void add(struct file_tree *tree, const char *name) {
  if (!(tree->n & (tree->n + 1))) /* 0, 1, 3, 7, ... are full */
    tree->names = memory_grow(tree->names, 2 * (size_t)tree->n + 2, sizeof *tree->names);
  tree->names[tree->n++] = memory_text(name, strlen(name));
}

/* `below`: the path under the root of what is listed, "" or "a/b/". */
static enum status list(const char *root, const char *below, file_wanted *wanted,
                        struct file_tree *out, struct failure *why) {
  char *folder = memory_print("%s/%s", root, below);
  DIR *entries = opendir(folder);
  enum status status = STATUS_OK;
  if (!entries)
    status = fail(why, STATUS_NO_INPUT, "%s: cannot read the folder: %s", folder, strerror(errno));
  for (struct dirent *entry; !status && (entry = readdir(entries));) {
    struct stat s, target;
    char *path = memory_print("%s%s", folder, entry->d_name);
    char *name = memory_print("%s%s", below, entry->d_name);
    char *deeper = memory_print("%s/", name);
    const bool there = *entry->d_name != '.' && !lstat(path, &s);
    if (there && S_ISDIR(s.st_mode)) status = list(root, deeper, wanted, out, why);
    else if (there && wanted(entry->d_name) && !stat(path, &target) && S_ISREG(target.st_mode))
      add(out, name);
    free(deeper);
    free(name);
    free(path);
  }
  if (entries) closedir(entries);
  free(folder);
  return status;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

enum status file_tree_list(const char *folder, file_wanted *wanted, struct file_tree *out,
                           struct failure *why) {
  *out = (struct file_tree){0};
  const enum status status = list(folder, "", wanted, out, why);
  if (status) file_tree_free(out);
  else if (out->n) qsort(out->names, (size_t)out->n, sizeof *out->names, by_name);
  return status;
}

void file_tree_free(struct file_tree *tree) {
  for (int i = 0; i < tree->n; i++) free(tree->names[i]);
  free(tree->names);
  *tree = (struct file_tree){0};
}

bool file_is_folder(const char *path) {
  struct stat s;
  return !stat(path, &s) && S_ISDIR(s.st_mode);
}

bool name_ends_in(const char *name, const char *ending) {
  const size_t n = strlen(name), m = strlen(ending);
  return n > m && !strcasecmp(name + n - m, ending);
}
