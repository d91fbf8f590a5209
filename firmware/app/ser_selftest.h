// A self-test: front end and engine on made-up input, the same on every device, and what they cost.
//
// Whoever holds the model on a PC computes the same and compares: an engine's outputs are equal to the bit; of the front end the last
// bits of a float may differ where a compiler fuses multiply-adds, and outputs by a step or two.
#ifndef SER_SELFTEST_H_
#define SER_SELFTEST_H_

#include <stdint.h>

#include "ser_app.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int32_t failed;                 // an engine that fails
  int8_t of_features[SER_N_LABELS];  // the engine's outputs for features that are given
  int8_t of_sound[SER_N_LABELS];     // its outputs for those of a window of sound
  uint32_t frontend_cost;  // of all frames of that window, in the board's units
  uint32_t engine_cost;
} ser_selftest;

// Runs it in the app's buffers: the app must be stopped, and forgets what it heard.
ser_selftest ser_selftest_run(ser_app *app);

#ifdef __cplusplus
}
#endif

#endif  // SER_SELFTEST_H_
