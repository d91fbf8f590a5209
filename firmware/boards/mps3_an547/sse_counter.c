// The system counter of Arm's SSE-300 (101773, "System counter"): it counts up.
#include "ticks.h"

#define CONTROL (*(volatile uint32_t *)0x58100000)  // CNTCR
#define COUNT (*(volatile uint32_t *)0x58101000)    // the lower word of CNTCV
#define CONTROL_ENABLE 1u

void ticks_start(void) { CONTROL = CONTROL_ENABLE; }

uint32_t ticks_now(void) { return COUNT; }
