#include "ser_button.h"

int ser_button_update(ser_button *button, int closed, uint32_t ms) {
  if (!closed == !button->down) {
    button->agreed_ms = ms;
    return 0;
  }
  if (ms - button->agreed_ms < SER_BUTTON_SETTLE_MS) {
    return 0;
  }
  button->down = !button->down;
  button->agreed_ms = ms;
  return button->down;
}
