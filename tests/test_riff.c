/* SPDX-License-Identifier: MIT
 * RIFF, RF64 and BW64: every byte of what is written, files beyond 4 GiB, and every kind of
 * damage told in one sentence. */
#include "riff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static char *folder;

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

/* ---- files made by hand ---- */

struct hand { /* a chunk; `stated`: its size field where that is not the body's */
  const char *id, *body;
  int size;
  uint32_t stated;
  bool no_pad;
};
static const char format[] = "\1\0\1\0\x80\xbb\0\0\x80\x32\x02\0\3\0\x18\0";
static const char extensible[] = "\xfe\xff\1\0\x80\xbb\0\0\x80\x32\x02\0\3\0\x18\0\x16\0\x18\0\0\0"
                                 "\0\0\1\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
static const char sizes[] = "\x9c\0\0\0\0\0\0\0\x9\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0";
static const char table[] = "\0\0\0\0\0\0\0\0\x9\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\1\0\0\0"
                            "axml\5\0\0\0\0\0\0\0";
#define FORMAT {"fmt ", format, 16, 0, false}
#define DATA {"data", "123456789", 9, 0, false}
#define UNSTATED_DATA {"data", "123456789", 9, UINT32_MAX, false}
#define WRONG(body) {{"fmt ", body, 16, 0, false}, DATA}
#define AXML {"axml", "<a/>", 4, 0, false}

static void put32(unsigned char *to, uint32_t value) {
  for (int i = 0; i < 4; i++) to[i] = (unsigned char)(value >> 8 * i);
}

/* `stated`: the header's size field; 0: what it comes to. */
static size_t make(const char *form, const struct hand *chunks, uint32_t stated,
                   unsigned char bytes[4096]) {
  size_t at = 12;
  memset(bytes, 0, 4096);
  memcpy(bytes, form, 4);
  memcpy(bytes + 8, "WAVE", 4);
  for (; chunks->id; chunks++) {
    memcpy(bytes + at, chunks->id, 4);
    put32(bytes + at + 4, chunks->stated ? chunks->stated : (uint32_t)chunks->size);
    memcpy(bytes + at + 8, chunks->body, (size_t)chunks->size);
    at += 8 + (size_t)chunks->size;
    if ((chunks->size & 1) && !chunks->no_pad) at++;
  }
  put32(bytes + 4, stated ? stated : (uint32_t)at - 8);
  return at;
}

static enum status open_bytes(const unsigned char *bytes, size_t n, struct riff_file *file,
                              struct failure *why) {
  const char *path = fixture_path(folder, "hand.wav");
  fixture_save(path, bytes, n);
  return riff_open(path, file, why);
}

/* ---- what is accepted ---- */

static const uint32_t unstated = UINT32_MAX;

static void test_accepted(void **state) {
  static const struct {
    const char *form;
    struct hand chunks[7];
    uint32_t stated;
    int trailing;
  } files[] = {
      {"RIFF", {FORMAT, DATA}, 0, 0},
      {"RIFF", {{"JUNK", "12345", 5, 0, false}, FORMAT, AXML, DATA, {"id3 ", "x", 1, 0, false}},
       0, 0},
      {"RIFF", {{"fmt ", extensible, 40, 0, false}, DATA}, 0, 0},
      {"RIFF", {FORMAT, DATA}, 45, 0}, /* the last pad byte is not counted */
      {"RIFF", {FORMAT, DATA}, 46, 6}, /* more bytes than the header states */
      {"RF64", {{"ds64", sizes, 28, 0, false}, FORMAT, UNSTATED_DATA, AXML},
       unstated, 0},
      {"BW64", {{"ds64", sizes, 28, 0, false}, FORMAT, DATA}, 0, 0}, /* sizes in their places */
      {"BW64", {{"ds64", table, 40, 0, false}, FORMAT, {"data", "123456789", 9, unstated, false},
                {"axml", "<ab/>", 5, unstated, false}}, 0, 0},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(files); i++) {
    unsigned char bytes[4096];
    struct riff_file file;
    struct failure why = {0};
    size_t n = make(files[i].form, files[i].chunks, files[i].stated, bytes);
    if (files[i].stated == unstated) put32(bytes + 20, (uint32_t)n - 8); /* in ds64 */
    n += (size_t)files[i].trailing;
    if (open_bytes(bytes, n, &file, &why)) fail_msg("%zu: %s", i, why.text);
    assert_int_equal(file.n_frames, 3);
    assert_int_equal(file.format.channels, 1);
    assert_int_equal(file.format.rate_hz, 48000);
    assert_int_equal(file.format.bits, 24);
    assert_int_equal(file.n_trailing, files[i].trailing);
    char samples[9];
    assert_int_equal(riff_read(&file, file.data_at, samples, 9, &why), 0);
    assert_memory_equal(samples, "123456789", 9);
    riff_close(&file);
  }
}

