/* SPDX-License-Identifier: MIT
 * Beds delivered as ADM BWF: their tracks, by tables of this test's own, the Dolby profile, by
 * the tests' reader, and the program from end to end. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sndfile.h>

#include "adm_file.h"
#include "adm_fixture.h"
#include "cli_fixture.h"
#include "loudness_check.h"
#include "manifest.h"
#include "pcm_hash.h"
#include "publish.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

#define SEED UINT64_C(714)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
enum { RATE = 48000, FRAMES = 5003 };
static char *folder;

/* Channels of the layout by track of the file; "-": silence. */
static const struct expected {
  const char *layout, *order, *dolby, *bed;
} all[] = {
    {"5.1", "L R C LFE Ls Rs", "L R C LFE Ls Rs - - - -", "7.1.2"},
    {"7.1", "L R C LFE Lss Rss Lrs Rrs", "L R C LFE Lss Rss Lrs Rrs - -", "7.1.2"},
    {"5.1.4", "L R C LFE Ls Rs Ltf Rtf Ltr Rtr", "L R C LFE Ls Rs - - - - Ltf Rtf Ltr Rtr",
     "7.1.4"},
    {"7.1.2", "L R C LFE Lss Rss Lrs Rrs Lts Rts", "L R C LFE Lss Rss Lrs Rrs Lts Rts", "7.1.2"},
    {"7.1.4", "L R C LFE Lss Rss Lrs Rrs Ltf Rtf Ltr Rtr",
     "L R C LFE Lss Rss Lrs Rrs - - Ltf Rtf Ltr Rtr", "7.1.4"},
};

/* The channel of each track; returns how many there are. */
static int tracks_of(const struct expected *e, int flavour, int channel[16]) {
  char words[2][80], *last[2];
  int n = 0;
  snprintf(words[0], sizeof words[0], "%s", flavour == ADM_DOLBY ? e->dolby : e->order);
  for (char *w = strtok_r(words[0], " ", &last[0]); w; w = strtok_r(NULL, " ", &last[0])) {
    int c = 0;
    snprintf(words[1], sizeof words[1], "%s", e->order);
    char *label = strtok_r(words[1], " ", &last[1]);
    for (; label && strcmp(label, w); label = strtok_r(NULL, " ", &last[1])) c++;
    channel[n++] = label ? c : -1;
  }
  return n;
}

/* ---- one file ---- */

static void expect_samples(const struct deliverable *d, const struct expected *e) {
  struct riff_file file;
  int channel[16];
  const int n = tracks_of(e, d->adm, channel);
  assert_int_equal(riff_open(d->path, &file, NULL), 0);
  assert_int_equal(file.format.channels, n);
  assert_int_equal(file.n_frames, d->n_frames);
  unsigned char *data = malloc((size_t)d->n_frames * (size_t)n * 3), *at = data;
  assert_int_equal(riff_read(&file, file.data_at, data, (size_t)d->n_frames * (size_t)n * 3, NULL),
                   0);
  for (int32_t i = 0; i < d->n_frames; i++)
    for (int k = 0; k < n; k++, at += 3) {
      const uint32_t word = (uint32_t)at[0] << 8 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 24;
      const int32_t want = channel[k] < 0 ? 0 : d->pcm[i * d->channels + channel[k]];
      if ((int32_t)word != want) fail_msg("%s: frame %d, track %d", e->layout, (int)i, k + 1);
    }
  free(data);
  riff_close(&file);
}

