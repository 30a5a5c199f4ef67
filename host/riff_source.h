/* SPDX-License-Identifier: MIT
 * Sources that the audio library does not read: immersive masters (ADM in RIFF, RF64 and BW64),
 * and BW64 files without a scene. */
#ifndef LACQUER_RIFF_SOURCE_H
#define LACQUER_RIFF_SOURCE_H
#include "ingest.h"

/* The file's audio, and of a master its scene and model; axml, chna and dbmd are part of
 * audio->sha256. `stated`: of a master it must be its bed's layout. Statuses as decode_stated. */
enum status riff_source_read(const char *path, const struct layout *stated, struct ingest *ingest,
                             struct audio *audio, struct failure *why);
/* What ingest_check takes. */
enum status riff_source_format(const char *path, const struct layout *stated,
                               struct ingest_format *format, struct failure *why);
#endif
