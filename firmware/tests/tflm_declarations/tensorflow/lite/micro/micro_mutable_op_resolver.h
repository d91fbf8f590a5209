// Declarations for compile checks: see micro_interpreter.h.
#ifndef TFLM_DECLARATIONS_MICRO_MUTABLE_OP_RESOLVER_H_
#define TFLM_DECLARATIONS_MICRO_MUTABLE_OP_RESOLVER_H_

#include "tensorflow/lite/micro/micro_interpreter.h"

namespace tflite {

template <unsigned int kOperators>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  TfLiteStatus AddFullyConnected();
  TfLiteStatus AddReshape();
  TfLiteStatus AddSoftmax();
  TfLiteStatus AddStridedSlice();
  TfLiteStatus AddUnidirectionalSequenceLSTM();
};

}  // namespace tflite

#endif  // TFLM_DECLARATIONS_MICRO_MUTABLE_OP_RESOLVER_H_
