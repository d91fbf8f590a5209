// Arduino compiles for size: see ser_frames_float.c.
#if defined(__OPTIMIZE_SIZE__) && !defined(__clang__)
#pragma GCC optimize("O2")
#endif

// For processors without an FPU: integers alone, of 32 bits, with products and sums of 64. So all processors give the same bits.
// (ser_frames_write_values tells the integers as float; a device calls it where a model learns its speaker, ser_cmvn.c.)
//
// A number in Qn is in steps of 2^-n. A frame's samples are scaled so that the loudest takes 27 or 28 bits, and its spectrum is the
// true one over the transform's length: each stage of the FFT divides by its radix, so nothing overflows. A right shift of a
// negative number is taken to be arithmetic, as it is with GCC and Clang.
#include "ser_frames.h"

#ifdef SER_FRONTEND_FIXED

#include <stdlib.h>
#include <string.h>

#include "ser_model.h"

#define HALF_FRAME (SER_N_FFT / 2)
#define QUARTER_FRAME (SER_N_FFT / 4)
#define HALF_MELS ((SER_N_MELS + 1) / 2)
#define ONE_Q30 (1 << 30)
#define SAMPLE_BITS 28  // of a frame's loudest sample, without its sign

// A complex number.
typedef struct {
  int32_t re;
  int32_t im;
} point;

typedef struct {
  point of[4];
} point_sums;

// One frame's samples, of which the FFT takes even ones as real parts and odd ones as imaginary parts; then its spectrum, bin k at
// ser_radix4_order[k]; then the bins' powers.
static union {
  int32_t samples[SER_N_FFT];
  point points[SER_FFT_POINTS];
  uint64_t powers[SER_FFT_POINTS];
} frame_buffer;

_Static_assert(2 * HALF_MELS <= SER_N_FFT, "the DCT works in the buffer of a frame");

// As in ser_frames_float.c.
static uint16_t log_mel[SER_N_FRAMES][SER_N_MELS];

// The level of each frame's loudest cell, in Q8.
static int32_t loudest_cell[SER_N_FRAMES];

#if SER_N_PROSODY > 0
// Of each frame, the energy before its floor.
static struct {
  int32_t pitch;    // octaves in Q20
  int32_t voicing;  // in Q20
  int32_t energy;   // level in Q8
} prosody[SER_N_FRAMES];
#endif

#if SER_FINDS_PITCH
// The power of bins below 2 kHz of two frames, which share one transform.
static int32_t low_power[2][SER_PITCH_BINS];

static uint32_t find_period(const int32_t *correlation);
static void measure_period(uint32_t place, const int32_t *power, uint32_t lag);
static int64_t correlate(const int32_t *power, uint32_t lag);
#endif

// What no frame of a window is quieter than, as levels in Q8: SER_TOP_DB below the loudest.
static struct {
  int32_t cell;
  int32_t energy;
} floor_level;

static uint32_t load_frame(const ser_cut *cut);
static uint32_t magnitude_bits(int32_t number);
static void transform(void);
static void transform_by_4(uint32_t span);
static void transform_by_2(void);
static point_sums add_by_4(const point *x, uint32_t span);
static int32_t cosine_of(uint32_t index);
static int32_t sine_of(uint32_t index);
static point turn(point z, int32_t cosine, int32_t sine);
static void find_powers(void);
static int32_t apply_mel_bands(uint32_t place, uint32_t headroom);
static uint64_t scale_q31(uint64_t number, uint32_t factor_q31);
static int32_t to_level(uint64_t power, int32_t offset_q24, uint32_t headroom);
static uint32_t count_zeros(uint64_t number);
static int32_t log2_of(uint64_t positive);
static void compute_values(uint32_t place, int32_t *values);
static void transform_to_mfcc(const uint16_t *levels, int32_t *mfcc);

void ser_frames_add(const ser_cut *cut, uint32_t frame) {
  const uint32_t place = ser_frames_place(frame);
  const uint32_t headroom = load_frame(cut);
  transform();
  find_powers();
  loudest_cell[place] = apply_mel_bands(place, headroom);
}

void ser_frames_set_floor(void) {
  int32_t loudest = 0;
  for (uint32_t n = 0; n < SER_N_FRAMES; n++) loudest = loudest_cell[n] > loudest ? loudest_cell[n] : loudest;
  floor_level.cell = loudest - SER_TOP_LEVELS_Q8;
#if SER_N_PROSODY > 0
  loudest = 0;
  for (uint32_t n = 0; n < SER_N_FRAMES; n++) loudest = prosody[n].energy > loudest ? prosody[n].energy : loudest;
  floor_level.energy = loudest - SER_TOP_LEVELS_Q8;
#endif
}

