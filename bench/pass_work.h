/* SPDX-License-Identifier: MIT
 * What the passes of a Vulkan device do, counted by the shaders themselves (spirv_count.h),
 * and what the device can do at most. Equal on every device, as the bits are. */
#ifndef LACQUER_PASS_WORK_H
#define LACQUER_PASS_WORK_H
#include "engine.h"
#include "spirv_count.h"

struct pass_work; /* opaque */

/* Makes every later run on the engine (of gpu.h) count, and slow. NULL when it cannot be done.
 * Belongs to one thread; to be destroyed before the engine. */
struct pass_work *pass_work_create(const struct engine *engine);
void pass_work_destroy(struct pass_work **work); /* takes NULL */
/* Adds what the pass has done since the last call; nothing may be running. */
void pass_work_take(struct pass_work *work, const struct stage *stage, int pass,
                    struct work *sum);

/* Measured by shaders that do nothing else, best of several; 0: cannot be measured. */
struct ceilings {
  double copy_bytes_per_s; /* read and written, together */
  double float_ops_per_s;  /* + and *, never fused */
};
struct ceilings gpu_ceilings(const struct engine *engine); /* by the clock; of software, a core's */
struct ceilings cpu_ceilings(void); /* of one core, CPU time */
#endif
