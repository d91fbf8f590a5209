// The layers of an int8 TFLite model, bit for bit as TensorFlow Lite Micro's reference kernels compute them.
//
// Activations are held as int16 less their zero point (-255 to 255), which needs no correction in a dot product and is what
// the Cortex-M4's dual multiply-accumulate (SMLAD) takes. Weights of 8 bits are packed two rows to an int16 (ser_dot4),
// weights of 4 bits four rows (ser_dot4_4bit).
// ser_model.c, generated from a model, calls these with constants; what runs once a unit is inline so that they fold.
#ifndef SER_KERNELS_H_
#define SER_KERNELS_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  SER_BLOCK = 16,   // inputs of a dot product are padded to a multiple of so many
  SER_CHUNK = 256,  // and are summed in chunks of so many: 256 * 127 * 255 < 2^23, see ser_dot4 and ser_dot4_4bit
};

// A positive factor: multiplier * 2^(left_shift - right_shift - 31), multiplier in [2^30, 2^31).
typedef struct {
  int32_t multiplier;
  uint8_t left_shift;
  uint8_t right_shift;
} ser_factor;

// A layer of LSTM units. Gates are in TFLite's order: input, forget, cell, output.
typedef struct {
  int n_inputs;          // padded to a multiple of SER_BLOCK
  int n_units;           // of the layer
  int n_hidden;          // n_units, padded
  const int16_t *weights;  // [n_units][n_inputs + n_hidden][2, of 4 bits 1]: packed rows of input and recurrent kernels
  const int32_t *bias;     // [n_units][4]
  ser_factor from_input[4];   // sums to Q3.12, the gates' 16 bits before their nonlinearity
  ser_factor from_hidden[4];
  ser_factor keep;    // forget gate times cell state, to a cell state
  ser_factor write;   // input gate times candidate, to a cell state
  ser_factor output;  // output gate times tanh of the cell state, to a hidden state
  int32_t cell_min;   // of a cell state: where the model clips it, or all of 16 bits
  int32_t cell_max;
  int32_t tanh_multiplier;  // cell state to the argument of tanh
  int32_t tanh_shift;
  int32_t hidden_min;  // of a hidden state, less its zero point
  int32_t hidden_max;
} ser_lstm;

// A fully connected layer.
typedef struct {
  int n_inputs;   // padded to a multiple of SER_BLOCK
  int n_outputs;  // padded to a multiple of 4
  const int16_t *weights;     // [n_outputs / 4][n_inputs][2, of 4 bits 1]
  const int32_t *bias;        // [n_outputs]
  const ser_factor *factors;  // [n_factors]: of all outputs, or of each
  int n_factors;
  int32_t output_min;  // of the activation function, less the output's zero point
  int32_t output_max;
} ser_dense;

// A softmax over int8, to int8 of scale 1/256 and zero point -128.
typedef struct {
  int n;
  int32_t multiplier;
  uint8_t left_shift;
  int32_t diff_min;  // what is further below the largest counts nothing
} ser_softmax;

// A function of one int8 value, as a table.
typedef struct {
  int n;
  int32_t input_zero_point;
  int32_t output_zero_point;
  const int8_t *values;  // [256], of -128 to 127
} ser_table;

// A sum or a difference of two vectors.
typedef struct {
  int n;
  ser_factor scale_a;  // of an operand times 2^20, to a scale that both have
  ser_factor scale_b;
  int32_t sign_b;    // 1, or -1 where b is taken off
  ser_factor scale;  // of the sum
  int32_t output_min;
  int32_t output_max;
} ser_sum;

// A product of two vectors, value by value.
typedef struct {
  int n;
  ser_factor scale;
  int32_t output_min;
  int32_t output_max;
} ser_product;

// The largest, or the mean, of each value over stretches of frames: `size` from frame `stride` * n - `before` on, as far as there
// are frames.
typedef struct {
  int n;         // values of a frame
  int n_frames;  // of the input
  int n_outputs;  // frames of the result
  int size;
  int stride;
  int before;
  int32_t zero_point;
  int32_t output_min;
  int32_t output_max;
} ser_pool;

// The mean of each value over all frames.
typedef struct {
  int n;
  int n_frames;
  ser_factor scale;  // of a sum over frames: it divides by their number
  int32_t output_min;
  int32_t output_max;
} ser_mean;

// sums[r] = the dot product of row r of four with x.
//
// A tile of weights is [n / 4] groups of int16 [2][4]: four inputs of rows 0 and 1, then of rows 2 and 3, as 256 * w0 + w1.
// Multiplied as they are, they give 256 * s0 + s1; sign-extended from their low bytes, s1: with one SXTB16 a word, four
// multiply-accumulates cost three instructions. The sums wrap around at 32 bits, and s0 comes out whole while |s0| < 2^23.
//
// tile: int16 [n][2], 4-byte aligned. x: int16 [n], 4-byte aligned, -255 to 255. n: a multiple of SER_BLOCK, at most SER_CHUNK.
void ser_dot4(const int16_t *tile, const int16_t *x, int n, int32_t sums[4]);

