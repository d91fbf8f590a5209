// Arduino compiles for size, which makes a decision 15 % slower. The pragma stands before all, so that inline functions are of it, too.
#if defined(__OPTIMIZE_SIZE__) && !defined(__clang__)
#pragma GCC optimize("O2")
#endif

#include "ser_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

// ---- dot products ----

// The rows' sums, of those of the low bits of all weights: see ser_dot4_4bit.
static inline void separate_rows(int32_t low16, int32_t low12, int32_t low8, int32_t low4, int32_t sums[4]) {
  sums[0] = (low16 - low12) >> 12;
  sums[1] = (low12 - low8) >> 8;
  sums[2] = (low8 - low4) >> 4;
  sums[3] = low4;
}

#if defined(__ARM_FEATURE_MVE)

// 64 multiply-accumulates in 18 instructions. A group of four inputs is four words: two of rows 0 and 1, two of rows 2 and 3. Of
// four groups VLD4 gathers the first word of each in one vector, the second in the next; VLD2 gathers the inputs alike.
void ser_dot4(const int16_t *tile, const int16_t *x, int n, int32_t sums[4]) {
  int32_t both01 = 0, low01 = 0, both23 = 0, low23 = 0;  // VMLADAVA wraps around
  int blocks = n / SER_BLOCK;
  do {
    const uint32x4x4_t groups = vld4q_u32((const uint32_t *)(const void *)tile);
    const uint32x4x2_t pairs = vld2q_u32((const uint32_t *)(const void *)x);
    tile += 2 * SER_BLOCK;
    x += SER_BLOCK;
    for (int half = 0; half < 2; ++half) {
      const int16x8_t inputs = vreinterpretq_s16_u32(pairs.val[half]);
      const int16x8_t rows01 = vreinterpretq_s16_u32(groups.val[half]), rows23 = vreinterpretq_s16_u32(groups.val[2 + half]);
      both01 = vmladavaq_s16(both01, rows01, inputs);
      both23 = vmladavaq_s16(both23, rows23, inputs);
      low01 = vmladavaq_s16(low01, vmovlbq_s8(vreinterpretq_s8_s16(rows01)), inputs);
      low23 = vmladavaq_s16(low23, vmovlbq_s8(vreinterpretq_s8_s16(rows23)), inputs);
    }
  } while (--blocks > 0);
  sums[0] = (int32_t)((uint32_t)both01 - (uint32_t)low01) >> 8;
  sums[1] = low01;
  sums[2] = (int32_t)((uint32_t)both23 - (uint32_t)low23) >> 8;
  sums[3] = low23;
}

// 32 multiply-accumulates in 9 instructions; what is shifted to the left is summed 16 times as large.
void ser_dot4_4bit(const int16_t *tile, const int16_t *x, int n, int32_t sums[4]) {
  int32_t low16 = 0, low12 = 0, low8 = 0, low4 = 0;
  int blocks = n / SER_BLOCK * 2;
  do {
    const int16x8_t weights = vldrhq_s16(tile), inputs = vldrhq_s16(x);
    tile += 8;
    x += 8;
    const int16x8_t shifted = vshlq_n_s16(weights, 4);
    low16 = vmladavaq_s16(low16, weights, inputs);
    low12 = vmladavaq_s16(low12, shifted, inputs);
    low8 = vmladavaq_s16(low8, vmovlbq_s8(vreinterpretq_s8_s16(weights)), inputs);
    low4 = vmladavaq_s16(low4, vmovlbq_s8(vreinterpretq_s8_s16(shifted)), inputs);
  } while (--blocks > 0);
  separate_rows(low16, low12 >> 4, low8, low4 >> 4, sums);
}

#elif defined(__ARM_FEATURE_DSP) && defined(__thumb2__)

