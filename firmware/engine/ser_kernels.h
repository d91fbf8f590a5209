// The layers of an int8 TFLite model, bit for bit as TensorFlow Lite Micro's reference kernels compute them.
//
// Activations are held as int16 less their zero point (-255 to 255), which needs no correction in a dot product and is what
// the Cortex-M4's dual multiply-accumulate (SMLAD) takes. Weights of 8 bits are packed two rows to an int16 (ser_dot4),
// weights of 4 bits four rows (ser_dot4_4bit).
// ser_model.c, generated from a model, calls these with constants; what runs once a unit is inline so that they fold.
#ifndef SER_KERNELS_H_
#define SER_KERNELS_H_

#include <stdint.h>

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum {
  SER_BLOCK = 8,    // inputs of a dot product are padded to a multiple of so many
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
  int is_whole;          // whether weights are of 8 bits, and no sum leaves -2^23 to 2^23 - 1: see ser_sum_unit
  const int16_t *weights;  // [n_units][n_inputs + n_hidden][2, of 4 bits 1]: packed rows of input and recurrent kernels
  const int32_t *bias;     // [n_units][4]
  ser_factor from_input[4];   // sums to Q3.12, the gates' 16 bits before their nonlinearity
  ser_factor from_hidden[4];
  int write_shift;    // bits by which input gate times candidate, 2 numbers in Q0.15, is finer than a cell state
  ser_factor output;  // output gate times tanh of the cell state, to a hidden state
  int32_t cell_min;   // of a cell state: where the model clips it, or all of 16 bits
  int32_t cell_max;
  int32_t tanh_multiplier;  // cell state to the argument of tanh
  int32_t tanh_shift;
  int32_t hidden_zero_point;
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

// sigmoid and tanh, piece by piece straight: with an argument in Q3.12, line `SER_LINES / 2` + (3 * argument >> 9) is 2^10 times
// sigmoid in Q0.15, and 2^27, rounded. tanh takes the lines by 3 * argument >> 8, see ser_lines.
enum { SER_LINES = 512, SER_TANH_OFFSET = -(1 << 26) - (1 << 23) - (1 << 7) };
extern const int16_t ser_slopes[SER_LINES];
extern const int32_t ser_offsets[SER_LINES];


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

// value / 2^shift, rounded down, in so many bits. A constant shift is a part of the instruction.
#if defined(__ARM_FEATURE_DSP) && defined(__OPTIMIZE__) && !defined(__clang__)
#define SER_SATURATE_SHIFTED(value, bits, shift)                                              \
  __extension__({                                                                             \
    int32_t of_shifted;                                                                       \
    if (__builtin_constant_p(shift) && (shift) > 0) {                                         \
      __asm__("ssat %0, %1, %2, asr %3" : "=r"(of_shifted) : "I"(bits), "r"(value), "i"((shift) & 31)); \
    } else {                                                                                  \
      of_shifted = SER_SATURATE((value) >> (shift), bits);                                    \
    }                                                                                         \
    of_shifted;                                                                               \
  })
#else
#define SER_SATURATE_SHIFTED(value, bits, shift) SER_SATURATE((value) >> (shift), bits)
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

// value times a constant factor before it is shifted to the right, with what rounds it: ser_scale in two parts.
static inline __attribute__((always_inline)) int32_t ser_scale_high(int32_t value, ser_factor factor) {
#if defined(__ARM_FEATURE_DSP)
  // Twice the factor takes two words. SMMLAR multiplies by the lower one, which has a sign, and adds what the upper one gives.
  const uint64_t twice = (uint64_t)(uint32_t)factor.multiplier << (factor.left_shift + 1);
  int32_t lower = (int32_t)(uint32_t)twice;
  __asm__ volatile("" : "+r"(lower));  // else the compiler makes it of another factor, in up to three steps
  const int32_t upper = (int32_t)((twice + (1u << 31)) >> 32);
  int32_t high;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(high) : "r"(value), "r"(lower), "r"(value * upper));
#else
  const int32_t high = ser_multiply_high((int32_t)((uint32_t)value << factor.left_shift), factor.multiplier);
#endif
  return factor.right_shift == 0 ? high : high + (high >> 31) + (1 << (factor.right_shift - 1));
}

