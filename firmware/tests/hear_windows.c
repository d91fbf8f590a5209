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
static uint32_t checksum;  // of the window that the engine takes
static int n_frames;       // that it has taken of this

// The first features of a window are the sum of its samples, each times its number.
static void write_checksum(uint32_t sum, int8_t *features) {
  memset(features, 0, SER_N_FRAMES * SER_N_FEATURES);
  memcpy(features, &sum, sizeof sum);
}

#if SER_SHARES_FRAMES
static int16_t frames[SER_N_FRAMES][SER_N_FFT];  // the last ones

void ser_frontend_clear(void) {}

void ser_frontend_add(const ser_audio *audio) {
  memmove(frames[0], frames[1], sizeof frames - sizeof frames[0]);
  for (uint32_t i = 0; i < SER_N_FFT; i++) frames[SER_N_FRAMES - 1][i] = audio->samples[(audio->start + i) % audio->capacity];
}

void ser_frontend_latest(int8_t *features) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < SER_WINDOW_SAMPLES; i++) {
    const uint32_t frame = i / SER_HOP_LENGTH < SER_N_FRAMES ? i / SER_HOP_LENGTH : SER_N_FRAMES - 1;
    const int sample = frames[frame][i - SER_HOP_LENGTH * frame];
    sum += (i + 1) * (uint32_t)sample;
  }
  write_checksum(sum, features);
}
#else
void ser_frontend_features(const ser_audio *audio, int8_t *features) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < SER_WINDOW_SAMPLES; i++) {
    const int sample = audio->samples[(audio->start + i) % audio->capacity];
    sum += (i + 1) * (uint32_t)sample;
  }
  write_checksum(sum, features);
}
#endif

int ser_engine_init(void) { return 0; }

void ser_engine_reset(void) { n_frames = 0; }

int ser_engine_step(const int8_t *frame, int8_t *output) {
  if (n_frames++ == 0) memcpy(&checksum, frame, sizeof checksum);
  memset(output, 0, SER_N_LABELS);
  return n_frames == SER_N_FRAMES;
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
