/* SPDX-License-Identifier: MIT
 * See adm.h: a model to chunks; what the flavours have in common. */
#include <stdlib.h>
#include <string.h>

#include "adm_parts.h"
#include "memory.h"

void adm_write_root(struct adm_document *d, bool begin) {
  static const char *const tags[] = {"coreMetadata", "format", "audioFormatExtended"};
  struct adm_xml *x = &d->xml;
  if (begin) {
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", x->out);
    adm_xml_open(x, "ebuCoreMain");
    adm_xml_attribute(x, "xmlns", "urn:ebu:metadata-schema:ebuCore_2016");
    adm_xml_attribute(x, "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance");
    adm_xml_attribute(x, "xsi:schemaLocation", "urn:ebu:metadata-schema:ebuCore_2016 ebucore.xsd");
    adm_xml_attribute(x, "xml:lang", "en");
  }
  for (int i = 0; i < 3; i++)
    if (begin) adm_xml_open(x, tags[i]);
    else adm_xml_close(x, tags[2 - i]);
  if (!begin) adm_xml_close(x, "ebuCoreMain");
}

void adm_write_block_rest(struct adm_xml *x, const struct adm_block *b) {
  if (b->has & ADM_GAIN) adm_xml_leaf(x, "gain", "%.10f", b->gain);
  if (b->has & ADM_IMPORTANCE) adm_xml_leaf(x, "importance", "%d", b->importance);
  if (b->has & ADM_WIDTH) adm_xml_leaf(x, "width", "%.10f", (double)b->width);
  if (b->has & ADM_HEIGHT) adm_xml_leaf(x, "height", "%.10f", (double)b->height);
  if (b->has & ADM_DEPTH) adm_xml_leaf(x, "depth", "%.10f", (double)b->depth);
  if (b->has & ADM_DIFFUSE) adm_xml_leaf(x, "diffuse", "%g", (double)b->diffuse);
  if (b->has & ADM_LOCK_DISTANCE) {
    char distance[32];
    snprintf(distance, sizeof distance, "%.6f", (double)b->lock_distance);
    adm_xml_leaf_of(x, "channelLock", "maxDistance", distance, "%d", b->lock);
  } else if (b->has & ADM_LOCK) {
    adm_xml_leaf(x, "channelLock", "%d", b->lock);
  }
  if (!(b->has & ADM_ZONES)) return;
  adm_xml_open(x, "zoneExclusion");
  for (int i = 0; i < ADM_MOST_ZONES; i++) {
    static const char *const names[] = {"minX", "maxX", "minY", "maxY", "minZ", "maxZ"};
    if (!(b->zones & 1 << i)) continue;
    adm_xml_open(x, "zone");
    for (int k = 0; k < 6; k++)
      adm_xml_attribute(x, names[k], "%g", adm_zones[i].limits[k]);
    fprintf(x->out, ">%s</zone>\n", adm_zones[i].name);
    x->open = NULL;
    x->depth--;
  }
  adm_xml_close(x, "zoneExclusion");
}

void adm_chna_row(struct chna *chna, int track, const char *uid, const char *format_ref,
                  const char *pack_ref) {
  if (!(chna->n_rows & (chna->n_rows - 1)))
    chna->rows = memory_grow(chna->rows, 2 * (size_t)chna->n_rows + 1, sizeof *chna->rows);
  struct chna_row *row = &chna->rows[chna->n_rows++];
  *row = (struct chna_row){.track = track};
  memcpy(row->uid, uid, strnlen(uid, sizeof row->uid - 1));
  memcpy(row->track_ref, format_ref, strnlen(format_ref, sizeof row->track_ref - 1));
  memcpy(row->pack_ref, pack_ref, strnlen(pack_ref, sizeof row->pack_ref - 1));
}

static enum status fail_size(const struct adm_document *d, size_t size) {
  return fail(d->why, STATUS_BAD_DATA, "%s: its axml comes to %zu bytes (accepted: up to %d)",
              d->path, size, ADM_MOST_AXML_BYTES);
}

static enum status write_axml(struct adm_document *d, enum adm_flavour flavour,
                              struct adm_chunks *chunks) {
  char *text = NULL;
  size_t size = 0;
  d->xml.out = open_memstream(&text, &size);
  if (!d->xml.out) return fail(d->why, STATUS_AGAIN, "%s: out of memory", d->path);
  enum status status = flavour == ADM_DOLBY ? adm_write_dolby(d) : adm_write_itu(d);
  const int broken = ferror(d->xml.out);
  if ((fclose(d->xml.out) || broken) && !status)
    status = fail(d->why, STATUS_AGAIN, "%s: out of memory", d->path);
  if (!status && d->xml.bad)
    status = fail(d->why, STATUS_BAD_DATA, "%s: a name has a character that XML cannot hold, or "
                  "more than 1000 bytes (accepted: UTF-8 without controls)", d->path);
  if (!status && size > ADM_MOST_AXML_BYTES) status = fail_size(d, size);
  chunks->axml = (unsigned char *)text;
  chunks->axml_bytes = size;
  return status;
}

enum status adm_write(const struct adm *adm, enum adm_flavour flavour, const char *path,
                      const struct riff_format *format, int64_t n_frames,
                      struct adm_chunks *chunks, struct failure *why) {
  struct adm_document d = {.adm = adm, .path = path, .format = format, .n_frames = n_frames,
                           .why = why};
  *chunks = (struct adm_chunks){0};
  if (adm->n_foreign)
    return fail(why, STATUS_BAD_DATA, "%s: the master has what can only be copied, not written "
                "anew: %s%s", path, adm->foreign[0], adm->n_foreign > 1 ? ", and others" : "");
  const enum status status = write_axml(&d, flavour, chunks);
  if (!status) chunks->chna = chna_write(&d.chna, &chunks->chna_bytes);
  if (!status && flavour == ADM_DOLBY) {
    struct dbmd dbmd = adm->dbmd; /* the tool of a master that was read did not write this one */
    memset(dbmd.tool, 0, sizeof dbmd.tool);
    memcpy(dbmd.tool, "lacquer", 7);
    dbmd.version[0] = VERSION_MAJOR;
    dbmd.version[1] = VERSION_MINOR;
    dbmd.version[2] = VERSION_PATCH;
    chunks->dbmd = dbmd_write(&dbmd, &chunks->dbmd_bytes);
  }
  if (status) adm_chunks_free(chunks);
  chna_free(&d.chna);
  return status;
}

struct riff_layout adm_layout(const struct adm_chunks *chunks, enum adm_flavour flavour,
                              const struct riff_format *format, int64_t n_frames) {
  struct riff_layout layout = {.format = *format, .n_frames = n_frames,
                               .large = flavour == ADM_DOLBY ? RIFF_RF64 : RIFF_BW64,
                               .most_bytes = RIFF_MOST_BYTES};
  const struct riff_part axml = {"axml", chunks->axml, chunks->axml_bytes},
                         chna = {"chna", chunks->chna, chunks->chna_bytes},
                         dbmd = {"dbmd", chunks->dbmd, chunks->dbmd_bytes};
  int n = 0;
  if (flavour == ADM_ITU) layout.before[0] = chna;
  layout.after[n++] = axml;
  if (flavour == ADM_DOLBY) layout.after[n++] = chna;
  layout.after[n] = dbmd;
  return layout;
}
