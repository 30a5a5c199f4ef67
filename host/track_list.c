/* SPDX-License-Identifier: MIT
 * See track_list.h. */
#include "track_list.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool track_list_is(const char *path) {
  const char *dot = strrchr(path, '.');
  return dot && (!strcasecmp(dot, ".csv") || !strcasecmp(dot, ".tsv"));
}

static bool ends_line(char c) { return c == '\n' || c == '\r'; }

/* Passes the end of a line: LF, CRLF or CR. */
static void pass_line_end(struct track_list *list) {
  const char *at = list->text.bytes + list->at;
  list->at += at[0] == '\r' && at[1] == '\n' ? 2 : 1;
  list->line++;
}

/* What the header has most of outside of quotes; of equals the first. */
static char find_separator(const struct track_list *list) {
  static const char separators[] = ",;\t";
  int count[sizeof separators - 1] = {0}, most = 0;
  bool quoted = false;
  for (const char *c = list->text.bytes + list->at; *c && (quoted || !ends_line(*c)); c++) {
    quoted ^= *c == '"';
    const char *found = quoted ? NULL : strchr(separators, *c);
    if (found) count[found - separators]++;
  }
  for (int i = 1; separators[i]; i++)
    if (count[i] > count[most]) most = i;
  return separators[most];
}

/* "sep=;" is for the spreadsheet that wrote it. */
static char declared_separator(struct track_list *list) {
  const char *at = list->text.bytes + list->at;
  if (strncasecmp(at, "sep=", 4) || !at[4] || !ends_line(at[5])) return 0;
  const char separator = at[4];
  list->at += 5;
  pass_line_end(list);
  return strchr(",;\t|", separator) ? separator : 0;
}

enum status track_list_open(const char *path, struct problems *problems, struct track_list *out) {
  *out = (struct track_list){.line = 1};
  enum status status = text_file_read(path, TRACK_LIST_BYTES, problems, &out->text);
  if (status) return status;
  const char *nul = memchr(out->text.bytes, 0, out->text.size);
  if (nul) {
    problems_add(problems, text_file_line(&out->text, (size_t)(nul - out->text.bytes)),
                 "holds a NUL character (accepted: text without, in UTF-8)");
    track_list_close(out);
    return STATUS_BAD_DATA;
  }
  if (!strncmp(out->text.bytes, "\xEF\xBB\xBF", 3)) out->at = 3;
  const char declared = declared_separator(out);
  const char *dot = strrchr(path, '.');
  out->separator = declared                          ? declared
                   : dot && !strcasecmp(dot, ".tsv") ? '\t'
                                                     : find_separator(out);
  return STATUS_OK;
}

void track_list_close(struct track_list *list) {
  free(list->text.bytes);
  *list = (struct track_list){0};
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* A field without quotes: up to a separator or the end of the line. */
static char *plain_field(struct track_list *list) {
  char *start = list->text.bytes + list->at, *end = start;
  while (*end && *end != list->separator && !ends_line(*end)) end++;
  list->at += (size_t)(end - start);
  while (start < end && is_blank(*start)) start++;
  while (start < end && is_blank(end[-1])) end--;
  /* The byte at the end is still to be read: the caller closes the text. */
  memmove(list->text.bytes + list->at - (end - start), start, (size_t)(end - start));
  return list->text.bytes + list->at - (end - start);
}

/* A field that begins with a quote. NULL: told. */
static char *quoted_field(struct track_list *list, struct problems *problems) {
  const int line = list->line;
  char *bytes = list->text.bytes, *from = bytes + list->at + 1, *to = bytes + list->at;
  char *field = to;
  for (; *from && !(from[0] == '"' && from[1] != '"'); from++) {
    from += *from == '"'; /* the first of two */
    list->line += *from == '\n' || (*from == '\r' && from[1] != '\n');
    *to++ = *from;
  }
  if (!*from) {
    problems_add(problems, line, "a quote that is not closed (accepted: quotes around a field, "
                 "and doubled within it)");
    return NULL;
  }
  for (from++; is_blank(*from) && *from != list->separator; from++) {
  }
  if (*from && *from != list->separator && !ends_line(*from)) {
    problems_add(problems, list->line, "text behind a closing quote (accepted: quotes around a "
                 "whole field, and doubled within it)");
    return NULL;
  }
  list->at = (size_t)(from - bytes);
  *to = 0; /* at most at the closing quote */
  return field;
}

/* Where blanks end that a quote follows, else where it was. */
static size_t quote_at(const struct track_list *list) {
  size_t at = list->at;
  while (is_blank(list->text.bytes[at]) && list->text.bytes[at] != list->separator) at++;
  return list->text.bytes[at] == '"' ? at : list->at;
}

static bool read_record(struct track_list *list, struct problems *problems,
                        struct track_record *out) {
  out->line = list->line;
  out->n = 0;
  for (bool more = true; more;) {
    if (out->n == TRACK_LIST_COLUMNS) {
      problems_add(problems, out->line, "too many columns (accepted: %d)", TRACK_LIST_COLUMNS);
      return false;
    }
    list->at = quote_at(list);
    char *field = list->text.bytes[list->at] == '"' ? quoted_field(list, problems)
                                                    : plain_field(list);
    if (!field) return false;
    out->field[out->n++] = field;
    char *end = &list->text.bytes[list->at];
    more = *end == list->separator;
    if (more) list->at++;
    else if (*end) pass_line_end(list);
    *end = 0;
  }
  return true;
}

bool track_list_next(struct track_list *list, struct problems *problems,
                     struct track_record *out) {
  while (list->at < list->text.size) {
    if (!read_record(list, problems, out)) return false;
    for (int i = 0; i < out->n; i++)
      if (*out->field[i]) return true;
  }
  return false;
}
