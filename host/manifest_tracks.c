/* SPDX-License-Identifier: MIT
 * Tracks and their defaults. */
#include <stdlib.h>
#include <string.h>

#include "manifest_parts.h"
#include "memory.h"
#include "output_name.h"
#include "param_values.h"

static int find_variant(const struct manifest *manifest, const char *name) {
  for (int i = 0; i < manifest->n_variants; i++)
    if (!strcmp(manifest->variants[i].name, name)) return i;
  return -1;
}

/* One name of a list of variants; told when it is unknown or there already. */
static void read_variant_name(struct row_reader *reader, yaml_node_t *node,
                              struct choice *choice) {
  const struct manifest *manifest = choice->draft->manifest;
  const char *name = row_reader_text(reader, node, 1, 1000);
  if (!name) return;
  int variant = find_variant(manifest, name);
  if (variant < 0) {
    struct name_list names = {0};
    for (int i = 0; i < manifest->n_variants; i++)
      name_list_add(&names, manifest->variants[i].name);
    row_reader_unknown(reader, node, "variant", &names);
    name_list_release(&names);
    return;
  }
  for (int i = 0; i < choice->n_variants; i++)
    if (choice->variants[i] == variant) {
      row_reader_problem(reader, node, "variant \"%s\" stands twice (accepted: once)", name);
      return;
    }
  choice->variants[choice->n_variants++] = variant;
}

void manifest_read_variant_names(struct row_reader *reader, yaml_node_t *node, void *context) {
  struct choice *choice = context;
  long n = node->type == YAML_SEQUENCE_NODE
               ? node->data.sequence.items.top - node->data.sequence.items.start
               : 0;
  choice->has_variants = true;
  if (!n) {
    row_reader_problem(reader, node, "%s where names are wanted (accepted: a list of one or more "
                       "variants)", node->type == YAML_SEQUENCE_NODE ? "an empty list"
                                                                     : row_reader_kind(node));
    return;
  }
  /* Unrepeated names only are kept: there is room for every variant. */
  choice->variants =
      memory_new((size_t)choice->draft->manifest->n_variants, sizeof *choice->variants);
  for (long i = 0; i < n; i++) {
    size_t length = row_reader_enter_item(reader, (int)i + 1);
    read_variant_name(reader, row_reader_node(reader, node->data.sequence.items.start[i]), choice);
    row_reader_leave(reader, length);
  }
}

void manifest_note_defaults(struct row_reader *reader, yaml_node_t *node, void *context) {
  struct draft *draft = context;
  (void)reader;
  draft->file->defaults = node;
}

void manifest_note_tracks(struct row_reader *reader, yaml_node_t *node, void *context) {
  struct draft *draft = context;
  (void)reader;
  draft->file->tracks = node;
  draft->has_tracks = true;
}

void manifest_read_defaults(struct row_reader *reader, yaml_node_t *node, void *context) {
  struct draft *draft = context;
  row_reader_mapping(reader, node,
                     &(struct row_mapping){.tables = &(struct row_table){0},
                                           .sections = manifest_choice_sections,
                                           .context = &draft->defaults});
}

/* Removes hyphens and raises letters; told when the rest is no ISRC (ISO 3901). */
static void check_isrc(struct row_reader *reader, const yaml_node_t *node, char *isrc) {
  static const char pattern[] = "LLXXXDDDDDDD"; /* letter, either, digit */
  char *plain = memory_new(strlen(isrc) + 1, 1);
  size_t n = 0;
  bool sound = true;
  for (const char *c = isrc; *c; c++)
    if (*c != '-') plain[n++] = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
  for (size_t i = 0; i < n && sound; i++) {
    bool digit = plain[i] >= '0' && plain[i] <= '9', letter = plain[i] >= 'A' && plain[i] <= 'Z';
    sound = i < sizeof pattern - 1 &&
            (pattern[i] == 'L' ? letter : pattern[i] == 'D' ? digit : letter || digit);
  }
  if (sound && n == sizeof pattern - 1)
    memcpy(isrc, plain, n + 1);
  else
    row_reader_problem(reader, node, "%s is no ISRC (accepted: 2 letters, 3 letters or digits, "
                       "7 digits, such as QZABC2600001)", name_quote(isrc, strlen(isrc)).text);
  free(plain);
}

