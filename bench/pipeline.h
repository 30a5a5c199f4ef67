/* SPDX-License-Identifier: MIT
 * Pipelines that are not the engine's own, on its device. */
#ifndef LACQUER_BENCH_PIPELINE_H
#define LACQUER_BENCH_PIPELINE_H
#include "gpu_device.h"

/* A compute pipeline with the engine's layout; the caller destroys it. */
enum engine_status pipeline_make(struct gpu_device *device, const uint32_t *code, size_t words,
                                 VkPipeline *out);
#endif
