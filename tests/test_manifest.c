/* SPDX-License-Identifier: MIT
 * The manifest: values read, every kind of problem told (golden files), names of
 * deliverables, the schema, and random damage. */
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eq.h"
#include "failure.h"
#include "manifest.h"
#include "match.h"
#include "multiband.h"
#include "output_name.h"
#include "saturate.h"
#include "settings.h"
#include "stereo.h"

#include <cmocka.h> /* after failure.h: it defines a macro named fail */

static char scratch[] = "/tmp/lacquer-manifest-XXXXXX"; /* a folder */
static char scratch_path[sizeof scratch + 8];

static int make_scratch(void **state) {
  (void)state;
  if (!mkdtemp(scratch)) return -1;
  snprintf(scratch_path, sizeof scratch_path, "%s/m.yaml", scratch);
  return 0;
}

static int remove_scratch(void **state) {
  (void)state;
  unlink(scratch_path);
  return rmdir(scratch);
}

/* Reads a file; what was told goes to *told, which the caller frees. */
static int read_path(const char *path, struct manifest **manifest, char **told) {
  size_t size = 0;
  FILE *errors = open_memstream(told, &size);
  assert_non_null(errors);
  int status = manifest_read(path, errors, manifest);
  fclose(errors);
  assert_int_equal(status != 0, size > 0);
  assert_int_equal(status == 0, *manifest != NULL);
  return status;
}

