/* SPDX-License-Identifier: MIT
 * The chain and one variant on an engine, pass by pass: how long, how many bytes, how many
 * operations. One at a time: the engine interface has no room for a context in run(). */
#ifndef LACQUER_PASS_METER_H
#define LACQUER_PASS_METER_H
#include <jansson.h>

#include "chain.h"

/* Renders `batch` `repeats` times (at most MAX_REPEATS) as a whole, as often pass by pass, and
 * on a Vulkan device of gpu.h once with counting shaders, after which the engine is slow.
 * Returns an object, see README.md; JSON null when the engine failed. */
json_t *pass_meter(const struct engine *engine, struct batch *batch, int repeats,
                   double audio_seconds);
#endif
