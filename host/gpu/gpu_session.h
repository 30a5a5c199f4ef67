/* SPDX-License-Identifier: MIT
 * The engine's operations on a Vulkan device (see engine.h). Private to host/gpu. */
#ifndef LACQUER_GPU_SESSION_H
#define LACQUER_GPU_SESSION_H
#include "gpu_device.h"

/* Fills in the operations of `out`, whose self is `device`. */
void gpu_session_bind(struct gpu_device *device, struct engine *out);
#endif
