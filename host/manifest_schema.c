/* SPDX-License-Identifier: MIT
 * The manifest's JSON Schema (draft 2020-12), from the tables that read it. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "failure.h"
#include "manifest_parts.h"
#include "memory.h"

/* One forms what is read afresh, the other a track's changes to a chain: nothing is
 * required, lists may be shorter, and an item may be null (left as it is). */
enum form { FORM_WHOLE, FORM_CHANGES };

static json_t *rows_schema(const struct param_row *rows, enum form form);

static void set(json_t *object, const char *key, json_t *value) {
  if (json_object_set_new(object, key, value)) abort();
}

static json_t *number(double value) {
  if (value == floor(value) && fabs(value) < 1e15) return json_integer((json_int_t)value);
  return json_real(value);
}

static json_t *typed(const char *type, const char *help, const char *unit) {
  json_t *schema = json_object();
  if (type) set(schema, "type", json_string(type));
  if (help && unit) {
    char *text = memory_print("%s (%s)", help, unit);
    set(schema, "description", json_string(text));
    free(text);
  } else if (help) {
    set(schema, "description", json_string(help));
  }
  return schema;
}

static json_t *reference(const char *kind, const char *name) {
  json_t *schema = json_object();
  char *text = memory_print("#/$defs/%s%s", kind, name);
  set(schema, "$ref", json_string(text));
  free(text);
  return schema;
}

static json_t *number_schema(const struct param_row *row) {
  json_t *schema = typed(row->type == PARAM_INTEGER ? "integer" : "number", row->help, row->unit);
  if (row->min == row->max) {
    set(schema, "const", number(row->min));
    return schema;
  }
  set(schema, "minimum", number(row->min));
  set(schema, "maximum", number(row->max));
  if (!row->required && row->initial >= row->min && row->initial <= row->max)
    set(schema, "default", number(row->initial));
  return schema;
}

static json_t *choice_schema(const struct param_row *row) {
  json_t *schema = typed(NULL, row->help, row->unit), *names = json_array();
  for (const char *const *choice = row->choices; *choice; choice++)
    json_array_append_new(names, json_string(*choice));
  for (const char *const *choice = row->choices; *choice; choice++) { /* 5.1 without quotes */
    char *end;
    const double value = strtod(*choice, &end);
    if (!*end) json_array_append_new(names, number(value));
  }
  if (params_is_switch(row)) { /* with or without quotes */
    json_array_append_new(names, json_false());
    json_array_append_new(names, json_true());
  }
  set(schema, "enum", names);
  if (!row->required) set(schema, "default", json_string(row->choices[(int)row->initial]));
  return schema;
}

/* Text may stand without quotes also where it reads as a number. */
static json_t *text_schema(const struct param_row *row) {
  json_t *schema = json_object(), *types = json_array();
  json_array_append_new(types, json_string("string"));
  json_array_append_new(types, json_string("number"));
  set(schema, "type", types);
  set(schema, "description", json_string(row->help));
  set(schema, "minLength", json_integer((json_int_t)row->min));
  set(schema, "maxLength", json_integer((json_int_t)row->max));
  return schema;
}

static json_t *row_schema(const struct param_row *row, enum form form);

static json_t *list_schema(const struct param_row *row, enum form form) {
  json_t *schema = typed("array", row->help, row->unit);
  json_t *item = row->items->name ? rows_schema(row->items, form) : row_schema(row->items, form);
  if (form == FORM_CHANGES) {
    json_t *either = json_object(), *forms = json_array();
    json_array_append_new(forms, item);
    json_array_append_new(forms, typed("null", "leaves the item as it is", NULL));
    set(either, "anyOf", forms);
    item = either;
  } else {
    set(schema, "minItems", number(row->min));
  }
  set(schema, "maxItems", number(row->max));
  set(schema, "items", item);
  return schema;
}

static json_t *row_schema(const struct param_row *row, enum form form) {
  switch (row->type) {
  case PARAM_NUMBER:
  case PARAM_INTEGER: return number_schema(row);
  case PARAM_CHOICE: return choice_schema(row);
  case PARAM_TEXT: return text_schema(row);
  case PARAM_LIST: return list_schema(row, form);
  case PARAM_END: break;
  }
  return json_object();
}

