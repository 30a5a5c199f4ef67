/* SPDX-License-Identifier: MIT
 * See stems.h. Settings, and adding up. */
#include "stems.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "detmath.h"
#include "manifest.h"
#include "memory.h"
#include "source_layout.h"
#include "twin.h"

/* ---- keys ---- */

#define AT(field) offsetof(struct stem_places, field)
static const struct param_row coordinate_rows[] = {
    {.type = PARAM_NUMBER, .min = -1, .max = 1}, {0}};
#define PLACE(...) \
    {__VA_ARGS__, .type = PARAM_LIST, .min = 3, .max = 3, .items = coordinate_rows, \
     .item_size = sizeof(double), .help = "[x, y, z], -1 .. 1 each: right, front, up"}
static const struct param_row bare_place_rows[] = {
    PLACE(.count_offset = offsetof(struct stem_place, n)), {0}};
const struct param_row stem_place_rows[] = {
    PLACE(.name = "position", .offset = AT(one), .count_offset = AT(one.n)),
    {.name = "positions", .type = PARAM_LIST, .offset = AT(both), .count_offset = AT(n_both),
     .min = 2, .max = 2, .items = bare_place_rows, .item_size = sizeof(struct stem_place),
     .help = "of a stereo file as two objects: [[x, y, z], [x, y, z]]"},
    {0},
};
#undef PLACE
#undef AT

#define GAIN_ROW(member) \
    {.name = "gain", .type = PARAM_NUMBER, .offset = member, .min = -144, .max = 36, \
     .later = 1, .unit = "dB", .help = "gain"}
const struct param_row stem_point_rows[] = {
    {.name = "time", .type = PARAM_NUMBER, .offset = offsetof(struct stem_point, time_s),
     .min = 0, .max = 48000, .initial = NAN, .required = 1, .unit = "s",
     .help = "when it is there, from the start of the track"},
    GAIN_ROW(offsetof(struct stem_point, gain_db)),
    {0},
};

#define AT(field) offsetof(struct stem, field)
const struct param_row stem_rows[] = {
    {.name = "file", .type = PARAM_TEXT, .offset = AT(text), .min = 1, .max = 4000,
     .required = 1, .help = "audio file, relative to the file that names it"},
    {.name = "name", .type = PARAM_TEXT, .offset = AT(name), .min = 1, .max = 256,
     .help = "name, by default the file's"},
    {.name = "role", .type = PARAM_CHOICE, .offset = AT(role), .choices = scene_roles,
     .later = 1, .help = "what it is: in receipts, and of an object in ITU masters"},
    GAIN_ROW(AT(gain_db)),
    {.name = "start", .type = PARAM_NUMBER, .offset = AT(start_s), .min = 0, .max = 48000,
     .initial = NAN, .later = 1, .unit = "s", .help = "where it begins in the track"},
    {.name = "start_frame", .type = PARAM_INTEGER, .offset = AT(start_frame), .min = 0,
     .max = MAX_FRAMES, .initial = -1, .later = 1, .unit = "frames",
     .help = "start, counted in frames"},
    {0},
};
#undef AT
#undef GAIN_ROW

void stems_destroy(struct stems **stems) {
  struct stems *s = *stems;
  for (int i = 0; s && i < s->n; i++) {
    free(s->items[i].text);
    free(s->items[i].path);
    free(s->items[i].name);
    free(s->items[i].points);
  }
  if (s) free(s->items);
  free(s);
  *stems = NULL;
}

char *stems_place(const struct track *track, int stem) {
  return memory_print("%s:%d: tracks[%d].stems[%d]: ", track->file, track->stems->items[stem].line,
                      track->item, stem + 1);
}

__attribute__((format(printf, 5, 6)))
static enum status fail_at(const struct track *track, int stem, enum status status,
                           struct failure *why, const char *format, ...) {
  char text[640];
  va_list args;
  char *place = stems_place(track, stem);
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  fail(why, status, "%s%s", place, text);
  free(place);
  return status;
}

/* ---- shapes ---- */

static int32_t first_frame(const struct stem *stem, int rate_hz) {
  return stem->start_frame >= 0 ? stem->start_frame
         : isnan(stem->start_s) ? 0
                                : edit_frames(stem->start_s, rate_hz);
}

