/* SPDX-License-Identifier: MIT
 * See cli_fixture.h. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- running ---- */

enum { MOST_SECONDS = 300 };
static long most_bytes;

void run_limit_files(long bytes) { most_bytes = bytes; }

static char *take_text(FILE *file) {
  size_t size = 0;
  rewind(file);
  char *text = calloc(1, 1);
  for (int c; (c = getc(file)) != EOF;) {
    if (!(size & (size + 1))) text = realloc(text, 2 * size + 2);
    assert_non_null(text);
    text[size++] = (char)c;
    text[size] = 0;
  }
  fclose(file);
  return text;
}

static void become(const char *const argv[], FILE *in, FILE *out, FILE *err) {
  const struct rlimit limit = {(rlim_t)most_bytes, (rlim_t)most_bytes};
  if (dup2(fileno(in), 0) < 0 || dup2(fileno(out), 1) < 0 || dup2(fileno(err), 2) < 0) _exit(127);
  if (most_bytes && setrlimit(RLIMIT_FSIZE, &limit)) _exit(127);
  alarm(MOST_SECONDS);
  execv(argv[0], (char *const *)(uintptr_t)argv);
  _exit(127);
}

struct program_run run_words(const char *const argv[]) {
  FILE *in = tmpfile(), *out = tmpfile(), *err = tmpfile();
  struct program_run run = {0};
  int status;
  assert_true(in && out && err && fputs("text that nobody reads\n", in) >= 0);
  rewind(in);
  fflush(NULL);
  const pid_t child = fork();
  assert_true(child >= 0);
  if (!child) become(argv, in, out, err);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(lseek(fileno(in), 0, SEEK_CUR), 0); /* shared with the child */
  fclose(in);
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  run.out = take_text(out);
  run.err = take_text(err);
  return run;
}

void run_free(struct program_run *run) {
  free(run->out);
  free(run->err);
  *run = (struct program_run){0};
}

void expect_words(struct program_run run, int status, const char *const words[]) {
  if (run.status != status)
    fail_msg("exit status %d, expected %d; messages:\n%s", run.status, status, run.err);
  for (int i = 0; words[i]; i++)
    if (!strstr(run.err, words[i])) fail_msg("\"%s\" is not in:\n%s", words[i], run.err);
  run_free(&run);
}

void expect_status(struct program_run run, int status) {
  expect_words(run, status, (const char *const[]){NULL});
}

int count_lines(const char *text) {
  int n = 0;
  for (; *text; text++) n += *text == '\n';
  return n;
}

bool cli_has_device(const char *program) {
  struct program_run run = run_words((const char *const[]){program, "devices", "--json", NULL});
  json_t *device = cli_json_line(run.out, 0);
  const json_t *index = json_object_get(device, "index");
  const json_t *test = json_object_get(device, "self_test");
  const bool usable = json_is_integer(index) && strstr(json_string_value(test), "passed");
  if (!usable)
    printf("SKIP: no Vulkan device passes its self-test: %s %s\n", run.err,
           json_is_string(test) ? json_string_value(test) : "");
  json_decref(device);
  run_free(&run);
  return usable;
}

/* ---- inputs ---- */

static int bits_of(int sf_format) {
  const int subtype = sf_format & SF_FORMAT_SUBMASK;
  return subtype == SF_FORMAT_PCM_16 ? 16 : 24; /* float: 24 bits are exact */
}

void cli_sound(const char *folder, const struct cli_sound *sound) {
  const struct fixture_shape shape = {sound->rate_hz, sound->channels, sound->n_frames,
                                      bits_of(sound->sf_format)};
  int32_t *pcm = fixture_programme(&shape, sound->seed);
  fixture_write(fixture_path(folder, sound->name), sound->sf_format, &shape, pcm);
  free(pcm);
}

void cli_text(const char *folder, const char *name, const char *format, ...) {
  va_list args;
  FILE *file = fopen(fixture_path(folder, name), "w");
  assert_non_null(file);
  va_start(args, format);
  assert_true(vfprintf(file, format, args) >= 0);
  va_end(args);
  assert_int_equal(fclose(file), 0);
}

