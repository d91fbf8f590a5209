// The features of a window of audio, with the parameters of ser_model.h: librosa 0.11's MFCCs, and pitch, voicing and energy
// where the model takes them.
//
// All functions work in the same static buffers, so only one may run at a time.
#ifndef SER_FRONTEND_H_
#define SER_FRONTEND_H_

#include <stdint.h>

#include "ser_model.h"

#ifdef __cplusplus
extern "C" {
#endif

// A window of SER_WINDOW_SAMPLES 16-bit samples in a ring buffer of `capacity` samples, from index `start` < `capacity` on.
// An array is a ring buffer of capacity SER_WINDOW_SAMPLES that starts at 0.
typedef struct {
  const int16_t *samples;
  uint32_t capacity;
  uint32_t start;
} ser_audio;

// Writes float [SER_N_FRAMES][SER_N_FEATURES]: MFCCs, then columns of prosody.
void ser_frontend_values(const ser_audio *audio, float *values);

// Writes int8 [SER_N_FRAMES][SER_N_FEATURES]: standardised and quantized, the model's input.
void ser_frontend_features(const ser_audio *audio, int8_t *features);

#if !SER_CENTER
// The same for windows that have frames in common: each frame is computed once. The functions above forget what was added.

// Forgets all frames.
void ser_frontend_clear(void);

// Computes the frame behind the one that was added last, of the SER_N_FFT samples from the audio's start on.
void ser_frontend_add(const ser_audio *audio);

// Writes int8 [SER_N_FRAMES][SER_N_FEATURES] of the last SER_N_FRAMES frames, of which there must be as many. The bits are those of
// ser_frontend_features where the first of them is the first, third, fifth … that was added.
void ser_frontend_latest(int8_t *features);

// The same of the last two frames alone, int8 [2][SER_N_FEATURES], the second of which has an even number. What is written for them is
// what later calls write, where the floor does not depend on frames to come (SER_TOP_DB is 0).
void ser_frontend_latest_two(int8_t *features);
#endif

#ifdef __cplusplus
}
#endif

#endif  // SER_FRONTEND_H_
