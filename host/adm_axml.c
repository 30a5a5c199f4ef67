/* SPDX-License-Identifier: MIT
 * See adm_parts.h: reads axml with expat, along the table of adm_axml_elements.c. */
#include <expat.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "adm_axml.h"
#include "memory.h"

/* ---- failures ---- */

static int line_of(const struct reader *r) { return (int)XML_GetCurrentLineNumber(r->parser); }

__attribute__((format(printf, 3, 4)))
void axml_stop(struct reader *r, enum status status, const char *format, ...) {
  char text[600];
  va_list args;
  if (r->status) return;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  r->status = fail(r->why, status, "%s: axml, line %d: %s", r->path, line_of(r), text);
  XML_StopParser(r->parser, XML_FALSE);
}

/* ---- elements ---- */

static const char *local_name(const char *name) {
  const char *colon = strrchr(name, ':');
  return colon ? colon + 1 : name;
}

static const char *trimmed(char *text) {
  char *end = text + strlen(text);
  while (end > text && strchr(" \t\r\n", end[-1])) *--end = 0;
  return text + strspn(text, " \t\r\n");
}

/* "AB_00031001_00000001": the channel's number, then the block's. */
static void check_block_id(struct adm_channel *of, const char *id) {
  char expected[32];
  snprintf(expected, sizeof expected, "AB_%.8s_%08x", strlen(of->id) == 11 ? of->id + 3 : "",
           (unsigned)of->n_blocks);
  if (strcmp(id, expected)) of->numbered = false;
}

static void start_block(struct reader *r, const char **given, int index) {
  struct adm_channel *channel_row = &r->adm->channels[index];
  struct adm_block *block;
  bool has_id = false;
  if (++r->n_blocks > ADM_MOST_BLOCKS) {
    axml_stop(r, STATUS_BAD_DATA, "too many blocks (accepted: %d)", ADM_MOST_BLOCKS);
    return;
  }
  if (!adm_add_block(channel_row, &block)) {
    axml_stop(r, STATUS_AGAIN, "out of memory");
    return;
  }
  for (; *given; given += 2) {
    if (!strcmp(given[0], "audioBlockFormatID")) {
      check_block_id(channel_row, given[1]);
      has_id = true;
    } else if (!strcmp(given[0], "rtime")) {
      block->rtime = axml_time(r, "rtime", given[1]);
    } else if (!strcmp(given[0], "duration")) {
      block->duration = axml_time(r, "duration", given[1]);
    } else {
      adm_note_foreign(r->adm, "attribute", given[0]);
    }
  }
  if (!has_id) channel_row->numbered = false;
}

static void start_leaf(struct reader *r, const struct element *row, const char **given) {
  r->n_text = 0;
  for (int i = 0; i < LEAF_ATTRIBUTES; i++) *r->attributes[i] = 0;
  for (; *given; given += 2) {
    int i = 0;
    while (i < LEAF_ATTRIBUTES && row->names[i] && strcmp(row->names[i], given[0])) i++;
    if (i == LEAF_ATTRIBUTES || !row->names[i]) adm_note_foreign(r->adm, "attribute", given[0]);
    else if (strlen(given[1]) >= ATTRIBUTE_BYTES)
      axml_stop(r, STATUS_BAD_DATA, "%s has a long value (accepted: up to %d bytes)", row->name,
                ATTRIBUTE_BYTES - 1);
    else memcpy(r->attributes[i], given[1], strlen(given[1]) + 1);
  }
}

static int start_row(struct reader *r, enum adm_table table, const struct element *row,
                     const char **given) {
  if (++r->n_elements > ADM_MOST_ELEMENTS) {
    axml_stop(r, STATUS_BAD_DATA, "too many elements (accepted: %d)", ADM_MOST_ELEMENTS);
    return 0;
  }
  const int index = adm_add(r->adm, table);
  if (table == ADM_CHANNELS) r->adm->channels[index].numbered = true;
  if (table == ADM_TRACKS) r->adm->tracks[index].in_axml = true;
  void *const to = adm_row(r->adm, table, index);
  axml_set_attributes(r, row->attributes, given, to);
  if (!*(const char *)to) /* its ID is the first of every row */
    axml_stop(r, STATUS_BAD_DATA, "%s without an ID", row->name);
  return index;
}

