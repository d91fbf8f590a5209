// The WAV reader: what it accepts it reads right, and a file that was cut off anywhere is an error.

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "wav.h"
#include "wav_files.h"

#define READ(array, out) wav_read(array, sizeof array - 1, out, error)
#define STEPS(file, frame) (32768 * wav_sample(file, frame))

static void test_samples(void) {
  char error[WAV_ERROR_SIZE];
  wav file;
  CHECK(READ(wav_mono, &file) == 0 && file.n_frames == 2 && file.n_channels == 1 && file.sample_rate == 16000);
  CHECK(STEPS(&file, 0) == -1 && STEPS(&file, 1) == -32768);
  CHECK(READ(wav_stereo, &file) == 0 && file.n_frames == 3 && file.n_channels == 2);
  CHECK(STEPS(&file, 0) == 32766.5 && STEPS(&file, 1) == -32768 && STEPS(&file, 2) == -1.5);
  CHECK(READ(wav_extensible, &file) == 0 && file.n_frames == 2 && STEPS(&file, 1) == 0x403);
  CHECK(READ(wav_odd_chunk, &file) == 0 && file.n_frames == 2 && STEPS(&file, 0) == 0x201);
}

static void test_encodings(void) {
  char error[WAV_ERROR_SIZE];
  wav file;
  CHECK(READ(wav_8_bits, &file) == 0 && file.n_frames == 3 && file.sample_rate == 8000);
  CHECK(wav_sample(&file, 0) == -1 && wav_sample(&file, 1) == 0 && wav_sample(&file, 2) == 127 / 128.0);
  CHECK(READ(wav_24_bits, &file) == 0 && file.n_frames == 2 && file.sample_rate == 44100);
  CHECK(wav_sample(&file, 0) == -1 && wav_sample(&file, 1) == 1 / 8388608.0);
  CHECK(READ(wav_32_bits, &file) == 0 && file.n_frames == 1 && wav_sample(&file, 0) == (0.5 - 0.25) / 2);
  CHECK(READ(wav_float, &file) == 0 && file.n_frames == 2 && wav_sample(&file, 0) == 0.25 && wav_sample(&file, 1) == -2);
  CHECK(READ(wav_double, &file) == 0 && file.n_frames == 1 && wav_sample(&file, 0) == -0.25);
  CHECK(READ(wav_piped, &file) == 0 && file.n_frames == 2 && STEPS(&file, 1) == 0x403);
}

// Each in memory of its own, so that AddressSanitizer sees a read beyond its end.
static void test_cut_off(const uint8_t *bytes, size_t size) {
  for (size_t length = 0; length < size; length++) {
    uint8_t *cut = malloc(length + 1);
    if (cut == NULL) abort();
    uint8_t *start = cut + 1;
    memcpy(start, bytes, length);
    wav file;
    char error[WAV_ERROR_SIZE] = "";
    CHECK(wav_read(start, length, &file, error) == 1 && error[0] != '\0');
    free(cut);
  }
}

int main(void) {
  test_samples();
  test_encodings();
  test_cut_off(wav_mono, sizeof wav_mono - 1);
  test_cut_off(wav_stereo, sizeof wav_stereo - 1);
  test_cut_off(wav_extensible, sizeof wav_extensible - 1);
  test_cut_off(wav_odd_chunk, sizeof wav_odd_chunk - 1);
  return failures != 0;
}
