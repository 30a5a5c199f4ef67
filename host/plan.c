/* SPDX-License-Identifier: MIT
 * See plan.h. */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adm_file.h"
#include "band_limit.h"
#include "clip.h"
#include "detmath.h"
#include "encode.h"
#include "fold.h"
#include "hrtf.h"
#include "memory.h"
#include "settings.h"
#include "track_source.h"

/* ---- a track ---- */

struct source_identity source_identity_of(const struct audio *audio) {
  struct source_identity id = {
      .rate_hz = audio->rate_hz, .channels = audio->channels, .scene = audio->scene,
      .master = audio->master, .audio = audio};
  snprintf(id.layout, sizeof id.layout, "%s", audio->layout->name);
  memcpy(id.audio_sha256, audio->sha256, sizeof id.audio_sha256);
  return id;
}

static struct stage_format format_at(const struct source_identity *source, int rate_hz) {
  return (struct stage_format){rate_hz, source->channels, layout_find(source->layout),
                               source->scene};
}

static int delivered_rate(const struct variant *variant, const struct source_identity *source) {
  return variant->resample.rate_hz ? variant->resample.rate_hz : source->rate_hz;
}

/* Appends a design's hash. */
static void add_table(char **tables, const char *sha256) {
  char *longer = memory_print("%s%s ", *tables, sha256);
  free(*tables);
  *tables = longer;
}

/* Designs a stage and appends its hash to `tables`. */
static enum status add_design(const struct plan *plan, const struct stage *stage,
                              const void *params, const struct stage_format *format,
                              const struct stage_design **out, char **tables,
                              struct failure *why) {
  char sha256[HASH_TEXT_SIZE];
  enum status status = designs_get(plan->designs, &(struct stage_use){stage, params}, 1, format,
                                   out, sha256, why);
  if (!status) add_table(tables, sha256);
  return status;
}

/* The stages of a chain that do something. */
struct active {
  int n;
  struct stage_use use[MAX_CHAIN], named[MAX_CHAIN]; /* as run, and as the manifest has them */
};

static struct active active_stages(const struct chain *written, const struct chain *chain) {
  struct active a = {0};
  for (int i = 0; i < chain->n_stages; i++) {
    const struct chain_stage *s = &chain->stages[i];
    if (s->stage->neutral && s->stage->neutral(s->params)) continue;
    a.named[a.n] = (struct stage_use){written->stages[i].stage, NULL};
    a.use[a.n++] = (struct stage_use){s->stage, s->params};
  }
  return a;
}

/* The end of the run of linear stages that begins at `first`, or of one other stage. */
static int run_end(const struct active *a, int first) {
  int end = first + 1;
  while (end < a->n && a->use[first].stage->linear_part && a->use[end].stage->linear_part) end++;
  return end;
}

/* Adds the stages [first, end) as one. With a match stage among them the design is the
 * track's own: no other has its curves. */
static enum status add_run(const struct plan *plan, const struct active *a, int first, int end,
                           const struct stage_format *format, struct track_plan *out,
                           char **tables, struct failure *why) {
  char sha256[HASH_TEXT_SIZE];
  const int slot = out->n_stages++, n = end - first;
  const struct stage_use *uses = &a->use[first];
  bool own = false;
  for (int i = first; i < end; i++) own |= a->named[i].stage != a->use[i].stage;
  out->stage[slot] = uses->stage;
  out->label[slot] = designs_label(&a->named[first], n);
  out->design[slot] = &out->matched_design;
  enum status status =
      own ? design_alone(uses, n, format, &out->matched_design, sha256, why)
          : designs_get(plan->designs, uses, n, format, &out->design[slot], sha256, why);
  if (status) return status;
  add_table(tables, sha256);
  const struct stage_design *design = out->design[slot];
  if (design->response_error_db > out->filter_error_db)
    out->filter_error_db = design->response_error_db;
  out->pre_ring_ms += design->pre_ring_ms;
  return STATUS_OK;
}

/* Threshold of the clipper above the ceiling; NAN: it is off. */
static double clip_db(const struct limiter_params *limiter) {
  const double db = limiter_resolved(limiter).clip_db;
  return db >= CLIP_OFF || isnan(limiter->true_peak_db) ? NAN : db;
}

