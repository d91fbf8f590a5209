#include "ser_app.h"

#include <string.h>

#include "ser_cmvn.h"
#include "ser_windows.h"

#if SER_SHARES_FRAMES
_Static_assert(SER_WINDOW_HOP_SAMPLES >= SER_VAD_HANGOVER_BLOCKS * SER_BLOCK_SAMPLES,
               "a window is decided, or its utterance is over, before the next one is complete");
_Static_assert(SER_WINDOW_SAMPLES >= SER_OPENING_SAMPLES, "the gate is open before the first window is complete");
#endif

static void forget_audio(ser_app *app);
static void forget_decisions(ser_app *app);
static int read_block(ser_app *app, ser_level *level);
static void use_run(ser_app *app, ser_level *level, uint32_t n);
static void follow_speech(ser_app *app);
static void end_utterance(ser_app *app);
static int has_window(const ser_app *app);
static void hear(ser_app *app);
#if SER_STREAMING
static void step_engine(ser_app *app);
#endif
static void lose_audio(ser_app *app);
static uint64_t next_window(const ser_app *app);
static int is_due(const ser_app *app);
static void begin_decision(ser_app *app);
static int go_on_deciding(ser_app *app, ser_decision *decision);
static void describe(ser_app *app, const int8_t *output, ser_decision *decision);

int ser_app_init(ser_app *app) {
  app->running = 0;
  app->reject_below = SER_REJECT_BELOW;
#if SER_CMVN_PRIOR_WINDOWS > 0
  ser_cmvn_forget();
#endif
  return ser_engine_init();
}

void ser_app_start(ser_app *app) {
  ser_app_stop(app);  // while the ring buffer is cleared, nobody writes into it
  ser_ring_init(&app->ring, app->samples, SER_RING_SAMPLES);
  ser_smoothing_init(&app->smoothing, app->outputs, SER_SMOOTHED_DECISIONS, SER_N_LABELS);
  app->position = 0;
  app->overruns = 0;
  app->deciding = 0;
  forget_audio(app);
  __atomic_store_n(&app->running, 1, __ATOMIC_RELEASE);
}

void ser_app_stop(ser_app *app) { __atomic_store_n(&app->running, 0, __ATOMIC_SEQ_CST); }

void ser_app_write(ser_app *app, const int16_t *samples, uint32_t n) {
  if (__atomic_load_n(&app->running, __ATOMIC_ACQUIRE)) {
    ser_ring_write(&app->ring, samples, n);
  }
}

int ser_app_take(ser_app *app, int16_t *samples, uint32_t n) {
  if (ser_ring_unread(&app->ring) < n) return 0;
  for (uint32_t taken = 0; taken < n;) {
    const int16_t *run;
    const uint32_t length = ser_ring_run(&app->ring, &run);
    const uint32_t part = length < n - taken ? length : n - taken;
    memcpy(samples + taken, run, part * sizeof *samples);
    ser_ring_advance(&app->ring, part);
    taken += part;
  }
  app->position += n;
  app->begin = app->position;
  if (ser_ring_holds(&app->ring, n)) return 1;
  lose_audio(app);
  return 0;
}

int ser_app_poll(ser_app *app, ser_decision *decision) {
  ser_level level;
  while (app->running) {
    const int due = is_due(app);
    if (due && !app->deciding) {
      begin_decision(app);
    } else if (!due && read_block(app, &level)) {
      ser_vad_update(&app->vad, ser_level_db(&level));
      follow_speech(app);
      hear(app);
    } else if (!app->deciding) {
      return 0;
    } else if (go_on_deciding(app, decision)) {
      return 1;
    }
  }
  return 0;
}

static void forget_audio(ser_app *app) {
  app->begin = app->position;
  app->in_utterance = 0;
  ser_vad_init(&app->vad);
  forget_decisions(app);
}

// A decision that the engine still works on is the utterance's, too.
static void forget_decisions(ser_app *app) {
  if (app->deciding) {
    app->is_last = 1;
  } else {
    ser_smoothing_clear(&app->smoothing);
  }
}

// Measures the next block; 0 when it has not come yet, or was overwritten: then all audio so far is given up.
static int read_block(ser_app *app, ser_level *level) {
  if (ser_ring_unread(&app->ring) < SER_BLOCK_SAMPLES) return 0;
  *level = (ser_level){0, 0};
  const int16_t *run;
  const uint32_t length = ser_ring_run(&app->ring, &run);
  const uint32_t first = length < SER_BLOCK_SAMPLES ? length : SER_BLOCK_SAMPLES;
  use_run(app, level, first);
  use_run(app, level, SER_BLOCK_SAMPLES - first);

  if (!ser_ring_holds(&app->ring, SER_BLOCK_SAMPLES)) {
    lose_audio(app);
    return 0;
  }
  return 1;
}

