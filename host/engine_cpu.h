/* SPDX-License-Identifier: MIT
 * The reference as an engine: the CPU backend, and the judge of the others. */
#ifndef LACQUER_ENGINE_CPU_H
#define LACQUER_ENGINE_CPU_H
#include "engine.h"

/* A session has one lane and is used by one thread at a time; sessions are
 * independent. Its buffers are mapped lazily: what is not touched costs nothing. */
extern const struct engine engine_cpu;
#endif