static int read_bytes(const char *bytes, size_t size, struct manifest **manifest, char **told) {
  FILE *file = fopen(scratch_path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  fclose(file);
  return read_path(scratch_path, manifest, told);
}

static struct manifest *read_sound(const char *text) {
  struct manifest *manifest;
  char *told;
  if (read_bytes(text, strlen(text), &manifest, &told)) fail_msg("%s", told);
  free(told);
  return manifest;
}

static char *slurp(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  char *text = calloc(1, 1 << 20);
  assert_non_null(text);
  *size = fread(text, 1, (1 << 20) - 1, file);
  fclose(file);
  return text;
}

static const char album[] =
    "lacquer: 1\n"
    "catalogue: {title: Northern Lights, artist: Choir, upc: 0012345678905, genre: Choral, "
    "year: 2026}\n"
    "output: \"{artist}/{album}/{number} {title} {isrc} {source} [{variant}].{ext}\"\n"
    "tracks:\n" /* before what they refer to */
    "  - {source: audio/one.wav, title: Dawn, isrc: qz-abc-26-00001}\n"
    "  - source: /abs/two.final.flac\n"
    "    artist: Solo\n"
    "    number: 7\n"
    "    chain: {use: house, eq: {bands: [{}, {gain: -1.5}, {type: notch, freq: 50}]},\n"
    "            multiband: {crossovers: [~, 2e3], slope: 48, bands: [~, {ratio: 4}]}}\n"
    "    variants: [cd]\n"
    "  - {source: three.aiff, title: 1999, chain: [], variants: [raw, cd]}\n"
    "  - {source: four.wav, chain: [eq: {bands: [{type: lowpass, freq: 15000, slope: 48}]}]}\n"
    "chains:\n"
    "  house:\n"
    "    - eq: {phase: linear, bands: [{type: highpass, freq: 30.5, slope: 24},\n"
    "        {type: bell, freq: 300, gain: +2, q: 1.25, target: side}]}\n"
    "    - multiband:\n"
    "        crossovers: [100, 1000]\n"
    "        bands: [{threshold: -30}, {threshold: -28, ratio: 2}, {threshold: -20, knee: 0}]\n"
    "  soft: []\n"
    "variants:\n"
    "  streaming: {loudness: -14, true_peak: -1, format: flac}\n"
    "  cd: {bits: 16, dither: none, true_peak: -.3, look_ahead: 5, smooth: 1, close: 20,\n"
    "       release: 100, slow_release: 500, slow_amount: 0.5, format: aiff, rate: 48000}\n"
    "  raw: {}\n"
    "defaults: {chain: house, variants: [streaming, cd]}\n";

static void expect_eq(const struct chain *chain, int n_bands, double gain_db) {
  assert_ptr_equal(chain->stages[0].stage, stage_find("eq"));
  const struct eq_params *eq = chain->stages[0].params;
  assert_int_equal(eq->n_bands, n_bands);
  assert_int_equal(eq->bands[0].type, EQ_HIGHPASS);
  assert_true(eq->bands[0].freq_hz == 30.5);
  assert_int_equal(eq->bands[0].slope_db_oct, 24);
  assert_int_equal(eq->bands[1].type, EQ_BELL);
  assert_int_equal(eq->bands[1].target, EQ_SIDE);
  assert_true(eq->bands[1].gain_db == gain_db && eq->bands[1].q == 1.25);
}

static void reads_catalogue_and_variants(void **state) {
  (void)state;
  struct manifest *m = read_sound(album);
  assert_int_equal(m->version, 1);
  assert_string_equal(m->catalogue.title, "Northern Lights");
  assert_string_equal(m->catalogue.artist, "Choir");
  assert_string_equal(m->catalogue.upc, "0012345678905");
  assert_string_equal(m->catalogue.genre, "Choral");
  assert_int_equal(m->catalogue.year, 2026);
  assert_int_equal(m->n_variants, 3);
  const struct variant *streaming = &m->variants[0], *cd = &m->variants[1];
  assert_string_equal(streaming->name, "streaming");
  assert_true(streaming->loudness.loudness_lufs == -14);
  assert_true(streaming->limiter.true_peak_db == -1 && isnan(streaming->limiter.look_ahead_ms));
  assert_int_equal(streaming->format, FILE_FLAC);
  assert_int_equal(streaming->dither.bits, 24);
  assert_int_equal(streaming->dither.mode, DITHER_TPDF);
  assert_true(isnan(cd->loudness.loudness_lufs));
  const struct limiter_params *limiter = &cd->limiter;
  assert_true(limiter->true_peak_db == -.3 && limiter->look_ahead_ms == 5);
  assert_true(limiter->smooth_ms == 1 && limiter->close_ms == 20 && limiter->release_ms == 100);
  assert_true(limiter->slow_release_ms == 500 && limiter->slow_amount == 0.5);
  assert_int_equal(cd->dither.bits, 16);
  assert_int_equal(cd->dither.mode, DITHER_NONE);
  assert_int_equal(cd->format, FILE_AIFF);
  assert_int_equal(cd->resample.rate_hz, 48000);
  assert_int_equal(streaming->resample.rate_hz, 0);
  assert_true(isnan(m->variants[2].limiter.true_peak_db));
  assert_int_equal(m->variants[2].format, FILE_WAV);
  manifest_destroy(&m);
  assert_null(m);
  manifest_destroy(&m);
}

static void reads_tracks(void **state) {
  (void)state;
  struct manifest *m = read_sound(album);
  char one[sizeof scratch + 32];
  snprintf(one, sizeof one, "%s/audio/one.wav", scratch);
  assert_int_equal(m->n_tracks, 4);
  const struct track *track = m->tracks;
  assert_string_equal(track[0].source, one);
  assert_string_equal(track[0].source_text, "audio/one.wav");
  assert_string_equal(track[0].title, "Dawn");
  assert_string_equal(track[0].artist, "Choir");
  assert_string_equal(track[0].isrc, "QZABC2600001");
  assert_int_equal(track[0].number, 1);
  assert_int_equal(track[0].line, 5);
  assert_int_equal(track[0].n_variants, 2);
  assert_int_equal(track[0].variants[0], 0);
  assert_int_equal(track[0].variants[1], 1);
  assert_string_equal(track[1].source, "/abs/two.final.flac");
  assert_string_equal(track[1].title, "two.final");
  assert_string_equal(track[1].artist, "Solo");
  assert_null(track[1].isrc);
  assert_int_equal(track[1].number, 7);
  assert_int_equal(track[1].n_variants, 1);
  assert_int_equal(track[1].variants[0], 1);
  assert_string_equal(track[2].title, "1999");
  assert_int_equal(track[2].number, 3);
  assert_int_equal(track[2].variants[0], 2);
  assert_int_equal(track[2].line, 12);
  manifest_destroy(&m);
}

static void reads_dither(void **state) {
  (void)state;
  struct manifest *m = read_sound("lacquer: 1\nvariants:\n"
                                  "  a: {bits: 16, dither: shaped, blank: true}\n"
                                  "  b: {dither: rpdf, blank: false}\n  c: {dither: tpdf_hp}\n"
                                  "tracks: [{source: a.wav}]\n");
  const struct dither_params *a = &m->variants[0].dither, *b = &m->variants[1].dither;
  assert_int_equal(a->mode, DITHER_SHAPED);
  assert_int_equal(a->blank, 1);
  assert_int_equal(b->mode, DITHER_RPDF);
  assert_int_equal(b->blank, 0);
  assert_int_equal(m->variants[2].dither.mode, DITHER_TPDF_HP);
  json_t *with = settings_of_variant(&m->variants[0]);
  json_t *without = settings_of_variant(&m->variants[1]);
  assert_true(json_is_true(json_object_get(with, "blank")));
  assert_null(json_object_get(without, "blank")); /* younger than the first receipts */
  json_decref(with);
  json_decref(without);
  manifest_destroy(&m);
}

/* Settings seed the dither: these texts, and with them the bits of every old manifest, stay.
 * A row that changes one needs .later = 1 (params.h). */
static void settings_are_frozen(void **state) {
  (void)state;
  struct manifest *m = read_sound(
      "lacquer: 1\nvariants: {a: {}}\nchains: {c: [{eq: {bands: [{type: bell, freq: 1000}]}},"
      " {multiband: {bands: [{threshold: -20}]}}]}\ndefaults: {chain: c}\n"
      "tracks: [{source: a.wav}]\n");
  json_t *chain = settings_of_chain(&m->tracks[0].chain);
  json_t *variant = settings_of_variant(&m->variants[0]);
  json_t *edit = settings_of(edit_rows, &m->tracks[0].edit);
  char *texts[] = {settings_text(chain), settings_text(variant), settings_text(edit)};
  assert_string_equal(texts[0],
      "[{\"eq\":{\"bands\":[{\"freq\":1000.0,\"gain\":0.0,\"q\":0.70710678118654757,"
      "\"slope\":12,\"target\":\"stereo\",\"type\":\"bell\"}],\"phase\":\"linear\"}},"
      "{\"multiband\":{\"bands\":[{\"attack\":20.0,\"knee\":6.0,\"makeup\":0.0,\"ratio\":1.0,"
      "\"release\":150.0,\"threshold\":-20.0}],\"crossovers\":[],\"rms\":10.0,\"slope\":24}}]");
  assert_string_equal(texts[1],
      "{\"bits\":24,\"close\":50.0,\"dither\":\"tpdf\",\"look_ahead\":50.0,\"loudness\":null,"
      "\"release\":245.0,\"slow_amount\":0.0,\"slow_release\":300.0,"
      "\"smooth\":0.0,\"true_peak\":null}");
  assert_string_equal(texts[2], "{}");
  for (int i = 0; i < 3; i++) free(texts[i]);
  json_decref(chain);
  json_decref(variant);
  json_decref(edit);
  manifest_destroy(&m);
}

static void resolves_chains(void **state) {
  (void)state;
  struct manifest *m = read_sound(album);
  assert_int_equal(m->n_chains, 2);
  assert_string_equal(m->chains[0].name, "house");
  assert_int_equal(m->chains[1].n_stages, 0);
  expect_eq(&m->chains[0], 2, 2); /* not touched by the changes of a track */
  expect_eq(&m->tracks[0].chain, 2, 2);
  expect_eq(&m->tracks[1].chain, 3, -1.5);
  const struct eq_params *eq = m->tracks[1].chain.stages[0].params;
  assert_int_equal(eq->bands[2].type, EQ_NOTCH);
  assert_true(eq->bands[2].freq_hz == 50 && eq->bands[2].q == 0.70710678118654752);
  const struct multiband_params *multiband = m->tracks[1].chain.stages[1].params;
  assert_int_equal(multiband->n_crossovers, 2);
  assert_true(multiband->crossover_hz[0] == 100 && multiband->crossover_hz[1] == 2000);
  assert_int_equal(multiband->slope_db_oct, 48);
  assert_true(multiband->rms_ms == 10);
  assert_int_equal(multiband->n_bands, 3);
  assert_true(multiband->bands[0].ratio == 1 && multiband->bands[0].threshold_db == -30);
  assert_true(multiband->bands[1].ratio == 4 && multiband->bands[1].threshold_db == -28);
  assert_true(multiband->bands[2].knee_db == 0 && multiband->bands[2].attack_ms == 20);
  assert_int_equal(m->tracks[2].chain.n_stages, 0);
  assert_int_equal(m->tracks[3].chain.n_stages, 1);
  assert_null(m->tracks[3].chain.name);
  eq = m->tracks[3].chain.stages[0].params;
  assert_int_equal(eq->bands[0].type, EQ_LOWPASS);
  manifest_destroy(&m);
}

static void reads_match(void **state) {
  (void)state;
  struct manifest *m = read_sound(
      "lacquer: 1\nvariants: {a: {}}\nchains:\n  like:\n    - match:\n        references:\n"
      "          - {path: a.wav}\n          - {path: b/c.flac, weight: 0.5}\n"
      "        amount: 40\n        channels: mid_side\ntracks:\n"
      "  - {source: 1.wav, chain: like}\n"
      "  - {source: 2.wav, chain: {use: like, match: {max: 9, references: [{path: d.wav}]}}}\n");
  const struct match_params *p = m->tracks[0].chain.stages[0].params;
  assert_ptr_equal(m->tracks[0].chain.stages[0].stage, &stage_match);
  assert_ptr_equal(manifest_stage_find("match"), &stage_match);
  assert_null(manifest_stage_find("mach"));
  assert_int_equal(p->n_references, 2);
  assert_string_equal(p->references[0].path, "a.wav");
  assert_string_equal(p->references[1].path, "b/c.flac");
  assert_true(p->references[0].weight == 1 && p->references[1].weight == 0.5);
  assert_true(p->amount_percent == 40 && p->smoothing_octaves == 1.0 / 3 && p->max_db == 6);
  assert_int_equal(p->channels, MATCH_MID_SIDE);
  assert_false(stage_match.neutral(p));
  p = m->tracks[1].chain.stages[0].params;
  assert_string_equal(p->references[0].path, "d.wav");
  assert_string_equal(p->references[1].path, "b/c.flac");
  assert_true(p->max_db == 9 && p->amount_percent == 40);
  manifest_destroy(&m);
}

static void reads_saturation(void **state) {
  (void)state;
  struct manifest *m = read_sound(
      "lacquer: 1\nvariants: {a: {}}\nchains:\n  house:\n    - saturate:\n"
      "        crossovers: [200]\n        bands: [{curve: tube, drive: -3}, {mix: 0}]\n"
      "        target: mid_side\n        oversampling: 4\n        output: -1\n"
      "tracks: [{source: a.wav, chain: {use: house, saturate: {bands: [~, {mix: 5}]}}}]\n");
  const struct saturate_params *p = m->tracks[0].chain.stages[0].params;
  assert_int_equal(p->n_bands, 2);
  assert_int_equal(p->bands[0].curve, SATURATE_TUBE);
  assert_true(p->bands[0].drive_db == -3 && p->bands[0].mix_percent == 100);
  assert_int_equal(p->bands[1].curve, SATURATE_TAPE);
  assert_true(p->bands[1].drive_db == 0 && p->bands[1].mix_percent == 5);
  assert_int_equal(p->target, SATURATE_MID_SIDE);
  assert_int_equal(p->oversampling, SATURATE_4X);
  assert_true(p->output_db == -1 && p->slope_db_oct == 24);
  manifest_destroy(&m);
}

/* Lists in the items of lists, and a track's change to one of their items. */
static void reads_linear_stages(void **state) {
  (void)state;
  struct manifest *m = read_sound(
      "lacquer: 1\nvariants: {a: {}}\nchains:\n  c:\n"
      "    - eq: {phase: mixed, minimum_share: 0.25, bands: [{type: bell, freq: 100, gain: 1},\n"
      "        {type: curve, points: [{freq: 100, gain: 1}, {freq: 200, gain: -2.5}]}]}\n"
      "    - stereo: {phase: minimum, width: 0.5, widths: [{freq: 300, width: 1.5}],\n"
      "        mono_below: 90, slope: 12, mid_gain: 1, side_gain: -1, balance: 2}\n"
      "tracks:\n  - {source: 1.wav, chain: c}\n  - source: 2.wav\n    chain: {use: c, eq: "
      "{bands: [~, {points: [~, {gain: 3}, {freq: 300, gain: 4}]}]}}\n");
  const struct eq_params *eq = m->tracks[0].chain.stages[0].params;
  assert_true(eq->phase == PHASE_MIXED && eq->minimum_share == 0.25);
  assert_true(eq->bands[0].n_points == 0 && eq->bands[1].n_points == 2);
  assert_true(isnan(eq->bands[1].freq_hz));
  assert_true(eq->bands[1].points[1].freq_hz == 200 && eq->bands[1].points[1].value == -2.5);
  eq = m->tracks[1].chain.stages[0].params;
  assert_int_equal(eq->bands[1].n_points, 3);
  assert_true(eq->bands[1].points[1].freq_hz == 200 && eq->bands[1].points[1].value == 3);
  assert_true(eq->bands[1].points[2].freq_hz == 300 && eq->bands[1].points[2].value == 4);
  const struct stereo_params *stereo = m->tracks[1].chain.stages[1].params;
  assert_true(stereo->phase == PHASE_MINIMUM && stereo->minimum_share == 0.5);
  assert_true(stereo->width == 0.5 && stereo->n_widths == 1 && stereo->widths[0].value == 1.5);
  assert_true(stereo->mono_below_hz == 90 && stereo->slope_db_oct == 12);
  assert_true(stereo->mid_gain_db == 1 && stereo->side_gain_db == -1 && stereo->balance_db == 2);
  manifest_destroy(&m);
}

static void has_defaults(void **state) {
  (void)state;
  struct manifest *m = read_sound("\xEF\xBB\xBF{\"lacquer\": 1, \"variants\": {\"a\": {}, \"b\": "
                                  "{}},\n\t\"tracks\": [{\"source\": \"x/\\u00e9.wav\"}]}");
  assert_string_equal(m->output, OUTPUT_NAME_DEFAULT);
  assert_int_equal(m->tracks[0].n_variants, 2); /* all */
  assert_int_equal(m->tracks[0].chain.n_stages, 0);
  assert_string_equal(m->tracks[0].title, "\xC3\xA9");
  assert_null(m->tracks[0].artist);
  char *name = manifest_output_name(m, &m->tracks[0], &m->variants[1]);
  assert_string_equal(name, "b/01 \xC3\xA9.wav");
  free(name);
  manifest_destroy(&m);
}

static void finds_tail_params(void **state) {
  (void)state;
  static const struct variant variant;
  const struct stage *stage;
  for (int i = 0; (stage = manifest_stage(i)); i++) {
    const void *params = manifest_tail_params(&variant, stage);
    const bool has_keys = stage->role == STAGE_TAIL && stage->rows->type != PARAM_END;
    assert_int_equal(has_keys, params != NULL);
  }
  assert_ptr_equal(manifest_tail_params(&variant, stage_find("limiter")), &variant.limiter);
}

static int is_manifest(const struct dirent *entry) {
  const char *dot = strrchr(entry->d_name, '.');
  return dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".json"));
}

