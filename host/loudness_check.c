/* SPDX-License-Identifier: MIT
 * See loudness_check.h. */
#include "loudness_check.h"

#include <ebur128.h>
#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "fold.h"
#include "memory.h"

/* ebur128_init writes tables that all states share. */
static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;

/* libebur128's name of a speaker's place: it has those of BS.2051, in degrees. */
static int place_of(const struct speaker *s) {
  static const struct {
    int azimuth_deg, elevation_deg, left, right;
  } places[] = {{30, 0, EBUR128_Mp030, EBUR128_Mm030},   {90, 0, EBUR128_Mp090, EBUR128_Mm090},
                {110, 0, EBUR128_Mp110, EBUR128_Mm110},  {135, 0, EBUR128_Mp135, EBUR128_Mm135},
                {45, 45, EBUR128_Up045, EBUR128_Um045},  {90, 45, EBUR128_Up090, EBUR128_Um090},
                {135, 45, EBUR128_Up135, EBUR128_Um135}, {0, 0, EBUR128_Mp000, EBUR128_Mp000}};
  const int azimuth_deg = abs(s->azimuth_deg);
  for (size_t i = 0; i < sizeof places / sizeof *places && s->group != GROUP_LFE; i++)
    if (places[i].azimuth_deg == azimuth_deg && places[i].elevation_deg == s->elevation_deg)
      return s->azimuth_deg < 0 ? places[i].right : places[i].left;
  return EBUR128_UNUSED;
}

/* By default all channels after the sixth do not count. */
static int set_places(ebur128_state *meter, const struct layout *layout) {
  for (int c = 0; layout && layout->channels > 2 && c < layout->channels; c++)
    if (ebur128_set_channel(meter, (unsigned)c, place_of(layout->speaker[c])) != EBUR128_SUCCESS)
      return -1;
  return 0;
}

static ebur128_state *open_meter(const struct pcm_shape *shape, int with_true_peak) {
  int mode = EBUR128_MODE_I | EBUR128_MODE_LRA | (with_true_peak ? EBUR128_MODE_TRUE_PEAK : 0);
  pthread_mutex_lock(&init_lock);
  ebur128_state *meter =
      ebur128_init((unsigned)shape->channels, (unsigned long)shape->rate_hz, mode);
  pthread_mutex_unlock(&init_lock);
  if (meter && set_places(meter, shape->layout)) ebur128_destroy(&meter);
  return meter;
}

struct fold_from { /* samples of a bed, on their way to the channels that are measured */
  int channels;
  double gain[MAX_CHANNELS][MAX_CHANNELS]; /* out, in */
};
struct samples {
  const float *const *planar;
  const int32_t *pcm;
  bool is_float;
  float *hops; /* out, unless NULL */
  const struct fold_from *fold; /* of `pcm`, or NULL */
};
static void fold_block(const struct fold_from *from, int channels, const int32_t *pcm, int32_t n,
                       float *block) {
  for (int32_t i = 0; i < n; i++, pcm += from->channels)
    for (int o = 0; o < channels; o++) {
      double sum = 0;
      for (int c = 0; c < from->channels; c++) sum += from->gain[o][c] * pcm[c];
      *block++ = (float)(sum * 0x1p-31);
    }
}
/* Frames [at, at + n) of either kind of samples to the meter. */
static int feed(ebur128_state *meter, const struct pcm_shape *shape, const struct samples *s,
                int32_t at, int32_t n) {
  float block[2048 * MAX_CHANNELS];
  const int channels = s->fold ? s->fold->channels : shape->channels;
  const int32_t *pcm = s->pcm ? s->pcm + (size_t)at * (size_t)channels : NULL;
  if (s->fold) {
    fold_block(s->fold, shape->channels, pcm, n, block);
    return ebur128_add_frames_float(meter, block, (size_t)n);
  }
  if (s->is_float)
    return ebur128_add_frames_float(meter, (const float *)(const void *)pcm, (size_t)n);
  if (pcm) return ebur128_add_frames_int(meter, pcm, (size_t)n);
  for (int c = 0; c < shape->channels; c++)
    for (int32_t i = 0; i < n; i++) block[i * shape->channels + c] = s->planar[c][at + i];
  return ebur128_add_frames_float(meter, block, (size_t)n);
}

