// A recording at another rate.
#ifndef SER_HOST_RESAMPLE_H_
#define SER_HOST_RESAMPLE_H_

#include <stdint.h>

// Rates, Hz.
#define RESAMPLE_LOWEST_RATE 1000u
#define RESAMPLE_HIGHEST_RATE 192000u

// How many samples n of rate `from` become at rate `to`.
uint64_t resample_length(uint32_t n, uint32_t from, uint32_t to);

// y: double [resample_length(n, from, to)] = x: double [n] at the other rate. What both rates have is kept up to 0.91 of half the
// lower one; what only the higher one has is 90 dB down from half the lower one on. Returns 0, or 1 without memory.
int resample(const double *x, uint32_t n, uint32_t from, uint32_t to, double *y);

#endif  // SER_HOST_RESAMPLE_H_
