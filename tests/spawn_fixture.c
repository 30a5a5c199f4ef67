/* SPDX-License-Identifier: MIT
 * See spawn_fixture.h. */
#include "spawn_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_SECONDS = 300 };

struct spawned spawn_words(int ignore, const char *const argv[]) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  struct spawned run = {.pid = fork(), .messages = ends[0]};
  assert_true(run.pid >= 0);
  if (!run.pid) {
    const int nothing = open("/dev/null", O_RDWR);
    if (dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 || dup2(ends[1], 2) < 0) _exit(127);
    close(ends[0]);
    close(ends[1]);
    if (ignore) signal(ignore, SIG_IGN);
    alarm(MOST_SECONDS);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
  }
  close(ends[1]);
  return run;
}

bool spawn_expect(struct spawned *run, const char *word) {
  const size_t n = strlen(word);
  char *last = calloc(n + 1, 1), c; /* the last n characters */
  assert_non_null(last);
  bool found = false;
  while (!found && read(run->messages, &c, 1) == 1) {
    memmove(last, last + 1, n - 1);
    last[n - 1] = c;
    found = !memcmp(last, word, n);
  }
  free(last);
  return found;
}

int spawn_end(struct spawned *run) {
  char rest[4096];
  int status;
  while (read(run->messages, rest, sizeof rest) > 0) continue;
  close(run->messages);
  assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