/* The ways back: hashes, the deliverable's own order, the decoder of `compare`. */
static void expect_read(const struct deliverable *d, const struct expected *e,
                        const char *pcm_sha256) {
  char sha256[HASH_TEXT_SIZE];
  struct sndfile_samples s;
  struct audio audio;
  assert_true(adm_file_is(d->path));
  assert_int_equal(pcm_hash(d, sha256, NULL), 0);
  assert_string_equal(sha256, pcm_sha256);
  assert_int_equal(adm_file_pcm_hash(d->path, sha256, NULL), 0);
  assert_string_equal(sha256, pcm_sha256);
  assert_int_equal(adm_file_load(d->path, d->layout, &s, NULL, NULL), 0);
  assert_string_equal(s.pcm_sha256, pcm_sha256);
  assert_int_equal(s.n_frames, d->n_frames);
  assert_memory_equal(s.pcm, d->pcm, (size_t)(d->n_frames * d->channels) * sizeof *s.pcm);
  free(s.pcm);
  const char *layout = d->adm == ADM_DOLBY ? e->bed : e->layout;
  assert_int_equal(adm_file_decode(d->path, &audio, NULL), 0);
  assert_string_equal(audio.layout->name, layout);
  for (int32_t i = 0; i < d->n_frames; i++) /* fronts stand first in every layout */
    for (int c = 0; c < 4; c++)
      assert_true(audio.pcm[c][i] == (float)d->pcm[i * d->channels + c] * 0x1p-31F);
  audio_free(&audio);
}

static void expect_scene(const struct deliverable *d, const struct expected *e) {
  static const double corners[4][3] = {{-1, 1, 1}, {1, 1, 1}, {-1, -1, 1}, {1, -1, 1}};
  static const char *const words[] = {"Ltf", "Rtf", "Ltr", "Rtr"};
  struct adm_fixture_file f = adm_fixture_read(d->path);
  const bool dolby = d->adm == ADM_DOLBY;
  const int n_objects = dolby && !strcmp(e->bed, "7.1.4") ? 4 : 0;
  assert_int_equal(f.adm->n_objects, 1 + n_objects);
  assert_string_equal(f.adm->programmes[0].name, dolby ? "Atmos_Master" : d->title);
  assert_string_equal(f.adm->contents[0].name, d->title);
  assert_string_equal(f.adm->objects[0].name, d->title);
  assert_int_equal(f.adm->objects[0].tracks.n, dolby ? 10 : d->channels);
  for (int i = 0; i < n_objects; i++) {
    char name[80];
    const struct adm_track *track = &f.adm->tracks[f.adm->objects[1 + i].tracks.items[0]];
    const struct adm_channel *channel = &f.adm->channels[track->channel];
    snprintf(name, sizeof name, "%s %s", d->title, words[i]);
    assert_string_equal(f.adm->objects[1 + i].name, name);
    assert_int_equal(track->index, 10 + i);
    assert_int_equal(channel->n_blocks, 1);
    for (int k = 0; k < 3; k++) assert_true(channel->blocks[0].position[k] == corners[i][k]);
  }
  assert_int_equal(f.adm->has_dbmd, dolby);
  for (int i = 0; i < f.adm->dbmd.n_tracks && dolby; i++) { /* none without a mode, LFE off */
    const int mode = DBMD_BINAURAL_MODE(f.adm->dbmd.binaural[i]);
    assert_true(i == 3 ? mode == 0 : mode == 1 || mode == 2 || mode == 3);
  }
  adm_fixture_free(&f);
}

static void test_files(void **state) {
  (void)state;
  for (int i = 0; i < COUNT(all) * 4; i++) {
    const struct expected *e = &all[i / 4];
    const struct layout *layout = layout_find(e->layout);
    const int flavour = i & 1;
    const bool large = i & 2;
    const struct fixture_shape shape = {RATE, layout->channels, FRAMES, 24};
    int32_t *pcm = fixture_noise(&shape, SEED);
    const struct deliverable d = {.path = fixture_path(folder, "one.wav"), .format = FILE_ADM,
                                  .adm = flavour, .bits = 24, .rate_hz = i & 4 ? 96000 : RATE,
                                  .channels = layout->channels, .layout = layout,
                                  .n_frames = FRAMES, .pcm = pcm, .title = "Sea & Sky"};
    struct encoded encoded;
    struct failure why = {0};
    if (encode_file_limited(&d, large ? 0 : INT64_MAX, &encoded, &why) ||
        publish_file(encoded.temp_path, d.path, &why))
      fail_msg("%s", why.text);
    const struct fixture_bytes bytes = fixture_load(d.path);
    assert_memory_equal(bytes.data, !large ? "RIFF" : flavour == ADM_DOLBY ? "RF64" : "BW64", 4);
    assert_int_equal(bytes.size, encoded.file_bytes);
    free(bytes.data);
    expect_samples(&d, e);
    expect_read(&d, e, encoded.pcm_sha256);
    expect_scene(&d, e);
    if (flavour == ADM_DOLBY) adm_fixture_expect_profile(d.path);
    if (flavour == ADM_DOLBY || !large) { /* libsndfile knows no BW64 */
      char sha256[HASH_TEXT_SIZE];
      cli_pcm_hash(d.path, sha256);
      assert_string_equal(sha256, encoded.pcm_sha256);
    }
    encoded_discard(&encoded);
    free(pcm);
  }
}

