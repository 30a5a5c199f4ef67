/* SPDX-License-Identifier: MIT
 * Between the files of the axml reader: elements as they open and close (adm_axml.c), and what
 * each of them holds (adm_axml_elements.c). */
#ifndef LACQUER_ADM_AXML_H
#define LACQUER_ADM_AXML_H
#include "adm_parts.h"

enum place { /* what an open element is; the first ones are the tables */
  IN_BLOCK = ADM_TABLES, IN_LOUDNESS, IN_ZONES, IN_ALL, /* audioFormatExtended */
  OUTSIDE, LEAF, FOREIGN
};
enum { TEXT_BYTES = 256, ATTRIBUTE_BYTES = 64, LEAF_ATTRIBUTES = 7 };

struct reader;
enum type { ID, TEXT, TIME, WHOLE, KIND, PCM, SKIP };
struct attribute {
  const char *name;
  enum type type;
  size_t at; /* in the row */
};
struct element { /* a row of the table of elements */
  enum place parent;
  const char *name;
  enum place place;
  const struct attribute *attributes;        /* of an element with a row */
  const char *names[LEAF_ATTRIBUTES];        /* of a leaf */
  void (*take)(struct reader *, const char *text); /* a leaf's; NULL: */
  enum adm_table to;                         /* a reference to this table */
  size_t at;
  bool is_list;
};

struct reader {
  void *parser; /* XML_Parser */
  struct adm *adm;
  struct adm_refs *refs;
  const char *path;
  struct failure *why;
  enum status status;
  int depth, n_elements, n_blocks;
  struct open {
    enum place place;
    int index;                 /* row of the table; for others that of the element around */
    const struct element *row; /* of a leaf */
  } stack[ADM_XML_DEPTH];
  char text[TEXT_BYTES]; /* of a leaf */
  size_t n_text;
  char attributes[LEAF_ATTRIBUTES][ATTRIBUTE_BYTES]; /* of a leaf, as its row names them */
};

__attribute__((format(printf, 3, 4)))
void axml_stop(struct reader *r, enum status status, const char *format, ...);
/* NULL: `parent` has no such element. */
const struct element *axml_find(enum place parent, const char *name);
/* Puts attributes (name, value, name, ..., NULL) into a row. */
void axml_set_attributes(struct reader *r, const struct attribute *rows, const char **given,
                         void *row);
/* Of a programme or content whose loudnessMetadata is open. */
void axml_set_loudness(struct reader *r, const char **given);
struct adm_time axml_time(struct reader *r, const char *name, const char *text);
void axml_copy_id(struct reader *r, const char *name, const char *text, char id[16]);
#endif
