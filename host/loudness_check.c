/* SPDX-License-Identifier: MIT
 * See loudness_check.h. */
#include "loudness_check.h"

#include <ebur128.h>
#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

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

enum { MOST_CHANNELS = 64 /* of a meter */, MOST_FRAMES = 2048 /* of a tick */ };

struct samples {
  const float *const *planar;
  const int32_t *pcm;
  bool is_float;
  bool gated_here; /* by loudness.h, from libebur128's energies */
  float *hops; /* out, unless NULL */
  const struct stage_design *render; /* of `pcm`, with so many channels; or NULL */
  int render_channels;
};
struct metering {
  ebur128_state *meter;
  const struct pcm_shape *shape; /* of what is measured */
  const struct samples *samples;
  int first, n_channels; /* the meter's */
  float *block, *planar; /* of a tick: interleaved, for the meter; for a render */
};

/* By default all channels after the sixth do not count. */
static int set_places(const struct metering *m) {
  const struct layout *layout = m->shape->layout;
  for (int c = 0; layout && layout->channels > 2 && c < m->n_channels; c++)
    if (ebur128_set_channel(m->meter, (unsigned)c, place_of(layout->speaker[m->first + c])) !=
        EBUR128_SUCCESS)
      return -1;
  return 0;
}

static bool open_meter(struct metering *m, bool gates, bool with_true_peak) {
  const int mode = (gates ? EBUR128_MODE_I | EBUR128_MODE_LRA : EBUR128_MODE_M) |
                   (with_true_peak ? EBUR128_MODE_TRUE_PEAK : 0);
  pthread_mutex_lock(&init_lock);
  m->meter = ebur128_init((unsigned)m->n_channels, (unsigned long)m->shape->rate_hz, mode);
  pthread_mutex_unlock(&init_lock);
  if (m->meter && set_places(m)) ebur128_destroy(&m->meter);
  return m->meter != NULL;
}

/* The words of the meter's channels as they are in `pcm`. */
static void take_channels(const struct metering *m, const int32_t *pcm, int32_t n) {
  const size_t all = (size_t)m->shape->channels, own = (size_t)m->n_channels;
  for (size_t i = 0; i < (size_t)n; i++)
    memcpy(m->block + i * own, pcm + i * all + m->first, own * sizeof *pcm);
}

static void take_planar(const struct metering *m, const float *const *planar, int32_t at,
                        int32_t n) {
  for (int c = 0; c < m->n_channels; c++)
    for (int32_t i = 0; i < n; i++)
      m->block[i * m->n_channels + c] = planar[m->first + c][at + i];
}

static void take_render(const struct metering *m, const int32_t *pcm, int32_t at, int32_t n) {
  const int channels = m->samples->render_channels;
  float out[MOST_FRAMES];
  for (int c = 0; c < channels; c++)
    for (int32_t i = 0; i < n; i++)
      m->planar[c * MOST_FRAMES + i] = (float)pcm[i * channels + c] * 0x1p-31f;
  for (int o = 0; o < m->n_channels; o++) {
    fold_frames(m->samples->render->data, m->planar, MOST_FRAMES, at, n, o, out);
    for (int32_t i = 0; i < n; i++) m->block[i * m->n_channels + o] = out[i];
  }
}

/* Frames [at, at + n) of any kind of samples to the meter. */
static int feed(const struct metering *m, int32_t at, int32_t n) {
  const struct samples *s = m->samples;
  const int channels = s->render ? s->render_channels : m->shape->channels;
  const int32_t *pcm = s->pcm ? s->pcm + (size_t)at * (size_t)channels : NULL;
  const void *words = m->block;
  if (s->render) take_render(m, pcm, at, n);
  else if (!pcm) take_planar(m, s->planar, at, n);
  else if (m->n_channels < channels) take_channels(m, pcm, n);
  else words = pcm;
  if (pcm && !s->is_float && !s->render) return ebur128_add_frames_int(m->meter, words, (size_t)n);
  return ebur128_add_frames_float(m->meter, words, (size_t)n);
}

/* Feeds everything, tick by tick; `ticks` gets the energy of every whole one on top. */
static int feed_ticks(const struct metering *m, double *ticks) {
  const int32_t tick = m->shape->rate_hz * LOUDNESS_TICK_MS / 1000, end = m->shape->n_frames;
  int result = EBUR128_SUCCESS;
  for (int32_t at = 0; at < end && result == EBUR128_SUCCESS; at += tick) {
    const int32_t n = end - at < tick ? end - at : tick;
    double lufs = -HUGE_VAL;
    result = feed(m, at, n);
    if (result != EBUR128_SUCCESS || n < tick) break;
    result = ebur128_loudness_window(m->meter, LOUDNESS_TICK_MS, &lufs);
    ticks[at / tick] += pow(10, (lufs + 0.691) / 10) * tick;
  }
  return result;
}

