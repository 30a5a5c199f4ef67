/* SPDX-License-Identifier: MIT
 * The manifest: what to render and what to deliver, as written by a person (YAML
 * or JSON, version 1). Every table of keys is a table of parameter rows. */
#ifndef LACQUER_MANIFEST_H
#define LACQUER_MANIFEST_H
#include <stdbool.h>
#include <stdio.h>

#include "binaural.h"
#include "dither.h"
#include "edit.h"
#include "fold.h"
#include "limiter.h"
#include "loudness.h"
#include "resample.h"
#include "stage.h"
#include "stems.h"

enum {
  MANIFEST_CHAIN_STAGES = 12, /* and the track's fades: at most MAX_CHAIN (chain.h) */
  MANIFEST_TRACKS = 1000000,
  MANIFEST_DISCS = 999,
};

struct chain_stage {
  const struct stage *stage;
  void *params; /* stage->params_size bytes, owned */
};
struct chain {
  char *name; /* NULL: written in place */
  int n_stages;
  struct chain_stage *stages;
  bool borrowed; /* the stages are another chain's, which outlives this one */
};

enum file_format { FILE_WAV, FILE_AIFF, FILE_FLAC, FILE_ADM };
struct variant {
  char *name;
  int format; /* enum file_format */
  int adm;    /* enum adm_flavour, of FILE_ADM */
  /* The tail stages' settings; their rows stand directly among a variant's keys. */
  struct resample_params resample;
  struct fold_params fold;
  struct binaural_params binaural; /* its set is the plan's affair */
  struct loudness_params loudness;
  struct limiter_params limiter;
  struct dither_params dither;
};
struct track {
  char *source;      /* path to open: a relative one is joined to the manifest's folder; of
                        stems their place, for messages */
  char *source_text; /* relative to the manifest, as written or as its file's folder has it;
                        of stems "3 stems" */
  struct stems *stems; /* owned; NULL: the source is a file */
  char *title;       /* never NULL: the file name of the source unless given; of stems given */
  char *artist;      /* the catalogue's unless given; NULL when neither is set */
  char *isrc;        /* 12 capitals and digits, or NULL */
  int number;        /* position on the disc, from 1, unless given */
  int disc;          /* 0 = not set */
  const char *file;  /* where it stands, for messages: one of manifest.files */
  int line, item;    /* item: of that file's list of tracks, from 1; 0: a track list's row */
  struct edit edit;   /* edit_rows stand directly among a track's keys */
  struct chain chain; /* resolved: overrides applied; borrowed where nothing is */
  int n_variants;
  int *variants; /* indices into manifest.variants */
};
struct catalogue {
  char *title, *artist, *upc, *genre; /* NULL: not set; upc: 12 or 13 digits */
  int year; /* 0 = not set */
};
struct manifest {
  int version; /* 1 */
  char *path;
  int n_files;
  char **files; /* the manifest, what it includes, its track lists */
  struct catalogue catalogue;
  char *output; /* template of output names, see manifest_output_name */
  int n_chains, n_variants, n_tracks;
  struct chain *chains;
  struct chain default_chain; /* of defaults */
  struct variant *variants;
  struct track *tracks;
};

/* Reads and checks a manifest, with what it includes and its track lists. On success returns
 * 0 and a manifest to be given to manifest_destroy. Else prints every problem on `errors` as
 * "file:line: place: message (accepted range)" in the order of the lines, sets *out to
 * NULL and returns a status: STATUS_NO_INPUT when the file (then "file: message") or one
 * that it names cannot be read or a pattern matches nothing, STATUS_BAD_DATA otherwise.
 * Places count list items from 1. Audio files are not looked for, unless by a pattern: a
 * missing one is the failure of its track. */
int manifest_read(const char *path, FILE *errors, struct manifest **out);
void manifest_destroy(struct manifest **manifest); /* takes NULL; writes NULL */
/* `path` joined to the folder of the manifest, unless it is absolute. Caller frees. */
char *manifest_beside(const char *manifest_path, const char *path);

/* "file:line: tracks[2]." or, of a track list's row, "file:line: ": before a key. Caller
 * frees. */
char *manifest_track_place(const struct track *track);

/* The stages that may be named, from 0: those of the registry, then those that the plan
 * replaces by others. NULL at the end, and for an unknown name. */
const struct stage *manifest_stage(int i);
const struct stage *manifest_stage_find(const char *name);

struct chain chain_copy(const struct chain *chain);   /* without the name */
struct chain chain_borrow(const struct chain *chain); /* likewise */
void chain_release(struct chain *chain);

/* The settings of a tail stage in a variant (struct loudness_params, ...); NULL for any
 * other stage. */
const void *manifest_tail_params(const struct variant *variant, const struct stage *stage);

/* The name of a deliverable below the output folder: the template filled in and
 * sanitised; "/" between components; never absolute, never leaving the folder; every
 * component at most OUTPUT_NAME_BYTES (output_name.h) long. No two deliverables of a
 * manifest that was read have the same name, case aside. Caller frees.
 * Fields: {artist} {album} {title} {disc} {number} {isrc} {variant} {source} {ext}. */
char *manifest_output_name(const struct manifest *manifest, const struct track *track,
                           const struct variant *variant);
const char *file_format_extension(int format); /* "wav", "aiff", "flac"; of FILE_ADM "wav" */
/* The same, but "adm dolby", "adm itu": what decides the form of the file. */
const char *variant_form(const struct variant *variant);

/* Writes the manifest's JSON Schema (draft 2020-12), made from the same rows; the
 * bytes depend on nothing but the rows. 0, or STATUS_IO. */
int manifest_write_schema(FILE *out);
#endif