char *manifest_beside(const char *manifest_path, const char *text) {
  const char *slash = strrchr(manifest_path, '/');
  if (text[0] == '/' || !slash) return memory_text(text, strlen(text));
  return memory_print("%.*s%s", (int)(slash + 1 - manifest_path), manifest_path, text);
}

/* ---- one track ---- */

static void check_edit(struct row_reader *reader, yaml_node_t *node, const struct edit *edit) {
  const char *key, *why = edit_check(edit, &key);
  if (!why) return;
  size_t length = row_reader_enter(reader, key);
  row_reader_problem(reader, row_reader_locate(reader, node, key), "%s", why);
  row_reader_leave(reader, length);
}

/* One source there is, and of stems a title: they have no file name in common. */
static void check_source(struct row_reader *reader, const yaml_node_t *node) {
  const yaml_node_t *source = row_reader_find(reader, node, "source");
  const yaml_node_t *stems = row_reader_find(reader, node, "stems");
  if (source && stems)
    row_reader_problem(reader, stems, "\"stems\" stand beside \"source\" (accepted: one of the "
                       "two)");
  else if (!source && !stems)
    row_reader_problem(reader, node, "\"source\" is missing (accepted: an audio file, or a list of "
                       "\"stems\" in its place)");
  if (stems && !row_reader_find(reader, node, "title"))
    row_reader_problem(reader, node, "\"title\" is missing (accepted: a title, where a track has "
                       "stems)");
}

void manifest_read_track(struct row_reader *reader, yaml_node_t *node, struct track *track,
                         struct choice *choice, bool merge) {
  const struct row_table tables[] = {{manifest_track_rows, track}, {edit_rows, &track->edit}, {0}};
  int n_before = reader->problems->n;
  choice->track = track;
  row_reader_mapping(reader, node,
                     &(struct row_mapping){.tables = tables, .sections = manifest_track_sections,
                                           .context = choice, .merge = merge});
  if (!merge && node->type == YAML_MAPPING_NODE) check_source(reader, node);
  if (track->isrc) {
    size_t length = row_reader_enter(reader, "isrc");
    check_isrc(reader, row_reader_locate(reader, node, "isrc"), track->isrc);
    row_reader_leave(reader, length);
  }
  const char *source = track->source_text;
  if (source && source[strlen(source) - 1] == '/') {
    size_t length = row_reader_enter(reader, "source");
    row_reader_problem(reader, row_reader_find(reader, node, "source"),
                       "%s is a folder (accepted: an audio file)",
                       name_quote(source, strlen(source)).text);
    row_reader_leave(reader, length);
  }
  if (reader->problems->n == n_before) check_edit(reader, node, &track->edit);
}

struct track manifest_copy_track(const struct track *track) {
  struct track copy = *track;
  params_own(manifest_track_rows, &copy);
  copy.source = NULL;
  copy.stems = NULL;
  copy.chain = (struct chain){0};
  copy.variants = NULL;
  copy.n_variants = 0;
  return copy;
}

void manifest_release_track(struct track *track) {
  params_release(manifest_track_rows, track);
  free(track->source);
  stems_destroy(&track->stems);
  chain_release(&track->chain);
  free(track->variants);
}

/* Variants are few: every track has its own list. */
static void choose_variants(const struct manifest *m, const struct choice *choice,
                            struct track *track) {
  const bool all = !choice->has_variants;
  track->n_variants = all ? m->n_variants : choice->n_variants;
  track->variants = memory_new((size_t)track->n_variants, sizeof *track->variants);
  for (int i = 0; i < track->n_variants; i++) track->variants[i] = all ? i : choice->variants[i];
}

