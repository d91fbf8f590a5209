// Audio in, decisions out: ring buffer, voice-activity gate, front end, engine, smoothing.
//
// Windows lie where ser_windows.h says, as in training; each is decided when it is complete. An utterance's speech begins
// SER_VAD_OPEN_BLOCKS before the gate opens, and ends with the last block that was not quiet. So speech of any length gets a
// decision. When its last window is decided and the gate is closed, the utterance is over, and smoothing forgets.
//
// A decision's engine runs a frame at a time (ser_engine_step), and blocks are read in between. Where the network goes on from window to
// window (SER_STREAMING) it takes a frame when its features are known, from the utterance's first one on, and what it says at a
// window's end is the decision. So the ring buffer holds what is kept
// for features to come (SER_KEPT_SAMPLES), and what comes while the longest piece of work goes on (SER_RING_SLACK_SAMPLES). Where that
// is not enough, the oldest samples were overwritten, and what needed them is dropped and counted in `overruns`.
#ifndef SER_APP_H_
#define SER_APP_H_

#include <stdint.h>

#include "ser_decision.h"
#include "ser_engine.h"
#include "ser_features.h"
#include "ser_level.h"
#include "ser_model.h"
#include "ser_ring.h"
#include "ser_smoothing.h"
#include "ser_vad.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SER_BLOCK_SAMPLES (SER_SAMPLE_RATE / SER_VAD_BLOCKS_PER_SECOND)

#define SER_EXCESS(a, b) ((a) > (b) ? (a) - (b) : 0)
#define SER_LARGER(a, b) ((a) > (b) ? (a) : (b))

#if SER_SHARES_FRAMES
// From the first window's start to the block that opens the gate; later, a frame and the block that completes it.
#define SER_OPENING_SAMPLES (SER_LEAD_SAMPLES + SER_VAD_OPEN_BLOCKS * SER_BLOCK_SAMPLES + SER_WINDOW_STEP_SAMPLES)
#define SER_KEPT_SAMPLES SER_LARGER(SER_OPENING_SAMPLES, SER_N_FFT + SER_BLOCK_SAMPLES)
#define SER_FRONTEND_SAMPLES 0
#if SER_STREAMING
#define SER_FRAMES_AT_ONCE (SER_OPENING_SAMPLES / SER_HOP_LENGTH)  // that the engine takes when the gate opens, at most
#endif
#else
// How long a complete window may wait for its decision. The first one waits for the gate to open, where it is shorter than its lead
// and the blocks that open the gate. Another waits for speech that goes on behind a pause which the gate bridges, where windows
// follow one another faster than that. Each waits for the end of a block, where windows do not end with blocks.
#define SER_OPENING_SAMPLES SER_EXCESS(SER_LEAD_SAMPLES + SER_VAD_OPEN_BLOCKS * SER_BLOCK_SAMPLES, SER_WINDOW_SAMPLES)
#define SER_BRIDGE_SAMPLES SER_EXCESS(SER_VAD_HANGOVER_BLOCKS * SER_BLOCK_SAMPLES, SER_WINDOW_HOP_SAMPLES)
#define SER_ENDS_WITH_BLOCKS \
  (SER_WINDOW_SAMPLES % SER_BLOCK_SAMPLES + SER_WINDOW_HOP_SAMPLES % SER_BLOCK_SAMPLES + SER_LEAD_SAMPLES % SER_BLOCK_SAMPLES == 0)
#define SER_KEPT_SAMPLES                                                                                  \
  (SER_WINDOW_SAMPLES + SER_BRIDGE_SAMPLES + SER_EXCESS(SER_OPENING_SAMPLES, SER_BRIDGE_SAMPLES) + \
   (SER_ENDS_WITH_BLOCKS ? 0 : SER_BLOCK_SAMPLES))
#define SER_FRONTEND_SAMPLES (SER_N_FRAMES * SER_N_FFT / 30)  // that come while a window's features are computed
#endif