/* Feeds everything, tick by tick; `ticks` gets the energy of every whole one. */
static int feed_ticks(ebur128_state *meter, const struct pcm_shape *shape, const struct samples *s,
                      double *ticks) {
  const int32_t tick = shape->rate_hz * LOUDNESS_TICK_MS / 1000;
  int result = EBUR128_SUCCESS;
  for (int32_t at = 0; at < shape->n_frames && result == EBUR128_SUCCESS; at += tick) {
    const int32_t n = shape->n_frames - at < tick ? shape->n_frames - at : tick;
    double lufs = -HUGE_VAL;
    result = feed(meter, shape, s, at, n);
    if (result != EBUR128_SUCCESS || n < tick) break;
    result = ebur128_loudness_window(meter, LOUDNESS_TICK_MS, &lufs);
    ticks[at / tick] = pow(10, (lufs + 0.691) / 10) * tick;
  }
  return result;
}

/* The highest true peak of the channels in dBTP. */
static int read_true_peak(ebur128_state *meter, double *true_peak_dbtp) {
  double peak = 0, of_channel;
  for (unsigned c = 0; c < meter->channels; c++) {
    const int result = ebur128_true_peak(meter, c, &of_channel);
    if (result != EBUR128_SUCCESS) return result;
    if (of_channel > peak) peak = of_channel;
  }
  *true_peak_dbtp = peak > 0 ? 20 * log10(peak) : -HUGE_VAL;
  return EBUR128_SUCCESS;
}

static enum status measure(const struct pcm_shape *shape, const struct samples *samples,
                           struct loudness_figures *f, double *true_peak_dbtp,
                           struct failure *why) {
  if (shape->channels < 1 || shape->channels > (shape->layout ? MAX_CHANNELS : 2) ||
      (shape->layout && shape->layout->channels != shape->channels) || shape->rate_hz < 1000 ||
      shape->rate_hz > 200000)
    return fail(why, STATUS_INTERNAL, "loudness check: %d channels at %d Hz (accepted: 1, 2 "
                "or a layout's, at 1000 to 200000 Hz)", shape->channels, shape->rate_hz);
  ebur128_state *meter = open_meter(shape, true_peak_dbtp != NULL);
  if (!meter) return fail(why, STATUS_AGAIN, "loudness check: out of memory");
  const int32_t n = loudness_ticks(shape->n_frames, shape->rate_hz);
  double *ticks = memory_new((size_t)n + 1, sizeof *ticks);
  int result = feed_ticks(meter, shape, samples, ticks);
  for (int32_t i = 0; samples->hops && i < n / 10 * 10; i++)
    samples->hops[i / 10] = (i % 10 ? samples->hops[i / 10] : 0) + (float)ticks[i];
  f->momentary_lufs = loudness_maximum(ticks, n, LOUDNESS_MOMENTARY, shape->rate_hz);
  f->short_term_lufs = loudness_maximum(ticks, n, LOUDNESS_SHORT_TERM, shape->rate_hz);
  free(ticks);
  if (result == EBUR128_SUCCESS) result = ebur128_loudness_global(meter, &f->integrated_lufs);
  if (result == EBUR128_SUCCESS) result = ebur128_loudness_range(meter, &f->range_lu);
  if (result == EBUR128_SUCCESS && true_peak_dbtp) result = read_true_peak(meter, true_peak_dbtp);
  ebur128_destroy(&meter);
  if (result == EBUR128_SUCCESS) return STATUS_OK;
  return fail(why, STATUS_AGAIN, "loudness check: libebur128 failed with code %d", result);
}

enum status loudness_measure_planar(const struct pcm_shape *shape, const float *const *pcm,
                                    struct loudness_figures *figures, double *true_peak_dbtp,
                                    struct failure *why) {
  return measure(shape, &(struct samples){.planar = pcm}, figures, true_peak_dbtp, why);
}

enum status loudness_measure_pcm(const struct pcm_shape *shape, const int32_t *pcm, bool is_float,
                                 struct loudness_figures *figures, double *true_peak_dbtp,
                                 struct failure *why) {
  const struct samples samples = {.pcm = pcm, .is_float = is_float};
  return measure(shape, &samples, figures, true_peak_dbtp, why);
}

enum status loudness_measure_folded(const struct pcm_shape *shape, const int32_t *pcm,
                                    const struct layout *to, struct loudness_figures *figures,
                                    double *true_peak_dbtp, struct failure *why) {
  const struct pcm_shape folded = {shape->rate_hz, to->channels, shape->n_frames, to};
  struct fold_from from = {.channels = shape->channels};
  for (int o = 0; o < to->channels; o++)
    for (int c = 0; c < shape->channels; c++)
      from.gain[o][c] = fold_gain(shape->layout, to, FOLD_LO_RO, o, c);
  return measure(&folded, &(struct samples){.pcm = pcm, .fold = &from}, figures, true_peak_dbtp,
                 why);
}

