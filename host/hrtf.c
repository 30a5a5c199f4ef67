/* SPDX-License-Identifier: MIT
 * See hrtf.h. */
#include "hrtf.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hrtf_child.h"
#include "memory.h"
#include "utf8.h"

#define DEFAULT_PATH "/usr/share/libmysofa/default.sofa"

char *hrtf_path(const struct manifest *m, const struct variant *v) {
  if (!fold_is_binaural(&v->fold)) return NULL;
  if (!v->binaural.hrtf) return memory_text(DEFAULT_PATH, strlen(DEFAULT_PATH));
  return manifest_beside(m->path, v->binaural.hrtf);
}

double hrtf_largest_angle(const struct hrtf *hrtf, const struct layout *layout) {
  double most = 0;
  for (int c = 0; c < layout->channels; c++) {
    const struct speaker *s = layout->speaker[c];
    if (s->group == GROUP_LFE) continue;
    most = fmax(most, hrir_distance(&hrtf->set, hrir_nearest(&hrtf->set, s), s));
  }
  return 2 * asin(fmin(1, sqrt(most) / 2)) * (180 / 3.14159265358979323846);
}

void hrtf_destroy(struct hrtf **hrtf) {
  if (!*hrtf) return;
  hrir_free(&(*hrtf)->set);
  free((*hrtf)->path);
  free(*hrtf);
  *hrtf = NULL;
}

/* ---- the file ---- */

struct bytes {
  char *data;
  size_t size;
};

static bool read_all(int from, void *to, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t n = read(from, (char *)to + done, size - done);
    if (n == 0 || (n < 0 && errno != EINTR)) return false;
    if (n > 0) done += (size_t)n;
  }
  return true;
}

static enum status load(const char *path, struct bytes *out, struct failure *why) {
  enum { MOST_BYTES = 256 << 20 };
  struct stat s;
  const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  enum status status = STATUS_OK;
  if (file < 0 || fstat(file, &s))
    status = fail(why, STATUS_NO_INPUT, "%s: cannot be opened: %s%s", path, strerror(errno),
                  strcmp(path, DEFAULT_PATH) ? ""
                      : " (the default set of head-related impulse responses, which Debian's "
                        "libmysofa1 installs; or name a SOFA file as \"hrtf\")");
  else if (!S_ISREG(s.st_mode) || s.st_size > MOST_BYTES)
    status = fail(why, STATUS_BAD_DATA, "%s: is no file of up to 256 MiB", path);
  if (!status && !(out->data = malloc((size_t)s.st_size + 1)))
    status = fail(why, STATUS_AGAIN, "%s: out of memory", path);
  if (!status && !read_all(file, out->data, (size_t)s.st_size))
    status = fail(why, STATUS_IO, "%s: cannot be read whole", path);
  if (!status) out->size = (size_t)s.st_size;
  if (file >= 0) close(file);
  return status;
}

/* ---- what the child says ---- */

/* NULL: sound. */
static const char *fault_of(const struct hrir_set *set) {
  const float *h = set->taps;
  for (int i = 0; i < 2 * set->n_directions; i++) {
    float most = 0;
    for (int k = 0; k < set->n_taps; k++, h++) {
      if (!(fabsf(*h) <= 1000)) return "a value of Data.IR is not finite, or above 1000";
      if (fabsf(*h) > most) most = fabsf(*h);
    }
    if (most == 0) return "an impulse response of Data.IR is all zero";
  }
  for (int d = 0; d < set->n_directions; d++) {
    const double *v = set->direction[d];
    if (!(fabs(v[0] * v[0] + v[1] * v[1] + v[2] * v[2] - 1) < 1e-6))
      return "a SourcePosition has no direction";
    for (int ear = 0; ear < 2; ear++)
      if (!(set->delay[d][ear] >= 0 && set->delay[d][ear] <= HRIR_MAX_DELAY))
        return "a Data.Delay is not within 0 .. 8192 frames";
  }
  return NULL;
}