void ser_frames_write_values(uint32_t place, float *values) {
  int32_t fixed[SER_N_FEATURES];
  compute_values(place, fixed);
  for (uint32_t k = 0; k < SER_N_MFCC; k++) values[k] = (float)fixed[k] * (SER_DB_PER_LEVEL / 256.0f);
  values[0] += SER_SILENT_MFCC0;
#if SER_N_PROSODY > 0
  uint32_t k = SER_N_MFCC;
  for (; k < SER_N_MFCC + SER_HAS_PITCH + SER_HAS_VOICING; k++) values[k] = (float)fixed[k] * 0x1p-20f;
  if (SER_HAS_ENERGY) values[k] = (float)fixed[k] * (SER_DB_PER_LEVEL / 256.0f) + SER_SILENT_DB;
#endif
}

void ser_frames_write_features(uint32_t place, int8_t *features) {
  int32_t values[SER_N_FEATURES];
  compute_values(place, values);
  for (uint32_t k = 0; k < SER_N_FEATURES; k++) {
    const int64_t level = ((int64_t)values[k] * ser_feature_gain[k] + ser_feature_offset[k]) >> SER_FEATURE_SHIFT;
    features[k] = (int8_t)(level < -128 ? -128 : level > 127 ? 127 : level);
  }
}

// Windowed samples, with zeros where there are none, times 2^headroom so that the loudest has SAMPLE_BITS; returns the headroom.
static uint32_t load_frame(const ser_cut *cut) {
  int32_t *samples = frame_buffer.samples;
  memset(samples, 0, cut->first * sizeof *samples);
  memset(samples + cut->last, 0, (SER_N_FFT - cut->last) * sizeof *samples);
  uint32_t any = 0;  // all bits that any sample has
  for (const ser_run *run = cut->runs; run < cut->runs + cut->n_runs; run++) {
#pragma GCC unroll 4
    for (uint32_t n = 0; n < run->count; n++) any |= magnitude_bits(2 * run->samples[n]);  // -1 has a bit, too
  }
  const uint32_t before_window = (uint32_t)__builtin_clz(any | 1) - 16;
  any = 0;
  for (const ser_run *run = cut->runs; run < cut->runs + cut->n_runs; run++) {
    const int rising = run->first < HALF_FRAME;
    const int16_t *sample = run->samples;
    const int32_t *cosine = ser_cosine_q30 + (rising ? run->first : SER_N_FFT - run->first);
    int32_t *windowed = samples + run->first;
#pragma GCC unroll 4
    for (const int32_t *end = windowed + run->count; windowed < end;) {
      // Less the window's height of 2, as the frame's power has no sign.
      const int32_t product = (int32_t)((int64_t)(*sample++ * (1 << (14 + before_window))) * (*cosine - ONE_Q30) >> 32);
      cosine += rising ? 1 : -1;
      any |= magnitude_bits(product);
      *windowed++ = product;
    }
  }
  // -32768 where the window is highest takes a bit more; a bit less is not worth the work.
  if (any >> (SAMPLE_BITS - 2) || !any) return before_window;
  const uint32_t behind_window = (uint32_t)__builtin_clz(any) - (32 - SAMPLE_BITS);
#pragma GCC unroll 4
  for (uint32_t n = 0; n < SER_N_FFT; n++) samples[n] *= 1 << behind_window;
  return before_window + behind_window;
}

// The bits of a number, or of its magnitude less one where it is negative.
static inline uint32_t magnitude_bits(int32_t number) { return (uint32_t)(number ^ (number >> 31)); }

// The FFT in place, over its length, with bins in the order of ser_radix4_order.
static void transform(void) {
  uint32_t span = SER_FFT_POINTS / 4;
  for (; span > 0; span /= 4) transform_by_4(span);
  if (!(SER_FFT_POINTS & 0x55555555u)) transform_by_2();
}

