#include "replay.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ser_engine.h"
#include "ser_frontend.h"
#include "ser_model.h"
#include "vectors.h"

#define N_FEATURES (SER_N_FRAMES * SER_N_FEATURES)
#define N_OUTPUTS SER_N_LABELS

// What the features of a whole golden file may differ by from Python's; outputs for the same features may not differ at all.
#define LARGEST_DIFFERENCE 1
#define DIFFERING_PER_MILLE 5

#define MOST_WINDOWS 64  // of an utterance, where the engine goes on from window to window: 32 s with the default parameters

static struct {
  uint8_t begins;
  int16_t samples[SER_WINDOW_SAMPLES];
  int8_t features[N_FEATURES];
  int8_t output[N_OUTPUTS];
} expected;

static struct {
  int8_t features[N_FEATURES];
  int8_t output_from_features[N_OUTPUTS];
  int8_t output_from_audio[N_OUTPUTS];
  uint32_t frontend_cost;
  uint32_t engine_cost;
} result;

static int engine_status;

typedef struct {
  uint32_t differing_features;
  int largest_difference;
  uint32_t differing_outputs;
  uint32_t differing_classes;  // from audio, against the vectors' output
} comparison;

static bool open_vectors(const char *name, FILE **vectors, uint32_t *count);
static bool read_record(FILE *vectors, const char *name, uint32_t number);
static bool write_record(FILE *results);
static bool run_record(replay_measure *measure, results_footer *stack, uint32_t number);
static void compare_record(comparison *so_far);
static bool is_golden(const comparison *whole, uint32_t count);

