/* SPDX-License-Identifier: MIT
 * See tags.h: what libsndfile and libFLAC do not write by themselves. */
#include "tags.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A growing block; `failed` once memory ran out. */
struct builder {
  unsigned char *bytes;
  size_t size, room;
  int failed;
};

static void put(struct builder *b, const void *bytes, size_t n) {
  if (!b->failed && b->size + n > b->room) {
    size_t room = 2 * (b->size + n);
    unsigned char *grown = realloc(b->bytes, room);
    b->failed = !grown;
    if (grown) {
      b->bytes = grown;
      b->room = room;
    }
  }
  if (b->failed)
    return;
  memcpy(b->bytes + b->size, bytes, n);
  b->size += n;
}
static void put_text(struct builder *b, const char *text) { put(b, text, strlen(text)); }

static int finish(struct builder *b, struct tag_block *out) {
  if (b->failed) {
    free(b->bytes);
    return -1;
  }
  *out = (struct tag_block){b->bytes, b->size};
  return 0;
}

static void put_xml(struct builder *b, const char *text) {
  for (; *text; text++) {
    if (*text == '<')
      put_text(b, "&lt;");
    else if (*text == '&')
      put_text(b, "&amp;");
    else
      put(b, text, 1);
  }
}

int tags_axml(const struct deliverable *d, struct tag_block *out) {
  struct builder b = {0};
  *out = (struct tag_block){0};
  if (!d->isrc || !d->isrc[0])
    return 0;
  put_text(&b, "<ebucore:ebuCoreMain xmlns:dc=\"http://purl.org/dc/elements/1.1/\" "
               "xmlns:ebucore=\"urn:ebu:metadata-schema:ebuCore_2012\"><ebucore:coreMetadata>"
               "<ebucore:identifier typeLabel=\"GUID\" "
               "typeDefinition=\"Globally Unique Identifier\" formatLabel=\"ISRC\" "
               "formatDefinition=\"International Standard Recording Code\" formatLink="
               "\"http://www.ebu.ch/metadata/cs/ebu_IdentifierTypeCodeCS.xml#3.7\">"
               "<dc:identifier>ISRC:");
  put_xml(&b, d->isrc);
  put_text(&b, "</dc:identifier></ebucore:identifier></ebucore:coreMetadata>"
               "</ebucore:ebuCoreMain>");
  if (b.size & 1)
    put_text(&b, "\n"); /* chunks of even length need no pad byte */
  return finish(&b, out);
}

/* ID3v2.4 sizes: 7 bits a byte. */
static void store_size(unsigned char to[4], size_t size) {
  for (int i = 0; i < 4; i++)
    to[i] = (unsigned char)(size >> (21 - 7 * i) & 127);
}

/* One frame: id, size, flags, encoding 3 (UTF-8), for TXXX a description, the text. */
static void put_frame(struct builder *b, const char *id, const char *description,
                      const char *text) {
  unsigned char head[11] = {0};
  size_t description_bytes = description ? strlen(description) + 1 : 0;
  if (!text || !text[0])
    return;
  memcpy(head, id, 4);
  store_size(head + 4, 1 + description_bytes + strlen(text));
  head[10] = 3;
  put(b, head, sizeof head);
  if (description)
    put(b, description, description_bytes);
  put_text(b, text);
}
static void put_number(struct builder *b, const char *id, int number) {
  char text[16] = "";
  if (number > 0)
    snprintf(text, sizeof text, "%d", number);
  put_frame(b, id, NULL, text);
}

int tags_id3(const struct deliverable *d, struct tag_block *out) {
  struct builder b = {0};
  *out = (struct tag_block){0};
  put(&b, "ID3\4\0\0\0\0\0\0", 10);
  put_frame(&b, "TIT2", NULL, d->title);
  put_frame(&b, "TPE1", NULL, d->artist);
  put_frame(&b, "TALB", NULL, d->album);
  put_number(&b, "TRCK", d->track_number);
  put_number(&b, "TPOS", d->disc_number);
  put_frame(&b, "TSRC", NULL, d->isrc);
  put_number(&b, "TDRC", d->year);
  put_frame(&b, "TCON", NULL, d->genre);
  put_frame(&b, "TXXX", "BARCODE", d->upc);
  if (b.failed || b.size == 10) {
    free(b.bytes);
    return b.failed ? -1 : 0;
  }
  if (b.size & 1)
    put(&b, "", 1); /* ID3 padding: chunks of even length need no pad byte */
  if (!b.failed)
    store_size(b.bytes + 6, b.size - 10);
  return finish(&b, out);
}

void tags_free(struct tags *tags) {
  free(tags->title);
  free(tags->artist);
  free(tags->album);
  free(tags->isrc);
  free(tags->genre);
  free(tags->upc);
  *tags = (struct tags){0};
}
