// Where in a recording speech is, by its energy: what a device can't do, which does not know the loudest part in advance.
#ifndef SER_HOST_SPEECH_H_
#define SER_HOST_SPEECH_H_

#include <stdint.h>

typedef struct {
  uint32_t begin;  // the first sample of speech
  uint32_t end;    // the sample behind its last one
} speech_span;

// Returns the span of speech in n > 0 samples at SER_SAMPLE_RATE, as `find_speech` of ser_tinyml/audio/windows.py: what is at most
// 30 dB below the loudest part, and not below -70 dB full scale, offsets and bursts of less than 80 ms left aside.
speech_span speech_find(const int16_t *samples, uint32_t n);

#endif  // SER_HOST_SPEECH_H_
