/* SPDX-License-Identifier: MIT
 * See adm_parts.h: the elements of a model as ITU-R BS.2076 has them, common definitions
 * referred to. */
#include <stdlib.h>
#include <string.h>

#include "adm_parts.h"
#include "memory.h"

struct ids { /* the new ones, by row */
  char (*packs)[16], (*channels)[16], (*tracks)[16];
  struct adm_time *ends; /* of channels: how long the object is that has them */
};

/* "00:00:01.24000", nine digits where five do not do, or "00:00:01.24000S48000". */
static void time_text(struct adm_time time, char text[64]) {
  const int64_t s = time.per ? time.n / time.per : 0, rest = time.per ? time.n % time.per : 0;
  const int64_t nano = rest * 1000000000; /* rest < per <= 1e9 */
  char fraction[32];
  if (!time.per || rest * 100000 % time.per == 0)
    snprintf(fraction, sizeof fraction, "%05lld",
             time.per ? (long long)(rest * 100000 / time.per) : 0);
  else if (nano % time.per == 0)
    snprintf(fraction, sizeof fraction, "%09lld", (long long)(nano / time.per));
  else snprintf(fraction, sizeof fraction, "%05lldS%d", (long long)rest, (int)time.per);
  snprintf(text, 64, "%02d:%02d:%02d.%s", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60),
           fraction);
}

static void write_time(struct adm_xml *x, const char *name, struct adm_time time) {
  char text[64];
  if (!time.per) return;
  time_text(time, text);
  adm_xml_attribute(x, name, "%s", text);
}

static void write_number(struct adm_xml *x, const char *name, int value) {
  if (value >= 0) adm_xml_attribute(x, name, "%d", value);
}

static void write_name(struct adm_xml *x, const char *attribute, const char *name) {
  adm_xml_attribute(x, attribute, "%s", name ? name : "");
}

static void write_loudness(struct adm_xml *x, const struct adm_loudness *loudness) {
  if (!loudness->has) return;
  adm_xml_open(x, "loudnessMetadata");
  if (loudness->method) adm_xml_attribute(x, "loudnessMethod", "%s", loudness->method);
  for (int i = 0; i < ADM_LOUDNESSES; i++)
    if (loudness->has & 1u << i)
      adm_xml_leaf(x, adm_loudness_names[i], "%.10g", loudness->values[i]);
  adm_xml_close(x, "loudnessMetadata");
}

static void write_programmes(struct adm_xml *x, const struct adm *adm) {
  for (int i = 0; i < adm->n_programmes; i++) {
    const struct adm_programme *p = &adm->programmes[i];
    adm_xml_open(x, "audioProgramme");
    adm_xml_attribute(x, "audioProgrammeID", "APR_%04x", 0x1001 + i);
    write_name(x, "audioProgrammeName", p->name);
    if (p->language) adm_xml_attribute(x, "audioProgrammeLanguage", "%s", p->language);
    write_time(x, "start", p->start);
    write_time(x, "end", p->end);
    for (int k = 0; k < p->contents.n; k++)
      adm_xml_leaf(x, "audioContentIDRef", "ACO_%04x", 0x1001 + p->contents.items[k]);
    write_loudness(x, &p->loudness);
    adm_xml_close(x, "audioProgramme");
  }
}

static void write_contents(struct adm_xml *x, const struct adm *adm) {
  static const char *const kinds[] = {"nonDialogueContentKind", "dialogueContentKind",
                                      "mixedContentKind"};
  for (int i = 0; i < adm->n_contents; i++) {
    const struct adm_content *c = &adm->contents[i];
    char kind[16];
    adm_xml_open(x, "audioContent");
    adm_xml_attribute(x, "audioContentID", "ACO_%04x", 0x1001 + i);
    write_name(x, "audioContentName", c->name);
    if (c->language) adm_xml_attribute(x, "audioContentLanguage", "%s", c->language);
    for (int k = 0; k < c->objects.n; k++)
      adm_xml_leaf(x, "audioObjectIDRef", "AO_%04x", 0x1001 + c->objects.items[k]);
    write_loudness(x, &c->loudness);
    snprintf(kind, sizeof kind, "%d", c->kind);
    if (c->dialogue >= 0 && c->kind >= 0)
      adm_xml_leaf_of(x, "dialogue", kinds[c->dialogue], kind, "%d", c->dialogue);
    else if (c->dialogue >= 0) adm_xml_leaf(x, "dialogue", "%d", c->dialogue);
    adm_xml_close(x, "audioContent");
  }
}