static void XMLCALL start(void *context, const char *full_name, const char **given) {
  struct reader *r = context;
  const char *name = local_name(full_name);
  if (r->status) return;
  if (r->depth + 1 >= ADM_XML_DEPTH) {
    axml_stop(r, STATUS_BAD_DATA, "elements are nested too deeply (accepted: %d levels)",
              ADM_XML_DEPTH - 1);
    return;
  }
  const struct open *around = &r->stack[r->depth];
  struct open *here = &r->stack[++r->depth];
  *here = (struct open){OUTSIDE, around->index, NULL};
  if (around->place == OUTSIDE) {
    if (!strcmp(name, "audioFormatExtended")) here->place = IN_ALL;
    return;
  }
  here->row = around->place < LEAF ? axml_find(around->place, name) : NULL;
  here->place = here->row ? here->row->place : FOREIGN;
  if (here->place == FOREIGN) {
    if (around->place != FOREIGN) adm_note_foreign(r->adm, "", name);
  } else if (here->place == LEAF) {
    start_leaf(r, here->row, given);
  } else if (here->place == IN_BLOCK) {
    start_block(r, given, here->index);
  } else if (here->place == IN_LOUDNESS) {
    axml_set_loudness(r, given);
  } else if (here->place < (enum place)ADM_TABLES) {
    here->index = start_row(r, (enum adm_table)here->place, here->row, given);
  }
}

static void XMLCALL characters(void *context, const char *text, int n) {
  struct reader *r = context;
  if (r->status || r->stack[r->depth].place != LEAF) return;
  if ((size_t)n >= TEXT_BYTES - r->n_text) {
    axml_stop(r, STATUS_BAD_DATA, "%s has a long text (accepted: up to %d bytes)",
              r->stack[r->depth].row->name, TEXT_BYTES - 1);
    return;
  }
  memcpy(r->text + r->n_text, text, (size_t)n);
  r->n_text += (size_t)n;
}

static void keep_ref(struct reader *r, const struct element *row, const char *id) {
  struct adm_refs *refs = r->refs;
  if (refs->n >= ADM_MOST_ELEMENTS * 4) {
    axml_stop(r, STATUS_BAD_DATA, "too many references (accepted: %d)", ADM_MOST_ELEMENTS * 4);
    return;
  }
  if (!(refs->n & (refs->n - 1)))
    refs->items = memory_grow(refs->items, 2 * (size_t)refs->n + 1, sizeof *refs->items);
  struct adm_ref *ref = &refs->items[refs->n];
  *ref = (struct adm_ref){(enum adm_table)row->parent, row->to, r->stack[r->depth - 1].index,
                          line_of(r), row->at, row->is_list, ""};
  axml_copy_id(r, row->name, id, ref->id);
  if (!r->status) refs->n++;
  if (!r->status && ref->from == ADM_TRACKS && ref->to != ADM_PACKS)
    memcpy(r->adm->tracks[ref->owner].format_ref, ref->id, sizeof ref->id);
}

static void XMLCALL end(void *context, const char *full_name) {
  struct reader *r = context;
  if (r->status) return;
  const struct open *here = &r->stack[r->depth];
  if (here->place == LEAF) {
    r->text[r->n_text] = 0;
    const char *text = trimmed(r->text);
    if (here->row->take) here->row->take(r, text);
    else keep_ref(r, here->row, text);
  }
  (void)full_name;
  r->depth--;
}

static void XMLCALL doctype(void *context, const char *name, const char *system,
                            const char *public, int internal) {
  (void)name, (void)system, (void)public, (void)internal;
  axml_stop(context, STATUS_BAD_DATA, "a document type (accepted: none, nor entities)");
}

static void parse(struct reader *r, const unsigned char *bytes, size_t size) {
  XML_SetUserData(r->parser, r);
  XML_SetElementHandler(r->parser, start, end);
  XML_SetCharacterDataHandler(r->parser, characters);
  XML_SetStartDoctypeDeclHandler(r->parser, doctype);
  r->stack[0].place = OUTSIDE;
  const bool wide = size > 1 && (bytes[0] == 0xFF || bytes[0] == 0xFE); /* UTF-16 */
  while (size && !wide && strchr(" \t\r\n", bytes[size - 1])) size--; /* filling, zeros too */
  const enum XML_Status parsed = XML_Parse(r->parser, (const char *)bytes, (int)size, 1);
  if (parsed == XML_STATUS_ERROR && !r->status) {
    const enum XML_Error error = XML_GetErrorCode(r->parser);
    axml_stop(r, error == XML_ERROR_NO_MEMORY ? STATUS_AGAIN : STATUS_BAD_DATA, "not XML: %s",
              XML_ErrorString(error));
  }
}

enum status adm_axml_read(const struct adm_chunks *chunks, const char *path, struct adm *adm,
                          struct adm_refs *refs, struct failure *why) {
  struct reader *r = memory_new(1, sizeof *r);
  r->adm = adm;
  r->refs = refs;
  r->path = path;
  r->why = why;
  r->parser = XML_ParserCreate(NULL);
  if (r->parser) parse(r, chunks->axml, chunks->axml_bytes);
  else r->status = fail(why, STATUS_AGAIN, "%s: out of memory", path);
  if (r->parser) XML_ParserFree(r->parser);
  const enum status status = r->status;
  free(r);
  return status;
}
