// Level of audio in dB full scale: the mean square against 32768 squared, so that a square wave of full scale has 0 dB.
#ifndef SER_LEVEL_H_
#define SER_LEVEL_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  uint64_t squares;
  uint32_t n;
} ser_level;

// Adds `n` samples to a level that began as {0, 0}.
void ser_level_add(ser_level *level, const int16_t *samples, uint32_t n);

// dB full scale, from -101.1 (zeros: what is left is the rounding to 16 bits, 1/12 of a step squared) to 0.
float ser_level_db(const ser_level *level);

#ifdef __cplusplus
}
#endif

#endif  // SER_LEVEL_H_