static const char catalogue_head[] =
    "lacquer: 1\n"
    "catalogue: {title: Northern Lights, artist: The Example Choir, year: 2026}\n"
    "output: \"{variant}/{source}.{ext}\"\n"
    "chains:\n"
    "  house:\n"
    "    - eq: {bands: [{type: highpass, freq: 30, slope: 12}, {type: bell, freq: 300, gain: -2},\n"
    "                   {type: high_shelf, freq: 10000, gain: 2, target: side}]}\n"
    "    - multiband: {crossovers: [200, 2000], bands: [{threshold: -28, ratio: 2},\n"
    "                  {threshold: -28, ratio: 2}, {threshold: -34, ratio: 2}]}\n"
    "  bright:\n"
    "    - eq: {bands: [{type: high_shelf, freq: 8000, gain: 1.5}]}\n"
    "variants:\n"
    "  streaming: {loudness: -14, true_peak: -1, format: wav, bits: 24}\n"
    "  cd: {loudness: -9, true_peak: -0.3, format: aiff, bits: 16}\n"
    "  archive: {format: flac, bits: 24}\n"
    "defaults: {chain: house}\n"
    "tracks:\n";

void cli_catalogue(const char *folder) {
  static const struct cli_sound sounds[CLI_TRACKS] = {
      {"one.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 24000, 1},
      {"two.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 44100, 2, 20001, 2},
      {"three.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_24, 44100, 2, 30721, 3},
      {"four.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 96000, 1, 45000, 4},
  };
  static const char *const lines[CLI_TRACKS] = {
      "  - {source: one.wav, number: 1, title: Dawn, isrc: QZABC2600001}\n",
      "  - {source: two.flac, number: 2, title: Noon, isrc: QZABC2600002}\n",
      "  - {source: three.aiff, number: 3, title: Dusk}\n",
      "  - {source: four.wav, number: 4, title: Night, chain: bright}\n",
  };
  for (int i = 0; i < CLI_TRACKS; i++) cli_sound(folder, &sounds[i]);
  cli_text(folder, "m.yaml", "%s%s%s%s%s", catalogue_head, lines[0], lines[1], lines[2], lines[3]);
  cli_text(folder, "reversed.yaml", "%s%s%s%s%s", catalogue_head, lines[3], lines[2], lines[1],
           lines[0]);
}

/* ---- results ---- */

bool cli_exists(const char *folder, const char *name) {
  return access(fixture_path(folder, name), F_OK) == 0;
}

char *cli_read(const char *folder, const char *name) {
  if (!cli_exists(folder, name)) fail_msg("%s/%s is not there", folder, name);
  struct fixture_bytes bytes = fixture_load(fixture_path(folder, name));
  bytes.data[bytes.size] = 0;
  return (char *)bytes.data;
}

json_t *cli_json(const char *folder, const char *name) {
  char *text = cli_read(folder, name);
  json_error_t error;
  json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  if (!value) fail_msg("%s/%s:%d: %s", folder, name, error.line, error.text);
  free(text);
  return value;
}

json_t *cli_json_line(const char *text, int n) {
  json_error_t error;
  while (n-- && (text = strchr(text, '\n'))) text++;
  if (!text) fail_msg("too few lines of JSON");
  json_t *value = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &error);
  const char *end = strchr(text, '\n');
  if (!value || !end || text + error.position != end) fail_msg("no line of JSON: %.300s", text);
  return value;
}

json_t *cli_receipt(const char *folder, const char *name) {
  char file[512];
  snprintf(file, sizeof file, "%s.receipt.json", name);
  return cli_json(folder, file);
}

char *cli_receipt_text(const char *folder, const char *name, const char *group,
                       const char *field) {
  json_t *receipt = cli_receipt(folder, name);
  const json_t *value = json_object_get(json_object_get(receipt, group), field);
  assert_true(json_is_string(value));
  char *text = strdup(json_string_value(value));
  json_decref(receipt);
  return text;
}

void cli_pcm_hash(const char *path, char sha256[HASH_TEXT_SIZE]) {
  SF_INFO info = {0};
  SNDFILE *file = sf_open(path, SFM_READ, &info);
  if (!file) fail_msg("%s does not decode: %s", path, sf_strerror(NULL));
  const bool is_float = (info.format & SF_FORMAT_SUBMASK) == SF_FORMAT_FLOAT;
  const int bits = is_float ? 32 : bits_of(info.format);
  const size_t n = (size_t)info.frames * (size_t)info.channels;
  int *pcm = malloc(n * sizeof *pcm);
  unsigned char *packed = malloc(4 * n);
  size_t size = 0;
  assert_true(pcm && packed);
  if (is_float)
    assert_int_equal(sf_readf_float(file, (float *)(void *)pcm, info.frames), info.frames);
  else
    assert_int_equal(sf_readf_int(file, pcm, info.frames), info.frames);
  for (size_t i = 0; i < n; i++)
    for (int byte = 4 - bits / 8; byte < 4; byte++)
      packed[size++] = (unsigned char)((unsigned)pcm[i] >> 8 * byte);
  assert_int_equal(hash_bytes(packed, size, sha256), 0);
  sf_close(file);
  free(packed);
  free(pcm);
}

/* ---- over all files of a folder ---- */

typedef void visit_file(const char *path, void *context);

static void walk(const char *folder, visit_file *visit, void *context) {
  DIR *entries = opendir(folder);
  if (!entries) return;
  for (struct dirent *entry; (entry = readdir(entries));) {
    char path[4096];
    struct stat info;
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    assert_true(snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path);
    assert_int_equal(lstat(path, &info), 0);
    if (S_ISDIR(info.st_mode)) walk(path, visit, context);
    else visit(path, context);
  }
  closedir(entries);
}

static bool ends_in(const char *path, const char *ending) {
  const size_t n = strlen(path), m = strlen(ending);
  return n >= m && !strcmp(path + n - m, ending);
}

struct tally {
  const char *folder, *other, *ending;
  int n;
};

static void count_one(const char *path, void *context) {
  struct tally *tally = context;
  tally->n += ends_in(path, tally->ending);
}

int cli_count(const char *folder, const char *ending) {
  struct tally tally = {.ending = ending};
  walk(folder, count_one, &tally);
  return tally.n;
}

static const char receipt_ending[] = ".receipt.json";

/* The deliverable's name below the folder; NULL when the path is no receipt's. */
static char *deliverable_of(const char *path, const char *folder) {
  if (!ends_in(path, receipt_ending)) return NULL;
  const char *name = path + strlen(folder) + 1;
  return strndup(name, strlen(name) - strlen(receipt_ending));
}

static void check_receipt(const char *path, void *context) {
  struct tally *tally = context;
  char *name = deliverable_of(path, tally->folder), sha256[HASH_TEXT_SIZE];
  if (!name) return;
  char *pcm = cli_receipt_text(tally->folder, name, "deliverable", "pcm_sha256");
  cli_pcm_hash(fixture_path(tally->folder, name), sha256);
  assert_string_equal(pcm, sha256);
  free(pcm);
  pcm = cli_receipt_text(tally->folder, name, "deliverable", "file_sha256");
  assert_int_equal(hash_file(fixture_path(tally->folder, name), sha256, NULL, NULL), 0);
  assert_string_equal(pcm, sha256);
  free(pcm);
  free(name);
  tally->n++;
}

int cli_check_receipts(const char *folder) {
  struct tally tally = {.folder = folder};
  walk(folder, check_receipt, &tally);
  return tally.n;
}

static void compare_receipt(const char *path, void *context) {
  struct tally *tally = context;
  static const char *const hashes[] = {"pcm_sha256", "file_sha256"};
  char *name = deliverable_of(path, tally->folder);
  if (!name) return;
  for (int i = 0; i < 2; i++) {
    char *one = cli_receipt_text(tally->folder, name, "deliverable", hashes[i]);
    char *other = cli_receipt_text(tally->other, name, "deliverable", hashes[i]);
    if (strcmp(one, other))
      fail_msg("%s of %s: %s in %s, %s in %s", hashes[i], name, one, tally->folder, other,
               tally->other);
    free(one);
    free(other);
  }
  free(name);
  tally->n++;
}

int cli_same_bits(const char *folder, const char *reference) {
  struct tally tally = {.folder = folder, .other = reference};
  walk(folder, compare_receipt, &tally);
  return tally.n;
}
