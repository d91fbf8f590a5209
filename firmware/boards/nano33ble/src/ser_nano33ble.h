// The app on an Arduino Nano 33 BLE Sense: PDM microphone, RGB LED, push button, serial port.
#ifndef SER_NANO33BLE_H_
#define SER_NANO33BLE_H_

// Starts everything. Where the microphone or the engine can't be started it blinks red, writes {"error":...} lines, and stays there.
void ser_board_setup();

// One turn: commands and button, then the audio up to the next decision.
void ser_board_loop();

#endif  // SER_NANO33BLE_H_