static void write_objects(struct adm_xml *x, const struct adm *adm, const struct ids *ids) {
  for (int i = 0; i < adm->n_objects; i++) {
    const struct adm_object *o = &adm->objects[i];
    adm_xml_open(x, "audioObject");
    adm_xml_attribute(x, "audioObjectID", "AO_%04x", 0x1001 + i);
    write_name(x, "audioObjectName", o->name);
    write_time(x, "start", o->start);
    write_time(x, "duration", o->duration);
    write_number(x, "importance", o->importance);
    write_number(x, "interact", o->interact);
    write_number(x, "disableDucking", o->disable_ducking);
    write_number(x, "dialogue", o->dialogue);
    for (int k = 0; k < o->packs.n; k++)
      adm_xml_leaf(x, "audioPackFormatIDRef", "%s", ids->packs[o->packs.items[k]]);
    for (int k = 0; k < o->objects.n; k++)
      adm_xml_leaf(x, "audioObjectIDRef", "AO_%04x", 0x1001 + o->objects.items[k]);
    for (int k = 0; k < o->complementary.n; k++)
      adm_xml_leaf(x, "audioComplementaryObjectIDRef", "AO_%04x",
                   0x1001 + o->complementary.items[k]);
    for (int k = 0; k < o->tracks.n; k++)
      adm_xml_leaf(x, "audioTrackUIDRef", "%s", ids->tracks[o->tracks.items[k]]);
    if (o->gain != 1) adm_xml_leaf(x, "gain", "%.10f", o->gain);
    adm_xml_close(x, "audioObject");
  }
}

static void write_kind(struct adm_xml *x, enum adm_kind kind) {
  adm_xml_attribute(x, "typeDefinition", "%s", adm_kind_names[kind]);
  adm_xml_attribute(x, "typeLabel", "%04x", (unsigned)kind);
}

static void write_packs(struct adm_xml *x, const struct adm *adm, const struct ids *ids) {
  for (int i = 0; i < adm->n_packs; i++) {
    const struct adm_pack *p = &adm->packs[i];
    if (p->common) continue;
    adm_xml_open(x, "audioPackFormat");
    adm_xml_attribute(x, "audioPackFormatID", "%s", ids->packs[i]);
    write_name(x, "audioPackFormatName", p->name);
    write_kind(x, p->kind);
    write_number(x, "importance", p->importance);
    for (int k = 0; k < p->channels.n; k++)
      adm_xml_leaf(x, "audioChannelFormatIDRef", "%s", ids->channels[p->channels.items[k]]);
    for (int k = 0; k < p->packs.n; k++)
      adm_xml_leaf(x, "audioPackFormatIDRef", "%s", ids->packs[p->packs.items[k]]);
    adm_xml_close(x, "audioPackFormat");
  }
}

static struct adm_time between(struct adm_time from, struct adm_time to) {
  if (from.per == to.per) return (struct adm_time){to.n - from.n, to.per};
  return (struct adm_time){adm_time_in(to, 1000000000) - adm_time_in(from, 1000000000), 1000000000};
}

/* Among several blocks each one has its times, stated or not. */
static void write_block_times(struct adm_xml *x, const struct adm_channel *c, int i,
                              struct adm_time end) {
  const struct adm_block *b = &c->blocks[i];
  const struct adm_time next = i + 1 < c->n_blocks ? c->blocks[i + 1].rtime : end;
  struct adm_time rtime = b->rtime, duration = b->duration;
  if (c->n_blocks > 1 && !rtime.per) rtime = (struct adm_time){0, next.per ? next.per : 100000};
  if (c->n_blocks > 1 && !duration.per && next.per) duration = between(rtime, next);
  write_time(x, "rtime", rtime);
  if (duration.n >= 0) write_time(x, "duration", duration);
}

