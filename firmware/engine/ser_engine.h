// The engine: runs the model, features in and probabilities out. This is all that a program needs to call.
//
//   int8_t features[SER_N_FRAMES * SER_N_FEATURES];         // what ser_frontend_features() makes of a window of sound
//   int8_t output[SER_N_LABELS];
//   if (ser_engine_init() != 0) handle_fault();
//   if (ser_engine_invoke(features, output) == 0) {
//     // probability of ser_labels[n] = SER_OUTPUT_SCALE * (output[n] - SER_OUTPUT_ZERO_POINT)
//   }
//
// Sizes, scales and labels are those of one model: ser_model.h, which is generated with it. Behind the functions are either the
// layers in the generated ser_model.c, or TFLM's interpreter (ser_engine_tflm.cc).
//
// There is one engine; its state is static, so only one thread may use it at a time, and not an interrupt beside it. It allocates
// nothing. All functions but ser_engine_init need it to have been called.
#ifndef SER_ENGINE_H_
#define SER_ENGINE_H_

#include <stdint.h>

#include "ser_model.h"

#ifdef __cplusplus
extern "C" {
#endif

// What ser_engine_init returns where TFLM's interpreter can't be prepared, or where the model that lies apart from the code
// (ser_apart.h) is none that this code may run.
enum {
  SER_ENGINE_NO_OPERATOR = 1,
  SER_ENGINE_NO_ARENA = 2,
  SER_ENGINE_NO_MODEL = 3,
  SER_ENGINE_MODEL_VERSION = 4,
  SER_ENGINE_MODEL_SHAPE = 5,
  SER_ENGINE_MODEL_DAMAGED = 6,
};

// Prepares the engine; may be called again. Returns 0, or a reason, which ser_engine_reason words: then nothing else may be called.
int ser_engine_init(void);

static inline const char *ser_engine_reason(int status) {
  switch (status) {
    case SER_ENGINE_NO_ARENA: return "arena too small: raise SER_TENSOR_ARENA_BYTES";
    case SER_ENGINE_NO_MODEL: return "model refused: there is none in its section";
    case SER_ENGINE_MODEL_VERSION: return "model refused: its format has another version than this firmware's";
    case SER_ENGINE_MODEL_SHAPE: return "model refused: it has other layers, labels or features than this firmware";
    case SER_ENGINE_MODEL_DAMAGED: return "model refused: it is damaged, its checksum is wrong";
    default: return "TFLM's resolver lacks an operator";
  }
}

// Forgets all frames: the next one is the first of a window. Where SER_STREAMING is 1 the network goes on from window to window, and
// this is called where an utterance begins.
void ser_engine_reset(void);

// Takes the next frame, int8 [SER_N_FEATURES], and does its part of the work at once, so that a window's last frame does not take long.
// Returns 1 where it was the last of SER_N_FRAMES: then `output` is int8 [SER_N_LABELS], and the next frame begins a new window,
// without a reset. Else returns 0, and `output` is not touched. With TFLM's interpreter all work is done at the last frame.
int ser_engine_step(const int8_t *frame, int8_t *output);

// Takes a whole window, int8 [SER_N_FRAMES][SER_N_FEATURES], to `output`, int8 [SER_N_LABELS]. Forgets frames that were taken before,
// but where SER_STREAMING is 1: there they must be whole windows. Returns 0, or 1 where TFLM's interpreter fails.
int ser_engine_invoke(const int8_t *window, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif  // SER_ENGINE_H_
