/* SPDX-License-Identifier: MIT
 * See loudness_check.h. */
#include "loudness_check.h"

#include <ebur128.h>
#include <math.h>
#include <pthread.h>
#include <stddef.h>

#include "stage.h"

enum { FEED_FRAMES = 8192 };

/* ebur128_init writes tables that all states share. */
static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;

static ebur128_state *open_meter(const struct pcm_shape *shape, int with_true_peak) {
  int mode = EBUR128_MODE_I | (with_true_peak ? EBUR128_MODE_TRUE_PEAK : 0);
  pthread_mutex_lock(&init_lock);
  ebur128_state *meter =
      ebur128_init((unsigned)shape->channels, (unsigned long)shape->rate_hz, mode);
  pthread_mutex_unlock(&init_lock);
  return meter;
}

static int feed_planar(ebur128_state *meter, const struct pcm_shape *shape,
                       const float *const *pcm) {
  float block[FEED_FRAMES * MAX_CHANNELS];
  int result = EBUR128_SUCCESS;
  for (int32_t at = 0, n; at < shape->n_frames && result == EBUR128_SUCCESS; at += n) {
    n = shape->n_frames - at < FEED_FRAMES ? shape->n_frames - at : FEED_FRAMES;
    for (int c = 0; c < shape->channels; c++)
      for (int32_t i = 0; i < n; i++)
        block[i * shape->channels + c] = pcm[c][at + i];
    result = ebur128_add_frames_float(meter, block, (size_t)n);
  }
  return result;
}

/* Reads the meter, destroys it. */
static enum status finish(ebur128_state *meter, int result, double *lufs,
                          double *true_peak_dbtp, struct failure *why) {
  if (result == EBUR128_SUCCESS)
    result = ebur128_loudness_global(meter, lufs);
  double peak = 0.0;
  for (unsigned c = 0; true_peak_dbtp && result == EBUR128_SUCCESS && c < meter->channels; c++) {
    double of_channel;
    result = ebur128_true_peak(meter, c, &of_channel);
    peak = result == EBUR128_SUCCESS && of_channel > peak ? of_channel : peak;
  }
  ebur128_destroy(&meter);
  if (result != EBUR128_SUCCESS)
    return fail(why, STATUS_AGAIN, "loudness check: libebur128 failed with code %d", result);
  if (true_peak_dbtp)
    *true_peak_dbtp = peak > 0.0 ? 20.0 * log10(peak) : -HUGE_VAL;
  return STATUS_OK;
}

static enum status check_shape(const struct pcm_shape *shape, struct failure *why) {
  if (shape->channels < 1 || shape->channels > MAX_CHANNELS)
    return fail(why, STATUS_INTERNAL, "loudness check: %d channels (accepted: 1 to %d)",
                shape->channels, MAX_CHANNELS);
  return STATUS_OK;
}

enum status loudness_measure_planar(const struct pcm_shape *shape, const float *const *pcm,
                                    double *lufs, double *true_peak_dbtp, struct failure *why) {
  if (check_shape(shape, why) != STATUS_OK)
    return STATUS_INTERNAL;
  ebur128_state *meter = open_meter(shape, true_peak_dbtp != NULL);
  if (!meter)
    return fail(why, STATUS_AGAIN, "loudness check: out of memory");
  return finish(meter, feed_planar(meter, shape, pcm), lufs, true_peak_dbtp, why);
}

enum status loudness_measure_pcm(const struct pcm_shape *shape, const int32_t *pcm, double *lufs,
                                 double *true_peak_dbtp, struct failure *why) {
  if (check_shape(shape, why) != STATUS_OK)
    return STATUS_INTERNAL;
  ebur128_state *meter = open_meter(shape, true_peak_dbtp != NULL);
  if (!meter)
    return fail(why, STATUS_AGAIN, "loudness check: out of memory");
  int result = EBUR128_SUCCESS;
  for (int32_t at = 0, n; at < shape->n_frames && result == EBUR128_SUCCESS; at += n) {
    n = shape->n_frames - at < FEED_FRAMES ? shape->n_frames - at : FEED_FRAMES;
    result = ebur128_add_frames_int(meter, pcm + (size_t)at * (size_t)shape->channels, (size_t)n);
  }
  return finish(meter, result, lufs, true_peak_dbtp, why);
}
