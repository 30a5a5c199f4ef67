/* SPDX-License-Identifier: MIT
 * True-peak look-ahead limiter: oversampled detection, integer control path, gain at the
 * base rate, re-measured. Equations, sources and figures: limiter.md. */
#ifndef LACQUER_LIMITER_H
#define LACQUER_LIMITER_H
#include "level.h"

/* The detector. Points half way between two frames come from the convolution engine: 1024
 * frames on either side, exact up to 0.498 of the rate; ring block b holds those after
 * frames 2048 b - MID_SHIFT and on. Between two neighbours of that signal of twice the
 * rate come 1, 3, 7 or 15 more, from 8 of its points on either side; mirrored phases
 * share their sums: phase p gives even + odd, its mirror image even - odd, so the larger
 * magnitude is |even| + |odd|. Beside them the interpolator of libebur128, EBU_TAPS a
 * side. A block's EDGE intervals before the first frame and after the last block count
 * for the track's first and last control point. */
#define MID_SHIFT 1024
#define EBU_MAX_TAPS 12
#define EDGE 16
#define DETECT_HALO 32 /* frames read on either side of a block: EDGE, and 12 taps */
#define MID_HALO 24    /* half-way points on either side: EDGE, and 8 taps */
/* Bins of a block's window (4096 frames) that count as next to Nyquist: 32 / 4096. */
#define HIGH_BINS 32

/* Control sections, each [channel][point]: of groups of channels with one gain; only the last
 * section is of every channel. Levels and reductions: octaves in Q20. */
#define LIMITER_LEVEL 0     /* true peak of the input, rounded up */
#define LIMITER_DEMAND 1    /* reduction that the level asks for */
#define LIMITER_HELD 2      /* gaps closed and held: at the nodes, see limiter_node */
#define LIMITER_VERTEX 3    /* lowest points of the parabolas above that, at the nodes */
#define LIMITER_CLOSED 4    /* what lies below all of them: the reduction, with its attack and
                               release */
#define LIMITER_SPIKES 5    /* lowest points of the parabolas above what that leaves */
#define LIMITER_BOTH 6      /* the reduction with what closes the spikes on top; paces without
                               spikes leave these two alone */
#define LIMITER_SLOW 7      /* slow stage */
#define LIMITER_REDUCTION 8 /* smoothed */
#define LIMITER_GAIN 9      /* resulting gain - 1, float bits, drive included */
#define LIMITER_AGAIN 10    /* true peak of the output */
#define LIMITER_HIGH 11     /* level of the block next to Nyquist */
#define LIMITER_SECTIONS 12

TWIN_FN int peak_level(float peak) {
  return ((level_log2(floatBitsToUint(peak)) + 15) >> 4) + 1;
}
/* Level of a sine whose Hann-windowed bins (conv_forward, scaled by 2, halved by the
 * window) have this energy, 3/2 (2048 peak)^2. */
TWIN_FN int high_level(float energy) {
  return (level_log2(floatBitsToUint(energy)) >> 5) - (11 * 1048576 + 306688);
}
/* Demand of a group whose own is `own` where the largest is `most`; link in Q24. */
TWIN_FN int linked_demand(int own, int most, int link) {
  return min_int(most, own + mul_q24(most - own, link) + 1);
}
/* Points on either side that closing, hold and a node read, at most: 100 ms, three boxes of 10 ms
 * and 2^6 - 1 points at 48 kHz. */
#define LIMITER_MAX_REACH 756
/* Where a node of the track stands in a section: those of a block at the beginning of its
 * 2^points_log2 words, 2^grid points from one to the next. */
TWIN_FN int limiter_node(int node, int points_log2, int grid) {
  int nodes_log2 = points_log2 - grid;
  return (node >> nodes_log2 << points_log2) + (node & ((1 << nodes_log2) - 1));
}
#define LIMITER_NO_VERTEX 0x40000000 /* beyond the track */
/* Between node values a and b, `at` points after a; rounded up. */
TWIN_FN int limiter_between(int a, int b, int at, int grid) {
  int points = 1 << grid;
  return (a * (points - at) + b * at + points - 1) >> grid;
}
/* Gain - 1 for a reduction under a drive; where it reduces, 2^-22 below, so that the
 * rounding of the spline cannot lift it. */
TWIN_FN float limiter_gain(int drive, int reduction) {
  float g = level_exp2((drive - reduction) * 16);
  return (reduction > 0 ? g * 0.999999761581420898f : g) - 1.0f;
}

#ifndef VULKAN
#include "stage.h"

