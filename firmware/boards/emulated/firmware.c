// The app as a device runs it, with nothing of a certain device: no semihosting, no stdio, no heap.
//
// For the microphone stands memory beyond an nRF52840's: uint32 n, then int16 [n] at 16 kHz, where the emulator loads a file with
// `-device loader,file=FILE,addr=SER_RECORDING_ADDRESS,force-raw=on`. The console's serial line is the machine's (device.h).

#include <string.h>

#include "device.h"
#include "ser_app.h"
#include "ser_console.h"
#include "ser_engine.h"
#include "ser_json.h"
#include "ser_offset.h"

#define RECORDING_LENGTH (*(const volatile uint32_t *)SER_RECORDING_ADDRESS)
#define RECORDING ((const int16_t *)(SER_RECORDING_ADDRESS + 4u))
#define PDM_SAMPLES 256  // that a microphone's driver hands over at once

static ser_app app;
static ser_offset offset;
static ser_console console;
static int16_t pdm_samples[PDM_SAMPLES];

static void send(const char *line, uint32_t length) {
  for (uint32_t n = 0; n < length; n++) device_send(line[n]);
}

static void obey_and_report(void) {
  for (char character; device_receive(&character);) ser_console_read(&console, character);
  for (uint32_t length; (length = ser_console_poll(&console)) > 0;) send(console.line, length);
}

// Hears the next samples of the recording, of which so many were heard: all again where the app was started. Returns how many now.
static uint32_t hear(uint32_t heard) {
  const uint32_t begin = app.ring.written == 0 ? 0 : heard;
  if (begin + PDM_SAMPLES > RECORDING_LENGTH) return begin;
  memcpy(pdm_samples, RECORDING + begin, sizeof pdm_samples);
  ser_offset_remove(&offset, pdm_samples, PDM_SAMPLES);
  ser_app_write(&app, pdm_samples, PDM_SAMPLES);
  return begin + PDM_SAMPLES;
}

void run_program(void) {
  device_start();
  const int status = ser_app_init(&app);
  if (status != 0) {
    send(console.line, ser_json_error(ser_engine_reason(status), status, console.line, sizeof console.line));
    for (;;) continue;  // another start would find the same
  }
  ser_console_init(&console, &app);
  for (uint32_t heard = 0;; heard = hear(heard)) obey_and_report();
}
