/* SPDX-License-Identifier: MIT
 * See output_name.h, and manifest_output_name in manifest.h. */
#include "output_name.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"
#include "memory.h"
#include "name_list.h"
#include "utf8.h"

static const char missing[] = "_"; /* stands for what is not set, or nothing is left of */

struct deliverable {
  const struct manifest *manifest;
  const struct track *track;
  const struct variant *variant;
};

static char *copy(const char *text) {
  if (!text || !*text) text = missing;
  return memory_text(text, strlen(text));
}

static char *field_artist(const struct deliverable *d) { return copy(d->track->artist); }
static char *field_album(const struct deliverable *d) {
  return copy(d->manifest->catalogue.title);
}
static char *field_title(const struct deliverable *d) { return copy(d->track->title); }
static char *field_disc(const struct deliverable *d) {
  return d->track->disc ? memory_print("%d", d->track->disc) : copy(NULL);
}
static char *field_number(const struct deliverable *d) {
  return memory_print("%02d", d->track->number);
}
static char *field_isrc(const struct deliverable *d) { return copy(d->track->isrc); }
static char *field_variant(const struct deliverable *d) { return copy(d->variant->name); }
static char *field_source(const struct deliverable *d) {
  return d->track->stems ? copy(d->track->title) : output_name_base(d->track->source_text);
}
static char *field_ext(const struct deliverable *d) {
  return copy(file_format_extension(d->variant->format));
}

/* In the order of output_name_fields. */
static char *(*const field_values[])(const struct deliverable *) = {
    field_artist, field_album, field_title,   field_disc,   field_number,
    field_isrc,   field_variant, field_source, field_ext,
};
const char *const output_name_fields[] = {"artist", "album",   "title",  "disc", "number",
                                          "isrc",   "variant", "source", "ext",  NULL};

static int find_field(const char *name, size_t length) {
  for (int i = 0; output_name_fields[i]; i++)
    if (strlen(output_name_fields[i]) == length && !memcmp(output_name_fields[i], name, length))
      return i;
  return -1;
}

