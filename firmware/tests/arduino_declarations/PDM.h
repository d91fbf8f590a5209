// Declarations for compile checks, of what boards/nano33ble uses of Arduino's PDM library
// (https://docs.arduino.cc/learn/built-in-libraries/pdm): not an implementation. On the board the library's own header takes its place.
#ifndef PDM_H_
#define PDM_H_

#include <stddef.h>

class PDMClass {
 public:
  int begin(int channels, int sample_rate);
  int available();
  int read(void *buffer, size_t size);
  void setGain(int gain);
  void onReceive(void (*function)(void));
};

extern PDMClass PDM;

#endif  // PDM_H_
