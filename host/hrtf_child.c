/* SPDX-License-Identifier: MIT
 * See hrtf_child.h. */
#define _GNU_SOURCE /* RLIMIT_DATA */
#include "hrtf_child.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <mysofa.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "detmath.h"
#include "hrir.h"

bool hrtf_reply_is_sound(const struct hrtf_reply *r) {
  const int64_t most_floats = 64 << 20;
  return r->rate_hz >= 8000 && r->rate_hz <= 192000 && r->n_taps >= 1 &&
         r->n_taps <= HRIR_MAX_TAPS && r->n_directions >= 1 &&
         r->n_directions <= HRIR_MAX_DIRECTIONS &&
         2 * (int64_t)r->n_taps * r->n_directions <= most_floats;
}

/* ---- limits ---- */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED
#endif

static void limit(int what, rlim_t most) {
  const struct rlimit limit = {most, most};
  (void)setrlimit(what, &limit);
}

/* Memory, time, no core file, nothing on the terminal. A sanitiser maps more than any limit. */
static void confine(void) {
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
#ifndef SANITIZED
  limit(RLIMIT_DATA, (rlim_t)2 << 30);
#endif
  limit(RLIMIT_CPU, 30);
  limit(RLIMIT_CORE, 0);
  if (nowhere >= 0) (void)dup2(nowhere, STDERR_FILENO), (void)dup2(nowhere, STDOUT_FILENO);
  static const int signals[] = {SIGINT, SIGTERM, SIGUSR1, SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_DFL);
}

/* ---- writing ---- */

static void put(int to, const void *data, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t n = write(to, (const char *)data + done, size - done);
    if (n < 0 && errno != EINTR) _exit(1);
    if (n > 0) done += (size_t)n;
  }
}

static const char *text_of(const struct MYSOFA_ATTRIBUTE *a, const char *name) {
  for (; a; a = a->next)
    if (a->name && a->value && !strcmp(a->name, name)) return a->value;
  return "";
}

static const char *type_of(const struct MYSOFA_HRTF *h) {
  return text_of(h->SourcePosition.attributes, "Type");
}

static bool is_cartesian(const struct MYSOFA_HRTF *h) { return !strcmp(type_of(h), "cartesian"); }

/* The title, or what else tells the set from others. */
static void put_texts(const struct MYSOFA_HRTF *h, struct hrtf_reply *r) {
  const char *title = text_of(h->attributes, "Title");
  const char *database = text_of(h->attributes, "DatabaseName");
  const char *listener = text_of(h->attributes, "ListenerShortName");
  if (*title) snprintf(r->title, sizeof r->title, "%s", title);
  else
    snprintf(r->title, sizeof r->title, "%.79s%s%.79s", database,
             *database && *listener ? ", " : "", listener);
  snprintf(r->license, sizeof r->license, "%s", text_of(h->attributes, "License"));
}

/* x ahead, y to the left, z up. */
static void put_directions(const struct MYSOFA_HRTF *h, int to) {
  for (unsigned m = 0; m < h->M; m++) {
    const float *p = h->SourcePosition.values + 3 * (size_t)m;
    double v[3] = {p[0], p[1], p[2]};
    if (is_cartesian(h)) {
      const double length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
      for (int i = 0; i < 3; i++) v[i] /= length;
    } else {
      const double turn = p[0] / 180.0, rise = p[1] / 180.0;
      v[0] = det_cospi(rise) * det_cospi(turn);
      v[1] = det_cospi(rise) * det_sinpi(turn);
      v[2] = det_sinpi(rise);
    }
    put(to, v, sizeof v);
  }
}

/* The first receiver is the left ear: mysofa_check lets a file that says otherwise pass only if
 * the program that wrote it was known to mix the positions up, and not the responses. */
static void put_responses(const struct MYSOFA_HRTF *h, int to) {
  const struct MYSOFA_ARRAY *delay = &h->DataDelay;
  for (unsigned m = 0; m < h->M; m++) {
    const size_t at = delay->elements > 2 ? 2 * (size_t)m : 0;
    double both[2] = {0};
    for (int ear = 0; ear < 2 && delay->elements; ear++)
      both[ear] = delay->values[at + (size_t)ear];
    put(to, both, sizeof both);
  }
  put(to, h->DataIR.values, h->DataIR.elements * sizeof *h->DataIR.values);
}

/* ---- checking ---- */

static const char *fault_of_code(int code) {
  switch (code) {
  case MYSOFA_OK: return NULL;
  case MYSOFA_NO_MEMORY: return "damaged: it asks for too much memory";
  case MYSOFA_READ_ERROR: return "damaged: it ends too early";
  case MYSOFA_INVALID_FORMAT: return "no SOFA file, or damaged";
  case MYSOFA_UNSUPPORTED_FORMAT: return "no SOFA file, or a form of HDF5 that libmysofa lacks";
  default:
    return "not what is wanted (accepted: SOFA convention SimpleFreeFieldHRIR, data type FIR, a "
           "listener at rest who looks along x)";
  }
}

static const char *fault_of(const struct MYSOFA_HRTF *h, const struct hrtf_reply *r) {
  const size_t m = h->M, n = h->N;
  if (h->R != 2) return "it has not two receivers (accepted: the two ears)";
  if (h->DataSamplingRate.elements < 1) return "it has no Data.SamplingRate";
  if (!hrtf_reply_is_sound(r))
    return "its sizes are out of range (accepted: 1 .. 65536 directions, 1 .. 8192 taps, "
           "8000 .. 192000 Hz)";
  if (h->SourcePosition.elements != 3 * m || h->DataIR.elements != 2 * m * n)
    return "damaged: its arrays are not as long as its dimensions say";
  if (h->DataDelay.elements != 0 && h->DataDelay.elements != 2 &&
      h->DataDelay.elements != 2 * m)
    return "damaged: Data.Delay is not as long as its dimensions say";
  if (!is_cartesian(h) && strcmp(type_of(h), "spherical"))
    return "SourcePosition is of another type (accepted: spherical, cartesian)";
  return NULL;
}

static int rate_of(const struct MYSOFA_HRTF *h) {
  const double rate = h->DataSamplingRate.elements ? h->DataSamplingRate.values[0] : 0;
  return rate >= 1 && rate <= 1e6 ? (int)(rate + 0.5) : 0;
}

void hrtf_child(const char *bytes, size_t size, int to) {
  struct hrtf_reply r = {0};
  int code = MYSOFA_OK;
  confine();
  struct MYSOFA_HRTF *h = mysofa_load_data(bytes, size, &code);
  if (!h && code == MYSOFA_OK) code = MYSOFA_INVALID_FORMAT;
  if (h) code = mysofa_check(h);
  const char *fault = fault_of_code(code);
  if (!fault) {
    r.rate_hz = rate_of(h);
    r.n_taps = h->N <= HRIR_MAX_TAPS ? (int32_t)h->N : 0;
    r.n_directions = h->M <= HRIR_MAX_DIRECTIONS ? (int32_t)h->M : 0;
    fault = fault_of(h, &r);
  }
  if (fault) {
    snprintf(r.fault, sizeof r.fault, "%s", fault);
    put(to, &r, sizeof r);
    return;
  }
  put_texts(h, &r);
  put(to, &r, sizeof r);
  put_directions(h, to);
  put_responses(h, to);
}
