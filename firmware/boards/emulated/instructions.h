// Counts instructions by the board's ticks: under QEMU's `-icount shift=0` an instruction takes a nanosecond of virtual time,
// whatever it is.
#ifndef SER_INSTRUCTIONS_H_
#define SER_INSTRUCTIONS_H_

#include <stdint.h>

// How far a count may be off: the instructions of a tick, rounded up.
#define INSTRUCTIONS_PER_TICK ((1000u + SER_TICKS_PER_MICROSECOND - 1) / SER_TICKS_PER_MICROSECOND)

// Starts the counter, which lasts for 2^32 instructions of one count.
void instructions_init(void);

// Instructions so far, right to a tick.
uint32_t instructions_now(void);

// Instructions that `work` takes, the call included: right to a tick.
uint32_t instructions_count(void (*work)(void));

// Whether the emulator's time is instructions: whether a loop of known length has as many.
int instructions_are_time(void);

#endif  // SER_INSTRUCTIONS_H_
