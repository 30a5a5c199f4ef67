/* SPDX-License-Identifier: MIT
 * Multiband compressor: linear-phase crossovers that sum to unity, levels and
 * gains as integers at a decimated control rate. y = x + sum (g_k - 1) b_k. */
#ifndef LACQUER_MULTIBAND_H
#define LACQUER_MULTIBAND_H
#include "level.h"
/* Curve tables: reduction over level, 1/256 octave apart from -20 to +4 octaves. */
#define CURVE_STEPS 6144
#define CURVE_FLOOR (-20 * 65536)

/* Control sections, each [band][point]. */
#define MULTIBAND_ENERGY 0 /* of a control step, the louder channel's (float bits) */
#define MULTIBAND_WANTED 1 /* reduction the curve asks for, octaves in Q16 */
#define MULTIBAND_REDUCTION 2 /* after attack and release, Q22: small steps must count */
#define MULTIBAND_SECTIONS 3

/* Index and fraction (of 256) in the curve for a level in Q16 octaves. */
TWIN_FN int curve_position(int level) {
  return min_int(max_int(level - CURVE_FLOOR, 0), 256 * CURVE_STEPS - 1);
}
TWIN_FN int curve_between(int a, int b, int fraction) { return a + (((b - a) * fraction) >> 8); }

#ifndef VULKAN
#include "stage.h"

enum { MULTIBAND_MAX_BANDS = 6 };

struct multiband_band {
  double threshold_db, ratio, knee_db, attack_ms, release_ms, makeup_db;
};
struct multiband_params {
  int n_crossovers;
  double crossover_hz[MULTIBAND_MAX_BANDS - 1];
  int slope_db_oct; /* of the crossovers: 12, 24, .. 96 */
  double rms_ms;    /* detector window */
  int n_bands;      /* n_crossovers + 1 */
  struct multiband_band bands[MULTIBAND_MAX_BANDS];
};
extern const struct stage stage_multiband;

/* The design both twins read. Levels and make-up are octaves in Q16. */
struct multiband_design {
  int32_t partitions, centre_blocks;
  int32_t bands, step, points; /* frames per control point, points per block */
  int32_t window;              /* detector length in points */
  int32_t level_offset;        /* log2 of the window's frames, halved */
  int32_t unused;
  int32_t attack[8], release[8]; /* per band, Q24 */
  int32_t makeup[8];
  float weights[4 * 64]; /* spline_weights */
  int32_t curve[MULTIBAND_MAX_BANDS][CURVE_STEPS + 4]; /* wanted reduction */
  float twiddle[8192];
  float spectra[]; /* [low pass][partition][4096] */
};
/* Wanted reduction in dB of one band at a level of level_db (dBFS RMS). */
double multiband_reduction_db(const struct multiband_band *band, double level_db);
#endif
#endif
