// Arduino compiles for size, which makes a decision 15 % slower. The pragma stands before all, so that inline functions are of it, too.
#if defined(__OPTIMIZE_SIZE__) && !defined(__clang__)
#pragma GCC optimize("O2")
#endif

#include "ser_frames.h"

#ifndef SER_FRONTEND_FIXED

#include <math.h>
#include <string.h>

#include "arm_common_tables.h"
#include "dsp/transform_functions.h"
#include "ser_model.h"

#define HALF_FRAME (SER_N_FFT / 2)
#define HALF_MELS ((SER_N_MELS + 1) / 2)
#define PASTE(prefix, number) prefix##number
#define TWIDDLES(points) PASTE(twiddleCoef_, points)

// One frame's samples, then its spectrum as arm_cfft_f32 leaves it, then the power of bin k at ser_fft_order[k].
static float frame_buffer[SER_N_FFT];

// A cell has 16 bits: levels of 1 / SER_LEVELS_PER_OCTAVE above SER_AMIN. The floor of SER_TOP_DB needs the whole window's loudest
// cell, so all are kept; with librosa's parameters a level is 0.0022 dB, and rounding moves an MFCC by 0.0007 (root mean square).
static uint16_t log_mel[SER_N_FRAMES][SER_N_MELS];

// The power of each frame's loudest cell.
static float loudest_cell[SER_N_FRAMES];

static const arm_cfft_instance_f32 cfft = {.fftLen = SER_FFT_POINTS, .pTwiddle = TWIDDLES(SER_FFT_POINTS)};

_Static_assert(2 * HALF_MELS <= SER_N_FFT, "the DCT works in the buffer of a frame");

#if SER_N_PROSODY > 0
// Of each frame, the energy before its floor.
static struct {
  float pitch;
  float voicing;
  float energy;
} prosody[SER_N_FRAMES];
#endif

#if SER_FINDS_PITCH
// The power of bins below 2 kHz of two frames, which share one transform.
static float low_power[2][SER_PITCH_BINS];

static float correlate(uint32_t lag, uint32_t part);
#endif

// What no frame of a window is quieter than, in levels: SER_TOP_DB below the loudest.
static struct {
  float cell;
  float energy;
} floor_level;

static void load_frame(const ser_cut *cut);
static void transform_to_power(void);
static float apply_mel_bands(uint32_t place);
static float to_level(float power);
static float log2_of(float positive);
static void transform_to_mfcc(const uint16_t *levels, float floor, float *mfcc);

void ser_frames_add(const ser_cut *cut, uint32_t frame) {
  const uint32_t place = ser_frames_place(frame);
  load_frame(cut);
  transform_to_power();
  loudest_cell[place] = apply_mel_bands(place);
}

void ser_frames_set_floor(void) {
  float loudest = SER_AMIN;
  for (uint32_t n = 0; n < SER_N_FRAMES; n++) loudest = loudest_cell[n] > loudest ? loudest_cell[n] : loudest;
  floor_level.cell = to_level(loudest) - SER_TOP_LEVELS;
#if SER_N_PROSODY > 0
  float loudest_energy = 0.0f;
  for (uint32_t n = 0; n < SER_N_FRAMES; n++) loudest_energy = prosody[n].energy > loudest_energy ? prosody[n].energy : loudest_energy;
  floor_level.energy = loudest_energy - SER_TOP_LEVELS;
#endif
}

void ser_frames_write_values(uint32_t place, float *values) {
  transform_to_mfcc(log_mel[place], floor_level.cell, values);
#if SER_N_PROSODY > 0
  float *value = values + SER_N_MFCC;
  if (SER_HAS_PITCH) *value++ = prosody[place].pitch;
  if (SER_HAS_VOICING) *value++ = prosody[place].voicing;
  if (SER_HAS_ENERGY) {
    const float level = prosody[place].energy > floor_level.energy ? prosody[place].energy : floor_level.energy;
    *value = level * SER_DB_PER_LEVEL + SER_SILENT_DB;
  }
#endif
}

void ser_frames_write_features(uint32_t place, int8_t *features) {
  float values[SER_N_FEATURES];
  ser_frames_write_values(place, values);
  for (uint32_t k = 0; k < SER_N_FEATURES; k++) {
    features[k] = ser_round_int8(values[k] * ser_quantize[k][0] + ser_quantize[k][1]);
  }
}