static void tells_every_problem(void **state) {
  (void)state;
  struct dirent **entries;
  assert_int_equal(chdir(TEST_DIR "/manifest"), 0);
  int n = scandir(".", &entries, is_manifest, alphasort), n_wrong = 0;
  assert_true(n >= 25);
  for (int i = 0; i < n; i++) {
    struct manifest *manifest;
    char golden[300], *told;
    size_t size = 0;
    const char *name = entries[i]->d_name;
    snprintf(golden, sizeof golden, "%.*s.errors", (int)(strrchr(name, '.') - name), name);
    char *expected = slurp(golden, &size);
    const int status = strncmp(name, "absent_", 7) ? STATUS_BAD_DATA : STATUS_NO_INPUT;
    assert_int_equal(read_path(name, &manifest, &told), status);
    if (!expected || strcmp(told, expected)) {
      print_error("%s: told\n%sexpected\n%s", name, told, expected ? expected : "(no file)\n");
      n_wrong++;
    }
    free(told);
    free(expected);
    free(entries[i]);
  }
  free(entries);
  assert_int_equal(n_wrong, 0);
}

static void tells_unreadable_files(void **state) {
  (void)state;
  struct manifest *manifest;
  char *told;
  assert_int_equal(read_path("/nonexistent/m.yaml", &manifest, &told), STATUS_NO_INPUT);
  assert_string_equal(told, "/nonexistent/m.yaml: cannot be opened: No such file or directory\n");
  free(told);
  assert_int_equal(read_path("/tmp", &manifest, &told), STATUS_NO_INPUT);
  assert_string_equal(told, "/tmp: cannot be read: Is a directory\n");
  free(told);
}

