/* SPDX-License-Identifier: MIT
 * See dither.h and dither.md. */
#include "dither.h"

#include <stdlib.h>

#include "clones.h"
#include "detmath.h"

static const char *const dither_modes[] = {"tpdf", "none", "rpdf", "tpdf_hp", "shaped", NULL};
static const char *const no_yes[] = {"false", "true", NULL};

static const struct param_row dither_rows[] = {
    {.name = "bits", .type = PARAM_INTEGER, .offset = offsetof(struct dither_params, bits),
     .min = 16, .max = 32, .initial = 24, .unit = "bit",
     .help = "word length: integers of 16, 20 or 24, or 32-bit float"},
    {.name = "dither", .type = PARAM_CHOICE, .offset = offsetof(struct dither_params, mode),
     .choices = dither_modes, .help = "noise added before the word length is reduced"},
    {.name = "blank", .type = PARAM_CHOICE, .offset = offsetof(struct dither_params, blank),
     .choices = no_yes, .later = 1,
     .help = "digital silence stays digital silence after 20 ms of it"},
    {0},
};

static const char *dither_check(const void *params, const char **row) {
  const struct dither_params *p = params;
  *row = "bits";
  if (p->bits != 16 && p->bits != 20 && p->bits != 24 && p->bits != 32)
    return "a word length is 16, 20 or 24 bit, or 32 for float";
  *row = "dither";
  if (p->bits == 32 && p->mode != DITHER_TPDF && p->mode != DITHER_NONE)
    return "32-bit float takes no dither (accepted: none, or leave it out)";
  return NULL;
}

/* ---- the noise-shaping filter ---- */

/* Threshold of hearing in quiet, dB SPL (Terhardt, "Calculating virtual pitch", Hearing
 * Research 1, 1979). */
static double hearing_threshold_db(double freq_hz) {
  const double k = (freq_hz < 20 ? 20 : freq_hz) / 1000, d = k - 3.3;
  return 3.64 * det_pow(k, -0.8) - 6.5 * det_exp(-0.6 * d * d) + 1e-3 * k * k * k * k;
}

enum { THRESHOLD_POINTS = 2048 };
/* The threshold counts up to so much above its lowest: the more, the less audible the noise
 * and the greater its power. */
static const double threshold_span_db = 35;

/* Autocorrelation of a signal whose spectrum is the inverse of the threshold. */
static void threshold_correlation(int rate_hz, double r[SHAPE_ORDER + 1]) {
  double lowest = 1e9;
  for (int i = 0; i < THRESHOLD_POINTS; i++) {
    const double t = hearing_threshold_db((i + 0.5) / THRESHOLD_POINTS * rate_hz / 2);
    if (t < lowest) lowest = t;
  }
  for (int k = 0; k <= SHAPE_ORDER; k++) r[k] = 0;
  for (int i = 0; i < THRESHOLD_POINTS; i++) {
    double t = hearing_threshold_db((i + 0.5) / THRESHOLD_POINTS * rate_hz / 2) - lowest;
    if (t > threshold_span_db) t = threshold_span_db;
    const double weight = det_db_to_gain(-2 * t); /* a power */
    for (int k = 0; k <= SHAPE_ORDER; k++)
      r[k] += weight * det_cospi((i + 0.5) / THRESHOLD_POINTS * k);
  }
}

/* The prediction-error filter 1 + a1 z^-1 + ... that makes the weighted noise least
 * (Levinson and Durbin); its mean level over all frequencies is 0 dB, as that of any such
 * filter (Gerzon and Craven, AES preprint 2822, 1989). */
static void design_shape(int rate_hz, int32_t tap[12]) {
  double r[SHAPE_ORDER + 1], a[SHAPE_ORDER + 1] = {1}, old[SHAPE_ORDER + 1];
  threshold_correlation(rate_hz, r);
  double error = r[0];
  for (int i = 1; i <= SHAPE_ORDER; i++) {
    double sum = 0;
    for (int k = 0; k < i; k++) sum += a[k] * r[i - k];
    const double reflection = -sum / error;
    for (int k = 0; k <= i; k++) old[k] = a[k];
    for (int k = 1; k <= i; k++) a[k] = old[k] + reflection * old[i - k];
    error *= 1 - reflection * reflection;
  }
  for (int k = 0; k < SHAPE_ORDER; k++) {
    const double q = -a[k + 1] * 4096;
    tap[k] = (int32_t)(q < 0 ? q - 0.5 : q + 0.5);
  }
}

