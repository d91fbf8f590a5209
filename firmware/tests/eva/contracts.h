// For Eva: what it can't see of values that depend on one another. tests/firmware/engine/test_ser_kernels.py holds the functions to
// these contracts: the gates' for every argument.
#include <stdint.h>

/*@ requires -98304 <= argument <= 98304;
    assigns \result \from argument;
    ensures 0 <= \result <= 32767; */
static inline int32_t ser_sigmoid(int32_t argument);

/*@ assigns \result \from argument;
    ensures -32767 <= \result <= 32767; */
static inline int32_t ser_tanh(int32_t argument);
