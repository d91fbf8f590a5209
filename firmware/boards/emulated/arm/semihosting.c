// A program that takes arguments, prints, reads and writes files, and exits, all through the emulator's host (Arm's "Semihosting
// for AArch32 and AArch64"); newlib's librdimon does the files.

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

#define SYS_WRITE0 0x04
#define SYS_GET_CMDLINE 0x15
#define LARGEST_COMMAND_LINE 1024
#define MOST_ARGUMENTS 8

extern char end[], __heap_end[];

int main(int argc, char **argv);
void initialise_monitor_handles(void);
void *_sbrk(ptrdiff_t increment);

static int semihosting_call(int operation, void *parameters) {
  register int number __asm("r0") = operation;
  register void *block __asm("r1") = parameters;
  __asm volatile("bkpt 0xab" : "+r"(number) : "r"(block) : "memory");
  return number;
}

// The emulator joins its arguments with spaces; so none may have one inside.
void run_program(void) {
  initialise_monitor_handles();
  static char line[LARGEST_COMMAND_LINE];
  struct {
    char *buffer;
    uint32_t size;
  } command_line = {line, sizeof line};
  if (semihosting_call(SYS_GET_CMDLINE, &command_line) != 0) {
    fprintf(stderr, "the command line is longer than %u bytes\n", (unsigned)sizeof line - 1);
    exit(EXIT_FAILURE);
  }
  static char *arguments[MOST_ARGUMENTS + 1];
  int n = 0;
  for (char *word = strtok(line, " "); word != NULL && n < MOST_ARGUMENTS; word = strtok(NULL, " ")) arguments[n++] = word;
  exit(main(n, arguments));
}

// Newlib's own wants the stack above the heap.
void *_sbrk(ptrdiff_t increment) {
  static char *free_bytes = end;
  if (increment > __heap_end - free_bytes) return (void *)-1;
  free_bytes += increment;
  return free_bytes - increment;
}

// The stack may be what has failed, so it begins anew.
__attribute__((naked)) void handle_fault(void) {
  __asm volatile("ldr r0, =__stack_top\n msr msp, r0\n b report_fault");
}

__attribute__((noreturn, used)) static void report_fault(void) {
  static char message[] = "fault: the processor met an exception (is the stack too small?)\n";
  semihosting_call(SYS_WRITE0, message);
  _Exit(EXIT_FAILURE);
}