/* Cross-field checks belong to the stages; here only that they reach the user. */
static void runs_stage_checks(void **state) {
  (void)state;
  static const char text[] = "lacquer: 1\nvariants:\n  a:\n    format: wav\n    bits: 21\n"
                             "tracks: [{source: a.wav}]\n";
  struct manifest *manifest;
  char *told, prefix[sizeof scratch_path + 32];
  if (!stage_find("dither")->check) skip();
  assert_int_equal(read_bytes(text, strlen(text), &manifest, &told), STATUS_BAD_DATA);
  snprintf(prefix, sizeof prefix, "%s:5: variants.a.bits: ", scratch_path);
  assert_memory_equal(told, prefix, strlen(prefix));
  free(told);
}

/* The name that a template gives for a title, with neither catalogue nor ISRC. */
static void expect_name(const char *template, const char *title, const char *expected) {
  struct manifest manifest = {.output = (char *)(uintptr_t)template};
  struct track track = {.title = (char *)(uintptr_t)title, .number = 3};
  struct variant variant = {.name = (char *)(uintptr_t)"cd"};
  char source[] = "../in/con.final.wav";
  track.source_text = source;
  char *name = manifest_output_name(&manifest, &track, &variant);
  assert_string_equal(name, expected);
  free(name);
}

