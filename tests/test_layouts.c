/* SPDX-License-Identifier: MIT
 * Channel layouts: the table against the standards' figures, files in and out against bytes
 * written and read here by hand, meters, and renders from end to end. */
#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio_fixture.h"
#include "cli_fixture.h"
#include "decode.h"
#include "encode.h"
#include "layout.h"
#include "loudness_check.h"
#include "manifest.h"
#include "publish.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

#define SEED UINT64_C(5104)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
enum { FRAMES = 3000, RATE = 48000 };
static char *folder;

/* What the table must say: channels in lacquer's order and in a WAVE file's, Microsoft's
 * masks, and the weights of BS.1770-4 in hundredths. */
static const struct expected {
  const char *name, *order, *in_file;
  uint32_t mask, other;
  int weight[MAX_CHANNELS];
} all[] = {
    {"1.0", "M", "M", 0x4, 0x4, {100}},
    {"2.0", "L R", "L R", 0x3, 0x3, {100, 100}},
    {"5.1", "L R C LFE Ls Rs", "L R C LFE Ls Rs", 0x3f, 0x60f, {100, 100, 100, 0, 141, 141}},
    {"7.1", "L R C LFE Lss Rss Lrs Rrs", "L R C LFE Lrs Rrs Lss Rss", 0x63f, 0x63f,
     {100, 100, 100, 0, 141, 141, 100, 100}},
    {"5.1.4", "L R C LFE Ls Rs Ltf Rtf Ltr Rtr", "L R C LFE Ls Rs Ltf Rtf Ltr Rtr", 0x2d03f,
     0x2d60f, {100, 100, 100, 0, 141, 141, 100, 100, 100, 100}},
    {"7.1.2", "L R C LFE Lss Rss Lrs Rrs Lts Rts", "L R C LFE Lss Rss Lrs Rrs Lts Rts", 0, 0,
     {100, 100, 100, 0, 141, 141, 100, 100, 100, 100}},
    {"7.1.4", "L R C LFE Lss Rss Lrs Rrs Ltf Rtf Ltr Rtr",
     "L R C LFE Lrs Rrs Lss Rss Ltf Rtf Ltr Rtr", 0x2d63f, 0x2d63f,
     {100, 100, 100, 0, 141, 141, 100, 100, 100, 100, 100, 100}},
};

/* The n-th word. */
static const char *word_of(const char *words, int n) {
  static char word[8];
  for (; n > 0; n--) words = strchr(words, ' ') + 1;
  snprintf(word, sizeof word, "%.*s", (int)strcspn(words, " "), words);
  return word;
}

/* Where `in` has what `words` has at n. */
static int place_of(const char *in, const char *words, int n) {
  char wanted[8];
  memcpy(wanted, word_of(words, n), sizeof wanted);
  int at = 0;
  while (strcmp(word_of(in, at), wanted)) at++;
  return at;
}

static void test_table(void **state) {
  (void)state;
  for (int i = 0; i < COUNT(all); i++) {
    const struct layout *l = layout_find(all[i].name);
    int order[MAX_CHANNELS];
    assert_non_null(l);
    assert_ptr_equal(l, &layouts[i]);
    assert_string_equal(layout_choices[i + 1], l->name);
    assert_int_equal(layout_mask(l), all[i].mask);
    assert_int_equal(layout_other_mask(l), all[i].other);
    layout_file_order(l, order);
    for (int c = 0; c < l->channels; c++) {
      assert_string_equal(l->speaker[c]->label, word_of(all[i].order, c));
      assert_string_equal(l->speaker[order[c]]->label, word_of(all[i].in_file, c));
      assert_int_equal(order[order[c]], c); /* its own inverse */
      assert_true(layout_weight(l, c) == all[i].weight[c] / 100.0);
      assert_int_equal(layout_lfe(l) == c, !strcmp(l->speaker[c]->label, "LFE"));
    }
  }
  assert_null(layouts[COUNT(all)].name);
  assert_null(layout_choices[COUNT(all) + 1]);
  assert_null(layout_find("6.1"));
}

