/* SPDX-License-Identifier: MIT
 * The stems of a track. */
#include <stdlib.h>
#include <string.h>

#include "manifest_parts.h"
#include "memory.h"
#include "output_name.h"
#include "param_values.h"

struct stem_context { /* of manifest_stem_sections */
  struct stem *stem;
  const struct layout *bed; /* NULL: not known, which was told */
};

static long items_of(const yaml_node_t *node, yaml_node_item_t **items) {
  *items = node->type == YAML_SEQUENCE_NODE ? node->data.sequence.items.start : NULL;
  return *items ? node->data.sequence.items.top - *items : 0;
}

/* ---- a part of the bed ---- */

static void list_speakers(const struct layout *bed, struct name_list *names) {
  for (int c = 0; c < bed->channels; c++) name_list_add(names, bed->speaker[c]->label);
}

static int find_speaker(const struct layout *bed, const char *label) {
  int c = 0;
  while (c < bed->channels && strcmp(bed->speaker[c]->label, label)) c++;
  return c < bed->channels ? c : -1;
}

static void read_speaker(struct row_reader *reader, const yaml_node_t *node,
                         struct stem_context *context) {
  struct stem *stem = context->stem;
  const struct layout *bed = context->bed;
  const char *label = row_reader_text(reader, node, 1, 64);
  if (!label || !bed) return;
  const int channel = find_speaker(bed, label);
  if (channel < 0) {
    struct name_list names = {0};
    list_speakers(bed, &names);
    row_reader_unknown(reader, node, "speaker", &names);
    name_list_release(&names);
    return;
  }
  for (int c = 0; c < stem->n_channels; c++)
    if (stem->channel[c] == channel) {
      row_reader_problem(reader, node, "\"%s\" stands twice (accepted: once)", label);
      return;
    }
  stem->channel[stem->n_channels++] = (unsigned char)channel;
}

/* The channels of a file of a known layout, each to its speaker. */
static void read_layout(struct row_reader *reader, const yaml_node_t *node,
                        const struct layout *layout, struct stem_context *context) {
  struct stem *stem = context->stem;
  const struct layout *bed = context->bed;
  stem->layout = layout;
  for (int c = 0; bed && c < layout->channels; c++) {
    const int channel = find_speaker(bed, layout->speaker[c]->label);
    if (channel < 0) {
      struct name_list names = {0};
      list_speakers(bed, &names);
      row_reader_problem(reader, node, "%s has %s, and the bed %s has not (accepted: a layout "
                         "whose speakers the bed has, or a list of: %s)", layout->name,
                         layout->speaker[c]->label, bed->name, name_list_text(&names).text);
      name_list_release(&names);
      return;
    }
    stem->channel[stem->n_channels++] = (unsigned char)channel;
  }
}

void manifest_read_stem_channels(struct row_reader *reader, yaml_node_t *node, void *context) {
  struct stem_context *stem = context;
  yaml_node_item_t *items;
  const long n = items_of(node, &items);
  const char *text = row_reader_scalar(node);
  const struct layout *layout = text ? layout_find(text) : NULL;
  if (layout && !layout->n_objects) {
    read_layout(reader, node, layout, stem);
  } else if (text) {
    read_speaker(reader, node, stem);
  } else if (n < 1 || n > LAYOUT_MOST_SPEAKERS) {
    row_reader_problem(reader, node, "%s where speakers are wanted (accepted: a list of 1 .. %d "
                       "speakers, or a layout)",
                       n ? "a longer list" : items ? "an empty list" : row_reader_kind(node),
                       LAYOUT_MOST_SPEAKERS);
  }
  for (long i = 0; i < n && n <= LAYOUT_MOST_SPEAKERS; i++) {
    const size_t length = row_reader_enter_item(reader, (int)i + 1);
    read_speaker(reader, row_reader_node(reader, items[i]), stem);
    row_reader_leave(reader, length);
  }
}

/* ---- objects ---- */

static int n_places(const struct stem_places *places) {
  return places->n_both ? 2 : places->one.n ? 1 : 0;
}

