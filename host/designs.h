/* SPDX-License-Identifier: MIT
 * Designed stages, shared: the same stage, settings and format are designed once. */
#ifndef LACQUER_DESIGNS_H
#define LACQUER_DESIGNS_H
#include "failure.h"
#include "hash.h"
#include "stage.h"

struct designs; /* thread-safe */
struct designs *designs_create(void);
void designs_destroy(struct designs **designs);

/* The design of one stage (n = 1), or of n neighbouring linear stages as one (linear.h),
 * valid until designs_destroy, and in `sha256` the hash of its tables.
 * STATUS_BAD_DATA: the settings cannot be met at this format. STATUS_AGAIN: no memory. */
enum status designs_get(struct designs *designs, const struct stage_use *uses, int n,
                        const struct stage_format *format, const struct stage_design **out,
                        char sha256[HASH_TEXT_SIZE], struct failure *why);

/* Designs for one track alone, as its settings are nobody else's. On success the caller
 * frees with stage_design_free. */
enum status design_alone(const struct stage_use *uses, int n, const struct stage_format *format,
                         struct stage_design *out, char sha256[HASH_TEXT_SIZE],
                         struct failure *why);

/* "eq+stereo": the stages' names. Caller frees. */
char *designs_label(const struct stage_use *uses, int n);
#endif
