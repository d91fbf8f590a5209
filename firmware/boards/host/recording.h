// A WAV file as the device's microphone would deliver it: one channel, its rate, 16 bits.
#ifndef SER_HOST_RECORDING_H_
#define SER_HOST_RECORDING_H_

#include <stdint.h>

#include "wav.h"

#define RECORDING_ERROR_SIZE WAV_ERROR_SIZE

// Returns int16 [*n] at `sample_rate`, for free(): the mean of the channels, rounded, cut off at the ends of 16 bits. NULL with one line in
// char error[RECORDING_ERROR_SIZE] where the file's rate is beyond the resampler, a sample is no number, or memory is short.
int16_t *recording_make(const wav *file, uint32_t sample_rate, uint32_t *n, char *error);

#endif  // SER_HOST_RECORDING_H_
