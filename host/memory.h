/* SPDX-License-Identifier: MIT
 * Small host allocations: they succeed or the program aborts with a message.
 * Audio-sized memory is never taken here: it fails for its track only. */
#ifndef LACQUER_MEMORY_H
#define LACQUER_MEMORY_H
#include <stddef.h>

void *memory_new(size_t count, size_t size); /* zeroed; never NULL, free() it */
void *memory_grow(void *items, size_t count, size_t size); /* realloc, new part not zeroed */
char *memory_text(const char *text, size_t length);        /* copy, closed by NUL */
__attribute__((format(printf, 1, 2), nonnull(1), returns_nonnull))
char *memory_print(const char *format, ...);
#endif