// A stage of radix 4: points that are `span` apart.
static void transform_by_4(uint32_t span) {
  const point *end = frame_buffer.points + SER_FFT_POINTS;
  for (point *x = frame_buffer.points; x < end; x += 4 * span) {
    const point_sums sums = add_by_4(x, span);
    x[0] = (point){sums.of[0].re >> 2, sums.of[0].im >> 2};
    x[span] = (point){sums.of[1].re >> 2, sums.of[1].im >> 2};
    x[2 * span] = (point){sums.of[2].re >> 2, sums.of[2].im >> 2};
    x[3 * span] = (point){sums.of[3].re >> 2, sums.of[3].im >> 2};
  }
  const uint32_t step = SER_N_FFT / 4 / span;  // of the first turn
  for (uint32_t j = 1; j < span; j++) {
    const uint32_t angle = j * step;
    const int32_t c1 = cosine_of(angle), s1 = sine_of(angle);
    const int32_t c2 = cosine_of(2 * angle), s2 = sine_of(2 * angle);
    const int32_t c3 = cosine_of(3 * angle), s3 = sine_of(3 * angle);
    for (point *x = frame_buffer.points + j; x < end; x += 4 * span) {
      const point_sums sums = add_by_4(x, span);
      x[0] = (point){sums.of[0].re >> 2, sums.of[0].im >> 2};
      x[span] = turn(sums.of[1], c1, s1);
      x[2 * span] = turn(sums.of[2], c2, s2);
      x[3 * span] = turn(sums.of[3], c3, s3);
    }
  }
}

// The transform of four points that are `span` apart.
static inline point_sums add_by_4(const point *x, uint32_t span) {
  const point a = x[0], b = x[span], c = x[2 * span], d = x[3 * span];
  const point sum = {a.re + c.re, a.im + c.im}, odd_sum = {b.re + d.re, b.im + d.im};
  const point difference = {a.re - c.re, a.im - c.im}, odd_difference = {b.re - d.re, b.im - d.im};
  return (point_sums){{
      {sum.re + odd_sum.re, sum.im + odd_sum.im},
      {difference.re + odd_difference.im, difference.im - odd_difference.re},
      {sum.re - odd_sum.re, sum.im - odd_sum.im},
      {difference.re - odd_difference.im, difference.im + odd_difference.re},
  }};
}

static void transform_by_2(void) {
  for (point *x = frame_buffer.points; x < frame_buffer.points + SER_FFT_POINTS; x += 2) {
    const point low = x[0], high = x[1];
    x[0] = (point){(low.re + high.re) >> 1, (low.im + high.im) >> 1};
    x[1] = (point){(low.re - high.re) >> 1, (low.im - high.im) >> 1};
  }
}

// Of 2 pi index / SER_N_FFT, of a turn, and for less than three quarters of one.
static inline int32_t cosine_of(uint32_t index) { return ser_cosine_q30[HALF_FRAME - abs(HALF_FRAME - (int32_t)index)]; }

static inline int32_t sine_of(uint32_t index) { return ser_cosine_q30[abs(QUARTER_FRAME - (int32_t)index)]; }

// A quarter of z times cosine - i sine.
static inline point turn(point z, int32_t cosine, int32_t sine) {
  return (point){
      (int32_t)(((int64_t)z.re * cosine + (int64_t)z.im * sine) >> 32),
      (int32_t)((int64_t)z.im * cosine >> 32) - (int32_t)((int64_t)z.re * sine >> 32),
  };
}

// The FFT of a frame's even and odd samples -> the powers of the frame's spectrum, as in ser_frames_float.c.
static void find_powers(void) {
  frame_buffer.powers[0] = 0;  // no mel band hears a constant, or half the sample rate: triangles are 0 at their ends
  const uint16_t *low_bin = ser_radix4_order + 1;
  const uint16_t *high_bin = ser_radix4_order + SER_FFT_POINTS - 1;
  const int32_t *cosine = ser_cosine_q30 + 1;
  const int32_t *sine = ser_cosine_q30 + QUARTER_FRAME - 1;
  while (low_bin <= high_bin) {
    const point low = frame_buffer.points[*low_bin];
    const point high = frame_buffer.points[*high_bin];
    const int32_t even_re = (low.re + high.re) >> 2;
    const int32_t even_im = (low.im - high.im) >> 2;
    const point odd = turn((point){low.im + high.im, high.re - low.re}, *cosine++, *sine--);
    const int64_t sum_re = even_re + odd.re;
    const int64_t sum_im = even_im + odd.im;
    const int64_t difference_re = even_re - odd.re;
    const int64_t difference_im = even_im - odd.im;
    frame_buffer.powers[*low_bin++] = (uint64_t)(sum_re * sum_re + sum_im * sum_im) >> SER_POWER_SHIFT;
    frame_buffer.powers[*high_bin--] = (uint64_t)(difference_re * difference_re + difference_im * difference_im) >> SER_POWER_SHIFT;
  }
}

