// What a microphone gives that is no speech: its first seconds, faults, clipping, steps and spikes. As on a board, its offset is
// removed before the app hears it. The levels of noise are those at which strangers' speech is judged (docs/benchmarks.md): quiet
// rooms at -60 dB full scale, loud ones at -30.

#include <math.h>
#include <string.h>

#include "check.h"
#include "ser_app.h"
#include "ser_offset.h"

#define BLOCK 256

// What a microphone gives at `time`, in seconds; `noise` is uniform in [-1, 1).
typedef double (*microphone)(double time, double noise);

static ser_app app;

static double full_scale(double db) { return 32768 * pow(10, db / 20); }

// Noise that has this level.
static double hiss(double db, double noise) { return full_scale(db) * sqrt(3) * noise; }

static double speech(double time, double from, double db) {
  const int voiced = time >= from && fmod(time - from, 0.3) < 0.2;
  return voiced ? full_scale(db) * sqrt(3) * (2 * fmod(150 * time, 1) - 1) : 0;
}

typedef struct {
  uint32_t decisions;
  uint32_t first_ms;
} heard;

static heard hear(microphone take, double seconds) {
  heard found = {0, 0};
  ser_offset offset = {0};
  uint32_t random = 1;
  ser_app_start(&app);
  for (uint32_t begin = 0; begin < (uint32_t)(seconds * SER_SAMPLE_RATE); begin += BLOCK) {
    int16_t samples[BLOCK];
    for (uint32_t i = 0; i < BLOCK; i++) {
      random = random * 1664525u + 1013904223u;
      const double noise = (double)(random >> 8) / (1 << 23) - 1;
      const double value = round(take((begin + i) / (double)SER_SAMPLE_RATE, noise));
      samples[i] = (int16_t)fmax(-32768, fmin(32767, value));
    }
    ser_offset_remove(&offset, samples, BLOCK);
    ser_app_write(&app, samples, BLOCK);
    ser_decision decision;
    while (ser_app_poll(&app, &decision)) {
      if (found.decisions++ == 0) found.first_ms = decision.milliseconds;
      float sum = 0;
      for (uint32_t k = 0; k < SER_N_LABELS; k++) sum += decision.probabilities[k];
      CHECK(sum > 0.9f && sum < 1.1f && isfinite(decision.rms_db));
    }
  }
  CHECK(app.overruns == 0 && app.running);
  return found;
}

// ---- its first seconds ----

static double slow_settling(double time, double noise) { return 20000 * exp(-time) + hiss(-60, noise); }
static double quick_settling(double time, double noise) { return 20000 * exp(-time / 0.3) + hiss(-60, noise); }
static double weak_settling(double time, double noise) { return -2000 * exp(-time / 2) + hiss(-75, noise); }
static double settling_with_speech(double time, double noise) { return slow_settling(time, noise) + speech(time, 2.5, -25); }

static void test_a_microphone_that_settles_decides_nothing_until_somebody_speaks(void) {
  CHECK(hear(slow_settling, 8).decisions == 0);
  CHECK(hear(quick_settling, 8).decisions == 0);
  CHECK(hear(weak_settling, 8).decisions == 0);
  const heard found = hear(settling_with_speech, 8);
  CHECK(found.decisions >= 5 && found.first_ms >= 2500 && found.first_ms <= 4100);
}

// ---- faults ----

static double zeros(double time, double noise) { return 0 * time * noise; }
static double highest(double time, double noise) { return 32767 + 0 * time * noise; }
static double lowest(double time, double noise) { return -32768 + 0 * time * noise; }
static double last_bit(double time, double noise) { return noise > 0 ? 1 : 0 * time; }
static double dies(double time, double noise) { return time < 4 ? hiss(-60, noise) + speech(time, 2, -25) : 0; }

static void test_a_stuck_microphone_decides_nothing(void) {
  CHECK(hear(zeros, 8).decisions == 0);
  CHECK(hear(highest, 8).decisions == 0);
  CHECK(hear(lowest, 8).decisions == 0);
  CHECK(hear(last_bit, 8).decisions == 0);
}

static void test_a_microphone_that_dies_is_not_decided_about_for_long(void) {
  const heard found = hear(dies, 10);
  CHECK(found.decisions >= 3 && found.decisions <= 5);  // the windows of the speech alone
}

static double step(double time, double noise) { return hiss(-60, noise) + (time > 4 ? 2000 : 0); }
static double full_step(double time, double noise) { return hiss(-60, noise) + (time > 4 ? 32000 : -32000); }

static void test_a_step_of_the_offset_is_no_speech_or_one_decision_at_most(void) {
  CHECK(hear(step, 8).decisions <= 1);
  CHECK(hear(full_step, 8).decisions <= 1);
}

static double spike(double time, double rate) { return fmod(time * rate, 1) < rate / SER_SAMPLE_RATE ? 20000 : 0; }
static double some_spikes(double time, double noise) { return hiss(-60, noise) + spike(time, 5); }
static double many_spikes(double time, double noise) { return hiss(-30, noise) + spike(time, 50); }
static double hard_spikes(double time, double noise) { return hiss(-60, noise) + 1.6 * spike(time, 1); }

// 50 a second in a quiet room do open the gate: blocks without one keep the floor low.
static void test_spikes_are_no_speech(void) {
  CHECK(hear(some_spikes, 8).decisions == 0);
  CHECK(hear(hard_spikes, 8).decisions == 0);
  CHECK(hear(many_spikes, 8).decisions == 0);
}

// ---- noise that stays ----

static double quiet_room(double time, double noise) { return 0 * time + hiss(-60, noise); }
static double fan(double time, double noise) { return 0 * time + hiss(-30, noise); }
static double roar(double time, double noise) { return 0 * time + hiss(-10, noise); }
static double hum(double time, double noise) {
  return hiss(-60, noise) + (time > 2 ? full_scale(-30) * sqrt(2) * sin(2 * 3.14159265358979 * 150 * time) : 0);
}

static void test_noise_that_was_there_from_the_start_is_the_floor(void) {
  CHECK(hear(quiet_room, 8).decisions == 0);
  CHECK(hear(fan, 8).decisions == 0);
  CHECK(hear(roar, 8).decisions == 0);
}

static void test_a_hum_that_begins_is_taken_for_speech_for_some_seconds_and_no_longer(void) {
  const heard found = hear(hum, 12);
  CHECK(found.decisions >= 1 && found.decisions <= 7);
}

// ---- clipping ----

static double shouting(double time, double noise) { return hiss(-60, noise) + speech(time, 2, 12); }
static double shouting_into_a_fan(double time, double noise) { return hiss(-30, noise) + speech(time, 2, 12); }

static void test_speech_that_is_clipped_gets_its_decisions(void) {
  const heard found = hear(shouting, 8);
  CHECK(found.decisions >= 5 && found.first_ms <= 3600);
  CHECK(hear(shouting_into_a_fan, 8).decisions >= 5);
}

int main(void) {
  CHECK(ser_app_init(&app) == 0);
  test_a_microphone_that_settles_decides_nothing_until_somebody_speaks();
  test_a_stuck_microphone_decides_nothing();
  test_a_microphone_that_dies_is_not_decided_about_for_long();
  test_a_step_of_the_offset_is_no_speech_or_one_decision_at_most();
  test_spikes_are_no_speech();
  test_noise_that_was_there_from_the_start_is_the_floor();
  test_a_hum_that_begins_is_taken_for_speech_for_some_seconds_and_no_longer();
  test_speech_that_is_clipped_gets_its_decisions();
  return failures != 0;
}
