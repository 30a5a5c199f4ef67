/* SPDX-License-Identifier: MIT
 * See hash.h. SHA-256 by OpenSSL's EVP interface. */
#include "hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHA256_BYTES = 32, FILE_BLOCK_BYTES = 1 << 18 };

void hash_init(struct hash *hash) {
  hash->context = EVP_MD_CTX_new();
  if (hash->context && EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) != 1)
    hash_drop(hash);
}

void hash_update(struct hash *hash, const void *bytes, size_t n) {
  if (hash->context && EVP_DigestUpdate(hash->context, bytes, n) != 1)
    hash_drop(hash);
}

int hash_final(struct hash *hash, char text[HASH_TEXT_SIZE]) {
  unsigned char digest[SHA256_BYTES];
  unsigned int size = 0;
  int ok = hash->context && EVP_DigestFinal_ex(hash->context, digest, &size) == 1 &&
           size == SHA256_BYTES;
  hash_drop(hash);
  text[0] = '\0';
  if (!ok)
    return -1;
  for (int i = 0; i < SHA256_BYTES; i++) {
    text[2 * i] = "0123456789abcdef"[digest[i] >> 4];
    text[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
  }
  text[2 * SHA256_BYTES] = '\0';
  return 0;
}

void hash_drop(struct hash *hash) {
  EVP_MD_CTX_free(hash->context);
  hash->context = NULL;
}

int hash_bytes(const void *bytes, size_t n, char text[HASH_TEXT_SIZE]) {
  struct hash hash;
  hash_init(&hash);
  hash_update(&hash, bytes, n);
  return hash_final(&hash, text);
}

/* Feeds the rest of `fd` to the hash. Returns the bytes read, or -1 with errno. */
static int64_t hash_descriptor(struct hash *hash, int fd) {
  unsigned char *block = malloc(FILE_BLOCK_BYTES);
  int64_t total = 0;
  ssize_t got = block ? 1 : -1;
  while (got > 0) {
    got = read(fd, block, FILE_BLOCK_BYTES);
    if (got < 0 && errno == EINTR) {
      got = 1;
    } else if (got > 0) {
      hash_update(hash, block, (size_t)got);
      total += got;
    }
  }
  free(block);
  return got < 0 ? -1 : total;
}

enum status hash_file(const char *path, char text[HASH_TEXT_SIZE], int64_t *n_bytes,
                      struct failure *why) {
  text[0] = '\0';
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return fail(why, STATUS_NO_INPUT, "%s: cannot open: %s", path, strerror(errno));
  struct hash hash;
  hash_init(&hash);
  int64_t total = hash_descriptor(&hash, fd);
  int error = errno;
  close(fd);
  int failed = hash_final(&hash, text);
  if (total < 0) {
    text[0] = '\0';
    return fail(why, STATUS_IO, "%s: cannot read: %s", path, strerror(error));
  }
  if (failed)
    return fail(why, STATUS_INTERNAL, "%s: the SHA-256 library failed", path);
  if (n_bytes)
    *n_bytes = total;
  return STATUS_OK;
}
