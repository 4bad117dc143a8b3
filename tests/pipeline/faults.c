/* Preloaded by the tests: kills the process, or refuses, where the files of a set change places in a folder; lets
 * clocks run faster or jump; cuts reads short; lets reads, writes, flushes and renames fail.
 *
 * A switch is an exchange of two folders, or a rename out of a folder NAME.partial.
 *   PUSHCART_TEST_KILL_BEFORE=n  the process ends by SIGKILL before its n-th switch (from 1)
 *   PUSHCART_TEST_KILL_AFTER=n   ... right after it
 *   PUSHCART_TEST_NO_EXCHANGE    exchanges fail as on a file system that has none
 *   PUSHCART_TEST_CLOCK_RATE=n   a second of the steady clock passes as n seconds
 *   PUSHCART_TEST_CLOCK_JUMP=s   the time of day is off by s seconds, now here, now there: in every other run of 20 looks at it
 *
 * Files below PUSHCART_TEST_IO_PATH, on rank PUSHCART_TEST_IO_RANK (all, if not set):
 *   PUSHCART_TEST_SHORT_READS=n  a read gives n bytes at most
 *   PUSHCART_TEST_FAIL=CALL      read, write, fsync, rename or unlink (remove, too) fails with EIO ...
 *   PUSHCART_TEST_FAIL_FROM=n    ... from the n-th such call on (1), which is told on stderr ...
 *   PUSHCART_TEST_FAIL_KILLS     ... or the process ends by SIGKILL instead of that call */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The environment as it was at the start: MPI changes it while threads of its own read files. */
static char *settings[1024];

__attribute__((constructor)) static void remember_settings(void) {
  extern char **environ;
  for (int e = 0; e < 1023 && environ[e]; ++e) settings[e] = environ[e];
}

static const char *setting(const char *name) {
  const size_t length = strlen(name);
  for (char **entry = settings; *entry; ++entry)
    if (!strncmp(*entry, name, length) && (*entry)[length] == '=') return *entry + length + 1;
  return NULL;
}

static int num_switches = 0;

static void kill_if(const char *variable) {
  const char *wanted = setting(variable);
  if (wanted && atoi(wanted) == num_switches) raise(SIGKILL);
}

static int is_meant(const char *path) {
  const char *root = setting("PUSHCART_TEST_IO_PATH");
  const char *wanted = setting("PUSHCART_TEST_IO_RANK"), *rank = setting("OMPI_COMM_WORLD_RANK");
  return root && strstr(path, root) && (!wanted || (rank && !strcmp(rank, wanted)));
}

/* Where a descriptor leads; empty if that is no matter. */
static const char *path_of(int file) {
  static __thread char path[PATH_MAX];
  char link[40];
  if (!setting("PUSHCART_TEST_IO_PATH")) return "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  path[length > 0 ? length : 0] = 0;
  return path;
}

/* Whether this call is one that fails; errno is set. */
static int fails(const char *call, const char *path) {
  static int num_calls = 0;
  const char *wanted = setting("PUSHCART_TEST_FAIL"), *from = setting("PUSHCART_TEST_FAIL_FROM");
  if (!wanted || strcmp(wanted, call) || !is_meant(path)) return 0;
  const int number = __sync_add_and_fetch(&num_calls, 1);
  if (number < (from ? atoi(from) : 1)) return 0;
  char text[PATH_MAX + 60];
  const int length = snprintf(text, sizeof text, "fault: %s %s\n", call, path);
  if (length > 0) syscall(SYS_write, STDERR_FILENO, text, (size_t)length);
  if (setting("PUSHCART_TEST_FAIL_KILLS")) raise(SIGKILL);
  errno = EIO;
  return 1;
}

static size_t short_of(const char *path, size_t length) {
  const char *most = setting("PUSHCART_TEST_SHORT_READS");
  return most && is_meant(path) && length > (size_t)atol(most) ? (size_t)atol(most) : length;
}

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

ssize_t read(int file, void *to, size_t length) {
  const char *path = path_of(file);
  if (fails("read", path)) return -1;
  return REAL("read", ssize_t(*)(int, void *, size_t))(file, to, short_of(path, length));
}
ssize_t pread(int file, void *to, size_t length, off_t at) {
  const char *path = path_of(file);
  if (fails("read", path)) return -1;
  return REAL("pread", ssize_t(*)(int, void *, size_t, off_t))(file, to, short_of(path, length), at);
}
ssize_t pread64(int file, void *to, size_t length, off64_t at) { return pread(file, to, length, at); }
ssize_t readv(int file, const struct iovec *pieces, int count) {
  if (fails("read", path_of(file))) return -1;
  return REAL("readv", ssize_t(*)(int, const struct iovec *, int))(file, pieces, count);
}

