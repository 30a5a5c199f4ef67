/* SPDX-License-Identifier: MIT
 * What became of a loudness target, in words. */
#ifndef LACQUER_VERDICT_H
#define LACQUER_VERDICT_H
#include "chain.h"
#include "manifest.h"

enum { VERDICT_SIZE = 200 };
/* "no target", "met", or "infeasible: best is -9.16 LUFS (what stops it)". */
void verdict_text(const struct variant *variant, const struct tail_result *result,
                  char text[VERDICT_SIZE]);
#endif
