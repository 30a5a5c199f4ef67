/* SPDX-License-Identifier: MIT
 * See progress.h. */
#define _DEFAULT_SOURCE /* TIOCGWINSZ */
#include "progress.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "settings.h"

enum { MAX_COLUMNS = 512, TICK_MS = 500 };

struct track_in_hand {
  int number;
  const char *title;
};
struct progress {
  enum progress_mode mode;
  FILE *out;
  double began;
  pthread_mutex_t lock; /* of all that follows, and of `out` */
  pthread_cond_t ends;
  pthread_t ticker; /* keeps the line up to date */
  bool ticks, ended, shown;
  int n_units, n_done, n_rendered, n_failed;
  double audio_seconds;
  int n_tracks;
  struct track_in_hand *tracks;
};

const char *const progress_names[] = {"auto", "line", "lines", "json", "off", NULL};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- figures ---- */

static double real_time(const struct progress *p, double seconds) {
  return seconds > 0 ? p->audio_seconds / seconds : 0;
}

/* As long per unit as so far; < 0: not known, nothing was rendered. */
static double seconds_left(const struct progress *p, double seconds) {
  return p->n_rendered ? seconds / p->n_rendered * (p->n_units - p->n_done) : -1;
}

/* ---- the line ---- */

/* Cuts the text to so many characters of UTF-8; none of them moves the cursor. */
static void cut(char *text, int columns) {
  for (; *text; text++) {
    const unsigned char c = (unsigned char)*text;
    if ((c & 0xc0) != 0x80 && columns-- == 0) {
      *text = 0;
      return;
    }
    if (c < 0x20 || c == 0x7f) *text = ' ';
  }
}

static int width(FILE *out) {
  struct winsize size = {0};
  if (ioctl(fileno(out), TIOCGWINSZ, &size) || size.ws_col < 20) return 79;
  return size.ws_col > MAX_COLUMNS ? MAX_COLUMNS : size.ws_col - 1;
}

static void wipe(struct progress *p) {
  if (p->shown) fputs("\r\033[K", p->out);
  p->shown = false;
}

static void show(struct progress *p) {
  char line[4 * MAX_COLUMNS + 256];
  const double seconds = now() - p->began, left = seconds_left(p, seconds);
  int n = snprintf(line, sizeof line, "[%d/%d]", p->n_done, p->n_units);
  if (p->n_failed) n += snprintf(line + n, sizeof line - (size_t)n, " %d failed,", p->n_failed);
  if (p->n_rendered)
    n += snprintf(line + n, sizeof line - (size_t)n, " %.0fx real time,", real_time(p, seconds));
  if (left >= 3600)
    n += snprintf(line + n, sizeof line - (size_t)n, " %d:%02d h left", (int)left / 3600,
                  (int)left / 60 % 60);
  else if (left >= 0)
    n += snprintf(line + n, sizeof line - (size_t)n, " %d:%02d left", (int)left / 60,
                  (int)left % 60);
  for (int i = 0; i < p->n_tracks && n < 4 * MAX_COLUMNS; i++)
    n += snprintf(line + n, sizeof line - (size_t)n, "%s%.200s", i ? ", " : ": ",
                  p->tracks[i].title);
  cut(line, width(p->out));
  fprintf(p->out, "\r%s\033[K", line);
  fflush(p->out);
  p->shown = true;
}

static void *tick(void *context) {
  struct progress *p = context;
  pthread_mutex_lock(&p->lock);
  while (!p->ended) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    show(p);
    pthread_cond_timedwait(&p->ends, &p->lock, &until);
  }
  pthread_mutex_unlock(&p->lock);
  return NULL;
}

/* ---- JSON ---- */

