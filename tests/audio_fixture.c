/* SPDX-License-Identifier: MIT
 * See audio_fixture.h. */
#include "audio_fixture.h"

#include <dirent.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void need(int condition, const char *what) {
  if (condition)
    return;
  perror(what);
  abort();
}

uint64_t fixture_random(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

static uint32_t kept_bits(int bits) { return UINT32_MAX << (32 - bits); }

int32_t *fixture_noise(const struct fixture_shape *shape, uint64_t seed) {
  size_t n = (size_t)shape->n_frames * (size_t)shape->channels;
  const int32_t extremes[] = {INT32_MIN, INT32_MAX, 0, -1, 1 << (32 - shape->bits)};
  int32_t *pcm = malloc(n * sizeof *pcm);
  need(pcm != NULL, "fixture_noise");
  for (size_t i = 0; i < n; i++) {
    uint32_t word = (uint32_t)(fixture_random(&seed) >> 32);
    if (i < sizeof extremes / sizeof *extremes)
      word = (uint32_t)extremes[i];
    pcm[i] = (int32_t)(word & kept_bits(shape->bits));
  }
  return pcm;
}

/* A sine within 6 %, of a phase in cycles [0, 1): two parabolas. */
static double wave_at(double phase) {
  double x = phase < 0.5 ? phase : phase - 0.5;
  double y = 16.0 * x * (0.5 - x);
  return phase < 0.5 ? y : -y;
}

int32_t *fixture_programme(const struct fixture_shape *shape, uint64_t seed) {
  static const double notes_hz[] = {55.0, 82.4, 110.0, 164.8, 220.0, 329.6, 440.0};
  size_t n = (size_t)shape->n_frames * (size_t)shape->channels;
  int32_t *pcm = malloc(n * sizeof *pcm), step = shape->rate_hz / 3;
  double phase[2] = {0.0, 0.0}, decay = 1.0 - 6.0 / shape->rate_hz, note = 0.0, drum = 0.0;
  need(pcm != NULL, "fixture_programme");
  for (int32_t i = 0; i < shape->n_frames; i++) {
    if (i % step == 0) {
      for (int c = 0; c < 2; c++)
        phase[c] = 0.0;
      note = notes_hz[fixture_random(&seed) % 7];
      drum = 1.0;
    }
    drum *= decay;
    int is_middle = 3 * (int64_t)i > shape->n_frames && 2 * (int64_t)i < shape->n_frames;
    double level = is_middle ? 0.05 : 1.0;
    for (int c = 0; c < shape->channels; c++) {
      double hiss = (double)(int32_t)(uint32_t)fixture_random(&seed) * 0x1p-31;
      double value = level * drum * (0.45 * wave_at(phase[c & 1]) + 0.25 * drum * drum * hiss);
      phase[c & 1] += note * (1.0 + 0.003 * c) / shape->rate_hz;
      phase[c & 1] -= phase[c & 1] >= 1.0;
      pcm[(size_t)i * (size_t)shape->channels + (size_t)c] =
          (int32_t)((uint32_t)(int32_t)(value * 0x1p31) & kept_bits(shape->bits));
    }
  }
  return pcm;
}

/* libsndfile writes integers to float files unscaled. */
static sf_count_t write_as_float(SNDFILE *file, const struct fixture_shape *shape,
                                 const int32_t *pcm) {
  size_t n = (size_t)shape->n_frames * (size_t)shape->channels;
  float *samples = malloc(n * sizeof *samples);
  need(samples != NULL, "fixture_write");
  for (size_t i = 0; i < n; i++)
    samples[i] = (float)pcm[i] * 0x1p-31f;
  sf_count_t done = sf_writef_float(file, samples, shape->n_frames);
  free(samples);
  return done;
}

void fixture_write(const char *path, int sf_format, const struct fixture_shape *shape,
                   const int32_t *pcm) {
  SF_INFO info = {.samplerate = shape->rate_hz, .channels = shape->channels, .format = sf_format};
  SNDFILE *file = sf_open(path, SFM_WRITE, &info);
  need(file != NULL, path);
  sf_count_t done = (sf_format & SF_FORMAT_SUBMASK) == SF_FORMAT_FLOAT
                        ? write_as_float(file, shape, pcm)
                        : sf_writef_int(file, pcm, shape->n_frames);
  need(done == shape->n_frames, path);
  need(sf_close(file) == 0, path);
}

struct fixture_bytes fixture_load(const char *path) {
  struct fixture_bytes bytes = {0};
  struct stat info;
  FILE *file = fopen(path, "rb");
  need(file && stat(path, &info) == 0, path);
  bytes.size = (size_t)info.st_size;
  bytes.data = malloc(bytes.size + 1);
  need(bytes.data && fread(bytes.data, 1, bytes.size, file) == bytes.size, path);
  fclose(file);
  return bytes;
}

void fixture_save(const char *path, const void *data, size_t size) {
  FILE *file = fopen(path, "wb");
  need(file && fwrite(data, 1, size, file) == size, path);
  need(fclose(file) == 0, path);
}

static unsigned char *put(unsigned char *to, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; i++, value >>= 8)
    *to++ = (unsigned char)value;
  return to;
}

struct fixture_bytes fixture_wave(const struct fixture_wave *wave) {
  uint32_t frame = (uint32_t)(wave->channels * wave->bits / 8), n = (uint32_t)wave->n_bytes;
  struct fixture_bytes out = {.data = malloc(44 + wave->n_bytes), .size = 44 + wave->n_bytes};
  need(out.data != NULL, "fixture_wave");
  unsigned char *to = out.data;
  memcpy(to, "RIFF", 4);
  to = put(to + 4, 36 + n, 4);
  memcpy(to, "WAVEfmt ", 8);
  to = put(to + 8, 16, 4);
  to = put(to, (uint32_t)wave->format_tag, 2);
  to = put(to, (uint32_t)wave->channels, 2);
  to = put(to, (uint32_t)wave->rate_hz, 4);
  to = put(to, frame * (uint32_t)wave->rate_hz, 4);
  to = put(to, frame, 2);
  to = put(to, (uint32_t)wave->bits, 2);
  memcpy(to, "data", 4);
  to = put(to + 4, wave->claimed ? wave->claimed : n, 4);
  if (n)
    memcpy(to, wave->samples, n);
  return out;
}

char *fixture_folder(void) {
  const char *base = getenv("TMPDIR");
  char path[4096];
  snprintf(path, sizeof path, "%s/lacquer-test-XXXXXX", base && base[0] ? base : "/tmp");
  need(mkdtemp(path) != NULL, path);
  return strdup(path);
}

static void remove_all(const char *path) {
  struct stat info;
  DIR *entries = lstat(path, &info) == 0 && S_ISDIR(info.st_mode) ? opendir(path) : NULL;
  if (entries) {
    for (struct dirent *entry; (entry = readdir(entries));) {
      char inner[4096];
      if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        continue;
      if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) < (int)sizeof inner)
        remove_all(inner);
    }
    closedir(entries);
  }
  remove(path);
}

void fixture_folder_remove(char *folder) {
  if (folder)
    remove_all(folder);
  free(folder);
}

int fixture_count_files(const char *folder) {
  DIR *entries = opendir(folder);
  int n = -2;
  need(entries != NULL, folder);
  while (readdir(entries))
    n++;
  closedir(entries);
  return n;
}

const char *fixture_path(const char *folder, const char *name) {
  static char paths[8][4096];
  static unsigned next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}
