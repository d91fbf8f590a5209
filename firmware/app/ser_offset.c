#include "ser_offset.h"

void ser_offset_remove(ser_offset *offset, int16_t *samples, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    const int32_t centred = samples[i] - offset->offset / SER_OFFSET_SAMPLES;
    offset->offset += centred;
    samples[i] = (int16_t)(centred < INT16_MIN ? INT16_MIN : centred > INT16_MAX ? INT16_MAX : centred);
  }
}
