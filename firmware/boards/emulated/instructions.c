#include "instructions.h"

#include "ticks.h"

#define LOOP_TURNS 50000u
#define LOOP_INSTRUCTIONS (2u * LOOP_TURNS)

static void do_nothing(void);
static void run_loop(void);
static uint32_t count_ticks(void (*work)(void));
static uint32_t to_instructions(uint32_t ticks);

void instructions_init(void) { ticks_start(); }

uint32_t instructions_now(void) { return to_instructions(ticks_now()); }

uint32_t instructions_count(void (*work)(void)) {
  const uint32_t overhead = count_ticks(do_nothing);
  return to_instructions(count_ticks(work) - overhead);
}

int instructions_are_time(void) {
  const uint32_t counted = instructions_count(run_loop);
  return counted + INSTRUCTIONS_PER_TICK >= LOOP_INSTRUCTIONS && counted <= LOOP_INSTRUCTIONS + 2 * INSTRUCTIONS_PER_TICK;
}

static uint32_t to_instructions(uint32_t ticks) { return (uint32_t)((uint64_t)ticks * 1000 / SER_TICKS_PER_MICROSECOND); }

static uint32_t count_ticks(void (*work)(void)) {
  const uint32_t begin = ticks_now();
  work();
  return ticks_now() - begin;
}

static void do_nothing(void) {}

static void run_loop(void) {
  uint32_t turns = LOOP_TURNS;
#if defined(__riscv)
  __asm volatile("1: addi %0, %0, -1\n bnez %0, 1b" : "+r"(turns));
#else
  __asm volatile("1: subs %0, %0, #1\n bne 1b" : "+r"(turns)::"cc");
#endif
}
