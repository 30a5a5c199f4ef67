/* SPDX-License-Identifier: MIT
 * A folder of deliverables held against its receipts: are the files still what they say, and
 * does this machine render the same samples again? */
#ifndef LACQUER_VERIFY_H
#define LACQUER_VERIFY_H
#include <stdio.h>

#include "receipt.h"
#include "render.h"

struct verify_options {
  const char *manifest; /* NULL: the one that each receipt names */
  const char *device;   /* as device_open takes it */
  const char *junit;    /* file to write; NULL: none */
  bool quick;           /* only the files: nothing is rendered */
  bool json, quiet;     /* quiet: no line per unit on stderr */
  struct render_options render; /* how to run */
};
/* Checks every receipt at any depth below `folder`; writes nothing there. Prints what is not
 * as it should be on `out`, or a line of JSON per receipt. Returns the exit status: 0 all are
 * equal; STATUS_UNIT_FAILED some are not; STATUS_NO_INPUT, STATUS_BAD_DATA: there are no
 * receipts, or no manifest to render from; STATUS_NO_DEVICE. */
int verify_run(const char *folder, const struct verify_options *options, FILE *out);

/* ---- inside verify*.c ---- */

enum verify_state { /* the first problem found with it */
  VERIFY_EQUAL,
  VERIFY_BAD_RECEIPT, /* unreadable, or of an unfinished render */
  VERIFY_MISSING,     /* no file */
  VERIFY_RETAGGED,    /* other bytes, the same samples */
  VERIFY_DAMAGED,     /* other samples than the receipt's */
  VERIFY_NO_MANIFEST, /* to render from */
  VERIFY_UNKNOWN,     /* the manifest has no such unit */
  VERIFY_FAILED,      /* it could not be rendered */
  VERIFY_DIFFERS,     /* this machine renders other samples */
  VERIFY_STATES
};
struct verify_unit {
  char *receipt; /* path */
  char *problem; /* all of them; NULL: none */
  enum verify_state state;
  bool other_engine; /* than this program's rendered it */
  struct receipt_origin origin;
  char key[HASH_TEXT_SIZE], source_sha256[HASH_TEXT_SIZE], pcm_sha256[HASH_TEXT_SIZE];
  char hrtf_sha256[HASH_TEXT_SIZE]; /* of layout binaural, else "" */
};
const char *verify_state_name(enum verify_state state, bool quick);
void verify_print(const struct verify_unit *units, int n, const struct verify_options *options,
                  FILE *out);
enum status verify_write_junit(const struct verify_unit *units, int n, const char *path,
                               struct failure *why);
#endif