/* The highest true peak of the channels, or what *peak is. */
static int read_true_peak(ebur128_state *meter, double *peak) {
  double of_channel;
  for (unsigned c = 0; c < meter->channels; c++) {
    const int result = ebur128_true_peak(meter, c, &of_channel);
    if (result != EBUR128_SUCCESS) return result;
    if (of_channel > *peak) *peak = of_channel;
  }
  return EBUR128_SUCCESS;
}

/* One meter after the other, as none takes more than MOST_CHANNELS. */
static int run_meters(struct metering *m, double *ticks, struct loudness_figures *f,
                      double *peak) {
  int result = EBUR128_SUCCESS;
  for (; m->first < m->shape->channels && result == EBUR128_SUCCESS; m->first += MOST_CHANNELS) {
    m->n_channels = min_int(m->shape->channels - m->first, MOST_CHANNELS);
    const bool gates = !m->samples->gated_here;
    if (!open_meter(m, gates, peak != NULL)) return EBUR128_ERROR_NOMEM;
    result = feed_ticks(m, ticks);
    if (result == EBUR128_SUCCESS && gates)
      result = ebur128_loudness_global(m->meter, &f->integrated_lufs);
    if (result == EBUR128_SUCCESS && gates)
      result = ebur128_loudness_range(m->meter, &f->range_lu);
    if (result == EBUR128_SUCCESS && peak) result = read_true_peak(m->meter, peak);
    ebur128_destroy(&m->meter);
  }
  return result;
}

/* From the energies of all meters. */
static void gate(const float *hops, int32_t n, int rate_hz, struct loudness_figures *f) {
  double *scratch = memory_new((size_t)n + 1, sizeof *scratch);
  f->integrated_lufs = loudness_integrated(hops, n, rate_hz, scratch);
  f->range_lu = loudness_range(hops, n, rate_hz, scratch);
  free(scratch);
}

static bool is_sound(const struct pcm_shape *s) {
  return s->channels >= 1 && s->channels <= (s->layout ? MAX_CHANNELS : 2) &&
         (!s->layout || s->layout->channels == s->channels) && s->rate_hz >= 1000 &&
         s->rate_hz <= 200000;
}

static enum status measure(const struct pcm_shape *shape, const struct samples *samples,
                           struct loudness_figures *f, double *true_peak_dbtp,
                           struct failure *why) {
  if (!is_sound(shape))
    return fail(why, STATUS_INTERNAL, "loudness check: %d channels at %d Hz (accepted: 1, 2 "
                "or a layout's, at 1000 to 200000 Hz)", shape->channels, shape->rate_hz);
  struct metering m = {.shape = shape, .samples = samples};
  const int32_t n = loudness_ticks(shape->n_frames, shape->rate_hz);
  double *ticks = memory_new((size_t)n + 1, sizeof *ticks), peak = 0;
  float *hops = memory_new((size_t)n / 10 + 1, sizeof *hops);
  m.block = memory_new(MOST_FRAMES * (size_t)shape->channels, sizeof *m.block);
  m.planar = memory_new(MOST_FRAMES * ((size_t)samples->render_channels + 1), sizeof *m.planar);
  const int result = run_meters(&m, ticks, f, true_peak_dbtp ? &peak : NULL);
  for (int32_t i = 0; i < n / 10 * 10; i++) hops[i / 10] += (float)ticks[i];
  if (samples->hops) memcpy(samples->hops, hops, (size_t)(n / 10) * sizeof *hops);
  if (samples->gated_here || shape->channels > MOST_CHANNELS)
    gate(hops, n / 10, shape->rate_hz, f);
  f->momentary_lufs = loudness_maximum(ticks, n, LOUDNESS_MOMENTARY, shape->rate_hz);
  f->short_term_lufs = loudness_maximum(ticks, n, LOUDNESS_SHORT_TERM, shape->rate_hz);
  if (true_peak_dbtp) *true_peak_dbtp = peak > 0 ? 20 * log10(peak) : -HUGE_VAL;
  free(m.planar);
  free(m.block);
  free(hops);
  free(ticks);
  if (result == EBUR128_SUCCESS) return STATUS_OK;
  if (result == EBUR128_ERROR_NOMEM)
    return fail(why, STATUS_AGAIN, "loudness check: out of memory");
  return fail(why, STATUS_AGAIN, "loudness check: libebur128 failed with code %d", result);
}

