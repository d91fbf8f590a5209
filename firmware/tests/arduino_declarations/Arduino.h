// Declarations for compile checks, of what boards/nano33ble uses of Arduino's core (https://docs.arduino.cc/language-reference):
// not an implementation. On the board the core's own header takes its place.
#ifndef ARDUINO_H_
#define ARDUINO_H_

#include <stddef.h>
#include <stdint.h>

typedef uint8_t pin_size_t;
typedef enum { LOW = 0, HIGH = 1 } PinStatus;
typedef enum { INPUT = 0, OUTPUT = 1, INPUT_PULLUP = 2 } PinMode;

// Of the variant ARDUINO_NANO33BLE: the RGB LED.
#define LEDR (22u)
#define LEDG (23u)
#define LEDB (24u)

extern "C" {
void pinMode(pin_size_t pin, PinMode mode);
void digitalWrite(pin_size_t pin, PinStatus status);
void analogWrite(pin_size_t pin, int value);
PinStatus digitalRead(pin_size_t pin);
unsigned long millis(void);
unsigned long micros(void);
void delay(unsigned long ms);
}

class USBSerial {
 public:
  void begin(unsigned long baud);
  int available();
  int read();
  size_t write(const char *buffer, size_t size);
  size_t print(const char *text);
  size_t print(unsigned long number, int base = 10);
  size_t println(const char *text);
};

extern USBSerial Serial;

#endif  // ARDUINO_H_
