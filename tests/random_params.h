/* SPDX-License-Identifier: MIT
 * Settings of any stage, drawn from its own parameter rows; and a few chosen by hand. */
#ifndef LACQUER_RANDOM_PARAMS_H
#define LACQUER_RANDOM_PARAMS_H
#include <stdbool.h>

#include "stage.h"

/* [0, n) and [0, 1); the state is that of fixture_random. */
uint32_t random_below(uint64_t *state, uint32_t n);
double random_unit(uint64_t *state);

/* Draws every row over its whole range, the ends often, then mends what rows cannot say
 * (order of crossovers, steps of slopes, Nyquist). False: no draw passed stage->check,
 * the stage needs a row in the table of random_params.c. `params` holds
 * stage->params_size bytes. */
bool random_params(const struct stage *stage, int rate_hz, uint64_t *state, void *params);

/* Chosen settings: every type, target and mode, 1..6 bands, both ends of the ranges.
 * A stage without any has one: its defaults. Sound at every rate. */
int chosen_params_count(const struct stage *stage);
/* The first so many are quick to design at every rate; the others, and random ones of
 * the same stage when there are others, only up to 48 kHz. */
int chosen_params_quick(const struct stage *stage);
void chosen_params(const struct stage *stage, int index, void *params);
#endif