double dither_peak_lsb(const struct dither_params *p, int rate_hz) {
  static const double peak[] = {[DITHER_TPDF] = 1.5, [DITHER_NONE] = 0.5, [DITHER_RPDF] = 1,
                                [DITHER_TPDF_HP] = 1.5, [DITHER_SHAPED] = 1.5};
  if (p->bits == 32) return 0;
  const double unit = det_exp2(p->bits - 32); /* to_fixed truncates to so many LSB */
  if (p->mode != DITHER_SHAPED) return peak[p->mode] + (p->mode == DITHER_NONE ? unit : 0);
  int32_t tap[12] = {0};
  double sum = 1;
  design_shape(rate_hz, tap);
  for (int k = 0; k < SHAPE_ORDER; k++) sum += abs(tap[k]) / 4096.0;
  /* and what is lost in to_fixed, fraction_of and shape_wanted */
  return 1.5 * sum + unit + 1.5 * det_exp2(p->bits == 24 ? -8 : -12);
}

static int dither_design(const void *params, const struct stage_format *f,
                         struct stage_design *out, const char **why) {
  const struct dither_params *p = params;
  struct dither_design *d = calloc(1, sizeof *d);
  *why = "out of memory";
  if (!d) return -1;
  d->shift = p->bits == 32 ? 8 : 32 - p->bits;
  d->mode = p->bits == 32 ? DITHER_FLOAT : p->mode;
  d->fraction = d->shift < 12 ? d->shift : 12;
  d->blank_frames = p->blank ? f->rate_hz / 50 : INT32_MAX;
  if (d->mode == DITHER_SHAPED) design_shape(f->rate_hz, d->tap);
  /* The shapes are the same for all settings, so that the variants of a track may differ.
   * A window needs the shaped stretch it begins in, and 20 ms before that. */
  const int32_t history = SHAPE_FRAMES / BLOCK_FRAMES - 1 + 2;
  *out = (struct stage_design){
      .data = d, .size = sizeof *d, .control_words = 1, .control_sections = 1,
      .shape = {{1, 0, history, 0}, {f->channels, 0, history, 0}}};
  return 0;
}

/* ---- noise and rounding ---- */

/* One channel of a stretch of frames. */
struct stretch {
  const float *x; /* the channel's first frame of the track */
  int32_t begin, n; /* n <= BLOCK_FRAMES */
  int channel;
  uint seed;
};

LACQUER_CLONES
static void random_words(const struct stretch *s, uint *restrict r1, uint *restrict r2) {
  const uint at = to_uint(s->begin), channel = to_uint(s->channel), seed = s->seed;
  for (int i = 0; i < s->n; i++) {
    uint a = at + to_uint(i), b = channel;
    PHILOX(a, b, seed)
    r1[i] = a;
    r2[i] = b;
  }
}

LACQUER_CLONES
static void noise_of(int mode, int n, const uint *restrict r1, const uint *restrict r2,
                     int fraction, int *restrict noise) {
  for (int i = 0; i < n; i++)
    noise[i] = dither_noise(mode, r1[i + 1], r2[i + 1], r1[i], fraction);
}

static void draw_noise(const struct stretch *s, int mode, int fraction, int *noise) {
  uint r1[BLOCK_FRAMES + 1], r2[BLOCK_FRAMES + 1]; /* [0]: of the frame before */
  if (mode == DITHER_NONE) {
    memset(noise, 0, (size_t)s->n * sizeof *noise);
    return;
  }
  random_words(s, r1 + 1, r2 + 1);
  r1[0] = to_uint(s->begin) - 1u;
  r2[0] = to_uint(s->channel);
  if (mode == DITHER_TPDF_HP) PHILOX(r1[0], r2[0], s->seed)
  noise_of(mode, s->n, r1, r2, fraction, noise);
}

LACQUER_CLONES
static int count_over(const struct stretch *s) {
  const float *x = s->x + s->begin;
  int over = 0;
  for (int i = 0; i < s->n; i++) over += abs_bits(x[i]) > 1.0f;
  return over;
}

LACQUER_CLONES
static void round_frames(const struct stretch *s, const int *restrict noise, int shift,
                         int32_t *restrict word) {
  const float *x = s->x + s->begin;
  for (int i = 0; i < s->n; i++) word[i] = quantise(to_fixed(x[i]), noise[i], shift);
}

/* Zeros that end just before frame `end`, counted up to `most` (INT32_MAX: not at all);
 * outside the track all is 0. */
static int32_t zeros_before(const float *x, int32_t end, int32_t most) {
  int32_t n = 0;
  if (most == INT32_MAX) return 0;
  while (n < most && n < end && to_fixed(x[end - 1 - n]) == 0) n++;
  return n == end ? most : n;
}

/* Zeros that follow blank_frames zeros stay so. */
static void blank_zeros(const struct stretch *s, int32_t blank_frames, int32_t *word) {
  int32_t zeros = zeros_before(s->x, s->begin, blank_frames);
  for (int i = 0; i < s->n; i++) {
    const bool zero = to_fixed(s->x[s->begin + i]) == 0;
    if (zero && zeros >= blank_frames) word[i] = 0;
    zeros = zero ? min_int(zeros + 1, blank_frames) : 0;
  }
}

