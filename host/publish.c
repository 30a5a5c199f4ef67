/* SPDX-License-Identifier: MIT
 * See publish.h. */
#define _DEFAULT_SOURCE /* flock */
#include "publish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "utf8.h"

enum {
  MAX_NAME_BYTES = 255, /* of one path component, on every file system in use */
  MAX_HOST_BYTES = 64,
  UNSURE_SECONDS = 3600,   /* nobody writes for so long and no lock is held: given up */
  FOREIGN_SECONDS = 86400, /* the same, of another host, whose locks may not be seen */
  MAX_TEMP_TRIES = 100,
};

/* This host's name as it stands in temporary names. */
static void host_name(char host[MAX_HOST_BYTES + 1]) {
  if (gethostname(host, MAX_HOST_BYTES + 1) != 0)
    host[0] = '\0';
  host[MAX_HOST_BYTES] = '\0';
  for (char *c = host; *c; c++)
    if (*c == '/')
      *c = '_';
  if (!host[0])
    memcpy(host, "host", sizeof "host");
}

/* The folder of a path: "." or "/" or the text before the last slash. NULL: no memory. */
static char *folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash)
    return strdup(".");
  return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* Makes the folder's entries durable. A file system that cannot do it for folders says
 * EINVAL or the like, which is no fault of the file. 0, or -1 with errno. */
static int sync_folder(const char *folder) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return errno == EACCES ? 0 : -1; /* write-only folders exist */
  int result = fsync(fd);
  int error = errno;
  close(fd);
  errno = error;
  if (result != 0 && (error == EINVAL || error == ENOTSUP || error == EROFS || error == ENOSYS))
    return 0;
  return result;
}