enum status loudness_measure_planar(const struct pcm_shape *shape, const float *const *pcm,
                                    struct loudness_figures *figures, double *true_peak_dbtp,
                                    struct failure *why) {
  return measure(shape, &(struct samples){.planar = pcm}, figures, true_peak_dbtp, why);
}

enum status loudness_measure_fast(const struct pcm_shape *shape, const float *const *pcm,
                                  struct loudness_figures *figures, struct failure *why) {
  return measure(shape, &(struct samples){.planar = pcm, .gated_here = true}, figures, NULL, why);
}

enum status loudness_measure_pcm(const struct pcm_shape *shape, const int32_t *pcm, bool is_float,
                                 struct loudness_figures *figures, double *true_peak_dbtp,
                                 struct failure *why) {
  const struct samples samples = {.pcm = pcm, .is_float = is_float};
  return measure(shape, &samples, figures, true_peak_dbtp, why);
}

/* Where frames of one rate are at another, in place. Blocks may fall on one frame: the last one
 * holds. */
static void convert_blocks(struct scene_object *o, int from_hz, int to_hz) {
  for (int32_t k = 0; k < o->n_blocks; k++) {
    struct scene_block *b = &o->blocks[k];
    const int64_t arrival = ((int64_t)b->frame + b->ramp_frames) * to_hz / from_hz;
    b->frame = (int32_t)((int64_t)b->frame * to_hz / from_hz);
    b->ramp_frames = (int32_t)(arrival < INT32_MAX ? arrival - b->frame : INT32_MAX - b->frame);
  }
}

/* A copy of the scene at another rate, to be given to scene_destroy; NULL: no memory. */
static struct scene *convert_scene(const struct scene *from, int from_hz, int to_hz) {
  struct scene *s = calloc(1, sizeof *s);
  if (s) s->objects = calloc((size_t)from->n_objects, sizeof *s->objects);
  bool made = s && s->objects;
  for (int i = 0; made && i < from->n_objects; i++) {
    struct scene_object *o = &s->objects[s->n_objects++];
    const size_t bytes = (size_t)from->objects[i].n_blocks * sizeof *o->blocks;
    o->n_blocks = from->objects[i].n_blocks;
    o->blocks = malloc(bytes);
    made = o->blocks != NULL;
    if (!made) continue;
    memcpy(o->blocks, from->objects[i].blocks, bytes);
    convert_blocks(o, from_hz, to_hz);
  }
  if (!made) scene_destroy(&s);
  return s;
}

enum status loudness_measure_folded(const struct pcm_shape *shape, const struct scene_at *at,
                                    const int32_t *pcm, const struct layout *to,
                                    struct loudness_figures *figures, double *true_peak_dbtp,
                                    struct failure *why) {
  const struct pcm_shape folded = {shape->rate_hz, to->channels, shape->n_frames, to};
  struct scene *other = NULL;
  if (at->scene && at->rate_hz != shape->rate_hz &&
      !(other = convert_scene(at->scene, at->rate_hz, shape->rate_hz)))
    return fail(why, STATUS_AGAIN, "loudness check: out of memory");
  const struct stage_format format = {shape->rate_hz, shape->channels, shape->layout,
                                      other ? other : at->scene};
  const struct fold_params params = fold_to(to);
  struct stage_design design;
  const char *reason;
  const int failed = stage_fold.design(&params, &format, &design, &reason);
  scene_destroy(&other);
  if (failed)
    return fail(why, strcmp(reason, "out of memory") ? STATUS_INTERNAL : STATUS_AGAIN,
                "loudness check: %s to %s: %s", shape->layout->name, to->name, reason);
  const struct samples samples = {.pcm = pcm, .render = &design,
                                  .render_channels = shape->channels};
  const enum status status = measure(&folded, &samples, figures, true_peak_dbtp, why);
  stage_design_free(&design);
  return status;
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
    struct metering metering = {.shape = &m->shape, .n_channels = layout->channels};
    if (open_meter(&metering, true, true)) m->state = metering.meter;
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
  double peak = 0;
  if (result == EBUR128_SUCCESS) result = read_true_peak(m->state, &peak);
  *true_peak_dbtp = peak > 0 ? 20 * log10(peak) : -HUGE_VAL;
  return result == EBUR128_SUCCESS ? STATUS_OK : meter_failed(result, why);
}