/* Titles that a name does not hold as they are. */
static void test_names(void **state) {
  static const struct {
    const char *title, *bed, *object;
  } cases[] = {
      {"a\tb\x01<\">'", "a b <\">'", "a b <\">' Ltf"},
      {"0123456789012345678901234567890123456789012345678901234567\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
       "0123456789012345678901234567890123456789012345678901234567\xc3\xa4\xc3\xa4\xc3\xa4",
       "0123456789012345678901234567890123456789012345678901234567\xc3\xa4 Ltf"},
      {NULL, "Master", "Master Ltf"},
  };
  static const int32_t pcm[12 * 8] = {0};
  (void)state;
  for (int i = 0; i < COUNT(cases); i++) {
    const struct deliverable d = {.path = fixture_path(folder, "name.wav"), .format = FILE_ADM,
                                  .bits = 24, .rate_hz = RATE, .channels = 12,
                                  .layout = layout_find("7.1.4"), .n_frames = 8, .pcm = pcm,
                                  .title = cases[i].title};
    struct encoded encoded;
    assert_int_equal(encode_file(&d, &encoded, NULL), 0);
    struct adm_fixture_file f = adm_fixture_read(encoded.temp_path);
    assert_string_equal(f.adm->objects[0].name, cases[i].bed);
    assert_string_equal(f.adm->objects[1].name, cases[i].object);
    adm_fixture_free(&f);
    adm_fixture_expect_profile(encoded.temp_path);
    encoded_discard(&encoded);
  }
}

/* Files that are no such bed are not taken for one. */
static void test_foreign(void **state) {
  const char *path = fixture_path(folder, "foreign.wav");
  struct audio audio;
  struct sndfile_samples s;
  struct failure why = {0};
  (void)state;
  for (int n = 3; n <= 4; n++) { /* objects that move */
    struct adm *adm = adm_fixture_master(n, 4, FRAMES);
    adm_fixture_write(path, adm, ADM_DOLBY, FRAMES, SEED);
    adm_destroy(&adm);
    why = (struct failure){0};
    assert_int_equal(adm_file_decode(path, &audio, &why), STATUS_BAD_DATA);
    assert_non_null(strstr(why.text, "other tracks"));
    why = (struct failure){0};
    assert_int_equal(adm_file_load(path, layout_find("7.1.4"), &s, NULL, &why), STATUS_BAD_DATA);
    if (!strstr(why.text, n == 3 ? "13 tracks" : "track 9 is not silent"))
      fail_msg("%s", why.text);
  }
  char sha256[HASH_TEXT_SIZE];
  const struct adm_shape wide = {ADM_ITU, "7.1.2", 119, RATE, 300};
  struct adm *adm;
  assert_int_equal(adm_make(&wide, &adm, NULL), 0);
  adm_fixture_write(path, adm, ADM_ITU, 300, SEED);
  adm_destroy(&adm);
  why = (struct failure){0};
  assert_int_equal(adm_file_pcm_hash(path, sha256, &why), STATUS_BAD_DATA);
  assert_non_null(strstr(why.text, "129 tracks (accepted: up to 128"));
}

/* ---- the program ---- */

static const char *const beds[] = {"5.1", "7.1", "5.1.4", "7.1.2", "7.1.4"};

