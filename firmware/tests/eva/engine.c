// Frama-C's Eva: the generated engine with the weights that it has, for any window. Its state is cleared behind each.
#include "__fc_builtin.h"
#include "ser_engine.h"
#include "ser_model.h"

int main(void) {
  static int8_t window[SER_N_FRAMES * SER_N_FEATURES], output[SER_N_LABELS];
  for (int i = 0; i < SER_N_FRAMES * SER_N_FEATURES; ++i) window[i] = (int8_t)Frama_C_interval(-128, 127);
  ser_engine_init();
  ser_engine_invoke(window, output);
  return 0;
}
