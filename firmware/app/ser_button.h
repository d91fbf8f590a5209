// Debouncing of a push button.
#ifndef SER_BUTTON_H_
#define SER_BUTTON_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SER_BUTTON_SETTLE_MS 20  // contacts bounce for up to some 10 ms

typedef struct {
  int down;            // settled state
  uint32_t agreed_ms;  // when the contact last agreed with it
} ser_button;

// Takes the contact's state at a time in ms (modulo 2^32). Returns 1 once for each press, when the contact has been closed for
// SER_BUTTON_SETTLE_MS, else 0. A button begins as {0, now}.
int ser_button_update(ser_button *button, int closed, uint32_t ms);

#ifdef __cplusplus
}
#endif

#endif  // SER_BUTTON_H_
