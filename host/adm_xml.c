/* SPDX-License-Identifier: MIT
 * See adm_parts.h: XML out, indented by tabs. */
#include <stdarg.h>
#include <string.h>

#include "adm_parts.h"
#include "utf8.h"

/* Text of an attribute or element; what XML 1.0 cannot hold makes x->bad. */
static void put_escaped(struct adm_xml *x, const char *text) {
  const size_t size = strlen(text);
  for (size_t i = 0, step; i < size; i += step) {
    uint32_t code = 0;
    step = utf8_decode(text + i, size - i, &code);
    if (!step || code < 0x20 || code == 0xFFFE || code == 0xFFFF) {
      x->bad = true;
      return;
    }
    const char *entity = code == '&'   ? "&amp;"
                         : code == '<' ? "&lt;"
                         : code == '>' ? "&gt;"
                         : code == '"' ? "&quot;"
                                       : NULL;
    if (entity) fputs(entity, x->out);
    else fwrite(text + i, 1, step, x->out);
  }
}

static void put_formatted(struct adm_xml *x, const char *format, va_list args) {
  char text[1024];
  if (vsnprintf(text, sizeof text, format, args) >= (int)sizeof text) x->bad = true;
  put_escaped(x, text);
}

static void indent(struct adm_xml *x) {
  for (int i = 0; i < x->depth; i++) fputc('\t', x->out);
}

static void finish_open(struct adm_xml *x) {
  if (x->open) fputs(">\n", x->out);
  x->open = NULL;
}

void adm_xml_open(struct adm_xml *x, const char *tag) {
  finish_open(x);
  indent(x);
  fprintf(x->out, "<%s", tag);
  x->open = tag;
  x->depth++;
}

void adm_xml_attribute(struct adm_xml *x, const char *name, const char *format, ...) {
  va_list args;
  fprintf(x->out, " %s=\"", name);
  va_start(args, format);
  put_formatted(x, format, args);
  va_end(args);
  fputc('"', x->out);
}

void adm_xml_close(struct adm_xml *x, const char *tag) {
  finish_open(x);
  x->depth--;
  indent(x);
  fprintf(x->out, "</%s>\n", tag);
}

void adm_xml_leaf(struct adm_xml *x, const char *tag, const char *format, ...) {
  va_list args;
  finish_open(x);
  indent(x);
  fprintf(x->out, "<%s>", tag);
  va_start(args, format);
  put_formatted(x, format, args);
  va_end(args);
  fprintf(x->out, "</%s>\n", tag);
}

void adm_xml_leaf_of(struct adm_xml *x, const char *tag, const char *name, const char *value,
                     const char *format, ...) {
  va_list args;
  finish_open(x);
  indent(x);
  fprintf(x->out, "<%s %s=\"", tag, name);
  put_escaped(x, value);
  fputs("\">", x->out);
  va_start(args, format);
  put_formatted(x, format, args);
  va_end(args);
  fprintf(x->out, "</%s>\n", tag);
}
