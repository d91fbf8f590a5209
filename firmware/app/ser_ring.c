#include "ser_ring.h"

#include <string.h>

void ser_ring_init(ser_ring *ring, int16_t *samples, uint32_t capacity) {
  memset(ring, 0, sizeof *ring);
  ring->samples = samples;
  ring->capacity = capacity;
}

void ser_ring_write(ser_ring *ring, const int16_t *samples, uint32_t n) {
  for (uint32_t left = n; left > 0;) {
    const uint32_t room = ring->capacity - ring->head;
    const uint32_t run = left < room ? left : room;
    memcpy(ring->samples + ring->head, samples, run * sizeof *samples);
    samples += run;
    left -= run;
    ring->head = run == room ? 0 : ring->head + run;
  }
  __atomic_store_n(&ring->written, ring->written + n, __ATOMIC_RELEASE);
}

uint32_t ser_ring_unread(const ser_ring *ring) {
  return __atomic_load_n(&ring->written, __ATOMIC_ACQUIRE) - ring->read;
}

uint32_t ser_ring_run(const ser_ring *ring, const int16_t **run) {
  *run = ring->samples + ring->tail;
  return ring->capacity - ring->tail;
}

void ser_ring_advance(ser_ring *ring, uint32_t n) {
  ring->tail = (ring->tail + n % ring->capacity) % ring->capacity;
  ring->read += n;
}

int ser_ring_holds(const ser_ring *ring, uint32_t n) {
  // The reads of the samples must not be moved behind the look at the counter.
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return ser_ring_unread(ring) + n <= ring->capacity;
}

uint32_t ser_ring_index_before(const ser_ring *ring, uint32_t n) {
  return (ring->tail + ring->capacity - n) % ring->capacity;
}
