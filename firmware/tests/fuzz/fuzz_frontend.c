// Any samples, in a ring buffer of any size and phase: finite coefficients, and the features of the same window in an array.
//
// Input: uint16 room in the ring beyond the window, uint32 start, both little-endian; uint8 whether the samples repeat or are
// followed by silence; int16 samples.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ser_frontend.h"
#include "ser_model.h"

enum { HEADER = 7, LARGEST_CAPACITY = SER_WINDOW_SAMPLES + UINT16_MAX };

static int16_t window[SER_WINDOW_SAMPLES];
static int16_t ring[LARGEST_CAPACITY];

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  if (size < HEADER + sizeof *window) return -1;
  uint16_t room;
  uint32_t start;
  memcpy(&room, bytes, sizeof room);
  memcpy(&start, bytes + sizeof room, sizeof start);
  const int repeats = bytes[HEADER - 1] % 2;
  const uint32_t capacity = SER_WINDOW_SAMPLES + room;
  start %= capacity;

  const size_t n_samples = (size - HEADER) / sizeof *window;
  for (size_t n = 0; n < SER_WINDOW_SAMPLES; n++) {
    window[n] = 0;
    if (repeats || n < n_samples) memcpy(&window[n], bytes + HEADER + n % n_samples * sizeof *window, sizeof *window);
  }
  // What is not of the window must not be heard.
  for (uint32_t n = 0; n < capacity; n++) ring[n] = INT16_MIN;
  for (uint32_t n = 0; n < SER_WINDOW_SAMPLES; n++) ring[(start + n) % capacity] = window[n];

  const ser_audio in_array = {window, SER_WINDOW_SAMPLES, 0};
  const ser_audio in_ring = {ring, capacity, start};
  static float values[SER_N_FRAMES * SER_N_FEATURES];
  static int8_t of_array[SER_N_FRAMES * SER_N_FEATURES];
  static int8_t of_ring[SER_N_FRAMES * SER_N_FEATURES];
  ser_frontend_values(&in_ring, values);
  for (size_t n = 0; n < sizeof values / sizeof *values; n++) {
    if (!isfinite(values[n])) abort();
  }
  ser_frontend_features(&in_ring, of_ring);
  ser_frontend_features(&in_array, of_array);
  if (memcmp(of_ring, of_array, sizeof of_ring) != 0) abort();
  return 0;
}
