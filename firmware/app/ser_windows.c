#include "ser_windows.h"

#include "ser_model.h"

uint64_t ser_windows_first(uint64_t begin) {
  const uint64_t first = begin > SER_LEAD_SAMPLES ? begin - SER_LEAD_SAMPLES : 0;
  return first - first % SER_WINDOW_STEP_SAMPLES;
}

uint64_t ser_windows_next(uint64_t start) { return start + SER_WINDOW_HOP_SAMPLES; }

int ser_windows_has_next(uint64_t start, uint64_t end) { return start + SER_WINDOW_SAMPLES < end; }
