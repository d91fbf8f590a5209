/* Loaded before libc: the n-th write, fsync, rename or mkdir below a directory fails, or is where the process is killed. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char below[PATH_MAX];
static long fail_at;
static int fail_with; /* an errno; 0: the process is killed */
static atomic_long count;

/* From now on the n-th point below a directory fails with `error`, or, where that is 0, kills; n = 0 only counts. */
void arm(const char *directory, long n, int error) {
  snprintf(below, sizeof below, "%s/", directory);
  fail_at = n;
  fail_with = error;
  count = 0;
}

long points(void) { return count; }

static int fails(const char *path) {
  if (!below[0] || strncmp(path, below, strlen(below)) != 0) return 0;
  if (++count != fail_at) return 0;
  if (fail_with == 0) kill(getpid(), SIGKILL);
  errno = fail_with;
  return 1;
}

static int fails_at(int descriptor) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const int saved = errno;
  const ssize_t length = readlink(link, path, sizeof path - 2);
  errno = saved;
  if (length < 0) return 0;
  path[length] = '/'; /* the directory itself is below itself */
  path[length + 1] = '\0';
  return fails(path);
}

#define NEXT(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

ssize_t write(int descriptor, const void *data, size_t size) {
  return fails_at(descriptor) ? -1 : NEXT(ssize_t, "write", int, const void *, size_t)(descriptor, data, size);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
  if (fails_at(descriptor)) return -1;
  return NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(descriptor, data, size, offset);
}

ssize_t writev(int descriptor, const struct iovec *parts, int n) {
  return fails_at(descriptor) ? -1 : NEXT(ssize_t, "writev", int, const struct iovec *, int)(descriptor, parts, n);
}

int fsync(int descriptor) { return fails_at(descriptor) ? -1 : NEXT(int, "fsync", int)(descriptor); }

int rename(const char *from, const char *to) {
  return fails(to) ? -1 : NEXT(int, "rename", const char *, const char *)(from, to);
}

int mkdir(const char *path, mode_t mode) { return fails(path) ? -1 : NEXT(int, "mkdir", const char *, mode_t)(path, mode); }