static void sanitises_names(void **state) {
  (void)state;
  expect_name(OUTPUT_NAME_DEFAULT, "Dawn", "cd/03 Dawn.wav");
  expect_name("{title}.{ext}", "../../etc/passwd", "_.._etc_passwd.wav");
  expect_name("{title}/{title}.{ext}", "..", "_/_.wav");
  expect_name("{title}.{ext}", "/etc/passwd", "_etc_passwd.wav");
  expect_name("{title}.{ext}", "a/b\\c:d*e?f\"g<h>i|j", "a_b_c_d_e_f_g_h_i_j.wav");
  expect_name("{title}.{ext}", "", "_.wav");
  expect_name("{title}.{ext}", " . ", "_.wav");
  expect_name("{title}.{ext}", ".hidden. . .", "hidden.wav");
  expect_name("{number} {title}.{ext}", "Etc...", "03 Etc.wav");
  expect_name("{title}.{ext}", "a\nb\tc\x1b[31m\x7f", "a_b_c_[31m_.wav");
  expect_name("{title}.{ext}", "\xC2\x85\xE2\x80\xAE\xE2\x80\xA8.\xEF\xBB\xBF", "___._.wav");
  expect_name("{title}.{ext}", "bad \xFF\xC0\x80 \xE2\x82", "bad ___ __.wav");
  expect_name("{title}.{ext}", "\xE3\x81\x82\xF0\x9F\x8E\xB5", "\xE3\x81\x82\xF0\x9F\x8E\xB5.wav");
  expect_name("{artist} {album} {isrc}.{ext}", "x", "_ _ _.wav"); /* not set */
  expect_name("{source}/{title}.{ext}", "x", "_con.final/x.wav");
  expect_name("{title}{title}.{ext}", "{ext}", "{ext}{ext}.wav"); /* filled in once */
}

