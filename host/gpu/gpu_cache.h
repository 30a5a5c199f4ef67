/* SPDX-License-Identifier: MIT
 * Small files under $XDG_CACHE_HOME/lacquer (else ~/.cache/lacquer). A cache that cannot
 * be read or written is no error: every function then does nothing. */
#ifndef LACQUER_GPU_CACHE_H
#define LACQUER_GPU_CACHE_H
#include <stddef.h>

/* The content of file `name`, or NULL. The caller frees it. */
void *cache_read(const char *name, size_t *size);
/* Replaces file `name` in one step (temporary file, rename). */
void cache_publish(const char *name, const void *data, size_t size);
#endif
