/* SPDX-License-Identifier: MIT
 * See adm_fixture.h. */
#include "adm_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adm_profile.h"

const struct riff_format adm_fixture_format = {0, 48000, 24};

static void move(struct adm_channel *channel, int object, int n_blocks) {
  for (int i = 1; i < n_blocks; i++) {
    struct adm_block *block;
    assert_true(adm_add_block(channel, &block));
  }
  for (int i = 0; i < n_blocks; i++) {
    struct adm_block *b = &channel->blocks[i];
    b->rtime = (struct adm_time){(int64_t)512 * i, 48000};
    b->cartesian = true;
    b->position[0] = (double)(i * 37 % 2001) / 1000 - 1;
    b->position[1] = 1 - (double)((i + object) * 53 % 2001) / 1000;
    b->position[2] = object % 2 ? (double)(i % 101) / 100 : 0;
    if (object == 0) {
      b->has |= ADM_SIZE;
      b->width = b->height = b->depth = 0.25f;
    } else if (object == 1) {
      b->has |= ADM_GAIN | ADM_IMPORTANCE | ADM_ZONES | ADM_DIFFUSE | ADM_LOCK;
      b->gain = i % 2 ? 0 : 0.5;
      b->importance = i % 2 ? 0 : 10;
      b->zones = 1 << 1 | 1 << 2;
      b->lock = true;
    }
  }
}

struct adm *adm_fixture_master(int n_objects, int n_blocks, int64_t n_frames) {
  const struct adm_shape shape = {ADM_DOLBY, "7.1.2", n_objects, 48000, n_frames};
  struct failure why = {0};
  struct adm *adm;
  if (adm_make(&shape, &adm, &why)) fail_msg("%s", why.text);
  const int effects = adm_add(adm, ADM_CONTENTS);
  adm->contents[effects].name = adm_text(adm, "Effects & <more>");
  adm_list_add(&adm->programmes[0].contents, effects);
  for (int i = 0; i < n_objects; i++) {
    const struct adm_object *o = &adm->objects[1 + i];
    if (i == n_objects - 1) { /* the last object's content */
      adm->contents[0].objects.n--;
      adm_list_add(&adm->contents[effects].objects, 1 + i);
    }
    move(&adm->channels[adm->tracks[o->tracks.items[0]].channel], i, n_blocks);
  }
  memcpy(adm->dbmd.tool, "a tool", 7);
  for (int i = 0; i < adm->dbmd.n_tracks; i++)
    adm->dbmd.binaural[i] = (uint8_t)(i == 3 ? 0x80 : i % 3 + 1);
  adm->dbmd.trims[1] = (struct dbmd_trim){false, -1.5f, 0, -3, {0, 0}};
  return adm;
}

void adm_fixture_write_chunks(const char *path, const struct adm_chunks *chunks,
                              enum adm_flavour flavour, const struct riff_format *format,
                              int64_t n_frames, uint64_t seed, int64_t most_bytes) {
  struct riff_layout layout = adm_layout(chunks, flavour, format, n_frames);
  struct riff_writer writer;
  struct failure why = {0};
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  layout.most_bytes = most_bytes;
  assert_true(fd >= 0);
  enum status status = riff_begin(&writer, fd, path, &layout, &why);
  if (!seed && !status) status = riff_silence(&writer, n_frames, &why);
  const int64_t n_bytes = seed ? n_frames * format->channels * format->bits / 8 : 0;
  for (int64_t done = 0, n; done < n_bytes && !status; done += n) {
    unsigned char bytes[4096];
    n = n_bytes - done < 4096 ? n_bytes - done : 4096;
    for (int64_t i = 0; i < n; i++) bytes[i] = (unsigned char)fixture_random(&seed);
    status = riff_samples(&writer, bytes, (size_t)n, &why);
  }
  if (!status) status = riff_end(&writer, &why);
  if (status) fail_msg("%s", why.text);
  assert_int_equal(lseek(fd, 0, SEEK_END), riff_bytes(&layout, NULL));
  assert_int_equal(close(fd), 0);
}

void adm_fixture_write(const char *path, const struct adm *adm, enum adm_flavour flavour,
                       int64_t n_frames, uint64_t seed) {
  struct riff_format format = adm_fixture_format;
  struct adm_chunks chunks;
  struct failure why = {0};
  format.channels = adm->n_tracks;
  if (adm_write(adm, flavour, path, &format, n_frames, &chunks, &why)) fail_msg("%s", why.text);
  adm_fixture_write_chunks(path, &chunks, flavour, &format, n_frames, seed, RIFF_MOST_BYTES);
  adm_chunks_free(&chunks);
}

struct adm_fixture_file adm_fixture_read(const char *path) {
  struct adm_fixture_file f = {0};
  struct failure why = {0};
  if (riff_open(path, &f.file, &why) || adm_chunks_load(&f.file, &f.chunks, &why) ||
      adm_read(&f.chunks, &f.file, &f.adm, &why))
    fail_msg("%s", why.text);
  return f;
}

void adm_fixture_free(struct adm_fixture_file *f) {
  adm_destroy(&f->adm);
  adm_chunks_free(&f->chunks);
  riff_close(&f->file);
}