// The same for weights of -7 to 7.
//
// A tile has one int16 an input, 4096 * w0 + 256 * w1 + 16 * w2 + w3. Its low 4, 8 and 12 bits, sign-extended, are w3,
// 16 * w2 + w3 and 256 * w1 + 16 * w2 + w3. Each of the four is summed by itself; all sums fit 32 bits, since
// 256 * 7 * 255 * 4369 < 2^31, and rows are their differences.
//
// tile: int16 [n], 4-byte aligned. x, n: as above.
void ser_dot4_4bit(const int16_t *tile, const int16_t *x, int n, int32_t sums[4]);

extern const uint16_t ser_sigmoid_table[258];

// y: int16 [n_outputs] = the layer of x: int16 [n_inputs], both less their zero points; of weights of 8 bits, and of 4.
void ser_run_dense(const ser_dense *layer, const int16_t *x, int16_t *y);
void ser_run_dense_4bit(const ser_dense *layer, const int16_t *x, int16_t *y);

// y: int16 [n] = probabilities * 256 (zero point taken off) of x: int16 [n].
void ser_run_softmax(const ser_softmax *layer, const int16_t *x, int16_t *y);

// y: int16 [n] = the table's values of x: int16 [n].
void ser_run_table(const ser_table *layer, const int16_t *x, int16_t *y);

// y: int16 [n] = the layer of a and b; an operand with a step of 0 is one value, with a step of 1 int16 [n].
void ser_run_sum(const ser_sum *layer, const int16_t *a, int a_step, const int16_t *b, int b_step, int16_t *y);
void ser_run_product(const ser_product *layer, const int16_t *a, int a_step, const int16_t *b, int b_step, int16_t *y);

// y: frames of int16 [n] = pools of x: frames of int16 [n]. Frames are n values, rounded up to a multiple of 4, apart.
void ser_run_max_pool(const ser_pool *layer, const int16_t *x, int16_t *y);
void ser_run_average_pool(const ser_pool *layer, const int16_t *x, int16_t *y);

// y: int16 [n] = the mean of frames of int16 [n], as far apart as a pool's.
void ser_run_mean(const ser_mean *layer, const int16_t *x, int16_t *y);

// Copies `n_frames` frames of `n` values; the strides are from one frame to the next, below 0 where they go backwards.
void ser_copy_frames(const int16_t *x, int x_stride, int16_t *y, int y_stride, int n, int n_frames);

// x: int16 [n] = q: int8 [n] less its zero point; and back.
void ser_load(const int8_t *q, int n, int32_t zero_point, int16_t *x);
void ser_store(const int16_t *x, int n, int32_t zero_point, int8_t *q);

static inline int32_t ser_clamp(int32_t value, int32_t low, int32_t high) {
  return value < low ? low : value > high ? high : value;
}

// Saturates to so many bits, a constant.
#if defined(__ARM_FEATURE_DSP)
#define SER_SATURATE(value, bits)                                              \
  __extension__({                                                              \
    int32_t saturated;                                                         \
    __asm__("ssat %0, %1, %2" : "=r"(saturated) : "I"(bits), "r"(value));      \
    saturated;                                                                 \
  })
#else
#define SER_SATURATE(value, bits) ser_clamp(value, -(1 << ((bits) - 1)), (1 << ((bits) - 1)) - 1)
#endif

// (value * multiplier + 2^30) >> 31: gemmlowp's SaturatingRoundingDoublingHighMul, for |value| < 2^30.
static inline int32_t ser_multiply_high(int32_t value, int32_t multiplier) {
#if defined(__ARM_FEATURE_DSP)
  int32_t result;
  __asm__("smmulr %0, %1, %2" : "=r"(result) : "r"(value * 2), "r"(multiplier));
  return result;
#else
  return (int32_t)(((int64_t)value * multiplier + (1 << 30)) >> 31);
#endif
}

// value / 2^shift, halves away from zero.
static inline int32_t ser_shift_right(int32_t value, int shift) {
  if (shift == 0) return value;
  return (value + (value >> 31) + (1 << (shift - 1))) >> shift;
}

// value times a factor, rounded twice, as TFLite's MultiplyByQuantizedMultiplier does it.
static inline int32_t ser_scale(int32_t value, ser_factor factor) {
  const int32_t shifted = (int32_t)((uint32_t)value << factor.left_shift);
  return ser_shift_right(ser_multiply_high(shifted, factor.multiplier), factor.right_shift);
}

