// From reset to the program.
#ifndef SER_STARTUP_H_
#define SER_STARTUP_H_

#include <stdint.h>

// The stack: see linker.ld.
extern uint32_t __stack_limit[];
extern uint32_t __stack_top[];

// The program, which does not return: with memory set up and the FPU on.
void run_program(void);

// Any exception, which the program does not return from either.
void handle_fault(void);

#endif  // SER_STARTUP_H_
