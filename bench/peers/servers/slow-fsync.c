/*
 * A slow disk: every fsync and fdatasync takes SLOW_FSYNC_MICROSECONDS longer. Preloaded into a server, so that the
 * cheap cloud disks on which it will run can be measured on a machine with a fast one.
 *
 *   cc -shared -fPIC -O2 -o slow-fsync.so slow-fsync.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

typedef int (*sync_function)(int);

static void wait_longer(void) {
  const char *text = getenv("SLOW_FSYNC_MICROSECONDS");
  long microseconds = text ? atol(text) : 0;
  struct timespec left = {microseconds / 1000000, (microseconds % 1000000) * 1000};
  while (nanosleep(&left, &left) != 0) {
  }
}

static int slow(const char *name, int fd) {
  int result = ((sync_function)dlsym(RTLD_NEXT, name))(fd);
  wait_longer();
  return result;
}

int fsync(int fd) { return slow("fsync", fd); }
int fdatasync(int fd) { return slow("fdatasync", fd); }
