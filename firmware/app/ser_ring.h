// Ring buffer of 16-bit samples: an interrupt writes, the main loop reads.
//
// The writer never waits and never asks: it overwrites the oldest sample. The reader finds out afterwards whether what it has read
// was still there while it read (`ser_ring_holds`), so nothing is ever locked. Between the two lies one word, `written`; an interrupt
// runs to its end before the main loop goes on, so the reader never meets a half-written block.
#ifndef SER_RING_H_
#define SER_RING_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int16_t *samples;
  uint32_t capacity;
  uint32_t head;     // writer: index of the next sample
  uint32_t written;  // samples so far, modulo 2^32 (75 hours at 16 kHz)
  uint32_t tail;     // reader: index of the next sample
  uint32_t read;     // samples so far, modulo 2^32
} ser_ring;

// Makes an empty ring of `capacity` samples. Nobody may write meanwhile.
void ser_ring_init(ser_ring *ring, int16_t *samples, uint32_t capacity);

// Writer: appends `n` samples.
void ser_ring_write(ser_ring *ring, const int16_t *samples, uint32_t n);

// Reader: samples written and not read yet. More than `capacity`: the oldest of them are lost.
uint32_t ser_ring_unread(const ser_ring *ring);

// Reader: points `run` at the next sample; returns how many follow it in one piece, unread or not.
uint32_t ser_ring_run(const ser_ring *ring, const int16_t **run);

// Reader: goes on by `n` samples.
void ser_ring_advance(ser_ring *ring, uint32_t n);

// Reader: whether the last `n` samples that it passed are all still there. Asked after they were used, it says whether they were intact.
int ser_ring_holds(const ser_ring *ring, uint32_t n);

// Reader: index of the sample `n` before the next one, n <= capacity.
uint32_t ser_ring_index_before(const ser_ring *ring, uint32_t n);

#ifdef __cplusplus
}
#endif

#endif  // SER_RING_H_
