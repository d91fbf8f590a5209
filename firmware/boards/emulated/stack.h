// The stack, as the linker script has it: it grows from its top down to its limit.
#ifndef SER_STACK_H_
#define SER_STACK_H_

#include <stdint.h>

extern uint32_t __stack_limit[];
extern uint32_t __stack_top[];

#endif  // SER_STACK_H_
