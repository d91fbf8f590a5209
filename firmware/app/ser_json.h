// A decision, or an error, as a line of JSON, without stdio:
// {"ms":1500,"class":"happy","uncertain":false,"probabilities":{"neutral":0.0117,"happy":0.9414,...},"rms_db":-31.2,"overruns":0}
#ifndef SER_JSON_H_
#define SER_JSON_H_

#include <stdint.h>

#include "ser_decision.h"

// What every line fits into, with as many labels, none of them longer than `label_bytes` as JSON.
#define SER_JSON_BYTES(n_labels, label_bytes) (160u + ((n_labels) + 1u) * ((label_bytes) + 16u))

#ifdef __cplusplus
extern "C" {
#endif

// Writes the line with its "\n" and a NUL into `buffer`; returns its length without the NUL, or 0 when it does not fit into
// `capacity` bytes. Labels are UTF-8 and are escaped; a number that is not finite, or 10^9 steps of its last digit or more, is null.
uint32_t ser_json_decision(const ser_decision *decision, char *buffer, uint32_t capacity);

// Writes, under the same rules, why the app can't run: {"error":"model refused: ...","code":3}, with what ser_app_init returned.
uint32_t ser_json_error(const char *reason, int code, char *buffer, uint32_t capacity);

#ifdef __cplusplus
}
#endif

#endif  // SER_JSON_H_
