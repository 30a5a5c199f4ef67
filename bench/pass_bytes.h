/* SPDX-License-Identifier: MIT
 * Which memory a pass of the reference touches: its buffers are taken away from the process
 * before the pass, and the faults say which pages it reads and writes. What a pass must move
 * at least, whatever the caches do. Counted, so that it holds for every stage there will be. */
#ifndef LACQUER_PASS_BYTES_H
#define LACQUER_PASS_BYTES_H
#include "engine.h"

struct touched {
  double read, written; /* bytes, in whole pages; tables of the design are not counted */
};

/* Whether this machine can: x86-64 Linux, where a fault says if it was a write. */
bool pass_bytes_available(void);

/* Of a session about to be opened on engine_cpu: its slots with stages that count. They are
 * static, and valid until the next call. */
const struct slot_plan *pass_bytes_slots(const struct session_plan *plan);
/* Before a pass of slot `slot` is run: where its bytes go, which are added. One thread. */
void pass_bytes_of(int slot, int pass, struct touched *sum);
#endif
