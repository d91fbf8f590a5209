// The features of a window of audio, with the parameters of ser_model.h: librosa 0.11's MFCCs, and pitch, voicing and energy
// where the model takes them.
//
// Both functions work in the same static buffers, so only one may run at a time.
#ifndef SER_FRONTEND_H_
#define SER_FRONTEND_H_

#include <stdint.h>

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

#ifdef __cplusplus
}
#endif

#endif  // SER_FRONTEND_H_