static void write_block(struct adm_xml *x, const struct adm_channel *channel, const char *id,
                        int i, struct adm_time end) {
  static const char *const axes[] = {"azimuth", "elevation", "distance", "X", "Y", "Z"};
  const struct adm_block *b = &channel->blocks[i];
  adm_xml_open(x, "audioBlockFormat");
  adm_xml_attribute(x, "audioBlockFormatID", "AB_%s_%08x", id + 3, (unsigned)i + 1);
  write_block_times(x, channel, i, end);
  if (*channel->label) adm_xml_leaf(x, "speakerLabel", "%s", channel->label);
  if (b->cartesian) adm_xml_leaf(x, "cartesian", "1");
  for (int k = 0; k < 3; k++)
    adm_xml_leaf_of(x, "position", "coordinate", axes[k + 3 * b->cartesian], "%.10f",
                    b->position[k]);
  adm_write_block_rest(x, b);
  if (b->has & ADM_INTERPOLATION) {
    char seconds[32];
    snprintf(seconds, sizeof seconds, "%.6f", (double)b->interpolation_s);
    adm_xml_leaf_of(x, "jumpPosition", "interpolationLength", seconds, "%d", b->jump);
  } else if (b->has & ADM_JUMP) {
    adm_xml_leaf(x, "jumpPosition", "%d", b->jump);
  }
  adm_xml_close(x, "audioBlockFormat");
}

static void write_channels(struct adm_xml *x, const struct adm *adm, const struct ids *ids) {
  for (int i = 0; i < adm->n_channels; i++) {
    const struct adm_channel *c = &adm->channels[i];
    const double hz[] = {c->high_hz, c->low_hz};
    if (c->common) continue;
    adm_xml_open(x, "audioChannelFormat");
    adm_xml_attribute(x, "audioChannelFormatID", "%s", ids->channels[i]);
    write_name(x, "audioChannelFormatName", c->name);
    write_kind(x, c->kind);
    for (int k = 0; k < 2; k++)
      if (hz[k] > 0)
        adm_xml_leaf_of(x, "frequency", "typeDefinition", k ? "highPass" : "lowPass", "%.10g",
                        hz[k]);
    for (int k = 0; k < c->n_blocks; k++) write_block(x, c, ids->channels[i], k, ids->ends[i]);
    adm_xml_close(x, "audioChannelFormat");
  }
}

/* One stream and one track format for every channel of the file's own. */
static void write_formats(struct adm_xml *x, const struct adm *adm, const struct ids *ids,
                          bool streams) {
  const char *tag = streams ? "audioStreamFormat" : "audioTrackFormat";
  for (int i = 0; i < adm->n_channels; i++) {
    const struct adm_channel *c = &adm->channels[i];
    const char *hex = ids->channels[i] + 3;
    if (c->common) continue;
    adm_xml_open(x, tag);
    adm_xml_attribute(x, streams ? "audioStreamFormatID" : "audioTrackFormatID",
                      streams ? "AS_%s" : "AT_%s_01", hex);
    adm_xml_attribute(x, streams ? "audioStreamFormatName" : "audioTrackFormatName", "PCM_%s",
                      c->name ? c->name : "");
    adm_xml_attribute(x, "formatDefinition", "PCM");
    adm_xml_attribute(x, "formatLabel", "0001");
    if (streams) {
      adm_xml_leaf(x, "audioChannelFormatIDRef", "AC_%s", hex);
      adm_xml_leaf(x, "audioTrackFormatIDRef", "AT_%s_01", hex);
    } else {
      adm_xml_leaf(x, "audioStreamFormatIDRef", "AS_%s", hex);
    }
    adm_xml_close(x, tag);
  }
}

static void write_tracks(struct adm_document *d, const struct ids *ids) {
  const struct adm *adm = d->adm;
  struct adm_xml *x = &d->xml;
  for (int i = 0; i < adm->n_tracks; i++) {
    const struct adm_track *t = &adm->tracks[i];
    char format[16] = "";
    const char *pack = t->pack < 0 ? "" : ids->packs[t->pack];
    if (t->index < 0) continue; /* silence has no element */
    if (t->channel >= 0)
      snprintf(format, sizeof format, "AT_%.8s_01", ids->channels[t->channel] + 3);
    adm_xml_open(x, "audioTrackUID");
    adm_xml_attribute(x, "UID", "%s", ids->tracks[i]);
    adm_xml_attribute(x, "sampleRate", "%d", d->format->rate_hz);
    adm_xml_attribute(x, "bitDepth", "%d", d->format->bits);
    if (*format) adm_xml_leaf(x, "audioTrackFormatIDRef", "%s", format);
    if (*pack) adm_xml_leaf(x, "audioPackFormatIDRef", "%s", pack);
    adm_xml_close(x, "audioTrackUID");
    adm_chna_row(&d->chna, t->index + 1, ids->tracks[i], format, pack);
  }
}

static bool is_writable(enum adm_kind kind) { return kind == ADM_SPEAKERS || kind == ADM_OBJECTS; }

