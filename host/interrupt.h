/* SPDX-License-Identifier: MIT
 * Signals during a render, as wishes that the workers ask for. */
#ifndef LACQUER_INTERRUPT_H
#define LACQUER_INTERRUPT_H
#include <stdbool.h>

/* SIGINT or SIGUSR1: finish what is in hand, begin nothing else. A second SIGINT, SIGTERM or
 * SIGHUP: drop it; `abandon` cleans up, then the signal ends the program. A signal that was
 * ignored before stays so. */
struct interrupts;

/* Call before any other thread is made. `abandon` is called from a thread of its own while
 * all others go on. */
struct interrupts *interrupts_begin(void (*abandon)(void *context), void *context);
/* Back to how it was. Returns SIGINT or SIGUSR1 when one came, else 0. */
int interrupts_end(struct interrupts **interrupts);

/* These take NULL: nothing interrupts. */
/* Begin nothing else. After SIGUSR1 only once something was done: a job that is requeued
 * again and again gets on all the same. */
bool interrupts_drain(const struct interrupts *interrupts, bool done_something);
bool interrupts_abandoned(const struct interrupts *interrupts); /* what fails now is no news */
#endif
