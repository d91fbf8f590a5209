// ser_profile prints the instructions that each layer takes for one window, a line each: its number, which ser_model.c names, and the
// count. Of what a mark costs itself, and of the timer's ticks, each visit of a layer is right to two ticks.

#include <stdio.h>
#include <stdlib.h>

#include "instructions.h"
#include "ser_engine.h"
#include "ser_model.h"
#include "ser_profile.h"

#define MOST_LAYERS 256

static uint32_t counts[MOST_LAYERS];
static uint32_t last;

void ser_profile_mark(unsigned layer) {
  const uint32_t now = instructions_now();
  if (layer < MOST_LAYERS) counts[layer] += now - last;
  last = instructions_now();
}

int main(void) {
  static const int8_t window[SER_N_FRAMES * SER_N_FEATURES];
  int8_t output[SER_N_LABELS];
  instructions_init();
  if (!instructions_are_time()) {
    fprintf(stderr, "the timer does not count instructions: run the emulator with -icount shift=0\n");
    return EXIT_FAILURE;
  }
  if (ser_engine_init() != 0) return EXIT_FAILURE;
  last = instructions_now();
  if (ser_engine_invoke(window, output) != 0) return EXIT_FAILURE;
  for (unsigned layer = 0; layer < MOST_LAYERS; layer++) {
    if (counts[layer] != 0) printf("%u %lu\n", layer, (unsigned long)counts[layer]);
  }
  return EXIT_SUCCESS;
}
