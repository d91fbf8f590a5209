// Removal of a microphone's constant offset, which recordings don't have and which takes seconds to settle after power-up.
#ifndef SER_OFFSET_H_
#define SER_OFFSET_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int32_t offset;  // in 1 / SER_OFFSET_SAMPLES of a step
} ser_offset;

#define SER_OFFSET_SAMPLES 512  // time constant: with 16 kHz a high-pass filter of one pole at 5 Hz, below all mel bands but the first

// Subtracts the running mean from `n` samples, in place; results beyond 16 bits are cut off. An offset begins as {0}.
void ser_offset_remove(ser_offset *offset, int16_t *samples, uint32_t n);

#ifdef __cplusplus
}
#endif

#endif  // SER_OFFSET_H_
