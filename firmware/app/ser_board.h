// What a board does for the console. A board that leaves one of these out has no light, or can't count.
#ifndef SER_BOARD_H_
#define SER_BOARD_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SER_NO_LED (-1)

// Lights the colour of a class, or nothing for SER_NO_LED.
void ser_board_light(int32_t label);

// Returns how many units there were so far, modulo 2^32, and what a unit is: "instructions", "microseconds"; NULL without a counter.
uint32_t ser_board_count(void);
const char *ser_board_unit(void);

#ifdef __cplusplus
}
#endif

#endif  // SER_BOARD_H_
