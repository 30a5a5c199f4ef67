/* SPDX-License-Identifier: MIT
 * See edit.h. */
#include "edit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "detmath.h"

static const char *const trims[] = {"none", "head", "tail", "both", NULL};

#define AT(field) offsetof(struct edit, field)
const struct param_row edit_rows[] = {
    {.name = "layout", .type = PARAM_CHOICE, .offset = AT(layout), .choices = layout_choices,
     .later = 1, .help = "what the source's channels, or those of its stems' bed, are; auto: as its "
     "channel mask says"},
    {.name = "start", .type = PARAM_NUMBER, .offset = AT(start_s), .min = 0, .max = 48000,
     .initial = NAN, .later = 1, .unit = "s", .help = "where the track begins in its source"},
    {.name = "end", .type = PARAM_NUMBER, .offset = AT(end_s), .min = 0, .max = 48000,
     .initial = NAN, .later = 1, .unit = "s", .help = "where it ends"},
    {.name = "start_frame", .type = PARAM_INTEGER, .offset = AT(start_frame), .min = 0,
     .max = MAX_FRAMES, .initial = -1, .later = 1, .unit = "frames",
     .help = "start, counted in frames"},
    {.name = "end_frame", .type = PARAM_INTEGER, .offset = AT(end_frame), .min = 1,
     .max = MAX_FRAMES, .initial = -1, .later = 1, .unit = "frames",
     .help = "end, counted in frames: the first that is left out"},
    {.name = "trim", .type = PARAM_CHOICE, .offset = AT(trim), .choices = trims, .later = 1,
     .help = "ends whose silence is cut off"},
    {.name = "trim_threshold", .type = PARAM_NUMBER, .offset = AT(trim_threshold_db),
     .min = -140, .max = -20, .initial = -60, .later = 1, .unit = "dBFS",
     .help = "samples up to this are silence"},
    {.name = "trim_keep", .type = PARAM_NUMBER, .offset = AT(trim_keep_ms), .min = 0,
     .max = 10000, .initial = 10, .later = 1, .unit = "ms",
     .help = "silence that is kept beside what sounds"},
    {.name = "fade_in", .type = PARAM_NUMBER, .offset = AT(fade_in_ms), .min = 0,
     .max = FADE_LONGEST_MS, .later = 1, .unit = "ms", .help = "fade at the start"},
    {.name = "fade_in_shape", .type = PARAM_CHOICE, .offset = AT(fade_in_shape),
     .choices = fade_shapes, .initial = FADE_COSINE, .later = 1, .help = "its curve"},
    {.name = "fade_out", .type = PARAM_NUMBER, .offset = AT(fade_out_ms), .min = 0,
     .max = FADE_LONGEST_MS, .later = 1, .unit = "ms", .help = "fade at the end"},
    {.name = "fade_out_shape", .type = PARAM_CHOICE, .offset = AT(fade_out_shape),
     .choices = fade_shapes, .initial = FADE_COSINE, .later = 1, .help = "its curve"},
    {.name = "gap_before", .type = PARAM_NUMBER, .offset = AT(gap_before_s), .min = 0,
     .max = 600, .later = 1, .unit = "s", .help = "digital silence before the track"},
    {.name = "gap_after", .type = PARAM_NUMBER, .offset = AT(gap_after_s), .min = 0, .max = 600,
     .later = 1, .unit = "s", .help = "digital silence after the track"},
    {0},
};
#undef AT

const char *edit_check(const struct edit *e, const char **row) {
  *row = "start_frame";
  if (e->start_frame >= 0 && !isnan(e->start_s)) return "\"start\" is given, too (accepted: one)";
  *row = "end_frame";
  if (e->end_frame >= 0 && !isnan(e->end_s)) return "\"end\" is given, too (accepted: one)";
  if (e->end_frame >= 0 && e->end_frame <= e->start_frame)
    return "the end is not after the start";
  *row = "end";
  if (!isnan(e->end_s) && (e->end_s == 0 || e->end_s <= e->start_s))
    return "the end is not after the start";
  return NULL;
}

const struct layout *edit_layout(const struct edit *e) {
  return e->layout ? layout_find(layout_choices[e->layout]) : NULL;
}

bool edit_cuts(const struct edit *e) {
  return e->start_frame >= 0 || e->end_frame >= 0 || !isnan(e->start_s) || !isnan(e->end_s) ||
         e->trim != TRIM_NONE;
}

bool edit_gaps(const struct edit *e) { return e->gap_before_s > 0 || e->gap_after_s > 0; }

struct fade_params edit_fades(const struct edit *e) {
  return (struct fade_params){e->fade_in_ms, e->fade_out_ms, e->fade_in_shape, e->fade_out_shape};
}

int32_t edit_frames(double seconds, int rate_hz) {
  const double frames = floor(seconds * rate_hz + 0.5);
  return frames < INT32_MAX ? (int32_t)frames : INT32_MAX;
}

