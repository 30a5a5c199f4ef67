/* SPDX-License-Identifier: MIT
 * See level.h. */
#include "level.h"

#include "clones.h"
#include "stage.h"

LACQUER_CLONES
static void energies(float *x, int step, float *energy) {
  for (int i = 0; i < BLOCK_FRAMES; i++) x[i] = x[i] * x[i];
  for (int half = step / 2, n = BLOCK_FRAMES / step; half > 0; half /= 2)
    for (int k = 0; k < n; k++)
      for (int i = 0; i < half; i++)
        x[k * half + i] = x[2 * k * half + i] + x[(2 * k + 1) * half + i];
  memcpy(energy, x, (size_t)(BLOCK_FRAMES / step) * sizeof *x);
}

void block_energies(float *x, int step, float *energy) { energies(x, step, energy); }
