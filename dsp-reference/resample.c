/* SPDX-License-Identifier: MIT
 * See resample.h. */
#include "resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "detmath.h"

static const struct param_row resample_rows[] = {
    {.name = "rate", .type = PARAM_INTEGER, .offset = offsetof(struct resample_params, rate_hz),
     .min = 44100, .max = 192000, .initial = 0, .later = 1, .unit = "Hz",
     .help = "sample rate to deliver, by default the source's: 44100, 48000, 88200, 96000, "
             "176400 or 192000"},
    {0},
};

static bool known_rate(int rate_hz) {
  static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
    if (rate_hz == rates[i]) return true;
  return false;
}

static const char *resample_check(const void *params, const char **row) {
  const struct resample_params *p = params;
  *row = "rate";
  return !p->rate_hz || known_rate(p->rate_hz)
             ? NULL
             : "a rate is 44100, 48000, 88200, 96000, 176400 or 192000 Hz";
}

/* ---- design ---- */

static int common_divisor(int a, int b) { return b ? common_divisor(b, a % b) : a; }

/* What a phase needs to know. */
struct prototype {
  int taps;
  double cutoff; /* in units of the input's Nyquist frequency */
  double beta;   /* of the Kaiser window */
};

/* Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", 1974:
 * from the pass band's edge to the lower of the two Nyquist frequencies the response
 * falls by at least ATTENUATION_DB; taps rounded up are spent on more of it. */
static struct prototype prototype_of(int from_hz, int to_hz) {
  const double ATTENUATION_DB = 155;
  const int low_hz = from_hz < to_hz ? from_hz : to_hz;
  if (from_hz == to_hz) return (struct prototype){2 * RESAMPLE_LANES, 1, 0};
  const double pass_hz = low_hz % 44100 ? low_hz / 48000 * 22000.0 : low_hz / 44100 * 20500.0;
  const double stop_hz = low_hz / 2.0;
  const double width = 2 * DET_PI * (stop_hz - pass_hz) / from_hz;
  const int least = (int)((ATTENUATION_DB - 8) / (2.285 * width)) + 2;
  const int group = 2 * RESAMPLE_LANES, taps = (least + group - 1) / group * group;
  const double attenuation_db = 8 + 2.285 * width * (taps - 1);
  return (struct prototype){taps, (pass_hz + stop_hz) / from_hz, 0.1102 * (attenuation_db - 8.7)};
}

/* The taps for output instants `fraction` of an input frame after an input frame, of unity
 * sum; h is scratch. */
static void fill_phase(const struct prototype *p, double fraction, double *h, float *out) {
  const double scale = det_i0(p->beta);
  double sum = 0;
  for (int t = 0; t < p->taps; t++) {
    const double at = t - p->taps / 2 + 1 - fraction, u = at / (p->taps / 2), x = p->cutoff * at;
    const double window = det_i0(p->beta * sqrt(1 - u * u)) / scale; /* |u| <= 1 */
    h[t] = window * (x == 0 ? 1 : det_sinpi(x) / (DET_PI * x));
    sum += h[t];
  }
  for (int t = 0; t < p->taps; t++) out[t] = flush_tiny((float)(h[t] / sum));
  const int inner = (p->taps - RESAMPLE_CENTRE) / 2;
  for (int t = 0; t < RESAMPLE_CENTRE; t++)
    out[p->taps + t] = flush_tiny((float)(h[inner + t] / sum - out[inner + t]));
}

static int resample_design(const void *params, const struct stage_format *f,
                           struct stage_design *out, const char **why) {
  const struct resample_params *p = params;
  const int to_hz = p->rate_hz ? p->rate_hz : f->rate_hz;
  const int divisor = common_divisor(f->rate_hz, to_hz), up = to_hz / divisor;
  const struct prototype prototype = prototype_of(f->rate_hz, to_hz);
  const int row = prototype.taps + RESAMPLE_CENTRE;
  const size_t size = sizeof(struct resample_design) + sizeof(float) * (size_t)up * (size_t)row;
  struct resample_design *d = calloc(1, size);
  double *h = calloc((size_t)prototype.taps, sizeof *h);
  *why = "out of memory";
  if (!d || !h) {
    free(d);
    free(h);
    return -1;
  }
  d->up = up;
  d->down = f->rate_hz / divisor;
  d->taps = prototype.taps;
  for (int m = 0; m < up; m++)
    fill_phase(&prototype, (double)(m * d->down % up) / up, h,
               d->tap + (size_t)m * (size_t)row);
  free(h);
  *out = (struct stage_design){
      .data = d, .size = (uint32_t)size, .shape = {{f->channels, 0, 0, 0}}};
  return 0;
}