/* ---- files by hand ---- */

static void put(unsigned char **at, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; i++) *(*at)++ = (unsigned char)(value >> 8 * i);
}

static uint32_t get(const unsigned char *at, int bytes) {
  uint32_t value = 0;
  for (int i = 0; i < bytes; i++) value |= (uint32_t)at[i] << 8 * i;
  return value;
}

/* A WAV file of 16 bits; `mask` -1: of a fmt chunk that has none. */
static const char *put_wave(const char *name, int channels, int64_t mask, const int16_t *pcm,
                            int frames) {
  static const unsigned char guid[] = {1, 0, 0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113};
  const uint32_t bytes = 2u * (uint32_t)(channels * frames), fmt = mask < 0 ? 16 : 40;
  unsigned char *file = malloc(bytes + 100), *at = file;
  assert_non_null(file);
  memcpy(at, "RIFF", 4), at += 4;
  put(&at, 20 + fmt + bytes, 4);
  memcpy(at, "WAVEfmt ", 8), at += 8;
  put(&at, fmt, 4);
  put(&at, mask < 0 ? 1 : 0xfffe, 2);
  put(&at, (uint32_t)channels, 2);
  put(&at, RATE, 4);
  put(&at, (uint32_t)(RATE * channels * 2), 4);
  put(&at, (uint32_t)(channels * 2), 2);
  put(&at, 16, 2);
  if (mask >= 0) {
    put(&at, 22, 2);
    put(&at, 16, 2);
    put(&at, (uint32_t)mask, 4);
    memcpy(at, guid, 16), at += 16;
  }
  memcpy(at, "data", 4), at += 4;
  put(&at, bytes, 4);
  for (int i = 0; i < channels * frames; i++) put(&at, (uint16_t)pcm[i], 2);
  fixture_save(fixture_path(folder, name), file, (size_t)(at - file));
  free(file);
  return fixture_path(folder, name);
}

/* Every channel a constant that tells its place in the file. */
static int16_t *places(int channels, int frames) {
  int16_t *pcm = malloc(sizeof *pcm * (size_t)(channels * frames));
  assert_non_null(pcm);
  for (int i = 0; i < channels * frames; i++) pcm[i] = (int16_t)(1000 * (i % channels + 1));
  return pcm;
}

/* The file's n-th channel must become the one that `in_file` names n-th. */
static void expect_order(const char *path, const char *stated, const struct expected *e,
                         const char *in_file) {
  struct failure why = {0};
  struct audio audio, head;
  const struct layout *layout = stated ? layout_find(stated) : NULL;
  if (decode_stated(path, layout, &audio, &why)) fail_msg("%s", why.text);
  assert_string_equal(audio.layout->name, e->name);
  for (int n = 0; n < audio.channels; n++) {
    const int c = place_of(e->order, in_file, n);
    assert_true(audio.pcm[c][0] == 1000 * (n + 1) / 32768.0F);
    assert_true(audio.pcm[c][audio.n_frames - 1] == audio.pcm[c][0]);
  }
  audio_free(&audio);
  assert_int_equal(decode_headers(path, layout, &head, NULL), 0);
  assert_string_equal(head.layout->name, e->name);
}

static void write_by_library(const char *path, int sf_format, int channels) {
  const struct fixture_shape shape = {RATE, channels, 40, 16};
  int32_t pcm[40 * MAX_CHANNELS];
  for (int i = 0; i < 40 * channels; i++) pcm[i] = 1000 * (i % channels + 1) * 65536;
  fixture_write(path, sf_format | SF_FORMAT_PCM_16, &shape, pcm);
}

