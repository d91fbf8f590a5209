// Recordings at a device's rate: tones stay where and as loud as they are, and what the rate can't hold is gone.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "recording.h"
#include "resample.h"

#define PI 3.14159265358979323846
#define SECONDS 1
#define EDGE 200  // samples at either end, where a filter looks beyond the recording

static double tone(double hz, double seconds) { return sin(2 * PI * hz * seconds + 0.3); }

// The largest difference of a tone of rate `from`, resampled to `to`, from the tone `scale` times as loud at that rate.
static double resample_tone(double hz, uint32_t from, uint32_t to, double scale) {
  const uint32_t n = SECONDS * from;
  const uint64_t length = resample_length(n, from, to);
  double *x = malloc(n * sizeof *x), *y = malloc(length * sizeof *y);
  if (x == NULL || y == NULL) abort();
  for (uint32_t i = 0; i < n; i++) x[i] = tone(hz, (double)i / from);
  CHECK(length == SECONDS * to && resample(x, n, from, to, y) == 0);
  double largest = 0;
  for (uint64_t i = EDGE; i + EDGE < length; i++) {
    const double difference = fabs(y[i] - scale * tone(hz, (double)i / to));
    largest = difference > largest ? difference : largest;
  }
  free(x);
  free(y);
  return largest;
}

static void test_tones(void) {
  static const uint32_t rates[] = {8000, 11025, 22050, 44100, 48000, 96000, 44099};
  for (unsigned i = 0; i < sizeof rates / sizeof *rates; i++) {
    const uint32_t lower = rates[i] < 16000 ? rates[i] : 16000;
    CHECK(resample_tone(300, rates[i], 16000, 1) < 1e-4);
    CHECK(resample_tone(0.45 * lower, rates[i], 16000, 1) < 1e-4);
  }
}

static void test_aliases(void) {
  CHECK(resample_tone(8100, 48000, 16000, 0) < 1e-4);
  CHECK(resample_tone(15000, 44100, 16000, 0) < 1e-4);
}

// Two samples of a WAV file, as bytes.
static int16_t *make(const void *bytes, uint32_t sample_bytes, int is_float, uint32_t rate, char *error) {
  static uint32_t n;
  const wav file = {bytes, 2, 1, rate, sample_bytes, is_float};
  return recording_make(&file, 16000, &n, error);
}

static void test_rounding(void) {
  char error[RECORDING_ERROR_SIZE];
  static const float values[2][2] = {{1.5f / 32768, 2.0f}, {-2.5f / 32768, -2.0f}};
  static const int16_t expected[2][2] = {{2, 32767}, {-2, -32768}};
  for (int i = 0; i < 2; i++) {
    int16_t *samples = make(values[i], 4, 1, 16000, error);
    CHECK(samples != NULL && memcmp(samples, expected[i], sizeof expected[i]) == 0);
    free(samples);
  }
}

static void test_refusals(void) {
  char error[RECORDING_ERROR_SIZE];
  static const float bad[2][2] = {{0, NAN}, {INFINITY, 0}};
  CHECK(make(bad[0], 4, 1, 16000, error) == NULL && strcmp(error, "sample 1 is not a finite number") == 0);
  CHECK(make(bad[1], 4, 1, 16000, error) == NULL && strcmp(error, "sample 0 is not a finite number") == 0);
  CHECK(make("\0\0", 1, 0, 999, error) == NULL && strcmp(error, "sample_rate is 999, expected 1000 to 192000") == 0);
  CHECK(make("\0\0", 1, 0, 192001, error) == NULL && strcmp(error, "sample_rate is 192001, expected 1000 to 192000") == 0);
}

int main(void) {
  test_tones();
  test_aliases();
  test_rounding();
  test_refusals();
  return failures != 0;
}