static enum status check(const struct adm_document *d) {
  const struct adm *adm = d->adm;
  for (int i = 0; i < adm->n_packs; i++)
    if (!is_writable(adm->packs[i].kind))
      return fail(d->why, STATUS_BAD_DATA, "%s: a pack of type %s cannot be written (accepted: "
                  "DirectSpeakers, Objects)", d->path, adm_kind_names[adm->packs[i].kind]);
  for (int i = 0; i < adm->n_channels; i++)
    if (!is_writable(adm->channels[i].kind))
      return fail(d->why, STATUS_BAD_DATA, "%s: a channel of type %s cannot be written (accepted: "
                  "DirectSpeakers, Objects)", d->path, adm_kind_names[adm->channels[i].kind]);
  for (int i = 0; i < adm->n_tracks; i++)
    if (adm->tracks[i].index >= d->format->channels)
      return fail(d->why, STATUS_BAD_DATA, "%s: a track is channel %d of %d", d->path,
                  adm->tracks[i].index + 1, d->format->channels);
  const struct {
    int n, most;
    const char *name;
  } counts[] = {{adm->n_programmes, 0xEFFE, "programmes"}, {adm->n_contents, 0xEFFE, "contents"},
                {adm->n_objects, 0xEFFE, "objects"}, {adm->n_packs, 0xEFFE, "packs"},
                {adm->n_channels, 0xEFFE, "channels"}, {adm->n_tracks, 65535, "tracks"}};
  for (int i = 0; i < 6; i++)
    if (counts[i].n > counts[i].most)
      return fail(d->why, STATUS_BAD_DATA, "%s: %d %s cannot be numbered (accepted: up to %d)",
                  d->path, counts[i].n, counts[i].name, counts[i].most);
  return STATUS_OK;
}

static void find_ends(const struct adm *adm, struct adm_time *ends) {
  for (int i = 0; i < adm->n_objects; i++) {
    const struct adm_object *o = &adm->objects[i];
    for (int k = 0; k < o->tracks.n; k++) {
      const int channel = adm->tracks[o->tracks.items[k]].channel;
      if (channel >= 0 && !ends[channel].per) ends[channel] = o->duration;
    }
  }
}

static void number(const struct adm *adm, struct ids *ids) {
  int packs[6] = {0}, channels[6] = {0}, tracks = 0;
  ids->packs = memory_new((size_t)adm->n_packs, sizeof *ids->packs);
  ids->channels = memory_new((size_t)adm->n_channels, sizeof *ids->channels);
  ids->tracks = memory_new((size_t)adm->n_tracks, sizeof *ids->tracks);
  for (int i = 0; i < adm->n_packs; i++) {
    const struct adm_pack *p = &adm->packs[i];
    if (p->common) memcpy(ids->packs[i], p->id, sizeof p->id);
    else snprintf(ids->packs[i], 16, "AP_%04x%04x", p->kind, 0x1001 + packs[p->kind]++);
  }
  for (int i = 0; i < adm->n_channels; i++) {
    const struct adm_channel *c = &adm->channels[i];
    if (c->common) memcpy(ids->channels[i], c->id, sizeof c->id);
    else snprintf(ids->channels[i], 16, "AC_%04x%04x", c->kind, 0x1001 + channels[c->kind]++);
  }
  ids->ends = memory_new((size_t)adm->n_channels, sizeof *ids->ends);
  find_ends(adm, ids->ends);
  for (int i = 0; i < adm->n_tracks; i++)
    snprintf(ids->tracks[i], 16, "ATU_%08x", adm->tracks[i].index < 0 ? 0 : ++tracks);
}

enum status adm_write_itu(struct adm_document *d) {
  struct adm_xml *x = &d->xml;
  struct ids ids;
  const enum status status = check(d);
  if (status) return status;
  number(d->adm, &ids);
  adm_write_root(d, true);
  write_programmes(x, d->adm);
  write_contents(x, d->adm);
  write_objects(x, d->adm, &ids);
  write_packs(x, d->adm, &ids);
  write_channels(x, d->adm, &ids);
  write_formats(x, d->adm, &ids, true);
  write_formats(x, d->adm, &ids, false);
  write_tracks(d, &ids);
  adm_write_root(d, false);
  bool *used = memory_new((size_t)d->format->channels, 1);
  for (int i = 0; i < d->chna.n_rows; i++) {
    d->chna.n_tracks += !used[d->chna.rows[i].track - 1];
    used[d->chna.rows[i].track - 1] = true;
  }
  free(used);
  free(ids.packs);
  free(ids.channels);
  free(ids.tracks);
  free(ids.ends);
  return STATUS_OK;
}
