#include "ser_board.h"

#include <stddef.h>

__attribute__((weak)) void ser_board_light(int32_t label) { (void)label; }

__attribute__((weak)) uint32_t ser_board_count(void) { return 0; }

__attribute__((weak)) const char *ser_board_unit(void) { return NULL; }
