#include "instructions.h"

// Arm's CMSDK APB timer 0 (DDI 0479, "APB timer"): counts down, and from 0 on from `reload`.
typedef struct {
  uint32_t control;
  uint32_t value;
  uint32_t reload;
} cmsdk_timer;

#define TIMER (*(volatile cmsdk_timer *)0x40000000)
#define TIMER_ENABLE 1u

#define LOOP_TURNS 50000u
#define LOOP_INSTRUCTIONS (2u * LOOP_TURNS)

static void do_nothing(void);
static void run_loop(void);
static uint32_t count_ticks(void (*work)(void));

void instructions_init(void) {
  TIMER.reload = UINT32_MAX;
  TIMER.value = UINT32_MAX;
  TIMER.control = TIMER_ENABLE;
}

uint32_t instructions_now(void) { return (UINT32_MAX - TIMER.value) * INSTRUCTIONS_PER_TICK; }

uint32_t instructions_count(void (*work)(void)) {
  const uint32_t overhead = count_ticks(do_nothing);
  return (count_ticks(work) - overhead) * INSTRUCTIONS_PER_TICK;
}

int instructions_are_time(void) {
  const uint32_t counted = instructions_count(run_loop);
  return counted + INSTRUCTIONS_PER_TICK >= LOOP_INSTRUCTIONS && counted <= LOOP_INSTRUCTIONS + 2 * INSTRUCTIONS_PER_TICK;
}

static uint32_t count_ticks(void (*work)(void)) {
  const uint32_t begin = TIMER.value;
  work();
  return begin - TIMER.value;
}

static void do_nothing(void) {}

static void run_loop(void) {
  uint32_t turns = LOOP_TURNS;
  __asm volatile("1: subs %0, %0, #1\n bne 1b" : "+r"(turns)::"cc");
}
