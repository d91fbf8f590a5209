// ser_engine.h on TensorFlow Lite Micro's interpreter: the same calls, with TFLM's kernels behind them.
#include "ser_engine.h"

#include <stdint.h>
#include <string.h>

#include "ser_model_data.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

alignas(16) uint8_t arena[SER_TENSOR_ARENA_BYTES];
tflite::MicroInterpreter *interpreter = nullptr;
int8_t seen[SER_N_FRAMES][SER_N_FEATURES];
int frames = 0;
bool begins = true;  // whether the next window has none before it

}  // namespace

int ser_engine_init(void) {
  static tflite::MicroMutableOpResolver<SER_TFLM_N_OPERATORS> resolver;
  if (interpreter == nullptr) {
#define SER_ADD_OPERATOR(name) \
  if (resolver.Add##name() != kTfLiteOk) return SER_ENGINE_NO_OPERATOR;
    SER_TFLM_OPERATORS(SER_ADD_OPERATOR)
#undef SER_ADD_OPERATOR
    static tflite::MicroInterpreter only(tflite::GetModel(g_ser_model), resolver, arena, sizeof arena);
    if (only.AllocateTensors() != kTfLiteOk) return SER_ENGINE_NO_ARENA;
    interpreter = &only;
  }
  ser_engine_reset();
  return 0;
}

void ser_engine_reset(void) {
  frames = 0;
  begins = true;
}

int ser_engine_step(const int8_t *frame, int8_t *output) {
  memcpy(seen[frames], frame, sizeof seen[0]);
  if (++frames < SER_N_FRAMES) return 0;
  frames = 0;
  return ser_engine_invoke(seen[0], output) == 0;
}

int ser_engine_invoke(const int8_t *window, int8_t *output) {
  // LSTM states outlive an invocation, but of CMSIS-NN's kernels before June 2026, with which no network goes on.
  if ((begins || !SER_STREAMING) && interpreter->Reset() != kTfLiteOk) return 1;
  begins = false;
  memcpy(interpreter->input(0)->data.int8, window, SER_N_FRAMES * SER_N_FEATURES);
  if (interpreter->Invoke() != kTfLiteOk) return 1;
  memcpy(output, interpreter->output(0)->data.int8, SER_N_LABELS);
  return 0;
}
