/* SPDX-License-Identifier: MIT
 * Where a place in the room lies between loudspeakers: the panner of cartesian objects of
 * ITU-R BS.2127, section 7.3; fold.md has its equations. Pure functions, deterministic. */
#ifndef LACQUER_PANNER_H
#define LACQUER_PANNER_H
#include "layout.h"

/* The place of a loudspeaker in the room: X right, Y front, Z up, each -1, 0 or 1. */
void panner_place(const struct speaker *speaker, double place[3]);
/* Gains of what is at `position` (-1 .. 1, as of a struct scene_block) in the channels of a bed,
 * at least 0; their squares sum to 1; 0 of the LFE. */
void panner_gains(const struct layout *bed, const double position[3],
                  double gain[LAYOUT_MOST_SPEAKERS]);
#endif
