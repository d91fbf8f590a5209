#include "device.h"

#include <stddef.h>
#include <stdint.h>

#include "stack.h"

#define CPACR (*(volatile uint32_t *)0xe000ed88)  // ARMv7-M: Coprocessor Access Control Register
#define CPACR_FPU (0xfu << 20)                    // full access to CP10 and CP11
#define VTOR (*(volatile uint32_t *)0xe000ed08)   // Vector Table Offset Register

#define SYSTEM_EXCEPTIONS 16

extern uint32_t __data_start[], __data_end[], __bss_start[], __bss_end[];
extern const uint32_t __data_load[];
extern void (*const __init_array_start[])(void);
extern void (*const __init_array_end[])(void);

void Reset_Handler(void);

typedef union {
  uint32_t *stack;
  void (*handler)(void);
} vector;

__attribute__((section(".vectors"), aligned(128), used)) static const vector vectors[SYSTEM_EXCEPTIONS] = {
    {.stack = __stack_top},   {.handler = Reset_Handler}, {.handler = handle_fault}, {.handler = handle_fault},
    {.handler = handle_fault}, {.handler = handle_fault},  {.handler = handle_fault}, {.handler = NULL},
    {.handler = NULL},         {.handler = NULL},          {.handler = NULL},         {.handler = handle_fault},
    {.handler = handle_fault}, {.handler = NULL},          {.handler = handle_fault}, {.handler = handle_fault},
};

void Reset_Handler(void) {
  VTOR = (uint32_t)vectors;  // a processor with a secure state starts from another address than it is linked for
  CPACR |= CPACR_FPU;        // ignored where there is none
  __asm volatile("dsb\n isb" ::: "memory");
  const uint32_t *from = __data_load;
  for (uint32_t *to = __data_start; to < __data_end;) *to++ = *from++;
  for (uint32_t *to = __bss_start; to < __bss_end;) *to++ = 0;
  for (void (*const *construct)(void) = __init_array_start; construct < __init_array_end;) (*construct++)();
  run_program();
}