static void put_sources(void) {
  static const int channels[] = {6, 8, 10, 10, 12};
  for (int i = 0; i < COUNT(beds); i++) {
    char name[16];
    snprintf(name, sizeof name, "%s.wav", beds[i]);
    cli_sound(folder, &(struct cli_sound){name, SF_FORMAT_WAV | SF_FORMAT_PCM_24, RATE,
                                          channels[i], 24000 + i, SEED + (uint64_t)i});
  }
}

#define CHAIN \
  "lacquer: 1\noutput: \"{source} {variant}.{ext}\"\n" \
  "chains:\n  bed:\n    - eq: {bands: [{type: bell, freq: 3000, gain: 2, q: 1}]}\n" \
  "defaults: {chain: bed}\n"
#define TAIL "loudness: -18, true_peak: -1, bits: 24"

/* All beds but 7.1.2, which has no WAV file, in all three forms. */
static void put_manifest(const char *name) {
  cli_text(folder, name, CHAIN "variants:\n  dolby: {" TAIL ", format: adm}\n"
           "  itu: {" TAIL ", format: adm, adm: itu}\n  wave: {" TAIL ", format: wav}\n"
           "  fold: {" TAIL ", layout: 2.0}\ntracks:\n"
           "  - {source: 5.1.wav, layout: 5.1, title: Five}\n"
           "  - {source: 7.1.wav, layout: 7.1, title: Seven, gap_before: 0.1}\n"
           "  - {source: 5.1.4.wav, layout: 5.1.4, title: Five and four}\n"
           "  - {source: 7.1.2.wav, layout: 7.1.2, title: Two, variants: [dolby, itu]}\n"
           "  - {source: 7.1.4.wav, layout: 7.1.4, title: Four}\n");
}

/* The master has the WAV file's samples. */
static void expect_same(const char *out, const char *bed, const char *variant) {
  char wave[40], master[40];
  struct deliverable d = {.layout = layout_find(bed)};
  struct sndfile_samples s[2];
  snprintf(wave, sizeof wave, "%s wave.wav", bed);
  snprintf(master, sizeof master, "%s %s.wav", bed, variant);
  assert_int_equal(sndfile_load(fixture_path(out, wave), 24, d.layout, &s[0], NULL), 0);
  assert_int_equal(adm_file_load(fixture_path(out, master), d.layout, &s[1], NULL, NULL), 0);
  assert_int_equal(s[0].n_frames, s[1].n_frames);
  assert_memory_equal(s[0].pcm, s[1].pcm,
                      sizeof *s[0].pcm * (size_t)s[0].n_frames * (size_t)s[0].channels);
  free(s[0].pcm);
  free(s[1].pcm);
}

/* BS.2127 from 7.1.4 to 5.1, written out: of the file's 14 tracks. */
static void fold_by_hand(const char *path, float *pcm[6], int32_t n_frames) {
  struct riff_file file;
  assert_int_equal(riff_open(path, &file, NULL), 0);
  for (int32_t i = 0; i < n_frames; i++) {
    unsigned char frame[14 * 3], *at = frame;
    double x[14], s = sqrt(0.5);
    assert_int_equal(riff_read(&file, file.data_at + i * 42, frame, sizeof frame, NULL), 0);
    for (int k = 0; k < 14; k++, at += 3)
      x[k] = (int32_t)((uint32_t)at[0] << 8 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 24) *
             0x1p-31;
    for (int side = 0; side < 2; side++) {
      pcm[side][i] = (float)(x[side] + s * x[4 + side] + x[10 + side]);
      pcm[2 + side][i] = (float)x[2 + side];
      pcm[4 + side][i] = (float)(s * x[4 + side] + x[6 + side] + x[12 + side]);
    }
  }
  riff_close(&file);
}

