// Checks that go on after a failure, say where it was, and count.
#ifndef SER_CHECK_H_
#define SER_CHECK_H_

#include <stdio.h>

#define CHECK(condition) check(condition, #condition, __FILE__, __LINE__)

static int failures;

static void check(int good, const char *condition, const char *file, int line) {
  if (good) return;
  printf("%s:%d: %s does not hold\n", file, line, condition);
  failures++;
}

#endif  // SER_CHECK_H_
