/* SPDX-License-Identifier: MIT
 * See pass_bytes.h. */
#define _GNU_SOURCE /* REG_ERR, MAP_ANONYMOUS */
#include "pass_bytes.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "memory.h"

#if defined(__x86_64__) && defined(__linux__)
static bool fault_writes(const void *context) {
  return ((const ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & 2;
}
bool pass_bytes_available(void) { return true; }
#else
static bool fault_writes(const void *context) {
  (void)context;
  return false;
}
bool pass_bytes_available(void) { return false; }
#endif

enum { MAX_REGIONS = 5 };
struct region {
  char *begin;
  size_t bytes;
};
static struct {
  struct stage stage[MAX_SLOTS];
  struct stage_pass passes[MAX_SLOTS][MAX_STAGE_PASSES];
  struct slot_plan slots[MAX_SLOTS];
  const struct stage *real[MAX_SLOTS];
  const struct stage_design *design[MAX_SLOTS];
  int slot, pass;
  struct touched *sum;
  struct region region[MAX_REGIONS];
  int n_regions;
  size_t page;
} counting; /* a signal handler has no other place to look */

/* The first touch of a page: gives it back, for reading only unless it is written. */
static void on_fault(int number, siginfo_t *info, void *context) {
  const bool writes = fault_writes(context);
  char *at = info->si_addr;
  for (int i = 0; i < counting.n_regions; i++) {
    const struct region *r = &counting.region[i];
    if (at < r->begin || at >= r->begin + r->bytes) continue;
    char *page = (char *)((uintptr_t)at / counting.page * counting.page);
    *(writes ? &counting.sum->written : &counting.sum->read) += (double)counting.page;
    if (!mprotect(page, counting.page, writes ? PROT_READ | PROT_WRITE : PROT_READ)) return;
  }
  signal(number, SIG_DFL); /* a fault of another kind: it comes again */
}

static void add_region(const void *begin, size_t bytes) {
  for (int i = 0; i < counting.n_regions; i++)
    if (counting.region[i].begin == begin) return;
  if (!begin || !bytes || (uintptr_t)begin % counting.page) return;
  bytes = (bytes + counting.page - 1) / counting.page * counting.page;
  counting.region[counting.n_regions++] = (struct region){(char *)begin, bytes};
}

static size_t control_bytes(int slot, const struct stage_io *io) {
  return (size_t)counting.design[slot]->control_words * io->n_blocks * sizeof(int32_t);
}

static void find_regions(const struct stage_io *io) {
  const struct stage_design *d = counting.design[counting.slot];
  const size_t audio = (size_t)io->channels * io->stride * sizeof(float);
  const int aux = counting.slots[counting.slot].aux_slot;
  counting.n_regions = 0;
  add_region(io->src, audio);
  add_region(io->dst, audio);
  add_region(io->ring, (size_t)io->ring_blocks * d->ring_words * sizeof(float));
  add_region(io->control, control_bytes(counting.slot, io));
  if (aux >= 0) add_region(io->aux, control_bytes(aux, io));
}

static void protect(int protection) {
  for (int i = 0; i < counting.n_regions; i++)
    mprotect(counting.region[i].begin, counting.region[i].bytes, protection);
}

static void counted_reference(const struct stage_io *io, int32_t first, int32_t count) {
  struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, before;
  sigemptyset(&ours.sa_mask);
  find_regions(io);
  sigaction(SIGSEGV, &ours, &before);
  protect(PROT_NONE);
  counting.real[counting.slot]->passes[counting.pass].reference(io, first, count);
  protect(PROT_READ | PROT_WRITE);
  sigaction(SIGSEGV, &before, NULL);
}

const struct slot_plan *pass_bytes_slots(const struct session_plan *plan) {
  counting.page = (size_t)sysconf(_SC_PAGESIZE);
  memcpy(counting.slots, plan->slots, (size_t)plan->n_slots * sizeof *plan->slots);
  for (int s = 0; s < plan->n_slots; s++) {
    counting.real[s] = plan->slots[s].stage;
    counting.design[s] = plan->lanes[0].design[s];
    counting.stage[s] = *counting.real[s];
    for (int p = 0; p < MAX_STAGE_PASSES; p++) {
      counting.passes[s][p] = counting.real[s]->passes[p];
      if (!counting.passes[s][p].name) break;
      counting.passes[s][p].reference = counted_reference;
    }
    counting.stage[s].passes = counting.passes[s];
    counting.slots[s].stage = &counting.stage[s];
  }
  return counting.slots;
}

void pass_bytes_of(int slot, int pass, struct touched *sum) {
  counting.slot = slot;
  counting.pass = pass;
  counting.sum = sum;
}
