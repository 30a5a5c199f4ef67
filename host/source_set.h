/* SPDX-License-Identifier: MIT
 * The files that a manifest reads, by what they are and not by their names. */
#ifndef LACQUER_SOURCE_SET_H
#define LACQUER_SOURCE_SET_H
#include <stdbool.h>
#include <sys/types.h>
#include <sys/stat.h>

#include "manifest.h"

struct source_set;
struct source_set *source_set_create(const struct manifest *manifest); /* must outlive it */
void source_set_destroy(struct source_set **set); /* takes NULL; writes NULL */
/* Whether the file is a source of any track or a match reference. The first call looks at all
 * of them, so that 400,000 calls are no more than that. Thread-safe. */
bool source_set_has(struct source_set *set, const struct stat *file);
#endif