static void test_reads_in_order(void **state) {
  (void)state;
  for (int i = 0; i < COUNT(all); i++) {
    const struct expected *e = &all[i];
    const int channels = layout_find(e->name)->channels;
    const char *path = fixture_path(folder, "in.wav");
    int16_t *pcm = places(channels, 9000); /* more than one block of the reader */
    if (e->mask) {
      put_wave("in.wav", channels, e->mask, pcm, 9000);
      expect_order(path, NULL, e, e->in_file);
      expect_order(path, e->name, e, e->in_file);
      put_wave("in.wav", channels, e->other, pcm, 9000);
      expect_order(path, NULL, e, e->in_file);
    }
    put_wave("in.wav", channels, -1, pcm, 9000);
    expect_order(path, e->name, e, e->order);
    put_wave("in.wav", channels, 0, pcm, 9000);
    expect_order(path, e->name, e, e->order);
    put_wave("in.wav", channels, 0x80000001, pcm, 9000); /* of no layout */
    expect_order(path, e->name, e, e->order);
    write_by_library(path, SF_FORMAT_AIFF, channels);
    expect_order(path, e->name, e, e->order);
    if (channels <= 8) {
      write_by_library(path, SF_FORMAT_FLAC, channels);
      expect_order(path, NULL, e, e->in_file);
    }
    free(pcm);
  }
  /* Nuendo's 7.1.2: a mask for the first eight. */
  int16_t *pcm = places(10, 50);
  expect_order(put_wave("in.wav", 10, 0x63f, pcm, 50), "7.1.2", &all[5],
               "L R C LFE Lrs Rrs Lss Rss Lts Rts");
  free(pcm);
}

static void test_refuses(void **state) {
  (void)state;
  static const struct {
    int channels;
    int64_t mask;
    const char *stated, *words[4];
  } cases[] = {
      {6, 0, NULL, {"6 channels without a channel mask", "0x3f or 0x60f for 5.1",
                    "\"layout\" of the track states it: 5.1"}},
      {6, -1, NULL, {"6 channels without a channel mask"}},
      {6, 0x3e, NULL, {"under the channel mask 0x3e", "0x3f or 0x60f"}},
      {8, 0xff, NULL, {"under the channel mask 0xff", "0x63f for 7.1"}},
      {10, 0x63f, NULL, {"mask 0x63f", "0x2d03f or 0x2d60f for 5.1.4", "5.1.4 7.1.2"}},
      {12, 0, NULL, {"12 channels", "0x2d63f for 7.1.4"}},
      {5, 0x37, NULL, {"5 channels; accepted are 1 (1.0), 2 (2.0), 6 (5.1), 8 (7.1), 10 (5.1.4), "
                       "10 (7.1.2), 12 (7.1.4)"}},
      {24, 0, NULL, {"24 channels; accepted are"}},
      {5, 0, "5.1", {"5 channels"}},
      {6, 0x3f, "7.1", {"6 channels, but the track's layout is 7.1", "a file of 8 channels"}},
      {10, 0x2d03f, "7.1.2", {"mask 0x2d03f says 5.1.4", "layout 7.1.2"}},
      {2, 0x3, "1.0", {"2 channels, but the track's layout is 1.0"}},
  };
  for (int i = 0; i < COUNT(cases); i++) {
    int16_t *pcm = places(cases[i].channels, 20);
    const char *path = put_wave("bad.wav", cases[i].channels, cases[i].mask, pcm, 20);
    const struct layout *stated = cases[i].stated ? layout_find(cases[i].stated) : NULL;
    struct audio audio, head;
    struct failure why = {0};
    assert_int_equal(decode_stated(path, stated, &audio, &why), STATUS_BAD_DATA);
    assert_int_equal(decode_headers(path, stated, &head, NULL), STATUS_BAD_DATA);
    assert_non_null(strstr(why.text, "bad.wav: "));
    for (int w = 0; w < 4 && cases[i].words[w]; w++)
      if (!strstr(why.text, cases[i].words[w]))
        fail_msg("\"%s\" not in \"%s\"", cases[i].words[w], why.text);
    free(pcm);
  }
}

