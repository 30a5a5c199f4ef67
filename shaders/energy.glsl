/* SPDX-License-Identifier: MIT
 * Twin of block_energies (dsp-reference/level.c) for one control step. */

/* Sum by halves of the `n` squares in s (a power of two, at most 64). */
float sum_by_halves(inout float s[64], int n) {
  for (int half_n = n / 2; half_n > 0; half_n /= 2)
    for (int i = 0; i < half_n; i++) s[i] = s[i] + s[i + half_n];
  return s[0];
}
