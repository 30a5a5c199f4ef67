/* SPDX-License-Identifier: MIT
 * Any bytes as a receipt: it is read, every text closed, or there is none. */
#include <string.h>

#include "fuzz.h"
#include "receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fuzz_file file = fuzz_file_open(data, size);
  struct receipt *receipt = malloc(sizeof *receipt);
  FUZZ_CHECK(receipt);
  memset(receipt, 0xA5, sizeof *receipt);
  if (receipt_read(file.path, receipt)) {
#define CLOSED(member) FUZZ_CHECK(memchr(receipt->member, 0, sizeof receipt->member))
    CLOSED(key), CLOSED(file_key), CLOSED(pcm_sha256), CLOSED(file_sha256);
    CLOSED(source.audio_sha256), CLOSED(verdict), CLOSED(stopped_by), CLOSED(album);
    CLOSED(chain), CLOSED(device), CLOSED(driver), CLOSED(tier), CLOSED(note);
#undef CLOSED
  }
  free(receipt);
  fuzz_file_close(&file);
  return 0;
}