static void test_estimate(void **state) {
  static const char *const files[] = {"7.1.4 itu.wav", "7.1.4 wave.wav", "7.1.2 dolby.wav"};
  enum { ASKED = 2 /* of the files */ };
  enum { N = 100000 };
  char *out = fixture_folder();
  float *pcm[6];
  double dbtp;
  struct loudness_figures figures;
  struct pcm_shape shape = {RATE, 6, N, layout_find("5.1")};
  (void)state;
  cli_sound(folder, &(struct cli_sound){"long.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, RATE, 12, N,
                                        SEED});
  for (int loud = 0; loud < 2; loud++) {
    char verdict[96];
    cli_text(folder, "long.yaml", CHAIN
             "variants: {m: {format: adm, loudness: %d, true_peak: -3}}\n"
             "tracks:\n  - {source: long.wav, layout: 7.1.4}\n", loud ? -17 : -24);
    expect_status(run_program("render", fixture_path(folder, "long.yaml"), "-o", out, "--device",
                              "cpu"), 0);
    for (int c = 0; c < 6; c++) pcm[c] = malloc(sizeof **pcm * N);
    fold_by_hand(fixture_path(out, "long m.wav"), pcm, N);
    assert_int_equal(loudness_measure_planar(&shape, (const float *const *)pcm, &figures, &dbtp,
                                             NULL), 0);
    json_t *receipt = cli_receipt(out, "long m.wav");
    const json_t *said = json_object_get(receipt, "estimate_5_1");
    assert_float_equal(json_number_value(json_object_get(said, "integrated_lufs")),
                       figures.integrated_lufs, 1e-4);
    assert_float_equal(json_number_value(json_object_get(said, "true_peak_dbtp")), dbtp, 1e-4);
    snprintf(verdict, sizeof verdict, "5.1 (BS.2127), an estimate: %.1f LKFS, %.1f dBTP: %s -18 "
             "LKFS, -1 dBTP", figures.integrated_lufs, dbtp, loud ? "above" : "within");
    assert_string_equal(json_string_value(json_object_get(said, "verdict")), verdict);
    json_decref(receipt);
    for (int c = 0; c < 6; c++) free(pcm[c]);
  }
  put_manifest("all.yaml");
  expect_status(run_program("render", fixture_path(folder, "all.yaml"), "-o", out, "--device",
                            "cpu"), 0);
  for (int i = 0; i < COUNT(files); i++) {
    json_t *receipt = cli_receipt(out, files[i]);
    assert_int_equal(json_object_get(receipt, "estimate_5_1") != NULL, i == ASKED);
    json_decref(receipt);
  }
  fixture_folder_remove(out);
}

static void test_render(void **state) {
  char *out = fixture_folder();
  char manifest[4096];
  (void)state;
  snprintf(manifest, sizeof manifest, "%s/all.yaml", folder);
  put_manifest("all.yaml");
  expect_status(run_program("render", manifest, "--dry-run"), 0);
  expect_status(run_program("render", manifest, "-o", out, "--device", "cpu"), 0);
  for (int i = 0; i < COUNT(beds); i++) {
    char name[40];
    snprintf(name, sizeof name, "%s dolby.wav", beds[i]);
    adm_fixture_expect_profile(fixture_path(out, name));
    char *form = cli_receipt_text(out, name, "deliverable", "form");
    assert_string_equal(form, "ADM BWF (Dolby Atmos Master ADM profile, self-checked)");
    free(form);
    if (!strcmp(beds[i], "7.1.2")) continue;
    expect_same(out, beds[i], "dolby");
    expect_same(out, beds[i], "itu");
  }
  struct program_run run = run_program("analyze", fixture_path(out, "7.1.4 dolby.wav"));
  assert_int_equal(run.status, 0);
  assert_non_null(strstr(run.out, "no departure found"));
  assert_non_null(strstr(run.out, "Four Rtr: channel 14"));
  run_free(&run);
  expect_run(run_program("verify", out, "--device", "cpu"), 0, "7.1.4 dolby.wav: equal",
             "7.1.2 itu.wav: equal");
  expect_status(run_program("compare", out, fixture_path(out, "")), 0);
  if (cli_has_device(LACQUER_PROGRAM)) {
    char *other = fixture_folder();
    expect_status(run_program("render", manifest, "-o", other, "--device", "index:0"), 0);
    assert_int_equal(cli_same_bits(other, out), 18);
    fixture_folder_remove(other);
  }
  fixture_folder_remove(out);
}

