/* SPDX-License-Identifier: MIT
 * SHA-256, in pieces or of a whole file, as lower-case hexadecimal text. */
#ifndef LACQUER_HASH_H
#define LACQUER_HASH_H
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

enum { HASH_TEXT_SIZE = 65 }; /* 64 hexadecimal digits and the closing zero */

/* One running hash. A context belongs to one thread at a time. It never fails
 * half-way: when the library refuses, hash_final says so. */
struct hash {
  void *context; /* EVP_MD_CTX, owned; NULL: failed */
};
void hash_init(struct hash *hash);
void hash_update(struct hash *hash, const void *bytes, size_t n);
/* Ends the hash and frees the context. Returns 0, or -1 when the library failed
 * (no memory, no provider); `text` is then empty. */
int hash_final(struct hash *hash, char text[HASH_TEXT_SIZE]);
void hash_drop(struct hash *hash); /* frees without a result; takes an ended hash */

/* The hash of `n` bytes; 0 or -1 as hash_final. */
int hash_bytes(const void *bytes, size_t n, char text[HASH_TEXT_SIZE]);
/* The hash of a file. *n_bytes (may be NULL) receives its length.
 * STATUS_NO_INPUT when it cannot be opened, STATUS_IO when it cannot be read. */
enum status hash_file(const char *path, char text[HASH_TEXT_SIZE], int64_t *n_bytes,
                      struct failure *why);
#endif