/* 5.1.4 and 7.1.2 with the same samples are not the same audio. */
static void test_identity(void **state) {
  (void)state;
  int16_t *pcm = places(10, 20);
  const char *path = put_wave("ten.wav", 10, 0, pcm, 20);
  struct audio a, b;
  assert_int_equal(decode_stated(path, layout_find("5.1.4"), &a, NULL), 0);
  assert_int_equal(decode_stated(path, layout_find("7.1.2"), &b, NULL), 0);
  assert_string_not_equal(a.sha256, b.sha256);
  audio_free(&a);
  audio_free(&b);
  free(pcm);
}

/* ---- files out ---- */

/* The body of a chunk. */
static const unsigned char *chunk_of(const struct fixture_bytes *file, const char *id,
                                     size_t *size) {
  for (size_t at = 12; at + 8 <= file->size; at += 8 + *size + (*size & 1)) {
    *size = get(file->data + at + 4, 4);
    if (!memcmp(file->data + at, id, 4)) return file->data + at + 8;
  }
  fail_msg("no chunk %s", id);
  return NULL;
}

/* Sample of the deliverable that the file has as its n-th channel. */
static int32_t wanted(const struct deliverable *d, const struct expected *e, int32_t frame, int n) {
  return d->pcm[frame * d->channels + place_of(e->order, e->in_file, n)];
}

static void check_wave(const struct deliverable *d, const struct expected *e, bool is_rf64) {
  const struct fixture_bytes file = fixture_load(d->path);
  size_t size;
  assert_memory_equal(file.data, is_rf64 ? "RF64" : "RIFF", 4);
  const unsigned char *fmt = chunk_of(&file, "fmt ", &size);
  assert_int_equal(get(fmt, 2), 0xfffe);
  assert_int_equal(get(fmt + 2, 2), d->channels);
  assert_int_equal(get(fmt + 20, 4), e->mask);
  const unsigned char *data = chunk_of(&file, "data", &size);
  for (int32_t i = 0; i < d->n_frames; i++)
    for (int c = 0; c < d->channels; c++, data += 3)
      if (get(data, 3) << 8 != (uint32_t)wanted(d, e, i, c))
        fail_msg("%s %s: frame %d, channel %d", e->name, d->path, (int)i, c);
  free(file.data);
}

static void check_flac(const struct deliverable *d, const struct expected *e) {
  SF_INFO info = {0};
  SNDFILE *file = sf_open(d->path, SFM_READ, &info);
  int32_t frame[MAX_CHANNELS];
  assert_int_equal(info.channels, d->channels);
  for (int32_t i = 0; i < d->n_frames; i++) {
    assert_int_equal(sf_readf_int(file, frame, 1), 1);
    for (int c = 0; c < d->channels; c++) assert_int_equal(frame[c], wanted(d, e, i, c));
  }
  sf_close(file);
}

/* Read again, it is what was delivered. */
static void check_decoded(const struct deliverable *d) {
  struct audio audio;
  assert_int_equal(decode_file(d->path, &audio, NULL), 0);
  assert_ptr_equal(audio.layout, d->layout);
  for (int32_t i = 0; i < d->n_frames * d->channels; i++)
    assert_true(audio.pcm[i % d->channels][i / d->channels] == (float)d->pcm[i] * 0x1p-31F);
  audio_free(&audio);
}