// 16 multiply-accumulates in 14 instructions: r3-r6 weights, r7 and r8 inputs, r10 256 * s0 + s1, r11 s1,
// r12 256 * s2 + s3, lr s3.
#define SER_SIXTEEN_MACS              \
  "  ldmia  r0!, {r3-r6}\n"           \
  "  ldrd   r7, r8, [r1], #8\n"       \
  "  smlad  r10, r3, r7, r10\n"       \
  "  sxtb16 r3, r3\n"                 \
  "  smlad  r10, r4, r8, r10\n"       \
  "  sxtb16 r4, r4\n"                 \
  "  smlad  r12, r5, r7, r12\n"       \
  "  sxtb16 r5, r5\n"                 \
  "  smlad  r12, r6, r8, r12\n"       \
  "  sxtb16 r6, r6\n"                 \
  "  smlad  r11, r3, r7, r11\n"       \
  "  smlad  r11, r4, r8, r11\n"       \
  "  smlad  lr, r5, r7, lr\n"         \
  "  smlad  lr, r6, r8, lr\n"

__attribute__((naked)) void ser_dot4(const int16_t *tile __attribute__((unused)),
                                     const int16_t *x __attribute__((unused)), int n __attribute__((unused)),
                                     int32_t sums[4] __attribute__((unused))) {
  __asm__ volatile(
      "  push   {r4-r11, lr}\n"
      "  add    r2, r1, r2, lsl #1\n"
      "  mov    r9, r3\n"
      "  mov    r10, #0\n"
      "  mov    r11, #0\n"
      "  mov    r12, #0\n"
      "  mov    lr, #0\n"
      "1:\n"
      SER_SIXTEEN_MACS
      SER_SIXTEEN_MACS
      SER_SIXTEEN_MACS
      SER_SIXTEEN_MACS
      "  cmp    r1, r2\n"
      "  bne    1b\n"
      "  sub    r10, r10, r11\n"
      "  sub    r12, r12, lr\n"
      "  asr    r10, r10, #8\n"
      "  asr    r12, r12, #8\n"
      "  stmia  r9, {r10, r11, r12, lr}\n"
      "  pop    {r4-r11, pc}\n");
}

// 8 multiply-accumulates in 7 instructions: `weights` two inputs of the four rows, `inputs` these, r7 the low 12 bits times 16,
// r8 the sum of all, r10 of 16 times the low 12 bits, r11 of the low 8, lr of 16 times the low 4; r12 is ~0x000F000F.
#define SER_EIGHT_MACS_4BIT(weights, inputs)     \
  "  smlad  r8, " weights ", " inputs ", r8\n"   \
  "  and    r7, r12, " weights ", lsl #4\n"      \
  "  sxtb16 " weights ", " weights "\n"          \
  "  smlad  r10, r7, " inputs ", r10\n"          \
  "  sxtb16 r7, r7\n"                            \
  "  smlad  r11, " weights ", " inputs ", r11\n" \
  "  smlad  lr, r7, " inputs ", lr\n"

#define SER_SIXTEEN_MACS_4BIT     \
  "  ldmia  r0!, {r3, r4}\n"      \
  "  ldmia  r1!, {r5, r6}\n"      \
  SER_EIGHT_MACS_4BIT("r3", "r5") \
  SER_EIGHT_MACS_4BIT("r4", "r6")

__attribute__((naked)) void ser_dot4_4bit(const int16_t *tile __attribute__((unused)),
                                          const int16_t *x __attribute__((unused)), int n __attribute__((unused)),
                                          int32_t sums[4] __attribute__((unused))) {
  __asm__ volatile(
      "  push   {r4-r11, lr}\n"
      "  add    r2, r1, r2, lsl #1\n"
      "  mov    r9, r3\n"
      "  mov    r8, #0\n"
      "  mov    r10, #0\n"
      "  mov    r11, #0\n"
      "  mov    lr, #0\n"
      "  mvn    r12, #0x000F000F\n"
      "1:\n"
      SER_SIXTEEN_MACS_4BIT
      SER_SIXTEEN_MACS_4BIT
      SER_SIXTEEN_MACS_4BIT
      SER_SIXTEEN_MACS_4BIT
      "  cmp    r1, r2\n"
      "  bne    1b\n"
      "  asr    r10, r10, #4\n"
      "  sub    r8, r8, r10\n"
      "  sub    r10, r10, r11\n"
      "  asr    lr, lr, #4\n"
      "  sub    r11, r11, lr\n"
      "  asr    r8, r8, #12\n"
      "  asr    r10, r10, #8\n"
      "  asr    r11, r11, #4\n"
      "  stmia  r9, {r8, r10, r11, lr}\n"
      "  pop    {r4-r11, pc}\n");
}

