/* SPDX-License-Identifier: MIT
 * Names of deliverables: the template's syntax and its fields. The names themselves
 * come from manifest_output_name (manifest.h). */
#ifndef LACQUER_OUTPUT_NAME_H
#define LACQUER_OUTPUT_NAME_H
#include "problems.h"

#define OUTPUT_NAME_DEFAULT "{variant}/{number} {title}.{ext}"
enum {
  OUTPUT_NAME_BYTES = 200,    /* of a folder or file name: leaves room for ".json" and
                                 for the ending of temporary files within 255 */
  OUTPUT_TEMPLATE_BYTES = 255,
};
extern const char *const output_name_fields[]; /* closed by NULL */

/* Tells what is wrong with a template; each message begins with `where`. */
void output_template_check(const char *template, const char *where, int line,
                           struct problems *problems);
/* The name with upper case folded to lower case (Latin, Greek, Cyrillic), to find names
 * that are one on file systems that ignore case. Caller frees. */
char *output_name_fold(const char *name);
/* The file name of a path without folder and extension. Caller frees. */
char *output_name_base(const char *path);
#endif
