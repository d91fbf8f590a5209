#include "speech.h"

#include <stdbool.h>

#include "ser_model.h"

#define STRETCH ((SER_SAMPLE_RATE + 24 + SER_SAMPLE_RATE / 50 % 2) / 50)  // samples of 20 ms; a half goes to the even neighbour
#define GATE 0.001                             // -30 dB, of energy

// The mean square of the stretch from sample `first` on; behind the recording is silence. The sum is exact.
static double measure(const int16_t *samples, uint32_t n, uint32_t first) {
  uint64_t sum = 0;
  for (uint32_t i = first; i < n && i - first < STRETCH; i++) {
    const int32_t sample = samples[i];
    sum += (uint64_t)(sample * sample);
  }
  return (double)sum / STRETCH;
}

speech_span speech_find(const int16_t *samples, uint32_t n) {
  double loudest = 0;
  for (uint32_t first = 0; first < n; first += STRETCH) {
    const double energy = measure(samples, n, first);
    loudest = energy > loudest ? energy : loudest;
  }
  speech_span speech = {0, 0};
  bool found = false;
  for (uint32_t first = 0; first < n; first += STRETCH) {
    if (measure(samples, n, first) < loudest * GATE) continue;
    if (!found) speech.begin = first;
    found = true;
    speech.end = n - first < STRETCH ? n : first + STRETCH;
  }
  return speech;
}