int64_t resample_frames(int64_t frames, int from_hz, int to_hz) {
  return (frames * to_hz + from_hz - 1) / from_hz;
}

void resample_reach(const struct resample_design *d, int64_t first, int64_t end, int64_t *from,
                    int64_t *to) {
  *from = first * d->down / d->up - d->taps / 2 + 1;
  *to = (end - 1) * d->down / d->up + d->taps / 2 + 1;
}

/* ---- the pass ---- */

enum {
  GROUP = 8,   /* output frames whose lanes are summed side by side */
  CHAINS = 4,  /* of them at a time in registers */
  PIECE = 256, /* output frames of one window of input, a multiple of GROUP */
  MOST_INPUT = PIECE * 5 + 2048, /* 192 to 44.1 kHz: 4.4 and 1,280 */
};
typedef float wide __attribute__((vector_size(RESAMPLE_LANES * sizeof(float))));
typedef float wide_u
    __attribute__((vector_size(RESAMPLE_LANES * sizeof(float)), aligned(sizeof(float))));
typedef float eight __attribute__((vector_size(8 * sizeof(float))));
typedef float eight_u __attribute__((vector_size(8 * sizeof(float)), aligned(sizeof(float))));
typedef int32_t eight_int __attribute__((vector_size(8 * sizeof(float))));
#define LOAD(p) (*(const wide_u *)(p))
#define INLINE static inline __attribute__((always_inline))

/* Where an output frame m stands. */
struct position {
  int32_t phase;  /* m % up */
  int32_t part;   /* m * down % up */
  int32_t offset; /* of the first input frame it meets, in the window */
};

INLINE void advance(const struct resample_design *d, struct position *at) {
  at->phase = at->phase + 1 == d->up ? 0 : at->phase + 1;
  at->part += d->down % d->up;
  at->offset += d->down / d->up;
  if (at->part < d->up) return;
  at->part -= d->up;
  at->offset++;
}

/* The lanes of CHAINS output frames: taps h, input x. */
INLINE void fill_lanes(const float *const *h, const float *const *x, int taps, wide *sum,
                       wide *lost) {
  const int inner = (taps - RESAMPLE_CENTRE) / 2;
  for (int i = 0; i < CHAINS; i++) sum[i] = lost[i] = (wide){0};
  for (int t = 0; t < inner; t += RESAMPLE_LANES) {
    const int mirrored = taps - RESAMPLE_LANES - t;
    for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] + LOAD(h[i] + t) * LOAD(x[i] + t);
    for (int i = 0; i < CHAINS; i++)
      sum[i] = sum[i] + LOAD(h[i] + mirrored) * LOAD(x[i] + mirrored);
  }
  for (int side = 0; side < RESAMPLE_CENTRE; side += RESAMPLE_LANES)
    for (int i = 0; i < CHAINS; i++) {
      const wide frames = LOAD(x[i] + inner + side);
      const wide product = LOAD(h[i] + inner + side) * frames;
      ADD_KEEPING_ERROR(wide, sum[i], lost[i], product)
      lost[i] = lost[i] + LOAD(h[i] + taps + side) * frames;
    }
}

/* Sums and what they have lost, of several output frames. */
struct sums {
  eight sum, lost;
};
INLINE struct sums add_sums(eight low, eight high, eight lost_low, eight lost_high) {
  struct sums y = {low, lost_low + lost_high};
  ADD_KEEPING_ERROR(eight, y.sum, y.lost, high)
  return y;
}
/* The upper lanes of a and b onto the lower ones; what comes out holds both. */
#define PICK(a, b, member, ...) __builtin_shufflevector((a).member, (b).member, __VA_ARGS__)
#define FOLD(a, b, low, high) \
  add_sums(PICK(a, b, sum, low), PICK(a, b, sum, high), PICK(a, b, lost, low), \
           PICK(a, b, lost, high))
