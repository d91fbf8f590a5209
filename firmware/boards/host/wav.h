// A reader of RIFF/WAVE files, from memory: integers of 8 to 32 bits and floats, any rate, any number of channels, and files that were
// written to a pipe, whose headers do not know how long they are.
#ifndef SER_WAV_H_
#define SER_WAV_H_

#include <stddef.h>
#include <stdint.h>

#define WAV_ERROR_SIZE 120

typedef struct {
  const uint8_t *frames;  // within the file's bytes: little-endian [n_frames][n_channels]
  uint32_t n_frames;      // at least 1
  uint32_t n_channels;    // at least 1
  uint32_t sample_rate;   // Hz, at least 1
  uint32_t sample_bytes;  // of one channel: 1 to 4 of an integer, 4 or 8 of a float
  int is_float;
} wav;

// Finds the samples in `size` bytes of a file. 0, or 1 with one line in char error[WAV_ERROR_SIZE] that names the field, what it is
// and what was expected.
int wav_read(const uint8_t *bytes, size_t size, wav *out, char *error);

// Frame `frame` < n_frames, -1 to 1: the mean of its channels. Floats may be beyond, or no number.
double wav_sample(const wav *file, uint32_t frame);

#endif  // SER_WAV_H_
