// Arm's CMSDK APB timer (DDI 0479, "APB timer"): counts down, and from 0 on from `reload`.
#include "ticks.h"

typedef struct {
  uint32_t control;
  uint32_t value;
  uint32_t reload;
} cmsdk_timer;

#define TIMER (*(volatile cmsdk_timer *)SER_TIMER_ADDRESS)
#define TIMER_ENABLE 1u

void ticks_start(void) {
  TIMER.reload = UINT32_MAX;
  TIMER.value = UINT32_MAX;
  TIMER.control = TIMER_ENABLE;
}

uint32_t ticks_now(void) { return UINT32_MAX - TIMER.value; }
