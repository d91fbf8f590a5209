// The files of a replay: what goes in, and what comes out. Little-endian, packed; n_features = frames * coefficients.
//
// Vectors: vectors_header, then `count` records of
//   uint8 begins                 whether the window begins an utterance: elsewhere a network that goes on keeps its state
//   int16 samples[window_samples]
//   int8  features[n_features]   Python's, quantized
//   int8  output[n_outputs]      TFLM's for these features
//
// Results: results_header, then `count` records of
//   int8 features[n_features]               from the samples
//   int8 output_from_features[n_outputs]    the engine's for the vectors' features: must be TFLM's bits
//   int8 output_from_audio[n_outputs]       the engine's for the features from the samples
//   uint32 frontend_cost, engine_cost       instructions; on the host nanoseconds
// then results_footer.
#ifndef SER_VECTORS_H_
#define SER_VECTORS_H_

#include <stdint.h>

#define VECTORS_MAGIC "SERV"
#define RESULTS_MAGIC "SERR"
#define VECTORS_VERSION 2

typedef struct {
  char magic[4];
  uint32_t version;
  uint32_t count;
  uint32_t window_samples;
  uint32_t n_features;
  uint32_t n_outputs;
} vectors_header;

typedef struct {
  char magic[4];
  uint32_t version;
  uint32_t count;
} results_header;

// High-water marks of the stack in bytes, 0 on the host.
typedef struct {
  uint32_t stack_bytes;  // while front end and engine ran
  uint32_t engine_stack_bytes;
} results_footer;

_Static_assert(sizeof(vectors_header) == 24 && sizeof(results_header) == 12 && sizeof(results_footer) == 8, "packed");

#endif  // SER_VECTORS_H_