ssize_t write(int file, const void *from, size_t length) {
  if (fails("write", path_of(file))) return -1;
  return REAL("write", ssize_t(*)(int, const void *, size_t))(file, from, length);
}
ssize_t pwrite(int file, const void *from, size_t length, off_t at) {
  if (fails("write", path_of(file))) return -1;
  return REAL("pwrite", ssize_t(*)(int, const void *, size_t, off_t))(file, from, length, at);
}
ssize_t pwrite64(int file, const void *from, size_t length, off64_t at) { return pwrite(file, from, length, at); }
ssize_t writev(int file, const struct iovec *pieces, int count) {
  if (fails("write", path_of(file))) return -1;
  return REAL("writev", ssize_t(*)(int, const struct iovec *, int))(file, pieces, count);
}
ssize_t pwritev(int file, const struct iovec *pieces, int count, off_t at) {
  if (fails("write", path_of(file))) return -1;
  return REAL("pwritev", ssize_t(*)(int, const struct iovec *, int, off_t))(file, pieces, count, at);
}
int fsync(int file) { return fails("fsync", path_of(file)) ? -1 : REAL("fsync", int (*)(int))(file); }

/* The same by path; where it does not fail errno stays as it was. */
static int name_fails(const char *call, const char *path) {
  char whole[PATH_MAX];
  const int before = errno;
  if (fails(call, realpath(path, whole) ? whole : path)) return 1;
  errno = before;
  return 0;
}
static int rename_fails(const char *from) { return name_fails("rename", from); }
int unlink(const char *path) {
  return name_fails("unlink", path) ? -1 : REAL("unlink", int (*)(const char *))(path);
}
int remove(const char *path) {
  return name_fails("unlink", path) ? -1 : REAL("remove", int (*)(const char *))(path);
}

int rename(const char *from, const char *to) {
  int (*real)(const char *, const char *) = REAL("rename", int (*)(const char *, const char *));
  if (rename_fails(from)) return -1;
  if (!strstr(from, ".partial/") || strstr(to, ".partial")) return real(from, to);
  ++num_switches;
  kill_if("PUSHCART_TEST_KILL_BEFORE");
  const int result = real(from, to);
  kill_if("PUSHCART_TEST_KILL_AFTER");
  return result;
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
  int (*real)(int, const char *, int, const char *, unsigned) =
      (int (*)(int, const char *, int, const char *, unsigned))dlsym(RTLD_NEXT, "renameat2");
  if ((flags & RENAME_EXCHANGE) && setting("PUSHCART_TEST_NO_EXCHANGE")) {
    errno = EINVAL;
    return -1;
  }
  if (rename_fails(from)) return -1;
  ++num_switches;
  kill_if("PUSHCART_TEST_KILL_BEFORE");
  const int result = real(from_folder, from, to_folder, to, flags);
  kill_if("PUSHCART_TEST_KILL_AFTER");
  return result;
}

/* Seconds that the time of day is off at this look at it. */
static long jump(void) {
  static int num_looks = 0;
  const char *seconds = setting("PUSHCART_TEST_CLOCK_JUMP");
  return seconds && __sync_fetch_and_add(&num_looks, 1) / 20 % 2 ? atol(seconds) : 0;
}

time_t time(time_t *to) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (to) *to = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  const int result = REAL("gettimeofday", int (*)(struct timeval *, void *))(now, zone);
  now->tv_sec += jump();
  return result;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int (*real)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  const int result = real(clock, now);
  if (clock == CLOCK_REALTIME) now->tv_sec += jump();
  const char *rate = setting("PUSHCART_TEST_CLOCK_RATE");
  if (rate && clock == CLOCK_MONOTONIC) {
    static long long first = 0;
    long long nanoseconds = now->tv_sec * 1000000000LL + now->tv_nsec;
    if (first == 0) first = nanoseconds;
    nanoseconds = first + atoi(rate) * (nanoseconds - first);
    now->tv_sec = (time_t)(nanoseconds / 1000000000LL);
    now->tv_nsec = (long)(nanoseconds % 1000000000LL);
  }
  return result;
}