static void test_writes_in_order(void **state) {
  (void)state;
  for (int i = 2; i < 3 * COUNT(all); i++) {
    const struct expected *e = &all[i % COUNT(all)];
    const struct layout *layout = layout_find(e->name);
    const int kind = i / COUNT(all), format = kind == 2 ? FILE_FLAC : FILE_WAV; /* 1: RF64 */
    const struct fixture_shape shape = {RATE, layout->channels, 9001, 24};
    int32_t *pcm = fixture_noise(&shape, SEED);
    const struct deliverable d = {.path = fixture_path(folder, "out"), .format = format,
                                  .bits = 24, .rate_hz = RATE, .channels = layout->channels,
                                  .layout = layout, .n_frames = shape.n_frames, .pcm = pcm};
    struct encoded encoded;
    struct failure why = {0};
    char sha256[HASH_TEXT_SIZE];
    if (layout->channels <= 2 || encode_refusal(format, layout)) {
      free(pcm);
      continue;
    }
    if (encode_file_limited(&d, kind == 1 ? 0 : INT64_MAX, &encoded, &why) ||
        publish_file(encoded.temp_path, d.path, &why))
      fail_msg("%s", why.text);
    if (kind < 2) check_wave(&d, e, kind == 1);
    else check_flac(&d, e);
    check_decoded(&d);
    cli_pcm_hash(d.path, sha256); /* of the file's samples as they stand */
    assert_string_equal(encoded.pcm_sha256, sha256);
    encoded_discard(&encoded);
    free(pcm);
  }
}

static void test_refuses_to_write(void **state) {
  (void)state;
  static const struct {
    const char *layout;
    int format;
    const char *word;
  } cases[] = {{"5.1", FILE_AIFF, "AIFF"}, {"7.1.4", FILE_AIFF, "AIFF"},
               {"5.1.4", FILE_FLAC, "up to 8 channels"}, {"7.1.4", FILE_FLAC, "up to 8 channels"},
               {"7.1.2", FILE_WAV, "tops"}, {"7.1.2", FILE_FLAC, "tops"}};
  static const int32_t pcm[MAX_CHANNELS] = {0};
  for (int i = 0; i < COUNT(cases); i++) {
    const struct layout *layout = layout_find(cases[i].layout);
    const struct deliverable d = {.path = fixture_path(folder, "no"), .format = cases[i].format,
                                  .bits = 24, .rate_hz = RATE, .channels = layout->channels,
                                  .layout = layout, .n_frames = 1, .pcm = pcm};
    struct encoded encoded;
    struct failure why = {0};
    assert_int_equal(encode_file(&d, &encoded, &why), STATUS_BAD_DATA);
    assert_non_null(strstr(why.text, cases[i].word));
    assert_non_null(strstr(why.text, cases[i].layout));
  }
  for (int format = FILE_WAV; format <= FILE_FLAC; format++)
    for (int i = 0; i < 2; i++) assert_null(encode_refusal(format, &layouts[i]));
}

/* ---- meters ---- */

/* A tone in one channel alone: libebur128 must weigh it as its place asks. */
static void test_independent_meter(void **state) {
  (void)state;
  float *tone = malloc(RATE * sizeof *tone), *silence = calloc(RATE, sizeof *silence);
  for (int i = 0; i < RATE; i++) tone[i] = 0.1F * (float)sin(2 * 3.14159265358979 * i / 48);
  for (int i = 2; i < COUNT(all); i++) {
    const struct layout *l = layout_find(all[i].name);
    const struct pcm_shape shape = {RATE, l->channels, RATE, l};
    double left_lufs = 0;
    for (int c = 0; c < l->channels; c++) {
      const float *planar[MAX_CHANNELS];
      struct loudness_figures f;
      for (int k = 0; k < l->channels; k++) planar[k] = k == c ? tone : silence;
      assert_int_equal(loudness_measure_planar(&shape, planar, &f, NULL, NULL), 0);
      if (!c) left_lufs = f.integrated_lufs;
      if (!all[i].weight[c]) assert_true(f.integrated_lufs == -HUGE_VAL);
      else
        assert_float_equal(f.integrated_lufs - left_lufs, 10 * log10(all[i].weight[c] / 100.0),
                           1e-6);
    }
  }
  free(tone);
  free(silence);
}

/* ---- end to end ---- */

/* Noise of 16 bits, in the file's order. */
static int16_t *noise(int channels) {
  int16_t *pcm = malloc(sizeof *pcm * (size_t)(channels * FRAMES));
  uint64_t state = SEED;
  for (int i = 0; i < channels * FRAMES; i++) pcm[i] = (int16_t)(fixture_random(&state) >> 50);
  return pcm;
}