/* One track and variant; `what` is said of it. */
static void render_one(const char *out, const char *form, const char *title, const char *what) {
  cli_text(folder, "one.yaml", CHAIN "variants: {master: {" TAIL ", %s}}\ntracks:\n"
           "  - {source: 7.1.4.wav, layout: 7.1.4, title: %s}\n", form, title);
  expect_run(run_program("render", fixture_path(folder, "one.yaml"), "-o", out, "--device", "cpu"),
             0, what);
}

/* Another title, flavour or format: the file anew, from its own samples, as a render has it. */
static void test_second_run(void **state) {
  static const struct {
    const char *form, *title, *what;
  } runs[] = {{"format: adm", "One", "delivered"},
              {"format: adm", "One", "up to date"},
              {"format: adm", "Other", "retagged"},
              {"format: adm, adm: itu", "Other", "retagged"},
              {"format: wav", "Other", "retagged"},
              {"format: adm", "Last", "retagged"}};
  char *out = fixture_folder(), *fresh = fixture_folder();
  (void)state;
  for (int i = 0; i < COUNT(runs); i++) {
    render_one(out, runs[i].form, runs[i].title, runs[i].what);
    fixture_folder_remove(fresh);
    fresh = fixture_folder();
    render_one(fresh, runs[i].form, runs[i].title, "delivered");
    assert_int_equal(cli_same_bits(out, fresh), 1);
    json_t *receipt = cli_receipt(out, "7.1.4 master.wav");
    const json_t *form = json_object_get(json_object_get(receipt, "deliverable"), "form");
    const bool dolby = !strcmp(runs[i].form, "format: adm");
    assert_int_equal(form != NULL, strstr(runs[i].form, "adm") != NULL);
    assert_int_equal(json_object_get(receipt, "estimate_5_1") != NULL, dolby);
    json_decref(receipt);
    expect_run(run_program("verify", out, "--device", "cpu"), 0, "equal");
  }
  fixture_folder_remove(fresh);
  fixture_folder_remove(out);
}

/* A byte of the audio, and one of the title. */
static void test_damage(void **state) {
  char *out = fixture_folder();
  const char *path = fixture_path(out, "7.1.4 master.wav");
  (void)state;
  render_one(out, "format: adm", "Zephyr", "delivered");
  struct fixture_bytes bytes = fixture_load(path);
  bytes.data[adm_fixture_chunk(bytes, "data") + 3000] ^= 1;
  fixture_save(path, bytes.data, bytes.size);
  struct program_run run = run_program("verify", out, "--quick");
  assert_int_equal(run.status, 1);
  assert_non_null(strstr(run.out, "other samples"));
  run_free(&run);
  bytes.data[adm_fixture_chunk(bytes, "data") + 3000] ^= 1;
  bytes = adm_fixture_edit(bytes, &(struct adm_edit){"Zephyr", "Zephir", 0});
  fixture_save(path, bytes.data, bytes.size);
  run = run_program("verify", out, "--quick");
  assert_int_equal(run.status, 1);
  assert_non_null(strstr(run.out, "same samples"));
  run_free(&run);
  free(bytes.data);
  fixture_folder_remove(out);
}

/* ---- refusals ---- */

static void test_manifest_refuses(void **state) {
  static const struct {
    const char *variant, *word;
  } cases[] = {
      {"format: adm, bits: 16", "m.bits: an ADM BWF has 24 bits (accepted: bits: 24)"},
      {"format: adm, bits: 32", "m.bits: an ADM BWF has 24 bits"},
      {"format: adm, adm: itu, bits: 20", "m.bits: an ADM BWF has 24 bits"},
      {"format: adm, rate: 44100", "m.rate: the Dolby Atmos Master ADM profile has 48000"},
      {"format: adm, rate: 192000", "(accepted: rate: 48000, rate: 96000, or adm: itu)"},
      {"format: adm, layout: 2.0", "m.layout: a stereo file is never up-mixed into an immersive"},
      {"format: adm, adm: itu, layout: 2.0", "m.layout: a stereo file is never up-mixed"},
      {"format: wav, adm: itu", "m.adm: is for masters (accepted: beside format: adm)"},
      {"format: adm, adm: sony", "dolby"},
  };
  (void)state;
  for (int i = 0; i < COUNT(cases); i++) {
    cli_text(folder, "bad.yaml", "lacquer: 1\nvariants: {m: {%s}}\ntracks:\n"
             "  - {source: 5.1.wav, layout: 5.1}\n", cases[i].variant);
    expect_run(run_program("render", fixture_path(folder, "bad.yaml"), "-o", folder), 65,
               cases[i].word);
  }
}

