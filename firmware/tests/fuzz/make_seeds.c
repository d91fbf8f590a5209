// make_seeds FOLDER writes what the fuzzers begin with, to FOLDER/wav, FOLDER/frontend and FOLDER/app.

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wav_files.h"

static void write_seed(const char *folder, const char *name, const uint8_t *bytes, size_t size) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(bytes, size, 1, file) != 1 || fclose(file) != 0) {
    fprintf(stderr, "%s: can't be written\n", path);
    exit(EXIT_FAILURE);
  }
}

static void write_samples(const char *folder, const char *name, uint8_t repeats, double amplitude, double step, double noise) {
  enum { HEADER = 7, SAMPLES = 1200 };
  uint8_t seed[HEADER + 2 * SAMPLES] = {200, 1, 77, 90, 0, 0, repeats};
  for (int n = 0; n < SAMPLES; n++) {
    const double random = 2.0 * rand() / RAND_MAX - 1;
    const int16_t sample = (int16_t)lround(amplitude * sin(step * n) + noise * random);
    memcpy(seed + HEADER + 2 * n, &sample, sizeof sample);
  }
  write_seed(folder, name, seed, sizeof seed);
}

// Hiss, then syllables in it, as pieces of fuzz_app.c; `bits` are those of each piece.
static void write_sound(const char *folder, const char *name, uint8_t loudness, uint8_t length, uint8_t bits) {
  enum { HEADER = 4, PIECES = 48 };
  uint8_t seed[HEADER + 4 * PIECES] = {0, 0, 0, 0};
  for (int n = 0; n < PIECES; n++) {
    const int voiced = n > PIECES / 3 && n < PIECES * 3 / 4 && n % 3;
    const uint8_t piece[4] = {voiced ? 2 : 1, voiced ? loudness : 4, length, bits};
    memcpy(seed + HEADER + 4 * n, piece, sizeof piece);
  }
  write_seed(folder, name, seed, sizeof seed);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: make_seeds FOLDER\n");
    return EXIT_FAILURE;
  }
  write_seed(argv[1], "wav/mono", wav_mono, sizeof wav_mono - 1);
  write_seed(argv[1], "wav/stereo", wav_stereo, sizeof wav_stereo - 1);
  write_seed(argv[1], "wav/extensible", wav_extensible, sizeof wav_extensible - 1);
  write_seed(argv[1], "wav/odd_chunk", wav_odd_chunk, sizeof wav_odd_chunk - 1);
  write_seed(argv[1], "wav/8_bits", wav_8_bits, sizeof wav_8_bits - 1);
  write_seed(argv[1], "wav/24_bits", wav_24_bits, sizeof wav_24_bits - 1);
  write_seed(argv[1], "wav/32_bits", wav_32_bits, sizeof wav_32_bits - 1);
  write_seed(argv[1], "wav/float", wav_float, sizeof wav_float - 1);
  write_seed(argv[1], "wav/double", wav_double, sizeof wav_double - 1);
  write_seed(argv[1], "wav/piped", wav_piped, sizeof wav_piped - 1);
  write_samples(argv[1], "frontend/silence", 0, 0, 0, 0);
  write_samples(argv[1], "frontend/quiet", 1, 0, 0, 1);
  write_samples(argv[1], "frontend/tone", 1, 32767, 0.1, 0);
  write_samples(argv[1], "frontend/highest", 1, 32767, 1.5707963267948966, 0);
  write_samples(argv[1], "frontend/click", 0, 32767, 0.5, 0);
  write_samples(argv[1], "frontend/noise", 1, 0, 0, 32767);
  write_sound(argv[1], "app/speech", 13, 25, 0);
  write_sound(argv[1], "app/clipped", 15, 50, 0);
  write_sound(argv[1], "app/rarely_polled", 13, 50, 8);
  write_sound(argv[1], "app/never_polled", 13, 50, 4);
  write_sound(argv[1], "app/begun_again", 13, 100, 2);
  return EXIT_SUCCESS;
}