static void avoids_device_names(void **state) {
  (void)state;
  expect_name("{title}.{ext}", "CON", "_CON.wav");
  expect_name("{title}.{ext}", "aux.x", "_aux.x.wav");
  expect_name("{title}.{ext}", "Nul .y", "_Nul .y.wav");
  expect_name("{title}/{title}.{ext}", "com1", "_com1/_com1.wav");
  expect_name("{title}.{ext}", "LPT\xC2\xB2", "_LPT\xC2\xB2.wav");
  expect_name("{title}.{ext}", "con 1", "con 1.wav");
  expect_name("{title}.{ext}", "com10", "com10.wav");
  expect_name("{title}.{ext}", "icon", "icon.wav");
}

static void cuts_long_names(void **state) {
  (void)state;
  char title[401] = "", expected[OUTPUT_NAME_BYTES + 1] = "";
  memset(title, 'x', 400);
  memset(expected, 'x', OUTPUT_NAME_BYTES - 4);
  strcat(expected, ".wav");
  expect_name("{title}.{ext}", title, expected);
  for (int i = 0; i < 400; i += 2) memcpy(title + i, "\xC3\xA9", 2); /* 2-byte letters ... */
  memset(expected, 0, sizeof expected);
  expected[0] = '-'; /* ... so that the limit falls within one */
  for (int i = 1; i + 2 <= OUTPUT_NAME_BYTES - 4; i += 2) memcpy(expected + i, "\xC3\xA9", 2);
  strcat(expected, ".wav");
  assert_int_equal(strlen(expected), OUTPUT_NAME_BYTES - 1);
  expect_name("-{title}.{ext}", title, expected);
  memset(title, ' ', 400); /* a cut that ends in spaces */
  title[0] = 'a';
  title[399] = 'b';
  expect_name("{title}.{ext}", title, "a.wav");
}

