/* SPDX-License-Identifier: MIT
 * See deliver.h. */
#include "deliver.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adm.h"
#include "adm_file.h"
#include "adm_scene.h"
#include "encode.h"
#include "hrtf.h"
#include "loudness_check.h"
#include "memory.h"
#include "pcm_hash.h"
#include "publish.h"
#include "source_set.h"
#include "track_source.h"

static bool same_file(const struct stat *file, const char *path) {
  struct stat s;
  return !stat(path, &s) && s.st_dev == file->st_dev && s.st_ino == file->st_ino;
}

/* A source of the track, a reference that it is matched to, or its impulse responses. */
static bool is_source(const struct stat *file, const struct plan *plan, const struct unit *unit) {
  const struct manifest *m = plan->manifest;
  const struct track *track = &m->tracks[unit->track];
  const struct match_params *match = chain_match(&track->chain);
  const struct hrtf *hrtf = plan->hrtfs[unit->variant];
  bool found = false;
  for (int i = 0; i < track_source_files(track) && !found; i++)
    found = same_file(file, track_source_file(track, i));
  for (int i = 0; match && i < match->n_references && !found; i++) {
    char *path = match_path(m, &match->references[i]);
    found = same_file(file, path);
    free(path);
  }
  return found || (hrtf && same_file(file, hrtf->path));
}

