/* SPDX-License-Identifier: MIT
 * See source_file.h. */
#define _XOPEN_SOURCE 700 /* st_mtim */
#include "source_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum status source_file_stat(const char *path, const char *text, struct source_file *out,
                             struct failure *why) {
  struct stat s;
  if (stat(path, &s)) return fail(why, STATUS_NO_INPUT, "%s: %s", path, strerror(errno));
  out->bytes = s.st_size;
  out->modified_ns = (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec;
  if (hash_bytes(text, strlen(text), out->path_sha256))
    return fail(why, STATUS_AGAIN, "%s: out of memory", path);
  return STATUS_OK;
}

bool source_file_same(const struct source_file *a, const struct source_file *b) {
  return a->bytes == b->bytes && a->modified_ns == b->modified_ns && *a->path_sha256 &&
         !strcmp(a->path_sha256, b->path_sha256);
}
