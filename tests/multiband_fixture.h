/* SPDX-License-Identifier: MIT
 * Settings and signals of the multiband tests. */
#ifndef LACQUER_MULTIBAND_FIXTURE_H
#define LACQUER_MULTIBAND_FIXTURE_H
#include "multiband.h"
#include "oracle.h"

#define SEED UINT64_C(7005)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

/* n bands that do nothing until their settings change; the caller frees. */
struct multiband_params *multiband_idle(int n_bands);
/* Bands that work hard on signals near -20 dBFS; the caller frees. */
struct multiband_params *multiband_busy(int n_bands);
/* Stereo noise whose level falls and rises four times a second. */
struct oracle_audio multiband_music(int32_t n, int rate_hz);
/* The stage over the whole of `a`, in segments of 5 blocks. */
void multiband_run(const struct multiband_params *p, int rate_hz, int channels,
                   struct oracle_audio *a);
/* Milliseconds from the level's change at frame `at` to 63 % of the change of gain, in dB, that
 * is reached at `end`. */
double multiband_time_to_63(const struct oracle_audio *a, int32_t at, int32_t end, int rate_hz);
/* Energy of a 997 Hz carrier, 48 kHz, further than 3 kHz from it, re the whole, while its
 * level swings by +-swing_db three times a second. */
double multiband_spurs_db(const struct multiband_params *p, double level_db, double swing_db);
#endif
