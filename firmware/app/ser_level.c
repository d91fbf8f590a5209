#include "ser_level.h"

#include <math.h>

void ser_level_add(ser_level *level, const int16_t *samples, uint32_t n) {
  uint64_t squares = 0;
  for (uint32_t i = 0; i < n; i++) {
    squares += (uint32_t)(samples[i] * samples[i]);
  }
  level->squares += squares;
  level->n += n;
}

float ser_level_db(const ser_level *level) {
  const float mean_square = level->n ? (float)level->squares / (float)level->n : 0.0f;
  return 10.0f * log10f((mean_square + 1.0f / 12.0f) * 0x1p-30f);
}