// sigmoid and tanh of `argument`, Q3.12 times 3, as Q0.15: from their table at |argument|, `bits` below the table's step, and as
// far to the other side of the middle where the argument is negative.
static inline int32_t ser_interpolate(int32_t argument, int bits) {
  const int32_t sign = argument >> 31;
  const uint32_t size = (uint32_t)((argument ^ sign) - sign);
  const uint16_t *place = ser_sigmoid_table + (size >> bits);
  const uint32_t rest = size & ((1u << bits) - 1);
  return (int32_t)(((uint32_t)place[0] << bits) + rest * (uint32_t)(place[1] - place[0])) ^ sign;
}

// argument: at most 3 * 2^15 in size, as a gate's is.
static inline int32_t ser_sigmoid(int32_t argument) {
  return (ser_interpolate(argument, 9) + (1 << 24) + (1 << 9)) >> 10;
}

static inline int32_t ser_tanh(int32_t argument) {
  return (ser_interpolate(SER_SATURATE(argument, 17), 8) + (1 << 7)) >> 8;
}

// Sums of one unit's four gates over a vector of any length; the next tile.
static inline __attribute__((always_inline)) const int16_t *ser_sum_gates(const int16_t *tile, int four_bits, const int16_t *x,
                                                                          int n, int32_t sums[4]) {
  const int size = four_bits ? 1 : 2;  // int16 an input
  void (*const dot)(const int16_t *, const int16_t *, int, int32_t *) = four_bits ? ser_dot4_4bit : ser_dot4;
  dot(tile, x, n < SER_CHUNK ? n : SER_CHUNK, sums);
  for (int start = SER_CHUNK; start < n; start += SER_CHUNK) {
    int32_t more[4];
    dot(tile + size * start, x + start, n - start < SER_CHUNK ? n - start : SER_CHUNK, more);
    for (int row = 0; row < 4; ++row) sums[row] += more[row];
  }
  return tile + size * n;
}

static inline __attribute__((always_inline)) void ser_run_units(const ser_lstm *layer, int four_bits, const int16_t *input,
                                                                const int16_t *hidden, int16_t *next, int16_t *cell) {
  const int16_t *tile = layer->weights;
  const int32_t *bias = layer->bias;
  const int32_t tanh_half = (1 << layer->tanh_shift) >> 1;
  for (int unit = 0; unit < layer->n_units; ++unit, bias += 4) {
    int32_t of_input[4], of_hidden[4], gate[4];
    tile = ser_sum_gates(tile, four_bits, input, layer->n_inputs, of_input);
    tile = ser_sum_gates(tile, four_bits, hidden, layer->n_hidden, of_hidden);
#pragma GCC unroll 4
    for (int n = 0; n < 4; ++n) {
      const int32_t one = SER_SATURATE(ser_scale(of_input[n] + bias[n], layer->from_input[n]), 16);
      const int32_t other = SER_SATURATE(ser_scale(of_hidden[n], layer->from_hidden[n]), 16);
      gate[n] = SER_SATURATE(one + other, 16);
    }
    const int32_t kept = SER_SATURATE(ser_scale(ser_sigmoid(gate[1] * 3) * cell[unit], layer->keep), 16);
    const int32_t written = SER_SATURATE(ser_scale(ser_sigmoid(gate[0] * 3) * ser_tanh(gate[2] * 3), layer->write), 16);
    const int32_t state = ser_clamp(SER_SATURATE(kept + written, 16), layer->cell_min, layer->cell_max);
    const int32_t shown = ser_tanh((state * layer->tanh_multiplier + tanh_half) >> layer->tanh_shift);
    cell[unit] = (int16_t)state;
    next[unit] = (int16_t)ser_clamp(ser_scale(ser_sigmoid(gate[3] * 3) * shown, layer->output), layer->hidden_min,
                                    layer->hidden_max);
  }
}

// One frame of an LSTM layer; of weights of 8 bits, and of 4.
//
// input: int16 [n_inputs]. hidden, next: int16 [n_hidden], the hidden states before and after; distinct, and `next` may be a
// later layer's input. cell: int16 [n_units], cell states, updated.
static inline __attribute__((always_inline)) void ser_run_lstm(const ser_lstm *layer, const int16_t *input,
                                                               const int16_t *hidden, int16_t *next, int16_t *cell) {
  ser_run_units(layer, 0, input, hidden, next, cell);
}

static inline __attribute__((always_inline)) void ser_run_lstm_4bit(const ser_lstm *layer, const int16_t *input,
                                                                    const int16_t *hidden, int16_t *next, int16_t *cell) {
  ser_run_units(layer, 1, input, hidden, next, cell);
}

#ifdef __cplusplus
}
#endif

#endif  // SER_KERNELS_H_
