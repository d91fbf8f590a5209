#include "ser_features.h"

#include <string.h>

#include "ser_cmvn.h"
#include "ser_frontend.h"
#include "ser_level.h"

// Adds `n` samples from sample `start` on, which the reader has passed.
static void add_level(ser_level *level, const ser_ring *ring, uint64_t position, uint64_t start, uint32_t n) {
  const uint32_t index = ser_ring_index_before(ring, (uint32_t)(position - start));
  const uint32_t room = ring->capacity - index;
  const uint32_t first = room < n ? room : n;
  ser_level_add(level, ring->samples + index, first);
  ser_level_add(level, ring->samples, n - first);
}

static ser_audio audio_from(const ser_ring *ring, uint64_t position, uint64_t start) {
  return (ser_audio){ring->samples, ring->capacity, ser_ring_index_before(ring, (uint32_t)(position - start))};
}

#if SER_SHARES_FRAMES

#define FRAMES_END ((SER_N_FRAMES - 1) * SER_HOP_LENGTH)  // from a window's start to the start of its last frame

_Static_assert(FRAMES_END + SER_N_FFT <= SER_WINDOW_SAMPLES, "a window ends with its last frame, or behind it");
_Static_assert(SER_N_FFT >= SER_HOP_LENGTH, "frames leave out nothing");

static int complete_window(ser_features *features, const ser_ring *ring, uint64_t position);

#if SER_STREAMING
_Static_assert(SER_N_FRAMES % 2 == 0 && SER_N_FRAMES * SER_HOP_LENGTH == SER_WINDOW_HOP_SAMPLES, "windows lie frame behind frame");

static int8_t *values_of(ser_features *features, uint32_t frame) {
  return features->values + frame % SER_N_FRAMES * SER_N_FEATURES;
}

uint32_t ser_features_known(const ser_features *features) { return features->n_frames - features->n_frames % 2; }

const int8_t *ser_features_of(const ser_features *features, uint32_t frame) {
  return features->values + frame % SER_N_FRAMES * SER_N_FEATURES;
}
#endif

void ser_features_start(ser_features *features, uint64_t window) {
  memset(features, 0, sizeof *features);
  features->window = features->next_frame = window;
  ser_frontend_clear();
}

int ser_features_hear(ser_features *features, const ser_ring *ring, uint64_t position) {
  while (features->next_frame + SER_N_FFT <= position) {
    const uint64_t start = features->next_frame;
    const ser_audio audio = audio_from(ring, position, start);
    ser_level level = {0, 0};
    add_level(&level, ring, position, start, SER_HOP_LENGTH);
    features->newest = features->newest + 1 == SER_N_FRAMES ? 0 : features->newest + 1;
    features->squares[features->newest] = level.squares;
    ser_frontend_add(&audio);
#if SER_STREAMING
    if (++features->n_frames % 2 == 0) ser_frontend_latest_two(values_of(features, features->n_frames - 2));
#endif
    features->next_frame += SER_HOP_LENGTH;
    const int intact = start == features->window + FRAMES_END ? complete_window(features, ring, position)
                                                              : ser_ring_holds(ring, (uint32_t)(position - start));
    if (!intact) return 0;
  }
  return 1;
}

// Its frames are the last SER_N_FRAMES ones.
static int complete_window(ser_features *features, const ser_ring *ring, uint64_t position) {
  const uint64_t last = features->window + FRAMES_END;
  ser_level level = {0, 0};
  add_level(&level, ring, position, last + SER_HOP_LENGTH, SER_N_FFT - SER_HOP_LENGTH);
  const int intact = ser_ring_holds(ring, (uint32_t)(position - last));
  for (uint32_t n = 0; n < SER_N_FRAMES; n++) level.squares += features->squares[n];
  level.n = FRAMES_END + SER_N_FFT;
  features->level_db = ser_level_db(&level);
#if !SER_STREAMING
  ser_frontend_latest(features->values);
#endif
  features->window += SER_WINDOW_HOP_SAMPLES;
#if SER_CMVN_PRIOR_WINDOWS > 0
  if (intact) ser_cmvn_remember();
#endif
  return intact;
}

int ser_features_take(ser_features *features, const ser_ring *ring, uint64_t position, uint64_t window, int8_t *values,
                      float *level_db) {
  (void)ring, (void)position;
  memcpy(values, features->values, sizeof features->values);
  *level_db = features->level_db;
  return features->window == window + SER_WINDOW_HOP_SAMPLES;
}

#else

void ser_features_start(ser_features *features, uint64_t window) { (void)features, (void)window; }

int ser_features_hear(ser_features *features, const ser_ring *ring, uint64_t position) {
  (void)features, (void)ring, (void)position;
  return 1;
}

int ser_features_take(ser_features *features, const ser_ring *ring, uint64_t position, uint64_t window, int8_t *values,
                      float *level_db) {
  (void)features;
  ser_level level = {0, 0};
  add_level(&level, ring, position, window, SER_WINDOW_SAMPLES);
  *level_db = ser_level_db(&level);
  const ser_audio audio = audio_from(ring, position, window);
  ser_frontend_features(&audio, values);
  const int intact = ser_ring_holds(ring, (uint32_t)(position - window));
#if SER_CMVN_PRIOR_WINDOWS > 0
  if (intact) ser_cmvn_remember();
#endif
  return intact;
}

#endif
