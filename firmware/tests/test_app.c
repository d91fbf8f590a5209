// The decision loop with the real front end and engine.

#include <string.h>

#include "check.h"
#include "ser_app.h"
#include "ser_board.h"
#include "ser_cmvn.h"
#include "ser_frontend.h"
#include "ser_windows.h"

#define MAX_DECISIONS 16

#define SECOND SER_SAMPLE_RATE
#define SPEECH_BEGINS (2 * SECOND)
#define FIRST_WINDOW_OF(begin) (((begin) - SER_LEAD_SAMPLES) / SER_WINDOW_STEP_SAMPLES * SER_WINDOW_STEP_SAMPLES)
#define FIRST_WINDOW FIRST_WINDOW_OF(SPEECH_BEGINS)
#define FIRST_DECISION (FIRST_WINDOW + SER_WINDOW_SAMPLES)

static ser_app app;

// Hiss, with syllables of 200 ms and pauses of 100 ms in it for `speech` samples from SPEECH_BEGINS on.
static int16_t hear(uint32_t time, uint32_t speech) {
  const uint32_t mixed = (time ^ 0x5bd1e995u) * 2654435761u;
  const int32_t noise = (int32_t)((mixed ^ mixed >> 15) & 0xffff) - 0x8000;
  const uint32_t since = time - SPEECH_BEGINS;
  const int voiced = time >= SPEECH_BEGINS && since < speech && since % (SECOND * 3 / 10) < SECOND / 5;
  const int32_t buzz = (int32_t)(time % 107) * 150 - 8000;
  return (int16_t)(noise / 1000 + (voiced ? buzz + noise / 16 : 0));
}

typedef struct {
  uint32_t n;
  uint32_t milliseconds[MAX_DECISIONS];
  uint32_t label[MAX_DECISIONS];
  float rms_db[MAX_DECISIONS];
  float probabilities[MAX_DECISIONS][SER_N_LABELS];
} record;

static void poll(record *decisions) {
  ser_decision decision;
  while (ser_app_poll(&app, &decision)) {
    CHECK(decisions->n < MAX_DECISIONS);
    CHECK(decision.n_labels == SER_N_LABELS && decision.labels == ser_labels);
    CHECK(decision.overruns == app.overruns);
    CHECK(decision.uncertain == (decision.probabilities[decision.label] < SER_REJECT_BELOW));
    if (decisions->n == MAX_DECISIONS) continue;
    const uint32_t n = decisions->n++;
    decisions->milliseconds[n] = decision.milliseconds;
    decisions->label[n] = decision.label;
    decisions->rms_db[n] = decision.rms_db;
    memcpy(decisions->probabilities[n], decision.probabilities, sizeof decisions->probabilities[n]);
  }
}

// Writes the samples from `time` to `end` in pieces of `chunk` at most, and polls behind each.
static void listen(uint32_t time, uint32_t end, uint32_t speech, uint32_t chunk, record *decisions) {
  static int16_t samples[SER_RING_SAMPLES];
  while (time < end) {
    const uint32_t n = end - time < chunk ? end - time : chunk;
    for (uint32_t i = 0; i < n; i++) samples[i] = hear(time++, speech);
    ser_app_write(&app, samples, n);
    poll(decisions);
  }
}

// As a device that was just switched on: nothing was heard of the speaker before.
static void begin(void) {
  ser_engine_reset();
#if SER_CMVN_PRIOR_WINDOWS > 0
  ser_cmvn_forget();
#endif
}

static record listen_from_start(uint32_t end, uint32_t speech, uint32_t chunk) {
  record decisions;
  memset(&decisions, 0, sizeof decisions);
  begin();
  ser_app_start(&app);
  listen(0, end, speech, chunk, &decisions);
  return decisions;
}

// What front end and engine say of one window, without ring buffer and smoothing; returns its level. An engine that goes on from
// window to window (SER_STREAMING) goes on from the window before, and a front end that learns its speaker from all before.
static float judge(uint32_t start, uint32_t speech, float *probabilities) {
  static int16_t samples[SER_WINDOW_SAMPLES];
  static int8_t features[SER_N_FRAMES * SER_N_FEATURES];
  for (uint32_t i = 0; i < SER_WINDOW_SAMPLES; i++) samples[i] = hear(start + i, speech);
  const ser_audio audio = {samples, SER_WINDOW_SAMPLES, 0};
  int8_t output[SER_N_LABELS];
  ser_frontend_features(&audio, features);
#if SER_CMVN_PRIOR_WINDOWS > 0
  ser_cmvn_remember();
#endif
  CHECK(ser_engine_invoke(features, output) == 0);
  for (uint32_t i = 0; i < SER_N_LABELS; i++) {
    probabilities[i] = SER_OUTPUT_SCALE * (float)(output[i] - SER_OUTPUT_ZERO_POINT);
  }
  ser_level level = {0, 0};
  ser_level_add(&level, samples, SER_WINDOW_SAMPLES);
  return ser_level_db(&level);
}

