#include "ser_nano33ble.h"

#include <Arduino.h>
#include <PDM.h>

#include "ser_app.h"
#include "ser_button.h"
#include "ser_json.h"
#include "ser_offset.h"

namespace {

constexpr pin_size_t kButtonPin = 2;
constexpr size_t kLineBytes = SER_JSON_BYTES(SER_N_LABELS, SER_LABEL_BYTES);

constexpr uint8_t kOff[3] = {0, 0, 0};
constexpr uint8_t kRed[3] = {255, 0, 0};

ser_app app;
ser_button button;
ser_offset offset;
uint32_t reported_overruns;

// The more often a pin is low, the brighter is its LED.
void light(const uint8_t (&colour)[3]) {
  analogWrite(LEDR, 255 - colour[0]);
  analogWrite(LEDG, 255 - colour[1]);
  analogWrite(LEDB, 255 - colour[2]);
}

void light_class(uint32_t label) { light(ser_leds[label]); }

void fail(const char *reason) {
  for (;;) {
    Serial.print("{\"error\":\"");
    Serial.print(reason);
    Serial.println("\"}");
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

// The microphone stays on meanwhile: after power-up it takes seconds to settle.
void start_or_stop() {
  if (app.running) {
    ser_app_stop(&app);
  } else {
    ser_app_start(&app);
    reported_overruns = 0;
  }
  light(kOff);
}

void obey(int command) {
  if (command == 'x') {
    start_or_stop();
  } else if (command >= 'a' && command < 'a' + SER_N_LABELS) {
    light_class(static_cast<uint32_t>(command - 'a'));
  }
}

void report(const ser_decision &decision) {
  static char line[kLineBytes];
  const uint32_t length = ser_json_decision(&decision, line, sizeof line);
  if (length == 0) fail("the model's labels are too long");
  if (decision.uncertain) {
    light(kOff);
  } else {
    light_class(decision.label);
  }
  Serial.write(line, length);
  reported_overruns = decision.overruns;
}

// An overrun leaves no decision to tell of it.
void report_overruns() {
  if (app.overruns == reported_overruns) return;
  reported_overruns = app.overruns;
  Serial.print("{\"overruns\":");
  Serial.print(static_cast<unsigned long>(reported_overruns));
  Serial.println("}");
}

}  // namespace

void ser_board_setup() {
  Serial.begin(115200);
  pinMode(LEDR, OUTPUT);
  pinMode(LEDG, OUTPUT);
  pinMode(LEDB, OUTPUT);
  light(kOff);
  pinMode(kButtonPin, INPUT_PULLUP);
  button.agreed_ms = millis();
  if (const int status = ser_app_init(&app)) fail(ser_engine_reason(status));
  PDM.onReceive(take_samples);
  if (!PDM.begin(1, SER_SAMPLE_RATE)) fail("the microphone can't be started");
  start_or_stop();
}

void ser_board_loop() {
  while (Serial.available() > 0) obey(Serial.read());
  if (ser_button_update(&button, digitalRead(kButtonPin) == LOW, millis())) start_or_stop();
  ser_decision decision;
  if (ser_app_poll(&app, &decision)) report(decision);
  report_overruns();
}
