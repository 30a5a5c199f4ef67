/* SPDX-License-Identifier: MIT
 * FLAC out, by libFLAC: level 5, MD5, Vorbis comments, in one pass. */
#ifndef LACQUER_FLAC_WRITE_H
#define LACQUER_FLAC_WRITE_H
#include "encode.h"
#include "failure.h"

/* Writes the deliverable to `fd`, open for writing and empty; leaves it open. The bytes
 * depend on nothing but the deliverable and libFLAC's version. STATUS_IO when a write
 * fails, STATUS_AGAIN without memory, STATUS_INTERNAL when libFLAC refuses the format. */
enum status flac_write(int fd, const struct deliverable *deliverable, struct failure *why);
#endif