static int is_near(const float *a, const float *b) {
  for (uint32_t i = 0; i < SER_N_LABELS; i++) {
    const float difference = a[i] - b[i];
    if (!(difference > -1e-6f && difference < 1e-6f)) return 0;
  }
  return 1;
}

static void test_decisions_are_about_the_windows_of_the_speech(void) {
  const uint32_t speech = 3 * SECOND;
  const uint32_t last_syllable_ends = SPEECH_BEGINS + SECOND * 29 / 10;
  const record decisions = listen_from_start(8 * SECOND, speech, 256);
  uint64_t start = ser_windows_first(SPEECH_BEGINS);
  uint32_t n = 0;
  for (int more = 1; more && n < decisions.n; n++) {
    CHECK(decisions.milliseconds[n] == (start + SER_WINDOW_SAMPLES) / (SECOND / 1000));
    more = ser_windows_has_next(start, last_syllable_ends);
    start = ser_windows_next(start);
  }
  CHECK(n == decisions.n && n > 1);
  CHECK(!ser_windows_has_next(start - SER_WINDOW_HOP_SAMPLES, last_syllable_ends));
  CHECK(app.overruns == 0);
}

static void test_decisions_are_the_smoothed_ones_of_the_windows(void) {
  const uint32_t speech = 3 * SECOND;
  const record decisions = listen_from_start(8 * SECOND, speech, 256);
  float sum[SER_N_LABELS] = {0};
  begin();
  for (uint32_t i = 0; i < decisions.n; i++) {
    float window[SER_N_LABELS];
    float mean[SER_N_LABELS];
    const float level = judge(FIRST_WINDOW + i * SER_WINDOW_HOP_SAMPLES, speech, window);
    CHECK(decisions.rms_db[i] > level - 1e-4f && decisions.rms_db[i] < level + 1e-4f);
    for (uint32_t k = 0; k < SER_N_LABELS; k++) {
      sum[k] += window[k];
      mean[k] = SER_SMOOTHED_DECISIONS > 1 ? sum[k] / (float)(i + 1) : window[k];
      CHECK(decisions.probabilities[i][k] <= decisions.probabilities[i][decisions.label[i]]);
    }
    CHECK(is_near(decisions.probabilities[i], mean));
  }
}

static void test_decisions_do_not_depend_on_the_pieces_in_which_samples_come(void) {
  static const uint32_t chunks[] = {1, 160, SER_RING_SLACK_SAMPLES};
  const record expected = listen_from_start(6 * SECOND, SECOND, 256);
  CHECK(expected.n >= 1);
  for (uint32_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
    const record decisions = listen_from_start(6 * SECOND, SECOND, chunks[i]);
    CHECK(memcmp(&decisions, &expected, sizeof decisions) == 0);
    CHECK(app.overruns == 0);
  }
}

static void test_a_short_word_gets_one_decision_and_a_click_none(void) {
  const record word = listen_from_start(6 * SECOND, SECOND / 5, 256);
  CHECK(word.n == 1 && word.milliseconds[0] == FIRST_DECISION / (SECOND / 1000));
  CHECK(listen_from_start(6 * SECOND, SECOND / 50, 256).n == 0);
}

static void test_smoothing_forgets_between_utterances(void) {
  record decisions = listen_from_start(6 * SECOND, 2 * SECOND, 256);
  const uint32_t before = decisions.n;
  CHECK(before > 1);
  listen(0, 6 * SECOND, SECOND, 256, &decisions);  // the hiss goes on, then other speech
  float window[SER_N_LABELS];
  const uint32_t start = FIRST_WINDOW_OF(6 * SECOND + SPEECH_BEGINS) - 6 * SECOND;
  begin();
  for (uint32_t i = 0; i < before; i++) judge(FIRST_WINDOW + i * SER_WINDOW_HOP_SAMPLES, 2 * SECOND, window);
  ser_engine_reset();
  judge(start, SECOND, window);
  CHECK(decisions.n > before);
  CHECK(decisions.milliseconds[before] == 6000 + (start + SER_WINDOW_SAMPLES) / (SECOND / 1000));
  CHECK(is_near(decisions.probabilities[before], window));
}