enum limiter_style { STYLE_TRANSPARENT, STYLE_BALANCED, STYLE_PUNCHY, STYLE_LOUD };
enum band_limit { BAND_LIMIT_AUTO, BAND_LIMIT_ON, BAND_LIMIT_OFF };

struct limiter_params {
  double true_peak_db; /* ceiling in dBTP; NAN: no limiting */
  int style;           /* enum limiter_style: what the NANs below mean */
  double look_ahead_ms, smooth_ms, close_ms, release_ms;
  double slow_release_ms, slow_amount; /* second, slower stage and its share */
  double clip_db;      /* threshold of the clipper above the ceiling; CLIP_OFF: none */
  double link_percent; /* of the channels: 100 = one gain for all, 0 = each its own */
  int oversampling;    /* of the detector: 4, 8, 16, 32; the output's at least 16 */
  int band_limit;      /* enum band_limit: low pass before the limiter */
};
enum { CLIP_OFF = 24 };
extern const struct stage stage_limiter;
/* The same with the style's values for the NANs. */
struct limiter_params limiter_resolved(const struct limiter_params *params);
/* How fast the reduction comes and goes. Parabolas: `rise` n^2 octaves (Q20) n nodes before,
 * `fall` n^2 after a peak's own, up to so many nodes. */
struct limiter_pace {
  int32_t close; /* closing window, in points */
  int32_t grid;  /* log2 of the points between two nodes */
  int32_t rise, rise_nodes, fall, fall_nodes;
  int32_t look_ahead_us, release_us; /* for 6 dB */
};
enum { LIMITER_PACES = 31, LIMITER_MAX_GRID = 6, LIMITER_MAX_NODES = 512 };

/* The design both twins read. args: [0] drive, [1] ceiling, octaves in Q20; [2] the pace: 0 the
 * one of the settings, 1 to n_paces (from slow to fast) those that a search for a loudness has
 * the choice of. */
struct limiter_design {
  int32_t step, points;     /* frames per control point, points per block */
  int32_t groups, link;     /* gains: one for all but the LFE, or each channel's own; Q24 */
  int32_t n_paces;          /* to choose from; 0: the settings name one */
  int32_t hold;             /* half hold, in points */
  int32_t box;              /* half width of each of three smoothing boxes */
  int32_t slow_attack, slow_release, slow_amount; /* Q24 */
  int32_t ebu_phases;       /* 3: quarters, 1: halves, 0: none (libebur128 by rate) */
  int32_t ebu_taps;         /* a side */
  int32_t points_log2;
  struct limiter_pace pace[1 + LIMITER_PACES];
  /* With each pace: demands of at most so many points come and go with a pace of their own. */
  int32_t spike[1 + LIMITER_PACES]; /* 0: none */
  struct limiter_pace spike_pace[1 + LIMITER_PACES];
  int32_t phases[2];        /* between two points of twice the rate: of the input, output */
  int32_t lfe_group;        /* is not linked with the others; -1: none */
  int32_t group_of[MAX_CHANNELS];
  float even[2][8][8], odd[2][8][8]; /* their taps, from far to near */
  float ebu_even[2][EBU_MAX_TAPS], ebu_odd[2][EBU_MAX_TAPS]; /* [0] quarter, [1] half */
  float weights[4 * 64];    /* spline_weights */
  float twiddle[8192];
  float half_way[4096];     /* spectrum of the filter for the points half way */
};
enum {
  LIMITER_HALF_WAY, LIMITER_DETECT, LIMITER_SET_DEMAND, LIMITER_HOLD, LIMITER_DILATE,
  LIMITER_ERODE, LIMITER_DILATE_SPIKES, LIMITER_ERODE_SPIKES, LIMITER_FOLLOW, LIMITER_SMOOTH,
  LIMITER_APPLY, LIMITER_HALF_WAY_AGAIN, LIMITER_DETECT_AGAIN, LIMITER_CORRECT,
};
#define LIMITER_OCTAVE 1048576
/* Ceiling in octaves (Q20) for args[1]: the manifest's, less what a peak may rise between
 * two points of the detector and by `dither_db` through word length reduction; without a
 * ceiling, one that is never reached. */
int32_t limiter_ceiling(const struct limiter_params *params, double dither_db);
/* Whether the energy next to Nyquist could lift peaks that no interpolator sees: the
 * block's level there against its peak, and its peak against the track's. */
bool limiter_is_high(int32_t high, int32_t block_peak, int32_t track_peak);
#endif
#endif