// Powers -> the levels of the frame in a place; returns the loudest band's, in Q8. Two sums serve both triangles between corners, as
// in ser_frames_float.c.
static int32_t apply_mel_bands(uint32_t place, uint32_t headroom) {
  uint16_t *levels = log_mel[place];
  uint64_t heard = 0;
  const uint16_t *bin = ser_radix4_order + ser_mel_edges[0];
  int32_t loudest = 0;
  uint64_t rising = 0;
  for (uint32_t gap = 0; gap <= SER_N_MELS; gap++) {
    uint64_t sum = 0;
    uint64_t weighted_sum = 0;
    for (const uint16_t *end = ser_radix4_order + ser_mel_edges[gap + 1]; bin < end; bin++) {
      weighted_sum += sum;
      sum += frame_buffer.powers[*bin];
    }
    uint64_t falling = scale_q31(weighted_sum, ser_mel_falling_q31[gap][0]) + scale_q31(sum, ser_mel_falling_q31[gap][1]);
    if (falling > sum) falling = sum;  // by rounding
    if (gap > 0) {
      const int32_t level = to_level(rising + falling, ser_mel_offset_q24[gap - 1], headroom);
      levels[gap - 1] = (uint16_t)((level + 128) >> 8);
      loudest = level > loudest ? level : loudest;
    }
    rising = sum - falling;
    heard += sum;
  }
#if SER_N_PROSODY > 0
  prosody[place].energy = to_level(heard, SER_ENERGY_OFFSET_Q24, headroom);
#else
  (void)heard;
#endif
  return loudest;
}

static inline uint64_t scale_q31(uint64_t number, uint32_t factor_q31) {
  return ((number >> 32) * factor_q31 << 1) + ((number & UINT32_MAX) * factor_q31 >> 31);
}

// Power -> level in Q8, at least 0.
static int32_t to_level(uint64_t power, int32_t offset_q24, uint32_t headroom) {
  if (!power) return 0;
  const int64_t octaves = (int64_t)log2_of(power) - (int32_t)(headroom << 25) + offset_q24;
  return octaves < 0 ? 0 : (int32_t)(octaves * (int32_t)SER_LEVELS_PER_OCTAVE >> 16);
}

// How many bits there are above the highest that is set.
static inline uint32_t count_zeros(uint64_t number) {
  const uint32_t high = (uint32_t)(number >> 32);
  return (uint32_t)(high ? __builtin_clz(high) : 32 + __builtin_clz((uint32_t)number | 1));
}

// The logarithm in Q24: the polynomial of ser_frames_float.c, in Q30.
static int32_t log2_of(uint64_t positive) {
  const uint32_t zeros = count_zeros(positive);
  const int32_t t = (int32_t)((uint32_t)(positive << zeros >> 33) - ONE_Q30);
  int32_t log2_mantissa = 48182672;
  log2_mantissa = (int32_t)((int64_t)log2_mantissa * t >> 30) - 206368496;
  log2_mantissa = (int32_t)((int64_t)log2_mantissa * t >> 30) + 444131968;
  log2_mantissa = (int32_t)((int64_t)log2_mantissa * t >> 30) - 760201344;
  log2_mantissa = (int32_t)((int64_t)log2_mantissa * t >> 30) + 1547997052;
  log2_mantissa = (int32_t)((int64_t)log2_mantissa * t >> 30) + 13463;
  return (int32_t)((63 - zeros) << 24) + (log2_mantissa >> 6);
}

#if SER_FINDS_PITCH
// Keeps the frame's power with SAMPLE_BITS in the loudest bin: rounding the louder of two frames must not drown the other.
void ser_frames_keep_low_power(uint32_t frame) {
  int32_t *kept = low_power[frame % 2];
  uint64_t any = 0;
  for (uint32_t k = SER_PITCH_FIRST_BIN; k < SER_PITCH_BINS; k++) any |= frame_buffer.powers[ser_radix4_order[k]];
  const uint32_t zeros = count_zeros(any);
  for (uint32_t k = SER_PITCH_FIRST_BIN; k < SER_PITCH_BINS; k++) {
    kept[k] = (int32_t)(frame_buffer.powers[ser_radix4_order[k]] << zeros >> (64 - SAMPLE_BITS));
  }
}

// As in ser_frames_float.c.
void ser_frames_find_pitch(uint32_t first, uint32_t count) {
  memset(&frame_buffer, 0, sizeof frame_buffer);
  for (uint32_t k = SER_PITCH_FIRST_BIN; k < SER_PITCH_BINS; k++) {
    const point powers = {low_power[0][k], count > 1 ? low_power[1][k] : 0};
    frame_buffer.points[k] = frame_buffer.points[SER_FFT_POINTS - k] = powers;
  }
  transform();
  const uint32_t lags[2] = {find_period(&frame_buffer.points[0].re), find_period(&frame_buffer.points[0].im)};
  for (uint32_t part = 0; part < count; part++) measure_period(ser_frames_place(first + part), low_power[part], lags[part]);
}

