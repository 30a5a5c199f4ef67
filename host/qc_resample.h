/* SPDX-License-Identifier: MIT
 * Any part of a stereo file at another rate, by windowed sincs in double: for comparisons in
 * time. */
#ifndef LACQUER_QC_RESAMPLE_H
#define LACQUER_QC_RESAMPLE_H
#include "qc_source.h"

struct qc_resample;
/* `source`: 1 or 2 channels; must outlive it. NULL: no memory. */
struct qc_resample *qc_resample_create(struct qc_source *source, int rate_hz);
void qc_resample_destroy(struct qc_resample **resample); /* takes NULL; writes NULL */
/* Frames [at, at + n) as of a file at rate_hz, from any time, to out[0] and out[1]; a mono file
 * to both. STATUS_IO, STATUS_AGAIN. */
enum status qc_resample_read(struct qc_resample *resample, int64_t at, int32_t n,
                             double *const out[2], struct failure *why);
#endif
