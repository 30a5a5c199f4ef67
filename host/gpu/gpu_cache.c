/* SPDX-License-Identifier: MIT
 * See gpu_cache.h. */
#include "gpu_cache.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, MAX_CACHE_BYTES = 64 << 20 };

/* XDG Base Directory Specification: a relative XDG_CACHE_HOME is ignored. */
static bool cache_folder(char folder[PATH_BYTES], bool create) {
  const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  int n;
  if (xdg && xdg[0] == '/')
    n = snprintf(folder, PATH_BYTES, "%s", xdg);
  else if (home && home[0] == '/')
    n = snprintf(folder, PATH_BYTES, "%s/.cache", home);
  else
    return false;
  if (n < 0 || n > PATH_BYTES - 16) return false;
  if (create) mkdir(folder, 0700);
  strcat(folder, "/lacquer");
  if (create) mkdir(folder, 0700);
  return true;
}

static bool cache_path(char path[PATH_BYTES], const char *name, bool create) {
  char folder[PATH_BYTES];
  if (!cache_folder(folder, create)) return false;
  int n = snprintf(path, PATH_BYTES, "%s/%s", folder, name);
  return n > 0 && n < PATH_BYTES;
}

void *cache_read(const char *name, size_t *size) {
  char path[PATH_BYTES];
  if (!cache_path(path, name, false)) return NULL;
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  char *data = NULL;
  struct stat info;
  if (!fstat(fileno(f), &info) && S_ISREG(info.st_mode) && info.st_size > 0 &&
      info.st_size <= MAX_CACHE_BYTES) {
    *size = (size_t)info.st_size;
    data = malloc(*size);
    if (data && fread(data, 1, *size, f) != *size) {
      free(data);
      data = NULL;
    }
  }
  fclose(f);
  return data;
}

void cache_publish(const char *name, const void *data, size_t size) {
  char path[PATH_BYTES], temporary[PATH_BYTES];
  if (!cache_path(path, name, true)) return;
  int n = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
  if (n < 0 || n >= PATH_BYTES) return;
  int fd = mkstemp(temporary);
  if (fd < 0) return;
  FILE *f = fdopen(fd, "wb");
  if (!f) {
    close(fd);
    unlink(temporary);
    return;
  }
  bool written = fwrite(data, 1, size, f) == size;
  written = !fclose(f) && written;
  if (!written || rename(temporary, path)) unlink(temporary);
}