// The lag of the strongest period, of the autocorrelations that are the real or the imaginary parts.
static uint32_t find_period(const int32_t *correlation) {
  const int64_t total = *correlation;
  uint32_t best = SER_PITCH_FIRST;
  int64_t best_score = INT64_MIN;
  for (uint32_t lag = SER_PITCH_FIRST; lag <= SER_PITCH_LAST; lag++) {
    const int64_t relative = (int64_t)correlation[2 * ser_radix4_order[lag]] * ser_pitch_gain_q26[lag];
    const int64_t score = relative - total * ser_pitch_cost_q26[lag];
    if (score > best_score) {
      best = lag;
      best_score = score;
    }
  }
  return best;
}

// The pitch and voicing of the frame in a place. The transform, which divides, has too few bits left for the curve at its top.
static void measure_period(uint32_t place, const int32_t *power, uint32_t lag) {
  const int64_t total = correlate(power, 0);
  if (total == 0) {
    prosody[place].pitch = prosody[place].voicing = 0;
    return;
  }
  const uint32_t spare = 34 - count_zeros((uint64_t)total);  // but for 30 bits
  const int64_t before = (correlate(power, lag - 1) >> spare) * ser_pitch_gain_q26[lag - 1];
  const int64_t peak = (correlate(power, lag) >> spare) * ser_pitch_gain_q26[lag];
  const int64_t after = (correlate(power, lag + 1) >> spare) * ser_pitch_gain_q26[lag + 1];
  // The top of a parabola, within half a lag, in Q20.
  const int64_t half = 1 << 19;
  const int64_t bend = (2 * peak - before - after) >> 18;
  const int64_t shift = bend > 0 ? 2 * (after - before) / bend : 0;
  const int64_t top = ((int64_t)lag << 20) + (shift < -half ? -half : shift > half ? half : shift);
  prosody[place].pitch = SER_PITCH_OCTAVES_Q20 + 20 * (1 << 20) - (log2_of((uint64_t)top) >> 4);
  const int64_t voicing = (peak >> 6) / (total >> spare);
  prosody[place].voicing = (int32_t)(voicing < 0 ? 0 : voicing > 1 << 20 ? 1 << 20 : voicing);
}

// The autocorrelation at a lag of a frame that was kept, less than 2^62.
static int64_t correlate(const int32_t *power, uint32_t lag) {
  int64_t sum = 0;
  uint32_t angle = 2 * lag * (SER_PITCH_FIRST_BIN - 1) % SER_N_FFT;
  for (uint32_t k = SER_PITCH_FIRST_BIN; k < SER_PITCH_BINS; k++) {
    angle = (angle + 2 * lag) % SER_N_FFT;
    sum += (int64_t)power[k] * (cosine_of(angle) >> 6);
  }
  return sum;
}
#endif

// A frame's MFCCs and energy in levels (Q8), its pitch and voicing in Q20, all above those of level 0.
static void compute_values(uint32_t place, int32_t *values) {
  transform_to_mfcc(log_mel[place], values);
#if SER_N_PROSODY > 0
  int32_t *value = values + SER_N_MFCC;
  if (SER_HAS_PITCH) *value++ = prosody[place].pitch;
  if (SER_HAS_VOICING) *value++ = prosody[place].voicing;
  if (SER_HAS_ENERGY) *value = prosody[place].energy > floor_level.energy ? prosody[place].energy : floor_level.energy;
#endif
}

// A frame's levels -> int32 [SER_N_MFCC] in Q8, as in ser_frames_float.c.
static void transform_to_mfcc(const uint16_t *levels, int32_t *mfcc) {
  int32_t *sums = frame_buffer.samples;
  int32_t *differences = sums + HALF_MELS;
  for (uint32_t i = 0; i < HALF_MELS; i++) {
    const int32_t low = levels[i] * 256;
    const int32_t high = levels[SER_N_MELS - 1 - i] * 256;
    const int32_t floored_low = low > floor_level.cell ? low : floor_level.cell;
    const int32_t floored_high = high > floor_level.cell ? high : floor_level.cell;
    sums[i] = floored_low + floored_high;
    differences[i] = floored_low - floored_high;
  }
  for (uint32_t k = 0; k < SER_N_MFCC; k++) {
    const int32_t *folded = k % 2 ? differences : sums;
    int64_t coefficient = 1 << 29;
    for (uint32_t i = 0; i < HALF_MELS; i++) coefficient += (int64_t)folded[i] * ser_dct_q30[k][i];
    mfcc[k] = (int32_t)(coefficient >> 30);
  }
}

#endif  // SER_FRONTEND_FIXED