/* ---- what is refused ---- */

static void test_refused(void **state) {
  static const struct {
    const char *form, *words;
    struct hand chunks[6];
    uint32_t stated;
    int cut; /* bytes off the end */
  } files[] = {
      {"RIFX", "no WAV, RF64 or BW64 file", {FORMAT, DATA}, 0, 0},
      {"RIFF", "no WAV", {FORMAT, DATA}, 0, 44},
      {"RF64", "without a ds64 chunk first (its first chunk is fmt", {FORMAT, DATA}, 0, 0},
      {"RF64", "neither in the chunk nor in ds64", {{"data", "123", 3, unstated, false}}, 0, 0},
      {"BW64", "without a ds64 chunk first", {{"JUNK", sizes, 28, 0, false}, FORMAT, DATA}, 0, 0},
      {"RF64", "a ds64 chunk of 24 bytes (accepted: 28",
       {{"ds64", sizes, 24, 0, false}, FORMAT, DATA}, 0, 0},
      {"RF64", "longer than the chunk", {{"ds64", table, 28, 0, false}, FORMAT, DATA}, 0, 0},
      {"RF64", "states", {{"ds64", sizes, 28, 0, false}, FORMAT, DATA}, unstated, 9},
      {"RF64", "neither in the chunk nor in ds64",
       {{"ds64", sizes, 28, 0, false}, FORMAT, {"axml", "<a/>", 4, unstated, false}, DATA}, 0, 0},
      {"RIFF", "does not state its length", {FORMAT, DATA}, unstated, 0},
      {"RIFF", "cut off: its header states", {FORMAT, DATA}, 0, 2},
      {"RIFF", "cut off: its header states", {FORMAT, DATA}, 500, 0},
      {"RIFF", "its header states 3 bytes", {FORMAT, DATA}, 3, 0},
      {"RIFF", "its axml chunk at byte 54 claims 99 bytes, 4 are there",
       {FORMAT, DATA, {"axml", "<a/>", 4, 99, false}}, 0, 0},
      {"RIFF", "claims 4294967295 bytes", {FORMAT, {"data", "123", 3, unstated, false}}, 0, 0},
      {"RIFF", "the pad byte behind its data chunk of 9 bytes is missing",
       {FORMAT, {"data", "123456789", 9, 0, true}, AXML}, 0, 0},
      {"RIFF", "the pad byte behind its data chunk of 9 bytes is missing",
       {FORMAT, {"data", "123456789", 9, 0, true}}, 0, 0},
      {"RIFF", "no chunk begins at byte 36", {FORMAT, {"\1\2\3\4", "1", 1, 0, false}}, 0, 0},
      {"RIFF", "a chunk header is cut off", {FORMAT, DATA}, 50, 0},
      {"RIFF", "no fmt chunk", {DATA}, 0, 0},
      {"RIFF", "no data chunk", {FORMAT}, 0, 0},
      {"RIFF", "before its fmt chunk", {DATA, FORMAT}, 0, 0},
      {"RIFF", "a second data chunk", {FORMAT, DATA, DATA}, 0, 0},
      {"RIFF", "a second axml chunk", {FORMAT, DATA, AXML, AXML}, 0, 0},
      {"RIFF", "a second fmt  chunk", {FORMAT, FORMAT, DATA}, 0, 0},
      {"RIFF", "a size of 14 (accepted: 16, 18 or 40 bytes)",
       {{"fmt ", format, 14, 0, false}, DATA}, 0, 0},
      {"RIFF", "a size of 17", {{"fmt ", extensible, 17, 0, false}, DATA}, 0, 0},
      {"RIFF", "format tag 65534 (accepted: 1, integer PCM)",
       {{"fmt ", extensible, 18, 0, false}, DATA}, 0, 0},
      {"RIFF", "format tag 3", WRONG("\3\0\1\0\x80\xbb\0\0\0\0\0\0\4\0\x20\0"), 0, 0},
      {"RIFF", "channels: 0", WRONG("\1\0\0\0\x80\xbb\0\0\0\0\0\0\0\0\x18\0"), 0, 0},
      {"RIFF", "the rate 5 (accepted: 1000 to 768000 Hz)",
       WRONG("\1\0\1\0\5\0\0\0\0\0\0\0\3\0\x18\0"), 0, 0},
      {"RIFF", "a word length of 8", 
       WRONG("\1\0\1\0\x80\xbb\0\0\0\0\0\0\1\0\x8\0"), 0, 0},
      {"RIFF", "frames of 4", WRONG("\1\0\1\0\x80\xbb\0\0\0\0\0\0\4\0\x18\0"), 0, 0},
      {"RIFF", "8 bytes of audio are no whole frames of 3",
       {FORMAT, {"data", "12345678", 8, 0, false}}, 0, 0},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(files); i++) {
    unsigned char bytes[4096];
    struct riff_file file;
    struct failure why = {0};
    size_t n = make(files[i].form, files[i].chunks, files[i].stated, bytes);
    if (files[i].stated == unstated) put32(bytes + 20, (uint32_t)n - 8);
    if (files[i].stated == 50) n = 58;
    const enum status status = open_bytes(bytes, n - (size_t)files[i].cut, &file, &why);
    if (status != STATUS_BAD_DATA || !strstr(why.text, files[i].words))
      fail_msg("%zu: \"%s\" is not in: %s", i, files[i].words, why.text);
    assert_non_null(strstr(why.text, "hand.wav"));
    riff_close(&file);
  }
}

