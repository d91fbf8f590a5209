#include "resample.h"

#include <math.h>
#include <stdlib.h>

#define PI 3.14159265358979323846
#define ZEROS 64      // of the sinc function on each side, at the lower rate
#define BETA 8.96     // of the Kaiser window: 90 dB
#define MIDDLE 0.955  // of the transition, in half the lower rate: its width is 0.089

typedef struct {
  uint32_t up;      // phases between two samples of x
  uint32_t down;    // phases between two samples of y
  uint32_t length;  // of a phase's filter
  double cutoff;    // in half the rate of x
} design;

static design make_design(uint32_t from, uint32_t to);
static void fill_phase(const design *filter, uint32_t phase, double *taps);
static double bessel(double x);

uint64_t resample_length(uint32_t n, uint32_t from, uint32_t to) { return ((uint64_t)n * to + from - 1) / from; }

// Polyphase: sample number m of y lies m * down / up samples of x behind the first one. The rest of that division is the phase, and a
// phase has its own filter, which is made when it first comes.
int resample(const double *x, uint32_t n, uint32_t from, uint32_t to, double *y) {
  const design filter = make_design(from, to);
  const uint64_t n_out = resample_length(n, from, to);
  double *taps = malloc((size_t)filter.up * filter.length * sizeof *taps);
  unsigned char *is_made = calloc(filter.up, 1);
  const int good = taps != NULL && is_made != NULL;
  for (uint64_t m = 0; good && m < n_out; m++) {
    const uint32_t phase = (uint32_t)(m * filter.down % filter.up);
    double *of_phase = taps + (size_t)phase * filter.length;
    if (!is_made[phase]) fill_phase(&filter, phase, of_phase);
    is_made[phase] = 1;
    const int64_t first = (int64_t)(m * filter.down / filter.up) - (int64_t)filter.length / 2 + 1;
    const int64_t begin = first < 0 ? -first : 0;
    const int64_t end = (int64_t)n - first < (int64_t)filter.length ? (int64_t)n - first : (int64_t)filter.length;
    double sum = 0;
    for (int64_t k = begin; k < end; k++) sum += of_phase[k] * x[first + k];
    y[m] = sum;
  }
  free(taps);
  free(is_made);
  return good ? 0 : 1;
}

static design make_design(uint32_t from, uint32_t to) {
  uint32_t divisor = from;
  for (uint32_t rest = to; rest != 0;) {
    const uint32_t next = divisor % rest;
    divisor = rest;
    rest = next;
  }
  const double lower = from < to ? 1.0 : (double)to / from;
  return (design){to / divisor, from / divisor, 2 * (uint32_t)ceil(ZEROS / lower), MIDDLE * lower};
}

// A sinc function under a Kaiser window, around a point between its two middle taps.
static void fill_phase(const design *filter, uint32_t phase, double *taps) {
  const double half = filter->length / 2;
  const double point = half - 1 + (double)phase / filter->up;
  double total = 0;
  for (uint32_t k = 0; k < filter->length; k++) {
    const double distance = k - point, place = distance / half;
    const double window = place * place < 1 ? bessel(BETA * sqrt(1 - place * place)) : 0;
    const double angle = PI * filter->cutoff * distance;
    taps[k] = window * (angle == 0 ? 1 : sin(angle) / angle);
    total += taps[k];
  }
  for (uint32_t k = 0; k < filter->length; k++) taps[k] /= total;  // a constant stays what it is
}

// The modified Bessel function of the first kind, of order 0, by its series.
static double bessel(double x) {
  double sum = 1, term = 1;
  for (int n = 1; term > 1e-12 * sum; n++) {
    term *= x * x / (4.0 * n * n);
    sum += term;
  }
  return sum;
}
