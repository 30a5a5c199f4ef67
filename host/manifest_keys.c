/* SPDX-License-Identifier: MIT
 * Every key of a manifest, beside those of the stages: the reader and the schema are
 * made from these tables. */
#include "adm.h"
#include "adm_file.h"
#include "manifest_parts.h"
#include "output_name.h"

static const char *const formats[] = {"wav", "aiff", "flac", "adm", NULL};

const char *file_format_extension(int format) {
  return formats[format == FILE_ADM ? FILE_WAV : format];
}

const char *variant_form(const struct variant *variant) {
  if (variant->format != FILE_ADM) return formats[variant->format];
  return variant->adm == ADM_DOLBY ? "adm dolby" : "adm itu";
}

#define AT(field) offsetof(struct manifest, field)
#define VERSION_ROW \
    {.name = "lacquer", .type = PARAM_INTEGER, .offset = AT(version), .min = 1, .max = 1, \
     .required = 1, .help = "version of the manifest's form"}
const struct param_row manifest_part_rows[] = {VERSION_ROW, {0}};
const struct param_row manifest_top_rows[] = {
    VERSION_ROW,
    {.name = "output", .type = PARAM_TEXT, .offset = AT(output), .min = 1,
     .max = OUTPUT_TEMPLATE_BYTES,
     .help = "template of the deliverables' names, by default " OUTPUT_NAME_DEFAULT
             "; further fields: {artist} {album} {disc} {isrc} {source}"},
    {0},
};
#undef AT

#define AT(field) offsetof(struct catalogue, field)
const struct param_row manifest_catalogue_rows[] = {
    {.name = "title", .type = PARAM_TEXT, .offset = AT(title), .min = 1, .max = 1000,
     .help = "title of the album"},
    {.name = "artist", .type = PARAM_TEXT, .offset = AT(artist), .min = 1, .max = 1000,
     .help = "artist of the album, and of every track that names none"},
    {.name = "upc", .type = PARAM_TEXT, .offset = AT(upc), .min = 12, .max = 13,
     .help = "UPC or EAN: 12 or 13 digits, the last one a check digit"},
    {.name = "genre", .type = PARAM_TEXT, .offset = AT(genre), .min = 1, .max = 200,
     .help = "genre"},
    {.name = "year", .type = PARAM_INTEGER, .offset = AT(year), .min = 1000, .max = 9999,
     .help = "year of release"},
    {0},
};
#undef AT

const struct param_row manifest_variant_rows[] = {
    {.name = "format", .type = PARAM_CHOICE, .offset = offsetof(struct variant, format),
     .initial = FILE_WAV, .choices = formats, .help = "file format; adm: a bed as ADM BWF"},
    {.name = "adm", .type = PARAM_CHOICE, .offset = offsetof(struct variant, adm),
     .initial = ADM_DOLBY, .choices = adm_flavour_names,
     .help = "flavour of format adm: Dolby Atmos Master ADM profile, or ITU-R BS.2076"},
    {0},
};

#define AT(field) offsetof(struct track, field)
const struct param_row manifest_track_rows[] = {
    {.name = "source", .type = PARAM_TEXT, .offset = AT(source_text), .min = 1, .max = 4000,
     .help = "audio file, relative to the file that names it; or several: a "
     "pattern with * ? and **/, or a track list (*.csv, *.tsv) with one track a row"},
    {.name = "title", .type = PARAM_TEXT, .offset = AT(title), .min = 1, .max = 1000,
     .help = "title, by default the source's file name"},
    {.name = "artist", .type = PARAM_TEXT, .offset = AT(artist), .min = 1, .max = 1000,
     .help = "artist, by default the catalogue's"},
    {.name = "isrc", .type = PARAM_TEXT, .offset = AT(isrc), .min = 12, .max = 15,
     .help = "ISRC: 2 letters, 3 letters or digits, 7 digits; hyphens do not count"},
    {.name = "number", .type = PARAM_INTEGER, .offset = AT(number), .min = 1, .max = 9999,
     .help = "track number, by default the position in the list, or on the disc"},
    {.name = "disc", .type = PARAM_INTEGER, .offset = AT(disc), .min = 1,
     .max = MANIFEST_DISCS,
     .help = "disc of an album of several"},
    {0},
};
#undef AT

#define INCLUDE_SECTION \
    {"include", "a file, or a list of files, with further chains, variants and tracks", false, \
     manifest_read_include, schema_include}
#define NAMED_SECTIONS \
    {"chains", "names and the lists of stages they stand for", false, manifest_read_chains, \
     schema_chains}, \
    {"variants", "names and the deliverables they stand for", false, manifest_read_variants, \
     schema_variants}
#define TRACKS_SECTION \
    {"tracks", "a list of tracks", false, manifest_note_tracks, schema_tracks}
const struct row_section manifest_top_sections[] = {
    INCLUDE_SECTION,
    {"catalogue", "what all tracks have in common", false, manifest_read_catalogue,
     schema_catalogue},
    NAMED_SECTIONS,
    {"defaults", "chain and variants of every track that chooses none", false,
     manifest_note_defaults, schema_defaults},
    TRACKS_SECTION,
    {0},
};
const struct row_section manifest_part_sections[] = {
    INCLUDE_SECTION, NAMED_SECTIONS, TRACKS_SECTION, {0},
};

#define CHOICE_SECTIONS \
    {"chain", "a chain's name, a list of stages, or {use: name} with changes per stage", false, \
     manifest_read_chain, schema_chain}, \
    {"variants", "names of the variants to deliver, by default all", false, \
     manifest_read_variant_names, schema_variant_names}
const struct row_section manifest_choice_sections[] = {CHOICE_SECTIONS, {0}};
const struct row_section manifest_track_sections[] = {
    CHOICE_SECTIONS,
    {"stems", "in place of a source: the files that the track is mixed from", false,
     manifest_read_stems, schema_stems},
    {0},
};
const struct row_section manifest_stem_sections[] = {
    {"channels", "speakers of the bed, one for each channel of the file, or the file's layout",
     false, manifest_read_stem_channels, schema_stem_channels},
    {"automation", "where an object is when, in ascending time", false, manifest_read_automation,
     schema_automation},
    {0},
};

/* The place of each tail stage's settings in a variant. */
static const struct {
  const char *stage;
  size_t offset;
} tails[] = {
    {"resample", offsetof(struct variant, resample)},
    {"fold", offsetof(struct variant, fold)},
    {"binaural", offsetof(struct variant, binaural)},
    {"loudness", offsetof(struct variant, loudness)},
    {"limiter", offsetof(struct variant, limiter)},
    {"dither", offsetof(struct variant, dither)},
};

const void *manifest_tail_params(const struct variant *variant, const struct stage *stage) {
  for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
    if (stage == stage_find(tails[i].stage)) return (const char *)variant + tails[i].offset;
  return NULL;
}

struct variant_tables manifest_variant_tables(struct variant *variant) {
  static struct variant nothing; /* stands in for NULL: its address is taken, no more */
  char *base = (char *)(variant ? variant : &nothing);
  struct variant_tables out = {{{manifest_variant_rows, base}}};
  for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
    out.tables[1 + i] =
        (struct row_table){stage_find(tails[i].stage)->rows, base + tails[i].offset};
  return out;
}