/* A mapping with the keys of several tables and sections; either may be NULL. */
static json_t *mapping_schema(const struct row_table *tables, const struct row_section *sections,
                              enum form form) {
  json_t *schema = json_object(), *properties = json_object(), *required = json_array();
  set(schema, "type", json_string("object"));
  for (const struct row_table *table = tables; table && table->rows; table++)
    for (const struct param_row *row = table->rows; row->type != PARAM_END; row++) {
      set(properties, row->name, row_schema(row, form));
      if (row->required) json_array_append_new(required, json_string(row->name));
    }
  for (const struct row_section *section = sections; section && section->name; section++) {
    set(properties, section->name, section->schema(section));
    if (section->required) json_array_append_new(required, json_string(section->name));
  }
  if (json_array_size(required) && form == FORM_WHOLE) set(schema, "required", required);
  else json_decref(required);
  set(schema, "additionalProperties", json_false());
  set(schema, "properties", properties);
  return schema;
}

static json_t *rows_schema(const struct param_row *rows, enum form form) {
  const struct row_table tables[] = {{rows, NULL}, {0}};
  return mapping_schema(tables, NULL, form);
}

/* A mapping from names to what `values` accepts. */
static json_t *named_schema(const struct row_section *section, json_t *values) {
  json_t *schema = typed("object", section->help, NULL);
  set(schema, "propertyNames", reference("name", ""));
  set(schema, "additionalProperties", values);
  return schema;
}

json_t *schema_include(const struct row_section *section) {
  json_t *schema = typed(NULL, section->help, NULL), *forms = json_array(), *list = json_object();
  set(list, "type", json_string("array"));
  set(list, "items", typed("string", NULL, NULL));
  json_array_append_new(forms, typed("string", NULL, NULL));
  json_array_append_new(forms, list);
  set(schema, "anyOf", forms);
  return schema;
}

json_t *schema_catalogue(const struct row_section *section) {
  json_t *schema = rows_schema(manifest_catalogue_rows, FORM_WHOLE);
  set(schema, "description", json_string(section->help));
  return schema;
}

json_t *schema_chains(const struct row_section *section) {
  return named_schema(section, reference("stages", ""));
}

json_t *schema_variants(const struct row_section *section) {
  const struct variant_tables all = manifest_variant_tables(NULL);
  json_t *schema = named_schema(section, mapping_schema(all.tables, NULL, FORM_WHOLE));
  set(schema, "minProperties", json_integer(1));
  return schema;
}

json_t *schema_defaults(const struct row_section *section) {
  json_t *schema = mapping_schema(NULL, manifest_choice_sections, FORM_WHOLE);
  set(schema, "description", json_string(section->help));
  return schema;
}

json_t *schema_tracks(const struct row_section *section) {
  const struct row_table tables[] = {{manifest_track_rows, NULL}, {edit_rows, NULL}, {0}};
  json_t *schema = typed("array", section->help, NULL);
  set(schema, "minItems", json_integer(1));
  set(schema, "maxItems", json_integer(MANIFEST_TRACKS));
  json_t *track = mapping_schema(tables, manifest_track_sections, FORM_WHOLE);
  set(track, "oneOf", json_pack("[{s:[s]}, {s:[s,s]}]", "required", "source", "required", "stems",
                                "title"));
  set(schema, "items", track);
  return schema;
}

/* A list of so many mappings. */
static json_t *list_of_mappings(const struct row_section *section, int most, json_t *item) {
  json_t *schema = typed("array", section->help, NULL);
  set(schema, "minItems", json_integer(1));
  set(schema, "maxItems", json_integer(most));
  set(schema, "items", item);
  return schema;
}

json_t *schema_stems(const struct row_section *section) {
  const struct row_table tables[] = {{stem_rows, NULL}, {stem_place_rows, NULL}, {0}};
  json_t *stem = mapping_schema(tables, manifest_stem_sections, FORM_WHOLE);
  set(stem, "oneOf", json_pack("[{s:[s]}, {s:[s]}, {s:[s]}, {s:[s]}]", "required", "channels",
                               "required", "position", "required", "positions", "required",
                               "automation"));
  return list_of_mappings(section, STEMS_MOST, stem);
}

json_t *schema_automation(const struct row_section *section) {
  const struct row_table tables[] = {{stem_point_rows, NULL}, {stem_place_rows, NULL}, {0}};
  json_t *point = mapping_schema(tables, NULL, FORM_WHOLE);
  set(point, "oneOf", json_pack("[{s:[s]}, {s:[s]}]", "required", "position", "required",
                                "positions"));
  return list_of_mappings(section, STEM_POINTS, point);
}

