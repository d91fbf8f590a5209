// Arduino compiles for size, which makes a decision 15 % slower. The pragma stands before all, so that inline functions are of it, too.
#if defined(__OPTIMIZE_SIZE__) && !defined(__clang__)
#pragma GCC optimize("O2")
#endif

#include "ser_kernels.h"

#include <stddef.h>

#if defined(__SSE2__)
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

// Adds up one row pair: 256 * s0 + s1, which wraps around, and s1.
#define SER_ADD_ROWS(both, low, rows, inputs)                                       \
  both = vmladavaq_s16(both, rows, inputs);                                         \
  low = vmladavaq_s16(low, vmovlbq_s8(vreinterpretq_s8_s16(rows)), inputs)

// 64 multiply-accumulates in 18 instructions. A group of four inputs is four words: two of rows 0 and 1, two of rows 2 and 3. Of
// four groups VLD4 gathers the first word of each in one vector, the second in the next; VLD2 gathers the inputs alike.
void ser_dot4(const int16_t *tile, const int16_t *x, int n, int32_t sums[4]) {
  int32_t both01 = 0, low01 = 0, both23 = 0, low23 = 0;
  for (unsigned pairs_of_blocks = (unsigned)n / (2 * SER_BLOCK); pairs_of_blocks > 0; --pairs_of_blocks) {
    const uint32x4x4_t groups = vld4q_u32((const uint32_t *)(const void *)tile);
    const uint32x4x2_t pairs = vld2q_u32((const uint32_t *)(const void *)x);
    tile += 4 * SER_BLOCK;
    x += 2 * SER_BLOCK;
    for (int half = 0; half < 2; ++half) {
      const int16x8_t inputs = vreinterpretq_s16_u32(pairs.val[half]);
      const int16x8_t rows01 = vreinterpretq_s16_u32(groups.val[half]), rows23 = vreinterpretq_s16_u32(groups.val[2 + half]);
      SER_ADD_ROWS(both01, low01, rows01, inputs);
      SER_ADD_ROWS(both23, low23, rows23, inputs);
    }
  }
  if ((n & SER_BLOCK) != 0) {
    const uint32x4_t places = {0, 4, 16, 20};  // in bytes, of the words of two rows in two groups
    const uint32_t *words = (const uint32_t *)(const void *)tile;
    const int16x8_t inputs = vldrhq_s16(x), rows01 = vreinterpretq_s16_u32(vldrwq_gather_offset_u32(words, places));
    const int16x8_t rows23 = vreinterpretq_s16_u32(vldrwq_gather_offset_u32(words + 2, places));
    SER_ADD_ROWS(both01, low01, rows01, inputs);
    SER_ADD_ROWS(both23, low23, rows23, inputs);
  }
  sums[0] = (int32_t)((uint32_t)both01 - (uint32_t)low01) >> 8;
  sums[1] = low01;
  sums[2] = (int32_t)((uint32_t)both23 - (uint32_t)low23) >> 8;
  sums[3] = low23;
}

