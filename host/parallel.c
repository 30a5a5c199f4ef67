/* SPDX-License-Identifier: MIT
 * See parallel.h. */
#include "parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "memory.h"

struct crew {
  atomic_int next;
  int n;
  void (*run)(void *context, int item);
  void *context;
};

static void *work(void *argument) {
  struct crew *c = argument;
  for (int i; (i = atomic_fetch_add(&c->next, 1)) < c->n;) c->run(c->context, i);
  return NULL;
}

void parallel_run(int jobs, int n, void (*run)(void *context, int item), void *context) {
  struct crew crew = {.n = n, .run = run, .context = context};
  int started = 0;
  if (!jobs) jobs = (int)sysconf(_SC_NPROCESSORS_ONLN);
  if (jobs > n) jobs = n;
  pthread_t *threads = memory_new((size_t)jobs + 1, sizeof *threads);
  while (started < jobs && !pthread_create(&threads[started], NULL, work, &crew)) started++;
  if (!started) work(&crew);
  for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
  free(threads);
}
