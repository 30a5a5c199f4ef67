/* SPDX-License-Identifier: MIT
 * Reads the value of one parameter row. */
#ifndef LACQUER_ROW_VALUE_H
#define LACQUER_ROW_VALUE_H
#include "row_reader.h"

/* Reads `node` into the field of `params` that `row` describes. With `merge`, a list
 * is changed item by item, may grow, and an item without value or an empty mapping
 * leaves its item as it is. What is not accepted is told and changes nothing. */
void row_value_read(struct row_reader *reader, yaml_node_t *node, const struct param_row *row,
                    void *params, bool merge);
/* "5 .. 96000 Hz", "one of tpdf, none", ... */
struct name_text row_value_accepted(const struct param_row *row);
#endif
