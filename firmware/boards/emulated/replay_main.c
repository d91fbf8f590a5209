// ser_replay --replay VECTORS RESULTS, and --golden VECTORS, in the emulator: see boards/replay.h. Costs are instructions.

#include <stdio.h>
#include <stdlib.h>

#include "instructions.h"
#include "replay.h"
#include "stack.h"

#define PAINT 0xc5c5c5c5u

static replay_measurement measure(void (*work)(void));

int main(int argc, char **argv) {
  instructions_init();
  if (!instructions_are_time()) {
    fprintf(stderr, "the timer does not count instructions: run the emulator with -icount shift=0\n");
    return EXIT_FAILURE;
  }
  return replay(argc, argv, measure);
}

// Paints the free part of the stack, and looks how far down the paint has gone. Nothing else uses the stack meanwhile: no interrupt
// is on.
static __attribute__((noinline)) replay_measurement measure(void (*work)(void)) {
  uint32_t *top;
#if defined(__riscv)
  __asm volatile("mv %0, sp" : "=r"(top));
#else
  __asm volatile("mov %0, sp" : "=r"(top));
#endif
  for (volatile uint32_t *word = __stack_limit; word < top; word++) *word = PAINT;
  const uint32_t instructions = instructions_count(work);
  const volatile uint32_t *lowest = __stack_limit;
  while (lowest < top && *lowest == PAINT) lowest++;
  return (replay_measurement){instructions, (uint32_t)((top - lowest) * (int)sizeof *lowest)};
}