/* What all tails at one rate have in common. */
static enum status plan_meters(const struct plan *plan, const struct stage_format *format,
                               const struct stage_design **loudness,
                               const struct stage_design **band_limit, char **tables,
                               struct failure *why) {
  const struct loudness_params none = {.loudness_lufs = NAN, .max_reduction_db = NAN};
  const struct band_limit_params low_pass = {0};
  const enum status status =
      add_design(plan, &stage_loudness, &none, format, loudness, tables, why);
  return status ? status
                : add_design(plan, &stage_band_limit, &low_pass, format, band_limit, tables, why);
}

/* `chain`: the track's, with an EQ in the place of its match stage. The edit's fades follow. */
static enum status plan_chain(const struct plan *plan, const struct track *track,
                              const struct chain *chain, const struct stage_format *format,
                              struct track_plan *out, char **tables, struct failure *why) {
  struct active a = active_stages(&track->chain, chain);
  const struct fade_params fades = edit_fades(&track->edit);
  if (!stage_fade.neutral(&fades)) {
    a.named[a.n] = (struct stage_use){&stage_fade, NULL};
    a.use[a.n++] = (struct stage_use){&stage_fade, &fades};
  }
  for (int first = 0, end; first < a.n; first = end) {
    end = run_end(&a, first);
    const enum status failed = add_run(plan, &a, first, end, format, out, tables, why);
    if (failed) return failed;
  }
  return plan_meters(plan, format, &out->loudness, &out->band_limit, tables, why);
}

/* By how much dither and rounding can lift a peak at the ceiling: their largest error on
 * every sample, through an interpolator whose taps' magnitudes sum to less than 4. In whole
 * steps: 24 bits and 16 bits with TPDF have one ceiling, and share their limited signal. */
static double dither_db(const struct variant *v, int rate_hz) {
  if (isnan(v->limiter.true_peak_db)) return 0;
  const double error = dither_peak_lsb(&v->dither, rate_hz) * ldexp(1, 1 - v->dither.bits);
  const double step_db = 0.002;
  const double db = det_gain_to_db(1 + 4 * error / det_db_to_gain(v->limiter.true_peak_db));
  return step_db * fmax(1, ceil(db / step_db));
}

/* A render of the track's objects is the track's own: no other has its scene. Variants share it. */
static enum status design_render(const struct fold_params *fold,
                                 const struct stage_format *source,
                                 const struct layout *to, struct track_plan *out,
                                 const struct stage_design **design, char **tables,
                                 struct failure *why) {
  struct scene_fold *f = out->scene_folds, *end = f + out->n_scene_folds;
  const struct stage_use use = {&stage_fold, fold};
  while (f < end && (f->to != to || f->mode != fold->mode || f->by_way_of != fold->by_way_of)) f++;
  if (f == end && out->n_scene_folds == MAX_SCENE_FOLDS)
    return fail(why, STATUS_BAD_DATA, "objects are rendered in more than %d ways (accepted: fewer "
                "layouts, or the rest in another manifest)", MAX_SCENE_FOLDS);
  if (f == end) {
    const enum status status = design_alone(&use, 1, source, &f->design, f->sha256, why);
    if (status) return status;
    f->to = to, f->mode = fold->mode, f->by_way_of = fold->by_way_of;
    out->n_scene_folds++;
  }
  *design = &f->design;
  add_table(tables, f->sha256);
  return STATUS_OK;
}

/* What a variant for headphones is heard through. */
static const struct layout *heard_layout(const struct variant *v, const struct layout *source) {
  const struct layout *between = fold_between(&v->fold);
  return between ? between : binaural_speakers(source);
}

/* Objects are rendered to loudspeakers first. */
static enum status plan_binaural(const struct plan *plan, int variant,
                                 const struct stage_format *source, struct track_plan *out,
                                 struct conversion *to, char **tables, struct failure *why) {
  struct binaural_params params = plan->manifest->variants[variant].binaural;
  const struct layout *room = heard_layout(&plan->manifest->variants[variant], source->layout);
  const struct stage_format heard = {source->rate_hz, room->channels, room, NULL};
  enum status status = STATUS_OK;
  if (!plan->hrtfs[variant]) return fail(why, STATUS_INTERNAL, "no impulse responses");
  params.set = &plan->hrtfs[variant]->set;
  const struct fold_params fold = fold_to(room);
  if (source->layout->n_objects)
    status = design_render(&fold, source, room, out, &to->fold, tables, why);
  else if (room != source->layout)
    status = add_design(plan, &stage_fold, &fold, source, &to->fold, tables, why);
  if (status) return status;
  return add_design(plan, &stage_binaural, &params, &heard, &to->binaural, tables, why);
}

