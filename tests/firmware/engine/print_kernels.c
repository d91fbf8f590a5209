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

static void draw_vector(int16_t *x, int n) {
  for (int i = 0; i < n; ++i) x[i] = (int16_t)draw(255);
}

static void print_unit(const char *how, int n, const int32_t of_input[4], const int32_t of_hidden[4]) {
  printf("unit %d, %s:", n, how);
  for (int row = 0; row < 4; ++row) printf(" %ld %ld", (long)of_input[row], (long)of_hidden[row]);
  printf("\n");
}

// One unit's sums over n inputs and a hidden state of another size: vector by vector, and by the processor's own function.
static void sum_unit(const int16_t *tile, int n, const int16_t *input, int n_hidden, const int16_t *hidden) {
  int32_t of_input[4], of_hidden[4], bias[4];
  for (int row = 0; row < 4; ++row) bias[row] = draw(100000);
  const int16_t *next = ser_sum_gates(tile, 0, input, n, of_input);
  ser_sum_gates(next, 0, hidden, n_hidden, of_hidden);
  for (int row = 0; row < 4; ++row) of_input[row] += bias[row];
  print_unit("vector by vector", n, of_input, of_hidden);
#if defined(SER_SUMS_UNITS)
  ser_unit unit = {
      .tile = tile,
      .bias = bias,
      .input = input,
      .input_end = ser_find_end(input, n),
      .hidden = hidden,
      .hidden_end = ser_find_end(hidden, n_hidden),
  };
  ser_sum_unit(&unit);
  print_unit("at once", n, unit.of_input, unit.of_hidden);
#else
  print_unit("at once", n, of_input, of_hidden);
#endif
}

// What is constant in a model: each a line, as its own instructions are chosen by the compiler.
#define PRINT_SCALED(multiplier, left, right)                                                                                \
  do {                                                                                                                       \
    const int32_t sum = draw((1 << 22) - 1);                                                                                 \
    const ser_factor factor = {multiplier, left, right};                                                                     \
    printf("%ld: %ld, %ld\n", (long)sum, (long)ser_scale_sum(sum, factor), (long)ser_show(sum, factor, (int)draw(127)));     \
  } while (0)

#define PRINT_TANH(multiplier, shift)                                                                    \
  do {                                                                                                   \
    const int32_t cell = draw(32767);                                                                    \
    printf("tanh of state %ld: %ld\n", (long)cell, (long)ser_tanh_of_state(lines, cell, multiplier, shift)); \
  } while (0)

enum { UNITS = 7, INPUTS = 3 * SER_BLOCK, FRAMES = 30 };

static int16_t lstm_weights[UNITS * 2 * (INPUTS + SER_BLOCK)] __attribute__((aligned(4)));
static int32_t lstm_bias[4 * UNITS];

// An LSTM of which the constants that decide over the instructions are given; each gate has another factor.
#define DEFINE_LSTM(name, whole, shift, low, high, multiplier, of_tanh)                                                         \
  static const ser_lstm name = {                                                                                              \
      .n_inputs = INPUTS,                                                                                                     \
      .n_units = UNITS,                                                                                                       \
      .n_hidden = SER_BLOCK,                                                                                                  \
      .is_whole = whole,                                                                                                      \
      .weights = lstm_weights,                                                                                                \
      .bias = lstm_bias,                                                                                                      \
      .from_input = {{1 << 30, 0, 2}, {2147483647, 0, 3}, {1518500250, 0, 1}, {1188903213, 0, 2}},                            \
      .from_hidden = {{1803146951, 0, 0}, {1188903213, 1, 0}, {1 << 30, 0, 1}, {1518500250, 0, 3}},                           \
      .write_shift = shift,                                                                                                   \
      .output = {1178958029, 0, 22},                                                                                          \
      .cell_min = low,                                                                                                        \
      .cell_max = high,                                                                                                       \
      .tanh_multiplier = multiplier,                                                                                          \
      .tanh_shift = of_tanh,                                                                                                  \
      .hidden_zero_point = -3,                                                                                                \
  }

DEFINE_LSTM(clipped, 1, 19, -20480, 20480, 6, 0);
DEFINE_LSTM(fine, 1, 14, -32767, 32767, 3, 4);
DEFINE_LSTM(in_chunks, 0, 18, -32768, 32767, 3, 0);

