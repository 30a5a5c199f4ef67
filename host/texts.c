/* SPDX-License-Identifier: MIT
 * See texts.h. */
#include "texts.h"

#include <stdlib.h>

#include "memory.h"

enum { BLOCK_BYTES = 1 << 16 };

struct block {
  struct block *next;
  char bytes[];
};
struct texts {
  struct block *first;
  size_t used, size; /* of the first block */
};

struct texts *texts_create(void) { return memory_new(1, sizeof(struct texts)); }

void texts_destroy(struct texts **texts) {
  if (!*texts) return;
  for (struct block *block = (*texts)->first, *next; block; block = next) {
    next = block->next;
    free(block);
  }
  free(*texts);
  *texts = NULL;
}

char *texts_room(struct texts *t, size_t size) {
  if (t->size - t->used < size) {
    t->size = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    t->used = 0;
    struct block *block = memory_new(1, sizeof *block + t->size);
    block->next = t->first;
    t->first = block;
  }
  char *text = t->first->bytes + t->used;
  t->used += size;
  return text;
}
