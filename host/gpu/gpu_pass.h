/* SPDX-License-Identifier: MIT
 * Compute pipelines of the embedded shaders. Private to host/gpu. */
#ifndef LACQUER_GPU_PASS_H
#define LACQUER_GPU_PASS_H
#include "gpu_device.h"

/* The push constants, as in shaders/io.glsl. */
struct gpu_push {
  VkDeviceAddress lanes;
  int32_t n_lanes, pad;
};

/* Creates and saves the pipeline layout and the on-disk pipeline cache. */
enum engine_status gpu_passes_create(struct gpu_device *device);
void gpu_passes_destroy(struct gpu_device *device);

/* The pipeline of shader `name`, made at the first call. Thread-safe. */
enum engine_status gpu_pass_find(struct gpu_device *device, const char *name, VkPipeline *out);

/* Copies a module without the float modes that a device cannot take. `out` has room for
 * `words`; returns the words written. */
size_t gpu_strip_modes(const uint32_t *code, size_t words, bool rte, bool szinp, uint32_t *out);
#endif