/* The stages of a variant that is delivered at another rate than its source's, or mixed to
 * other channels. */
static enum status plan_conversion(const struct plan *plan, int variant,
                                   const struct stage_format *source,
                                   const struct stage_format *delivered, struct track_plan *out,
                                   struct conversion *to, char **tables, struct failure *why) {
  const struct variant *v = &plan->manifest->variants[variant];
  struct stage_format folded = *delivered;
  enum status status = STATUS_OK;
  folded.rate_hz = source->rate_hz;
  to->rate_hz = delivered->rate_hz;
  to->channels = delivered->channels;
  if (fold_is_binaural(&v->fold))
    status = plan_binaural(plan, variant, source, out, to, tables, why);
  else if (delivered->layout != source->layout && source->layout->n_objects)
    status = design_render(&v->fold, source, delivered->layout, out, &to->fold, tables, why);
  else if (delivered->layout != source->layout)
    status = add_design(plan, &stage_fold, &v->fold, source, &to->fold, tables, why);
  if (!status && delivered->rate_hz != source->rate_hz)
    status = add_design(plan, &stage_resample, &v->resample, &folded, &to->resample, tables, why);
  if (status) return status;
  return plan_meters(plan, delivered, &to->loudness, &to->band_limit, tables, why);
}

/* Why a variant cannot be made of a source; `to`: what is delivered. */
static enum status check_layouts(const struct variant *v, const struct layout *source,
                                 const struct stage_format *to, struct failure *why) {
  const struct layout *delivered = to->layout;
  const bool binaural = fold_is_binaural(&v->fold);
  const struct layout *between = fold_between(&v->fold);
  const char *refusal = !source ? NULL : binaural && !between ? binaural_refusal(source)
                                                              : fold_way_refusal(&v->fold, source);
  if (binaural && !refusal) refusal = binaural_refusal(between ? between : source);
  if (refusal)
    return fail(why, STATUS_BAD_DATA, "%s cannot become %s%s%s (variant \"%s\"): %s",
                source ? source->name : "a source", binaural ? LAYOUT_BINAURAL : delivered->name,
                between ? " by way of " : "", between ? between->name : "", v->name, refusal);
  if (v->format == FILE_ADM)
    refusal = adm_file_refusal(v->adm, delivered, to->rate_hz, v->dither.bits);
  else
    refusal = encode_refusal(v->format, delivered);
  if (refusal)
    return fail(why, STATUS_BAD_DATA, "%s cannot be delivered as %s (variant \"%s\"): %s",
                delivered ? delivered->name : "a source", variant_form(v), v->name, refusal);
  return STATUS_OK;
}

struct track_in_plan { /* what its units have in common */
  const struct source_identity *source;
  const struct track_keys *keys;
  const char *tables;
  struct track_plan *out;
};

static enum status plan_unit(const struct plan *plan, const struct track_in_plan *track,
                             struct unit_plan *u, struct failure *why) {
  const struct source_identity *source = track->source;
  const struct stage_format format = format_at(source, source->rate_hz);
  const struct variant *v = &plan->manifest->variants[u->unit->variant];
  char *all = memory_text(track->tables, strlen(track->tables));
  struct stage_format delivered = format_at(source, delivered_rate(v, source));
  u->source = format.layout;
  delivered.layout = u->layout = fold_target(&v->fold, format.layout);
  if (delivered.layout) delivered.channels = delivered.layout->channels;
  const bool binaural = fold_is_binaural(&v->fold);
  if (delivered.layout != format.layout) delivered.scene = NULL;
  const bool converted =
      delivered.rate_hz != format.rate_hz || delivered.layout != format.layout || binaural;
  struct conversion *to = &u->tail.to;
  enum status status = check_layouts(v, format.layout, &delivered, why);
  if (!status && converted)
    status =
        plan_conversion(plan, u->unit->variant, &format, &delivered, track->out, to, &all, why);
  if (!status)
    status = add_design(plan, &stage_limiter, &v->limiter, &delivered, &u->tail.limiter, &all, why);
  if (!status)
    status = add_design(plan, &stage_dither, &v->dither, &delivered, &u->tail.dither, &all, why);
  if (!status && !isnan(clip_db(&v->limiter)))
    status = add_design(plan, &stage_clip, &(struct clip_params){0}, &delivered,
                        converted ? &to->clip : &track->out->clip, &all, why);
  if (!status && to->binaural)
    u->hrtf_angle_deg = hrtf_largest_angle(plan->hrtfs[u->unit->variant],
                                           heard_layout(v, format.layout));
  if (!status) {
    u->tail.loudness_lufs = v->loudness.loudness_lufs;
    u->tail.max_reduction_db = v->loudness.max_reduction_db;
    u->tail.drive_db = NAN;
    const struct plan_album *album = plan_album_of(plan, u->unit);
    if (album) {
      u->tail.loudness_lufs = u->tail.max_reduction_db = NAN;
      u->tail.drive_db = album->result.drive_db;
      u->tail.pace = album->result.pace;
    }
    u->tail.ceiling = limiter_ceiling(&v->limiter, dither_db(v, delivered.rate_hz));
    u->tail.clip_db = clip_db(&v->limiter);
    u->tail.band_limit = v->limiter.band_limit;
    if (isnan(v->limiter.true_peak_db) && v->limiter.band_limit == BAND_LIMIT_AUTO)
      u->tail.band_limit = BAND_LIMIT_OFF;
    u->tail.seed = plan_dither_seed(plan, track->keys, source, u->unit->variant);
    plan_unit_keys(plan, track->keys, source, all, u);
  }
  free(all);
  return status;
}

