/* SPDX-License-Identifier: MIT
 * An immersive master in a file: the Audio Definition Model (ITU-R BS.2076) as the axml, chna
 * and dbmd chunks of a WAV, RF64 or BW64 file carry it. See adm.md. A model belongs to one
 * thread at a time. */
#ifndef LACQUER_ADM_H
#define LACQUER_ADM_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "chna.h"
#include "dbmd.h"
#include "failure.h"
#include "problems.h"
#include "riff.h"

/* A time as it is written: n / per seconds. "00:00:00.01067": 1067 / 100000; in samples,
 * "00:00:01.24000S48000": 72000 / 48000. per 0: none. */
struct adm_time {
  int64_t n;
  int32_t per;
};
bool adm_time_read(const char *text, struct adm_time *time); /* false: it is none */
/* In units of 1 / per seconds, rounded down; per <= 1e9. */
int64_t adm_time_in(struct adm_time time, int32_t per);
double adm_time_s(struct adm_time time);

enum adm_kind { /* typeDefinition; the values of typeLabel */
  ADM_SPEAKERS = 1, ADM_MATRIX, ADM_OBJECTS, ADM_HOA, ADM_BINAURAL
};
extern const char *const adm_kind_names[]; /* "", "DirectSpeakers", ...; NULL after the last */

enum { /* what a block states, beside its position; bits of `has` */
  ADM_GAIN = 1, ADM_IMPORTANCE = 2, ADM_WIDTH = 4, ADM_HEIGHT = 8, ADM_DEPTH = 16,
  ADM_DIFFUSE = 32, ADM_LOCK = 64, ADM_LOCK_DISTANCE = 128, ADM_JUMP = 256,
  ADM_INTERPOLATION = 512, ADM_ZONES = 1024,
  ADM_X = 2048, ADM_Y = 4096, ADM_Z = 8192,
  ADM_CARTESIAN = 16384,
  ADM_SIZE = ADM_WIDTH | ADM_HEIGHT | ADM_DEPTH,
};
struct adm_block { /* audioBlockFormat */
  struct adm_time rtime, duration; /* within the object; none: all of it */
  /* cartesian: X, Y, Z in -1 .. 1 (right, front, up); else azimuth (left), elevation in
   * degrees and distance */
  double position[3];
  double gain; /* linear */
  float width, height, depth, diffuse, lock_distance, interpolation_s;
  uint32_t has;
  uint16_t zones; /* excluded: bit of adm_zones[i] */
  int16_t importance;
  bool cartesian, jump, lock;
};
struct adm_zone {
  const char *name;
  double limits[6]; /* minX maxX minY maxY minZ maxZ */
};
enum { ADM_MOST_ZONES = 11 };
extern const struct adm_zone adm_zones[ADM_MOST_ZONES]; /* those of the Dolby profile */

struct adm_list { /* indices into a table of the model */
  int *items, n;  /* owned */
};

enum { ADM_LOUDNESSES = 6 };
extern const char *const adm_loudness_names[]; /* "integratedLoudness", ... */
struct adm_loudness { /* of a programme or a content, LKFS, LU, dBTP */
  double values[ADM_LOUDNESSES];
  unsigned has; /* bits */
  const char *method;
};

/* The elements of a file. Texts belong to the model; lists and indices are those of the
 * tables in struct adm; an index of -1: none. IDs are as in the file; adm_write may give new
 * ones. */
struct adm_programme {
  char id[16];
  const char *name, *language;
  struct adm_time start, end;
  struct adm_list contents;
  struct adm_loudness loudness;
};
struct adm_content {
  char id[16];
  const char *name, *language;
  int dialogue; /* 0 none, 1 dialogue, 2 mixed; -1: not stated */
  int kind;     /* nonDialogueContentKind, ...; -1: not stated */
  struct adm_list objects;
  struct adm_loudness loudness;
};
struct adm_object {
  char id[16];
  const char *name;
  struct adm_time start, duration;
  int importance, interact, disable_ducking, dialogue; /* -1: not stated */
  double gain; /* linear; 1: none */
  struct adm_list packs, tracks, objects, complementary;
};
struct adm_pack {
  char id[16];
  const char *name;
  enum adm_kind kind;
  bool common;  /* of the common definitions (BS.2094), not in the file */
  int importance;
  struct adm_list channels, packs;
};
struct adm_channel {
  char id[16];
  const char *name;
  enum adm_kind kind;
  bool common;
  char label[48];             /* speakerLabel of its blocks; "" */
  double low_hz, high_hz;     /* frequency: highPass, lowPass; 0: none */
  struct adm_block *blocks;   /* owned */
  int n_blocks;
  bool numbered; /* the IDs of its blocks are its own, counted from 1 */
};
struct adm_stream {
  char id[16];
  const char *name;
  int channel, pack;
  struct adm_list formats;
};
struct adm_track_format {
  char id[16];
  const char *name;
  int stream;
};
struct adm_track { /* audioTrackUID, row of chna */
  char uid[16], format_ref[16];
  int index;         /* channel of the file, from 0; -1: none (silence) */
  int channel, pack;
  int bits, rate_hz; /* 0: not stated */
  bool in_axml, in_chna, differs; /* axml and chna refer to different formats or packs */
};

