/* SPDX-License-Identifier: MIT
 * Generated audio, hand-made files and scratch folders for the tests. Everything
 * aborts the test program when the machine itself fails (no memory, no disk). */
#ifndef LACQUER_AUDIO_FIXTURE_H
#define LACQUER_AUDIO_FIXTURE_H
#include <stddef.h>
#include <stdint.h>

/* splitmix64: the next of a sequence that the start value alone decides. */
uint64_t fixture_random(uint64_t *state);

struct fixture_shape {
  int rate_hz, channels;
  int32_t n_frames;
  int bits; /* 16, 24 or 32: the low 32 - bits bits of every sample are 0 */
};
/* Interleaved, left-justified samples; the caller frees. The same on every machine: no
 * libm. Noise: every word equally likely, the first frames hold the extremes. */
int32_t *fixture_noise(const struct fixture_shape *shape, uint64_t seed);
/* Programme: notes with decay over three octaves, drum-like bursts, a quiet middle;
 * channels differ; peaks near -3 dBFS. */
int32_t *fixture_programme(const struct fixture_shape *shape, uint64_t seed);

/* Writes samples with libsndfile. sf_format: e.g. SF_FORMAT_FLAC | SF_FORMAT_PCM_16. */
void fixture_write(const char *path, int sf_format, const struct fixture_shape *shape,
                   const int32_t *pcm);

struct fixture_bytes {
  unsigned char *data; /* owned: free() */
  size_t size;
};
struct fixture_bytes fixture_load(const char *path);
void fixture_save(const char *path, const void *data, size_t size);

/* A WAV file made by hand, field by field. */
struct fixture_wave {
  int format_tag; /* 1 integer, 3 float, others as they are */
  int channels, rate_hz, bits;
  const void *samples; /* little-endian, as in the file */
  size_t n_bytes;
  uint32_t claimed;    /* the data chunk's size field; 0: n_bytes */
};
struct fixture_bytes fixture_wave(const struct fixture_wave *wave);

/* A new empty folder under TMPDIR; the caller gives it to fixture_folder_remove. */
char *fixture_folder(void);
void fixture_folder_remove(char *folder); /* with everything in it; frees */
int fixture_count_files(const char *folder); /* entries besides . and .. */
/* "<folder>/<name>" in one of eight static buffers, for single-threaded use. */
const char *fixture_path(const char *folder, const char *name);
#endif