char *output_name_base(const char *path) {
  const char *slash = strrchr(path, '/');
  const char *base = slash ? slash + 1 : path;
  const char *dot = strrchr(base, '.');
  return memory_text(base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
}

/* Characters that no common file system or screen takes badly. */
static bool is_safe(uint32_t code) {
  if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return false;      /* controls */
  if (code < 0x80) return !strchr("/\\:*?\"<>|", (int)code);
  if (code == 0x061C || code == 0x200E || code == 0x200F) return false; /* direction marks */
  if (code >= 0x2028 && code <= 0x202E) return false; /* line separators, overrides */
  if (code >= 0x2066 && code <= 0x2069) return false; /* isolates */
  return code != 0xFEFF && (code & 0xFFFE) != 0xFFFE;
}

struct name {
  char *text;
  size_t length, component; /* where the component at hand begins */
};

static void append(struct name *name, const char *text, size_t length) {
  name->text = memory_grow(name->text, name->length + length + 1, 1);
  memcpy(name->text + name->length, text, length);
  name->length += length;
  name->text[name->length] = 0;
}

static void append_safe(struct name *name, const char *text) {
  size_t length = strlen(text);
  for (size_t i = 0, step; i < length; i += step) {
    uint32_t code = 0;
    step = utf8_decode(text + i, length - i, &code);
    bool safe = step && is_safe(code);
    if (!step) step = 1;
    append(name, safe ? text + i : missing, safe ? step : 1);
  }
}

/* Names that Windows gives to devices, with any extension: CON, com1.txt, ... */
static bool is_reserved(const char *text, size_t length) {
  static const char *const devices[] = {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"};
  static const char *const numbered[] = {"com", "lpt"};
  static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9",
                                       "\xC2\xB9", "\xC2\xB2", "\xC2\xB3"};
  char stem[8] = "";
  const char *dot = memchr(text, '.', length);
  if (dot) length = (size_t)(dot - text);
  while (length && text[length - 1] == ' ') length--;
  if (length >= sizeof stem) return false;
  for (size_t i = 0; i < length; i++)
    stem[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
    if (!strcmp(stem, devices[i])) return true;
  for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++)
    for (size_t k = 0; k < sizeof digits / sizeof *digits; k++)
      if (!strncmp(stem, numbered[i], 3) && !strcmp(stem + 3, digits[k])) return true;
  return false;
}

static size_t trim_end(const char *text, size_t length) {
  while (length && (text[length - 1] == ' ' || text[length - 1] == '.')) length--;
  return length;
}

/* Makes the component at hand a sound name; its last `ending` bytes (the extension
 * with its dot) stay. */
static void finish_component(struct name *name, size_t ending) {
  char *raw = memory_text(name->text + name->component, name->length - name->component);
  size_t length = strlen(raw);
  if (ending > length) ending = 0;
  length -= ending;
  const char *stem = raw;
  while (length && (*stem == ' ' || *stem == '.')) stem++, length--;
  length = trim_end(stem, length);
  name->length = name->component;
  if (!length || is_reserved(stem, length)) append(name, missing, 1);
  size_t room = OUTPUT_NAME_BYTES - ending - (name->length - name->component);
  append(name, stem, trim_end(stem, utf8_cut(stem, length, room)));
  append(name, raw + strlen(raw) - ending, ending);
  free(raw);
}

char *manifest_output_name(const struct manifest *manifest, const struct track *track,
                           const struct variant *variant) {
  const struct deliverable deliverable = {manifest, track, variant};
  struct name name = {0};
  append(&name, "", 0);
  for (const char *at = manifest->output; *at;) {
    size_t length = strcspn(at, "}");
    if (*at == '/') {
      finish_component(&name, 0);
      append(&name, at++, 1);
      name.component = name.length;
    } else if (*at == '{' && at[length]) {
      int field = find_field(at + 1, length - 1);
      char *value = field < 0 ? copy(NULL) : field_values[field](&deliverable);
      append_safe(&name, value);
      free(value);
      at += length + 1;
    } else {
      char *literal = memory_text(at, 1 + strcspn(at + 1, "/{"));
      append_safe(&name, literal);
      at += strlen(literal);
      free(literal);
    }
  }
  finish_component(&name, strlen(file_format_extension(variant->format)) + 1);
  return name.text;
}

static void check_field(const char *field, size_t length, const char *where, int line,
                        struct problems *problems) {
  struct name_list fields = {0};
  for (int i = 0; output_name_fields[i]; i++) name_list_add(&fields, output_name_fields[i]);
  char *word = memory_text(field, length);
  const char *nearest = name_list_nearest(&fields, word);
  if (find_field(field, length) < 0)
    problems_add(problems, line, "%sunknown field %s%s%s%s (accepted: %s)", where,
                 name_quote(word, length).text, nearest ? ", did you mean \"" : "",
                 nearest ? nearest : "", nearest ? "\"?" : "", name_list_text(&fields).text);
  free(word);
  name_list_release(&fields);
}

static void check_components(const char *template, const char *where, int line,
                             struct problems *problems) {
  if (*template == '/') {
    problems_add(problems, line, "%s\"/\" at the start (accepted: a path below the output "
                 "folder)", where);
    template++;
  }
  for (const char *at = template;; at++) {
    size_t length = strcspn(at, "/");
    char *component = memory_text(at, length);
    if (!length)
      problems_add(problems, line, "%sa folder without a name (accepted: one \"/\" at a time)",
                   where);
    else if (!strcmp(component, ".") || !strcmp(component, ".."))
      problems_add(problems, line, "%s\"%s\" as a folder (accepted: a path below the output "
                   "folder)", where, component);
    free(component);
    at += length;
    if (!*at) break;
  }
}

/* The literal parts, and the braces. */
static void check_syntax(const char *template, const char *where, int line,
                         struct problems *problems) {
  for (size_t i = 0, size = strlen(template), step; i < size; i += step) {
    uint32_t code = 0;
    step = utf8_decode(template + i, size - i, &code);
    if (!step) step = 1;
    size_t length = strcspn(template + i + 1, "{}/");
    if (template[i] == '{' && template[i + 1 + length] == '}') {
      check_field(template + i + 1, length, where, line, problems);
      step = length + 2;
    } else if (template[i] == '{' || template[i] == '}') {
      problems_add(problems, line, "%s\"%c\" without its counterpart (accepted: fields such as "
                   "{title})", where, template[i]);
    } else if (template[i] != '/' && !is_safe(code)) {
      problems_add(problems, line, "%s%s has no place in file names (accepted: no control "
                   "characters, no \\ : * ? \" < > |)", where,
                   name_quote(template + i, step).text);
    }
  }
}

void output_template_check(const char *template, const char *where, int line,
                           struct problems *problems) {
  static const char ending[] = ".{ext}";
  size_t length = strlen(template), need = strlen(ending);
  check_components(template, where, line, problems);
  check_syntax(template, where, line, problems);
  if (length < need || strcmp(template + length - need, ending))
    problems_add(problems, line, "%sdoes not end in \"%s\" (accepted: a template that does)",
                 where, ending);
}

static uint32_t fold(uint32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 32;
  if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
  if (c == 0x178) return 0xFF;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c + (c & 1);
  if (c >= 0x100 && c <= 0x177 && c != 0x138) return c | 1;
  if ((c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F)) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  return c;
}

char *output_name_fold(const char *name) {
  size_t length = strlen(name), used = 0;
  char *folded = memory_new(length + 4, 1); /* folding never lengthens these characters */
  for (size_t i = 0, step; i < length; i += step) {
    uint32_t code = 0;
    step = utf8_decode(name + i, length - i, &code);
    if (!step) code = '_', step = 1;
    used += utf8_encode(fold(code), folded + used);
  }
  return folded;
}