#define PRINT_LSTM(run, layer)                                                               \
  do {                                                                                       \
    static int16_t states[2][SER_BLOCK] __attribute__((aligned(4))), cells[UNITS + 1];       \
    for (int frame = 0; frame < FRAMES; ++frame) {                                           \
      draw_vector(x, INPUTS);                                                                \
      run(&layer, x, states[frame % 2], states[1 - frame % 2], cells);                       \
      printf(#layer " %d:", frame);                                                          \
      for (int unit = 0; unit < UNITS; ++unit) {                                             \
        printf(" %d %d", states[1 - frame % 2][unit], cells[unit]);                          \
      }                                                                                      \
      printf("\n");                                                                          \
    }                                                                                        \
  } while (0)

static void print_lstms(int16_t *x) {
  for (int i = 0; i < 4 * UNITS; ++i) lstm_bias[i] = draw(20000);
  for (int i = 0; i < (int)(sizeof lstm_weights / sizeof *lstm_weights); ++i) {
    lstm_weights[i] = (int16_t)(256 * draw(40) + draw(40));
  }
  PRINT_LSTM(ser_run_lstm, clipped);
  PRINT_LSTM(ser_run_lstm, fine);
  PRINT_LSTM(ser_run_lstm, in_chunks);
  for (int i = 0; i < (int)(sizeof lstm_weights / sizeof *lstm_weights); ++i) {
    lstm_weights[i] = (int16_t)(4096 * draw(7) + 256 * draw(7) + 16 * draw(7) + draw(7));
  }
  PRINT_LSTM(ser_run_lstm_4bit, in_chunks);
}

int main(void) {
  static int16_t tile[4 * SER_CHUNK] __attribute__((aligned(4)));
  static int16_t x[SER_CHUNK] __attribute__((aligned(4))), hidden[SER_CHUNK] __attribute__((aligned(4)));
  for (int n = SER_BLOCK; n <= SER_CHUNK; n += SER_BLOCK) {
    for (int i = 0; i < 4 * SER_CHUNK; ++i) tile[i] = (int16_t)(256 * draw(127) + draw(127));
    draw_vector(x, SER_CHUNK);
    draw_vector(hidden, SER_CHUNK);
    int32_t sums[4];
    ser_dot4(tile, x, n, sums);
    printf("sums %d: %ld %ld %ld %ld\n", n, (long)sums[0], (long)sums[1], (long)sums[2], (long)sums[3]);
    sum_unit(tile, n, x, SER_CHUNK + SER_BLOCK - n, hidden);
    for (int i = 0; i < n; ++i) tile[i] = (int16_t)(4096 * draw(7) + 256 * draw(7) + 16 * draw(7) + draw(7));
    ser_dot4_4bit(tile, x, n, sums);
    printf("4-bit sums %d: %ld %ld %ld %ld\n", n, (long)sums[0], (long)sums[1], (long)sums[2], (long)sums[3]);
  }
  print_lstms(x);
  const ser_lines lines = ser_find_lines();
  for (int i = 0; i < 500; ++i) {
    const int32_t value = draw((1 << 22) - 1) << (i % 8), multiplier = (1 << 30) + (draw((1 << 22) - 1) << 7);
    const long high = ser_multiply_high(value, multiplier);
    printf("%ld * %ld: %ld\n", (long)value, (long)multiplier, high);
    const int32_t wide = draw(1 << 20), one = draw(32767), other = draw(32767);
    const int32_t gate = ser_add_saturated(one, other);  // what is above its 16 bits depends on the processor, and is ignored
    printf("%ld in 16 bits: %ld, %ld\n", (long)wide, (long)SER_SATURATE(wide, 16), (long)SER_SATURATE_SHIFTED(wide, 16, 3));
    const int32_t opened = ser_sigmoid(lines, gate);
    printf("gate %d: %ld, %ld\n", (int16_t)gate, (long)opened, (long)ser_tanh(lines, gate));
    printf("open %ld: %ld, %ld\n", (long)other, (long)ser_open(opened, other, 15), (long)ser_open(opened, other, 19));
    PRINT_SCALED(1 << 30, 0, 0);
    PRINT_SCALED(2147483647, 0, 4);
    PRINT_SCALED(1518500250, 0, 22);
    PRINT_SCALED(1188903213, 0, 30);
    PRINT_SCALED(1803146951, 3, 0);
    PRINT_TANH(3, 0);
    PRINT_TANH(6, 0);
    PRINT_TANH(3, 2);
  }
  return 0;
}
