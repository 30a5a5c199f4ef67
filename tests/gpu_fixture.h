/* SPDX-License-Identifier: MIT
 * The Vulkan device that the comparing tests run on: LACQUER_TEST_DEVICE, or index:0. */
#ifndef LACQUER_GPU_FIXTURE_H
#define LACQUER_GPU_FIXTURE_H
#include <stdbool.h>

#include "engine.h"

/* False, after a sentence on stdout, when there is no Vulkan driver or no usable device:
 * the program then exits with GPU_FIXTURE_SKIP. Destroy with gpu_engine_destroy. */
enum { GPU_FIXTURE_SKIP = 77 };
bool gpu_fixture_open(struct engine *engine);

/* The seed of this run: LACQUER_TEST_SEED, or `usual`. It is printed. */
unsigned long long gpu_fixture_seed(unsigned long long usual);
#endif
