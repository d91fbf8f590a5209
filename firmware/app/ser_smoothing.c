#include "ser_smoothing.h"

#include <string.h>

static int32_t sum_output(const ser_smoothing *smoothing, uint32_t output);

void ser_smoothing_init(ser_smoothing *smoothing, int8_t *outputs, uint32_t depth, uint32_t n_outputs) {
  smoothing->outputs = outputs;
  smoothing->depth = depth;
  smoothing->n_outputs = n_outputs;
  ser_smoothing_clear(smoothing);
}

void ser_smoothing_clear(ser_smoothing *smoothing) {
  smoothing->count = 0;
  smoothing->next = 0;
}

void ser_smoothing_add(ser_smoothing *smoothing, const int8_t *output) {
  memcpy(smoothing->outputs + smoothing->next * smoothing->n_outputs, output, smoothing->n_outputs);
  smoothing->next = (smoothing->next + 1) % smoothing->depth;
  smoothing->count += smoothing->count < smoothing->depth;
}

uint32_t ser_smoothing_mean(const ser_smoothing *smoothing, float scale, int32_t zero_point, float *probabilities) {
  const int32_t count = (int32_t)smoothing->count;
  uint32_t largest = 0;
  int32_t largest_sum = INT32_MIN;
  for (uint32_t i = 0; i < smoothing->n_outputs; i++) {
    const int32_t sum = sum_output(smoothing, i);
    probabilities[i] = scale * (float)(sum - count * zero_point) / (float)count;
    if (sum > largest_sum) {
      largest_sum = sum;
      largest = i;
    }
  }
  return largest;
}

static int32_t sum_output(const ser_smoothing *smoothing, uint32_t output) {
  int32_t sum = 0;
  for (uint32_t row = 0; row < smoothing->count; row++) {
    sum += smoothing->outputs[row * smoothing->n_outputs + output];
  }
  return sum;
}
