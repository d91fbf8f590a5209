// Frama-C's Eva: one step of a ring buffer of any capacity up to CAPACITY, from any state, in any piece; behind it the state is one
// of those again. The counters may be anywhere, too.
#include "__fc_builtin.h"
#include "ser_ring.h"

enum { CAPACITY = 4, LARGEST_PIECE = 10 };

static int16_t samples[CAPACITY];
static int16_t piece[LARGEST_PIECE];

static void step(uint32_t capacity, uint32_t place, uint32_t n) {
  ser_ring ring;
  ser_ring_init(&ring, samples, capacity);
  ring.head = place;
  ring.written = Frama_C_unsigned_int_interval(0, UINT32_MAX);
  ser_ring_write(&ring, piece, n);
  //@ assert head_is_inside: ring.head < ring.capacity;
  ring.tail = place;
  ring.read = Frama_C_unsigned_int_interval(0, UINT32_MAX);
  const int16_t *run;
  const uint32_t length = ser_ring_run(&ring, &run);
  const int16_t sum = (int16_t)(run[0] / 2 + run[length - 1] / 2);
  (void)sum;
  ser_ring_advance(&ring, n);
  //@ assert tail_is_inside: ring.tail < ring.capacity;
  if (n <= capacity) {
    const uint32_t index = ser_ring_index_before(&ring, n);
    //@ assert index_is_inside: index < capacity;
  }
  ser_ring_unread(&ring);
  ser_ring_holds(&ring, n);
}

int main(void) {
  for (uint32_t capacity = 1; capacity <= CAPACITY; ++capacity) {
    for (uint32_t place = 0; place < capacity; ++place) {
      for (uint32_t n = 0; n <= LARGEST_PIECE; ++n) step(capacity, place, n);
    }
  }
  return 0;
}