static void copy_text(const char from[HRTF_TEXT], char to[HRTF_TEXT]) {
  size_t n = 0;
  for (size_t i = 0, step; i < HRTF_TEXT - 1 && from[i]; i += step) {
    uint32_t code;
    step = utf8_decode(from + i, HRTF_TEXT - 1 - i, &code);
    if (!step || code < 0x20 || (code >= 0x7f && code < 0xa0)) {
      step = step ? step : 1;
      to[n++] = '?';
      continue;
    }
    memcpy(to + n, from + i, step);
    n += step;
  }
  to[n] = 0;
}

static enum status receive(int from, struct hrtf *out, struct failure *why) {
  struct hrtf_reply r;
  struct hrir_set *set = &out->set;
  if (!read_all(from, &r, sizeof r))
    return fail(why, STATUS_BAD_DATA, "%s: damaged, or no SOFA file: libmysofa came to grief",
                out->path);
  r.fault[HRTF_TEXT - 1] = 0;
  if (*r.fault) {
    char fault[HRTF_TEXT];
    copy_text(r.fault, fault);
    return fail(why, STATUS_BAD_DATA, "%s: %s", out->path, fault);
  }
  if (!hrtf_reply_is_sound(&r)) return fail(why, STATUS_BAD_DATA, "%s: damaged", out->path);
  const size_t n = (size_t)r.n_directions, taps = 2 * n * (size_t)r.n_taps;
  *set = (struct hrir_set){.rate_hz = r.rate_hz, .n_taps = r.n_taps,
                           .n_directions = r.n_directions,
                           .direction = malloc(n * sizeof *set->direction),
                           .delay = malloc(n * sizeof *set->delay),
                           .taps = malloc(taps * sizeof *set->taps)};
  if (!set->direction || !set->delay || !set->taps)
    return fail(why, STATUS_AGAIN, "%s: out of memory", out->path);
  if (!read_all(from, set->direction, n * sizeof *set->direction) ||
      !read_all(from, set->delay, n * sizeof *set->delay) ||
      !read_all(from, set->taps, taps * sizeof *set->taps))
    return fail(why, STATUS_BAD_DATA, "%s: damaged: libmysofa came to grief", out->path);
  copy_text(r.title, out->title);
  copy_text(r.license, out->license);
  const char *fault = fault_of(set);
  return fault ? fail(why, STATUS_BAD_DATA, "%s: %s", out->path, fault) : STATUS_OK;
}

static enum status parse(const struct bytes *bytes, struct hrtf *out, struct failure *why) {
  int ends[2], result;
  if (pipe(ends)) return fail(why, STATUS_AGAIN, "%s: no pipe: %s", out->path, strerror(errno));
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    hrtf_child(bytes->data, bytes->size, ends[1]);
    _exit(0);
  }
  close(ends[1]);
  enum status status = child < 0 ? fail(why, STATUS_AGAIN, "%s: no process to read it: %s",
                                        out->path, strerror(errno))
                                 : receive(ends[0], out, why);
  close(ends[0]);
  while (child > 0 && waitpid(child, &result, 0) < 0 && errno == EINTR) {}
  return status;
}

enum status hrtf_read(const char *path, struct hrtf **out, struct failure *why) {
  struct bytes bytes = {0};
  struct hrtf *hrtf = memory_new(1, sizeof *hrtf);
  hrtf->path = memory_text(path, strlen(path));
  enum status status = load(path, &bytes, why);
  if (!status && hash_bytes(bytes.data, bytes.size, hrtf->sha256))
    status = fail(why, STATUS_AGAIN, "%s: out of memory", path);
  if (!status) status = parse(&bytes, hrtf, why);
  free(bytes.data);
  if (status) hrtf_destroy(&hrtf);
  *out = hrtf;
  return status;
}
