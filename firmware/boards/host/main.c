// ser_host FILE.wav prints what the model hears, as JSON; ser_host --listen FILE.wav prints what a board that is left running decides,
// a line of JSON a decision; ser_host --replay and --golden: see boards/replay.h.

#define _POSIX_C_SOURCE 199309L

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "replay.h"
#include "ser_app.h"
#include "ser_engine.h"
#include "ser_frontend.h"
#include "ser_json.h"
#include "ser_model.h"
#include "ser_offset.h"
#include "ser_windows.h"
#include "speech.h"
#include "wav.h"

#define PDM_SAMPLES 256

typedef struct {
  uint32_t n_windows;
  double votes[SER_N_LABELS];  // sums of the windows' probabilities
  uint64_t frontend_ns;
  uint64_t engine_ns;
} report;

static uint8_t *read_file(const char *name, size_t *size);
static int hear(const char *name, int (*work)(const wav *file));
static int listen(const wav *file);
static int classify(const wav *file);
static bool classify_windows(const int16_t *samples, uint32_t n, report *so_far);
static bool classify_window(const int16_t *recording, uint32_t n_samples, uint32_t start, report *so_far);
static void print_summary(const report *whole);
static void print_string(const char *text);
static replay_measurement measure(void (*work)(void));
static uint64_t now_ns(void);

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--listen") == 0) return hear(argv[2], listen);
  if (argc > 1 && strncmp(argv[1], "--", 2) == 0) return replay(argc, argv, measure);
  if (argc == 2) return hear(argv[1], classify);
  fprintf(stderr, "usage: ser_host FILE.wav, ser_host --listen FILE.wav, ser_host --replay VECTORS RESULTS, or ser_host --golden VECTORS\n");
  return EXIT_FAILURE;
}

// Does the work on a file's sound; EXIT_FAILURE with a line on the error stream where it has none.
static int hear(const char *name, int (*work)(const wav *file)) {
  size_t size;
  uint8_t *bytes = read_file(name, &size);
  if (bytes == NULL) {
    fprintf(stderr, "%s: %s\n", name, strerror(errno));
    return EXIT_FAILURE;
  }
  wav file;
  char error[WAV_ERROR_SIZE];
  int status = EXIT_FAILURE;
  if (wav_read(bytes, size, SER_SAMPLE_RATE, &file, error) == 0) {
    status = work(&file);
  } else {
    fprintf(stderr, "%s: %s\n", name, error);
  }
  free(bytes);
  return status;
}

// In pieces, as a microphone's driver hands them over.
static int listen(const wav *file) {
  static ser_app app;
  static ser_offset offset;
  static char line[SER_JSON_BYTES(SER_N_LABELS, SER_LABEL_BYTES)];
  if (ser_app_init(&app) != 0) return EXIT_FAILURE;
  ser_app_start(&app);
  for (uint32_t start = 0; start < file->n_frames; start += PDM_SAMPLES) {
    int16_t samples[PDM_SAMPLES];
    const uint32_t left = file->n_frames - start;
    const uint32_t n = left < PDM_SAMPLES ? left : PDM_SAMPLES;
    for (uint32_t k = 0; k < n; k++) samples[k] = wav_sample(file, start + k);
    ser_offset_remove(&offset, samples, n);
    ser_app_write(&app, samples, n);
    ser_decision decision;
    while (ser_app_poll(&app, &decision)) {
      if (ser_json_decision(&decision, line, sizeof line) == 0) return EXIT_FAILURE;
      fputs(line, stdout);
    }
  }
  return EXIT_SUCCESS;
}

// The whole file, for free(); NULL with errno where that fails.
static uint8_t *read_file(const char *name, size_t *size) {
  FILE *file = fopen(name, "rb");
  if (file == NULL) return NULL;
  uint8_t *bytes = NULL;
  size_t capacity = 0;
  *size = 0;
  do {
    capacity = capacity == 0 ? 1 << 20 : 2 * capacity;
    uint8_t *larger = realloc(bytes, capacity);
    if (larger == NULL) break;
    bytes = larger;
    *size += fread(bytes + *size, 1, capacity - *size, file);
  } while (*size == capacity);
  const bool whole = *size < capacity && ferror(file) == 0;
  const int reason = errno;
  fclose(file);
  if (whole) return bytes;
  free(bytes);
  errno = reason;
  return NULL;
}