enum status loudness_measure_hops(const struct pcm_shape *shape, const int32_t *pcm, bool is_float,
                                  struct loudness_figures *figures, float *hops,
                                  struct failure *why) {
  const struct samples samples = {.pcm = pcm, .is_float = is_float, .hops = hops};
  return measure(shape, &samples, figures, NULL, why);
}

/* ---- piece by piece ---- */

struct loudness_meter {
  struct pcm_shape shape;
  ebur128_state *state;
  double *ticks; /* energies of the whole ones */
  float *frames; /* of the tick at hand, interleaved */
  int32_t tick, n_held, n_done; /* frames of a tick, held, ticks done */
};

static enum status meter_failed(int result, struct failure *why) {
  return fail(why, STATUS_AGAIN, "loudness check: libebur128 failed with code %d", result);
}

enum status loudness_meter_open(const struct layout *layout, int rate_hz, int32_t n_frames,
                                struct loudness_meter **out, struct failure *why) {
  struct loudness_meter *m = calloc(1, sizeof *m);
  *out = m;
  if (m) {
    m->shape = (struct pcm_shape){rate_hz, layout->channels, n_frames, layout};
    m->tick = rate_hz * LOUDNESS_TICK_MS / 1000;
    m->ticks = calloc((size_t)loudness_ticks(n_frames, rate_hz) + 1, sizeof *m->ticks);
    m->frames = malloc((size_t)m->tick * (size_t)layout->channels * sizeof *m->frames);
    m->state = open_meter(&m->shape, 1);
  }
  if (m && m->state && m->ticks && m->frames) return STATUS_OK;
  loudness_meter_close(out);
  return fail(why, STATUS_AGAIN, "loudness check: out of memory");
}

void loudness_meter_close(struct loudness_meter **meter) {
  if (!*meter) return;
  if ((*meter)->state) ebur128_destroy(&(*meter)->state);
  free((*meter)->ticks);
  free((*meter)->frames);
  free(*meter);
  *meter = NULL;
}

/* The frames that are held go in; of a whole tick the energy is kept. */
static int meter_tick(struct loudness_meter *m) {
  double lufs = -HUGE_VAL;
  int result = ebur128_add_frames_float(m->state, m->frames, (size_t)m->n_held);
  const bool whole = m->n_held == m->tick;
  m->n_held = 0;
  if (result != EBUR128_SUCCESS || !whole) return result;
  result = ebur128_loudness_window(m->state, LOUDNESS_TICK_MS, &lufs);
  m->ticks[m->n_done++] = pow(10, (lufs + 0.691) / 10) * m->tick;
  return result;
}

enum status loudness_meter_add(struct loudness_meter *m, const float *planar, size_t stride,
                               int32_t n, struct failure *why) {
  const int channels = m->shape.channels;
  for (int32_t i = 0; i < n; i++) {
    float *to = m->frames + (size_t)m->n_held * (size_t)channels;
    for (int c = 0; c < channels; c++) to[c] = planar[(size_t)c * stride + (size_t)i];
    if (++m->n_held < m->tick) continue;
    const int result = meter_tick(m);
    if (result != EBUR128_SUCCESS) return meter_failed(result, why);
  }
  return STATUS_OK;
}

enum status loudness_meter_read(struct loudness_meter *m, struct loudness_figures *f,
                                double *true_peak_dbtp, struct failure *why) {
  int result = m->n_held ? meter_tick(m) : EBUR128_SUCCESS;
  const int rate_hz = m->shape.rate_hz;
  f->momentary_lufs = loudness_maximum(m->ticks, m->n_done, LOUDNESS_MOMENTARY, rate_hz);
  f->short_term_lufs = loudness_maximum(m->ticks, m->n_done, LOUDNESS_SHORT_TERM, rate_hz);
  if (result == EBUR128_SUCCESS) result = ebur128_loudness_global(m->state, &f->integrated_lufs);
  if (result == EBUR128_SUCCESS) result = ebur128_loudness_range(m->state, &f->range_lu);
  if (result == EBUR128_SUCCESS) result = read_true_peak(m->state, true_peak_dbtp);
  return result == EBUR128_SUCCESS ? STATUS_OK : meter_failed(result, why);
}
