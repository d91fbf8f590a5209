// Replays vectors through front end and engine; the same on host and board.
//
//   PROGRAM --replay VECTORS RESULTS   writes what came out
//   PROGRAM --golden VECTORS           compares with what the vectors say, and fails where it differs
#ifndef SER_REPLAY_H_
#define SER_REPLAY_H_

#include <stdint.h>

typedef struct {
  uint32_t cost;         // instructions; on the host nanoseconds
  uint32_t stack_bytes;  // high-water mark; on the host 0
} replay_measurement;

// Runs `work` and tells what it took.
typedef replay_measurement replay_measure(void (*work)(void));

// Does what the arguments say: 0, or 1 after one line on stderr that says what is wrong.
int replay(int argc, char **argv, replay_measure *measure);

#endif  // SER_REPLAY_H_
