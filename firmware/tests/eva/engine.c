// Frama-C's Eva: the generated engine with the weights that it has, for any frames, without end.
#include "__fc_builtin.h"
#include "ser_engine.h"
#include "ser_model.h"

int main(void) {
  static int8_t frame[SER_N_FEATURES], output[SER_N_LABELS];
  ser_engine_init();
  while (Frama_C_interval(0, 1)) {
    for (int i = 0; i < SER_N_FEATURES; ++i) frame[i] = (int8_t)Frama_C_interval(-128, 127);
    ser_engine_step(frame, output);
  }
  return 0;
}