int replay(int argc, char **argv, replay_measure *measure) {
  const bool golden = argc == 3 && strcmp(argv[1], "--golden") == 0;
  if (!golden && (argc != 4 || strcmp(argv[1], "--replay") != 0)) {
    fprintf(stderr, "usage: --replay VECTORS RESULTS, or --golden VECTORS\n");
    return EXIT_FAILURE;
  }
  const int status = ser_engine_init();
  if (status != 0) {
    fprintf(stderr, "the engine can't be initialised: %s\n", ser_engine_reason(status));
    return EXIT_FAILURE;
  }
  FILE *vectors;
  uint32_t count;
  if (!open_vectors(argv[2], &vectors, &count)) return EXIT_FAILURE;
  FILE *results = golden ? NULL : fopen(argv[3], "wb");
  if (!golden && results == NULL) {
    fprintf(stderr, "%s: can't be written\n", argv[3]);
    return EXIT_FAILURE;
  }

  const results_header header = {RESULTS_MAGIC, VECTORS_VERSION, count};
  bool written = golden || fwrite(&header, sizeof header, 1, results) == 1;
  results_footer stack = {0, 0};
  comparison whole = {0, 0, 0, 0};
  for (uint32_t number = 0; number < count; number++) {
    if (!read_record(vectors, argv[2], number) || !run_record(measure, &stack, number)) return EXIT_FAILURE;
    compare_record(&whole);
    written = written && (golden || write_record(results));
  }
  if (golden) return is_golden(&whole, count) ? EXIT_SUCCESS : EXIT_FAILURE;
  written = written && fwrite(&stack, sizeof stack, 1, results) == 1;
  if (fclose(results) != 0 || !written) {
    fprintf(stderr, "%s: can't be written\n", argv[3]);
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

static bool is_field(const char *name, const char *field, uint32_t found, uint32_t wanted) {
  if (found == wanted) return true;
  fprintf(stderr, "%s: %s is %lu, expected %lu\n", name, field, (unsigned long)found, (unsigned long)wanted);
  return false;
}

static bool open_vectors(const char *name, FILE **vectors, uint32_t *count) {
  *vectors = fopen(name, "rb");
  if (*vectors == NULL) {
    fprintf(stderr, "%s: can't be opened\n", name);
    return false;
  }
  vectors_header header;
  if (fread(&header, sizeof header, 1, *vectors) != 1 || memcmp(header.magic, VECTORS_MAGIC, sizeof header.magic) != 0) {
    fprintf(stderr, "%s: is not a file of vectors: it does not begin with a header of magic " VECTORS_MAGIC "\n", name);
    return false;
  }
  if (header.count == 0) {
    fprintf(stderr, "%s: count is 0, expected at least 1\n", name);
    return false;
  }
  *count = header.count;
  return is_field(name, "version", header.version, VECTORS_VERSION) &&
         is_field(name, "window_samples", header.window_samples, SER_WINDOW_SAMPLES) &&
         is_field(name, "n_features", header.n_features, N_FEATURES) &&
         is_field(name, "n_outputs", header.n_outputs, N_OUTPUTS);
}

static bool read_record(FILE *vectors, const char *name, uint32_t number) {
  if (fread(&expected.begins, sizeof expected.begins, 1, vectors) == 1 &&
      fread(expected.samples, sizeof expected.samples, 1, vectors) == 1 &&
      fread(expected.features, sizeof expected.features, 1, vectors) == 1 &&
      fread(expected.output, sizeof expected.output, 1, vectors) == 1) {
    return true;
  }
  fprintf(stderr, "%s: ends within record %lu\n", name, (unsigned long)number);
  return false;
}

static bool write_record(FILE *results) {
  return fwrite(result.features, sizeof result.features, 1, results) == 1 &&
         fwrite(result.output_from_features, sizeof result.output_from_features, 1, results) == 1 &&
         fwrite(result.output_from_audio, sizeof result.output_from_audio, 1, results) == 1 &&
         fwrite(&result.frontend_cost, sizeof result.frontend_cost, 1, results) == 1 &&
         fwrite(&result.engine_cost, sizeof result.engine_cost, 1, results) == 1;
}

#if SER_SHARES_FRAMES
#define NEW_FRAMES (SER_WINDOW_HOP_SAMPLES / SER_HOP_LENGTH < SER_N_FRAMES ? SER_WINDOW_HOP_SAMPLES / SER_HOP_LENGTH : SER_N_FRAMES)

static void add_frames(uint32_t first, uint32_t end) {
  for (uint32_t frame = first; frame < end; frame++) {
    const ser_audio audio = {expected.samples, SER_WINDOW_SAMPLES, frame * SER_HOP_LENGTH};
    ser_frontend_add(&audio);
  }
}

// The frames that windows before this one have left.
static void recall_frames(void) {
  ser_frontend_clear();
  add_frames(0, SER_N_FRAMES - NEW_FRAMES);
}

static void compute_features(void) {
  add_frames(SER_N_FRAMES - NEW_FRAMES, SER_N_FRAMES);
  ser_frontend_latest(result.features);
}
#else
static void recall_frames(void) {}

static void compute_features(void) {
  const ser_audio audio = {expected.samples, SER_WINDOW_SAMPLES, 0};
  ser_frontend_features(&audio, result.features);
}
#endif

// An engine that goes on from window to window has gone through those of the same utterance that were before: the vectors' features,
// or those from the samples.
#if SER_STREAMING
static struct {
  int8_t of_vectors[MOST_WINDOWS][N_FEATURES];
  int8_t from_audio[MOST_WINDOWS][N_FEATURES];
  uint32_t count;
} before;

static bool remember_window(uint32_t number) {
  if (before.count == MOST_WINDOWS) {
    fprintf(stderr, "record %lu: an utterance has at most %d windows\n", (unsigned long)number, MOST_WINDOWS);
    return false;
  }
  memcpy(before.of_vectors[before.count], expected.features, N_FEATURES);
  memcpy(before.from_audio[before.count++], result.features, N_FEATURES);
  return true;
}

static void recall_windows(int8_t (*windows)[N_FEATURES]) {
  int8_t output[N_OUTPUTS];
  ser_engine_reset();
  for (uint32_t n = 0; n < before.count; n++) engine_status |= ser_engine_invoke(windows[n], output);
}
#endif

static void invoke_on_vectors(void) { engine_status |= ser_engine_invoke(expected.features, result.output_from_features); }

static void invoke_on_audio(void) { engine_status |= ser_engine_invoke(result.features, result.output_from_audio); }

static void raise_to(uint32_t *mark, uint32_t bytes) {
  if (bytes > *mark) *mark = bytes;
}

static bool run_record(replay_measure *measure, results_footer *stack, uint32_t number) {
  recall_frames();
  const replay_measurement frontend = measure(compute_features);
#if SER_STREAMING
  if (expected.begins) before.count = 0;
  recall_windows(before.of_vectors);
#endif
  const replay_measurement engine = measure(invoke_on_vectors);
  result.frontend_cost = frontend.cost;
  result.engine_cost = engine.cost;
  raise_to(&stack->engine_stack_bytes, engine.stack_bytes);
#if SER_STREAMING
  recall_windows(before.from_audio);
#endif
  raise_to(&stack->engine_stack_bytes, measure(invoke_on_audio).stack_bytes);
#if SER_STREAMING
  if (!remember_window(number)) return false;
#endif
  raise_to(&stack->stack_bytes, stack->engine_stack_bytes);
  raise_to(&stack->stack_bytes, frontend.stack_bytes);
  if (engine_status == 0) return true;
  fprintf(stderr, "the engine fails at record %lu\n", (unsigned long)number);
  return false;
}

static uint32_t find_class(const int8_t *output) {
  uint32_t largest = 0;
  for (uint32_t n = 1; n < N_OUTPUTS; n++) {
    if (output[n] > output[largest]) largest = n;
  }
  return largest;
}

static void compare_record(comparison *so_far) {
  for (uint32_t n = 0; n < N_FEATURES; n++) {
    const int difference = abs(result.features[n] - expected.features[n]);
    so_far->differing_features += difference > 0;
    if (difference > so_far->largest_difference) so_far->largest_difference = difference;
  }
  so_far->differing_outputs += memcmp(result.output_from_features, expected.output, N_OUTPUTS) != 0;
  so_far->differing_classes += find_class(result.output_from_audio) != find_class(expected.output);
}

static bool is_golden(const comparison *whole, uint32_t count) {
  const uint64_t n_features = (uint64_t)count * N_FEATURES;
  const bool same = whole->differing_outputs == 0 && whole->largest_difference <= LARGEST_DIFFERENCE &&
                    whole->differing_features * (uint64_t)1000 <= n_features * DIFFERING_PER_MILLE;
  fprintf(same ? stdout : stderr,
          "%s: of %lu records %lu outputs for given features differ, %lu classes from audio; "
          "of %lu features %lu differ, by at most %d\n",
          same ? "golden" : "not golden", (unsigned long)count, (unsigned long)whole->differing_outputs,
          (unsigned long)whole->differing_classes, (unsigned long)n_features, (unsigned long)whole->differing_features,
          whole->largest_difference);
  return same;
}