// Passes what has come: some of it was overwritten.
static void lose_audio(ser_app *app) {
  const uint32_t lost = ser_ring_unread(&app->ring);
  ser_ring_advance(&app->ring, lost);
  app->position += lost;
  app->overruns++;
  forget_audio(app);
}

static void use_run(ser_app *app, ser_level *level, uint32_t n) {
  const int16_t *run;
  ser_ring_run(&app->ring, &run);
  ser_level_add(level, run, n);
  ser_ring_advance(&app->ring, n);
  app->position += n;
}

// Speech was there SER_VAD_OPEN_BLOCKS before the gate opened. An utterance that is over before its first decision still gets it.
static void follow_speech(ser_app *app) {
  if (!app->in_utterance && app->vad.open) {
    const uint64_t heard = app->position - app->begin - SER_VAD_OPEN_BLOCKS * SER_BLOCK_SAMPLES;
    app->window_start = app->begin + ser_windows_first(heard);
    app->in_utterance = 1;
    app->is_first = 1;
    ser_features_start(&app->features, app->window_start);
#if SER_STREAMING
    ser_engine_reset();
    app->stepped = 0;
#endif
  }
  if (app->vad.open && app->vad.quiet_blocks == 0) app->speech_end = app->position;
  end_utterance(app);
}

// Ends the utterance where the gate is closed and no decision is to come.
static void end_utterance(ser_app *app) {
  if (!app->in_utterance || app->vad.open || has_window(app)) return;
  app->in_utterance = 0;
  forget_decisions(app);
}

static void hear(ser_app *app) {
  if (!app->in_utterance) return;
  if (!ser_features_hear(&app->features, &app->ring, app->position)) {
    lose_audio(app);
    return;
  }
#if SER_STREAMING
  step_engine(app);
#endif
}

#if SER_STREAMING
// Gives the engine the frames whose features are known. The output of a window stays until the next one is complete.
static void step_engine(ser_app *app) {
  for (; app->stepped < ser_features_known(&app->features); app->stepped++) {
    const int decided = ser_engine_step(ser_features_of(&app->features, app->stepped), app->output);
    if (!decided && app->stepped % SER_N_FRAMES == SER_N_FRAMES - 1) ser_app_stop(app);  // the engine fails
  }
}
#endif

// Whether the utterance, as far as its speech goes, has another window.
static int has_window(const ser_app *app) {
  return app->is_first || ser_windows_has_next(app->window_start, app->speech_end);
}

static uint64_t next_window(const ser_app *app) {
  return app->is_first ? app->window_start : ser_windows_next(app->window_start);
}

// Whether the next window is complete.
static int is_due(const ser_app *app) {
  return app->in_utterance && has_window(app) && app->position >= next_window(app) + SER_WINDOW_SAMPLES;
}

// There is none where samples were overwritten.
static void begin_decision(ser_app *app) {
  app->window_start = next_window(app);
  app->is_first = 0;
  app->decided = app->window_start;
  if (ser_features_take(&app->features, &app->ring, app->position, app->decided, app->values, &app->level_db)) {
#if SER_STREAMING
    app->deciding = 1;  // the engine has taken all of its frames
#else
    ser_engine_reset();
    app->deciding = SER_N_FRAMES;
#endif
    app->is_last = 0;
  } else {
    app->overruns++;
  }
  end_utterance(app);
}

// Gives the engine another frame, where it takes them when the window is complete; returns whether that was the window's last one.
static int go_on_deciding(ser_app *app, ser_decision *decision) {
#if !SER_STREAMING
  const int8_t *frame = app->values + (SER_N_FRAMES - app->deciding) * SER_N_FEATURES;
  const int decided = ser_engine_step(frame, app->output);
  app->deciding--;
  if (!decided) {
    if (!app->deciding) ser_app_stop(app);  // the engine fails
    return 0;
  }
#else
  app->deciding = 0;
#endif
  describe(app, app->output, decision);
  if (app->is_last) ser_smoothing_clear(&app->smoothing);
  return 1;
}

static void describe(ser_app *app, const int8_t *output, ser_decision *decision) {
  ser_smoothing_add(&app->smoothing, output);
  decision->label = ser_smoothing_mean(&app->smoothing, SER_OUTPUT_SCALE, SER_OUTPUT_ZERO_POINT, app->probabilities);
  decision->uncertain = app->probabilities[decision->label] < app->reject_below;
  decision->n_labels = SER_N_LABELS;
  decision->labels = ser_labels;
  decision->probabilities = app->probabilities;
  decision->milliseconds = (uint32_t)((app->decided + SER_WINDOW_SAMPLES) * 1000 / SER_SAMPLE_RATE);
  decision->rms_db = app->level_db;
  decision->overruns = app->overruns;
}
