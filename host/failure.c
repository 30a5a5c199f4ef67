/* SPDX-License-Identifier: MIT
 * See failure.h. */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

enum status fail(struct failure *why, enum status status, const char *format, ...) {
  if (why) {
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    why->status = status;
  }
  return status;
}