static enum status check_channels(const struct track *track, int k, const struct audio *stem,
                                  struct failure *why) {
  const struct stem *s = &track->stems->items[k];
  const int n = stem->channels, wanted = s->n_channels ? s->n_channels : s->n_objects;
  if (stem->layout->n_objects)
    return fail_at(track, k, STATUS_BAD_DATA, why, "%s is a scene of its own, %s (accepted: audio "
                   "without objects; such a file is a track's \"source\")", s->path,
                   stem->layout->name);
  if (n == wanted) return STATUS_OK;
  if (s->n_channels)
    return fail_at(track, k, STATUS_BAD_DATA, why, "%s has %d channel%s, and \"channels\" names "
                   "%d speaker%s (accepted: one speaker for each channel of the file)", s->path, n,
                   n == 1 ? "" : "s", wanted, wanted == 1 ? "" : "s");
  if (wanted == 1 && n == 2)
    return fail_at(track, k, STATUS_BAD_DATA, why, "%s is stereo, and an object has one channel "
                   "(accepted: \"positions\" with two places for a pair of objects, \"channels\" "
                   "for a part of the bed, or a mono file)", s->path);
  return fail_at(track, k, STATUS_BAD_DATA, why, "%s has %d channel%s (accepted: a %s file; "
                 "\"channels\" makes a file a part of the bed)", s->path, n, n == 1 ? "" : "s",
                 wanted == 1 ? "mono" : "stereo");
}

/* Holds a stem against those before it, and takes it into the shape of the sum. */
static enum status add_shape(const struct track *track, int k, const struct audio *stem,
                             struct audio *sum, struct failure *why) {
  const struct stem *items = track->stems->items;
  const enum status status = check_channels(track, k, stem, why);
  if (status) return status;
  if (k && stem->rate_hz != sum->rate_hz)
    return fail_at(track, k, STATUS_BAD_DATA, why, "%s has %d Hz, but %s %d Hz (accepted: one "
                   "sample rate for all stems of a track)", items[k].path, stem->rate_hz,
                   items[0].path, sum->rate_hz);
  const int64_t end = (int64_t)first_frame(&items[k], stem->rate_hz) + stem->n_frames;
  if (end > MAX_FRAMES)
    return fail_at(track, k, STATUS_BAD_DATA, why, "%s would end at frame %lld (accepted: up to "
                   "%d)", items[k].path, (long long)end, MAX_FRAMES);
  sum->rate_hz = stem->rate_hz;
  if (end > sum->n_frames) sum->n_frames = (int32_t)end;
  if (stem->bits > sum->bits) sum->bits = stem->bits;
  sum->is_float |= stem->is_float;
  return STATUS_OK;
}

/* A stem of which the track's edits leave nothing. */
static enum status check_starts(const struct track *track, const struct audio *sum,
                                struct failure *why) {
  const int32_t end = edit_end(&track->edit, sum->rate_hz, sum->n_frames);
  for (int k = 0; k < track->stems->n; k++) {
    const int32_t first = first_frame(&track->stems->items[k], sum->rate_hz);
    if (first >= end)
      return fail_at(track, k, STATUS_BAD_DATA, why, "starts at frame %d (%.6g s), behind the "
                     "end of the track, frame %d (%.6g s)", first, (double)first / sum->rate_hz,
                     end, (double)end / sum->rate_hz);
  }
  return STATUS_OK;
}

static const struct layout *layout_of_file(const struct stem *stem) {
  return stem->layout ? stem->layout : &source_as_it_is;
}

/* A new sum without samples. */
static void begin(const struct track *track, struct audio *out) {
  *out = (struct audio){.layout = track->stems->layout,
                        .channels = track->stems->layout->channels};
  snprintf(out->format, sizeof out->format, "stems");
}

