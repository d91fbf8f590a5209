#include "speech.h"

#include <stdbool.h>
#include <stdlib.h>

#include "ser_model.h"
#include "ser_vad.h"

#define BLOCK ((SER_SAMPLE_RATE + 24 + SER_SAMPLE_RATE / 50 % 2) / 50)  // samples of 20 ms; a half goes to the even neighbour
#define BURST SER_VAD_OPEN_BLOCKS                                      // blocks in a row that are more than a click
#define GATE 0.001                                                      // -30 dB, of energy
#define FLOOR 1e-7                                                      // -70 dB full scale

// The energy of the block from sample `first` on without its offset, times BLOCK^2; behind the recording is silence. It is exact.
static double measure(const int16_t *samples, uint32_t n, uint32_t first) {
  uint64_t squares = 0;
  int64_t sum = 0;
  for (uint32_t i = first; i < n && i - first < BLOCK; i++) {
    const int32_t sample = samples[i];
    squares += (uint64_t)(sample * sample);
    sum += sample;
  }
  return (double)(BLOCK * squares - (uint64_t)(sum * sum));
}

// lasting[b] = the most that block b and its neighbours hold for BURST blocks in a row.
static void leave_out_bursts(const double *power, uint32_t n_blocks, double *lasting) {
  const uint32_t length = n_blocks < BURST ? n_blocks : BURST;
  for (uint32_t b = 0; b < n_blocks; b++) lasting[b] = -1;
  for (uint32_t first = 0; first + length <= n_blocks; first++) {
    double held = power[first];
    for (uint32_t b = first; b < first + length; b++) held = power[b] < held ? power[b] : held;
    for (uint32_t b = first; b < first + length; b++) lasting[b] = held > lasting[b] ? held : lasting[b];
  }
}

speech_span speech_find(const int16_t *samples, uint32_t n) {
  speech_span speech = {0, n};
  const uint32_t n_blocks = (n + BLOCK - 1) / BLOCK;
  double *power = malloc(2 * n_blocks * sizeof(double));
  if (power == NULL) return speech;  // all of it
  double *lasting = power + n_blocks, loudest = 0;
  for (uint32_t b = 0; b < n_blocks; b++) power[b] = measure(samples, n, b * BLOCK);
  leave_out_bursts(power, n_blocks, lasting);
  for (uint32_t b = 0; b < n_blocks; b++) loudest = lasting[b] > loudest ? lasting[b] : loudest;
  const double floor = FLOOR * BLOCK * BLOCK * 32768.0 * 32768.0;
  double least = loudest * GATE;
  if (loudest >= floor && floor > least) least = floor;
  bool found = false;
  for (uint32_t b = 0; b < n_blocks; b++) {
    if (lasting[b] < least) continue;
    if (!found) speech.begin = b * BLOCK;
    found = true;
    speech.end = n - b * BLOCK < BLOCK ? n : (b + 1) * BLOCK;
  }
  free(power);
  return speech;
}