enum status deliver_may_write(const struct plan *plan, const struct unit *unit, bool force,
                              struct failure *why) {
  struct stat file, receipt;
  if (stat(unit->path, &file)) return STATUS_OK;
  const bool foreign = stat(unit->receipt_path, &receipt);
  bool source = is_source(&file, plan, unit);
  source = source || (foreign && source_set_has(plan->sources, &file));
  if (source)
    return fail(why, STATUS_CANT_CREATE, "%s: is a source of this manifest, and sources are never "
                "replaced (choose another output folder)", unit->path);
  if (force || !foreign) return STATUS_OK;
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

/* The most that dither and rounding can add to a true peak: their largest error on every
 * sample through an interpolator whose taps' magnitudes sum to less than 4. */
static double with_dither(double true_peak_db, const struct dither_params *dither, int rate_hz) {
  const double peak = dither_peak_lsb(dither, rate_hz) * ldexp(1, 1 - dither->bits);
  return 20 * log10(pow(10, true_peak_db / 20) + 4 * peak);
}

/* Levels below the absolute gate are one to the comparison of meters. */
static double differ(double a_lufs, double b_lufs) {
  return fabs(fmax(a_lufs, -70) - fmax(b_lufs, -70));
}

static void compare_meters(struct receipt *r) {
  const struct loudness_figures *a = &r->limited_reading.figures;
  const struct loudness_figures *b = &r->delivered_reading.figures;
  r->meters_differ_lu = fmax(fmax(differ(a->integrated_lufs, b->integrated_lufs),
                                  differ(a->momentary_lufs, b->momentary_lufs)),
                             fmax(differ(a->short_term_lufs, b->short_term_lufs),
                                  fabs(a->range_lu - b->range_lu)));
  r->meters_agree = r->meters_differ_lu <= METERS_TOLERANCE_LU;
}

static bool checks_loudness(const struct delivery *d) {
  const struct unit *u = d->unit->unit;
  const int track = plan_album_of(d->plan, u) ? 0 : u->track;
  return d->options->tier == VERIFY_FULL || d->options->check_loudness_of_all ||
         d->result->clipped || (track + u->variant) % CHECKED_ONE_IN == 0;
}

static void describe_hrtf(const struct delivery *d, struct receipt *r) {
  const struct hrtf *hrtf = d->plan->hrtfs[d->unit->unit->variant];
  const char *named = d->plan->manifest->variants[d->unit->unit->variant].binaural.hrtf;
  r->hrtf_angle_deg = NAN;
  if (!hrtf) return;
  snprintf(r->hrtf, sizeof r->hrtf, "%s", named ? named : hrtf->path);
  memcpy(r->hrtf_sha256, hrtf->sha256, sizeof r->hrtf_sha256);
  memcpy(r->hrtf_title, hrtf->title, sizeof r->hrtf_title);
  memcpy(r->hrtf_license, hrtf->license, sizeof r->hrtf_license);
  r->hrtf_angle_deg = d->unit->hrtf_angle_deg;
}

static void describe(const struct delivery *d, struct receipt *r) {
  const struct tail_result *result = d->result;
  const struct dither_params *dither =
      &d->plan->manifest->variants[d->unit->unit->variant].dither;
  r->bits = dither->bits;
  describe_hrtf(d, r);
  snprintf(r->layout, sizeof r->layout, "%s", d->unit->layout->name);
  if (unit_renders(d->unit))
    snprintf(r->rendered, sizeof r->rendered, "%s to %s", d->unit->source->name, r->layout);
  r->rate_hz = result->rate_hz;
  r->seconds = (double)d->n_frames / r->rate_hz;
  r->own_lufs = result->loudness_lufs;
  r->meters_differ_lu = NAN;
  r->meters_tolerance_lu = METERS_TOLERANCE_LU;
  r->limited_reading.figures = result->figures;
  r->chain_reading = (struct loudness_reading){
      result->input, result->input_true_peak_db,
      result->input_true_peak_db - result->input.integrated_lufs};
  r->true_peak_dbtp = result->true_peak_db;
  r->true_peak_with_dither = with_dither(result->true_peak_db, dither, r->rate_hz);
  r->gain_db = result->drive_db;
  r->reduction_db = result->max_reduction_db;
  r->look_ahead_ms = result->look_ahead_ms;
  r->release_ms = result->release_ms;
  const struct variant *variant = &d->plan->manifest->variants[d->unit->unit->variant];
  const struct plan_album *album = plan_album_of(d->plan, d->unit->unit);
  enum solve_limit limit = result->limit;
  r->reached = result->reached;
  r->album_lufs = NAN;
  if (album) {
    r->reached = album->result.reached;
    limit = album->result.limit;
    r->album_lufs = album->result.loudness_lufs;
    memcpy(r->album, album->digest, sizeof r->album);
  }
  verdict_text(variant, limit, album ? r->album_lufs : result->loudness_lufs, r->verdict);
  snprintf(r->stopped_by, sizeof r->stopped_by, "%s",
           r->reached ? "" : solve_limit_name(limit));
  r->clipped_db = result->clipped_db;
  r->band_limited = result->band_limited;
  r->clipped = result->clipped;
  memcpy(r->key, d->unit->key, sizeof r->key);
  r->parts = d->unit->parts;
}

static enum status encode(const struct delivery *d, const struct receipt *r,
                          struct encoded *encoded, struct failure *why) {
  const struct manifest *m = d->plan->manifest;
  const struct track *track = &m->tracks[d->unit->unit->track];
  const struct variant *variant = &m->variants[d->unit->unit->variant];
  const struct adm_source *master = d->unit->master;
  if (master && master->layout != receipt_layout(r)) master = NULL; /* it was rendered */
  const struct deliverable file = {
      .path = d->unit->unit->path, .format = variant->format, .adm = variant->adm,
      .bits = variant->dither.bits,
      .rate_hz = r->rate_hz, .channels = receipt_channels(r), .layout = receipt_layout(r),
      .n_frames = d->n_frames, .pcm = d->pcm,
      .scene = {.scene = d->unit->scene, .rate_hz = r->source.rate_hz,
                .lead_frames = r->gap_before_frames, .master = master,
                .first_frame = r->edit.first_frame, .model = d->model,
                .keeps_names = d->keeps_names},
      .title = track->title, .artist = track->artist,
      .album = m->catalogue.title, .isrc = track->isrc, .genre = m->catalogue.genre,
      .upc = m->catalogue.upc, .track_number = track->number, .disc_number = track->disc,
      .year = m->catalogue.year};
  return d->options->rehearse ? pcm_hash(&file, encoded->pcm_sha256, why)
                              : encode_file(&file, encoded, why);
}

/* The gaps are not part of what is measured. */
static enum status encode_with_gaps(const struct delivery *d, struct receipt *r,
                                    struct encoded *encoded, struct failure *why) {
  const struct edit *edit = &d->plan->manifest->tracks[d->unit->unit->track].edit;
  struct delivery whole = *d;
  struct failure reason = {0};
  if (!edit_gaps(edit)) return encode(d, r, encoded, why);
  int32_t *pcm = edit_add_gaps(edit, r->rate_hz, receipt_channels(r), d->pcm,
                               &whole.n_frames, &reason);
  if (!pcm) return fail(why, reason.status, "%s: %s", d->unit->unit->name, reason.text);
  r->gap_before_frames = edit_frames(edit->gap_before_s, r->rate_hz);
  r->gap_after_frames = edit_frames(edit->gap_after_s, r->rate_hz);
  r->seconds = (double)whole.n_frames / r->rate_hz;
  whole.pcm = pcm;
  const enum status status = encode(&whole, r, encoded, why);
  free(pcm);
  return status;
}

/* A receipt that says: lacquer's file, but not finished. A run that was killed, and one that
 * works on the same unit at the same time, see it and render. */
static enum status announce(const struct delivery *d, const struct receipt *r,
                            struct failure *why) {
  struct receipt unfinished = *r;
  *unfinished.key = *unfinished.file_key = 0;
  *unfinished.pcm_sha256 = *unfinished.file_sha256 = 0;
  snprintf(unfinished.note, sizeof unfinished.note, "not finished: the program was interrupted");
  return receipt_write(d->unit, d->plan->manifest, &unfinished, why);
}

/* libebur128 on the samples; an album keeps the hops until all of it is there. */
static enum status check_loudness(const struct delivery *d, struct receipt *r,
                                  struct failure *why) {
  const struct pcm_shape shape = {d->result->rate_hz, receipt_channels(r), d->n_frames,
                                  receipt_layout(r)};
  struct plan_album *album = plan_album_of(d->plan, d->unit->unit);
  const int32_t n = loudness_hops(shape.n_frames, shape.rate_hz);
  float *hops = album && album->delivered ? memory_new((size_t)n + 1, sizeof *hops) : NULL;
  enum status status = loudness_measure_hops(&shape, d->pcm, r->bits == 32,
                                             &r->delivered_reading.figures, hops, why);
  if (status || !hops) {
    free(hops);
  } else {
    struct loudness_part *part =
        &album->delivered[plan_album_member(album, d->unit->unit->track)];
    free((float *)part->hops);
    *part = (struct loudness_part){hops, n, shape.rate_hz};
  }
  if (!status) compare_meters(r);
  return status;
}

static enum status measure_delivered(const struct delivery *d, struct receipt *r,
                                     struct failure *why) {
  struct loudness_reading *delivered = &r->delivered_reading;
  r->meters_compared = checks_loudness(d);
  const enum status status = r->meters_compared ? check_loudness(d, r, why) : STATUS_OK;
  if (!r->meters_compared) delivered->figures = r->limited_reading.figures;
  r->loudness_lufs = delivered->figures.integrated_lufs;
  delivered->true_peak_db = r->true_peak_dbtp;
  delivered->peak_to_loudness_db = r->true_peak_dbtp - r->loudness_lufs;
  return status;
}

/* Publishes file and receipt, unless `status` or the golden receipt is against it. */
static enum status publish(const struct delivery *d, struct receipt *r, struct encoded *encoded,
                           enum status status, struct failure *why) {
  const struct variant *variant = &d->plan->manifest->variants[d->unit->unit->variant];
  snprintf(r->form, sizeof r->form, "%s",
           variant->format == FILE_ADM ? adm_file_form(variant->adm) : "");
  r->n_objects = encoded->n_objects;
  r->n_blocks = encoded->n_blocks;
  memcpy(r->file_key, d->unit->file_key, sizeof r->file_key);
  memcpy(r->pcm_sha256, encoded->pcm_sha256, sizeof r->pcm_sha256);
  memcpy(r->file_sha256, encoded->file_sha256, sizeof r->file_sha256);
  r->file_bytes = encoded->file_bytes;
  if (!status && d->options->tier == VERIFY_GOLDEN)
    status = check_golden(d, encoded->pcm_sha256, why);
  if (!status) status = announce(d, r, why);
  if (!status) status = publish_file(encoded->temp_path, d->unit->unit->path, why);
  if (!status && receipt_write(d->unit, d->plan->manifest, r, why)) {
    status = why->status;
    unlink(d->unit->unit->path); /* nothing is delivered without its receipt */
    unlink(d->unit->unit->receipt_path);
  }
  encoded_discard(encoded);
  return status;
}

/* Services measure an Atmos master by a render of theirs to 5.1; this one is by BS.2127. What a
 * receipt says already stays: it is of the same samples, without the gaps. */
static enum status estimate_immersive(const struct delivery *d, struct receipt *r,
                                      struct failure *why) {
  static const double most_lufs = -18, most_dbtp = -1;
  const struct variant *variant = &d->plan->manifest->variants[d->unit->unit->variant];
  const struct pcm_shape shape = {r->rate_hz, receipt_channels(r), d->n_frames, receipt_layout(r)};
  const struct layout *to = layout_find("5.1");
  const struct scene_at scene = {d->unit->scene, r->source.rate_hz};
  struct loudness_figures figures;
  const bool wanted = variant->format == FILE_ADM && variant->adm == ADM_DOLBY &&
                      !fold_refusal(shape.layout, to);
  if (wanted && *r->immersive) return STATUS_OK;
  r->immersive_lufs = r->immersive_peak_dbtp = -HUGE_VAL;
  *r->immersive = 0;
  if (!wanted || (shape.layout->n_objects && !scene.scene)) return STATUS_OK;
  const enum status status = loudness_measure_folded(&shape, &scene, d->pcm, to, &figures,
                                                     &r->immersive_peak_dbtp, why);
  if (status) return status;
  r->immersive_lufs = figures.integrated_lufs;
  const bool above = r->immersive_lufs > most_lufs || r->immersive_peak_dbtp > most_dbtp;
  snprintf(r->immersive, sizeof r->immersive,
           "5.1 (BS.2127), an estimate: %.1f LKFS, %.1f dBTP: %s %.0f LKFS, %.0f dBTP",
           r->immersive_lufs, r->immersive_peak_dbtp, above ? "above" : "within", most_lufs,
           most_dbtp);
  return STATUS_OK;
}

enum status deliver_retagged(const struct delivery *d, struct receipt *r, struct failure *why) {
  struct encoded encoded = {0};
  enum status status = encode(d, r, &encoded, why);
  if (!status) status = estimate_immersive(d, r, why);
  return publish(d, r, &encoded, status, why);
}

/* Whether another run was quicker: then it has made this very file. */
static bool made_meanwhile(const struct unit_plan *unit, struct receipt *receipt) {
  struct stat s;
  return receipt_read(unit->unit->receipt_path, receipt) &&
         !strcmp(receipt->file_key, unit->file_key) && !stat(unit->unit->path, &s) &&
         s.st_size == receipt->file_bytes;
}

enum status deliver_unit(const struct delivery *d, struct receipt *r, struct failure *why) {
  struct encoded encoded = {0};
  struct receipt there;
  describe(d, r);
  const struct variant *variant = &d->plan->manifest->variants[d->unit->unit->variant];
  if (!r->reached && variant->loudness.infeasible == INFEASIBLE_FAIL)
    return fail(why, STATUS_UNIT_FAILED, "%s: %s; not delivered, as \"infeasible: fail\" asks",
                d->unit->unit->name, r->verdict);
  enum status status = d->options->rehearse ? STATUS_OK : measure_delivered(d, r, why);
  if (!status && !d->options->rehearse) status = estimate_immersive(d, r, why);
  if (!status) status = encode_with_gaps(d, r, &encoded, why);
  if (d->options->rehearse) {
    memcpy(r->pcm_sha256, encoded.pcm_sha256, sizeof r->pcm_sha256);
    return status;
  }
  if (!status && !d->options->force && made_meanwhile(d->unit, &there)) {
    encoded_discard(&encoded);
    *r = there;
    return STATUS_OK;
  }
  return publish(d, r, &encoded, status, why);
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* `clean` for every folder below `base` that has a file of the plan. */
static void clean_below(const struct plan *plan, const char *base, int (*clean)(const char *)) {
  const size_t n = (size_t)plan->n_units + 1;
  char **folders = memory_new(n, sizeof *folders);
  folders[0] = memory_text(base, strlen(base)); /* of the report */
  for (size_t i = 1; i < n; i++) {
    const char *name = plan->units[i - 1].name, *slash = strrchr(name, '/');
    folders[i] = memory_print("%s%s%.*s", base, slash ? "/" : "", slash ? (int)(slash - name) : 0,
                              name);
  }
  qsort(folders, n, sizeof *folders, by_text);
  for (size_t i = 0; i < n; i++)
    if (!i || strcmp(folders[i], folders[i - 1])) clean(folders[i]);
  for (size_t i = 0; i < n; i++) free(folders[i]);
  free(folders);
}

void deliver_clean_folders(const struct plan *plan, const char *audition) {
  clean_below(plan, plan->folder, remove_stale_temporaries);
  if (audition) clean_below(plan, audition, remove_stale_temporaries);
}

void deliver_drop_temporaries(const struct plan *plan, const char *audition) {
  temp_shut();
  clean_below(plan, plan->folder, remove_own_temporaries);
  if (audition) clean_below(plan, audition, remove_own_temporaries);
}
