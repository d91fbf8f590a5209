// What the front end computes of a frame, in floating point (ser_frames_float.c) or, where SER_FRONTEND_FIXED is defined, in
// integers alone (ser_frames_fixed.c).
//
// The last SER_N_FRAMES frames are kept, frame n in place n % SER_N_FRAMES.
#ifndef SER_FRAMES_H_
#define SER_FRAMES_H_

#include <stdint.h>

#include "ser_model.h"

#define SER_FINDS_PITCH (SER_N_PROSODY > 0 && (SER_HAS_PITCH || SER_HAS_VOICING))
#define SER_FRAME_RUNS 3  // at most: cut where the window bends, and where the ring buffer ends

// Samples of a frame that lie one behind the other: `count` from sample `first` of the frame on, before the window's bend
// (SER_N_FFT / 2), where its weights rise, or behind it.
typedef struct {
  const int16_t *samples;
  uint32_t first;
  uint32_t count;
} ser_run;

// A frame's samples, from `first` to before `last`; all others are zeros.
typedef struct {
  uint32_t first;
  uint32_t last;
  uint32_t n_runs;
  ser_run runs[SER_FRAME_RUNS];
} ser_cut;

static inline uint32_t ser_frames_place(uint32_t frame) { return frame % SER_N_FRAMES; }

// Computes frame number `frame` of all, which are added in order, but for its pitch and voicing.
void ser_frames_add(const ser_cut *cut, uint32_t frame);

#if SER_FINDS_PITCH
// Keeps of the frame that was added last what its pitch is found by, beside that of a frame of the other parity.
void ser_frames_keep_low_power(uint32_t frame);

// Finds pitch and voicing of `count` frames that were kept, one or two, from frame `first` on, which is of an even number.
void ser_frames_find_pitch(uint32_t first, uint32_t count);
#endif

// Finds what no frame is quieter than, SER_TOP_DB below the loudest of the last SER_N_FRAMES.
void ser_frames_set_floor(void);

// Writes float [SER_N_FEATURES] of the frame in a place.
void ser_frames_write_values(uint32_t place, float *values);

// Writes int8 [SER_N_FEATURES] of the frame in a place, standardised by constants.
void ser_frames_write_features(uint32_t place, int8_t *features);

// Rounds, and cuts off at the ends of int8.
static inline int8_t ser_round_int8(float level) {
  const float cut = level < -128.0f ? -128.0f : level > 127.0f ? 127.0f : level;
  return (int8_t)(cut + (cut < 0.0f ? -0.5f : 0.5f));
}

#endif  // SER_FRAMES_H_