// Windowed samples, with zeros where there are none.
static void load_frame(const ser_cut *cut) {
  memset(frame_buffer, 0, cut->first * sizeof(float));
  memset(frame_buffer + cut->last, 0, (SER_N_FFT - cut->last) * sizeof(float));
  for (const ser_run *run = cut->runs; run < cut->runs + cut->n_runs; run++) {
    const int rising = run->first < HALF_FRAME;
    const int16_t *sample = run->samples;
    const float *weight = ser_hann + (rising ? run->first : SER_N_FFT - run->first);
    float *windowed = frame_buffer + run->first;
    for (const float *end = windowed + run->count; windowed < end;) {
      *windowed++ = (float)*sample++ * *weight;
      weight += rising ? 1 : -1;
    }
  }
}

// Windowed samples -> power spectrum, in place: bin k at ser_fft_order[k].
//
// The FFT takes even samples as real parts and odd ones as imaginary parts. With Z its result and M = SER_FFT_POINTS, the even
// samples' spectrum is E[k] = (Z[k] + conj Z[M - k]) / 2, the odd ones' O[k] = (Z[k] - conj Z[M - k]) / 2i, and the frame's is
// E[k] + T[k] with T[k] = exp(-2 pi i k / SER_N_FFT) O[k]; at M - k it is conj(E[k] - T[k]). Cosines and sines come from the
// window, 1 - cos. Neither its height of 2 nor the halves are divided by: that is left to the mel bands' heights.
static void transform_to_power(void) {
  arm_cfft_f32(&cfft, frame_buffer, 0, 0);
  frame_buffer[0] = 0.0f;  // no mel band hears a constant, or half the sample rate: triangles are 0 at their ends

  const uint16_t *low_bin = ser_fft_order + 1;
  const uint16_t *high_bin = ser_fft_order + SER_FFT_POINTS - 1;
  const float *cosine = ser_hann + 1;
  const float *sine = ser_hann + SER_N_FFT / 4 - 1;
  while (low_bin <= high_bin) {
    float *low = frame_buffer + *low_bin++;
    float *high = frame_buffer + *high_bin--;
    const float c = 1.0f - *cosine++;
    const float s = 1.0f - *sine--;
    const float even_re = low[0] + high[0];
    const float even_im = low[1] - high[1];
    const float odd_re = low[1] + high[1];
    const float odd_im = high[0] - low[0];
    const float turned_re = c * odd_re + s * odd_im;
    const float turned_im = c * odd_im - s * odd_re;
    const float sum_re = even_re + turned_re;
    const float sum_im = even_im + turned_im;
    const float difference_re = even_re - turned_re;
    const float difference_im = even_im - turned_im;
    low[0] = sum_re * sum_re + sum_im * sum_im;
    high[0] = difference_re * difference_re + difference_im * difference_im;
  }
}

// Power spectrum -> the levels of the frame in a place; returns the loudest band's power.
//
// Between two corners one triangle falls in a straight line while the next rises by as much, so two sums serve both: of the
// power, and of the power times the number of bins behind it.
static float apply_mel_bands(uint32_t place) {
  uint16_t *levels = log_mel[place];
#if SER_N_PROSODY > 0
  float heard = 0.0f;
#endif
  const uint16_t *bin = ser_fft_order + ser_mel_edges[0];
  float loudest = 0.0f;
  float rising = 0.0f;
  for (uint32_t gap = 0; gap <= SER_N_MELS; gap++) {
    float sum = 0.0f;
    float weighted_sum = 0.0f;
    for (const uint16_t *end = ser_fft_order + ser_mel_edges[gap + 1]; bin < end; bin++) {
      weighted_sum += sum;
      sum += frame_buffer[*bin];
    }
    const float falling = weighted_sum * ser_mel_falling[gap][0] + sum * ser_mel_falling[gap][1];
    if (gap > 0) {
      const float band = (rising + falling) * ser_mel_norm[gap - 1];
      levels[gap - 1] = (uint16_t)(to_level(band) + 0.5f);
      loudest = band > loudest ? band : loudest;
    }
    rising = sum - falling;
#if SER_N_PROSODY > 0
    heard += sum;
#endif
  }
#if SER_N_PROSODY > 0
  prosody[place].energy = to_level(heard * SER_ENERGY_NORM);
#endif
  return loudest;
}

// Power -> level.
static float to_level(float power) {
  return (log2_of(power > SER_AMIN ? power : SER_AMIN) - SER_LOG2_AMIN) * SER_LEVELS_PER_OCTAVE;
}

