/* SPDX-License-Identifier: MIT
 * See track_source.h. */
#include "track_source.h"

int track_source_files(const struct track *track) { return track->stems ? track->stems->n : 1; }

const char *track_source_file(const struct track *track, int i) {
  return track->stems ? track->stems->items[i].path : track->source;
}

enum status track_source_stat(const struct track *track, struct source_file *out,
                              struct failure *why) {
  return track->stems ? stems_stat(track, out, NULL, why)
                      : source_file_stat(track->source, track->source_text, out, why);
}

enum status track_source_headers(const struct track *track, struct audio *out,
                                 int64_t *extra_bytes, struct failure *why) {
  *extra_bytes = 0;
  return track->stems ? stems_headers(track, out, extra_bytes, why)
                      : decode_headers(track->source, edit_layout(&track->edit), out, why);
}

enum status track_source_decode(const struct track *track, struct audio *out,
                                struct failure *why) {
  return track->stems ? stems_decode(track, out, why)
                      : decode_stated(track->source, edit_layout(&track->edit), out, why);
}