static char *out;

static void test_neutral_render(void **state) {
  (void)state;
  int16_t *pcm[COUNT(all)];
  cli_text(folder, "m.yaml", "lacquer: 1\nchains: {none: []}\ndefaults: {chain: none}\n"
           "variants: {wide: {bits: 24, dither: none}}\noutput: \"{source}.{ext}\"\ntracks:\n"
           "  - source: l2.wav\n  - source: l3.wav\n  - source: l4.wav\n  - source: l6.wav\n"
           "  - {source: bare.wav, layout: 5.1}\n");
  for (int i = 2; i < COUNT(all); i++) {
    char name[16];
    const int channels = layout_find(all[i].name)->channels;
    snprintf(name, sizeof name, "l%d.wav", i);
    pcm[i] = noise(channels);
    put_wave(name, channels, all[i].mask, pcm[i], FRAMES);
  }
  put_wave("bare.wav", 6, -1, pcm[2], FRAMES);
  expect_status(run_program("render", fixture_path(folder, "m.yaml"), "-o", out, "--device", "cpu",
                            "--verify", "full"), 0);
  for (int i = 2; i < COUNT(all); i++) {
    char name[16];
    size_t size;
    snprintf(name, sizeof name, "l%d.wav", i);
    if (all[i].mask) { /* 24 bits: the 16 and a byte of zeros */
      const struct fixture_bytes file = fixture_load(fixture_path(out, name));
      const unsigned char *data = chunk_of(&file, "data", &size);
      const int n = FRAMES * layout_find(all[i].name)->channels;
      assert_int_equal(size, 3 * n);
      for (int k = 0; k < n; k++)
        if ((int32_t)(get(data + 3 * k, 3) << 8) != pcm[i][k] * 65536) fail_msg("%s: %d", name, k);
      char *layout = cli_receipt_text(out, name, "source", "layout");
      assert_string_equal(layout, all[i].name);
      free(layout);
      free(file.data);
    }
    free(pcm[i]);
  }
  expect_run(run_program("verify", out), 0, "bare.wav: equal", "l6.wav: equal");
  expect_status(run_program("compare", out, fixture_path(out, "")), 0);
}

/* Other tags: the same samples in the file's order; another layout: another render. */
static void test_second_run(void **state) {
  (void)state;
  int16_t *pcm = noise(10);
  put_wave("bed.wav", 10, 0, pcm, FRAMES);
  put_wave("seven.wav", 8, 0x63f, pcm, FRAMES);
  static const char *const forms[][2] = {{"5.1.4", "a"}, {"5.1.4", "b"}, {"7.1.2", "b"}};
  static const char *const words[] = {"delivered", "retagged", "7.1.2 cannot be delivered as wav"};
  for (int i = 0; i < COUNT(forms); i++) {
    cli_text(folder, "again.yaml", "lacquer: 1\nchains: {none: []}\ndefaults: {chain: none}\n"
             "variants: {wide: {bits: 24}}\noutput: \"{source}.{ext}\"\ntracks:\n"
             "  - {source: bed.wav, layout: \"%s\", title: %s}\n"
             "  - {source: seven.wav, title: %s}\n", forms[i][0], forms[i][1], forms[i][1]);
    expect_run(run_program("render", fixture_path(folder, "again.yaml"), "-o",
                           fixture_path(out, "again"), "--device", "cpu"),
               i == 2 ? 1 : 0, words[i]);
  }
  expect_status(run_program("verify", fixture_path(out, "again"), "--quick"), 0);
  free(pcm);
}