static int is_folder(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* One folder whose parent exists. 0, or -1 with errno. */
static int make_folder(const char *folder) {
  if (is_folder(folder))
    return 0;
  if (mkdir(folder, 0777) == 0) {
    char *parent = folder_of(folder);
    int result = parent ? sync_folder(parent) : -1;
    free(parent);
    return result;
  }
  if (errno != EEXIST)
    return -1;
  if (is_folder(folder)) /* another process was quicker */
    return 0;
  errno = ENOTDIR;
  return -1;
}

enum status make_folders(const char *folder, struct failure *why) {
  char *path = strdup(folder);
  if (!path)
    return fail(why, STATUS_AGAIN, "%s: out of memory", folder);
  int result = 0;
  for (char *c = path + 1; path[0] && *c && result == 0; c++) {
    if (*c != '/')
      continue;
    *c = '\0';
    result = make_folder(path);
    if (result == 0)
      *c = '/';
  }
  if (result == 0 && path[0] && path[strlen(path) - 1] != '/')
    result = make_folder(path);
  enum status status = STATUS_OK;
  if (result != 0)
    status = fail(why, STATUS_CANT_CREATE, "%s: cannot make the folder %s: %s", folder, path,
                  strerror(errno));
  free(path);
  return status;
}

/* "<folder>/.<name>.<host>.<pid>.<counter>.tmp" with <name> cut, at the border of a
 * UTF-8 character, to what a path component can hold. NULL: no memory. */
static char *temp_name(const char *folder, const char *final, unsigned counter) {
  const char *slash = strrchr(final, '/');
  const char *name = slash ? slash + 1 : final;
  char host[MAX_HOST_BYTES + 1], tail[MAX_HOST_BYTES + 64];
  host_name(host);
  int tail_bytes = snprintf(tail, sizeof tail, ".%s.%ld.%u.tmp", host, (long)getpid(), counter);
  size_t bytes = utf8_cut(name, strlen(name), (size_t)(MAX_NAME_BYTES - 1 - tail_bytes));
  size_t size = strlen(folder) + 2 + bytes + (size_t)tail_bytes + 1;
  char *path = malloc(size);
  if (path)
    snprintf(path, size, "%s/.%.*s%s", folder, (int)bytes, name, tail);
  return path;
}

/* Held while a temporary file comes into being; for ever, once no more may. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

void temp_shut(void) { pthread_mutex_lock(&gate); }

/* A new file, locked as long as it is open: whoever cleans up sees that it is alive. 0, or -1
 * with errno; EEXIST: this name is taken, or its file was taken for a stale one. */
static int create_locked(const char *path) {
  struct stat info;
  pthread_mutex_lock(&gate);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  int error = errno;
  pthread_mutex_unlock(&gate);
  if (fd >= 0 && flock(fd, LOCK_EX) == 0 && fstat(fd, &info) == 0 && info.st_nlink == 0) {
    close(fd);
    fd = -1;
    error = EEXIST;
  }
  errno = error;
  return fd;
}

enum status temp_open(const char *final, int *fd, char **temp_path, struct failure *why) {
  static atomic_uint counter;
  *fd = -1;
  *temp_path = NULL;
  char *folder = folder_of(final);
  enum status status = folder ? make_folders(folder, why)
                              : fail(why, STATUS_AGAIN, "%s: out of memory", final);
  for (int i = 0; status == STATUS_OK && *fd < 0; i++) {
    free(*temp_path);
    *temp_path = temp_name(folder, final, atomic_fetch_add(&counter, 1));
    if (!*temp_path) {
      status = fail(why, STATUS_AGAIN, "%s: out of memory", final);
      break;
    }
    *fd = create_locked(*temp_path);
    if (*fd < 0 && (errno != EEXIST || i >= MAX_TEMP_TRIES))
      status = fail(why, STATUS_CANT_CREATE, "%s: cannot create %s: %s", final, *temp_path,
                    strerror(errno));
  }
  free(folder);
  if (status != STATUS_OK) {
    free(*temp_path);
    *temp_path = NULL;
  }
  return status;
}

/* rename and fsync of the folder; the file itself is already on the disk. */
static enum status move_into_place(const char *temp_path, const char *final,
                                   struct failure *why) {
  if (rename(temp_path, final) != 0) {
    int error = errno;
    unlink(temp_path);
    return fail(why, STATUS_IO, "%s: cannot move the finished file into place: %s", final,
                strerror(error));
  }
  char *folder = folder_of(final);
  enum status status = STATUS_OK;
  if (!folder)
    status = fail(why, STATUS_AGAIN, "%s: out of memory", final);
  else if (sync_folder(folder) != 0)
    status = fail(why, STATUS_IO, "%s: cannot flush its folder to the disk: %s", final,
                  strerror(errno));
  free(folder);
  return status;
}

enum status publish_file(const char *temp_path, const char *final, struct failure *why) {
  int fd = open(temp_path, O_RDONLY | O_CLOEXEC);
  int error = fd < 0 || fsync(fd) != 0 ? errno : 0;
  if (fd >= 0)
    close(fd);
  if (error) {
    unlink(temp_path);
    return fail(why, STATUS_IO, "%s: cannot flush the finished file to the disk: %s", final,
                strerror(error));
  }
  return move_into_place(temp_path, final, why);
}

/* Writes everything and closes. 0, or errno. */
static int write_and_close(int fd, const void *bytes, size_t n) {
  const char *at = bytes;
  int error = 0;
  while (n > 0 && !error) {
    ssize_t done = write(fd, at, n);
    if (done > 0) {
      at += done;
      n -= (size_t)done;
    } else if (done == 0 || errno != EINTR) {
      error = done == 0 ? ENOSPC : errno;
    }
  }
  if (!error && fsync(fd) != 0)
    error = errno;
  if (close(fd) != 0 && !error)
    error = errno;
  return error;
}

enum status write_file_atomic(const char *path, const void *bytes, size_t n,
                              struct failure *why) {
  int fd;
  char *temp_path;
  enum status status = temp_open(path, &fd, &temp_path, why);
  if (status != STATUS_OK)
    return status;
  int error = write_and_close(fd, bytes, n);
  if (error) {
    unlink(temp_path);
    status = fail(why, STATUS_IO, "%s: cannot write: %s", path, strerror(error));
  } else {
    status = move_into_place(temp_path, path, why);
  }
  free(temp_path);
  return status;
}

/* Takes ".<digits>" off the end of the text; its value, or -1 when it is not there. */
static long take_number(char *text) {
  char *dot = strrchr(text, '.'), *end;
  if (!dot || dot[1] < '0' || dot[1] > '9')
    return -1;
  long value = strtol(dot + 1, &end, 10);
  if (*end)
    return -1;
  *dot = '\0';
  return value;
}

/* Takes a temporary name apart: whether it is of this host, and the process. False: it is
 * none. */
static bool parse_temp_name(const char *name, const char *host, bool *here, long *pid) {
  char text[MAX_NAME_BYTES + 1];
  size_t bytes = strlen(name);
  if (name[0] != '.' || bytes < 5 || bytes > MAX_NAME_BYTES || strcmp(name + bytes - 4, ".tmp"))
    return false;
  memcpy(text, name, bytes - 4);
  text[bytes - 4] = '\0';
  long counter = take_number(text);
  *pid = take_number(text);
  size_t left = strlen(text), host_bytes = strlen(host);
  if (counter < 0 || *pid <= 0 || !strchr(text + 1, '.'))
    return false;
  *here = left >= host_bytes + 2 && text[left - host_bytes - 1] == '.' &&
          !strcmp(text + left - host_bytes, host);
  return true;
}

enum lock_state { LOCK_HELD, LOCK_FREE, LOCK_UNKNOWN };
static enum lock_state lock_of(int folder, const char *name) {
  int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return LOCK_UNKNOWN;
  enum lock_state state = flock(fd, LOCK_EX | LOCK_NB) == 0 ? LOCK_FREE
                          : errno == EWOULDBLOCK            ? LOCK_HELD
                                                            : LOCK_UNKNOWN;
  close(fd);
  return state;
}

/* Whether nobody will finish the file. A process holds the lock of what it writes, but a
 * file system need not show the locks of others: then its age must tell, too. */
static bool is_stale(int folder, const char *name, bool here, long pid) {
  struct stat info;
  if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
    return false;
  const enum lock_state lock = lock_of(folder, name);
  const time_t age = time(NULL) - info.st_mtime;
  const bool gone = pid == (long)getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
  if (lock == LOCK_HELD)
    return false;
  if (!here)
    return age > FOREIGN_SECONDS;
  return lock == LOCK_FREE ? gone || age > UNSURE_SECONDS : gone && age > UNSURE_SECONDS;
}

/* Removes the temporaries that are stale, or all of this process. */
static int remove_temporaries(const char *folder, bool own) {
  char host[MAX_HOST_BYTES + 1];
  host_name(host);
  DIR *entries = opendir(folder);
  if (!entries)
    return 0;
  int removed = 0, at = dirfd(entries);
  for (struct dirent *entry; (entry = readdir(entries));) {
    bool here;
    long pid;
    if (!parse_temp_name(entry->d_name, host, &here, &pid))
      continue;
    bool remove = own ? here && pid == (long)getpid() : is_stale(at, entry->d_name, here, pid);
    if (remove && unlinkat(at, entry->d_name, 0) == 0)
      removed++;
  }
  closedir(entries);
  return removed;
}

int remove_stale_temporaries(const char *folder) { return remove_temporaries(folder, false); }
int remove_own_temporaries(const char *folder) { return remove_temporaries(folder, true); }
