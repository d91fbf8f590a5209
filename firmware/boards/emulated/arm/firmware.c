// The app as a device runs it, with nothing of a certain device: no semihosting, no stdio, no heap.
//
// For the microphone stands memory beyond an nRF52840's: uint32 n, then int16 [n] at 16 kHz, where the emulator loads a file with
// `-device loader,file=FILE,addr=SER_RECORDING_ADDRESS,force-raw=on`. Decisions go out on UART 0 as lines of JSON.

#include <string.h>

#include "ser_app.h"
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
#define UART_SEND 1u

#define AIRCR (*(volatile uint32_t *)0xe000ed0c)  // ARMv7-M: Application Interrupt and Reset Control Register
#define AIRCR_RESET 0x05fa0004u

static ser_app app;
static ser_offset offset;
static int16_t pdm_samples[PDM_SAMPLES];
static char line[SER_JSON_BYTES(SER_N_LABELS, SER_LABEL_BYTES)];

static void report_decisions(void) {
  ser_decision decision;
  while (ser_app_poll(&app, &decision)) {
    const uint32_t length = ser_json_decision(&decision, line, sizeof line);
    for (uint32_t n = 0; n < length; n++) {
      while (UART.state & UART_FULL) continue;
      UART.data = (uint8_t)line[n];
    }
  }
}

void run_program(void) {
  UART.baud_divisor = 217;  // 115,200 of 25 MHz
  UART.control = UART_SEND;
  if (ser_app_init(&app) != 0) handle_fault();
  ser_app_start(&app);
  const uint32_t length = RECORDING_LENGTH;
  for (uint32_t start = 0; start + PDM_SAMPLES <= length; start += PDM_SAMPLES) {
    memcpy(pdm_samples, RECORDING + start, sizeof pdm_samples);
    ser_offset_remove(&offset, pdm_samples, PDM_SAMPLES);
    ser_app_write(&app, pdm_samples, PDM_SAMPLES);
    report_decisions();
  }
  for (;;) __asm volatile("wfi");
}

void handle_fault(void) {
  AIRCR = AIRCR_RESET;
  for (;;) continue;
}
