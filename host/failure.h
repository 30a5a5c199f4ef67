/* SPDX-License-Identifier: MIT
 * One failure of one thing: an exit status and one sentence for the user. */
#ifndef LACQUER_FAILURE_H
#define LACQUER_FAILURE_H

/* The values are the program's exit codes (sysexits.h). */
enum status {
  STATUS_OK = 0,
  STATUS_UNIT_FAILED = 1,
  STATUS_USAGE = 64,
  STATUS_BAD_DATA = 65,   /* manifest or audio */
  STATUS_NO_INPUT = 66,
  STATUS_NO_DEVICE = 69,
  STATUS_INTERNAL = 70,
  STATUS_CANT_CREATE = 73,
  STATUS_IO = 74,
  STATUS_AGAIN = 75,      /* interrupted or transient */
};
struct failure {
  enum status status;
  char text[768];
};
/* Records the failure (a sentence that names file, place, value and what is
 * accepted) and returns `status`. `why` may be NULL. */
__attribute__((format(printf, 3, 4)))
enum status fail(struct failure *why, enum status status, const char *format, ...);
#endif
