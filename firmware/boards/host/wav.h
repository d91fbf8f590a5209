// A strict reader of RIFF/WAVE files of 16-bit PCM at one sample rate, from memory.
#ifndef SER_WAV_H_
#define SER_WAV_H_

#include <stddef.h>
#include <stdint.h>

#define WAV_ERROR_SIZE 120

typedef struct {
  const uint8_t *frames;  // within the file's bytes: little-endian int16 [n_frames][n_channels]
  uint32_t n_frames;      // at least 1
  uint32_t n_channels;    // 1 or 2
} wav;

// Finds the samples in `size` bytes of a file. 0, or 1 with one line in char error[WAV_ERROR_SIZE] that names the field, what it is
// and what was expected.
int wav_read(const uint8_t *bytes, size_t size, uint32_t sample_rate, wav *out, char *error);

// Sample `frame` < n_frames; of two channels the mean, rounded towards zero.
int16_t wav_sample(const wav *file, uint32_t frame);

#endif  // SER_WAV_H_