static int32_t time_frames(double seconds, int frame, int rate_hz, int32_t unset) {
  return frame >= 0 ? frame : isnan(seconds) ? unset : edit_frames(seconds, rate_hz);
}

int32_t edit_end(const struct edit *e, int rate_hz, int32_t n_frames) {
  return time_frames(e->end_s, e->end_frame, rate_hz, n_frames);
}

/* Whether any channel of a frame is above the threshold. */
static bool sounds(const struct audio *audio, int32_t frame, double threshold) {
  for (int c = 0; c < audio->channels; c++)
    if (fabs((double)audio->pcm[c][frame]) > threshold) return true;
  return false;
}

/* Narrows [*first, *end) to what sounds and `keep` frames beside it. */
static bool trim(const struct edit *e, const struct audio *audio, int32_t *first, int32_t *end) {
  const double threshold = det_db_to_gain(e->trim_threshold_db);
  const int32_t keep = edit_frames(e->trim_keep_ms / 1000, audio->rate_hz);
  int32_t head = *first, tail = *end;
  while (head < *end && !sounds(audio, head, threshold)) head++;
  if (head == *end) return false;
  while (!sounds(audio, tail - 1, threshold)) tail--;
  if (e->trim != TRIM_TAIL && head - *first > keep) *first = head - keep;
  if (e->trim != TRIM_HEAD && *end - tail > keep) *end = tail + keep;
  return true;
}

static double seconds_of(int32_t frames, const struct audio *audio) {
  return (double)frames / audio->rate_hz;
}

static enum status check_fades(const struct edit *e, const struct audio *audio, int32_t n,
                               struct failure *why) {
  const int64_t in = fade_frames(e->fade_in_ms, audio->rate_hz);
  const int64_t out = fade_frames(e->fade_out_ms, audio->rate_hz);
  if (in + out <= n) return STATUS_OK;
  return fail(why, STATUS_BAD_DATA, "%s: the fades take %.6g ms, the track has %.6g ms "
              "(accepted: no more than the track has)", in > out ? "fade_in" : "fade_out",
              e->fade_in_ms + e->fade_out_ms, 1000 * seconds_of(n, audio));
}

enum status edit_cut(const struct edit *e, struct audio *audio, struct edit_span *out,
                     struct failure *why) {
  const int32_t n = audio->n_frames;
  int32_t first = time_frames(e->start_s, e->start_frame, audio->rate_hz, 0);
  int32_t end = edit_end(e, audio->rate_hz, n);
  if (first >= n)
    return fail(why, STATUS_BAD_DATA, "%s: frame %d (%.6g s) is beyond the end of the source, "
                "%d frames (%.6g s)", e->start_frame >= 0 ? "start_frame" : "start", first,
                seconds_of(first, audio), n, seconds_of(n, audio));
  if (end > n)
    return fail(why, STATUS_BAD_DATA, "%s: frame %d (%.6g s) is beyond the end of the source, "
                "%d frames (%.6g s)", e->end_frame >= 0 ? "end_frame" : "end", end,
                seconds_of(end, audio), n, seconds_of(n, audio));
  if (end <= first)
    return fail(why, STATUS_BAD_DATA, "%s: frame %d is not after the start, frame %d",
                e->end_frame >= 0 ? "end_frame" : "end", end, first);
  if (e->trim != TRIM_NONE && !trim(e, audio, &first, &end))
    return fail(why, STATUS_BAD_DATA, "trim: nothing is above %g dBFS: nothing would be left",
                e->trim_threshold_db);
  enum status status = check_fades(e, audio, end - first, why);
  if (status) return status;
  for (int c = 0; c < audio->channels && first > 0; c++)
    memmove(audio->pcm[c], audio->pcm[c] + first, (size_t)(end - first) * sizeof(float));
  audio->n_frames = end - first;
  if (audio->scene) scene_cut(audio->scene, first, end - first);
  *out = (struct edit_span){first, end - first};
  return STATUS_OK;
}

int32_t *edit_add_gaps(const struct edit *e, int rate_hz, int channels, const int32_t *pcm,
                       int32_t *n_frames, struct failure *why) {
  const int64_t before = edit_frames(e->gap_before_s, rate_hz);
  const int64_t after = edit_frames(e->gap_after_s, rate_hz);
  const int64_t all = before + *n_frames + after;
  if (all > MAX_FRAMES) {
    fail(why, STATUS_BAD_DATA, "gap_before, gap_after: %lld frames in all (accepted: up to %d)",
         (long long)all, MAX_FRAMES);
    return NULL;
  }
  int32_t *longer = calloc((size_t)all * (size_t)channels, sizeof *longer);
  if (!longer) {
    fail(why, STATUS_AGAIN, "out of memory");
    return NULL;
  }
  memcpy(longer + before * channels, pcm, (size_t)*n_frames * (size_t)channels * sizeof *pcm);
  *n_frames = (int32_t)all;
  return longer;
}
