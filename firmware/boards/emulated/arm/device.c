#include "device.h"

#include <stdint.h>

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

void device_start(void) {
  UART.baud_divisor = 217;  // 115,200 of 25 MHz
  UART.control = UART_SEND | UART_RECEIVE;
}

void device_send(char character) {
  while (UART.state & UART_FULL) continue;
  UART.data = (uint8_t)character;
}

int device_receive(char *character) {
  if (!(UART.state & UART_CAME)) return 0;
  *character = (char)UART.data;
  return 1;
}

void handle_fault(void) {
  AIRCR = AIRCR_RESET;
  for (;;) continue;
}
