/* SPDX-License-Identifier: MIT
 * JUnit XML, as test reports of CI systems are read: one suite of cases. */
#ifndef LACQUER_JUNIT_H
#define LACQUER_JUNIT_H
#include "failure.h"

struct junit;
/* For the file at `path`; nothing is written before junit_close. */
struct junit *junit_open(const char *path, const char *suite);
/* One case. `failure`: why it failed; NULL: it passed. Any text: what XML cannot hold, and
 * what is not UTF-8, becomes "?". */
void junit_case(struct junit *junit, const char *name, const char *failure);
/* Writes the file in one step, and frees; takes NULL. STATUS_CANT_CREATE, STATUS_IO. */
enum status junit_close(struct junit **junit, struct failure *why);
#endif
