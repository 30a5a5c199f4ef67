/* SPDX-License-Identifier: MIT
 * The files below a folder, by name. */
#ifndef LACQUER_FILE_TREE_H
#define LACQUER_FILE_TREE_H
#include <stdbool.h>

#include "failure.h"

struct file_tree {
  int n;
  char **names; /* below the folder, "/" between components, ascending; owned */
};
typedef bool file_wanted(const char *name); /* of its last component */

/* Every wanted regular file at any depth; names that begin with a dot (temporary files) and
 * folders behind symbolic links are passed over. STATUS_NO_INPUT: a folder cannot be read. */
enum status file_tree_list(const char *folder, file_wanted *wanted, struct file_tree *out,
                           struct failure *why);
void file_tree_free(struct file_tree *tree); /* takes an empty one; leaves it empty */

bool file_is_folder(const char *path);
bool name_ends_in(const char *name, const char *ending); /* letters of either case */
#endif