static void test_no_file(void **state) {
  struct riff_file file;
  struct failure why = {0};
  (void)state;
  assert_int_equal(riff_open(fixture_path(folder, "none.wav"), &file, &why), STATUS_NO_INPUT);
  assert_int_equal(riff_open(folder, &file, &why), STATUS_NO_INPUT);
  assert_non_null(strstr(why.text, "not a file"));
}

/* ---- what is written ---- */

static void test_written(void **state) {
  static const char riff[] = "RIFF\x8e\0\0\0WAVEJUNK\x40\0\0\0", middle[] = "fmt \x10\0\0\0";
  const char *path = fixture_path(folder, "out.wav");
  struct riff_layout layout = {.format = {1, 48000, 24}, .n_frames = 3, .large = RIFF_RF64,
                               .most_bytes = RIFF_MOST_BYTES,
                               .before = {{"chna", "ab", 2}},
                               .after = {{"axml", "<ab/>", 5}, {"dbmd", NULL, 0}}};
  (void)state;
  for (int large = 0; large < 3; large++) {
    struct riff_writer w;
    struct riff_file file;
    struct failure why = {0};
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    layout.most_bytes = large ? 100 : RIFF_MOST_BYTES;
    layout.large = large == 2 ? RIFF_BW64 : RIFF_RF64;
    assert_int_equal(riff_begin(&w, fd, path, &layout, &why), 0);
    assert_int_equal(riff_samples(&w, "123456", 6, &why), 0);
    assert_int_equal(riff_samples(&w, "0123", 4, &why), STATUS_INTERNAL); /* too many */
    assert_int_equal(riff_end(&w, &why), STATUS_INTERNAL);                /* too few */
    assert_int_equal(riff_samples(&w, "789", 3, &why), 0);
    assert_int_equal(riff_end(&w, &why), 0);
    close(fd);
    struct fixture_bytes bytes = fixture_load(path);
    const size_t head = large ? 48 : 84;
    assert_int_equal(bytes.size, riff_bytes(&layout, NULL));
    assert_int_equal(bytes.size, head + 24 + 10 + 8 + 10 + 14);
    if (!large) assert_memory_equal(bytes.data, riff, sizeof riff - 1);
    else assert_memory_equal(bytes.data, large == 1 ? "RF64\xff\xff\xff\xffWAVE" :
                             "BW64\xff\xff\xff\xffWAVE", 12);
    assert_memory_equal(bytes.data + head, middle, 8);
    assert_memory_equal(bytes.data + head + 8, format, 16);
    assert_memory_equal(bytes.data + head + 24, "chna\2\0\0\0ab", 10);
    assert_memory_equal(bytes.data + head + 34,
                        large ? "data\xff\xff\xff\xff" : "data\x9\0\0\0", 8);
    assert_memory_equal(bytes.data + head + 42, "123456789\0axml\5\0\0\0<ab/>\0", 24);
    if (large) {
      assert_memory_equal(bytes.data + 12, "ds64\x1c\0\0\0\x6a\0\0\0\0\0\0\0\x9\0\0\0\0\0\0\0", 24);
      assert_int_equal(bytes.data[36], large == 1 ? 3 : 0); /* frames */
    }
    assert_int_equal(riff_open(path, &file, &why), 0);
    assert_int_equal((int)file.form, large);
    riff_close(&file);
    free(bytes.data);
  }
}

