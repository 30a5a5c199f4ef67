/* SPDX-License-Identifier: MIT
 * The program run as a user runs it, catalogues for it, and what it left behind. Everything
 * here fails the test when it cannot do its work. */
#ifndef LACQUER_CLI_FIXTURE_H
#define LACQUER_CLI_FIXTURE_H
#include <jansson.h>
#include <stdbool.h>

#include "audio_fixture.h"
#include "hash.h"

/* ---- running ---- */

struct program_run {
  int status;      /* exit status; a signal's number, negative, when one ended it */
  char *out, *err; /* owned */
};
/* Runs the program with words, and waits. Its standard input holds text, and the test
 * fails when a byte of it was read. A run of more than five minutes is ended. */
#define run_program(...) run_words((const char *const[]){LACQUER_PROGRAM, __VA_ARGS__, NULL})
struct program_run run_words(const char *const argv[]);
/* The largest file, in bytes, that further runs may write; 0: any. */
void run_limit_files(long bytes);
void run_free(struct program_run *run);

/* The status must be this one, and every word must stand in the messages; frees. */
#define expect_run(run, status, ...) \
  expect_words(run, status, (const char *const[]){__VA_ARGS__, NULL})
void expect_words(struct program_run run, int status, const char *const words[]);
/* Without words. */
void expect_status(struct program_run run, int status);
int count_lines(const char *text);
/* Whether index:0 is a Vulkan device that passes its self-test; tells when not. */
bool cli_has_device(const char *program);

/* ---- inputs ---- */

struct cli_sound {
  const char *name; /* below the folder */
  int sf_format;    /* of libsndfile; its word length is the audio's */
  int rate_hz, channels;
  int32_t n_frames;
  uint64_t seed;
};
void cli_sound(const char *folder, const struct cli_sound *sound); /* programme */
__attribute__((format(printf, 3, 4)))
void cli_text(const char *folder, const char *name, const char *format, ...);

/* Four short tracks (stereo WAV, FLAC and AIFF of different lengths and word lengths,
 * mono float) and three variants, two chains; names do not depend on the order. In
 * `folder`: m.yaml, and reversed.yaml with the tracks in the opposite order. */
enum { CLI_TRACKS = 4, CLI_VARIANTS = 3, CLI_UNITS = CLI_TRACKS * CLI_VARIANTS };
void cli_catalogue(const char *folder);

/* ---- results ---- */

bool cli_exists(const char *folder, const char *name);
char *cli_read(const char *folder, const char *name); /* as text; the caller frees */
json_t *cli_json(const char *folder, const char *name);
/* The n-th line of JSON Lines, from 0. */
json_t *cli_json_line(const char *text, int n);
json_t *cli_receipt(const char *folder, const char *name); /* of deliverable `name` */
/* A text of a receipt's group ("deliverable", "pcm_sha256"); the caller frees. */
char *cli_receipt_text(const char *folder, const char *name, const char *group,
                       const char *field);
/* SHA-256 of the decoded samples packed to the file's word length, little-endian. */
void cli_pcm_hash(const char *path, char sha256[HASH_TEXT_SIZE]);
/* Every receipt under `folder` has its file, whose samples hash to what it says; returns
 * how many there are. */
int cli_check_receipts(const char *folder);
/* Every receipt under `folder` has its like under `reference`, with equal hashes of
 * samples and file; returns how many. */
int cli_same_bits(const char *folder, const char *reference);
/* Files under `folder` whose names end in `ending`. */
int cli_count(const char *folder, const char *ending);
#endif
