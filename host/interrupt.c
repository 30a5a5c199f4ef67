/* SPDX-License-Identifier: MIT
 * See interrupt.h. The signals are blocked everywhere; one thread waits for them. */
#include "interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "memory.h"

struct interrupts {
  void (*abandon)(void *context);
  void *context;
  sigset_t watched, before;
  pthread_t thread;
  bool waiting; /* there is a thread */
  atomic_int drained_by;
  atomic_bool abandoned;
};

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};

static void end_by(int signal_number) {
  sigset_t one;
  signal(signal_number, SIG_DFL);
  sigemptyset(&one);
  sigaddset(&one, signal_number);
  pthread_sigmask(SIG_UNBLOCK, &one, NULL);
  raise(signal_number);
}

/* Below the line that a terminal may show. */
static void tell(const char *text) {
  fprintf(stderr, "%slacquer: %s\n", isatty(STDERR_FILENO) ? "\n" : "", text);
}

static void take(struct interrupts *in, int signal_number) {
  int none = 0;
  if (signal_number == SIGUSR1) {
    atomic_compare_exchange_strong(&in->drained_by, &none, signal_number);
    tell("SIGUSR1: finishing what is in hand");
    return;
  }
  if (signal_number == SIGINT && atomic_exchange(&in->drained_by, SIGINT) != SIGINT) {
    tell("interrupted: finishing what is in hand (again: stop at once)");
    return;
  }
  atomic_store(&in->abandoned, true);
  in->abandon(in->context);
  end_by(signal_number);
}

static void *wait_for_signals(void *context) {
  struct interrupts *in = context;
  for (;;) {
    int signal_number, state;
    if (sigwait(&in->watched, &signal_number)) continue; /* where interrupts_end cancels */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    take(in, signal_number);
    pthread_setcancelstate(state, NULL);
  }
  return NULL;
}

struct interrupts *interrupts_begin(void (*abandon)(void *context), void *context) {
  struct interrupts *in = memory_new(1, sizeof *in);
  in->abandon = abandon;
  in->context = context;
  sigemptyset(&in->watched);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    struct sigaction action;
    if (!sigaction(signals[i], NULL, &action) && action.sa_handler != SIG_IGN)
      sigaddset(&in->watched, signals[i]);
  }
  pthread_sigmask(SIG_BLOCK, &in->watched, &in->before);
  in->waiting = !pthread_create(&in->thread, NULL, wait_for_signals, in);
  if (!in->waiting) pthread_sigmask(SIG_SETMASK, &in->before, NULL); /* they end the program */
  return in;
}

int interrupts_end(struct interrupts **interrupts) {
  struct interrupts *in = *interrupts;
  if (in->waiting) {
    pthread_cancel(in->thread);
    pthread_join(in->thread, NULL);
    pthread_sigmask(SIG_SETMASK, &in->before, NULL);
  }
  const int drained_by = atomic_load(&in->drained_by);
  free(in);
  *interrupts = NULL;
  return drained_by;
}

bool interrupts_drain(const struct interrupts *in, bool done_something) {
  const int by = in ? atomic_load(&in->drained_by) : 0;
  return by == SIGINT || (by && done_something);
}

bool interrupts_abandoned(const struct interrupts *in) {
  return in && atomic_load(&in->abandoned);
}