void adm_fixture_expect_profile(const char *path) {
  const struct fixture_bytes bytes = fixture_load(path);
  struct profile_report report;
  profile_check(bytes.data, bytes.size, &report);
  if (report.n)
    fail_msg("%s: %s: %s", path, report.findings[0].rule, report.findings[0].text);
  free(bytes.data);
}

static uint32_t le32(const unsigned char *b) {
  return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}
static void put32(unsigned char *b, uint32_t value) {
  for (int i = 0; i < 4; i++) b[i] = (unsigned char)(value >> 8 * i);
}

size_t adm_fixture_chunk(struct fixture_bytes file, const char *id) {
  size_t at = 12;
  while (at + 8 <= file.size && memcmp(file.data + at, id, 4)) {
    at += 8 + le32(file.data + at + 4);
    at += at & 1;
  }
  if (at + 8 > file.size) fail_msg("no chunk %s", id);
  return at;
}

static size_t find(struct fixture_bytes file, const struct adm_edit *edit) {
  const size_t n = strlen(edit->from);
  int left = edit->n;
  for (size_t i = adm_fixture_chunk(file, "axml"); i + n <= file.size; i++)
    if (!memcmp(file.data + i, edit->from, n) && !left--) return i;
  fail_msg("%s stands fewer than %d times in the file", edit->from, edit->n + 1);
  return 0;
}

struct fixture_bytes adm_fixture_edit(struct fixture_bytes file, const struct adm_edit *edit) {
  const size_t at = find(file, edit), axml = adm_fixture_chunk(file, "axml");
  const size_t old_size = le32(file.data + axml + 4), old_end = axml + 8 + old_size;
  const size_t from = strlen(edit->from), to = strlen(edit->to);
  assert_true(at + from <= old_end);
  struct fixture_bytes out = {calloc(file.size + to + 4, 1), 0};
  assert_non_null(out.data);
  memcpy(out.data, file.data, at);
  memcpy(out.data + at, edit->to, to);
  memcpy(out.data + at + to, file.data + at + from, old_end - at - from);
  out.size = old_end - from + to;
  put32(out.data + axml + 4, (uint32_t)(old_size - from + to));
  out.size += out.size & 1;
  const size_t rest = old_end + (old_end & 1);
  memcpy(out.data + out.size, file.data + rest, file.size - rest);
  out.size += file.size - rest;
  put32(out.data + 4, (uint32_t)(out.size - 8));
  free(file.data);
  return out;
}

void adm_fixture_expect_same_model(const struct adm *a, const struct adm *b) {
  assert_int_equal(a->n_programmes, b->n_programmes);
  assert_string_equal(a->programmes[0].name, b->programmes[0].name);
  assert_int_equal(a->n_contents, b->n_contents);
  for (int i = 0; i < a->n_contents; i++) {
    assert_string_equal(a->contents[i].name, b->contents[i].name);
    assert_int_equal(a->contents[i].dialogue, b->contents[i].dialogue);
    assert_int_equal(a->contents[i].objects.n, b->contents[i].objects.n);
    for (int k = 0; k < a->contents[i].objects.n; k++)
      assert_int_equal(a->contents[i].objects.items[k], b->contents[i].objects.items[k]);
  }
  assert_int_equal(a->n_objects, b->n_objects);
  for (int i = 0; i < a->n_objects; i++) {
    assert_string_equal(a->objects[i].id, b->objects[i].id);
    assert_string_equal(a->objects[i].name, b->objects[i].name);
  }
  assert_int_equal(a->n_channels, b->n_channels);
  for (int i = 0; i < a->n_channels; i++) {
    const struct adm_channel *x = &a->channels[i], *y = &b->channels[i];
    assert_string_equal(x->id, y->id);
    assert_string_equal(x->name, y->name);
    assert_string_equal(x->label, y->label);
    assert_int_equal(x->n_blocks, y->n_blocks);
    for (int k = 0; k < x->n_blocks; k++) {
      struct adm_block p = x->blocks[k], q = y->blocks[k];
      p.duration = q.duration = (struct adm_time){0, 0};
      assert_int_equal(p.has, q.has);
      assert_int_equal(p.rtime.n, q.rtime.n);
      assert_int_equal(p.zones, q.zones);
      assert_int_equal(p.importance, q.importance);
      assert_true(p.width == q.width && p.diffuse == q.diffuse && p.lock == q.lock);
      assert_true(p.interpolation_s == q.interpolation_s && p.jump == q.jump);
      assert_true(p.gain == q.gain);
      for (int d = 0; d < 3; d++) assert_true(p.position[d] == q.position[d]);
    }
  }
}

void adm_fixture_expect_same_dbmd(const struct adm_fixture_file *a,
                                  const struct adm_fixture_file *b) {
  unsigned char *bytes[2];
  size_t size[2];
  struct dbmd of[2] = {a->adm->dbmd, b->adm->dbmd};
  for (int i = 0; i < 2; i++) {
    memset(of[i].tool, 0, sizeof of[i].tool);
    memset(of[i].version, 0, sizeof of[i].version);
    bytes[i] = dbmd_write(&of[i], &size[i]);
  }
  assert_int_equal(size[0], size[1]);
  assert_memory_equal(bytes[0], bytes[1], size[0]);
  free(bytes[0]);
  free(bytes[1]);
}
