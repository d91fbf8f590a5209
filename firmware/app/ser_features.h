// The features of an utterance's windows, from the samples in the ring buffer.
//
// Where windows share frames (SER_SHARES_FRAMES) each frame is computed once, when its samples are there, so the ring buffer holds
// little more than a frame. Where the network goes on from window to window (SER_STREAMING) their features, too, are known then, a pair
// of frames at a time. Else a window is computed as a whole, and the ring buffer holds it.
#ifndef SER_FEATURES_H_
#define SER_FEATURES_H_

#include <stdint.h>

#include "ser_model.h"
#include "ser_ring.h"

#ifdef __cplusplus
extern "C" {
#endif

// All of it is the functions' own.
typedef struct {
#if SER_SHARES_FRAMES
  uint64_t next_frame;  // where the next frame starts, in samples since the audio's first one, as all positions here
  uint64_t window;      // where the window starts that is next to be complete
  uint64_t squares[SER_N_FRAMES];  // of the first SER_HOP_LENGTH samples of each of the last frames
  uint32_t newest;                 // of these
  uint32_t n_frames;               // that were computed of the utterance, where SER_STREAMING is 1
  int8_t values[SER_N_FRAMES * SER_N_FEATURES];  // of the window that was complete last
  float level_db;
#else
  char nothing;  // C++ and C differ on a struct without members
#endif
} ser_features;

// Begins an utterance, whose first window starts at `window`.
void ser_features_start(ser_features *features, uint64_t window);

// Computes what can be computed of the samples up to `position`, where the reader of the ring buffer is. Call it behind every
// block. Returns 0 where samples were overwritten before they were used.
int ser_features_hear(ser_features *features, const ser_ring *ring, uint64_t position);

#if SER_STREAMING
// Returns how many frames of the utterance have their features.
uint32_t ser_features_known(const ser_features *features);

// Returns int8 [SER_N_FEATURES] of one of the last of them, frame `frame`.
const int8_t *ser_features_of(const ser_features *features, uint32_t frame);
#endif

// Writes the features of the window that starts at `window` and is complete, int8 [SER_N_FRAMES][SER_N_FEATURES], and its level in
// dB full scale. Returns 0 where samples were overwritten before they were used. Windows are taken in their order; one that is not
// taken is skipped.
int ser_features_take(ser_features *features, const ser_ring *ring, uint64_t position, uint64_t window, int8_t *values,
                      float *level_db);

#ifdef __cplusplus
}
#endif

#endif  // SER_FEATURES_H_