/* More than 4 GiB of silence, as holes, between samples that are not. */
static void test_beyond_4_gib(void **state) {
  const char *path = fixture_path(folder, "huge.wav");
  const int64_t n_frames = INT64_C(120000000); /* of 36 bytes: 4.32e9 */
  struct riff_layout layout = {.format = {12, 48000, 24}, .n_frames = n_frames,
                               .most_bytes = RIFF_MOST_BYTES, .after = {{"axml", "<ab/>", 5}}};
  (void)state;
  for (int form = RIFF_RF64; form <= RIFF_BW64; form++) {
    unsigned char frame[36], back[36], *axml;
    size_t axml_bytes;
    struct riff_writer w;
    struct riff_file file;
    struct failure why = {0};
    struct stat info;
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    memset(frame, 0x5A, sizeof frame);
    layout.large = (enum riff_form)form;
    if (riff_begin(&w, fd, path, &layout, &why) || riff_samples(&w, frame, 36, &why) ||
        riff_silence(&w, n_frames - 2, &why) || riff_samples(&w, frame, 36, &why) ||
        riff_end(&w, &why))
      fail_msg("%s", why.text);
    assert_int_equal(fstat(fd, &info), 0);
    close(fd);
    assert_true(info.st_size > INT64_C(0xFFFFFFFF));
    if (riff_open(path, &file, &why)) fail_msg("%s", why.text);
    assert_int_equal((int)file.form, form);
    assert_true(file.n_frames == n_frames);
    assert_int_equal(riff_read(&file, file.data_at + 36 * (n_frames - 1), back, 36, &why), 0);
    assert_memory_equal(back, frame, 36);
    assert_int_equal(riff_read(&file, file.data_at + 36 * (n_frames / 2), back, 36, &why), 0);
    for (int i = 0; i < 36; i++) assert_int_equal(back[i], 0);
    assert_int_equal(riff_load(&file, "axml", 100, &axml, &axml_bytes, &why), 0);
    assert_int_equal(axml_bytes, 5);
    assert_string_equal((char *)axml, "<ab/>");
    free(axml);
    assert_int_equal(riff_load(&file, "axml", 4, &axml, &axml_bytes, &why), STATUS_BAD_DATA);
    assert_null(axml);
    riff_close(&file);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_accepted), cmocka_unit_test(test_refused),
      cmocka_unit_test(test_no_file),  cmocka_unit_test(test_written),
      cmocka_unit_test(test_beyond_4_gib),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
