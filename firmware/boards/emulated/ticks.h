// A counter of the emulator's virtual time, which each emulated board has one of: SER_TICKS_PER_MICROSECOND of them.
#ifndef SER_TICKS_H_
#define SER_TICKS_H_

#include <stdint.h>

// Starts the counter.
void ticks_start(void);

// Ticks so far; goes round at 2^32.
uint32_t ticks_now(void);

#endif  // SER_TICKS_H_
