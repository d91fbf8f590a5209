// Standardisation by what was heard of the speaker before: online cepstral mean and variance normalisation (CMVN), as `Heard` of
// ser_tinyml/audio/standardise.py. Only a model with SER_CMVN_PRIOR_WINDOWS above 0 has it.
#ifndef SER_CMVN_H_
#define SER_CMVN_H_

#include "ser_model.h"

#if SER_CMVN_PRIOR_WINDOWS > 0

#ifdef __cplusplus
extern "C" {
#endif

// Begins with a speaker of whom nothing was heard.
void ser_cmvn_forget(void);

// Returns what quantizes values: int8 = round(value * [0] + [1]), as ser_quantize, which it is before a window was heard.
const float (*ser_cmvn_quantizer(void))[2];

// Adds the values of a frame, float [SER_N_FEATURES].
void ser_cmvn_add(const float *values);

// Forgets the frames since the last window: they are of none.
void ser_cmvn_drop(void);

// The frames since are a window that was heard.
void ser_cmvn_remember(void);

#ifdef __cplusplus
}
#endif

#endif

#endif  // SER_CMVN_H_
