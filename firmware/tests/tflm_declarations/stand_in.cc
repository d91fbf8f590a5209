// Definitions for link checks: they end the program, by what TFLM's library refers to.
#include <stdlib.h>

#include "ser_model_data.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

namespace {

TfLiteStatus end() {
  free(malloc(1));
  abort();
}

}  // namespace

namespace tflite {

const Model *GetModel(const void *) { return nullptr; }

MicroInterpreter::MicroInterpreter(const Model *, const MicroOpResolver &, uint8_t *, size_t) {}
TfLiteStatus MicroInterpreter::AllocateTensors() { return kTfLiteError; }
TfLiteStatus MicroInterpreter::Invoke() { return end(); }
TfLiteStatus MicroInterpreter::Reset() { return end(); }
TfLiteTensor *MicroInterpreter::input(size_t) { return nullptr; }
TfLiteTensor *MicroInterpreter::output(size_t) { return nullptr; }

#define DEFINE(name)               \
  template <unsigned int kOperators> \
  TfLiteStatus MicroMutableOpResolver<kOperators>::Add##name() { return kTfLiteOk; }
DEFINE(FullyConnected)
DEFINE(Reshape)
DEFINE(Softmax)
DEFINE(StridedSlice)
DEFINE(UnidirectionalSequenceLSTM)

template class MicroMutableOpResolver<SER_TFLM_N_OPERATORS>;

}  // namespace tflite