/* A layout, a speaker, or a list of speakers. */
json_t *schema_stem_channels(const struct row_section *section) {
  json_t *schema = typed(NULL, section->help, NULL), *labels = json_array(), *layout_names,
         *list = typed("array", "speakers", NULL), *forms = json_array();
  for (const struct layout *l = layouts; l->name; l++)
    for (int c = 0; c < l->channels; c++) {
      json_t *label = json_string(l->speaker[c]->label), *known;
      size_t i;
      bool there = false;
      json_array_foreach(labels, i, known) there |= json_equal(label, known);
      if (there) json_decref(label);
      else json_array_append_new(labels, label);
    }
  layout_names = json_array();
  for (const char *const *name = layout_choices + 1; *name; name++) {
    char *end;
    json_array_append_new(layout_names, json_string(*name));
    const double value = strtod(*name, &end);
    if (!*end) json_array_append_new(layout_names, number(value));
  }
  set(list, "minItems", json_integer(1));
  set(list, "uniqueItems", json_true());
  set(list, "items", json_pack("{s:O}", "enum", labels));
  json_array_append_new(forms, json_pack("{s:o}", "enum", layout_names));
  json_array_append_new(forms, json_pack("{s:o}", "enum", labels));
  json_array_append_new(forms, list);
  set(schema, "anyOf", forms);
  return schema;
}

json_t *schema_chain(const struct row_section *section) {
  json_t *schema = typed(NULL, section->help, NULL), *forms = json_array();
  json_array_append_new(forms, reference("name", ""));
  json_array_append_new(forms, reference("stages", ""));
  json_array_append_new(forms, reference("changes", ""));
  set(schema, "anyOf", forms);
  return schema;
}

json_t *schema_variant_names(const struct row_section *section) {
  json_t *schema = typed("array", section->help, NULL);
  set(schema, "minItems", json_integer(1));
  set(schema, "uniqueItems", json_true());
  set(schema, "items", reference("name", ""));
  return schema;
}

/* {stage: settings, ...} with the stages of a chain. */
static json_t *stage_properties(const char *kind) {
  json_t *properties = json_object();
  const struct stage *stage;
  for (int i = 0; (stage = manifest_stage(i)); i++)
    if (stage->role == STAGE_CHAIN) set(properties, stage->name, reference(kind, stage->name));
  return properties;
}

static json_t *stages_definition(void) {
  json_t *item = typed("object", "one stage", NULL);
  set(item, "minProperties", json_integer(1));
  set(item, "maxProperties", json_integer(1));
  set(item, "additionalProperties", json_false());
  set(item, "properties", stage_properties("stage_"));
  json_t *schema = typed("array", "stages, in the order of the signal", NULL);
  set(schema, "maxItems", json_integer(MANIFEST_CHAIN_STAGES));
  set(schema, "items", item);
  return schema;
}

static json_t *changes_definition(void) {
  json_t *schema = typed("object", "a chain with other settings in some stages", NULL);
  json_t *required = json_array(), *properties = json_object();
  json_array_append_new(required, json_string("use"));
  set(schema, "required", required);
  set(schema, "additionalProperties", json_false());
  set(properties, "use", reference("name", ""));
  json_t *stages = stage_properties("changes_");
  json_object_update(properties, stages);
  json_decref(stages);
  set(schema, "properties", properties);
  return schema;
}

static void set_stage(json_t *definitions, const char *kind, const struct stage *stage,
                      enum form form) {
  json_t *schema = rows_schema(stage->rows, form);
  char *key = memory_print("%s%s", kind, stage->name);
  set(schema, "description", json_string(stage->help));
  set(definitions, key, schema);
  free(key);
}

static json_t *definitions_schema(void) {
  json_t *definitions = json_object();
  json_t *name = typed("string", "a name", NULL);
  set(name, "pattern", json_string("^[A-Za-z0-9_-]{1,64}$"));
  set(definitions, "name", name);
  set(definitions, "stages", stages_definition());
  set(definitions, "changes", changes_definition());
  const struct stage *stage;
  for (int i = 0; (stage = manifest_stage(i)); i++) {
    if (stage->role != STAGE_CHAIN) continue;
    set_stage(definitions, "stage_", stage, FORM_WHOLE);
    set_stage(definitions, "changes_", stage, FORM_CHANGES);
  }
  return definitions;
}

int manifest_write_schema(FILE *out) {
  const struct row_table tables[] = {{manifest_top_rows, NULL}, {0}};
  json_t *schema = json_object();
  json_t *top = mapping_schema(tables, manifest_top_sections, FORM_WHOLE);
  set(schema, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
  set(schema, "title", json_string("lacquer manifest, version 1"));
  json_object_update(schema, top);
  json_decref(top);
  set(schema, "anyOf", json_pack("[{s:[s,s]}, {s:[s]}]", "required", "variants", "tracks",
                                 "required", "include")); /* which may hold them */
  set(schema, "$defs", definitions_schema());
  int failed = json_dumpf(schema, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
  json_decref(schema);
  return failed || fputc('\n', out) == EOF || fflush(out) ? STATUS_IO : STATUS_OK;
}
