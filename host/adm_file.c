/* SPDX-License-Identifier: MIT
 * See adm_file.h: tracks, and writing. What the file says: adm_file_scene.c. */
#include "adm_file.h"

#include <stdlib.h>
#include <string.h>

#include "adm.h"
#include "pcm_hash.h"

enum { BLOCK = 4096, MOST_OBJECTS = 118 /* of the Dolby profile */ };

const char *const adm_flavour_names[] = {"dolby", "itu", NULL};

const char *adm_file_form(int flavour) {
  return flavour == ADM_DOLBY ? "ADM BWF (Dolby Atmos Master ADM profile, self-checked)"
                              : "ADM BWF (ITU-R BS.2076)";
}

/* ---- tracks ---- */

static const struct corner {
  const char *label;
  double position[3]; /* right, front, up */
} corners[] = {{"Ltf", {-1, 1, 1}}, {"Rtf", {1, 1, 1}}, {"Ltr", {-1, -1, 1}}, {"Rtr", {1, -1, 1}}};
enum { CORNERS = 4 };

static int channel_of(const struct layout *layout, const char *label) {
  for (int c = 0; c < layout->channels; c++)
    if (!strcmp(layout->speaker[c]->label, label)) return c;
  return -1;
}

/* Ls and Rs stand at 110 degrees: nearer to the sides at 90 than to the rears at 135. */
static int channel_of_room(const struct layout *layout, const char *room_label) {
  const char *label = room_label + strlen("RC_");
  const int c = channel_of(layout, label);
  if (c < 0 && !strcmp(label, "Lss")) return channel_of(layout, "Ls");
  if (c < 0 && !strcmp(label, "Rss")) return channel_of(layout, "Rs");
  return c;
}

struct adm_tracks adm_tracks_of(int flavour, const struct layout *layout) {
  const int n_bed = layout->channels - layout->n_objects;
  struct adm_tracks t = {.bed = flavour == ADM_DOLBY ? "7.1.2" : layout_bed(layout)->name};
  const struct adm_speaker *speaker;
  for (; (speaker = adm_speaker((enum adm_flavour)flavour, t.bed, t.n_bed)); t.n_bed++)
    t.channel[t.n_bed] =
        flavour == ADM_DOLBY ? channel_of_room(layout, speaker->label) : t.n_bed;
  t.n = t.n_bed;
  for (int i = 0; i < CORNERS && flavour == ADM_DOLBY; i++) {
    const int c = channel_of(layout, corners[i].label);
    if (c >= 0) t.channel[t.n++] = c;
  }
  t.n_corners = t.n - t.n_bed;
  for (int c = n_bed; c < layout->channels; c++) t.channel[t.n++] = c; /* fewer than 10 + 4 + 128 */
  return t;
}

const char *adm_file_corner_name(int i) { return corners[i].label; }
const double *adm_file_corner(int i) { return corners[i].position; }

void adm_tracks_fill(const struct adm_tracks *t, int channels, const int32_t *from,
                     int64_t n_frames, int32_t *to) {
  for (int64_t i = 0; i < n_frames; i++, from += channels)
    for (int k = 0; k < t->n; k++) *to++ = t->channel[k] < 0 ? 0 : from[t->channel[k]];
}

const char *adm_file_refusal(int flavour, const struct layout *layout, int rate_hz, int bits) {
  if (!layout || (layout->channels <= 2 && !layout->n_objects))
    return "a stereo file is never up-mixed into an immersive deliverable: services refuse what "
           "was made from a stereo mix (accepted: beds, from 5.1 on)";
  if (bits != ADM_FILE_BITS) return "an ADM BWF has 24 bits (accepted: bits: 24)";
  if (flavour == ADM_DOLBY && rate_hz != 48000 && rate_hz != 96000)
    return "the Dolby Atmos Master ADM profile has 48000 and 96000 Hz (accepted: rate: 48000, "
           "rate: 96000, or adm: itu)";
  if (layout_bed(layout)->channels == 1)
    return "a mono bed has no place beside objects (accepted: beds of 2.0 and more)";
  const struct adm_tracks t = adm_tracks_of(flavour, layout);
  if (flavour == ADM_DOLBY && (t.n - t.n_bed > MOST_OBJECTS || t.n > ADM_FILE_TRACKS))
    return "an Atmos master holds 118 objects, the corners of a .4 bed among them (accepted: fewer "
           "objects, or adm: itu)";
  return NULL;
}

/* ---- the file ---- */

static enum status write_tracks(struct riff_writer *writer, const struct deliverable *d,
                                const struct adm_tracks *t, struct failure *why) {
  const size_t words = (size_t)BLOCK * (size_t)t->n;
  int32_t *ordered = malloc(words * sizeof *ordered);
  unsigned char *packed = malloc(words * sizeof *ordered);
  enum status status = ordered && packed
                           ? STATUS_OK
                           : fail(why, STATUS_AGAIN, "%s: out of memory", d->path);
  for (int32_t at = 0, n; at < d->n_frames && !status; at += n) {
    n = d->n_frames - at < BLOCK ? d->n_frames - at : BLOCK;
    adm_tracks_fill(t, d->channels, d->pcm + (size_t)at * (size_t)d->channels, n, ordered);
    const size_t bytes = pcm_pack(ordered, (size_t)n * (size_t)t->n, d->bits, packed);
    status = riff_samples(writer, packed, bytes, why);
  }
  free(ordered);
  free(packed);
  return status;
}

enum status adm_file_write(int fd, const struct deliverable *d, int64_t most_bytes,
                           struct failure *why) {
  const struct adm_tracks t = adm_tracks_of(d->adm, d->layout);
  const struct riff_format format = {t.n, d->rate_hz, d->bits};
  const enum adm_flavour flavour = (enum adm_flavour)d->adm;
  struct adm *made = NULL;
  struct adm_chunks chunks = {0};
  struct riff_writer writer;
  enum status status = STATUS_OK;
  if (d->scene.model) adm_file_rename(d, &t);
  else status = adm_file_model(d, &t, &made, why);
  const struct adm *adm = made ? made : d->scene.model;
  if (!status) status = adm_write(adm, flavour, d->path, &format, d->n_frames, &chunks, why);
  struct riff_layout layout = adm_layout(&chunks, flavour, &format, d->n_frames);
  if (most_bytes < layout.most_bytes) layout.most_bytes = most_bytes;
  if (!status) status = riff_begin(&writer, fd, d->path, &layout, why);
  if (!status) status = write_tracks(&writer, d, &t, why);
  if (!status) status = riff_end(&writer, why);
  adm_chunks_free(&chunks);
  adm_destroy(&made);
  return status;
}