#elif defined(__SSE2__) && !defined(SER_PORTABLE)

void ser_dot4(const int16_t *tile, const int16_t *x, int n, int32_t sums[4]) {
  __m128i both = _mm_setzero_si128(), low = both;
  for (int start = 0; start < n; start += 4) {
    const __m128i weights = _mm_loadu_si128((const __m128i *)(const void *)(tile + 2 * start));
    const __m128i inputs = _mm_loadl_epi64((const __m128i *)(const void *)(x + start));
    const __m128i twice = _mm_unpacklo_epi64(inputs, inputs);
    both = _mm_add_epi32(both, _mm_madd_epi16(weights, twice));
    low = _mm_add_epi32(low, _mm_madd_epi16(_mm_srai_epi16(_mm_slli_epi16(weights, 8), 8), twice));
  }
  const __m128i high = _mm_srai_epi32(_mm_sub_epi32(_mm_add_epi32(both, _mm_shuffle_epi32(both, 0xB1)),
                                                    _mm_add_epi32(low, _mm_shuffle_epi32(low, 0xB1))), 8);
  const __m128i pair = _mm_add_epi32(low, _mm_shuffle_epi32(low, 0xB1));
  const __m128i rows01 = _mm_unpacklo_epi32(high, pair), rows23 = _mm_unpackhi_epi32(high, pair);
  _mm_storeu_si128((__m128i *)(void *)sums, _mm_unpacklo_epi64(rows01, rows23));
}

static int32_t add_lanes(__m128i lanes) {
  const __m128i pairs = _mm_add_epi32(lanes, _mm_shuffle_epi32(lanes, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(pairs, _mm_shuffle_epi32(pairs, 0xB1)));
}

void ser_dot4_4bit(const int16_t *tile, const int16_t *x, int n, int32_t sums[4]) {
  __m128i low16 = _mm_setzero_si128(), low12 = low16, low8 = low16, low4 = low16;
  for (int start = 0; start < n; start += 8) {
    const __m128i weights = _mm_loadu_si128((const __m128i *)(const void *)(tile + start));
    const __m128i inputs = _mm_loadu_si128((const __m128i *)(const void *)(x + start));
    low16 = _mm_add_epi32(low16, _mm_madd_epi16(weights, inputs));
    low12 = _mm_add_epi32(low12, _mm_madd_epi16(_mm_srai_epi16(_mm_slli_epi16(weights, 4), 4), inputs));
    low8 = _mm_add_epi32(low8, _mm_madd_epi16(_mm_srai_epi16(_mm_slli_epi16(weights, 8), 8), inputs));
    low4 = _mm_add_epi32(low4, _mm_madd_epi16(_mm_srai_epi16(_mm_slli_epi16(weights, 12), 12), inputs));
  }
  separate_rows(add_lanes(low16), add_lanes(low12), add_lanes(low8), add_lanes(low4), sums);
}

#else

// Four sums in registers, and four inputs a turn: on a Cortex-M3 2.6 times faster than sums in an array.
void ser_dot4(const int16_t *tile, const int16_t *x, int n, int32_t sums[4]) {
  uint32_t both01 = 0, both23 = 0;  // unsigned: they wrap around
  int32_t low01 = 0, low23 = 0;
  for (const int16_t *end = x + n; x != end; x += 4, tile += 8) {
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      const int32_t input = x[k], weights01 = tile[k], weights23 = tile[4 + k];
      both01 += (uint32_t)(weights01 * input);
      low01 += (int8_t)weights01 * input;
      both23 += (uint32_t)(weights23 * input);
      low23 += (int8_t)weights23 * input;
    }
  }
  sums[0] = (int32_t)(both01 - (uint32_t)low01) >> 8;
  sums[1] = low01;
  sums[2] = (int32_t)(both23 - (uint32_t)low23) >> 8;
  sums[3] = low23;
}

