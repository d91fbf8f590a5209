// Frama-C's Eva: a ring buffer of any capacity up to CAPACITY, written and read in any pieces, whatever its counters are.
#include "__fc_builtin.h"
#include "ser_ring.h"

enum { CAPACITY = 64, LARGEST_PIECE = 100 };

static int16_t samples[CAPACITY];
static int16_t piece[LARGEST_PIECE];

int main(void) {
  ser_ring ring;
  const uint32_t capacity = Frama_C_unsigned_int_interval(1, CAPACITY);
  ser_ring_init(&ring, samples, capacity);
  ring.written = ring.read = Frama_C_unsigned_int_interval(0, UINT32_MAX);
  while (Frama_C_interval(0, 1)) {
    const int16_t *run;
    ser_ring_write(&ring, piece, Frama_C_unsigned_int_interval(0, LARGEST_PIECE));
    const uint32_t length = ser_ring_run(&ring, &run);
    int16_t heard = *run;
    (void)heard;
    const uint32_t unread = ser_ring_unread(&ring);
    ser_ring_advance(&ring, length < unread ? length : unread);
    if (ser_ring_holds(&ring, 1)) ser_ring_index_before(&ring, Frama_C_unsigned_int_interval(0, capacity));
  }
  return 0;
}