// A gate's sum times a constant factor, in 16 bits.
static inline __attribute__((always_inline)) int32_t ser_scale_sum(int32_t sum, ser_factor factor) {
  return SER_SATURATE_SHIFTED(ser_scale_high(sum, factor), 16, factor.right_shift);
}

// The saturated sum of two numbers of 16 bits. What stands above its 16 bits has no meaning: QADD16 adds two pairs.
static inline int32_t ser_add_saturated(int32_t a, int32_t b) {
#if defined(__ARM_FEATURE_DSP)
  int32_t result;
  __asm__("qadd16 %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
  return result;
#else
  return SER_SATURATE(a + b, 16);
#endif
}

// A factor times the lower 16 bits of a value, divided by 2^16, rounded down.
static inline int32_t ser_multiply_word(int32_t factor, int32_t value) {
#if defined(__ARM_FEATURE_DSP)
  int32_t result;
  __asm__("smulwb %0, %1, %2" : "=r"(result) : "r"(factor), "r"(value));
  return result;
#else
  return factor * (int16_t)value >> 16;
#endif
}

// The lower 16 bits of a times those of b, and a third number.
static inline int32_t ser_multiply_add(int32_t a, int32_t b, int32_t c) {
#if defined(__ARM_FEATURE_DSP)
  int32_t result;
  __asm__("smlabb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
#else
  return (int16_t)a * (int16_t)b + c;
#endif
}

// The middles of the lines, and the offset of tanh, which is 2 * sigmoid(2 * argument) - 1: half a line's of sigmoid, and this.
typedef struct {
  const int16_t *slopes;
  const int32_t *offsets;
  int32_t tanh_offset;
} ser_lines;

static inline ser_lines ser_find_lines(void) {
  ser_lines lines = {ser_slopes + SER_LINES / 2, ser_offsets + SER_LINES / 2, SER_TANH_OFFSET};
#if defined(__ARM_FEATURE_DSP)
  __asm__("" : "+r"(lines.slopes), "+r"(lines.offsets), "+r"(lines.tanh_offset));  // else half of SER_LINES is added each time
#endif
  return lines;
}

// sigmoid of a gate's lower 16 bits, Q3.12, as Q0.15 in the lower 16 bits. The upper ones are 2: ser_open takes them.
static inline int32_t ser_sigmoid(ser_lines lines, int32_t gate) {
  const int32_t line = ser_multiply_word(3 << 7, gate);
  return ser_multiply_add(lines.slopes[line], gate, lines.offsets[line]) >> 10;
}

// tanh of a gate's lower 16 bits, Q3.12, as Q0.15. Beyond the table's ends lines have no slope.
static inline int32_t ser_tanh(ser_lines lines, int32_t gate) {
  const int32_t line = SER_SATURATE(ser_multiply_word(3 << 8, gate), 9);
  return ser_multiply_add(lines.slopes[line], gate, lines.tanh_offset + (lines.offsets[line] >> 1)) >> 8;
}

// tanh of a cell state, Q0.15: of state * multiplier / 2^shift, rounded, which is three times an argument in Q3.12.
static inline __attribute__((always_inline)) int32_t ser_tanh_of_state(ser_lines lines, int32_t state, int32_t multiplier,
                                                                       int shift) {
  const int32_t argument = (state * multiplier + ((1 << shift) >> 1)) >> shift;
  const int32_t line = SER_SATURATE_SHIFTED(argument, 9, 8);
  // slope * argument / 3. What was not shifted is a multiple of 3, and a slope always is: 0xAAAAAAAB divides those exactly.
  const uint32_t third = shift == 0 ? (uint32_t)(state * (multiplier / 3)) : 0xAAAAAAABu * (uint32_t)argument;
  const int32_t rise = (int32_t)((uint32_t)lines.slopes[line] * third);
  return (rise + (lines.tanh_offset + (lines.offsets[line] >> 1))) >> 8;
}

// What ser_sigmoid gives times a value of 16 bits, divided by 2^shift (2 to 31), rounded as ser_scale does it by 2^-shift: that halves
// the product first, (product + 1) >> 1, and then adds half a unit, less 1 below 0. Both are floors, so that one does: of the product
// and half a unit, more by 1, or less by 1 below 0.
static inline int32_t ser_open(int32_t gate, int32_t value, int shift) {
  const int32_t half = (1 << (shift - 1)) + 1;
#if defined(__ARM_FEATURE_DSP)
  int32_t sum;  // of both products: the value's upper half is its sign, 0 or -1
  __asm__("smlad %0, %1, %2, %3" : "=r"(sum) : "r"(gate), "r"(value), "r"(half));
  return sum >> shift;
#else
  return ((int16_t)gate * value + half + 2 * (value >> 31)) >> shift;
#endif
}

// ser_clamp to constants of 16 bits.
static inline __attribute__((always_inline)) int32_t ser_clip(int32_t value, int32_t low, int32_t high) {
  if (high != INT16_MAX) return ser_clamp(value, low, high);
  const int32_t in_16_bits = SER_SATURATE(value, 16);
  return low != INT16_MIN && in_16_bits < low ? low : in_16_bits;
}

// A product times a constant factor as int8, less its zero point.
static inline __attribute__((always_inline)) int32_t ser_show(int32_t product, ser_factor factor, int32_t zero_point) {
  const int32_t high = ser_scale_high(product, factor);
  if (factor.right_shift > 22) return ser_clamp(high >> factor.right_shift, -128 - zero_point, 127 - zero_point);
  return SER_SATURATE_SHIFTED(high + zero_point * (1 << factor.right_shift), 8, factor.right_shift) - zero_point;
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

// A gate of a layer before its nonlinearity, in its lower 16 bits, from the sums over both vectors.
static inline __attribute__((always_inline)) int32_t ser_scale_gate(const ser_lstm *layer, int gate, int32_t of_input,
                                                                    int32_t of_hidden) {
  return ser_add_saturated(ser_scale_sum(of_input, layer->from_input[gate]), ser_scale_sum(of_hidden, layer->from_hidden[gate]));
}

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_FEATURE_MVE)
#define SER_SUMS_UNITS
// What is known of a layer's next unit, and the sums of its four gates. An end is the address behind a vector, less its blocks
// modulo 4: the lower two bits are then the blocks that the first four lack.
typedef struct {
  int32_t of_input[4];
  const int16_t *hidden;
  uintptr_t hidden_end;
  int32_t zeros[4];
  int32_t of_hidden[4];
  const int16_t *tile;
  const int16_t *input;
  const int32_t *bias;
  uintptr_t input_end;
} ser_unit;

static inline uintptr_t ser_find_end(const int16_t *x, int n) {
  return (uintptr_t)(x + n) - (uintptr_t)(n / SER_BLOCK % 4);
}

// ser_dot4 of both vectors, of any length, and the biases, which the sums over the input have: all of -2^23 to 2^23 - 1. Then tile
// and bias are the next unit's.
void ser_sum_unit(ser_unit *unit);
#endif

#if defined(__ARM_FEATURE_MVE)

// What follows are the functions of the same names above, of four units at a time.

static inline __attribute__((always_inline)) int32x4_t ser_scale_4(int32x4_t values, ser_factor factor) {
  if (factor.left_shift > 0) values = vshlq_r_s32(values, factor.left_shift);
  const int32x4_t high = vqrdmulhq_n_s32(values, factor.multiplier);
  return factor.right_shift == 0 ? high : vrshlq_n_s32(vaddq_s32(high, vshrq_n_s32(high, 31)), -factor.right_shift);
}

static inline __attribute__((always_inline)) int32x4_t ser_clip_4(int32x4_t values, int32_t low, int32_t high) {
  return vmaxq_s32(vminq_s32(values, vdupq_n_s32(high)), vdupq_n_s32(low));
}

static inline __attribute__((always_inline)) int32x4_t ser_scale_gate_4(const ser_lstm *layer, int gate, int32x4_t of_input,
                                                                        int32x4_t of_hidden) {
  const int16x8_t one = vqmovnbq_s32(vdupq_n_s16(0), ser_scale_4(of_input, layer->from_input[gate]));
  const int16x8_t other = vqmovnbq_s32(vdupq_n_s16(0), ser_scale_4(of_hidden, layer->from_hidden[gate]));
  return vmovlbq_s16(vqaddq_s16(one, other));
}

// The lines that arguments in Q3.12 times 3 take, 2^bits wide.
static inline __attribute__((always_inline)) uint32x4_t ser_find_lines_4(int32x4_t arguments, int bits) {
  const int32x4_t lines = ser_clip_4(vshlq_r_s32(arguments, -bits), -SER_LINES / 2, SER_LINES / 2 - 1);
  return vreinterpretq_u32_s32(vaddq_n_s32(lines, SER_LINES / 2));
}

static inline int32x4_t ser_sigmoid_4(int32x4_t gates) {
  const uint32x4_t lines = ser_find_lines_4(vmulq_n_s32(gates, 3), 9);
  const int32x4_t rise = vmulq_s32(vldrhq_gather_shifted_offset_s32(ser_slopes, lines), gates);
  const int32x4_t sums = vaddq_s32(rise, vldrwq_gather_shifted_offset_s32(ser_offsets, lines));
  return vmovlbq_s16(vreinterpretq_s16_s32(vshrq_n_s32(sums, 10)));
}

static inline int32x4_t ser_tanh_4(int32x4_t arguments) {
  const uint32x4_t lines = ser_find_lines_4(arguments, 8);
  const int32x4_t thirds = vmulq_n_s32(arguments, (int32_t)0xAAAAAAABu);
  const int32x4_t rise = vmulq_s32(vldrhq_gather_shifted_offset_s32(ser_slopes, lines), thirds);
  const int32x4_t offsets = vshrq_n_s32(vldrwq_gather_shifted_offset_s32(ser_offsets, lines), 1);
  return vshrq_n_s32(vaddq_s32(rise, vaddq_n_s32(offsets, SER_TANH_OFFSET)), 8);
}

static inline __attribute__((always_inline)) int32x4_t ser_open_4(int32x4_t gates, int32x4_t values, int shift) {
  const int32x4_t signs = vshlq_n_s32(vshrq_n_s32(values, 31), 1);
  const int32x4_t rounded = vaddq_s32(vmulq_s32(gates, values), vaddq_n_s32(signs, (1 << (shift - 1)) + 1));
  return vshlq_r_s32(rounded, -shift);
}

static inline __attribute__((always_inline)) void ser_finish_four_units(const ser_lstm *layer, const int32_t of_input[16],
                                                                        const int32_t of_hidden[16], const int32_t bias[16],
                                                                        int16_t *next, int16_t *cell) {
  const int32x4x4_t one = vld4q_s32(of_input), other = vld4q_s32(of_hidden), biases = vld4q_s32(bias);
  const int32x4_t input_gate = ser_scale_gate_4(layer, 0, vaddq_s32(one.val[0], biases.val[0]), other.val[0]);
  const int32x4_t forget_gate = ser_scale_gate_4(layer, 1, vaddq_s32(one.val[1], biases.val[1]), other.val[1]);
  const int32x4_t candidate = ser_scale_gate_4(layer, 2, vaddq_s32(one.val[2], biases.val[2]), other.val[2]);
  const int32x4_t output_gate = ser_scale_gate_4(layer, 3, vaddq_s32(one.val[3], biases.val[3]), other.val[3]);
  const int32x4_t kept = ser_open_4(ser_sigmoid_4(forget_gate), vldrhq_s32(cell), 15);
  const int32x4_t written = ser_open_4(ser_sigmoid_4(input_gate), ser_tanh_4(vmulq_n_s32(candidate, 3)), layer->write_shift);
  const int32x4_t saturated = layer->write_shift < 15 ? ser_clip_4(written, INT16_MIN, INT16_MAX) : written;
  const int32x4_t states = ser_clip_4(vaddq_s32(kept, saturated), layer->cell_min, layer->cell_max);
  vstrhq_s32(cell, states);
  const int32x4_t arguments = vrshlq_n_s32(vmulq_n_s32(states, layer->tanh_multiplier), -layer->tanh_shift);
  const int32x4_t shown = ser_scale_4(vmulq_s32(ser_sigmoid_4(output_gate), ser_tanh_4(arguments)), layer->output);
  vstrhq_s32(next, ser_clip_4(shown, -128 - layer->hidden_zero_point, 127 - layer->hidden_zero_point));
}

#endif

static inline __attribute__((always_inline)) void ser_run_units(const ser_lstm *layer, int four_bits, const int16_t *input,
                                                                const int16_t *hidden, int16_t *next, int16_t *cell) {
  const int16_t *tile = layer->weights;
  const int32_t *bias = layer->bias;
  const ser_lines lines = ser_find_lines();
#if defined(SER_SUMS_UNITS)
  ser_unit sums;
  sums.hidden = hidden;
  sums.hidden_end = ser_find_end(hidden, layer->n_hidden);
  for (int row = 0; row < 4; ++row) sums.zeros[row] = 0;
  sums.tile = layer->weights;
  sums.input = input;
  sums.bias = layer->bias;
  sums.input_end = ser_find_end(input, layer->n_inputs);
#else
  struct {
    int32_t of_input[4], of_hidden[4];
  } sums;
#endif
  int unit = 0;
#if defined(__ARM_FEATURE_MVE)
  for (; unit < layer->n_units / 4 * 4; unit += 4, bias += 16) {
    int32_t of_input[16], of_hidden[16];
    for (int sum = 0; sum < 16; sum += 4) {
      tile = ser_sum_gates(tile, four_bits, input, layer->n_inputs, of_input + sum);
      tile = ser_sum_gates(tile, four_bits, hidden, layer->n_hidden, of_hidden + sum);
    }
    ser_finish_four_units(layer, of_input, of_hidden, bias, next + unit, cell + unit);
  }
#endif
  for (; unit < layer->n_units; ++unit, bias += 4) {
#if defined(SER_SUMS_UNITS)
    if (layer->is_whole) {
      ser_sum_unit(&sums);
    } else
#endif
    {
      tile = ser_sum_gates(tile, four_bits, input, layer->n_inputs, sums.of_input);
      tile = ser_sum_gates(tile, four_bits, hidden, layer->n_hidden, sums.of_hidden);
      for (int row = 0; row < 4; ++row) sums.of_input[row] += bias[row];
    }
    const int32_t input_gate = ser_scale_gate(layer, 0, sums.of_input[0], sums.of_hidden[0]);
    const int32_t forget_gate = ser_scale_gate(layer, 1, sums.of_input[1], sums.of_hidden[1]);
    const int32_t candidate = ser_scale_gate(layer, 2, sums.of_input[2], sums.of_hidden[2]);
    const int32_t output_gate = ser_scale_gate(layer, 3, sums.of_input[3], sums.of_hidden[3]);
    const int32_t kept = ser_open(ser_sigmoid(lines, forget_gate), cell[unit], 15);
    int32_t written = ser_open(ser_sigmoid(lines, input_gate), ser_tanh(lines, candidate), layer->write_shift);
    if (layer->write_shift < 15) written = SER_SATURATE(written, 16);
    const int32_t state = ser_clip(kept + written, layer->cell_min, layer->cell_max);
    cell[unit] = (int16_t)state;
    const int32_t shown = ser_tanh_of_state(lines, state, layer->tanh_multiplier, layer->tanh_shift);
    next[unit] = (int16_t)ser_show((int16_t)ser_sigmoid(lines, output_gate) * shown, layer->output, layer->hidden_zero_point);
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