static void float_words(const struct stretch *s, int32_t *word) {
  memcpy(word, s->x + s->begin, (size_t)s->n * sizeof *word);
}

static void interleave(const int32_t *word, int n, int channel, int channels, int32_t *out) {
  for (int i = 0; i < n; i++) out[i * channels + channel] = word[i];
}

static struct stretch stretch_of(const struct stage_io *io, int32_t block, int channel) {
  const int32_t begin = block * BLOCK_FRAMES;
  return (struct stretch){io->src + (size_t)channel * io->stride, begin,
                          min_int(BLOCK_FRAMES, io->n_frames - begin), channel,
                          to_uint(io->args[0])};
}

static int32_t *out_at(const struct stage_io *io, int32_t frame) {
  return (int32_t *)(void *)io->dst + (size_t)frame * io->channels;
}

/* Every mode but DITHER_SHAPED; counts samples beyond full scale in all. */
static void dither_quantise(const struct stage_io *io, int32_t first, int32_t count) {
  const struct dither_design *d = io->design;
  int noise[BLOCK_FRAMES];
  int32_t word[BLOCK_FRAMES];
  for (int32_t b = first; b < first + count; b++) {
    io->control[b] = 0;
    for (int c = 0; c < io->channels; c++) {
      const struct stretch s = stretch_of(io, b, c);
      if (d->mode != DITHER_FLOAT) io->control[b] += count_over(&s);
      if (d->mode == DITHER_SHAPED) continue;
      if (d->mode == DITHER_FLOAT) {
        float_words(&s, word);
      } else {
        draw_noise(&s, d->mode, d->shift, noise);
        round_frames(&s, noise, d->shift, word);
        if (d->blank_frames < INT32_MAX) blank_zeros(&s, d->blank_frames, word);
      }
      interleave(word, s.n, c, io->channels, out_at(io, s.begin));
    }
  }
}

/* ---- error feedback ---- */

/* Shapes one block; `error` are the errors of the frames before, the latest first. */
static void shape_frames(const struct stretch *s, const struct dither_design *d, int32_t *error,
                         int32_t *zeros, int32_t *word) {
  int noise[BLOCK_FRAMES];
  int32_t e[SHAPE_ORDER];
  const int shift = d->shift, fraction = d->fraction;
  draw_noise(s, DITHER_TPDF, fraction, noise);
  for (int k = 0; k < SHAPE_ORDER; k++) e[k] = error[k];
  for (int i = 0; i < s->n; i++) {
    const int fixed = to_fixed(s->x[s->begin + i]);
    int feedback = 0;
    for (int k = SHAPE_ORDER - 1; k >= 0; k--) feedback += d->tap[k] * e[k];
    const int wanted = shape_wanted(fraction_of(fixed, shift, fraction), feedback);
    int step = shape_step(wanted, noise[i], fraction);
    int rest = step * (1 << fraction) - wanted;
    if (fixed == 0 && *zeros >= d->blank_frames) step = rest = 0;
    for (int k = SHAPE_ORDER - 1; k > 0; k--) e[k] = e[k - 1];
    e[0] = rest;
    *zeros = fixed == 0 ? min_int(*zeros + 1, d->blank_frames) : 0;
    word[i] = justify((fixed >> shift) + step, shift);
  }
  for (int k = 0; k < SHAPE_ORDER; k++) error[k] = e[k];
}

/* The blocks at multiples of SHAPE_FRAMES do the stretch that begins there. */
static void dither_shape(const struct stage_io *io, int32_t first, int32_t count) {
  enum { STRETCH = SHAPE_FRAMES / BLOCK_FRAMES };
  const struct dither_design *d = io->design;
  int32_t word[BLOCK_FRAMES];
  if (d->mode != DITHER_SHAPED) return;
  for (int32_t b = (first + STRETCH - 1) / STRETCH * STRETCH; b < first + count; b += STRETCH)
    for (int c = 0; c < io->channels; c++) {
      const int32_t end = min_int(b + STRETCH, io->n_blocks);
      int32_t error[SHAPE_ORDER] = {0};
      int32_t zeros = zeros_before(io->src + (size_t)c * io->stride, b * BLOCK_FRAMES,
                                   d->blank_frames);
      for (int32_t k = b; k < end; k++) {
        const struct stretch s = stretch_of(io, k, c);
        shape_frames(&s, d, error, &zeros, word);
        interleave(word, s.n, c, io->channels, out_at(io, s.begin));
      }
    }
}

static const struct stage_pass dither_passes[] = {
    {"quantise", GRID_BLOCKS, dither_quantise},
    {"shape", GRID_BLOCKS, dither_shape},
    {0},
};

const struct stage stage_dither = {
    .name = "dither",
    .help = "dither and word length",
    .role = STAGE_TAIL,
    .rows = dither_rows,
    .params_size = sizeof(struct dither_params),
    .passes = dither_passes,
    .check = dither_check,
    .design = dither_design,
};