// The low bits of a value, sign-extended.
static inline int32_t extend(int32_t value, int bits) {
  return (int32_t)((uint32_t)value << (32 - bits)) >> (32 - bits);
}

void ser_dot4_4bit(const int16_t *tile, const int16_t *x, int n, int32_t sums[4]) {
  int32_t low16 = 0, low12 = 0, low8 = 0, low4 = 0;
  for (const int16_t *end = x + n; x != end; x += 4, tile += 4) {
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      const int32_t input = x[k], weights = tile[k];
      low16 += weights * input;
      low12 += extend(weights, 12) * input;
      low8 += extend(weights, 8) * input;
      low4 += extend(weights, 4) * input;
    }
  }
  separate_rows(low16, low12, low8, low4, sums);
}

#endif

// TFLM's values, which its bits depend on: within 1.2 of 65536 / (1 + exp(-i / 24)), less 2^15. The last one stands three
// times: beyond it nothing rises any more.
const uint16_t ser_sigmoid_table[258] = {
    0, 683, 1365, 2045, 2725, 3401, 4075, 4745, 5412, 6073, 6730, 7381, 8026, 8664, 9296, 9920,
    10536, 11144, 11743, 12334, 12915, 13487, 14049, 14601, 15143, 15675, 16196, 16707, 17207, 17696, 18174, 18641,
    19097, 19543, 19977, 20401, 20813, 21215, 21606, 21987, 22357, 22717, 23066, 23406, 23735, 24055, 24365, 24665,
    24956, 25239, 25512, 25776, 26032, 26280, 26520, 26751, 26975, 27191, 27400, 27602, 27797, 27985, 28167, 28342,
    28511, 28673, 28831, 28982, 29128, 29268, 29404, 29534, 29660, 29781, 29898, 30010, 30118, 30222, 30322, 30418,
    30511, 30600, 30686, 30768, 30847, 30923, 30997, 31067, 31135, 31200, 31262, 31322, 31380, 31436, 31489, 31540,
    31589, 31637, 31682, 31726, 31768, 31808, 31846, 31884, 31919, 31953, 31986, 32018, 32048, 32077, 32105, 32132,
    32158, 32182, 32206, 32229, 32251, 32271, 32292, 32311, 32329, 32347, 32364, 32381, 32396, 32411, 32426, 32440,
    32453, 32466, 32478, 32490, 32501, 32512, 32523, 32533, 32542, 32551, 32560, 32569, 32577, 32584, 32592, 32599,
    32606, 32613, 32619, 32625, 32631, 32636, 32642, 32647, 32652, 32657, 32661, 32665, 32670, 32674, 32677, 32681,
    32685, 32688, 32691, 32694, 32697, 32700, 32703, 32706, 32708, 32711, 32713, 32715, 32717, 32720, 32721, 32723,
    32725, 32727, 32729, 32730, 32732, 32733, 32735, 32736, 32737, 32739, 32740, 32741, 32742, 32743, 32744, 32745,
    32746, 32747, 32748, 32749, 32749, 32750, 32751, 32752, 32752, 32753, 32754, 32754, 32755, 32755, 32756, 32756,
    32757, 32757, 32758, 32758, 32758, 32759, 32759, 32760, 32760, 32760, 32761, 32761, 32761, 32761, 32762, 32762,
    32762, 32762, 32763, 32763, 32763, 32763, 32763, 32764, 32764, 32764, 32764, 32764, 32764, 32765, 32765, 32765,
    32765, 32765, 32765, 32765, 32765, 32766, 32766, 32766, 32766, 32766, 32766, 32766, 32766, 32766, 32766, 32767,
    32767, 32767,
};

// ---- layers behind the LSTMs ----

static inline __attribute__((always_inline)) void run_rows(const ser_dense *layer, int four_bits, const int16_t *x, int16_t *y) {
  const int16_t *tile = layer->weights;
  for (int row = 0; row < layer->n_outputs; row += 4) {
    int32_t sums[4];
    tile = ser_sum_gates(tile, four_bits, x, layer->n_inputs, sums);
    for (int n = 0; n < 4; ++n) {
      const ser_factor *factor = &layer->factors[layer->n_factors == 1 ? 0 : row + n];
      const int32_t value = ser_scale(sums[n] + layer->bias[row + n], *factor);
      y[row + n] = (int16_t)ser_clamp(value, layer->output_min, layer->output_max);
    }
  }
}

