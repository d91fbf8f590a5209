// QEMU's `virt`: a serial line of the kind of National's 16550, and a test device that resets the machine. Picolibc starts the
// program: it sets up memory and calls main.

#include "device.h"

#include <stdint.h>

#define UART ((volatile uint8_t *)SER_UART_ADDRESS)
#define UART_DATA 0
#define UART_STATE 5
#define UART_CAME 0x01u
#define UART_EMPTY 0x20u

#define TEST_DEVICE (*(volatile uint32_t *)0x00100000)
#define TEST_RESET 0x7777u

int main(void);

static __attribute__((interrupt("machine"), aligned(4))) void trap(void) { handle_fault(); }

int main(void) {
  __asm volatile(".option push\n .option arch, +zicsr\n csrw mtvec, %0\n .option pop" ::"r"(trap));
  run_program();
  return 0;
}

void device_start(void) {}

void device_send(char character) {
  while (!(UART[UART_STATE] & UART_EMPTY)) continue;
  UART[UART_DATA] = (uint8_t)character;
}

int device_receive(char *character) {
  if (!(UART[UART_STATE] & UART_CAME)) return 0;
  *character = (char)UART[UART_DATA];
  return 1;
}

void handle_fault(void) {
  TEST_DEVICE = TEST_RESET;
  for (;;) continue;
}
