/* SPDX-License-Identifier: MIT
 * Parameter rows: one table per settings struct drives manifest parsing, range
 * errors, the printed plan, `lacquer schema` and the documentation. */
#ifndef LACQUER_PARAMS_H
#define LACQUER_PARAMS_H
#include <math.h>
#include <stddef.h>

enum param_type {
  PARAM_END,     /* closes a table */
  PARAM_NUMBER,  /* double at offset; NAN = not set (the default may be NAN) */
  PARAM_INTEGER, /* int at offset */
  PARAM_CHOICE,  /* int at offset: index into choices */
  PARAM_TEXT,    /* char * at offset, owned by the manifest; NULL = not set */
  PARAM_LIST,    /* items of item_size at offset, their int count at count_offset */
};

struct param_row {
  const char *name; /* manifest key; NULL: a list item that is a bare number */
  enum param_type type;
  size_t offset;
  double min, max; /* accepted range; PARAM_LIST: of the number of items;
                      PARAM_TEXT: of the length in bytes */
  double initial;  /* default of a number, integer or choice */
  int required;    /* 1: leaving it out is an error */
  int later;       /* 1: a key younger than the first receipts. While it has its default it
                      is left out of the settings that are printed, hashed and seed the
                      dither, so that a manifest without it renders to the bits it always did */
  const char *unit, *help;
  const char *const *choices;    /* PARAM_CHOICE: names, closed by NULL */
  const struct param_row *items; /* PARAM_LIST: the table of one item */
  size_t item_size, count_offset;
};

/* A choice between "false" and "true", in this order: true and false in JSON. */
int params_is_switch(const struct param_row *row);

/* Writes every default of `rows` into `params` (lists become empty, texts NULL). */
void params_init(const struct param_row *rows, void *params);
#endif
