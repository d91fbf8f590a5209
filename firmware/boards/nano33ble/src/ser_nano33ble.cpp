#include "ser_nano33ble.h"

#include <Arduino.h>
#include <PDM.h>

#include "ser_app.h"
#include "ser_board.h"
#include "ser_button.h"
#include "ser_console.h"
#include "ser_engine.h"
#include "ser_json.h"
#include "ser_offset.h"

// Of the PDM peripheral, 0 to 80 in steps of half a dB; 40 is 0 dB. Arduino's library takes 20 by itself, and speech at a metre would not
// reach the voice gate. Not measured on a board.
#ifndef SER_PDM_GAIN
#define SER_PDM_GAIN 64
#endif

static_assert(SER_SAMPLE_RATE == 16000 || SER_SAMPLE_RATE == 41667,
              "the Nano's microphone has 16,000 or 41,667 Hz: train with such a --sample_rate");

namespace {

constexpr pin_size_t kButtonPin = 2;
constexpr int kNoMicrophone = 100;  // beside what ser_app_init returns

constexpr uint8_t kOff[3] = {0, 0, 0};
constexpr uint8_t kRed[3] = {255, 0, 0};

ser_app app;
ser_button button;
ser_offset offset;
ser_console console;

// The more often a pin is low, the brighter is its LED.
void light(const uint8_t (&colour)[3]) {
  analogWrite(LEDR, 255 - colour[0]);
  analogWrite(LEDG, 255 - colour[1]);
  analogWrite(LEDB, 255 - colour[2]);
}

void fail(const char *reason, int code) {
  const uint32_t length = ser_json_error(reason, code, console.line, sizeof console.line);
  for (;;) {
    Serial.write(console.line, length);
    light(kRed);
    delay(500);
    light(kOff);
    delay(500);
  }
}

// From the PDM interrupt. The library stops the microphone when it finds that a block was not taken, so all is always read.
void take_samples() {
  static int16_t samples[256];
  while (PDM.available() > 0) {
    const int bytes = PDM.read(samples, sizeof samples);
    const uint32_t n = static_cast<uint32_t>(bytes) / sizeof *samples;
    ser_offset_remove(&offset, samples, n);
    ser_app_write(&app, samples, n);
  }
}

}  // namespace

void ser_board_light(int32_t label) { light(label == SER_NO_LED ? kOff : ser_leds[label]); }

uint32_t ser_board_count() { return micros(); }

const char *ser_board_unit() { return "microseconds"; }

void ser_board_setup() {
  Serial.begin(115200);
  pinMode(LEDR, OUTPUT);
  pinMode(LEDG, OUTPUT);
  pinMode(LEDB, OUTPUT);
  light(kOff);
  pinMode(kButtonPin, INPUT_PULLUP);
  button.agreed_ms = millis();
  if (const int status = ser_app_init(&app)) fail(ser_engine_reason(status), status);
  PDM.onReceive(take_samples);
  if (!PDM.begin(1, SER_SAMPLE_RATE)) fail("the microphone can't be started", kNoMicrophone);
  PDM.setGain(SER_PDM_GAIN);  // behind begin(), which may set its own
  ser_console_init(&console, &app);  // the microphone stays on where the app is stopped: it takes seconds to settle
}

void ser_board_loop() {
  while (Serial.available() > 0) ser_console_read(&console, static_cast<char>(Serial.read()));
  if (ser_button_update(&button, digitalRead(kButtonPin) == LOW, millis())) ser_console_toggle(&console);
  const uint32_t length = ser_console_poll(&console);
  if (length > 0) Serial.write(console.line, length);
}
