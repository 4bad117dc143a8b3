/* Preloaded by the tests: kills the process, or refuses, where the files of a set change places in a folder; lets
 * clocks run faster.
 *
 * A switch is an exchange of two folders, or a rename out of a folder NAME.partial.
 *   PUSHCART_TEST_KILL_BEFORE=n  the process ends by SIGKILL before its n-th switch (from 1)
 *   PUSHCART_TEST_KILL_AFTER=n   ... right after it
 *   PUSHCART_TEST_NO_EXCHANGE    exchanges fail as on a file system that has none
 *   PUSHCART_TEST_CLOCK_RATE=n   a second of the steady clock passes as n seconds */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int num_switches = 0;

static void kill_if(const char *variable) {
  const char *wanted = getenv(variable);
  if (wanted && atoi(wanted) == num_switches) raise(SIGKILL);
}

int rename(const char *from, const char *to) {
  int (*real)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
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
  if ((flags & RENAME_EXCHANGE) && getenv("PUSHCART_TEST_NO_EXCHANGE")) {
    errno = EINVAL;
    return -1;
  }
  ++num_switches;
  kill_if("PUSHCART_TEST_KILL_BEFORE");
  const int result = real(from_folder, from, to_folder, to, flags);
  kill_if("PUSHCART_TEST_KILL_AFTER");
  return result;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int (*real)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  const int result = real(clock, now);
  const char *rate = getenv("PUSHCART_TEST_CLOCK_RATE");
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
