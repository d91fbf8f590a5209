// The machine's counter of instructions that retired: one a nanosecond of virtual time.
#include "ticks.h"

void ticks_start(void) {}

uint32_t ticks_now(void) {
  uint32_t count;
  __asm volatile(".option push\n .option arch, +zicsr\n csrr %0, mcycle\n .option pop" : "=r"(count));
  return count;
}
