/* SPDX-License-Identifier: MIT
 * Files appear whole or not at all: temporary file beside the target, fsync,
 * rename, fsync of the folder. Every function here is thread-safe. */
#ifndef LACQUER_PUBLISH_H
#define LACQUER_PUBLISH_H
#include <stdbool.h>
#include <stddef.h>

#include "failure.h"

/* Makes `folder` and the missing folders on the way to it. STATUS_CANT_CREATE. */
enum status make_folders(const char *folder, struct failure *why);

/* Opens a new temporary file for `final`, in its folder (made when missing), named
 * ".<name>.<host>.<pid>.<counter>.tmp". *fd is open for writing; the caller closes it
 * and frees *temp_path. The file is locked (flock) as long as any duplicate of *fd is
 * open: others see that it is alive. STATUS_CANT_CREATE. */
enum status temp_open(const char *final, int *fd, char **temp_path, struct failure *why);

/* Moves a complete temporary file to its final path, replacing what is there. On
 * failure the temporary file is removed. STATUS_IO. */
enum status publish_file(const char *temp_path, const char *final, struct failure *why);

/* Writes a small file (receipt, report) in one step; missing folders are made.
 * STATUS_CANT_CREATE or STATUS_IO; then the old file, if any, is as it was. */
enum status write_file_atomic(const char *path, const void *bytes, size_t n,
                              struct failure *why);

/* Removes temporary files in `folder` that nobody will finish: not locked, and of a process
 * of this host that is gone. Where that cannot be seen, it takes an hour without a change;
 * a day for those of other hosts. Returns how many; problems are passed over. */
int remove_stale_temporaries(const char *folder);

/* For a program that ends at once: temp_open does not return any more, in any thread; */
void temp_shut(void);
/* then this process's temporary files in `folder` are removed. Returns how many. */
int remove_own_temporaries(const char *folder);
#endif
