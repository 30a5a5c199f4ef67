/* SPDX-License-Identifier: MIT
 * What is kept of a wrong result, so that the fault can be reproduced. */
#ifndef LACQUER_BUNDLE_H
#define LACQUER_BUNDLE_H
#include "plan.h"

/* Writes "mismatch-KEY.json" into the output folder: stage, place, both words, device and
 * driver, hashes of engine and shaders, source and settings. A failure to write it is told
 * on stderr and otherwise passed over. */
void bundle_write(const struct plan *plan, const struct track_plan *track,
                  const struct engine *engine, const struct mismatch *mismatch);
#endif
