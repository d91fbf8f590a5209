// Standardisation by what was heard of the speaker before: online cepstral mean and variance normalisation (CMVN), as `Heard` of
// ser_tinyml/audio/standardise.py. Only a model with SER_CMVN_PRIOR_WINDOWS above 0 has it.
#ifndef SER_CMVN_H_
#define SER_CMVN_H_

#include <stdint.h>

#include "ser_model.h"

#if SER_CMVN_PRIOR_WINDOWS > 0

#ifdef __cplusplus
extern "C" {
#endif

// Begins with a speaker of whom nothing was heard.
void ser_cmvn_forget(void);

// Writes int8 [SER_N_FEATURES] of a frame, standardised by what was heard before, and adds its values, float [SER_N_FEATURES].
void ser_cmvn_write_features(const float *values, int8_t *features);

// Forgets the frames since the last window: they are of none.
void ser_cmvn_drop(void);

// The frames since are a window that was heard.
void ser_cmvn_remember(void);

#ifdef __cplusplus
}
#endif

#endif

#endif  // SER_CMVN_H_
