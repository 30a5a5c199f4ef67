/* SPDX-License-Identifier: MIT
 * Proves a device's arithmetic against C, bit for bit, before it is trusted.
 * Private to host/gpu. */
#ifndef LACQUER_GPU_SELFTEST_H
#define LACQUER_GPU_SELFTEST_H
#include "gpu.h"

/* Runs every allowed operation on edge and random vectors, and a recurrence over several
 * lanes. Writes one sentence to text[size]; false: the device differs or failed. */
bool gpu_selftest(const struct engine *engine, char *text, size_t size);
#endif