static void put_json(struct progress *p, json_t *line) {
  const double seconds = now() - p->began, left = seconds_left(p, seconds);
  json_t *tracks = json_array();
  for (int i = 0; i < p->n_tracks; i++)
    json_array_append_new(tracks, json_integer(p->tracks[i].number));
  json_object_set_new(line, "done", json_integer(p->n_done));
  json_object_set_new(line, "total", json_integer(p->n_units));
  json_object_set_new(line, "failed", json_integer(p->n_failed));
  json_object_set_new(line, "audio_seconds", json_real(p->audio_seconds));
  json_object_set_new(line, "seconds", json_real(seconds));
  json_object_set_new(line, "times_real_time", json_real(real_time(p, seconds)));
  json_object_set_new(line, "seconds_left", left < 0 ? json_null() : json_real(left));
  json_object_set_new(line, "tracks", tracks);
  json_dumpf(line, p->out, JSON_COMPACT | JSON_REAL_PRECISION(6));
  fputc('\n', p->out);
  fflush(p->out);
  json_decref(line);
}

/* ---- events ---- */

static void list_track(struct progress *p, int number, const char *title, bool begins) {
  if (begins) {
    p->tracks = memory_grow(p->tracks, (size_t)p->n_tracks + 1, sizeof *p->tracks);
    p->tracks[p->n_tracks++] = (struct track_in_hand){number, title};
    return;
  }
  int i = 0;
  while (i < p->n_tracks && p->tracks[i].number != number) i++;
  if (i == p->n_tracks) return;
  p->n_tracks--;
  memmove(&p->tracks[i], &p->tracks[i + 1], (size_t)(p->n_tracks - i) * sizeof *p->tracks);
}

void progress_track(struct progress *p, int number, const char *title, bool begins) {
  pthread_mutex_lock(&p->lock);
  list_track(p, number, title, begins);
  if (p->mode == PROGRESS_LINE) show(p);
  if (p->mode == PROGRESS_JSON && begins) {
    json_t *line = json_pack("{s:s, s:i}", "event", "track", "track", number);
    json_object_set_new(line, "title", settings_json_text(title));
    put_json(p, line);
  }
  pthread_mutex_unlock(&p->lock);
}

void progress_pause(struct progress *p) {
  pthread_mutex_lock(&p->lock);
  wipe(p);
}

void progress_unit(struct progress *p, const struct progress_unit *unit) {
  p->n_done++;
  p->n_rendered += unit->rendered;
  p->n_failed += unit->failed;
  p->audio_seconds += unit->audio_seconds;
  if (p->mode == PROGRESS_LINE) show(p);
  if (p->mode == PROGRESS_JSON) {
    json_t *line = json_pack("{s:s, s:s}", "event", "unit", "state", unit->state);
    json_object_set_new(line, "file", settings_json_text(unit->file));
    put_json(p, line);
  }
  pthread_mutex_unlock(&p->lock);
}

/* ---- life ---- */

static enum progress_mode choose(FILE *out) {
  const char *term = getenv("TERM");
  const bool rewrites = isatty(fileno(out)) && term && *term && strcmp(term, "dumb");
  return rewrites ? PROGRESS_LINE : PROGRESS_LINES;
}

struct progress *progress_create(enum progress_mode mode, int n_units, FILE *out) {
  struct progress *p = memory_new(1, sizeof *p);
  p->mode = mode == PROGRESS_AUTO ? choose(out) : mode;
  p->out = out;
  p->n_units = n_units;
  p->began = now();
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->ends, NULL);
  p->ticks = p->mode == PROGRESS_LINE && !pthread_create(&p->ticker, NULL, tick, p);
  return p;
}

void progress_destroy(struct progress **progress) {
  struct progress *p = *progress;
  if (!p) return;
  pthread_mutex_lock(&p->lock);
  p->ended = true;
  pthread_cond_signal(&p->ends);
  pthread_mutex_unlock(&p->lock);
  if (p->ticks) pthread_join(p->ticker, NULL);
  wipe(p);
  fflush(p->out);
  pthread_cond_destroy(&p->ends);
  pthread_mutex_destroy(&p->lock);
  free(p->tracks);
  free(p);
  *progress = NULL;
}

bool progress_wants_lines(const struct progress *p) { return p->mode == PROGRESS_LINES; }