// The logarithm of the mantissa 1 + t is the polynomial of degree 5 with the smallest largest error on 0 <= t < 1 (Remez): 1.3e-5
// octaves, which of a power is 4e-5 dB.
static float log2_of(float positive) {
  uint32_t bits;
  memcpy(&bits, &positive, sizeof bits);
  const float exponent = (float)((int32_t)(bits >> 23) - 127);
  bits = (bits & 0x7fffffu) | 0x3f800000u;
  float t;
  memcpy(&t, &bits, sizeof t);
  t -= 1.0f;
  float log2_mantissa = 4.48736101e-2f;
  log2_mantissa = log2_mantissa * t - 1.92195639e-1f;
  log2_mantissa = log2_mantissa * t + 4.13630128e-1f;
  log2_mantissa = log2_mantissa * t - 7.07992673e-1f;
  log2_mantissa = log2_mantissa * t + 1.4416846f;
  log2_mantissa = log2_mantissa * t + 1.25387451e-5f;
  return exponent + log2_mantissa;
}

#if SER_FINDS_PITCH
// Keeps shares of the frame's power: rounding the louder of two frames must not drown the other.
void ser_frames_keep_low_power(uint32_t frame) {
  float *kept = low_power[frame % 2];
  float total = 0.0f;
  for (uint32_t k = SER_PITCH_FIRST_BIN; k < SER_PITCH_BINS; k++) {
    kept[k] = frame_buffer[ser_fft_order[k]];
    total += kept[k];
  }
  const float share = total > 0.0f ? 1.0f / total : 0.0f;
  for (uint32_t k = SER_PITCH_FIRST_BIN; k < SER_PITCH_BINS; k++) kept[k] *= share;
}

// The autocorrelation at a lag of one of two frames, over the window's.
static float correlate(uint32_t lag, uint32_t part) {
  return frame_buffer[ser_fft_order[lag] + part] * ser_pitch_gain[lag];
}

// A power spectrum is real, and so is its autocorrelation: the transform of one spectrum plus i times the other has the one's
// autocorrelation as real and the other's as imaginary parts. Lags are two samples apart.
void ser_frames_find_pitch(uint32_t first, uint32_t count) {
  memset(frame_buffer, 0, sizeof frame_buffer);
  for (uint32_t k = SER_PITCH_FIRST_BIN; k < SER_PITCH_BINS; k++) {
    float *low = frame_buffer + 2 * k;
    float *high = frame_buffer + 2 * (SER_FFT_POINTS - k);
    low[0] = high[0] = low_power[0][k];
    low[1] = high[1] = count > 1 ? low_power[1][k] : 0.0f;
  }
  arm_cfft_f32(&cfft, frame_buffer, 0, 0);
  for (uint32_t part = 0; part < count; part++) {
    const uint32_t place = ser_frames_place(first + part);
    const float total = frame_buffer[part];
    if (!(total > 0.0f)) {
      prosody[place].pitch = prosody[place].voicing = 0.0f;
      continue;
    }
    const float share = 1.0f / total;
    uint32_t best = SER_PITCH_FIRST;
    float best_score = -INFINITY;
    for (uint32_t lag = SER_PITCH_FIRST; lag <= SER_PITCH_LAST; lag++) {
      const float score = correlate(lag, part) * share - ser_pitch_cost[lag];
      if (score > best_score) {
        best = lag;
        best_score = score;
      }
    }
    const float before = correlate(best - 1, part) * share;
    const float peak = correlate(best, part) * share;
    const float after = correlate(best + 1, part) * share;
    const float bend = before - 2.0f * peak + after;
    float shift = bend < 0.0f ? (before - after) / (2.0f * bend) : 0.0f;  // the top of a parabola
    shift = shift < -0.5f ? -0.5f : shift > 0.5f ? 0.5f : shift;
    prosody[place].pitch = SER_PITCH_OCTAVES - log2_of((float)best + shift);
    prosody[place].voicing = peak < 0.0f ? 0.0f : peak > 1.0f ? 1.0f : peak;
  }
}
#endif

// A frame's levels -> float [SER_N_MFCC]. Even rows of the DCT are symmetric and odd ones antisymmetric: bands are first folded.
static void transform_to_mfcc(const uint16_t *levels, float floor, float *mfcc) {
  float *sums = frame_buffer;
  float *differences = frame_buffer + HALF_MELS;
  for (uint32_t i = 0; i < HALF_MELS; i++) {
    const float low = (float)levels[i];
    const float high = (float)levels[SER_N_MELS - 1 - i];
    const float floored_low = low > floor ? low : floor;
    const float floored_high = high > floor ? high : floor;
    sums[i] = floored_low + floored_high;
    differences[i] = floored_low - floored_high;
  }
  for (uint32_t k = 0; k < SER_N_MFCC; k++) {
    const float *folded = k % 2 ? differences : sums;
    float coefficient = k ? 0.0f : SER_SILENT_MFCC0;
    for (uint32_t i = 0; i < HALF_MELS; i++) {
      coefficient += folded[i] * ser_dct[k][i];
    }
    mfcc[k] = coefficient;
  }
}

#endif  // SER_FRONTEND_FIXED
