// Prints what a processor's own instructions make of drawn numbers, and of the ends of their ranges: the same on each.
#include <stdio.h>

#include "ser_kernels.h"

static uint32_t state = 1;

// Returns -largest to largest, one of the two every fourth time.
static int32_t draw(int32_t largest) {
  state = state * 1664525u + 1013904223u;
  const uint32_t high = state >> 8;
  if (high % 4 == 0) return high & 4 ? largest : -largest;
  return (int32_t)(high / 4 % (2u * (uint32_t)largest + 1)) - largest;
}

int main(void) {
  static int16_t tile[2 * SER_CHUNK] __attribute__((aligned(4))), x[SER_CHUNK] __attribute__((aligned(4)));
  for (int n = SER_BLOCK; n <= SER_CHUNK; n += SER_BLOCK) {
    for (int i = 0; i < 2 * n; ++i) tile[i] = (int16_t)(256 * draw(127) + draw(127));
    for (int i = 0; i < n; ++i) x[i] = (int16_t)draw(255);
    int32_t sums[4];
    ser_dot4(tile, x, n, sums);
    printf("sums %d: %ld %ld %ld %ld\n", n, (long)sums[0], (long)sums[1], (long)sums[2], (long)sums[3]);
    for (int i = 0; i < n; ++i) tile[i] = (int16_t)(4096 * draw(7) + 256 * draw(7) + 16 * draw(7) + draw(7));
    ser_dot4_4bit(tile, x, n, sums);
    printf("4-bit sums %d: %ld %ld %ld %ld\n", n, (long)sums[0], (long)sums[1], (long)sums[2], (long)sums[3]);
  }
  for (int i = 0; i < 500; ++i) {
    const int32_t value = draw((1 << 22) - 1) << (i % 8), multiplier = (1 << 30) + (draw((1 << 22) - 1) << 7);
    const long high = ser_multiply_high(value, multiplier);
    printf("%ld * %ld: %ld\n", (long)value, (long)multiplier, high);
    const int32_t argument = draw(3 << 15), wide = draw(1 << 20);
    printf("sigmoid %ld: %ld, ", (long)argument, (long)ser_sigmoid(argument));
    printf("tanh %ld: %ld, 16 bits: %ld\n", (long)wide, (long)ser_tanh(wide), (long)SER_SATURATE(wide, 16));
  }
  return 0;
}
