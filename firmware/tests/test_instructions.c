// The board's counter of instructions against loops of known length.

#include <stdint.h>
#include <stdio.h>

#include "instructions.h"

#define TURN_INSTRUCTIONS 3u
#define LOADING_INSTRUCTIONS 8u

static uint32_t turns;

static void run_turns(void) {
  uint32_t left = turns;
#if defined(__riscv)
  __asm volatile("1: nop\n addi %0, %0, -1\n bnez %0, 1b" : "+r"(left));
#else
  __asm volatile("1: nop\n subs %0, %0, #1\n bne 1b" : "+r"(left)::"cc");
#endif
}

int main(void) {
  static const uint32_t lengths[] = {1, 1000, 100000, 20000000};
  int failures = 0;
  instructions_init();
  for (unsigned n = 0; n < sizeof lengths / sizeof *lengths; n++) {
    turns = lengths[n];
    const uint32_t expected = TURN_INSTRUCTIONS * turns;
    const uint32_t counted = instructions_count(run_turns);
    // Loading `turns` takes a few, and the counter's tick is added or left out.
    const uint32_t most = expected + 2 * INSTRUCTIONS_PER_TICK + LOADING_INSTRUCTIONS;
    const int good = counted + INSTRUCTIONS_PER_TICK >= expected && counted <= most;
    printf("%s: a loop of %lu instructions counts %lu\n", good ? "ok" : "FAILED", (unsigned long)expected, (unsigned long)counted);
    failures += !good;
  }
  return failures != 0;
}