// 32 multiply-accumulates in 9 instructions; what is shifted to the left is summed 16 times as large.
void ser_dot4_4bit(const int16_t *tile, const int16_t *x, int n, int32_t sums[4]) {
  int32_t low16 = 0, low12 = 0, low8 = 0, low4 = 0;
  int blocks = n / SER_BLOCK;
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

// Four inputs, 16 multiply-accumulates: r0 the tile, r3-r6 weights, r10 256 * s0 + s1, r11 s1, r12 256 * s2 + s3, lr s3.
#define SER_SIXTEEN_MACS(inputs01, inputs23) \
  "  ldmia  r0!, {r3-r6}\n"                  \
  "  smlad  r10, r3, " inputs01 ", r10\n"    \
  "  sxtb16 r3, r3\n"                        \
  "  smlad  r10, r4, " inputs23 ", r10\n"    \
  "  sxtb16 r4, r4\n"                        \
  "  smlad  r12, r5, " inputs01 ", r12\n"    \
  "  sxtb16 r5, r5\n"                        \
  "  smlad  r12, r6, " inputs23 ", r12\n"    \
  "  sxtb16 r6, r6\n"                        \
  "  smlad  r11, r3, " inputs01 ", r11\n"    \
  "  smlad  r11, r4, " inputs23 ", r11\n"    \
  "  smlad  lr, r5, " inputs01 ", lr\n"      \
  "  smlad  lr, r6, " inputs23 ", lr\n"

// A block, 32 multiply-accumulates in 27 instructions: r1 the vector.
#define SER_BLOCK_OF_MACS         \
  "  ldmia  r1!, {r2, r7-r9}\n"   \
  SER_SIXTEEN_MACS("r2", "r7")    \
  SER_SIXTEEN_MACS("r8", "r9")

// Four blocks a turn, in the first turn as many less as the lower bits of the end say. The end is in r4, and on the stack, since all
// registers are taken in the loop. Then r10, r11, r12 and lr are the rows.
#define SER_SUM_ROWS                                             \
  "  and    r4, r4, #3\n"                                        \
  "  tbb    [pc, r4]\n"                                          \
  "5:\n"                                                         \
  "  .byte  (1f - 5b) / 2, (2f - 5b) / 2, (3f - 5b) / 2, (4f - 5b) / 2\n" \
  "1:\n" SER_BLOCK_OF_MACS                                       \
  "2:\n" SER_BLOCK_OF_MACS                                       \
  "3:\n" SER_BLOCK_OF_MACS                                       \
  "4:\n" SER_BLOCK_OF_MACS                                       \
  "  ldr    r3, [sp, #4]\n"                                       \
  "  cmp    r1, r3\n"                                            \
  "  blo    1b\n"                                                \
  "  sub    r10, r10, r11\n"                                     \
  "  sub    r12, r12, lr\n"                                      \
  "  asr    r10, r10, #8\n"                                      \
  "  asr    r12, r12, #8\n"

_Static_assert(offsetof(ser_unit, hidden) == 16 && offsetof(ser_unit, of_hidden) == 40 && offsetof(ser_unit, tile) == 56 &&
                   offsetof(ser_unit, bias) == 64,
               "ser_sum_unit walks through the structure by these");

// The sums over the input begin at the biases, packed as the rows are.
__attribute__((naked)) void ser_sum_unit(ser_unit *unit __attribute__((unused))) {
  __asm__ volatile(
      "  push   {r0, r1, r4-r11, lr}\n"
      "  add    r5, r0, #56\n"
      "  ldmia  r5, {r0-r2, r4}\n"
      "  ldmia  r2!, {r10-r12, lr}\n"
      "  str    r4, [sp, #4]\n"
      "  str    r2, [r5, #8]\n"
      "  add    r10, r11, r10, lsl #8\n"
      "  add    r12, lr, r12, lsl #8\n"
      SER_SUM_ROWS
      "  ldr    r5, [sp]\n"
      "  stmia  r5!, {r10-r12, lr}\n"
      "  ldmia  r5!, {r1, r4, r10-r12, lr}\n"
      "  strd   r5, r4, [sp]\n"
      SER_SUM_ROWS
      "  ldr    r5, [sp]\n"
      "  stmia  r5!, {r10-r12, lr}\n"
      "  str    r0, [r5]\n"
      "  pop    {r0, r1, r4-r11, pc}\n");
}

__attribute__((naked)) void ser_dot4(const int16_t *tile __attribute__((unused)),
                                     const int16_t *x __attribute__((unused)), int n __attribute__((unused)),
                                     int32_t sums[4] __attribute__((unused))) {
  __asm__ volatile(
      "  push   {r4-r11, lr}\n"
      "  add    r4, r1, r2, lsl #1\n"
      "  ubfx   r2, r2, #3, #2\n"
      "  sub    r4, r4, r2\n"
      "  push   {r3, r4}\n"
      "  mov    r10, #0\n"
      "  mov    r11, #0\n"
      "  mov    r12, #0\n"
      "  mov    lr, #0\n"
      SER_SUM_ROWS
      "  ldr    r3, [sp]\n"
      "  stmia  r3, {r10-r12, lr}\n"
      "  add    sp, #8\n"
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
      "  lsl    r5, r2, #28\n"
      "  add    r2, r1, r2, lsl #1\n"
      "  mov    r9, r3\n"
      "  mov    r8, #0\n"
      "  mov    r10, #0\n"
      "  mov    r11, #0\n"
      "  mov    lr, #0\n"
      "  mvn    r12, #0x000F000F\n"
      "  cmp    r5, #0\n"  // an odd number of blocks begins in the middle
      "  bmi    2f\n"
      "1:\n"
      SER_SIXTEEN_MACS_4BIT
      SER_SIXTEEN_MACS_4BIT
      "2:\n"
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

// Lines through the values of TFLM's table, which its bits depend on: they are within 1.2 of 65536 / (1 + exp(-i / 24)) - 2^15, and
// beyond the last nothing rises any more. An offset has 2^27 + 2^24 + 2^9 over the line, and 1 less where arguments are negative.
const int16_t ser_slopes[SER_LINES] = {
    0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0,
    3, 0, 3, 0, 0, 3, 0, 3, 0, 3, 0, 3, 0, 3, 3, 0, 3, 3, 3, 0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 6, 3, 3, 6, 3, 6, 3, 6, 6, 6, 6,
    3, 9, 6, 6, 6, 9, 6, 9, 9, 9, 9, 9, 9, 9, 12, 12, 9, 12, 15, 12, 12, 15, 15, 15, 18, 15, 18, 18, 18, 21, 21, 21, 24, 21, 24,
    27, 27, 27, 27, 30, 33, 33, 33, 36, 36, 39, 39, 42, 45, 45, 45, 51, 51, 54, 54, 57, 63, 60, 66, 69, 72, 72, 78, 81, 84, 87,
    90, 96, 99, 102, 105, 114, 114, 120, 126, 132, 135, 144, 147, 153, 159, 168, 174, 180, 186, 195, 204, 210, 222, 228, 237,
    246, 258, 267, 279, 288, 300, 312, 324, 336, 351, 363, 378, 390, 408, 420, 438, 453, 474, 486, 507, 525, 546, 564, 585, 606,
    627, 648, 672, 693, 720, 744, 768, 792, 819, 849, 873, 900, 930, 960, 987, 1020, 1047, 1080, 1110, 1143, 1173, 1206, 1236,
    1272, 1302, 1338, 1368, 1401, 1434, 1467, 1500, 1533, 1563, 1596, 1626, 1656, 1686, 1716, 1743, 1773, 1797, 1824, 1848,
    1872, 1896, 1914, 1935, 1953, 1971, 1983, 2001, 2010, 2022, 2028, 2040, 2040, 2046, 2049, 2049, 2046, 2040, 2040, 2028,
    2022, 2010, 2001, 1983, 1971, 1953, 1935, 1914, 1896, 1872, 1848, 1824, 1797, 1773, 1743, 1716, 1686, 1656, 1626, 1596,
    1563, 1533, 1500, 1467, 1434, 1401, 1368, 1338, 1302, 1272, 1236, 1206, 1173, 1143, 1110, 1080, 1047, 1020, 987, 960, 930,
    900, 873, 849, 819, 792, 768, 744, 720, 693, 672, 648, 627, 606, 585, 564, 546, 525, 507, 486, 474, 453, 438, 420, 408, 390,
    378, 363, 351, 336, 324, 312, 300, 288, 279, 267, 258, 246, 237, 228, 222, 210, 204, 195, 186, 180, 174, 168, 159, 153, 147,
    144, 135, 132, 126, 120, 114, 114, 105, 102, 99, 96, 90, 87, 84, 81, 78, 72, 72, 69, 66, 60, 63, 57, 54, 54, 51, 51, 45, 45,
    45, 42, 39, 39, 36, 36, 33, 33, 33, 30, 27, 27, 27, 27, 24, 21, 24, 21, 21, 21, 18, 18, 18, 15, 18, 15, 15, 15, 12, 12, 15,
    12, 9, 12, 12, 9, 9, 9, 9, 9, 9, 9, 6, 9, 6, 6, 6, 9, 3, 6, 6, 6, 6, 3, 6, 3, 6, 3, 3, 6, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0,
    3, 3, 3, 0, 3, 3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 0, 3, 0, 3, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 3,
    0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0,
};

const int32_t ser_offsets[SER_LINES] = {
    134218751, 134349311, 134219263, 134219263, 134219263, 134219263, 134219263, 134219263, 134219263, 134219263, 134219263,
    134344703, 134219775, 134219775, 134219775, 134219775, 134219775, 134219775, 134219775, 134341119, 134220287, 134220287,
    134220287, 134220287, 134220287, 134338559, 134220799, 134220799, 134220799, 134220799, 134336511, 134221311, 134221311,
    134221311, 134334975, 134221823, 134221823, 134221823, 134333439, 134222335, 134222335, 134332415, 134222847, 134331903,
    134223359, 134223359, 134330879, 134223871, 134330367, 134224383, 134329855, 134224895, 134329343, 134225407, 134328831,
    134328831, 134226431, 134328319, 134328319, 134328319, 134227967, 134327807, 134327807, 134327807, 134327807, 134327807,
    134327807, 134327807, 134327807, 134327807, 134327807, 134422527, 134328319, 134328319, 134421503, 134328831, 134420991,
    134329343, 134420479, 134420479, 134420479, 134420479, 134331391, 134508543, 134420479, 134420479, 134420479, 134507007,
    134420991, 134506495, 134506495, 134506495, 134506495, 134506495, 134506495, 134506495, 134588415, 134588415, 134507519,
    134587903, 134667775, 134588415, 134588415, 134666751, 134666751, 134666751, 134743551, 134667263, 134743039, 134743039,
    134743039, 134817279, 134817279, 134817279, 134889983, 134817791, 134889471, 134960639, 134960639, 134960639, 134960639,
    135029759, 135098367, 135098367, 135098367, 135165439, 135165439, 135231487, 135231487, 135296511, 135361023, 135361023,
    135361023, 135486975, 135486975, 135548927, 135548927, 135609855, 135730687, 135670783, 135789567, 135848447, 135906815,
    135906815, 136021503, 136078335, 136134655, 136190463, 136245759, 136355327, 136409599, 136463359, 136516607, 136674815,
    136674815, 136778239, 136880639, 136982015, 137032191, 137181183, 137230335, 137327615, 137423871, 137566719, 137660927,
    137754111, 137846271, 137982975, 138118143, 138207231, 138383359, 138470399, 138599423, 138726911, 138894847, 139019263,
    139183103, 139304447, 139464191, 139621887, 139777535, 139931135, 140120575, 140270079, 140454399, 140599807, 140814847,
    140956159, 141165055, 141336575, 141573119, 141706239, 141935615, 142129151, 142351359, 142538751, 142753791, 142965247,
    143173119, 143377407, 143606783, 143803903, 144052735, 144269823, 144482815, 144691711, 144922111, 145172991, 145369599,
    145586175, 145821695, 146052095, 146254847, 146497023, 146690559, 146921471, 147126271, 147345919, 147540479, 147748863,
    147933183, 148148223, 148322303, 148525055, 148688895, 148863487, 149032447, 149195775, 149353471, 149505535, 149638655,
    149779455, 149902335, 150020095, 150132735, 150240255, 150332415, 150429695, 150503423, 150581759, 150647295, 150708735,
    150766079, 150806015, 150849023, 150882815, 150913535, 150931967, 150956543, 150967295, 150979583, 150984703, 150992895,
    150992895, 150994943, 150995455, 150995456, 150995968, 150998016, 150998016, 151006208, 151011328, 151023616, 151034368,
    151058944, 151077376, 151108096, 151141888, 151184896, 151224832, 151282176, 151343616, 151409152, 151487488, 151561216,
    151658496, 151750656, 151858176, 151970816, 152088576, 152211456, 152352256, 152485376, 152637440, 152795136, 152958464,
    153127424, 153302016, 153465856, 153668608, 153842688, 154057728, 154242048, 154450432, 154644992, 154864640, 155069440,
    155300352, 155493888, 155736064, 155938816, 156169216, 156404736, 156621312, 156817920, 157068800, 157299200, 157508096,
    157721088, 157938176, 158187008, 158384128, 158613504, 158817792, 159025664, 159237120, 159452160, 159639552, 159861760,
    160055296, 160284672, 160417792, 160654336, 160825856, 161034752, 161176064, 161391104, 161536512, 161720832, 161870336,
    162059776, 162213376, 162369024, 162526720, 162686464, 162807808, 162971648, 163096064, 163264000, 163391488, 163520512,
    163607552, 163783680, 163872768, 164007936, 164144640, 164236800, 164329984, 164424192, 164567040, 164663296, 164760576,
    164809728, 164958720, 165008896, 165110272, 165212672, 165316096, 165316096, 165474304, 165527552, 165581312, 165635584,
    165745152, 165800448, 165856256, 165912576, 165969408, 166084096, 166084096, 166142464, 166201344, 166320128, 166260224,
    166381056, 166441984, 166441984, 166503936, 166503936, 166629888, 166629888, 166629888, 166694400, 166759424, 166759424,
    166825472, 166825472, 166892544, 166892544, 166892544, 166961152, 167030272, 167030272, 167030272, 167030272, 167101440,
    167173120, 167100928, 167173632, 167173632, 167173632, 167247872, 167247872, 167247872, 167323648, 167247360, 167324160,
    167324160, 167324160, 167402496, 167402496, 167323136, 167403008, 167483392, 167402496, 167402496, 167484416, 167484416,
    167484416, 167484416, 167484416, 167484416, 167484416, 167569920, 167483904, 167570432, 167570432, 167570432, 167482368,
    167659520, 167570432, 167570432, 167570432, 167570432, 167661568, 167569920, 167662080, 167569408, 167662592, 167662592,
    167568384, 167663104, 167663104, 167663104, 167663104, 167663104, 167663104, 167663104, 167663104, 167663104, 167663104,
    167762944, 167662592, 167662592, 167662592, 167764480, 167662080, 167662080, 167765504, 167661568, 167766016, 167661056,
    167766528, 167660544, 167767040, 167660032, 167767552, 167767552, 167659008, 167768064, 167658496, 167768576, 167768576,
    167657472, 167769088, 167769088, 167769088, 167655936, 167769600, 167769600, 167769600, 167654400, 167770112, 167770112,
    167770112, 167770112, 167652352, 167770624, 167770624, 167770624, 167770624, 167770624, 167649792, 167771136, 167771136,
    167771136, 167771136, 167771136, 167771136, 167771136, 167646208, 167771648, 167771648, 167771648, 167771648, 167771648,
    167771648, 167771648, 167771648, 167771648, 167641600, 167772160,
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
