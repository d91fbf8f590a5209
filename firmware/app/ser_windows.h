// Where the windows of an utterance are that a model decides about.
//
// This is the rule of training and judging (ser_tinyml/audio/windows.py, `window_starts`), in the numbers of ser_model.h: the first
// window starts SER_LEAD_SAMPLES before the speech, but not before the audio, and on a multiple of SER_WINDOW_STEP_SAMPLES; a further
// one starts every SER_WINDOW_HOP_SAMPLES while speech goes on behind the end of the window before. Samples are counted from the audio's first one.
#ifndef SER_WINDOWS_H_
#define SER_WINDOWS_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Returns where the first window of an utterance starts whose speech begins at sample `begin`.
uint64_t ser_windows_first(uint64_t begin);

// Returns where the window behind the one starts that starts at `start`.
uint64_t ser_windows_next(uint64_t start);

// Returns whether there is a window behind the one that starts at `start`, where speech ends in front of sample `end`.
int ser_windows_has_next(uint64_t start, uint64_t end);

#ifdef __cplusplus
}
#endif

#endif  // SER_WINDOWS_H_
