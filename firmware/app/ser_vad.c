#include "ser_vad.h"

#include <string.h>

static float track_floor(ser_vad *vad, float level_db);

void ser_vad_init(ser_vad *vad) {
  memset(vad, 0, sizeof *vad);  // minima of 0 dB: nothing is louder
}

int ser_vad_update(ser_vad *vad, float level_db) {
  vad->floor_db = track_floor(vad, level_db);
  const float above = level_db - vad->floor_db;
  if (vad->open) {
    vad->quiet_blocks = above < SER_VAD_CLOSE_DB ? vad->quiet_blocks + 1 : 0;
    vad->open = vad->quiet_blocks < SER_VAD_HANGOVER_BLOCKS;
    vad->loud_blocks = 0;
  } else {
    vad->loud_blocks = above < SER_VAD_OPEN_DB ? 0 : vad->loud_blocks + 1;
    vad->open = vad->loud_blocks >= SER_VAD_OPEN_BLOCKS;
    vad->quiet_blocks = 0;
  }
  return vad->open;
}

// The lowest of all stretches' minima; the oldest stretch is replaced when a new one begins.
static float track_floor(ser_vad *vad, float level_db) {
  float *minimum = &vad->minima[vad->blocks / SER_VAD_BLOCKS_PER_MINIMUM % SER_VAD_MINIMA];
  const int begins = vad->blocks++ % SER_VAD_BLOCKS_PER_MINIMUM == 0;
  *minimum = begins || level_db < *minimum ? level_db : *minimum;

  float floor = vad->minima[0];
  for (uint32_t i = 1; i < SER_VAD_MINIMA; i++) {
    floor = vad->minima[i] < floor ? vad->minima[i] : floor;
  }
  return floor > SER_VAD_QUIETEST_DB ? floor : SER_VAD_QUIETEST_DB;
}
