#include "ser_cmvn.h"

#if SER_CMVN_PRIOR_WINDOWS > 0

#include <math.h>
#include <string.h>

#include "ser_frames.h"

#define LEAST_DEVIATION 0.1f  // of the model's own: of a microphone that is stuck it would go to 0

// Sums of values and of their squares, from the model's own mean on, where they are small enough for floats.
typedef struct {
  float sum;
  float squares;
} ser_sums;

// Of the frames of a window.
static ser_sums added[SER_N_FEATURES];
static uint32_t n_added;

// Of windows, each of which counts one. Before the first one there is nothing.
static ser_sums heard[SER_N_FEATURES];
static float n_heard;

// As ser_quantize, which stands for it before a window was heard: int8 = round(value * [0] + [1]).
static float quantizer[SER_N_FEATURES][2];

static void make_quantizer(void);

void ser_cmvn_forget(void) {
  ser_cmvn_drop();
  memset(heard, 0, sizeof heard);
  n_heard = 0.0f;
}

void ser_cmvn_write_features(const float *values, int8_t *features) {
  const float(*by)[2] = n_heard > 0.0f ? (const float(*)[2])quantizer : ser_quantize;
  for (uint32_t k = 0; k < SER_N_FEATURES; k++) {
    features[k] = ser_round_int8(values[k] * by[k][0] + by[k][1]);
    const float value = values[k] - ser_feature_mean[k];
    added[k].sum += value;
    added[k].squares += value * value;
  }
  n_added++;
}

void ser_cmvn_drop(void) {
  memset(added, 0, sizeof added);
  n_added = 0;
}

void ser_cmvn_remember(void) {
  if (n_added == 0) return;
  const float share = 1.0f / (float)n_added;
  const int is_first = !(n_heard > 0.0f);
  const float before = is_first ? (float)SER_CMVN_PRIOR_WINDOWS : n_heard;
  n_heard = before + 1.0f;
  const float kept = n_heard > (float)SER_CMVN_MEMORY_WINDOWS ? (float)SER_CMVN_MEMORY_WINDOWS / n_heard : 1.0f;
  for (uint32_t k = 0; k < SER_N_FEATURES; k++) {
    if (is_first) heard[k].squares = before * ser_feature_deviation[k] * ser_feature_deviation[k];
    heard[k].sum = kept * (heard[k].sum + added[k].sum * share);
    heard[k].squares = kept * (heard[k].squares + added[k].squares * share);
  }
  if (kept < 1.0f) n_heard = (float)SER_CMVN_MEMORY_WINDOWS;
  ser_cmvn_drop();
  make_quantizer();
}

static void make_quantizer(void) {
  for (uint32_t k = 0; k < SER_N_FEATURES; k++) {
    const float mean = heard[k].sum / n_heard;
    const float variance = heard[k].squares / n_heard - mean * mean;
    const float least = LEAST_DEVIATION * ser_feature_deviation[k];
    const float deviation = variance > least * least ? sqrtf(variance) : least;
    quantizer[k][0] = 1.0f / (deviation * SER_INPUT_SCALE);
    quantizer[k][1] = (float)SER_INPUT_ZERO_POINT - (ser_feature_mean[k] + mean) * quantizer[k][0];
  }
}

#endif