void ser_run_dense(const ser_dense *layer, const int16_t *x, int16_t *y) { run_rows(layer, 0, x, y); }

void ser_run_dense_4bit(const ser_dense *layer, const int16_t *x, int16_t *y) { run_rows(layer, 1, x, y); }

void ser_run_table(const ser_table *layer, const int16_t *x, int16_t *y) {
  const int8_t *middle = layer->values + 128 + layer->input_zero_point;
  for (int i = 0; i < layer->n; ++i) y[i] = (int16_t)(middle[x[i]] - layer->output_zero_point);
}

void ser_run_sum(const ser_sum *layer, const int16_t *a, int a_step, const int16_t *b, int b_step, int16_t *y) {
  for (int i = 0; i < layer->n; ++i, a += a_step, b += b_step) {
    const int32_t one = ser_scale(*a * (1 << 20), layer->scale_a), other = ser_scale(*b * (1 << 20), layer->scale_b);
    y[i] = (int16_t)ser_clamp(ser_scale(one + layer->sign_b * other, layer->scale), layer->output_min, layer->output_max);
  }
}

void ser_run_product(const ser_product *layer, const int16_t *a, int a_step, const int16_t *b, int b_step, int16_t *y) {
  for (int i = 0; i < layer->n; ++i, a += a_step, b += b_step) {
    y[i] = (int16_t)ser_clamp(ser_scale(*a * *b, layer->scale), layer->output_min, layer->output_max);
  }
}

// ---- layers over time ----

// The values from one frame to the next.
static int stride_of(int n) {
  return (n + 3) / 4 * 4;
}

// The frames that a pool takes for its n-th one.
static void find_stretch(const ser_pool *layer, int n, int *first, int *end) {
  const int begin = n * layer->stride - layer->before;
  *first = begin < 0 ? 0 : begin;
  *end = begin + layer->size < layer->n_frames ? begin + layer->size : layer->n_frames;
}

void ser_run_max_pool(const ser_pool *layer, const int16_t *x, int16_t *y) {
  const int stride = stride_of(layer->n);
  for (int n = 0; n < layer->n_outputs; ++n, y += stride) {
    int first, end;
    find_stretch(layer, n, &first, &end);
    for (int i = 0; i < layer->n; ++i) {
      int32_t largest = x[first * stride + i];
      for (int frame = first + 1; frame < end; ++frame) {
        if (x[frame * stride + i] > largest) largest = x[frame * stride + i];
      }
      y[i] = (int16_t)ser_clamp(largest, layer->output_min, layer->output_max);
    }
  }
}

// TFLM divides sums of int8 as they are, halves away from zero: the zero point counts.
void ser_run_average_pool(const ser_pool *layer, const int16_t *x, int16_t *y) {
  const int stride = stride_of(layer->n);
  for (int n = 0; n < layer->n_outputs; ++n, y += stride) {
    int first, end;
    find_stretch(layer, n, &first, &end);
    const int count = end - first;
    for (int i = 0; i < layer->n; ++i) {
      int32_t sum = count * layer->zero_point;
      for (int frame = first; frame < end; ++frame) sum += x[frame * stride + i];
      const int32_t mean = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
      y[i] = (int16_t)ser_clamp(mean - layer->zero_point, layer->output_min, layer->output_max);
    }
  }
}

void ser_run_mean(const ser_mean *layer, const int16_t *x, int16_t *y) {
  const int stride = stride_of(layer->n);
  for (int i = 0; i < layer->n; ++i) {
    int32_t sum = 0;
    for (int frame = 0; frame < layer->n_frames; ++frame) sum += x[frame * stride + i];
    y[i] = (int16_t)ser_clamp(ser_scale(sum, layer->scale), layer->output_min, layer->output_max);
  }
}

void ser_copy_frames(const int16_t *x, int x_stride, int16_t *y, int y_stride, int n, int n_frames) {
  for (int frame = 0; frame < n_frames; ++frame) {
    for (int i = 0; i < n; ++i) y[frame * y_stride + i] = x[frame * x_stride + i];
  }
}