enum status stems_headers(const struct track *track, struct audio *out, int64_t *extra_bytes,
                          struct failure *why) {
  enum status status = STATUS_OK;
  begin(track, out);
  *extra_bytes = 0;
  for (int k = 0; k < track->stems->n && !status; k++) {
    const struct stem *s = &track->stems->items[k];
    struct audio stem;
    struct failure reason = {0};
    if ((status = decode_headers(s->path, layout_of_file(s), &stem, &reason))) {
      fail_at(track, k, status, why, "%s", reason.text);
      break;
    }
    const int64_t bytes = (int64_t)sizeof(float) * stem.channels * stem.n_frames;
    if (bytes > *extra_bytes) *extra_bytes = bytes;
    status = add_shape(track, k, &stem, out, why);
  }
  if (!status) status = check_starts(track, out, why);
  if (!status) *extra_bytes += stems_scene_bytes(track->stems, out->rate_hz, out->n_frames);
  return status;
}

/* ---- adding up ---- */

LACQUER_CLONES
static void add_channel(float *sum, const float *x, float gain, int32_t n) {
  for (int32_t i = 0; i < n; i++) sum[i] = flush_tiny(sum[i] + gain * x[i]);
}

/* Makes the sum longer, with zeros. */
static bool make_room(struct audio *sum, int32_t from, int32_t to) {
  for (int c = 0; c < sum->channels && to > from; c++) {
    float *grown = realloc(sum->pcm[c], (size_t)to * sizeof *grown);
    if (!grown) return false;
    memset(grown + from, 0, (size_t)(to - from) * sizeof *grown);
    sum->pcm[c] = grown;
  }
  return true;
}

static enum status add_stem(const struct track *track, int k, struct audio *sum,
                            struct failure *why) {
  const struct stem *s = &track->stems->items[k];
  const float gain = (float)det_db_to_gain(s->gain_db);
  const int32_t n_before = sum->n_frames;
  struct audio stem;
  struct failure reason = {0};
  enum status status = decode_headers(s->path, layout_of_file(s), &stem, &reason);
  if (!status && (status = check_channels(track, k, &stem, why))) return status;
  if (!status) status = decode_stated(s->path, layout_of_file(s), &stem, &reason);
  if (status) return fail_at(track, k, status, why, "%s", reason.text);
  status = add_shape(track, k, &stem, sum, why);
  if (!status && !make_room(sum, n_before, sum->n_frames))
    status = fail_at(track, k, STATUS_AGAIN, why, "out of memory for %d channels of %d frames",
                     sum->channels, sum->n_frames);
  const int32_t first = status ? 0 : first_frame(s, sum->rate_hz);
  for (int c = 0; c < stem.channels && !status; c++)
    add_channel(sum->pcm[s->channel[c]] + first, stem.pcm[c], gain, stem.n_frames);
  memcpy(sum->stem_sha256[k], stem.sha256, HASH_TEXT_SIZE);
  audio_free(&stem);
  return status;
}

static enum status check_samples(const struct track *track, const struct audio *sum,
                                 struct failure *why) {
  const float most = 64; /* +36 dBFS, as of files */
  for (int c = 0; c < sum->channels; c++)
    for (int32_t i = 0; i < sum->n_frames; i++)
      if (!(abs_bits(sum->pcm[c][i]) <= most))
        return fail(why, STATUS_BAD_DATA, "%s: the stems add up to %g in channel %d (%s), frame %d "
                    "(accepted: up to %g, +36 dBFS)", track->source, (double)sum->pcm[c][i], c + 1,
                    sum->layout->speaker[c]->label, i, (double)most);
  return STATUS_OK;
}

enum status stems_decode(const struct track *track, struct audio *out, struct failure *why) {
  enum status status = STATUS_OK;
  begin(track, out);
  out->stem_sha256 = memory_new((size_t)track->stems->n, sizeof *out->stem_sha256);
  for (int k = 0; k < track->stems->n && !status; k++) status = add_stem(track, k, out, why);
  if (!status) status = check_starts(track, out, why);
  if (!status) status = check_samples(track, out, why);
  struct failure reason = {0};
  if (!status &&
      (status = stems_scene(track->stems, out->rate_hz, out->n_frames, &out->scene, &reason)))
    fail(why, status, "%s: %s", track->source, reason.text);
  if (!status && audio_identify(out))
    status = fail(why, STATUS_INTERNAL, "%s: the SHA-256 library failed", track->source);
  if (status) audio_free(out);
  return status;
}
