/* SPDX-License-Identifier: MIT
 * Multiband dynamics: linear-phase crossovers that sum to unity, levels and gains as
 * integers at a decimated control rate. y = x + sum mix_k (g_k - 1) b_k; multiband.md has the
 * equations. A reduction is positive for a gain below unity, negative for one above. */
#ifndef LACQUER_MULTIBAND_H
#define LACQUER_MULTIBAND_H
#include "level.h"
/* Curve tables: reduction over level, 1/256 octave apart from -20 to +4 octaves. */
#define CURVE_STEPS 6144
#define CURVE_FLOOR (-20 * 65536)

/* Control sections, each [band][group][point]; the last two only where a design has them. A
 * group is a channel, or when they are linked all of them but the LFE, which is one of its own. */
#define MULTIBAND_ENERGY 0 /* of a control step, a group's loudest channel's (float bits) */
#define MULTIBAND_WANTED 1 /* reduction the curve asks for, octaves in Q16 */
#define MULTIBAND_REDUCTION 2 /* after attack and release, Q22: small steps must count */
#define MULTIBAND_SECTIONS 5

/* Index and fraction (of 256) in the curve for a level in Q16 octaves. */
TWIN_FN int curve_position(int level) {
  return min_int(max_int(level - CURVE_FLOOR, 0), 256 * CURVE_STEPS - 1);
}
TWIN_FN int curve_between(int a, int b, int fraction) { return a + (((b - a) * fraction) >> 8); }

/* The reduction further on in the direction of a band's attack: +1 up, -1 down. */
TWIN_FN int attacked(int a, int b, int attack_sign) {
  return attack_sign > 0 ? max_int(a, b) : min_int(a, b);
}
/* A level and its channels' highest, linked by a share in Q30. */
TWIN_FN int linked(int level, int highest, int link) {
  return level + mul_q30(max_int(highest - level, 0), link);
}
/* Mid or side. Tiny ones would make subnormal products. */
TWIN_FN float mid_of(float left, float right) { return flush_tiny((left + right) * 0.5f); }
TWIN_FN float side_of(float left, float right) { return flush_tiny((left - right) * 0.5f); }
/* mix (gain - 1) + keep, gain from octaves in Q24; nothing below 2^-24, so that no product
 * with a sample is subnormal. keep: 0, or 1 where the band is all that is heard. */
TWIN_FN float band_factor(int octaves, float mix_share, float keep) {
  float share = (level_exp2(octaves) - 1.0f) * mix_share;
  return (abs_bits(share) < 5.96046448e-8f ? 0.0f : share) + keep;
}

#ifndef VULKAN
#include "crossover.h"

enum { MULTIBAND_MAX_BANDS = CROSSOVER_MAX_BANDS };
enum multiband_mode {
  MULTIBAND_COMPRESS,
  MULTIBAND_EXPAND, /* downward, a gate at high ratios */
  MULTIBAND_UPWARD_COMPRESS,
  MULTIBAND_UPWARD_EXPAND,
};

/* What a band acts on: mid or side with mid_side, the left or the right channel of every pair
 * without. */
enum multiband_target {
  MULTIBAND_STEREO,
  MULTIBAND_LEFT,
  MULTIBAND_RIGHT,
  MULTIBAND_MID,
  MULTIBAND_SIDE,
};

struct multiband_band {
  double threshold_db, ratio, knee_db, attack_ms, release_ms, makeup_db;
  double range_db; /* largest change of gain; NAN: multiband_range_db() */
  double look_ahead_ms, hold_ms;
  double mix_percent;
  int mode;     /* enum multiband_mode */
  int peak;     /* detector: 0 RMS, 1 peak */
  int program;  /* release: 0 normal, 1 program-dependent */
  int bypass, solo;
  int target;   /* enum multiband_target */
};
/* The rest of a band of which only the first settings are given. */
#define MULTIBAND_PLAIN .range_db = NAN, .mix_percent = 100
struct multiband_params {
  int n_crossovers;
  double crossover_hz[MULTIBAND_MAX_BANDS - 1];
  int slope_db_oct; /* of the crossovers: 12, 24, .. 96 */
  double rms_ms;    /* detector window */
  int n_bands;      /* n_crossovers + 1 */
  struct multiband_band bands[MULTIBAND_MAX_BANDS];
  double link_percent; /* NAN: 100, of mid and side 0 */
  int mid_side;        /* 0: left and right */
  double sidechain_highpass_hz; /* NAN or 0: none */
};
extern const struct stage stage_multiband;
extern const struct stage_pass multiband_passes[]; /* multiband_passes.c */

/* The design both twins read. Levels and make-up are octaves in Q16. */
struct multiband_design {
  int32_t partitions, centre_blocks;
  int32_t bands, step, points; /* frames per control point, points per block */
  int32_t held, slow; /* sections after look-ahead and hold, of the slow release; 0: none */
  int32_t soloed;     /* 1: the input itself is not heard */
  int32_t filters;    /* FIRs in the ring: low passes, then the detector's */
  int32_t detector_first, detector_bands; /* what the detector hears, see crossover_band */
  int32_t groups, mid_side;
  int32_t link;       /* Q30 */
  int32_t lfe_group;  /* is not linked with the others; -1: none */
  int32_t lfe;        /* its channel; -1: none */
  int32_t window[8];  /* per band from here on: detector length in points */
  int32_t level_offset[8];     /* log2 of the window's frames, halved; 0 for peaks */
  int32_t peak[8];
  int32_t ahead[8], hold[8];   /* points */
  int32_t attack_sign[8];      /* +1: the attack raises the reduction, -1: it lowers it */
  int32_t rise[8], fall[8];    /* of the reduction, Q24 */
  int32_t slow_rise[8], slow_fall[8];
  int32_t makeup[8];
  float keep[8];               /* see band_factor */
  float mix_share[MAX_CHANNELS][8]; /* of a channel's bands */
  int32_t group_of[MAX_CHANNELS];
  float weights[4 * 64]; /* spline_weights */
  int32_t curve[MULTIBAND_MAX_BANDS][CURVE_STEPS + 4]; /* wanted reduction */
  float twiddle[CONV_TWIDDLE];
  float spectra[]; /* [filter][partition][4096] */
};
/* Control sections of a design: at most MULTIBAND_SECTIONS. */
int multiband_sections(const struct multiband_design *design);
/* The range of a band: its own, or that of its mode (compress has none: HUGE_VAL). */
double multiband_range_db(const struct multiband_band *band);
/* Wanted reduction in dB of one band at a level of level_db (dBFS, as its detector reads). */
double multiband_reduction_db(const struct multiband_band *band, double level_db);
#endif
#endif
