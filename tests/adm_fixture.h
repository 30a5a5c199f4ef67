/* SPDX-License-Identifier: MIT
 * Immersive masters for the tests: made, written, and their bytes changed. Everything here
 * fails the test when it cannot do its work. */
#ifndef LACQUER_ADM_FIXTURE_H
#define LACQUER_ADM_FIXTURE_H
#include "adm.h"
#include "audio_fixture.h"

/* A 7.1.2 bed and objects that move: n_blocks blocks each, 512 frames apart, the last one to
 * the end; the first object has sizes, the second a zone, a gain, an importance. Two contents.
 * Every track has a binaural mode. */
struct adm *adm_fixture_master(int n_objects, int n_blocks, int64_t n_frames);
extern const struct riff_format adm_fixture_format; /* 24 bits, 48 kHz; channels: to be set */

/* Writes chunks and noise of a seed; seed 0: silence. Beyond most_bytes in the large form. */
void adm_fixture_write_chunks(const char *path, const struct adm_chunks *chunks,
                              enum adm_flavour flavour, const struct riff_format *format,
                              int64_t n_frames, uint64_t seed, int64_t most_bytes);
/* A model, with as many channels as it has tracks. */
void adm_fixture_write(const char *path, const struct adm *adm, enum adm_flavour flavour,
                       int64_t n_frames, uint64_t seed);

struct adm_fixture_file { /* read back */
  struct riff_file file;
  struct adm_chunks chunks;
  struct adm *adm;
};
struct adm_fixture_file adm_fixture_read(const char *path);
void adm_fixture_free(struct adm_fixture_file *file);

/* axml without what a writer chooses freely: the durations of blocks, which tile. */
void adm_fixture_expect_same_model(const struct adm *a, const struct adm *b);
/* dbmd without the tool that wrote it. */
void adm_fixture_expect_same_dbmd(const struct adm_fixture_file *a,
                                  const struct adm_fixture_file *b);

/* By the tests' own reader of the Dolby profile. */
void adm_fixture_expect_profile(const char *path);

/* The bytes with `from` (the n-th one, from 0) replaced by `to`; where it lies in a chunk, the
 * sizes of chunk and file follow. Fails when it is not there. Frees the old bytes. */
struct adm_edit {
  const char *from, *to;
  int n;
};
struct fixture_bytes adm_fixture_edit(struct fixture_bytes file, const struct adm_edit *edit);
/* Where a chunk begins (its name); fails when there is none. */
size_t adm_fixture_chunk(struct fixture_bytes file, const char *id);
#endif
