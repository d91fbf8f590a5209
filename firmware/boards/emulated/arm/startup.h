// From reset to the program.
#ifndef SER_STARTUP_H_
#define SER_STARTUP_H_

// The program, which does not return: with memory set up and the FPU on.
void run_program(void);

// Any exception, which the program does not return from either.
void handle_fault(void);

#endif  // SER_STARTUP_H_