static void read_point(struct row_reader *reader, yaml_node_t *node, struct stem *stem) {
  struct stem_point *p = &stem->points[stem->n_points++];
  const struct row_table tables[] = {{stem_point_rows, p}, {stem_place_rows, &p->places}, {0}};
  const int n_before = reader->problems->n;
  params_init(stem_point_rows, p);
  row_reader_mapping(reader, node, &(struct row_mapping){.tables = tables});
  if (reader->problems->n > n_before) return;
  const int n = n_places(&p->places);
  if (!n || (p->places.one.n && p->places.n_both))
    row_reader_problem(reader, node, "%s (accepted: \"position\", or of a stereo file "
                       "\"positions\")", n ? "both \"position\" and \"positions\""
                                           : "\"position\" is missing");
  else if (p > stem->points && n != n_places(&p[-1].places))
    row_reader_problem(reader, node, "%s, unlike the point before it (accepted: the same key in "
                       "all)", n == 1 ? "a \"position\"" : "\"positions\"");
  else if (p > stem->points && p->time_s <= p[-1].time_s)
    row_reader_problem(reader, node, "time: %.6g s is not after the point before it, at %.6g s "
                       "(accepted: ascending times)", p->time_s, p[-1].time_s);
  stem->n_objects = n;
}

void manifest_read_automation(struct row_reader *reader, yaml_node_t *node, void *context) {
  struct stem *stem = ((struct stem_context *)context)->stem;
  yaml_node_item_t *items;
  const long n = items_of(node, &items);
  if (n < 1 || n > STEM_POINTS) {
    row_reader_problem(reader, node, "%s where points are wanted (accepted: a list of 1 .. %d of "
                       "{time, position})", n ? "a longer list"
                       : items ? "an empty list" : row_reader_kind(node), STEM_POINTS);
    return;
  }
  stem->points = memory_new((size_t)n, sizeof *stem->points);
  for (long i = 0; i < n; i++) {
    const size_t length = row_reader_enter_item(reader, (int)i + 1);
    read_point(reader, row_reader_node(reader, items[i]), stem);
    row_reader_leave(reader, length);
  }
}

/* ---- a stem ---- */

static const char *const place_keys[] = {"channels", "position", "positions", "automation", NULL};

/* The first and second key that says where a stem is heard; NULL: none. */
static void find_places(struct row_reader *reader, const yaml_node_t *node, const char *found[2]) {
  int n = 0;
  found[0] = found[1] = NULL;
  for (int i = 0; node->type == YAML_MAPPING_NODE && place_keys[i]; i++)
    if (row_reader_find(reader, node, place_keys[i]) && n < 2) found[n++] = place_keys[i];
}

static void check_stem(struct row_reader *reader, yaml_node_t *node, const struct stem *stem) {
  const char *found[2];
  find_places(reader, node, found);
  if (!found[0])
    row_reader_problem(reader, node, "where it is heard is not said (accepted: \"channels\" of the "
                       "bed, or of objects \"position\", \"positions\" or \"automation\")");
  else if (found[1])
    row_reader_problem(reader, row_reader_find(reader, node, found[1]), "\"%s\" stands beside "
                       "\"%s\" (accepted: one of the two%s)", found[1], found[0],
                       strcmp(found[0], "channels") ? ""
                       : ": a stem is a part of the bed, such as its LFE, or an object");
  if (stem->start_frame >= 0 && row_reader_find(reader, node, "start"))
    row_reader_problem(reader, row_reader_find(reader, node, "start_frame"),
                       "\"start\" is given, too (accepted: one)");
}

/* One that does not move is an automation of one point. */
static void take_places(struct stem *stem, const struct stem_places *places) {
  const int n = n_places(places);
  if (!n || stem->points) return;
  stem->points = memory_new(1, sizeof *stem->points);
  stem->points->places = *places;
  stem->n_objects = n;
  stem->n_points = 1;
}