void ser_load(const int8_t *q, int n, int32_t zero_point, int16_t *x) {
  for (int i = 0; i < n; ++i) x[i] = (int16_t)(q[i] - zero_point);
}

void ser_store(const int16_t *x, int n, int32_t zero_point, int8_t *q) {
  for (int i = 0; i < n; ++i) q[i] = (int8_t)(x[i] + zero_point);
}

// ---- softmax, in gemmlowp's fixed point: a number in [-1, 1) times 2^31, unless a comment says otherwise ----

static int32_t multiply(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

static int32_t shift_left_saturating(int32_t value, int shift) {
  const int32_t limit = INT32_MAX >> shift;
  return value > limit ? INT32_MAX : value < -limit - 1 ? INT32_MIN : (int32_t)((uint32_t)value << shift);
}

// As ser_shift_right, for any value that is not negative.
static int32_t shift_right(int32_t value, int shift) {
  return ((value >> (shift - 1)) + 1) >> 1;
}

// exp of a in [-1/4, 0), by its Taylor series around -1/8.
static int32_t exp_of_quarter(int32_t a) {
  const int32_t exp_of_minus_eighth = 1895147668, third = 715827883;
  const int32_t x = a + (1 << 28);
  const int32_t x2 = multiply(x, x), x3 = multiply(x2, x), x4 = multiply(x2, x2);
  const int32_t higher = shift_right(multiply(shift_right(x4, 2) + x3, third) + x2, 1);
  return exp_of_minus_eighth + multiply(exp_of_minus_eighth, x + higher);
}

// exp of a <= 0 that has 5 bits before the point: of what is left over a quarter by the series, the rest bit by bit.
static int32_t exp_of_negative(int32_t a) {
  static const int32_t kFactors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  const int32_t quarter = 1 << 24;
  if (a == 0) return INT32_MAX;
  const int32_t part = (a & (quarter - 1)) - quarter;
  const int32_t rest = part - a;
  int32_t result = exp_of_quarter(shift_left_saturating(part, 5));
  for (int bit = 0; bit < 7; ++bit) {
    if (rest & (quarter << bit)) result = multiply(result, kFactors[bit]);
  }
  return result;
}

// 1 / (1 + a), a in [0, 1): three steps of Newton's method from 48/17 - 32/17 d, d = (1 + a) / 2, with 2 bits before the point.
static int32_t reciprocal_of_one_plus(int32_t a) {
  const int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
  int32_t x = 1515870810 + multiply(half, -1010580540);
  for (int step = 0; step < 3; ++step) {
    const int32_t error = (1 << 29) - multiply(half, x);
    x += shift_left_saturating(multiply(x, error), 2);
  }
  return shift_left_saturating(x, 1);
}

static int32_t exp_of_difference(const ser_softmax *layer, int32_t difference) {
  return exp_of_negative(multiply((int32_t)((uint32_t)difference << layer->left_shift), layer->multiplier));
}

void ser_run_softmax(const ser_softmax *layer, const int16_t *x, int16_t *y) {
  int32_t largest = x[0];
  for (int i = 1; i < layer->n; ++i) largest = x[i] > largest ? x[i] : largest;
  int32_t sum = 0;  // 12 bits before the point
  for (int i = 0; i < layer->n; ++i) {
    const int32_t difference = x[i] - largest;
    if (difference >= layer->diff_min) sum += shift_right(exp_of_difference(layer, difference), 12);
  }
  const int zeros = __builtin_clz((uint32_t)sum);
  const int32_t reciprocal = reciprocal_of_one_plus((int32_t)(((uint32_t)sum << zeros) - (1u << 31)));
  const int shift = 12 - zeros + 31 - 8;
  for (int i = 0; i < layer->n; ++i) {
    const int32_t difference = x[i] - largest;
    int32_t share = 0;
    if (difference >= layer->diff_min) {
      share = shift_right(multiply(reciprocal, exp_of_difference(layer, difference)), shift);
    }
    y[i] = (int16_t)ser_clamp(share, 0, 255);
  }
}
