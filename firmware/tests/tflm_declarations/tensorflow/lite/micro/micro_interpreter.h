// Declarations for compile checks of engine/ser_engine_tflm.cc, where TFLM's sources are not at hand: what it uses, and no more.
#ifndef TFLM_DECLARATIONS_MICRO_INTERPRETER_H_
#define TFLM_DECLARATIONS_MICRO_INTERPRETER_H_

#include <stddef.h>
#include <stdint.h>

#include "tensorflow/lite/schema/schema_generated.h"

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

struct TfLiteTensor {
  union {
    int8_t *int8;
  } data;
};

namespace tflite {

class MicroOpResolver {};

class MicroInterpreter {
 public:
  MicroInterpreter(const Model *model, const MicroOpResolver &resolver, uint8_t *arena, size_t arena_size);
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteStatus Reset();
  TfLiteTensor *input(size_t index);
  TfLiteTensor *output(size_t index);
};

}  // namespace tflite

#endif  // TFLM_DECLARATIONS_MICRO_INTERPRETER_H_
