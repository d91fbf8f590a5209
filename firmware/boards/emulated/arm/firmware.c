// The app as a device runs it, with nothing of a certain device: no semihosting, no stdio, no heap.
//
// For the microphone stands memory beyond an nRF52840's: uint32 n, then int16 [n] at 16 kHz, where the emulator loads a file with
// `-device loader,file=FILE,addr=SER_RECORDING_ADDRESS,force-raw=on`. UART 0 is the console's serial line.

#include <string.h>

#include "ser_app.h"
#include "ser_console.h"
#include "ser_engine.h"
#include "ser_json.h"
#include "ser_offset.h"
#include "startup.h"

#define RECORDING_LENGTH (*(const volatile uint32_t *)SER_RECORDING_ADDRESS)
#define RECORDING ((const int16_t *)(SER_RECORDING_ADDRESS + 4u))
#define PDM_SAMPLES 256  // that a microphone's driver hands over at once

// Arm's CMSDK APB UART (DDI 0479).
typedef struct {
  uint32_t data;
  uint32_t state;
  uint32_t control;
  uint32_t interrupts;
  uint32_t baud_divisor;
} cmsdk_uart;

#define UART (*(volatile cmsdk_uart *)SER_UART_ADDRESS)
#define UART_FULL 1u
#define UART_CAME 2u
#define UART_SEND 1u
#define UART_RECEIVE 2u

#define AIRCR (*(volatile uint32_t *)0xe000ed0c)  // ARMv7-M: Application Interrupt and Reset Control Register
#define AIRCR_RESET 0x05fa0004u

static ser_app app;
static ser_offset offset;
static ser_console console;
static int16_t pdm_samples[PDM_SAMPLES];

static void send(const char *line, uint32_t length) {
  for (uint32_t n = 0; n < length; n++) {
    while (UART.state & UART_FULL) continue;
    UART.data = (uint8_t)line[n];
  }
}

static void obey_and_report(void) {
  while (UART.state & UART_CAME) ser_console_read(&console, (char)UART.data);
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
  UART.baud_divisor = 217;  // 115,200 of 25 MHz
  UART.control = UART_SEND | UART_RECEIVE;
  const int status = ser_app_init(&app);
  if (status != 0) {
    send(console.line, ser_json_error(ser_engine_reason(status), status, console.line, sizeof console.line));
    for (;;) continue;  // another start would find the same
  }
  ser_console_init(&console, &app);
  for (uint32_t heard = 0;; heard = hear(heard)) obey_and_report();
}

void handle_fault(void) {
  AIRCR = AIRCR_RESET;
  for (;;) continue;
}
