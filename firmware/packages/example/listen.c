// Listens and prints each decision, on any board whose microphone you read.

#include <stdio.h>

#include "ser_app.h"
#include "ser_json.h"
#include "ser_offset.h"

#define PIECE 256

// Yours: waits for `n` samples at SER_SAMPLE_RATE, one channel. Returns 0 where the microphone fails.
int microphone_read(int16_t *samples, uint32_t n);

int listen(void);

int listen(void) {
  static ser_app app;
  static char line[SER_JSON_BYTES(SER_N_LABELS, SER_LABEL_BYTES)];
  ser_offset offset = {0};
  int16_t samples[PIECE];
  if (ser_app_init(&app) != 0) return 1;
  ser_app_start(&app);
  while (microphone_read(samples, PIECE)) {
    ser_offset_remove(&offset, samples, PIECE);
    ser_app_write(&app, samples, PIECE);
    ser_decision decision;
    while (ser_app_poll(&app, &decision)) {
      if (ser_json_decision(&decision, line, sizeof line) != 0) fputs(line, stdout);
    }
  }
  return 1;
}
