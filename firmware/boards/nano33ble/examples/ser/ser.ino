// Emotion from speech on an Arduino Nano 33 BLE Sense.
//
// Listens from the start. A push button between D2 and GND, or `x` on the serial port (115200 baud), stops and starts it; `a` to `d`
// light the LED as the first to fourth class would. Each decision is a line of JSON on the serial port and a colour of the RGB LED:
// neutral blue, happy green, surprise yellow, unpleasant red.

#include <ser_nano33ble.h>

void setup() { ser_board_setup(); }

void loop() { ser_board_loop(); }
