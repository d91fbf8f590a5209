// For Eva, in the place of CMSIS-DSP's: a transform in place, of finite numbers. Its code is not looked at.
#ifndef TRANSFORM_FUNCTIONS_H_
#define TRANSFORM_FUNCTIONS_H_

#include <stdint.h>

typedef struct {
  uint16_t fftLen;
  const float *pTwiddle;
} arm_cfft_instance_f32;

static const float twiddleCoef_1024[2];

/*@ requires \valid(values + (0 .. 2 * transform->fftLen - 1));
    assigns values[0 .. 2 * transform->fftLen - 1] \from values[0 .. 2 * transform->fftLen - 1];
    ensures \forall integer i; 0 <= i < 2 * transform->fftLen ==> \is_finite(values[i]) && -1e9 <= values[i] <= 1e9; */
void arm_cfft_f32(const arm_cfft_instance_f32 *transform, float *values, uint8_t inverse, uint8_t reversed);

#endif  // TRANSFORM_FUNCTIONS_H_
