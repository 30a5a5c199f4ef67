/* SPDX-License-Identifier: MIT
 * See row_value.h. */
#include "row_value.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

static void list_choices(const struct param_row *row, struct name_list *names) {
  for (const char *const *choice = row->choices; *choice; choice++) name_list_add(names, *choice);
}

static struct name_text accepted_choices(const struct param_row *row) {
  struct name_list names = {0};
  struct name_text out;
  list_choices(row, &names);
  struct name_text choices = name_list_text(&names);
  snprintf(out.text, sizeof out.text, "one of %.600s", choices.text);
  name_list_release(&names);
  return out;
}

struct name_text row_value_accepted(const struct param_row *row) {
  struct name_text out = {""};
  const char *unit = row->unit ? row->unit : "", *gap = row->unit ? " " : "";
  switch (row->type) {
  case PARAM_NUMBER:
  case PARAM_INTEGER:
    if (row->min == row->max)
      snprintf(out.text, sizeof out.text, "%.10g%s%s", row->min, gap, unit);
    else
      snprintf(out.text, sizeof out.text, "%s%.10g .. %.10g%s%s",
               row->type == PARAM_INTEGER ? "whole numbers " : "", row->min, row->max, gap, unit);
    break;
  case PARAM_CHOICE: return accepted_choices(row);
  case PARAM_TEXT:
    snprintf(out.text, sizeof out.text, "text of %.0f .. %.0f bytes", row->min, row->max);
    break;
  case PARAM_LIST:
    snprintf(out.text, sizeof out.text, "a list of %.0f .. %.0f items", row->min, row->max);
    break;
  case PARAM_END: break;
  }
  return out;
}

static const char *skip_digits(const char *text) {
  return text + strspn(text, "0123456789");
}

/* The number syntax of YAML 1.2 and JSON: decimal, no infinity, no NaN. */
static bool is_number(const char *text) {
  text += *text == '-' || *text == '+';
  const char *digits = text;
  text = skip_digits(text);
  bool any = text > digits;
  if (*text == '.') {
    const char *fraction = text + 1;
    text = skip_digits(fraction);
    any = any || text > fraction;
  }
  if (any && (*text == 'e' || *text == 'E')) {
    text += 1 + (text[1] == '-' || text[1] == '+');
    const char *exponent = text;
    text = skip_digits(text);
    any = text > exponent;
  }
  return any && !*text;
}

static bool is_whole(const char *text) {
  text += *text == '-' || *text == '+';
  return *text && !*skip_digits(text);
}

static void read_number(struct row_reader *reader, const yaml_node_t *node,
                        const struct param_row *row, char *at) {
  const char *text = row_reader_scalar(node);
  struct name_text accepted = row_value_accepted(row);
  if (!text) {
    row_reader_problem(reader, node, "%s where a number is wanted (accepted: %s)",
                       row_reader_kind(node), accepted.text);
    return;
  }
  struct name_text quoted = name_quote(text, node->data.scalar.length);
  if (strlen(text) < node->data.scalar.length || !is_number(text)) {
    row_reader_problem(reader, node, "%s is not a number (accepted: %s)", quoted.text,
                       accepted.text);
  } else if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
    row_reader_problem(reader, node, "%s is text: write the number without quotes (accepted: %s)",
                       quoted.text, accepted.text);
  } else if (row->type == PARAM_INTEGER && !is_whole(text)) {
    row_reader_problem(reader, node, "%.60s is not a whole number (accepted: %s)", text,
                       accepted.text);
  } else {
    double value = strtod(text, NULL);
    if (!(value >= row->min && value <= row->max))
      row_reader_problem(reader, node, "%.60s is out of range (accepted: %s)", text,
                         accepted.text);
    else if (row->type == PARAM_INTEGER) *(int *)(void *)at = (int)value;
    else *(double *)(void *)at = value;
  }
}

static void read_choice(struct row_reader *reader, const yaml_node_t *node,
                        const struct param_row *row, char *at) {
  const char *text = row_reader_scalar(node);
  if (!text) {
    row_reader_problem(reader, node, "%s where a name is wanted (accepted: %s)",
                       row_reader_kind(node), row_value_accepted(row).text);
    return;
  }
  for (int i = 0; row->choices[i]; i++)
    if (!strcmp(text, row->choices[i]) && strlen(text) == node->data.scalar.length) {
      *(int *)(void *)at = i;
      return;
    }
  struct name_list names = {0};
  list_choices(row, &names);
  row_reader_unknown(reader, node, "value", &names);
  name_list_release(&names);
}

static void read_text(struct row_reader *reader, const yaml_node_t *node,
                      const struct param_row *row, char *at) {
  const char *text = row_reader_text(reader, node, (size_t)row->min, (size_t)row->max);
  if (!text) return;
  char **field = (char **)(void *)at;
  free(*field);
  *field = memory_text(text, strlen(text));
}

static void read_item(struct row_reader *reader, yaml_node_t *node, const struct param_row *rows,
                      void *item, bool merge) {
  if (merge && node->type == YAML_SCALAR_NODE && !row_reader_scalar(node)) return;
  if (!rows->name) {
    row_value_read(reader, node, rows, item, merge);
  } else {
    const struct row_table tables[] = {{rows, item}, {0}};
    row_reader_mapping(reader, node, &(struct row_mapping){.tables = tables, .merge = merge});
  }
}

static void read_list(struct row_reader *reader, yaml_node_t *node, const struct param_row *row,
                      char *params, bool merge) {
  if (node->type != YAML_SEQUENCE_NODE) {
    row_reader_problem(reader, node, "%s where a list is wanted (accepted: %s)",
                       row_reader_kind(node), row_value_accepted(row).text);
    return;
  }
  const yaml_node_item_t *items = node->data.sequence.items.start;
  long n = node->data.sequence.items.top - items;
  if (n > row->max || (n < row->min && !merge))
    row_reader_problem(reader, node, "%ld items are too %s (accepted: %s)", n,
                       n > row->max ? "many" : "few", row_value_accepted(row).text);
  int *count = (int *)(void *)(params + row->count_offset);
  for (int i = 0; i < n && i < row->max; i++) {
    char *item = params + row->offset + (size_t)i * row->item_size;
    bool fresh = i >= *count;
    if (fresh) {
      memset(item, 0, row->item_size);
      params_init(row->items, item);
      *count = i + 1;
    }
    size_t length = row_reader_enter_item(reader, i + 1);
    read_item(reader, row_reader_node(reader, items[i]), row->items, item, merge && !fresh);
    row_reader_leave(reader, length);
  }
}

void row_value_read(struct row_reader *reader, yaml_node_t *node, const struct param_row *row,
                    void *params, bool merge) {
  char *at = (char *)params + row->offset;
  switch (row->type) {
  case PARAM_NUMBER:
  case PARAM_INTEGER: read_number(reader, node, row, at); break;
  case PARAM_CHOICE: read_choice(reader, node, row, at); break;
  case PARAM_TEXT: read_text(reader, node, row, at); break;
  case PARAM_LIST: read_list(reader, node, row, params, merge); break;
  case PARAM_END: break;
  }
}