static void take_file(struct draft *draft, struct stem *stem) {
  char *written = stem->text;
  if (!written) return;
  if (!stem->name) stem->name = output_name_base(written);
  stem->text = manifest_from_folder(draft->folder, written);
  stem->path = manifest_beside(draft->manifest->path, stem->text);
  free(written);
}

static void read_stem(struct row_reader *reader, yaml_node_t *node, struct draft *draft,
                      const struct layout *bed, struct stem *stem) {
  struct stem_places places = {0};
  struct stem_context context = {stem, bed};
  const struct row_table tables[] = {{stem_rows, stem}, {stem_place_rows, &places}, {0}};
  params_init(stem_rows, stem);
  stem->line = yaml_file_line(node);
  row_reader_mapping(reader, node,
                     &(struct row_mapping){.tables = tables, .sections = manifest_stem_sections,
                                           .context = &context});
  if (node->type == YAML_MAPPING_NODE) check_stem(reader, node, stem);
  take_places(stem, &places);
  take_file(draft, stem);
}

/* ---- the list ---- */

static bool has_objects(struct row_reader *reader, const yaml_node_item_t *items, long n) {
  bool any = false;
  for (long i = 0; i < n; i++) {
    const char *found[2];
    find_places(reader, row_reader_node(reader, items[i]), found);
    any |= found[0] && (strcmp(found[0], "channels") || found[1]);
  }
  return any;
}

/* What the track states; behind an unstated one objects want the bed of mixing programs. */
static const struct layout *bed_of(struct row_reader *reader, const yaml_node_t *node,
                                   const struct track *track, bool objects) {
  const struct layout *stated = edit_layout(&track->edit);
  if (stated || objects) return stated ? stated : layout_find("7.1.2");
  struct name_list names = {0};
  for (const char *const *name = layout_choices + 1; *name; name++) name_list_add(&names, *name);
  row_reader_problem(reader, node, "the track's \"layout\" is missing: which speakers the bed of "
                     "its stems has (accepted: one of %s)", name_list_text(&names).text);
  name_list_release(&names);
  return NULL;
}

/* The objects' channels stand behind the bed's, in the order of the stems. */
static void number_objects(struct row_reader *reader, const yaml_node_t *node,
                           const struct layout *bed, struct stems *stems) {
  int n = 0;
  for (int k = 0; k < stems->n; k++)
    for (int i = 0; i < stems->items[k].n_objects; i++, n++)
      if (n < SCENE_MAX_OBJECTS)
        stems->items[k].channel[i] = (unsigned char)(bed->channels + n);
  const int most = MAX_CHANNELS - bed->channels < SCENE_MAX_OBJECTS ? MAX_CHANNELS - bed->channels
                                                                    : SCENE_MAX_OBJECTS;
  if (n > most)
    row_reader_problem(reader, node, "%d objects behind the bed %s (accepted: up to %d)", n,
                       bed->name, most);
  else
    stems->layout = layout_with_objects(bed, n);
}

void manifest_read_stems(struct row_reader *reader, yaml_node_t *node, void *context) {
  const struct choice *choice = context;
  yaml_node_item_t *items;
  const long n = items_of(node, &items);
  if (n < 1 || n > STEMS_MOST) {
    row_reader_problem(reader, node, "%s where stems are wanted (accepted: a list of 1 .. %d "
                       "stems)", n ? "a longer list" : items ? "an empty list"
                                                             : row_reader_kind(node), STEMS_MOST);
    return;
  }
  const struct layout *bed = bed_of(reader, node, choice->track, has_objects(reader, items, n));
  struct stems *stems = choice->track->stems = memory_new(1, sizeof *stems);
  stems->items = memory_new((size_t)n, sizeof *stems->items);
  stems->layout = bed;
  for (; stems->n < n; stems->n++) {
    const size_t length = row_reader_enter_item(reader, stems->n + 1);
    read_stem(reader, row_reader_node(reader, items[stems->n]), choice->draft, bed,
              &stems->items[stems->n]);
    row_reader_leave(reader, length);
  }
  if (bed) number_objects(reader, node, bed, stems);
}
