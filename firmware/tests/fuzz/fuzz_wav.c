// Any bytes whatever: an error with its text, or samples that can all be read.
#include <stdlib.h>

#include "wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  wav file;
  char error[WAV_ERROR_SIZE] = "";
  if (wav_read(bytes, size, &file, error) != 0) {
    if (error[0] == '\0') abort();
    return 0;
  }
  if (file.n_frames == 0 || (uint64_t)file.sample_bytes * file.n_channels * file.n_frames > size) abort();
  volatile double sink;
  for (uint32_t frame = 0; frame < file.n_frames; frame++) sink = wav_sample(&file, frame);
  (void)sink;
  return 0;
}
