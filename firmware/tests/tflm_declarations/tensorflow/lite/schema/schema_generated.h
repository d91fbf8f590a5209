// Declarations for compile checks: see ../micro/micro_interpreter.h.
#ifndef TFLM_DECLARATIONS_SCHEMA_GENERATED_H_
#define TFLM_DECLARATIONS_SCHEMA_GENERATED_H_

namespace tflite {

struct Model;
const Model *GetModel(const void *buffer);

}  // namespace tflite

#endif  // TFLM_DECLARATIONS_SCHEMA_GENERATED_H_
