#include "ser_frontend.h"

#include "ser_cmvn.h"
#include "ser_frames.h"
#include "ser_model.h"

#define HALF_FRAME (SER_N_FFT / 2)
#define BEFORE_WINDOW (SER_CENTER ? HALF_FRAME : 0)  // samples of frame 0

// How many frames there were.
static uint32_t n_frames;

static void compute_frames(const ser_audio *audio);
static void finish_frames(void);
static void add_frame(const ser_audio *audio, uint32_t frame);
static ser_cut cut_frame(const ser_audio *audio, uint32_t frame);
static void write_features(uint32_t count, int8_t *features);

void ser_frontend_values(const ser_audio *audio, float *values) {
  compute_frames(audio);
  finish_frames();
  for (uint32_t frame = 0; frame < SER_N_FRAMES; frame++) ser_frames_write_values(frame, values + frame * SER_N_FEATURES);
}

void ser_frontend_features(const ser_audio *audio, int8_t *features) {
  compute_frames(audio);
  write_features(SER_N_FRAMES, features);
}

#if !SER_CENTER
void ser_frontend_clear(void) {
  n_frames = 0;
#if SER_CMVN_PRIOR_WINDOWS > 0
  ser_cmvn_drop();
#endif
}

void ser_frontend_add(const ser_audio *audio) { add_frame(audio, 0); }

void ser_frontend_latest(int8_t *features) { write_features(SER_N_FRAMES, features); }

void ser_frontend_latest_two(int8_t *features) { write_features(2, features); }
#endif

static void compute_frames(const ser_audio *audio) {
  n_frames = 0;
  for (uint32_t frame = 0; frame < SER_N_FRAMES; frame++) add_frame(audio, frame);
}

// Computes frame `frame` of the audio, which is the next of all.
static void add_frame(const ser_audio *audio, uint32_t frame) {
  const ser_cut cut = cut_frame(audio, frame);
  ser_frames_add(&cut, n_frames);
#if SER_FINDS_PITCH
  ser_frames_keep_low_power(n_frames);
  if (n_frames % 2) ser_frames_find_pitch(n_frames - 1, 2);
#endif
  n_frames++;
}

// Finds what rests on all frames. The last one has no other to share a transform with, yet, where its number is even.
static void finish_frames(void) {
#if SER_FINDS_PITCH
  if (n_frames % 2) ser_frames_find_pitch(n_frames - 1, 1);
#endif
  ser_frames_set_floor();
}

// The samples around SER_HOP_LENGTH * frame, or from there on.
static ser_cut cut_frame(const ser_audio *audio, uint32_t frame) {
  const uint32_t hop = SER_HOP_LENGTH * frame;
  const uint32_t left = SER_WINDOW_SAMPLES + BEFORE_WINDOW - hop;
  ser_cut cut = {.first = SER_CENTER && hop < HALF_FRAME ? HALF_FRAME - hop : 0, .last = left < SER_N_FFT ? left : SER_N_FFT};
  uint32_t position = (audio->start + hop + cut.first - BEFORE_WINDOW) % audio->capacity;
  for (uint32_t n = cut.first; n < cut.last && cut.n_runs < SER_FRAME_RUNS;) {
    // A run ends where the window begins to fall, and where the ring buffer ends.
    const uint32_t bend = n < HALF_FRAME && cut.last > HALF_FRAME ? HALF_FRAME : cut.last;
    const uint32_t count = bend - n < audio->capacity - position ? bend - n : audio->capacity - position;
    cut.runs[cut.n_runs++] = (ser_run){.samples = audio->samples + position, .first = n, .count = count};
    n += count;
    position = position + count == audio->capacity ? 0 : position + count;
  }
  return cut;
}

// Quantizes the values of the last `count` frames.
static void write_features(uint32_t count, int8_t *features) {
#if SER_CMVN_PRIOR_WINDOWS > 0
  if (count == SER_N_FRAMES) ser_cmvn_drop();
#endif
  finish_frames();
  for (uint32_t frame = n_frames - count; frame < n_frames; frame++) {
#if SER_CMVN_PRIOR_WINDOWS > 0
    float values[SER_N_FEATURES];
    ser_frames_write_values(ser_frames_place(frame), values);
    ser_cmvn_write_features(values, features);
#else
    ser_frames_write_features(ser_frames_place(frame), features);
#endif
    features += SER_N_FEATURES;
  }
}