/* The chain as it runs: with an EQ in the place of its match stage. */
static enum status resolve_chain(const struct plan *plan, const struct track *track,
                                 const struct audio *audio, struct track_plan *out,
                                 struct chain *chain, struct failure *why) {
  const struct match_params *match = chain_match(&track->chain);
  *chain = (struct chain){0};
  if (!match) {
    *chain = chain_copy(&track->chain);
    return STATUS_OK;
  }
  if (!audio) return fail(why, STATUS_INTERNAL, "not decoded");
  out->matched = memory_new(1, sizeof *out->matched);
  enum status status =
      match_track(plan->references, plan->manifest, match, audio, out->matched, why);
  if (!status) *chain = matched_chain(&track->chain, out->matched);
  return status;
}

static void refuse(struct track_plan *out, const struct unit *unit, const struct failure *why) {
  out->refused = memory_grow(out->refused, (size_t)out->n_refused + 1, sizeof *out->refused);
  out->refused[out->n_refused++] = (struct refused_unit){unit, *why};
}

static enum status make_track_plan(const struct plan *plan, int index, const struct unit *units,
                                   int n, const struct source_identity *source,
                                   struct track_plan *out, struct failure *why) {
  const struct stage_format format = format_at(source, source->rate_hz);
  const struct track *track = &plan->manifest->tracks[index];
  struct chain chain;
  char *tables = memory_text("", 0);
  *out = (struct track_plan){0};
  out->units = memory_new((size_t)n + 1, sizeof *out->units);
  char head[17] = {0};
  memcpy(head, source->audio_sha256, 16);
  out->seed = strtoull(head, NULL, 16);
  enum status status = resolve_chain(plan, track, source->audio, out, &chain, why);
  if (!status) status = plan_chain(plan, track, &chain, &format, out, &tables, why);
  struct track_keys keys;
  track_keys_make(plan, index, &chain, status ? NULL : out->matched, &keys);
  const struct track_in_plan in_plan = {source, &keys, tables, out};
  for (int i = 0; i < n && !status; i++) {
    struct unit_plan *u = &out->units[out->n_units];
    struct failure reason = {0};
    *u = (struct unit_plan){.unit = &units[i], .matched = out->matched, .scene = source->scene,
                            .master = source->master,
                            .stem_sha256 = source->audio ? source->audio->stem_sha256 : NULL};
    status = plan_unit(plan, &in_plan, u, &reason);
    if (!status) out->n_units++;
    else if (status != STATUS_BAD_DATA) *why = reason;
    else refuse(out, &units[i], &reason), status = STATUS_OK;
  }
  track_keys_free(&keys);
  chain_release(&chain);
  free(tables);
  if (status) track_plan_free(out);
  return status;
}

enum status track_plan_make_units(const struct plan *plan, int track, const struct unit *units,
                                  int n, const struct source_identity *source,
                                  struct track_plan *out, struct failure *why) {
  enum status status = make_track_plan(plan, track, units, n, source, out, why);
  if (status || !out->n_refused) return status;
  *why = out->refused[0].why;
  track_plan_free(out);
  return why->status;
}

