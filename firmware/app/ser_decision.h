// What the app decides, as it is handed to a board.
#ifndef SER_DECISION_H_
#define SER_DECISION_H_

#include <stdint.h>

typedef struct {
  uint32_t label;              // index of the class
  uint32_t n_labels;           // classes
  const char *const *labels;   // [n_labels]
  const float *probabilities;  // [n_labels], smoothed
  uint32_t milliseconds;       // of audio since start, up to the end of the window
  float rms_db;                // level of the window, dB full scale
  uint32_t uncertain;          // 1 where the class's probability is below SER_REJECT_BELOW
  uint32_t overruns;           // since start: decisions dropped, or audio lost, because samples came faster than they were used
} ser_decision;

#endif  // SER_DECISION_H_