// By how many samples the main loop may be late, and by how many more it surely is too late.
#if SER_SHARES_FRAMES
#define LATEST (SER_RING_SLACK_SAMPLES - SER_BLOCK_SAMPLES)
#define TOO_LATE SER_KEPT_SAMPLES
#else
#define LATEST (SER_RING_SAMPLES - SER_WINDOW_SAMPLES)
#define TOO_LATE 1
#endif

// The main loop is late by `late` samples when the first decision is due; listens until the second is due, too.
static record decide_late(uint32_t late) {
  record decisions = listen_from_start(FIRST_DECISION - 256, 3 * SECOND, 256);
  CHECK(decisions.n == 0);
  listen(FIRST_DECISION - 256, FIRST_DECISION + late, 3 * SECOND, 256 + late, &decisions);
  listen(FIRST_DECISION + late, FIRST_DECISION + SER_WINDOW_HOP_SAMPLES + SER_BLOCK_SAMPLES, 3 * SECOND, 256, &decisions);
  return decisions;
}

static void test_a_decision_is_dropped_and_counted_when_its_samples_were_overwritten(void) {
  record decisions = decide_late(LATEST);
  CHECK(decisions.n >= 2 && app.overruns == 0);
  const uint32_t in_time = decisions.n;
  decisions = decide_late(LATEST + TOO_LATE);
  CHECK(decisions.n < in_time && app.overruns == 1);
  CHECK(decisions.n == 0 || decisions.milliseconds[0] == (FIRST_DECISION + SER_WINDOW_HOP_SAMPLES) / (SECOND / 1000));
}

static void test_lost_audio_is_counted_and_never_part_of_a_window(void) {
  static const int16_t silence[SER_RING_SAMPLES];
  record decisions = listen_from_start(SECOND, 0, 256);
  ser_app_write(&app, silence, SER_RING_SAMPLES);
  listen(SECOND, SECOND + 1, 0, 1, &decisions);  // one more than the ring buffer holds
  CHECK(app.overruns == 1);
  const uint32_t new_audio = SECOND + SER_RING_SAMPLES + 1;
  listen(SPEECH_BEGINS - 2 * SER_BLOCK_SAMPLES, 6 * SECOND, SECOND, 256, &decisions);  // speech within less than the lead
  CHECK(decisions.n >= 1);
  CHECK(decisions.milliseconds[0] == (new_audio + SER_WINDOW_SAMPLES) / (SECOND / 1000));
}

#if SER_SHARES_FRAMES
// Blocks are read in time, but the samples before the speech are not there any more when the gate opens.
static void test_speech_whose_beginning_was_overwritten_is_lost_and_counted(void) {
  const uint32_t late = SER_RING_SAMPLES - SER_BLOCK_SAMPLES;
  const uint32_t now = SPEECH_BEGINS - SECOND / 10;
  record decisions = listen_from_start(now, 3 * SECOND, 256);
  listen(now, now + late, 3 * SECOND, late, &decisions);
  CHECK(decisions.n == 0 && app.overruns == 1);
}
#endif

static void test_stop_ignores_samples_and_start_begins_anew(void) {
  const record first = listen_from_start(6 * SECOND, SECOND, 256);
  ser_app_stop(&app);
  record none;
  memset(&none, 0, sizeof none);
  listen(0, 6 * SECOND, SECOND, 256, &none);
  CHECK(none.n == 0 && !app.running);
  app.overruns = 7;
  const record again = listen_from_start(6 * SECOND, SECOND, 256);
  CHECK(memcmp(&first, &again, sizeof again) == 0);
  CHECK(app.overruns == 0);

  listen_from_start(FIRST_DECISION - 256, SECOND, 256);  // stopped short of a decision, which is not made later
  const record restarted = listen_from_start(4 * SECOND, 0, 256);
  CHECK(restarted.n == 0);
}

int main(void) {
  CHECK(ser_app_init(&app) == 0);
  CHECK(!app.running);
  ser_board_light(SER_NO_LED);  // this board has no light and can't count
  CHECK(ser_board_count() == 0 && ser_board_unit() == NULL);
  test_decisions_are_about_the_windows_of_the_speech();
  test_decisions_are_the_smoothed_ones_of_the_windows();
  test_decisions_do_not_depend_on_the_pieces_in_which_samples_come();
  test_a_short_word_gets_one_decision_and_a_click_none();
  test_smoothing_forgets_between_utterances();
  test_a_decision_is_dropped_and_counted_when_its_samples_were_overwritten();
  test_lost_audio_is_counted_and_never_part_of_a_window();
#if SER_SHARES_FRAMES
  test_speech_whose_beginning_was_overwritten_is_lost_and_counted();
#endif
  test_stop_ignores_samples_and_start_begins_anew();
  return failures != 0;
}
