// The whole device: any sound, in pieces of any size, with polls, stops and starts between them. What it says must be sound, fit its
// line of JSON, and, where no sample was lost, not depend on the pieces.
//
// Input: uint32, little-endian, samples that the ring buffer has seen before; then pieces of sound: what it is (sound_kind), how loud,
// how long, and bits (piece_bits), uint8 each. A piece of PIECE_SAMPLES takes its samples, int8, from what follows it.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ser_app.h"
#include "ser_json.h"
#include "ser_offset.h"

typedef enum { SILENCE, NOISE, BUZZ, STUCK, SPIKES, SAMPLES, N_KINDS } sound_kind;

enum { STOP = 1, START = 2, NO_POLL = 4, ONE_POLL = 8 };  // piece_bits: behind its samples

enum { HEADER = 4, PIECE = 4, LARGEST_PIECE = 255 * 64, MOST_SAMPLES = 12 * SER_SAMPLE_RATE, MOST_DECISIONS = 64 };

typedef struct {
  uint32_t n;
  ser_decision decisions[MOST_DECISIONS];
  float probabilities[MOST_DECISIONS][SER_N_LABELS];
} record;

static ser_app app;
static ser_offset offset;
static int16_t sound[MOST_SAMPLES];  // all that the app was given
static uint32_t n_sound;
static uint32_t begin;  // where the app was started last

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(int condition) {
  if (!condition) abort();
}

static void check(const ser_decision *decision, uint32_t heard) {
  require(decision->label < SER_N_LABELS && decision->n_labels == SER_N_LABELS && decision->labels == ser_labels);
  float sum = 0;
  for (uint32_t k = 0; k < SER_N_LABELS; k++) {
    const float probability = decision->probabilities[k];
    require(probability >= 0.0f && probability <= 1.0f && probability <= decision->probabilities[decision->label]);
    sum += probability;
  }
  require(sum > 0.9f && sum < 1.1f);
  require(decision->rms_db >= -101.2f && decision->rms_db <= 0.01f);
  require((uint64_t)decision->milliseconds * SER_SAMPLE_RATE <= (uint64_t)heard * 1000);
  require(decision->overruns == app.overruns);
  static char line[SER_JSON_BYTES(SER_N_LABELS, SER_LABEL_BYTES)];
  const uint32_t length = ser_json_decision(decision, line, sizeof line);
  require(length > 0 && line[length - 1] == '\n' && strlen(line) == length);
}

static int poll_once(record *found) {
  ser_decision decision;
  if (!ser_app_poll(&app, &decision)) return 0;
  check(&decision, n_sound - begin);
  if (found->n < MOST_DECISIONS) {
    memcpy(found->probabilities[found->n], decision.probabilities, sizeof found->probabilities[0]);
    found->decisions[found->n++] = decision;
  }
  return 1;
}

static void start(uint32_t seen) {
  ser_app_start(&app);
  app.ring.written = app.ring.read = seen;
  offset = (ser_offset){0};
  begin = n_sound;
}

// Writes a piece's samples to `sound`; returns how many bytes behind the piece it took.
static size_t make_sound(const uint8_t *piece, size_t left) {
  const sound_kind kind = piece[0] % N_KINDS;
  const int32_t loudness = 1 << piece[1] % 16;
  uint32_t n = piece[2] * 64u;
  if (kind == SAMPLES) n = piece[2] < left ? piece[2] : (uint32_t)left;
  const size_t taken = kind == SAMPLES ? n : 0;
  if (n > MOST_SAMPLES - n_sound) n = MOST_SAMPLES - n_sound;
  static uint32_t random;
  random = n_sound;
  for (uint32_t i = 0; i < n; i++) {
    random = random * 1664525u + 1013904223u;
    const int32_t noise = (int32_t)(random >> 16) % (2 * loudness) - loudness;
    int32_t value = 0;
    if (kind == NOISE) value = noise;
    if (kind == BUZZ) value = (int32_t)(n_sound % 107) * loudness / 53 - loudness + noise / 16;
    if (kind == STUCK) value = piece[1] & 16 ? loudness : -loudness;
    if (kind == SPIKES) value = n_sound % 1000 < 2 ? loudness : 0;
    if (kind == SAMPLES) value = (int8_t)piece[PIECE + i] * loudness / 64;
    sound[n_sound++] = (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
  }
  return taken;
}

static void write(const int16_t *samples, uint32_t n) {
  static int16_t centred[LARGEST_PIECE];
  memcpy(centred, samples, n * sizeof *samples);
  ser_offset_remove(&offset, centred, n);
  ser_app_write(&app, centred, n);
}

// The same sound as a board would give it.
static void hear_again(record *found, uint32_t seen) {
  const uint32_t end = n_sound;
  n_sound = 0;
  start(seen);
  while (n_sound < end) {
    const uint32_t n = end - n_sound < 256 ? end - n_sound : 256;
    write(sound + n_sound, n);
    n_sound += n;
    while (poll_once(found)) continue;
  }
}

static int is_same(const record *a, const record *b) {
  if (a->n != b->n) return 0;
  for (uint32_t i = 0; i < a->n; i++) {
    const ser_decision *one = &a->decisions[i];
    const ser_decision *other = &b->decisions[i];
    if (one->label != other->label || one->milliseconds != other->milliseconds || one->uncertain != other->uncertain) return 0;
    if (memcmp(&one->rms_db, &other->rms_db, sizeof one->rms_db) != 0) return 0;
    if (memcmp(a->probabilities[i], b->probabilities[i], sizeof a->probabilities[i]) != 0) return 0;
  }
  return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  static record found;
  static record again;
  uint32_t seen;
  if (size < HEADER + PIECE) return -1;
  memcpy(&seen, bytes, sizeof seen);
  found.n = again.n = n_sound = 0;
  require(ser_app_init(&app) == 0);
  start(seen);
  int is_whole = 1;  // the app has heard all, and was asked for all
  for (size_t place = HEADER; place + PIECE <= size && n_sound < MOST_SAMPLES;) {
    const uint8_t *piece = bytes + place;
    const uint32_t first = n_sound;
    place += PIECE + make_sound(piece, size - place - PIECE);
    write(sound + first, n_sound - first);
    if (piece[3] & (STOP | START)) is_whole = 0;
    if (piece[3] & STOP) ser_app_stop(&app);
    if (piece[3] & START) start(seen);
    if (piece[3] & ONE_POLL) poll_once(&found);
    if (!(piece[3] & (NO_POLL | ONE_POLL))) {
      while (poll_once(&found)) continue;
    }
  }
  while (poll_once(&found)) continue;
  if (is_whole && app.overruns == 0) {
    hear_again(&again, seen);
    require(app.overruns == 0 && is_same(&found, &again));
  }
  return 0;
}
