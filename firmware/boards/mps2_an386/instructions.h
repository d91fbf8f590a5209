// Counts instructions with the board's first timer: under `qemu-system-arm -icount shift=0` an instruction takes a nanosecond of
// virtual time, whatever it is, and a tick of the timer 40.
#ifndef SER_INSTRUCTIONS_H_
#define SER_INSTRUCTIONS_H_

#include <stdint.h>

#define INSTRUCTIONS_PER_TICK 40u  // the timer runs at 25 MHz

// Starts the timer, which lasts for 2^32 instructions of one count.
void instructions_init(void);

// Instructions so far, right to a tick; goes round at 2^32.
uint32_t instructions_now(void);

// Instructions that `work` takes, the call included: right to a tick.
uint32_t instructions_count(void (*work)(void));

// Whether the emulator's time is instructions: whether a loop of known length has as many.
int instructions_are_time(void);

#endif  // SER_INSTRUCTIONS_H_