#define LOW_4 0, 1, 2, 3, 8, 9, 10, 11 /* of eight lanes each */
#define HIGH_4 4, 5, 6, 7, 12, 13, 14, 15
#define LOW_2 0, 1, 8, 9, 4, 5, 12, 13 /* of four */
#define HIGH_2 2, 3, 10, 11, 6, 7, 14, 15
#define LOW_1 0, 2, 8, 10, 4, 6, 12, 14 /* of two */
#define HIGH_1 1, 3, 9, 11, 5, 7, 13, 15

/* GROUP output frames from their lanes, lower and upper eight: halves onto halves. */
INLINE void fold_lanes(const eight (*sum)[2], const eight (*lost)[2], float *y) {
  struct sums of[GROUP], both[GROUP / 2];
  for (int i = 0; i < GROUP; i++) of[i] = add_sums(sum[i][0], sum[i][1], lost[i][0], lost[i][1]);
  for (int i = 0; i < 4; i++) both[i] = FOLD(of[i], of[i + 4], LOW_4, HIGH_4);
  const struct sums a = FOLD(both[0], both[1], LOW_2, HIGH_2);
  const struct sums b = FOLD(both[2], both[3], LOW_2, HIGH_2);
  const struct sums all = FOLD(a, b, LOW_1, HIGH_1);
  const eight z = all.sum + all.lost;
  const eight_int tiny = ((eight_int)z & 0x7fffffff) < 0x26800000; /* flush_tiny */
  *(eight_u *)y = (eight)((eight_int)z & ~tiny);
}

/* PIECE output frames from m on, whose input begins at x. */
LACQUER_CLONES
static void convert(const struct resample_design *d, const float *x, int64_t m, float *y) {
  struct position at = {(int32_t)(m % d->up), (int32_t)(m * d->down % d->up), 0};
  union {
    wide all;
    eight halves[2];
  } sum[GROUP], lost[GROUP];
  for (int k = 0; k < PIECE; k += GROUP, y += GROUP) {
    for (int g = 0; g < GROUP; g += CHAINS) {
      const float *h[CHAINS], *in[CHAINS];
      for (int i = 0; i < CHAINS; i++, advance(d, &at)) {
        h[i] = d->tap + (size_t)at.phase * (size_t)(d->taps + RESAMPLE_CENTRE);
        in[i] = x + at.offset;
      }
      fill_lanes(h, in, d->taps, &sum[g].all, &lost[g].all);
    }
    fold_lanes((const eight(*)[2])sum, (const eight(*)[2])lost, y);
  }
}

/* Input frames [from, to) of a channel; 0 outside of [0, n). */
static void load_input(const float *channel, int64_t n, int64_t from, int64_t to, float *x) {
  const int64_t first = from < 0 ? 0 : from, end = to > n ? n : to;
  memset(x, 0, (size_t)(to - from) * sizeof *x);
  if (end > first)
    memcpy(x + (first - from), channel + first, (size_t)(end - first) * sizeof *x);
}

static void resample_convert(const struct stage_io *io, int32_t first, int32_t count) {
  const struct resample_design *d = io->design;
  float x[MOST_INPUT], y[PIECE];
  const int64_t all = (int64_t)(first + count) * BLOCK_FRAMES;
  const int64_t end = all < io->n_frames ? all : io->n_frames;
  for (int c = 0; c < io->channels; c++) {
    const float *src = io->src + (size_t)c * io->stride;
    float *dst = io->dst + (size_t)c * io->stride;
    for (int64_t m = (int64_t)first * BLOCK_FRAMES; m < end; m += PIECE) {
      const int64_t n = end - m < PIECE ? end - m : PIECE;
      int64_t from, to;
      resample_reach(d, m, m + PIECE, &from, &to);
      load_input(src, io->args[0], from, to, x);
      convert(d, x, m, y);
      memcpy(dst + m, y, (size_t)n * sizeof *y);
    }
  }
}

static const struct stage_pass resample_passes[] = {
    {"convert", GRID_BLOCKS, resample_convert},
    {0},
};

const struct stage stage_resample = {
    .name = "resample",
    .help = "sample-rate conversion",
    .role = STAGE_TAIL,
    .rows = resample_rows,
    .params_size = sizeof(struct resample_params),
    .passes = resample_passes,
    .check = resample_check,
    .design = resample_design,
};