enum status track_plan_make(const struct plan *plan, int track,
                            const struct source_identity *source, struct track_plan *out,
                            struct failure *why) {
  const int first = plan->first_unit[track], n = plan->first_unit[track + 1] - first;
  return make_track_plan(plan, track, plan->units + first, n, source, out, why);
}

void track_plan_free(struct track_plan *track) {
  for (int i = 0; i < MAX_CHAIN; i++) free(track->label[i]);
  stage_design_free(&track->matched_design);
  for (int i = 0; i < track->n_scene_folds; i++) stage_design_free(&track->scene_folds[i].design);
  free(track->matched);
  free(track->units);
  free(track->refused);
  *track = (struct track_plan){0};
}

enum status plan_decode(const struct manifest *manifest, int track, struct audio *out,
                        struct failure *why) {
  return track_source_decode(&manifest->tracks[track], out, why);
}

enum status plan_edit(const struct manifest *manifest, int track, struct audio *audio,
                      struct edit_span *out, struct failure *why) {
  const struct track *t = &manifest->tracks[track];
  struct failure reason = {0};
  const enum status status = edit_cut(&t->edit, audio, out, &reason);
  if (!status) return STATUS_OK;
  char *place = manifest_track_place(t);
  fail(why, status, "%s%s", place, reason.text);
  free(place);
  return status;
}

/* ---- printing ---- */

/* "eq+stereo > ", "match (-3.2 .. +4.1 dB) (rings 12.0 ms ahead) > " */
static void print_stage(const struct track_plan *tp, int stage, FILE *people) {
  const double ms = tp->design[stage]->pre_ring_ms;
  double least, most;
  fputs(tp->label[stage], people);
  if (tp->design[stage] == &tp->matched_design) {
    match_range(&tp->matched->curves, &least, &most);
    fprintf(people, " (%+.1f .. %+.1f dB)", least, most);
  }
  if (ms >= 0.05) fprintf(people, " (rings %.1f ms ahead)", ms);
  fputs(" > ", people);
}

static void print_hrtf(const struct plan *plan, const struct unit_plan *u, FILE *people) {
  const struct hrtf *hrtf = plan->hrtfs[u->unit->variant];
  fprintf(people, "binaural (%s, within %.1f degrees) > ",
          *hrtf->title ? hrtf->title : hrtf->path, u->hrtf_angle_deg);
}

static json_t *hrtf_json(const struct plan *plan, const struct unit_plan *u) {
  const struct hrtf *hrtf = plan->hrtfs[u->unit->variant];
  return json_pack("{s:o, s:s, s:s, s:s, s:f}", "path", settings_json_text(hrtf->path), "sha256",
                   hrtf->sha256, "title", hrtf->title, "license", hrtf->license,
                   "largest_angle_deg", u->hrtf_angle_deg);
}

static void print_fold(const struct unit_plan *u, const struct variant *variant, FILE *people) {
  const struct layout *between = fold_between(&variant->fold);
  const struct layout *to = u->tail.to.binaural ? heard_layout(variant, u->source) : u->layout;
  if (unit_renders(u)) fprintf(people, "render %s to %s", u->source->name, to->name);
  else fprintf(people, "fold %s", to->name);
  if (between && between != to) fprintf(people, " by way of %s", between->name);
  fputs(" > ", people);
}

