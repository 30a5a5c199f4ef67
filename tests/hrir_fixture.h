/* SPDX-License-Identifier: MIT
 * Impulse responses of a head that never was: known arrivals, known spectra, the same bits on
 * every machine. */
#ifndef LACQUER_HRIR_FIXTURE_H
#define LACQUER_HRIR_FIXTURE_H
#include "hrir.h"

/* At 48 kHz, 49 directions: every 30 degrees on circles 30 degrees apart from -30 to 60, and
 * above. The response of an ear that lies c = cos(angle) towards the source is
 * (1 + c / 2) (0.5 - 0.3 c)^k, k frames after 20 - 12 c: of minimum phase. */
const struct hrir_set *hrir_fixture(void);
double hrir_fixture_arrival(const struct hrir_set *set, int direction, int ear); /* frames */
double hrir_fixture_gain(const struct hrir_set *set, int direction, int ear, double freq_hz);
#endif
