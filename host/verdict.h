/* SPDX-License-Identifier: MIT
 * What became of a loudness target, in words. */
#ifndef LACQUER_VERDICT_H
#define LACQUER_VERDICT_H
#include "chain.h"
#include "manifest.h"

enum { VERDICT_SIZE = 200 };
/* "no target", "met", or "infeasible: best is -9.16 LUFS (what stops it)"; an album's are
 * the same after "album ". `lufs`: what was reached, by the track or the album. */
void verdict_text(const struct variant *variant, enum solve_limit limit, double lufs,
                  char text[VERDICT_SIZE]);
#endif