static void folds_case(void **state) {
  (void)state;
  char *folded = output_name_fold("A z \xC3\x89 \xC5\xB8 \xC5\x81 \xCE\xA9 \xD0\x96 \xD0\x81 "
                                  "\xE3\x81\x82 \xFF");
  assert_string_equal(folded, "a z \xC3\xA9 \xC3\xBF \xC5\x82 \xCF\x89 \xD0\xB6 \xD1\x91 "
                              "\xE3\x81\x82 _");
  free(folded);
}

static const json_t *at(const json_t *json, const char *path) {
  char key[64];
  while (*path && json) {
    size_t length = strcspn(path, "/");
    snprintf(key, sizeof key, "%.*s", (int)length, path);
    json = json_object_get(json, key);
    path += length + (path[length] == '/');
  }
  return json;
}

static void expect_rows(const json_t *schema, const struct param_row *rows) {
  assert_non_null(schema);
  assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
  for (const struct param_row *row = rows; row->type != PARAM_END; row++) {
    const json_t *entry = json_object_get(json_object_get(schema, "properties"), row->name);
    assert_non_null(entry);
    if (row->help) assert_non_null(json_object_get(entry, "description"));
    if (row->type == PARAM_NUMBER || row->type == PARAM_INTEGER) {
      assert_true(json_number_value(json_object_get(entry, "minimum")) == row->min);
      assert_true(json_number_value(json_object_get(entry, "maximum")) == row->max);
    } else if (row->type == PARAM_CHOICE) {
      for (size_t i = 0; row->choices[i]; i++)
        assert_string_equal(
            json_string_value(json_array_get(json_object_get(entry, "enum"), i)), row->choices[i]);
    } else if (row->type == PARAM_LIST) {
      assert_true(json_number_value(json_object_get(entry, "maxItems")) == row->max);
      if (row->items->name) expect_rows(json_object_get(entry, "items"), row->items);
    }
  }
}

