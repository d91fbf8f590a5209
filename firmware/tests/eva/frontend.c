// Frama-C's Eva: the front end, of any samples in a ring buffer that begins anywhere. The transform has a contract alone.
#include "__fc_builtin.h"
#include "ser_frontend.h"
#include "ser_model.h"

enum { CAPACITY = SER_WINDOW_SAMPLES + 100 };

static int16_t samples[CAPACITY];
static int8_t features[SER_N_FRAMES * SER_N_FEATURES];

int main(void) {
  for (int i = 0; i < CAPACITY; ++i) samples[i] = (int16_t)Frama_C_interval(INT16_MIN, INT16_MAX);
  const ser_audio audio = {samples, CAPACITY, Frama_C_unsigned_int_interval(0, CAPACITY - 1)};
  ser_frontend_features(&audio, features);
  return 0;
}
