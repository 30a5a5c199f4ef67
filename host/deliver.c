/* SPDX-License-Identifier: MIT
 * See deliver.h. */
#include "deliver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "encode.h"
#include "loudness_check.h"
#include "memory.h"
#include "publish.h"

bool deliver_up_to_date(const struct unit_plan *unit, struct receipt *receipt) {
  struct stat s;
  return receipt_read(unit->unit->receipt_path, receipt) &&
         !strcmp(receipt->file_key, unit->file_key) && !stat(unit->unit->path, &s) &&
         s.st_size == receipt->file_bytes;
}

enum status deliver_may_write(const struct unit *unit, bool force, struct failure *why) {
  struct stat s;
  if (force || stat(unit->path, &s) || !stat(unit->receipt_path, &s)) return STATUS_OK;
  return fail(why, STATUS_CANT_CREATE,
              "%s: exists and has no receipt of lacquer (--force replaces it)", unit->path);
}

static enum status check_golden(const struct delivery *d, const char *pcm_sha256,
                                struct failure *why) {
  const char *folder = d->options->golden ? d->options->golden : d->plan->folder;
  char *path = memory_print("%s/%s.receipt.json", folder, d->unit->unit->name);
  struct receipt golden;
  enum status status = STATUS_OK;
  if (!receipt_read(path, &golden))
    status = fail(why, STATUS_UNIT_FAILED, "%s: no golden receipt to hold against", path);
  else if (strcmp(golden.pcm_sha256, pcm_sha256))
    status = fail(why, STATUS_UNIT_FAILED,
                  "%s: PCM differs from the golden receipt (%.12s, golden %.12s)",
                  d->unit->unit->name, pcm_sha256, golden.pcm_sha256);
  free(path);
  return status;
}

/* The most that TPDF dither and rounding can add to a true peak: 1.5 LSB on every sample
 * through an interpolator whose taps' magnitudes sum to less than 4. */
static double bound_after_dither(double true_peak_db, int bits) {
  const double lsb = bits == 16 ? 0x1p-15 : 0x1p-23;
  return 20 * log10(pow(10, true_peak_db / 20) + 4 * 1.5 * lsb);
}

static void describe(const struct delivery *d, struct receipt *r) {
  const struct tail_result *result = d->result;
  r->bits = d->plan->manifest->variants[d->unit->unit->variant].dither.bits;
  r->seconds = (double)d->n_frames / r->source.rate_hz;
  r->own_lufs = result->loudness_lufs;
  r->true_peak_dbtp = result->true_peak_db;
  r->true_peak_bound = bound_after_dither(result->true_peak_db, r->bits);
  r->gain_db = result->drive_db;
  r->reduction_db = result->max_reduction_db;
  r->reached = result->reached;
  r->clipped = result->clipped;
  memcpy(r->key, d->unit->key, sizeof r->key);
  memcpy(r->file_key, d->unit->file_key, sizeof r->file_key);
}

static enum status encode(const struct delivery *d, const struct receipt *r,
                          struct encoded *encoded, struct failure *why) {
  const struct manifest *m = d->plan->manifest;
  const struct track *track = &m->tracks[d->unit->unit->track];
  const struct variant *variant = &m->variants[d->unit->unit->variant];
  const struct deliverable file = {
      .path = d->unit->unit->path, .format = variant->format, .bits = variant->dither.bits,
      .rate_hz = r->source.rate_hz, .channels = r->source.channels, .n_frames = d->n_frames,
      .pcm = d->pcm, .title = track->title, .artist = track->artist,
      .album = m->catalogue.title, .isrc = track->isrc, .genre = m->catalogue.genre,
      .upc = m->catalogue.upc, .track_number = track->number, .year = m->catalogue.year};
  return encode_file(&file, encoded, why);
}

enum status deliver_unit(const struct delivery *d, struct receipt *r, struct failure *why) {
  const struct pcm_shape shape = {r->source.rate_hz, r->source.channels, d->n_frames};
  struct encoded encoded = {0};
  describe(d, r);
  enum status status = loudness_measure_pcm(&shape, d->pcm, &r->loudness_lufs, NULL, why);
  if (!status) status = encode(d, r, &encoded, why);
  if (!status) {
    memcpy(r->pcm_sha256, encoded.pcm_sha256, sizeof r->pcm_sha256);
    memcpy(r->file_sha256, encoded.file_sha256, sizeof r->file_sha256);
    r->file_bytes = encoded.file_bytes;
    if (d->options->tier == VERIFY_GOLDEN) status = check_golden(d, encoded.pcm_sha256, why);
  }
  if (!status) status = publish_file(encoded.temp_path, d->unit->unit->path, why);
  if (!status) status = receipt_write(d->unit->unit, d->plan->manifest, r, why);
  encoded_discard(&encoded);
  return status;
}