static void writes_schema(void **state) {
  (void)state;
  char *text, *again;
  size_t size, size_again;
  FILE *out = open_memstream(&text, &size);
  assert_int_equal(manifest_write_schema(out), 0);
  fclose(out);
  out = open_memstream(&again, &size_again);
  assert_int_equal(manifest_write_schema(out), 0);
  fclose(out);
  assert_string_equal(text, again);
  assert_true(text[size - 2] == '}' && text[size - 1] == '\n');
  json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
  assert_non_null(schema);
  assert_int_equal(json_integer_value(at(schema, "properties/lacquer/const")), 1);
  const struct stage *stage;
  for (int i = 0; (stage = manifest_stage(i)); i++) {
    char path[64];
    snprintf(path, sizeof path, "$defs/stage_%s", stage->name);
    if (stage->role == STAGE_CHAIN) {
      expect_rows(at(schema, path), stage->rows);
      assert_non_null(at(at(schema, "$defs/changes/properties"), stage->name));
    } else {
      const json_t *variant = at(schema, "properties/variants/additionalProperties");
      expect_rows(variant, stage->rows);
    }
  }
  json_decref(schema);
  free(text);
  free(again);
}

static uint32_t random_next(uint32_t *seed) { /* xorshift32 (Marsaglia 2003) */
  *seed ^= *seed << 13;
  *seed ^= *seed >> 17;
  return *seed ^= *seed << 5;
}

/* Damaged manifests are read or refused; the sanitizers watch. */
static void survives_damage(void **state) {
  (void)state;
  static const char marks[] = "{}[],:&*-\"'\n \t#|>?!%@~\0\x80\xFF" "0a";
  uint32_t seed = 20260101;
  print_message("seed %u\n", seed);
  for (int round = 0; round < 2000; round++) {
    char bytes[sizeof album];
    size_t size = sizeof album - 1;
    memcpy(bytes, album, size);
    for (uint32_t n = 1 + random_next(&seed) % 4; n; n--) {
      char *place = bytes + random_next(&seed) % size;
      uint32_t kind = random_next(&seed);
      if (kind % 3 == 0) *place ^= (char)(1u << kind / 3 % 8);
      else if (kind % 3 == 1) *place = marks[kind / 3 % (sizeof marks - 1)];
      else *place = bytes[kind / 3 % size];
    }
    if (round % 5 == 0) size = 1 + random_next(&seed) % size; /* cut short */
    struct manifest *manifest;
    char *told;
    read_bytes(bytes, size, &manifest, &told);
    manifest_destroy(&manifest);
    free(told);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_catalogue_and_variants),
      cmocka_unit_test(reads_tracks),
      cmocka_unit_test(reads_dither),
      cmocka_unit_test(settings_are_frozen),
      cmocka_unit_test(resolves_chains),
      cmocka_unit_test(reads_match),
      cmocka_unit_test(reads_saturation),
      cmocka_unit_test(reads_linear_stages),
      cmocka_unit_test(has_defaults),
      cmocka_unit_test(finds_tail_params),
      cmocka_unit_test(tells_every_problem),
      cmocka_unit_test(tells_unreadable_files),
      cmocka_unit_test(runs_stage_checks),
      cmocka_unit_test(sanitises_names),
      cmocka_unit_test(avoids_device_names),
      cmocka_unit_test(cuts_long_names),
      cmocka_unit_test(folds_case),
      cmocka_unit_test(writes_schema),
      cmocka_unit_test(survives_damage),
  };
  return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