static void fill_defaults(const struct draft *draft, struct track *track, struct choice *choice) {
  const struct manifest *m = draft->manifest;
  const struct choice *defaults = &draft->defaults;
  const char *artist = m->catalogue.artist;
  if (track->source_text && !track->title) track->title = output_name_base(track->source_text);
  if (!track->artist && artist) track->artist = memory_text(artist, strlen(artist));
  if (track->stems && !track->source_text) {
    track->source_text = memory_print("%d stem%s", track->stems->n,
                                      track->stems->n == 1 ? "" : "s");
    track->source = memory_print("%s:%d: tracks[%d].stems", track->file, track->line, track->item);
  } else if (track->source_text) {
    char *written = track->source_text;
    track->source_text = manifest_from_folder(draft->folder, written);
    track->source = manifest_beside(m->path, track->source_text);
    free(written);
  }
  choose_variants(m, choice->has_variants ? choice : defaults, track);
  if (choice->has_chain) {
    track->chain = choice->chain;
    choice->chain.borrowed = true;
  } else {
    track->chain = chain_borrow(&defaults->chain);
  }
}

void manifest_add_track(struct draft *draft, struct track *track, struct choice *choice,
                        bool sound) {
  struct manifest *m = draft->manifest;
  const int n = m->n_tracks++;
  if (!(n & (n - 1))) { /* capacity: the next power of two */
    m->tracks = memory_grow(m->tracks, n ? 2 * (size_t)n : 1, sizeof *m->tracks);
    draft->sound = memory_grow(draft->sound, n ? 2 * (size_t)n : 1, sizeof *draft->sound);
  }
  fill_defaults(draft, track, choice);
  m->tracks[n] = *track;
  draft->sound[n] = sound;
}

/* ---- the list ---- */

/* What can be said of one track only. */
static void check_shared(struct row_reader *reader, yaml_node_t *node) {
  static const char *const keys[] = {"title", "isrc", "number"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    const yaml_node_t *value = row_reader_find(reader, node, keys[i]);
    size_t length = row_reader_enter(reader, keys[i]);
    if (value)
      row_reader_problem(reader, value, "stands beside a source of several tracks (accepted: "
                         "beside one file)");
    row_reader_leave(reader, length);
  }
}

/* A source of several tracks: `track` holds what is said of all of them. */
static void read_several(struct row_reader *reader, yaml_node_t *node, struct draft *draft,
                         struct track *track, struct choice *choice) {
  const yaml_node_t *source = row_reader_find(reader, node, "source");
  const bool is_list = manifest_source_kind(draft, track->source_text) == SOURCE_LIST;
  const int n_before = reader->problems->n;
  check_shared(reader, node);
  if (reader->problems->n > n_before) return;
  size_t length = row_reader_enter(reader, "source");
  if (is_list) manifest_read_list(reader, source, draft, track, choice);
  else manifest_read_pattern(reader, source, draft, track, choice);
  row_reader_leave(reader, length);
}

static void read_item(struct row_reader *reader, yaml_node_t *node, struct draft *draft,
                      int item) {
  struct track track = {.file = draft->file->path, .line = yaml_file_line(node), .item = item};
  struct choice choice = {.draft = draft};
  int n_before = reader->problems->n;
  params_init(manifest_track_rows, &track);
  params_init(edit_rows, &track.edit);
  manifest_read_track(reader, node, &track, &choice, false);
  const bool sound = reader->problems->n == n_before;
  if (track.source_text && manifest_source_kind(draft, track.source_text) != SOURCE_FILE) {
    if (sound) read_several(reader, node, draft, &track, &choice);
    manifest_release_track(&track);
  } else {
    manifest_add_track(draft, &track, &choice, sound);
  }
  chain_release(&choice.chain);
  free(choice.variants);
}

void manifest_read_tracks(struct row_reader *reader, yaml_node_t *node, void *context) {
  long n = node->type == YAML_SEQUENCE_NODE
               ? node->data.sequence.items.top - node->data.sequence.items.start
               : 0;
  if (n < 1 || n > MANIFEST_TRACKS) {
    row_reader_problem(reader, node, "%s where tracks are wanted (accepted: a list of 1 .. %d "
                       "tracks)", node->type != YAML_SEQUENCE_NODE ? row_reader_kind(node)
                                  : n ? "a longer list" : "an empty list", MANIFEST_TRACKS);
    return;
  }
  for (int i = 0; i < n; i++) {
    size_t length = row_reader_enter_item(reader, i + 1);
    read_item(reader, row_reader_node(reader, node->data.sequence.items.start[i]), context,
              i + 1);
    row_reader_leave(reader, length);
  }
}
