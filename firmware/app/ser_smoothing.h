// Smoothing over decisions: the mean of the last ones' quantized outputs. The sums are integers, so nothing drifts.
#ifndef SER_SMOOTHING_H_
#define SER_SMOOTHING_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int8_t *outputs;     // [depth][n_outputs], a ring
  uint32_t depth;      // decisions that are averaged
  uint32_t n_outputs;  // classes
  uint32_t count;      // decisions held, at most `depth`
  uint32_t next;       // row of the next one
} ser_smoothing;

// Makes a smoothing over nothing yet; `outputs` is room for int8 [depth][n_outputs].
void ser_smoothing_init(ser_smoothing *smoothing, int8_t *outputs, uint32_t depth, uint32_t n_outputs);

// Forgets all decisions.
void ser_smoothing_clear(ser_smoothing *smoothing);

// Takes in int8 [n_outputs], the engine's output.
void ser_smoothing_add(ser_smoothing *smoothing, const int8_t *output);

// Writes the means as float [n_outputs] probabilities, scale * (output - zero_point); returns the index of the largest, the lowest
// of several. At least one decision must have been added.
uint32_t ser_smoothing_mean(const ser_smoothing *smoothing, float scale, int32_t zero_point, float *probabilities);

#ifdef __cplusplus
}
#endif

#endif  // SER_SMOOTHING_H_
