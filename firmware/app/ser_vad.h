// Voice-activity gate on energy, fed with the level of each block of 20 ms.
//
// The noise floor is the lowest level of the last 3 to 3.5 s (minimum statistics: speech pauses, noise does not), so noise that
// stays opens the gate for that long at most. The gate opens when SER_VAD_OPEN_BLOCKS blocks in a row lie SER_VAD_OPEN_DB above the
// floor, and closes when none has been SER_VAD_CLOSE_DB above it for SER_VAD_HANGOVER_BLOCKS blocks.
#ifndef SER_VAD_H_
#define SER_VAD_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SER_VAD_BLOCKS_PER_SECOND 50
#define SER_VAD_OPEN_DB 12.0f
#define SER_VAD_CLOSE_DB 8.0f
#define SER_VAD_QUIETEST_DB (-70.0f)  // dB full scale: a floor is never taken to be lower
#define SER_VAD_OPEN_BLOCKS 4
#define SER_VAD_HANGOVER_BLOCKS 25
#define SER_VAD_MINIMA 7
#define SER_VAD_BLOCKS_PER_MINIMUM 25

typedef struct {
  int open;
  float floor_db;                // dB full scale
  float minima[SER_VAD_MINIMA];  // lowest levels of the last stretches of SER_VAD_BLOCKS_PER_MINIMUM blocks
  uint32_t blocks;               // so far
  uint32_t loud_blocks;          // in a row, while closed
  uint32_t quiet_blocks;         // in a row, while open
} ser_vad;

// Closes the gate and forgets the noise floor.
void ser_vad_init(ser_vad *vad);

// Takes the level of the next block, in dB full scale; returns whether the gate is open.
int ser_vad_update(ser_vad *vad, float level_db);

#ifdef __cplusplus
}
#endif

#endif  // SER_VAD_H_
