/* SPDX-License-Identifier: MIT
 * Long-term average spectrum of a whole file, of what is loud enough to count: mid and
 * side, in double precision with detmath, so that every machine finds the same. */
#ifndef LACQUER_LTAS_H
#define LACQUER_LTAS_H
#include "decode.h"

struct ltas {
  int rate_hz;
  int block_frames;     /* length of the DFT: 32768 at 44.1 and 48 kHz, in proportion above */
  int n_blocks, n_used; /* blocks in the file, and blocks that passed the gates */
  double *mid, *side;   /* mean square per bin, 0 .. block_frames / 2; owned. Of one
                           channel: mid is the channel, side is 0 */
};

/* Measures a file. Hann windows that overlap by half; a block counts when its K-weighted
 * energy is above -70 LUFS and above the mean of those less 10 LU, the gates of BS.1770-4
 * on longer blocks. Mid = (L + R) / 2, side = (L - R) / 2. On success *out is to be given to
 * ltas_free. STATUS_BAD_DATA: shorter than one block, or silent (what is wrong, without the
 * file's name). STATUS_AGAIN: no memory. */
enum status ltas_measure(const struct audio *audio, struct ltas *out, struct failure *why);
void ltas_free(struct ltas *ltas); /* takes an empty one; leaves it empty */

/* Mean square within [low_hz, high_hz), bins at the edges in part; `power` is mid or side. */
double ltas_band(const struct ltas *ltas, const double *power, double low_hz, double high_hz);
#endif
