// ser_host FILE... is the device on a PC: what a board that is left running hears and decides, a line of JSON a decision. ser_host
// --replay and --golden: see boards/replay.h.

#define _POSIX_C_SOURCE 199309L

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "recording.h"
#include "replay.h"
#include "ser_app.h"
#include "ser_json.h"
#include "ser_model.h"
#include "ser_offset.h"
#include "wav.h"

#define PDM_SAMPLES 256
// What comes behind a file: enough for the last window that begins in it, and for the gate to close.
#define SILENT_SAMPLES (SER_WINDOW_SAMPLES + SER_WINDOW_HOP_SAMPLES + SER_VAD_HANGOVER_BLOCKS * SER_BLOCK_SAMPLES)
#define EXIT_USAGE 2

static const char help[] =
    "usage: ser_host FILE...                       hears WAV files, - for standard input\n"
    "       ser_host --replay VECTORS RESULTS      writes what vectors give (boards/vectors.h)\n"
    "       ser_host --golden VECTORS              compares with what vectors say\n"
    "\n"
    "Each file is heard as a board that is left running hears it: voice gate, front end, model, smoothing; then silence.\n"
    "Each decision is a line of JSON, as the board writes it: ms since the file's start, class, uncertain, probabilities,\n"
    "rms_db, overruns; of several files with the file's name in front. A file without speech has none.\n"
    "WAV of any rate up to 192 kHz, any number of channels, 8 to 32 bits, or floats.\n"
    "Ends with 0, with 1 where a file can't be heard, with 2 where the usage is another.\n";

static int hear_files(char **names, int n);
static bool hear_file(const char *name, bool show_name);
static bool hear_bytes(const uint8_t *bytes, size_t size, const char *name, bool show_name);
static bool hear(const int16_t *samples, uint32_t n, const char *name);
static uint8_t *read_stream(FILE *file, size_t *size);
static void print_string(const char *text);
static replay_measurement measure(void (*work)(void));
static uint64_t now_ns(void);

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--help") == 0) {
    fputs(help, stdout);
    return EXIT_SUCCESS;
  }
  if (argc > 1 && (strcmp(argv[1], "--replay") == 0 || strcmp(argv[1], "--golden") == 0)) return replay(argc, argv, measure);
  if (argc < 2 || strncmp(argv[1], "--", 2) == 0) {
    fprintf(stderr, "usage: ser_host FILE..., or see ser_host --help\n");
    return EXIT_USAGE;
  }
  return hear_files(argv + 1, argc - 1);
}

// All of them, also where one can't be heard.
static int hear_files(char **names, int n) {
  bool good = true;
  for (int i = 0; i < n; i++) good = hear_file(names[i], n > 1) && good;
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

// False with a line on the error stream where it can't be heard.
static bool hear_file(const char *name, bool show_name) {
  const bool is_input = strcmp(name, "-") == 0;
  FILE *file = is_input ? stdin : fopen(name, "rb");
  size_t size;
  uint8_t *bytes = file == NULL ? NULL : read_stream(file, &size);
  if (bytes == NULL) fprintf(stderr, "%s: %s\n", name, strerror(errno));
  if (file != NULL && !is_input) fclose(file);
  const bool good = bytes != NULL && hear_bytes(bytes, size, name, show_name);
  free(bytes);
  return good;
}

static bool hear_bytes(const uint8_t *bytes, size_t size, const char *name, bool show_name) {
  wav file;
  char error[WAV_ERROR_SIZE];
  uint32_t n;
  int16_t *samples = NULL;
  if (wav_read(bytes, size, &file, error) == 0) samples = recording_make(&file, SER_SAMPLE_RATE, &n, error);
  if (samples == NULL) {
    fprintf(stderr, "%s: %s\n", name, error);
    return false;
  }
  const bool good = hear(samples, n, show_name ? name : NULL);
  if (!good) fprintf(stderr, "%s: can't be heard: the engine fails\n", name);
  free(samples);
  return good;
}

// In pieces, as a microphone's driver hands them over.
static bool hear(const int16_t *samples, uint32_t n, const char *name) {
  static ser_app app;
  static char line[SER_JSON_BYTES(SER_N_LABELS, SER_LABEL_BYTES)];
  ser_offset offset = {0};
  const int status = ser_app_init(&app);
  if (status != 0) {
    fprintf(stderr, "the engine can't be initialised: %s\n", ser_engine_reason(status));
    return false;
  }
  ser_app_start(&app);
  const uint64_t end = (uint64_t)n + SILENT_SAMPLES;
  for (uint64_t start = 0; start < end; start += PDM_SAMPLES) {
    int16_t piece[PDM_SAMPLES] = {0};
    const uint64_t left = start < n ? n - start : 0;
    const uint32_t n_heard = left < PDM_SAMPLES ? (uint32_t)left : PDM_SAMPLES;
    if (n_heard > 0) memcpy(piece, samples + start, n_heard * sizeof *piece);
    ser_offset_remove(&offset, piece, n_heard);
    ser_app_write(&app, piece, PDM_SAMPLES);
    ser_decision decision;
    while (ser_app_poll(&app, &decision)) {
      if (ser_json_decision(&decision, line, sizeof line) == 0) return false;
      if (name != NULL) {
        fputs("{\"file\":", stdout);
        print_string(name);
      }
      fputs(name != NULL ? "," : "{", stdout);
      fputs(line + 1, stdout);
    }
  }
  return app.running;
}

// All that comes, for free(); NULL with errno where that fails.
static uint8_t *read_stream(FILE *file, size_t *size) {
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
  if (*size < capacity && ferror(file) == 0) return bytes;
  const int reason = errno;
  free(bytes);
  errno = reason;
  return NULL;
}

static void print_string(const char *text) {
  putchar('"');
  for (; *text != '\0'; text++) {
    if ((unsigned char)*text < ' ') {
      printf("\\u%04x", (unsigned)*text);
      continue;
    }
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