enum { ADM_MOST_FOREIGN = 16 };
struct adm {
  int n_programmes, n_contents, n_objects, n_packs, n_channels, n_streams, n_formats, n_tracks;
  struct adm_programme *programmes;
  struct adm_content *contents;
  struct adm_object *objects;
  struct adm_pack *packs;
  struct adm_channel *channels;
  struct adm_stream *streams;
  struct adm_track_format *formats;
  struct adm_track *tracks;
  bool has_dbmd;
  struct dbmd dbmd;
  /* Elements and attributes within audioFormatExtended that the model does not hold; a master
   * with such is copied, not written anew. */
  int n_foreign;
  const char *foreign[ADM_MOST_FOREIGN]; /* the first ones */
  struct texts *texts;                   /* owned */
};
struct adm *adm_new(void);
void adm_destroy(struct adm **adm); /* takes NULL; writes NULL */
const char *adm_text(struct adm *adm, const char *text); /* a copy that belongs to the model */
void adm_list_add(struct adm_list *list, int item);
enum adm_table { /* in the order of the elements in a file */
  ADM_PROGRAMMES, ADM_CONTENTS, ADM_OBJECT_TABLE, ADM_PACKS, ADM_CHANNELS, ADM_STREAMS,
  ADM_FORMATS, ADM_TRACKS, ADM_TABLES
};
extern const char *const adm_table_names[ADM_TABLES]; /* of an element: "audioProgramme", ... */
/* A row more, without contents: indices and what is not stated are -1; its index. */
int adm_add(struct adm *adm, enum adm_table table);
int adm_rows(const struct adm *adm, enum adm_table table);
void *adm_row(const struct adm *adm, enum adm_table table, int i);
/* A block more of a channel, for all of its time, at 0, 0, 0; false: no memory. */
bool adm_add_block(struct adm_channel *channel, struct adm_block **block);
/* The kind of an object: that of its first pack; 0: it has none. */
int adm_object_kind(const struct adm *adm, const struct adm_object *object);

/* ---- making ---- */

enum adm_flavour { ADM_DOLBY, ADM_ITU };
struct adm_shape {
  enum adm_flavour flavour;
  const char *layout; /* of the bed: ADM_DOLBY "2.0", "3.0", "7.0", "7.1", "7.0.2", "7.1.2" (what
                         other tools expect); ADM_ITU "2.0", "5.1", "7.1", "5.1.4", "7.1.4",
                         "7.1.2"; NULL: no bed */
  int n_objects;      /* beside the bed; at the front, in the middle */
  int rate_hz;
  int64_t n_frames;
};
/* One programme and content; the bed on the first tracks, then the objects, each with one
 * block over the whole length; dbmd as dbmd_init when ADM_DOLBY. STATUS_BAD_DATA: no such
 * layout, or more than 118 objects or 128 tracks (ADM_DOLBY). */
enum status adm_make(const struct adm_shape *shape, struct adm **adm, struct failure *why);
/* Channel i of a layout in its order. `label` and position, or NULL when there is none. */
struct adm_speaker {
  const char *id, *name, *label; /* of the common definitions; ADM_DOLBY: "" */
  double position[3];
  double low_hz, high_hz;
};
const struct adm_speaker *adm_speaker(enum adm_flavour flavour, const char *layout, int i);
const struct adm_speaker *adm_room_speaker(const char *label); /* of the Dolby profile, or NULL */
/* The common definition of a channel by its ID ("AC_00010001"), of a pack its layout ("5.1");
 * NULL: not known here. */
const struct adm_speaker *adm_common_channel(const char *id);
const char *adm_common_layout(const char *pack_id);
const char *adm_common_pack(const char *layout); /* the other way round */
/* The layout of the Dolby profile that has these labels in this order; NULL: none. */
const char *adm_dolby_layout(const char *const *labels, int n);

/* ---- files ---- */

struct adm_chunks { /* bodies as they stand in a file; owned; NULL: none */
  unsigned char *axml, *chna, *dbmd;
  size_t axml_bytes, chna_bytes, dbmd_bytes;
};
enum {
  ADM_MOST_AXML_BYTES = 512 << 20,
  ADM_MOST_BLOCKS = 8000000,
  ADM_MOST_ELEMENTS = 200000,
  ADM_XML_DEPTH = 64,
};
/* STATUS_BAD_DATA: a chunk is larger than the limits; STATUS_AGAIN, STATUS_IO. */
enum status adm_chunks_load(const struct riff_file *file, struct adm_chunks *chunks,
                            struct failure *why);
void adm_chunks_free(struct adm_chunks *chunks); /* takes empty ones */
/* What they say. Accepted: axml in ebuCore or ITU form, of BS.2076-0 to -2; references only in
 * chna; blocks that overlap by 10 us. Told with `path`: text that is no XML, a document type,
 * two elements of one ID, references to nothing, values that are no numbers, blocks out of
 * order. STATUS_BAD_DATA, STATUS_AGAIN. */
enum status adm_read(const struct adm_chunks *chunks, const struct riff_file *file,
                     struct adm **adm, struct failure *why);

/* The chunks of a model, all elements with new IDs in the order of their tables; beds first
 * when ADM_DOLBY, where objects have the IDs from AO_100b on, and dbmd names lacquer as its
 * tool. Durations of blocks may be left out: a block lasts until the next one, the last one as
 * long as its object. STATUS_BAD_DATA, told with `path`: the flavour cannot carry the model.
 * STATUS_AGAIN: no memory. */
enum status adm_write(const struct adm *adm, enum adm_flavour flavour, const char *path,
                      const struct riff_format *format, int64_t n_frames,
                      struct adm_chunks *chunks, struct failure *why);
/* The chunks in their places of a file; they must outlive the layout. */
struct riff_layout adm_layout(const struct adm_chunks *chunks, enum adm_flavour flavour,
                              const struct riff_format *format, int64_t n_frames);

/* Where a master departs from the Dolby Atmos Master ADM profile, as far as the profile is
 * public: problems of one file. `file` may be NULL: its form is not looked at. */
void adm_check_dolby(const struct adm *adm, const struct riff_file *file,
                     struct problems *problems);
#endif
