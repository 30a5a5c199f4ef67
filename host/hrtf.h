/* SPDX-License-Identifier: MIT
 * SOFA files (AES69): measured head-related impulse responses of one listener, by libmysofa. */
#ifndef LACQUER_HRTF_H
#define LACQUER_HRTF_H
#include "failure.h"
#include "hash.h"
#include "hrir.h"
#include "manifest.h"

struct hrtf {
  char *path;                  /* that was opened */
  char sha256[HASH_TEXT_SIZE]; /* of the file */
  char title[160], license[160]; /* as the file has them, clean UTF-8; "": it has none */
  struct hrir_set set;
};
/* Reads and checks a file: convention SimpleFreeFieldHRIR, FIR, two receivers, bounded sizes,
 * finite values. libmysofa runs in a process of its own, which a damaged file may bring down.
 * STATUS_NO_INPUT: it cannot be opened; STATUS_BAD_DATA: what is wrong with it. */
enum status hrtf_read(const char *path, struct hrtf **out, struct failure *why);
void hrtf_destroy(struct hrtf **hrtf); /* takes NULL; writes NULL */

/* Path to open for a variant: its own, joined to the manifest's folder, or libmysofa's
 * default set. NULL: its layout is not binaural. Caller frees. */
char *hrtf_path(const struct manifest *manifest, const struct variant *variant);
/* The largest angle, in degrees, from a loudspeaker of a layout to the measurement that stands
 * for it. */
double hrtf_largest_angle(const struct hrtf *hrtf, const struct layout *layout);
#endif