static void print_unit(const struct plan *plan, const struct track_plan *tp,
                       const struct unit_plan *u, FILE *people, FILE *data) {
  const struct manifest *m = plan->manifest;
  const struct variant *variant = &m->variants[u->unit->variant];
  const struct track *track = &m->tracks[u->unit->track];
  const struct edit *edit = &track->edit;
  if (people) {
    fprintf(people, "%3d  %-12s  %.12s  ", track->number, variant->name, u->key);
    if (track->stems)
      fprintf(people, "%s to %s > ", track->source_text, track->stems->layout->name);
    if (edit_cuts(edit)) fputs("cut > ", people);
    for (int s = 0; s < tp->n_stages; s++) print_stage(tp, s, people);
    if (u->tail.to.fold) print_fold(u, variant, people);
    if (u->tail.to.binaural) print_hrtf(plan, u, people);
    if (u->tail.to.resample) fprintf(people, "resample %d Hz > ", u->tail.to.rate_hz);
    fprintf(people, "loudness > limiter > dither%s  %s\n", edit_gaps(edit) ? " > gaps" : "",
            u->unit->name);
  }
  if (!data) return;
  json_t *line = json_pack("{s:i, s:s, s:s, s:s, s:s}", "track", track->number, "variant",
                           variant->name, "file", u->unit->name, "key", u->key, "source",
                           track->source_text);
  if (track->stems) json_object_set_new(line, "stems", stems_json(track->stems, NULL));
  json_object_set_new(line, "chain", settings_of_chain(&track->chain));
  json_object_set_new(line, "edit", settings_of(edit_rows, edit));
  json_object_set_new(line, "settings", settings_of_variant(variant));
  if (u->layout) json_object_set_new(line, "layout", json_string(u->layout->name));
  if (unit_renders(u)) json_object_set_new(line, "renders", json_string(u->source->name));
  if (u->tail.to.binaural) json_object_set_new(line, "hrtf", hrtf_json(plan, u));
  json_t *runs = json_array();
  for (int s = 0; s < tp->n_stages; s++) json_array_append_new(runs, json_string(tp->label[s]));
  json_object_set_new(line, "chain_runs_as", runs);
  json_object_set_new(line, "filter_error_db", json_real(tp->filter_error_db));
  json_object_set_new(line, "filter_pre_ring_ms", json_real(tp->pre_ring_ms));
  if (u->matched) json_object_set_new(line, "match", matched_json(u->matched));
  json_dumpf(line, data, JSON_COMPACT | JSON_REAL_PRECISION(17));
  fputc('\n', data);
  json_decref(line);
}

/* Decodes a track, and plans `n` of its units; `out` is of no use after an error. */
/* `units`: n of them, of no plan; NULL: the track's own. */
static enum status decode_and_plan(const struct plan *plan, int track, const struct unit *units,
                                   int n, struct track_plan *out, struct failure *why) {
  const char *path = plan->manifest->tracks[track].source;
  struct audio audio;
  struct edit_span span;
  struct failure reason = {0};
  enum status status = plan_decode(plan->manifest, track, &audio, why);
  if (status) return status;
  status = plan_edit(plan->manifest, track, &audio, &span, why);
  if (!status) {
    const struct source_identity id = source_identity_of(&audio);
    status = units ? track_plan_make_units(plan, track, units, n, &id, out, &reason)
                   : track_plan_make(plan, track, &id, out, &reason);
    if (status) fail(why, status, "%s: %s", path, reason.text);
  }
  audio_free(&audio);
  return status;
}

/* Keys of an album's units take all of its tracks. */
static enum status identify_albums(const struct plan *plan, struct failure *why) {
  enum status status = STATUS_OK;
  for (int t = 0; t < plan->manifest->n_tracks && !status; t++) {
    struct unit *units;
    struct track_plan tp;
    const int n = plan_album_units(plan, t, &units);
    if (n) status = decode_and_plan(plan, t, units, n, &tp, why);
    if (n && !status) {
      plan_album_note(plan, &tp);
      track_plan_free(&tp);
    }
    free(units);
  }
  plan_album_digests(plan);
  return status;
}

int plan_print(const struct plan *plan, FILE *people, FILE *data) {
  int failure = STATUS_OK, printed = 0;
  struct failure why = {0};
  if (identify_albums(plan, &why)) {
    fprintf(stderr, "lacquer: %s (an album's gain takes all of its tracks)\n", why.text);
    return (int)why.status;
  }
  for (int t = 0; t < plan->manifest->n_tracks; t++) {
    struct track_plan tp;
    if (plan->first_unit[t] == plan->first_unit[t + 1]) continue;
    const enum status status = decode_and_plan(plan, t, NULL, 0, &tp, &why);
    if (status) {
      fprintf(stderr, "lacquer: %s\n", why.text);
      failure = (int)status;
      continue;
    }
    for (int i = 0; i < tp.n_refused; i++) {
      fprintf(stderr, "lacquer: %s: %s\n", plan->manifest->tracks[t].source,
              tp.refused[i].why.text);
      failure = STATUS_BAD_DATA;
    }
    for (int i = 0; i < tp.n_units; i++) print_unit(plan, &tp, &tp.units[i], people, data);
    printed += tp.n_units > 0;
    track_plan_free(&tp);
  }
  return failure && printed ? STATUS_UNIT_FAILED : failure;
}
