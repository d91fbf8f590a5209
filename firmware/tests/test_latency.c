// How many instructions lie between a window's last sample and its decision, on an emulated board: samples come a block at a time,
// and all work that is left from the blocks before is done when the next one comes.
#include <stdio.h>

#include "check.h"
#include "instructions.h"
#include "ser_app.h"

#define SECOND SER_SAMPLE_RATE

static ser_app app;
static ser_decision decision;
static int decided;

// Quiet noise, and from second 1 to 5 loud noise.
static int16_t hear(uint32_t time) {
  const uint32_t mixed = (time ^ 0x5bd1e995u) * 2654435761u;
  const int32_t noise = (int32_t)((mixed ^ mixed >> 15) & 0xffff) - 0x8000;
  return (int16_t)(time < SECOND || time >= 5 * SECOND ? noise / 1000 : noise / 8);
}

static void poll(void) { decided = ser_app_poll(&app, &decision); }

int main(void) {
  static int16_t block[SER_BLOCK_SAMPLES];
  uint32_t decisions = 0, most = 0;
  instructions_init();
  CHECK(ser_app_init(&app) == 0);
  ser_app_start(&app);
  for (uint32_t time = 0; time + SER_BLOCK_SAMPLES <= 6 * SECOND; time += SER_BLOCK_SAMPLES) {
    for (uint32_t n = 0; n < SER_BLOCK_SAMPLES; n++) block[n] = hear(time + n);
    ser_app_write(&app, block, SER_BLOCK_SAMPLES);
    const uint32_t taken = instructions_count(poll);
    if (!decided) continue;
    decisions++;
    most = taken > most ? taken : most;
    poll();
    CHECK(!decided);
  }
  CHECK(decisions > 1);
  CHECK(app.overruns == 0);
  printf("at most %lu instructions from the last sample of a window to its decision, of %lu\n", (unsigned long)most,
         (unsigned long)decisions);
  return failures != 0;
}
