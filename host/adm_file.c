/* SPDX-License-Identifier: MIT
 * See adm_file.h: tracks, and writing. */
#include "adm_file.h"

#include <stdlib.h>
#include <string.h>

#include "adm.h"
#include "memory.h"
#include "pcm_hash.h"
#include "utf8.h"

enum { BLOCK = 4096, NAME_BYTES = 64 };

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
  struct adm_tracks t = {.bed = flavour == ADM_DOLBY ? "7.1.2" : layout->name};
  const struct adm_speaker *speaker;
  for (; (speaker = adm_speaker((enum adm_flavour)flavour, t.bed, t.n_bed)); t.n_bed++)
    t.channel[t.n_bed] =
        flavour == ADM_DOLBY ? channel_of_room(layout, speaker->label) : t.n_bed;
  t.n = t.n_bed;
  for (int i = 0; i < CORNERS && flavour == ADM_DOLBY; i++) {
    const int c = channel_of(layout, corners[i].label);
    if (c >= 0) t.channel[t.n++] = c;
  }
  return t;
}

const double *adm_file_corner(int i) { return corners[i].position; }

void adm_tracks_fill(const struct adm_tracks *t, int channels, const int32_t *from,
                     int64_t n_frames, int32_t *to) {
  for (int64_t i = 0; i < n_frames; i++, from += channels)
    for (int k = 0; k < t->n; k++) *to++ = t->channel[k] < 0 ? 0 : from[t->channel[k]];
}

const char *adm_file_refusal(int flavour, const struct layout *layout, int rate_hz, int bits) {
  if (!layout || layout->channels <= 2)
    return "a stereo file is never up-mixed into an immersive deliverable: services refuse what "
           "was made from a stereo mix (accepted: beds, from 5.1 on)";
  if (bits != ADM_FILE_BITS) return "an ADM BWF has 24 bits (accepted: bits: 24)";
  if (flavour == ADM_DOLBY && rate_hz != 48000 && rate_hz != 96000)
    return "the Dolby Atmos Master ADM profile has 48000 and 96000 Hz (accepted: rate: 48000, "
           "rate: 96000, or adm: itu)";
  return NULL;
}

/* ---- the scene ---- */

/* The title, then maybe a word, in at most NAME_BYTES; controls, which XML lacks, as spaces. */
static const char *name_of(struct adm *adm, const struct deliverable *d, const char *word) {
  char name[NAME_BYTES + 1] = "";
  const char *title = d->title && *d->title ? d->title : "Master";
  const size_t tail = word ? strlen(word) + 1 : 0;
  const size_t n = utf8_cut(title, strlen(title), NAME_BYTES - tail);
  snprintf(name, sizeof name, "%.*s%s%s", (int)n, title, word ? " " : "", word ? word : "");
  for (char *c = name; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = ' ';
  return adm_text(adm, name);
}

static void place_objects(struct adm *adm, const struct deliverable *d) {
  for (int i = 1; i < adm->n_objects; i++) {
    const struct corner *corner = &corners[i - 1];
    struct adm_object *object = &adm->objects[i];
    struct adm_pack *pack = &adm->packs[object->packs.items[0]];
    struct adm_channel *channel = &adm->channels[pack->channels.items[0]];
    object->name = pack->name = channel->name = name_of(adm, d, corner->label);
    memcpy(channel->blocks[0].position, corner->position, sizeof corner->position);
  }
}

/* What a delivery of music asks for: a mode on every track, direct rendering to 5.1, and trims
 * that turn nothing down, so that folds are those of the bed that was mastered. */
static void set_modes(struct dbmd *dbmd, const struct adm_tracks *t) {
  enum { OFF, NEAR, FAR, MID };
  static const uint8_t modes[ADM_FILE_TRACKS] = {NEAR, NEAR, NEAR, OFF, MID, MID, FAR,
                                                 FAR,  FAR,  FAR,  FAR, FAR, FAR, FAR};
  memcpy(dbmd->binaural, modes, (size_t)t->n);
  for (int i = 0; i < DBMD_TRIMS; i++) dbmd->trims[i].automatic = false;
}

static enum status make_scene(const struct deliverable *d, const struct adm_tracks *t,
                              struct adm **out, struct failure *why) {
  const struct adm_shape shape = {.flavour = (enum adm_flavour)d->adm, .layout = t->bed,
                                  .n_objects = t->n - t->n_bed, .rate_hz = d->rate_hz,
                                  .n_frames = d->n_frames};
  const enum status status = adm_make(&shape, out, why);
  if (status) return status;
  struct adm *adm = *out;
  adm->contents[0].name = adm->objects[0].name = name_of(adm, d, NULL);
  if (d->adm == ADM_ITU) adm->programmes[0].name = adm->contents[0].name;
  place_objects(adm, d);
  if (adm->has_dbmd) set_modes(&adm->dbmd, t);
  return STATUS_OK;
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
  struct adm *adm = NULL;
  struct adm_chunks chunks = {0};
  struct riff_writer writer;
  enum status status = make_scene(d, &t, &adm, why);
  if (!status) status = adm_write(adm, flavour, d->path, &format, d->n_frames, &chunks, why);
  struct riff_layout layout = adm_layout(&chunks, flavour, &format, d->n_frames);
  if (most_bytes < layout.most_bytes) layout.most_bytes = most_bytes;
  if (!status) status = riff_begin(&writer, fd, d->path, &layout, why);
  if (!status) status = write_tracks(&writer, d, &t, why);
  if (!status) status = riff_end(&writer, why);
  adm_chunks_free(&chunks);
  adm_destroy(&adm);
  return status;
}