#ifndef SER_FRAMES_AT_ONCE
#define SER_FRAMES_AT_ONCE 1
#endif

// Time is that of a 64 MHz Cortex-M4 at 1.65 cycles an instruction, in samples of 16 kHz: a frame of 2,048 samples takes 165 thousand
// instructions, a multiply-accumulate 1.4, and of TFLM's interpreter 2.75. The rest is for an interrupt's block of 256 before the work
// and one behind it, the frames from the lead to the gate's opening, and 30 ms of whatever else the main loop does.
#if !defined(SER_MACS)
#define SER_ENGINE_SAMPLES SER_WINDOW_HOP_SAMPLES  // not known; more would not keep up
#elif defined(SER_ENGINE_TFLM)
#define SER_ENGINE_SAMPLES (SER_MACS / 800)
#else
#define SER_ENGINE_SAMPLES (SER_FRAMES_AT_ONCE * SER_STEP_MACS / 1600)
#endif
#define SER_RING_SLACK_SAMPLES (1600 + SER_LARGER(SER_ENGINE_SAMPLES, SER_FRONTEND_SAMPLES))
#define SER_RING_SAMPLES (SER_KEPT_SAMPLES + SER_RING_SLACK_SAMPLES)
#define SER_SMOOTHED_DECISIONS (SER_STREAMING ? 1 : 8)  // a network that goes on knows what was before

// All of it is the app's own but `running` and `overruns`, which a board may read, and `reject_below`, which it may set.
typedef struct {
  uint32_t running;
  uint32_t overruns;   // since start
  float reject_below;  // decisions of less probability are uncertain; at first SER_REJECT_BELOW
  int16_t samples[SER_RING_SAMPLES];
  ser_ring ring;
  uint64_t position;  // samples since start, up to the end of the last block
  uint64_t begin;     // of them, the first behind the last gap
  ser_vad vad;
  int in_utterance;       // the gate is open, or a decision is to come
  int is_first;           // it is the utterance's first
  uint64_t window_start;  // where the first window starts; from its decision on, where the window starts that was decided last
  uint64_t speech_end;    // so far
  ser_features features;
  int deciding;      // frames that the engine has yet to take for a decision
  int is_last;       // smoothing forgets behind that decision
  uint64_t decided;  // where its window starts
  float level_db;    // of this
  int8_t values[SER_N_FRAMES * SER_N_FEATURES];  // and its features
  ser_smoothing smoothing;
  uint32_t stepped;              // frames of the utterance that the engine has taken, where SER_STREAMING is 1
  int8_t output[SER_N_LABELS];   // the engine's for the last window
  int8_t outputs[SER_SMOOTHED_DECISIONS * SER_N_LABELS];
  float probabilities[SER_N_LABELS];
} ser_app;

// Makes a stopped app. Returns 0, or what `ser_engine_init` returns when it fails.
int ser_app_init(ser_app *app);

// Begins with no audio and nothing remembered, also where the app was running.
void ser_app_start(ser_app *app);

// Ignores samples from now on.
void ser_app_stop(ser_app *app);

// Takes `n` samples, from an interrupt or between two polls; ignored while the app is stopped. Pieces of more than
// SER_RING_SLACK_SAMPLES between two polls may cost decisions.
void ser_app_write(ser_app *app, const int16_t *samples, uint32_t n);

// Takes out the next `n` samples, at most SER_RING_SLACK_SAMPLES, which then are not decided about. Returns 0 where they have not
// come yet, or were overwritten: that is counted in `overruns`.
int ser_app_take(ser_app *app, int16_t *samples, uint32_t n);

// Works through the samples that have come. Returns 1 at the next decision, which it describes in `decision` (valid until the next
// call), or 0 when the samples are used up. Call it again and again; a decision takes the time of the engine.
// An engine that fails (TFLM's may) stops the app.
int ser_app_poll(ser_app *app, ser_decision *decision);

#ifdef __cplusplus
}
#endif

#endif  // SER_APP_H_
