#include "ser_selftest.h"

#include "ser_board.h"
#include "ser_cmvn.h"
#include "ser_engine.h"
#include "ser_frontend.h"

static uint32_t mix(uint32_t n) {
  const uint32_t mixed = (n ^ 0x5bd1e995u) * 2654435761u;
  return mixed ^ mixed >> 15;
}

// A buzz with noise, by turns for 0.2 s loud and for 0.1 s quiet.
static int16_t sound_at(uint32_t time) {
  const int32_t noise = (int32_t)(mix(time) & 0xffff) - 0x8000;
  const int32_t buzz = (int32_t)(time % 107) * 150 - 8000;
  const int loud = time % (SER_SAMPLE_RATE * 3 / 10) < SER_SAMPLE_RATE / 5;
  return (int16_t)(noise / 1000 + (loud ? buzz + noise / 16 : 0));
}

// Returns what the front end costs, without the making of the sound.
static uint32_t compute_features(ser_app *app) {
  const ser_audio audio = {app->samples, SER_RING_SAMPLES, 0};
#if SER_SHARES_FRAMES
  uint32_t cost = 0;
  ser_frontend_clear();
  for (uint32_t frame = 0; frame < SER_N_FRAMES; frame++) {
    for (uint32_t n = 0; n < SER_N_FFT; n++) app->samples[n] = sound_at(frame * SER_HOP_LENGTH + n);
    const uint32_t begin = ser_board_count();
    ser_frontend_add(&audio);
    cost += ser_board_count() - begin;
  }
  const uint32_t begin = ser_board_count();
  ser_frontend_latest(app->values);
  return cost + (ser_board_count() - begin);
#else
  for (uint32_t n = 0; n < SER_WINDOW_SAMPLES; n++) app->samples[n] = sound_at(n);
  const uint32_t begin = ser_board_count();
  ser_frontend_features(&audio, app->values);
  return ser_board_count() - begin;
#endif
}

ser_selftest ser_selftest_run(ser_app *app) {
  ser_selftest result = {0, {0}, {0}, 0, 0};
  for (uint32_t n = 0; n < sizeof app->values; n++) app->values[n] = (int8_t)((int32_t)(mix(n) % 128) - 64);
  ser_engine_reset();
  result.failed |= ser_engine_invoke(app->values, result.of_features);
#if SER_CMVN_PRIOR_WINDOWS > 0
  ser_cmvn_forget();
#endif
  result.frontend_cost = compute_features(app);
  ser_engine_reset();
  const uint32_t begin = ser_board_count();
  result.failed |= ser_engine_invoke(app->values, result.of_sound);
  result.engine_cost = ser_board_count() - begin;
  return result;
}
