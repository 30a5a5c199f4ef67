/* SPDX-License-Identifier: MIT
 * What an earlier run delivered and this one need not render: files that are as they should
 * be, and files of which only the tags are others, whose samples are kept. */
#ifndef LACQUER_INCREMENTAL_H
#define LACQUER_INCREMENTAL_H
#include "render.h"

/* Looks at the units of a track that was not decoded. results[i], of its i-th unit, is
 * UNIT_UP_TO_DATE, UNIT_RETAGGED, UNIT_FAILED (its tags could not be written) or
 * UNIT_SKIPPED: it is to be rendered. Returns how many are to be. When receipts alone show
 * that any is, nothing is done, and that is all of them. */
int incremental_track(const struct plan *plan, int track, const struct render_options *options,
                      struct unit_result *results);

/* The same of one unit of a track that was decoded; `file`: its source. A receipt that does not
 * know the source as it is now learns it, so that the next run need not decode. */
void incremental_unit(const struct plan *plan, const struct unit_plan *unit,
                      const struct render_options *options, const struct source_file *file,
                      struct unit_result *result);

/* The receipt of a unit, when it was made from the source as it is now. */
bool incremental_receipt(const struct plan *plan, const struct unit *unit,
                         struct receipt *receipt);
/* Whether there is nothing to render for it: `keys` of its track (track_keys_recall). */
bool incremental_current(const struct plan *plan, const struct track_keys *keys,
                         const struct unit *unit);
#endif