/* A variant that a source cannot become fails alone. */
static void test_refused_variant(void **state) {
  (void)state;
  int16_t *pcm = noise(2);
  put_wave("two.wav", 2, -1, pcm, FRAMES);
  free(pcm);
  cli_text(folder, "refused.yaml", "lacquer: 1\nvariants: {room: {layout: 7.1.4}, mono: {layout: 1.0},"
           " surround: {layout: 5.1}}\noutput: \"{variant}.{ext}\"\ntracks: [{source: two.wav}]\n");
  const char *to = fixture_path(out, "refused");
  expect_run(run_program("render", fixture_path(folder, "refused.yaml"), "-o", to, "--device",
                         "cpu"), 1, "2.0 cannot become 7.1.4 (variant \"room\")",
             "2.0 cannot become 5.1 (variant \"surround\")", "mono.wav: delivered");
  assert_true(cli_exists(to, "mono.wav") && !cli_exists(to, "room.wav"));
  struct program_run dry = run_program("render", fixture_path(folder, "refused.yaml"), "--dry-run");
  assert_int_equal(dry.status, 1);
  assert_non_null(strstr(dry.out, "mono.wav"));
  assert_non_null(strstr(dry.err, "2.0 cannot become 5.1"));
  run_free(&dry);
}

/* Lo/Ro of 7.1.4, in the file's order L R C LFE Lrs Rrs Lss Rss Ltf Rtf Ltr Rtr; in double. */
static double folded(const int16_t *frame, int side) {
  const double s = sqrt(0.5);
  return frame[side] + s * frame[2] + s * frame[4 + side] + s * frame[6 + side] +
         frame[8 + side] + s * frame[10 + side];
}

static void test_fold(void **state) {
  (void)state;
  int16_t *pcm = noise(12);
  size_t size;
  for (int i = 0; i < 12 * FRAMES; i++) pcm[i] = (int16_t)(pcm[i] / 8); /* does not clip */
  put_wave("bed.wav", 12, 0x2d63f, pcm, FRAMES);
  put_wave("pair.wav", 2, -1, pcm, FRAMES);
  for (int i = 0; i < 2; i++) { /* once more under other tags */
    cli_text(folder, "fold.yaml", "lacquer: 1\nchains: {none: []}\ndefaults: {chain: none}\n"
             "variants:\n  down: {bits: 24, dither: none, layout: 2.0}\n"
             "  loud: {layout: 5.1, format: flac, loudness: -20, true_peak: -1, rate: 44100}\n"
             "output: \"{source}.{variant}.{ext}\"\ntracks:\n"
             "  - {source: bed.wav, title: t%d}\n  - {source: pair.wav, variants: [down]}\n", i);
    expect_run(run_program("render", fixture_path(folder, "fold.yaml"), "-o",
                           fixture_path(out, "fold"), "--device", "cpu", "--verify", "full"), 0,
               i ? "retagged" : "delivered");
  }
  struct program_run dry = run_program("render", fixture_path(folder, "fold.yaml"), "--dry-run");
  assert_int_equal(dry.status, 0);
  assert_non_null(strstr(dry.out, " fold 2.0 > loudness > "));
  assert_non_null(strstr(dry.out, " fold 5.1 > resample 44100 Hz > "));
  run_free(&dry);
  const struct fixture_bytes file = fixture_load(fixture_path(out, "fold/bed.down.wav"));
  const unsigned char *data = chunk_of(&file, "data", &size);
  assert_int_equal(size, 3 * 2 * FRAMES);
  for (int i = 0; i < 2 * FRAMES; i++) {
    const int32_t got = (int32_t)(get(data + 3 * i, 3) << 8);
    /* Half an LSB of 24 bits, and eight roundings of sums below 1/8, 2^-28 each, in LSB of 16. */
    assert_float_equal(got / 65536.0, folded(pcm + 12 * (i / 2), i % 2), 0.5 / 256 + 8 * 0x1p-13);
  }
  char *layout = cli_receipt_text(fixture_path(out, "fold"), "bed.loud.flac", "deliverable",
                                  "layout");
  assert_string_equal(layout, "5.1");
  expect_run(run_program("verify", fixture_path(out, "fold")), 0, "bed.loud.flac: equal");
  free(layout);
  free(file.data);
  free(pcm);
}