static void test_plan_refuses(void **state) {
  static const struct {
    const char *file, *track, *form, *place, *why;
    int rate_hz, channels;
  } cases[] = {
      {"st.wav", "", "adm: dolby", "2.0 cannot be delivered as adm dolby (variant \"m\")",
       "a stereo file is never up-mixed into an immersive deliverable", 48000, 2},
      {"mono.wav", "", "adm: itu", "1.0 cannot be delivered as adm itu", "never up-mixed", 48000,
       1},
      {"cd.wav", ", layout: 5.1", "adm: dolby", "5.1 cannot be delivered as adm dolby",
       "profile has 48000 and 96000 Hz", 44100, 6},
  };
  char *out = fixture_folder();
  (void)state;
  for (int i = 0; i < COUNT(cases); i++) {
    cli_sound(folder, &(struct cli_sound){cases[i].file, SF_FORMAT_WAV | SF_FORMAT_PCM_24,
                                          cases[i].rate_hz, cases[i].channels, 9000, SEED});
    for (int run = 0; run < 3; run++) { /* the file from before stays as it is */
      cli_text(folder, "m.yaml", "lacquer: 1\nvariants: {m: {%s%s}}\n"
               "output: \"{source}.{ext}\"\ntracks:\n  - {source: %s%s}\n",
               run ? "format: adm, " : "bits: 24", run ? cases[i].form : "", cases[i].file,
               cases[i].track);
      const char *path = fixture_path(folder, "m.yaml");
      if (!run) expect_status(run_program("render", path, "-o", out, "--device", "cpu"), 0);
      else if (run == 1) /* of the finished file */
        expect_run(run_program("render", path, "-o", out, "--device", "cpu"), 65, cases[i].why);
      else
        expect_run(run_program("render", path, "-o", out, "--device", "cpu", "--force"), 65,
                   cases[i].why, cases[i].place);
    }
  }
  assert_int_equal(cli_check_receipts(out), COUNT(cases));
  assert_int_equal(cli_count(out, ".wav"), COUNT(cases));
  fixture_folder_remove(out);
}

/* A 44.1 kHz bed may be an `itu` master, and a `dolby` one at 48 kHz. */
static void test_rates(void **state) {
  char *out = fixture_folder();
  (void)state;
  cli_sound(folder, &(struct cli_sound){"cd.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 12,
                                        9000, SEED});
  cli_text(folder, "m.yaml", "lacquer: 1\nvariants:\n  d: {format: adm, rate: 48000}\n"
           "  h: {format: adm, rate: 96000}\n  i: {format: adm, adm: itu}\n"
           "output: \"{variant}.{ext}\"\ntracks:\n  - {source: cd.wav, layout: 7.1.4}\n");
  expect_status(run_program("render", fixture_path(folder, "m.yaml"), "-o", out, "--device", "cpu"),
                0);
  adm_fixture_expect_profile(fixture_path(out, "d.wav"));
  adm_fixture_expect_profile(fixture_path(out, "h.wav"));
  struct adm_fixture_file f = adm_fixture_read(fixture_path(out, "i.wav"));
  assert_int_equal(f.adm->tracks[0].rate_hz, 44100);
  adm_fixture_free(&f);
  fixture_folder_remove(out);
}

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  put_sources();
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_files),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_foreign),
      cmocka_unit_test(test_render),
      cmocka_unit_test(test_estimate),
      cmocka_unit_test(test_second_run),
      cmocka_unit_test(test_damage),
      cmocka_unit_test(test_manifest_refuses),
      cmocka_unit_test(test_plan_refuses),
      cmocka_unit_test(test_rates),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
