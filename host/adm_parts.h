/* SPDX-License-Identifier: MIT
 * Between the files of the ADM reader and writer; not for others. */
#ifndef LACQUER_ADM_PARTS_H
#define LACQUER_ADM_PARTS_H
#include "adm.h"

struct adm_ref { /* one element names another */
  enum adm_table from, to;
  int owner, line;
  size_t at;    /* in the owner's row: a list of indices, or */
  bool is_list; /* one index, taken where it is still -1 */
  char id[16];
};
struct adm_refs {
  struct adm_ref *items; /* owned */
  int n;
};
/* The elements of an axml chunk; what they refer to is only collected. */
enum status adm_axml_read(const struct adm_chunks *chunks, const char *path, struct adm *adm,
                          struct adm_refs *refs, struct failure *why);
/* Tracks that only chna has; then every reference becomes an index. */
enum status adm_resolve(struct adm *adm, const struct chna *chna, struct adm_refs *refs,
                        const char *path, struct failure *why);

void adm_note_foreign(struct adm *adm, const char *what, const char *name);

/* XML out: text for one file. */
struct adm_xml {
  FILE *out;
  int depth;
  const char *open; /* tag that is not closed yet; NULL: none */
  bool bad;         /* a text that XML cannot hold */
};
void adm_xml_open(struct adm_xml *x, const char *tag);
__attribute__((format(printf, 3, 4)))
void adm_xml_attribute(struct adm_xml *x, const char *name, const char *format, ...);
void adm_xml_close(struct adm_xml *x, const char *tag);
__attribute__((format(printf, 3, 4)))
void adm_xml_leaf(struct adm_xml *x, const char *tag, const char *format, ...);
/* A leaf with one attribute. */
__attribute__((format(printf, 5, 6)))
void adm_xml_leaf_of(struct adm_xml *x, const char *tag, const char *name, const char *value,
                     const char *format, ...);

/* What the two flavours have in common. */
struct adm_document {
  const struct adm *adm;
  const char *path;
  const struct riff_format *format;
  int64_t n_frames;
  struct adm_xml xml;
  struct chna chna;
  struct failure *why;
};
enum status adm_write_dolby(struct adm_document *d);
enum status adm_write_itu(struct adm_document *d);
void adm_write_root(struct adm_document *d, bool begin);
/* Everything of a block but label, position and jumpPosition. */
void adm_write_block_rest(struct adm_xml *x, const struct adm_block *block);
void adm_chna_row(struct chna *chna, int track, const char *uid, const char *format_ref,
                  const char *pack_ref);
#endif