/* The whole way on a device gives the reference's bits: tracks of several layouts, folds. */
static void test_device(void **state) {
  (void)state;
  if (!cli_has_device(LACQUER_PROGRAM)) skip();
  int16_t *pcm = noise(12);
  put_wave("d12.wav", 12, 0x2d63f, pcm, FRAMES);
  put_wave("d10.wav", 10, 0x2d03f, pcm, FRAMES - 100);
  put_wave("e12.wav", 12, 0x2d63f, pcm + 12 * 500, FRAMES - 500);
  cli_text(folder, "device.yaml", "lacquer: 1\nchains:\n  all:\n"
           "    - eq: {bands: [{type: bell, freq: 900, gain: 4, target: surround},\n"
           "                   {type: high_shelf, freq: 5000, gain: -3, target: side}]}\n"
           "    - multiband: {crossovers: [900], link: 60, bands: [{threshold: -40, ratio: 3},\n"
           "                                                      {threshold: -50, ratio: 2}]}\n"
           "    - saturate: {target: mid_side, bands: [{curve: tube, drive: 6}]}\n"
           "defaults: {chain: all}\nvariants:\n"
           "  bed: {true_peak: -20, link: 50, dither: shaped, bits: 16}\n"
           "  down: {layout: 5.1, true_peak: -12, rate: 44100}\n"
           "  lt: {layout: 2.0, downmix: lt_rt, true_peak: -18}\n"
           "tracks: [{source: d12.wav}, {source: d10.wav}, {source: e12.wav}]\n");
  const char *const devices[] = {"cpu", "index:0"};
  char folders[2][200];
  for (int i = 0; i < 2; i++) {
    snprintf(folders[i], sizeof folders[i], "%s/%s", out, devices[i]);
    expect_status(run_program("render", fixture_path(folder, "device.yaml"), "-o", folders[i],
                              "--device", devices[i], "--verify", i ? "full" : "off"), 0);
  }
  assert_int_equal(cli_same_bits(folders[1], folders[0]), 9);
  free(pcm);
}

/* Nothing is mixed up; nor is a bed called what it is not. */
static void test_no_upmix(void **state) {
  (void)state;
  int16_t *pcm = noise(2);
  put_wave("pair.wav", 2, -1, pcm, FRAMES);
  cli_text(folder, "up.yaml", "lacquer: 1\nchains: {none: []}\ndefaults: {chain: none}\n"
           "variants: {wide: {layout: 7.1.4}}\ntracks: [{source: pair.wav}]\n");
  expect_run(run_program("render", fixture_path(folder, "up.yaml"), "-o", fixture_path(out, "up"),
                         "--device", "cpu"), 65,
             "2.0 cannot become 7.1.4 (variant \"wide\")", "none are made up");
  cli_text(folder, "up.yaml", "lacquer: 1\nchains: {none: []}\ndefaults: {chain: none}\n"
           "variants: {wide: {downmix: lt_rt}, odd: {layout: 6.1}}\n"
           "tracks: [{source: pair.wav}]\n");
  expect_run(run_program("render", fixture_path(folder, "up.yaml"), "-o", fixture_path(out, "up"),
                         "--device", "cpu"), 65, "lt_rt is a way to two channels",
             "up.yaml:4: variants.odd.layout: unknown value \"6.1\"");
  free(pcm);
}

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  out = fixture_folder();
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  fixture_folder_remove(out);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table),           cmocka_unit_test(test_reads_in_order),
      cmocka_unit_test(test_refuses),         cmocka_unit_test(test_identity),
      cmocka_unit_test(test_writes_in_order), cmocka_unit_test(test_refuses_to_write),
      cmocka_unit_test(test_independent_meter), cmocka_unit_test(test_neutral_render),
      cmocka_unit_test(test_refused_variant), cmocka_unit_test(test_second_run),
      cmocka_unit_test(test_fold),            cmocka_unit_test(test_no_upmix),
      cmocka_unit_test(test_device),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
