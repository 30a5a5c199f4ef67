/* SPDX-License-Identifier: MIT
 * The program in the background, to be interrupted. Everything here fails the test when it
 * cannot do its work. */
#ifndef LACQUER_SPAWN_FIXTURE_H
#define LACQUER_SPAWN_FIXTURE_H
#include <stdbool.h>
#include <sys/types.h>

struct spawned {
  pid_t pid;
  int messages; /* end of a pipe: its standard error */
};
/* Starts the program; its standard output is dropped. A run of more than five minutes is
 * ended. `ignore`: a signal that it ignores from the start; 0: none. */
#define spawn_program(ignore, ...) \
  spawn_words(ignore, (const char *const[]){LACQUER_PROGRAM, __VA_ARGS__, NULL})
struct spawned spawn_words(int ignore, const char *const argv[]);
/* Reads messages until the word stands in them; false: they ended before. */
bool spawn_expect(struct spawned *run, const char *word);
/* Reads what is left and waits. Exit status, or a signal's number, negative. */
int spawn_end(struct spawned *run);
#endif
