/* SPDX-License-Identifier: MIT
 * See junit.h. */
#include "junit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "publish.h"
#include "utf8.h"

struct junit {
  const char *path, *suite;
  FILE *cases;
  char *text; /* of `cases` */
  size_t size;
  int n, failed;
};

/* XML 1.0, 2.2: characters that a document can hold. */
static bool is_xml(uint32_t code) {
  return code == '\t' || code == '\n' || code == '\r' || (code >= 0x20 && code <= 0xd7ff) ||
         (code >= 0xe000 && code <= 0xfffd) || code >= 0x10000;
}

static const char *entity(uint32_t code) {
  switch (code) {
  case '&': return "&amp;";
  case '<': return "&lt;";
  case '>': return "&gt;";
  case '"': return "&quot;";
  case '\t': return "&#9;"; /* else a space, in an attribute */
  case '\n': return "&#10;";
  case '\r': return "&#13;";
  }
  return NULL;
}

static void put(FILE *out, const char *text) {
  const size_t size = strlen(text);
  for (size_t i = 0, step; i < size; i += step ? step : 1) {
    uint32_t code = 0;
    step = utf8_decode(text + i, size - i, &code);
    if (!step || !is_xml(code)) fputc('?', out);
    else if (entity(code)) fputs(entity(code), out);
    else fwrite(text + i, 1, step, out);
  }
}

struct junit *junit_open(const char *path, const char *suite) {
  struct junit *j = memory_new(1, sizeof *j);
  j->path = path;
  j->suite = suite;
  j->cases = open_memstream(&j->text, &j->size);
  return j;
}

void junit_case(struct junit *j, const char *name, const char *failure) {
  j->n++;
  j->failed += failure != NULL;
  if (!j->cases) return;
  fputs("    <testcase classname=\"", j->cases);
  put(j->cases, j->suite);
  fputs("\" name=\"", j->cases);
  put(j->cases, name);
  fputs(failure ? "\">\n      <failure message=\"" : "\"/>\n", j->cases);
  if (!failure) return;
  put(j->cases, failure);
  fputs("\"/>\n    </testcase>\n", j->cases);
}

enum status junit_close(struct junit **junit, struct failure *why) {
  struct junit *j = *junit;
  if (!j) return STATUS_OK;
  const bool complete = j->cases && !ferror(j->cases) && !fclose(j->cases);
  enum status status = STATUS_OK;
  if (complete) {
    char *xml = memory_print(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites tests=\"%d\" failures=\"%d\">\n"
        "  <testsuite name=\"%s\" tests=\"%d\" failures=\"%d\" errors=\"0\">\n"
        "%s  </testsuite>\n</testsuites>\n", j->n, j->failed, j->suite, j->n, j->failed, j->text);
    status = write_file_atomic(j->path, xml, strlen(xml), why);
    free(xml);
  } else {
    status = fail(why, STATUS_AGAIN, "%s: out of memory", j->path);
  }
  free(j->text);
  free(j);
  *junit = NULL;
  return status;
}
