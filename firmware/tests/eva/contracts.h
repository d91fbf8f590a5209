// For Eva: what it can't see of values that depend on one another. tests/firmware/engine/test_ser_kernels.py holds the functions to
// these contracts: the gates' for every argument.
#include "ser_kernels.h"

/*@ requires -32768 <= gate <= 32767;
    assigns \result \from gate;
    ensures 131072 <= \result <= 163839; */
static inline int32_t ser_sigmoid(ser_lines lines, int32_t gate);

/*@ requires -32768 <= gate <= 32767;
    assigns \result \from gate;
    ensures -32767 <= \result <= 32767; */
static inline int32_t ser_tanh(ser_lines lines, int32_t gate);

/*@ requires -32768 <= state <= 32767;
    assigns \result \from state, multiplier, shift;
    ensures -32767 <= \result <= 32767; */
static inline int32_t ser_tanh_of_state(ser_lines lines, int32_t state, int32_t multiplier, int shift);
