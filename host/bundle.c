/* SPDX-License-Identifier: MIT
 * See bundle.h. */
#include "bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "publish.h"
#include "settings.h"
#include "shaders.h"

void bundle_write(const struct plan *plan, const struct track_plan *track,
                  const struct engine *engine, const struct mismatch *m) {
  const struct track *source = &plan->manifest->tracks[track->units[0].unit->track];
  char device[16], reference[16];
  struct failure why;
  snprintf(device, sizeof device, "%08x", m->device_word);
  snprintf(reference, sizeof reference, "%08x", m->reference_word);
  json_t *root = json_pack(
      "{s:s, s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "stage", m->stage, "data",
      m->data, "channel", m->channel, "frame", m->frame, "device_word", device, "reference_word",
      reference, "device", engine->name, "driver", engine->driver, "engine_sha256",
      lacquer_engine_hash, "spirv_sha256", lacquer_spirv_hash, "source", source->source_text,
      "key", track->units[0].key);
  if (source->stems)
    json_object_set_new(root, "stems", stems_json(source->stems, track->units[0].stem_sha256));
  json_object_set_new(root, "chain", settings_of_chain(&source->chain));
  if (track->matched) json_object_set_new(root, "match", matched_json(track->matched));
  char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  char *path = memory_print("%s/mismatch-%.12s.json", plan->folder, track->units[0].key);
  if (text && write_file_atomic(path, text, strlen(text), &why))
    fprintf(stderr, "lacquer: %s\n", why.text);
  free(path);
  free(text);
  json_decref(root);
}
