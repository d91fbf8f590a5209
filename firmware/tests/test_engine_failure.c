// An engine that fails, as TFLM's may, gives nothing at a window's last frame: the linker puts __wrap_ser_engine_step in the place of
// the one that the app calls.

#include <string.h>

#include "check.h"
#include "ser_app.h"

int __wrap_ser_engine_step(const int8_t *frame, int8_t *output);

static ser_app app;
static uint32_t calls;

int __wrap_ser_engine_step(const int8_t *frame, int8_t *output) {
  (void)frame;
  (void)output;
  calls++;
  return 0;
}

// Noise that is much louder from the second second on, for as long as the app takes it; returns how many decisions it made.
static uint32_t listen(int seconds) {
  uint32_t decisions = 0;
  uint32_t random = 1;
  ser_decision decision;
  for (int time = 0; time < seconds * SER_SAMPLE_RATE; time++) {
    random = random * 1664525u + 1013904223u;
    const int32_t noise = (int32_t)(random >> 16) - 0x8000;
    const int16_t heard = (int16_t)(time < SER_SAMPLE_RATE ? noise / 1000 : noise / 4);
    ser_app_write(&app, &heard, 1);
    while (ser_app_poll(&app, &decision)) decisions++;
  }
  return decisions;
}

static void test_an_engine_that_fails_stops_the_app_without_a_decision(void) {
  ser_app_start(&app);
  CHECK(listen(4) == 0);
  CHECK(calls == SER_N_FRAMES && !app.running);
}

static void test_the_app_can_be_started_again(void) {
  ser_app_start(&app);
  CHECK(app.running == 1);
  CHECK(listen(4) == 0);
  CHECK(calls == 2 * SER_N_FRAMES && !app.running);
}

static void test_why_an_engine_can_not_be_started_is_said(void) {
  CHECK(strcmp(ser_engine_reason(SER_ENGINE_NO_ARENA), "arena too small: raise SER_TENSOR_ARENA_BYTES") == 0);
  CHECK(strcmp(ser_engine_reason(SER_ENGINE_NO_OPERATOR), "TFLM's resolver lacks an operator") == 0);
}

int main(void) {
  CHECK(ser_app_init(&app) == 0);
  test_why_an_engine_can_not_be_started_is_said();
  test_an_engine_that_fails_stops_the_app_without_a_decision();
  test_the_app_can_be_started_again();
  return failures != 0;
}
