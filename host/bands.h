/* SPDX-License-Identifier: MIT
 * Levels of a whole file in octave bands: what of a difference is where. */
#ifndef LACQUER_BANDS_H
#define LACQUER_BANDS_H
#include "decode.h"

enum { BANDS = 10 };
double band_centre_hz(int band); /* 31.25 Hz to 16 kHz; half an octave to each side */

/* Mean square of the channels' sum of energies by band, in dB of full scale squared;
 * -HUGE_VAL: nothing there. Hann windows that overlap by half, no gate: every frame counts,
 * and any length will do. STATUS_AGAIN: no memory. */
enum status bands_measure(const struct audio *audio, double level_db[BANDS],
                          struct failure *why);
#endif
