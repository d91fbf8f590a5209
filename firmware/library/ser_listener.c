#include "ser_listener.h"

#include <stdlib.h>
#include <string.h>

#include "ser_app.h"
#include "ser_offset.h"
#include "ser_selftest.h"

#define PIECE_SAMPLES 256  // as a microphone's driver hands them over

struct ser_listener {
  ser_app app;
  ser_offset offset;
};

static int32_t take_decision(ser_listener *listener, ser_heard *heard);

ser_listener *ser_listener_new(void) {
  ser_listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL) return NULL;
  if (ser_app_init(&listener->app) != 0) {
    free(listener);
    return NULL;
  }
  ser_app_start(&listener->app);
  return listener;
}

void ser_listener_delete(ser_listener *listener) { free(listener); }

uint32_t ser_listener_hear(ser_listener *listener, const int16_t *samples, uint32_t n, ser_heard *heard, int32_t *decided) {
  *decided = take_decision(listener, heard);
  uint32_t taken = 0;
  while (!*decided && taken < n) {
    int16_t piece[PIECE_SAMPLES];
    const uint32_t left = n - taken;
    const uint32_t length = left < PIECE_SAMPLES ? left : PIECE_SAMPLES;
    memcpy(piece, samples + taken, length * sizeof *samples);
    ser_offset_remove(&listener->offset, piece, length);
    ser_app_write(&listener->app, piece, length);
    taken += length;
    *decided = take_decision(listener, heard);
  }
  return taken;
}

int32_t ser_listener_hears_speech(const ser_listener *listener) { return listener->app.vad.open; }

int32_t ser_listener_selftest(ser_listener *listener, int8_t *of_features, int8_t *of_sound) {
  ser_app_stop(&listener->app);
  const ser_selftest result = ser_selftest_run(&listener->app);
  memcpy(of_features, result.of_features, sizeof result.of_features);
  memcpy(of_sound, result.of_sound, sizeof result.of_sound);
  ser_app_start(&listener->app);
  return result.failed;
}

static int32_t take_decision(ser_listener *listener, ser_heard *heard) {
  ser_decision decision;
  if (!ser_app_poll(&listener->app, &decision)) return 0;
  heard->label = decision.label;
  heard->uncertain = decision.uncertain;
  heard->milliseconds = decision.milliseconds;
  heard->rms_db = decision.rms_db;
  memcpy(heard->probabilities, decision.probabilities, sizeof heard->probabilities);
  return 1;
}