static int classify(const wav *file) {
  if (ser_engine_init() != 0) {
    fprintf(stderr, "the engine can't be initialised\n");
    return EXIT_FAILURE;
  }
  int16_t *samples = malloc(file->n_frames * sizeof *samples);
  if (samples == NULL) {
    fprintf(stderr, "%s\n", strerror(errno));
    return EXIT_FAILURE;
  }
  for (uint32_t n = 0; n < file->n_frames; n++) samples[n] = wav_sample(file, n);
  report whole = {0, {0}, 0, 0};
  printf("{\"windows\": [");
  const bool good = classify_windows(samples, file->n_frames, &whole);
  free(samples);
  if (!good) {
    fprintf(stderr, "the engine fails at window %u\n", (unsigned)whole.n_windows);
    return EXIT_FAILURE;
  }
  printf("], ");
  print_summary(&whole);
  return EXIT_SUCCESS;
}

// Those over the recording's speech.
static bool classify_windows(const int16_t *samples, uint32_t n, report *so_far) {
  const speech_span speech = speech_find(samples, n);
  uint64_t start = ser_windows_first(speech.begin);
  while (classify_window(samples, n, (uint32_t)start, so_far)) {
    if (!ser_windows_has_next(start, speech.end)) return true;
    start = ser_windows_next(start);
  }
  return false;
}

// The window from sample `start` on, with silence where the recording has ended: it may have ended before `start`.
static bool classify_window(const int16_t *recording, uint32_t n_samples, uint32_t start, report *so_far) {
  static int16_t samples[SER_WINDOW_SAMPLES];
  const uint32_t left = start < n_samples ? n_samples - start : 0;
  for (uint32_t n = 0; n < SER_WINDOW_SAMPLES; n++) {
    samples[n] = n < left ? recording[start + n] : 0;
  }
  int8_t features[SER_N_FRAMES * SER_N_FEATURES];
  int8_t output[SER_N_LABELS];
  const uint64_t begin = now_ns();
  const ser_audio audio = {samples, SER_WINDOW_SAMPLES, 0};
  ser_frontend_features(&audio, features);
  const uint64_t middle = now_ns();
  if (ser_engine_invoke(features, output) != 0) return false;
  so_far->engine_ns += now_ns() - middle;
  so_far->frontend_ns += middle - begin;
  so_far->n_windows++;
  printf("%s{\"seconds\": %.3f, \"probabilities\": [", so_far->n_windows == 1 ? "" : ", ", (double)start / SER_SAMPLE_RATE);
  for (uint32_t n = 0; n < SER_N_LABELS; n++) {
    const double probability = (double)SER_OUTPUT_SCALE * (output[n] - SER_OUTPUT_ZERO_POINT);
    so_far->votes[n] += probability;
    printf("%s%.6g", n == 0 ? "" : ", ", probability);
  }
  printf("]}");
  return true;
}

static void print_summary(const report *whole) {
  uint32_t first = 0;
  printf("\"probabilities\": {");
  for (uint32_t n = 0; n < SER_N_LABELS; n++) {
    printf("%s", n == 0 ? "" : ", ");
    print_string(ser_labels[n]);
    printf(": %.6g", whole->votes[n] / whole->n_windows);
    if (whole->votes[n] > whole->votes[first]) first = n;
  }
  printf("}, \"class\": ");
  print_string(ser_labels[first]);
  printf(", \"uncertain\": %s", whole->votes[first] / whole->n_windows < (double)SER_REJECT_BELOW ? "true" : "false");
  printf(", \"frontend_us\": %.1f, \"engine_us\": %.1f}\n",
         1e-3 * (double)whole->frontend_ns / whole->n_windows, 1e-3 * (double)whole->engine_ns / whole->n_windows);
}

static void print_string(const char *text) {
  putchar('"');
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    putchar(*text);
  }
  putchar('"');
}

static replay_measurement measure(void (*work)(void)) {
  const uint64_t begin = now_ns();
  work();
  return (replay_measurement){(uint32_t)(now_ns() - begin), 0};
}

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}
