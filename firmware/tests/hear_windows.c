// What windows the app hears, for tests/firmware/test_windows.py: in the place of front end and engine is what counts samples.

#include <string.h>

#include "ser_app.h"
#include "ser_frontend.h"
#include "ser_level.h"
#include "ser_vad.h"

typedef struct {
  uint32_t milliseconds;  // where the window ends
  uint32_t checksum;      // of its samples
} heard_window;

const char *const ser_labels[SER_N_LABELS] = {"a"};
static ser_app app;
static uint32_t checksum;

void ser_frontend_features(const ser_audio *audio, int8_t *features) {
  memset(features, 0, SER_N_FRAMES * SER_N_FEATURES);
  checksum = 0;
  for (uint32_t i = 0; i < SER_WINDOW_SAMPLES; i++) {
    const int sample = audio->samples[(audio->start + i) % audio->capacity];
    checksum += (i + 1) * (uint32_t)sample;
  }
}

int ser_engine_init(void) { return 0; }

int ser_engine_invoke(const int8_t *window, int8_t *output) {
  memset(output, window[0], SER_N_LABELS);
  return 0;
}

// Feeds n samples in pieces of `piece` and polls behind each. Writes up to `capacity` windows; returns how many there were, or -1
// where samples were overwritten before they were heard.
int hear_windows(const int16_t *samples, uint32_t n, uint32_t piece, heard_window *windows, int capacity) {
  int n_windows = 0;
  ser_decision decision;
  ser_app_init(&app);
  ser_app_start(&app);
  for (uint32_t i = 0; i < n; i += piece) {
    ser_app_write(&app, samples + i, n - i < piece ? n - i : piece);
    while (ser_app_poll(&app, &decision)) {
      if (n_windows < capacity) windows[n_windows] = (heard_window){decision.milliseconds, checksum};
      n_windows++;
    }
  }
  return app.overruns == 0 ? n_windows : -1;
}

// Runs the gate alone: for each block whether it is open, and whether it is so because the block is not quiet.
void follow_gate(const int16_t *samples, uint32_t n_blocks, uint8_t *open, uint8_t *speaks) {
  ser_vad vad;
  ser_vad_init(&vad);
  for (uint32_t block = 0; block < n_blocks; block++) {
    ser_level level = {0, 0};
    ser_level_add(&level, samples + SER_BLOCK_SAMPLES * block, SER_BLOCK_SAMPLES);
    open[block] = (uint8_t)ser_vad_update(&vad, ser_level_db(&level));
    speaks[block] = (uint8_t)(vad.open && vad.quiet_blocks == 0);
  }
}
